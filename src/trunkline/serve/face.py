"""What both lanes share: the gateway, the limits, and how a target becomes a path."""

from trunkline.call import Call, Reply
from trunkline.clock import Clock, SystemClock
from trunkline.errors import Broken
from trunkline.serve.bugs import log_bug
from trunkline.serve.gateway import Gateway
from trunkline.serve.limits import Limits
from trunkline.serve.proxies import TrustedProxies
from trunkline.serve.strict import Target, read_target
from trunkline.serve.sweep import Sweep

# Callers use a handful of paths: most targets have been judged before.
_REMEMBERED_TARGETS = 1_024
_REMEMBERED_LENGTH = 128


class Face:
    """The HTTP side of one gateway. `base_path` is the prefix of every route, `/` for none."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        limits: Limits | None = None,
        base_path: str = "/",
        clock: Clock | None = None,
        proxies: TrustedProxies | None = None,
    ) -> None:
        self.gateway = gateway
        self.limits = limits or Limits()
        self.prefix = b"/".join(part for part in ("/" + base_path).encode("ascii").split(b"/") if part)
        self.prefix = b"/" + self.prefix if self.prefix else b""
        self.sweep = Sweep(clock or SystemClock(), self.limits.sweep_seconds)
        self.proxies = proxies or TrustedProxies()
        self.targets: dict[bytes, Target] = {}

    def read_target(self, raw: bytes) -> Target:
        """The target, judged by `strict.read_target` and remembered."""
        target = read_target(raw, self.prefix, self.limits)
        if not target.query and len(raw) <= _REMEMBERED_LENGTH:
            if len(self.targets) >= _REMEMBERED_TARGETS:
                self.targets.clear()
            self.targets[raw] = target
        return target

    def guess_path(self, raw: bytes) -> str:
        """The path of a target that was not accepted, good enough to choose a dialect by."""
        path = raw.partition(b"?")[0][: self.limits.target_bytes]
        return path.removeprefix(self.prefix).decode("latin-1") or "/"

    def draw_bug(self, error: Exception, call: Call) -> Reply:
        """The reply to a request that met a bug of ours."""
        log_bug(error)
        return self.gateway.draw(Broken("internal error", detail=type(error).__name__), call)
