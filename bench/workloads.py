"""The table of what is measured: who calls in which dialect, onto which upstream, streamed how, and what it may cost."""

from dataclasses import dataclass

from bench import wire

STREAMS_PACED = 100
CONNECTIONS = 64
EVENTS = wire.EVENTS


@dataclass(frozen=True, slots=True)
class Workload:
    """One row of the result."""

    name: str
    dialect: str
    """The caller's."""
    provider: str
    route: str
    """What `x-trunkline-route` must begin with."""
    stream: str = ""
    """Empty for JSON; else `burst` (100 events in one write) or `paced` (50 events a second)."""
    kind: str = ""
    """The mark in the model's name; see `wire.KINDS`."""
    ratio_target: float | None = None
    """At most so many times the reference's processor time."""
    event_target: float | None = None
    """At most so many µs an event."""
    beside: str = ""
    """The tee row of the same caller, for what a translation adds."""
    beside_target: float | None = None
    """At most so many µs more than that row."""

    @property
    def model(self) -> str:
        return wire.MODELS[self.provider] + self.kind

    @property
    def path(self) -> str:
        return wire.PATHS[self.dialect]

    @property
    def unit(self) -> str:
        """What the µs are counted by."""
        return {"": "request", "burst": "stream", "paced": "event"}[self.stream]

    @property
    def connections(self) -> int:
        return STREAMS_PACED if self.stream == "paced" else CONNECTIONS

    @property
    def referenced(self) -> bool:
        """Whether the reference can do the same work: it passes bytes on and translates nothing."""
        return self.route.startswith(("tee", "patch"))

    @property
    def upstream_dialect(self) -> str:
        return self.route.partition(">")[2].split()[0] if ">" in self.route else self.dialect

    def body(self) -> bytes:
        return wire.request_body(self.dialect, self.model, streamed=bool(self.stream))


def _tee(dialect: str, provider: str) -> list[Workload]:
    route = f"tee {provider}/"
    return [
        Workload(dialect, dialect, provider, route, ratio_target=3.0),
        Workload(f"{dialect}-burst", dialect, provider, route, "burst", ratio_target=2.0),
        Workload(f"{dialect}-paced", dialect, provider, route, "paced", "-paced", ratio_target=1.7),
    ]


def _patch(dialect: str, provider: str) -> list[Workload]:
    """Same dialect, but the provider's streams may need mending."""
    name, route = f"patch-{dialect}", f"patch {provider}/"
    return [
        Workload(name, dialect, provider, route),
        Workload(f"{name}-burst", dialect, provider, route, "burst"),
    ]


def _translate(caller: str, upstream: str, provider: str) -> list[Workload]:
    name, route = f"{caller}-{upstream}", f"translate {caller}>{upstream} {provider}/"
    return [
        Workload(name, caller, provider, route, "", "-kilobyte", beside=caller, beside_target=100.0),
        Workload(f"{name}-burst", caller, provider, route, "burst", event_target=15.0),
    ]


WORKLOADS: tuple[Workload, ...] = (
    *_tee("chat", "openai"),
    *_tee("responses", "openai"),
    *_tee("messages", "anthropic"),
    *_patch("chat", "compatible"),
    *_translate("responses", "chat", "compatible"),
    *_translate("messages", "chat", "compatible"),
    *_translate("chat", "messages", "anthropic"),
    *_translate("responses", "messages", "anthropic"),
)


def choose(names: str) -> list[Workload]:
    """The workloads of a comma list; a name that is the beginning of several takes them all. Empty: all.

    Raises `SystemExit`, naming what there is, when a name fits nothing.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = {workload.name for workload in WORKLOADS}
    for name in wanted:
        if not any(fits(name, one) for one in known):
            raise SystemExit(f"bench: no workload {name!r}; there are: {', '.join(sorted(known))}")
    return [one for one in WORKLOADS if not wanted or any(fits(name, one.name) for name in wanted)]


def fits(name: str, workload: str) -> bool:
    """Exactly this workload, or with `*` at the end all that begin so."""
    return workload.startswith(name[:-1]) if name.endswith("*") else workload == name
