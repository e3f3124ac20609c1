"""What a key may use of all models: names that lead elsewhere are for its holder as if they did not exist. Pure."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Protocol

import msgspec
from msgspec import Raw

from trunkline.engine.router import Memo, Plan, Router
from trunkline.errors import ModelNotFound, Unavailable, Unsupported
from trunkline.principal import Principal
from trunkline.providers.account import Account

# Keys that come and go must not fill the memory.
_MOST_VIEWS = 4096

OTHER_MODELS = frozenset({"models", "fallbacks", "preset"})
"""Members of a body by which gateways and routers of others are told models beside the one that is asked for."""

# Members that hold tools, each of which may be told a model of its own; what is said to one provider may hold them, too.
_HOLDERS = ("tools", "plugins")
_OPTIONS = "provider_options"
_NAMING = frozenset({*_HOLDERS, _OPTIONS})

# A cheap look: no name of a model without it, unless some of its letters are escaped.
_MARK = b'"model"'

# What makes of a text a pattern.
_WILD = frozenset("*?[")


class Names(Protocol):
    """Resolves names: a `Router` every one, a `View` those of one key."""

    def resolve(self, asked: str) -> Plan: ...

    def known(self, asked: str) -> Plan | None: ...

    def names(self) -> list[tuple[str, Account | None]]: ...


class Access:
    """One router, as the holders of keys see it. Made anew with the router."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self._views: dict[tuple[str, ...], View] = {}

    def view(self, models: tuple[str, ...] | None) -> Names:
        """What a key with these `models` may use; `None` is everything."""
        if models is None:
            return self._router
        view = self._views.get(models)
        if view is None:
            if len(self._views) >= _MOST_VIEWS:
                self._views.clear()
            view = self._views[models] = View(self._router, models)
        return view


class View:
    """A router without what a key may not use. `models` are globs of targets, and names of aliases."""

    def __init__(self, router: Router, models: tuple[str, ...]) -> None:
        self._router = router
        self._models = models
        self._memo = Memo(self._find)
        self._names: list[tuple[str, Account | None]] | None = None

    def resolve(self, asked: str) -> Plan:
        """The plan for a name. Raises the same for what may not be used as for what is not there."""
        return self._memo[asked]

    def known(self, asked: str) -> Plan | None:
        """As `Router.known`. What may not be used has to wait for lists to come, as an unknown name has."""
        plan = self._memo.get(asked)
        if plan is not None:
            return plan
        return self._find_certain(asked) if self._router.pending else self.resolve(asked)

    def names(self) -> list[tuple[str, Account | None]]:
        """As `Router.names`."""
        if self._names is None:
            self._names = [(name, account) for name, account in self._router.names() if self._is_listed(name, account)]
        return self._names

    def _find(self, asked: str) -> Plan:
        plan = self._narrow(asked)
        if plan is None:
            raise self._router.not_found(asked, [name for name, _ in self.names()])
        return plan

    def _find_certain(self, asked: str) -> Plan | None:
        try:
            is_certain = self._router.known(asked) is not None
        except (ModelNotFound, Unavailable):
            return None
        return self._narrow(asked) if is_certain else None

    def _narrow(self, asked: str) -> Plan | None:
        """The plan with those targets alone that may be used; `None` if there is none."""
        try:
            plan = self._router.resolve(asked)
        except (ModelNotFound, Unavailable):
            return None  # said anew: of an alias it names the target, and near it names of others
        if plan.alias and (plan.alias in self._models or asked in self._models):
            return plan
        targets = [target for target in plan.targets if allows(self._models, target.name)]
        others = [name for name in plan.others if allows(self._models, name)]
        return Plan(asked, targets, others, plan.alias) if targets else None

    def _is_listed(self, name: str, account: Account | None) -> bool:
        if account is not None:
            return allows(self._models, self._router.target_of(name, account))
        return name in self._models or self._narrow(name) is not None


def check_members(principal: Principal, members: Collection[str]) -> None:
    """Raises `Unsupported` where a body names models that nobody has looked at, for a key that may use some alone."""
    if principal.models is None or OTHER_MODELS.isdisjoint(members):
        return
    name = min(OTHER_MODELS.intersection(members))
    raise Unsupported(f"`{name}` names other models than `model`, of which your key may use some alone", param=name)


def check_tools(principal: Principal, members: Mapping[str, Raw], account: Account) -> None:
    """Raises `ModelNotFound` where a tool that the provider runs is told a model that the key may not use there."""
    if principal.models is None or _NAMING.isdisjoint(members):
        return
    for place, model in _find_named(members, account):
        if not allows(principal.models, f"{account.name}/{model}"):
            raise ModelNotFound(f"The model `{model[:256]}` does not exist here", param=place)


def _find_named(members: Mapping[str, Raw], account: Account) -> Iterator[tuple[str, str]]:
    """The models that a body's tools name, and where."""
    for holder in _HOLDERS:
        yield from _walk_tools(_decode_marked(members.get(holder)), holder)
    options = _decode_marked(members.get(_OPTIONS))
    for name in {account.provider.name, account.name} if isinstance(options, dict) else ():
        said = options.get(name)
        for holder in _HOLDERS if isinstance(said, dict) else ():
            yield from _walk_tools(said.get(holder), f"{_OPTIONS}.{name}.{holder}")


def _decode_marked(raw: Raw | None) -> Any:
    """What is of a wrong type is whoever's to refuse who is asked."""
    data = b"" if raw is None else bytes(raw)
    may_name = data.find(_MARK) >= 0 or (data.find(b"\\") >= 0 and data.find(b"\\u") >= 0)
    return msgspec.json.decode(data) if may_name else None


def _walk_tools(tools: Any, place: str) -> Iterator[tuple[str, str]]:
    """A tool names its model itself or among its parameters; one may hold others, as a namespace does."""
    waiting = [(tools, place)]
    while waiting:
        tools, place = waiting.pop()
        for number, tool in enumerate(tools if isinstance(tools, list) else ()):
            if not isinstance(tool, dict):
                continue
            at, parameters = f"{place}[{number}]", tool.get("parameters")
            for where, holder in ((at, tool), (f"{at}.parameters", parameters if isinstance(parameters, dict) else {})):
                if isinstance(holder.get("model"), str):
                    yield f"{where}.model", holder["model"]
            waiting.append((tool.get("tools"), f"{at}.tools"))


def allows(models: Sequence[str], target: str) -> bool:
    """Whether one of the globs matches a target, which is `account/model`."""
    return any(fnmatchcase(target, glob) for glob in models)


def can_grant(own: tuple[str, ...] | None, given: Sequence[str] | None, is_alias: Callable[[str], bool]) -> bool:
    """Whether whoever may use `own` may use all of `given` as well, so that it may hand that on.

    In doubt not: of globs, those are known to be covered that go on from one that ends with its only `*`.
    """
    if own is None or "*" in own:
        return True
    return given is not None and all(
        name in own or (not is_alias(name) and any(_covers(glob, name) for glob in own)) for name in given
    )


def _covers(glob: str, name: str) -> bool:
    start = glob[:-1]
    return glob[-1:] == "*" and _WILD.isdisjoint(start) and "/" in start and name.startswith(start)
