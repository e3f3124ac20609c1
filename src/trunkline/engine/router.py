"""Model name → ordered targets. A pure function of what is configured and what the providers list."""

import difflib
from collections.abc import Callable, Mapping, Sequence, Set

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from trunkline.capabilities import Capabilities
from trunkline.errors import ModelNotFound, Unavailable
from trunkline.money import Tariff
from trunkline.ports import Catalog, Listing
from trunkline.providers.account import Account

# Hyphens that keyboards, PDFs and chat windows put in the place of "-".
_HYPHENS = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212\ufe58\ufe63\uff0d", "-"))

# Enough for every name in use; a caller who invents names must not fill the memory.
_MEMO_SIZE = 4096

NOTHING: Mapping[str, frozenset[str]] = {}


class Target(Struct, frozen=True):
    """One model at one account, what it can hold, and why it was chosen.

    `name` is `account/model`, and `model_raw` the model's name as a JSON value: made once for all requests. A model
    without a name is the one that a prompt at the account owns. `tariff` is `None` where it has no price.
    """

    account: Account
    model: str
    reason: str
    capabilities: Capabilities
    name: str
    model_raw: Raw
    tariff: Tariff | None = None


class Plan(Struct, frozen=True):
    """What a name stands for: targets in the order in which they are tried, and who else would have it.

    `alias` is the alias that led there, as it is configured, if one did.
    """

    asked: str
    targets: Sequence[Target]
    others: Sequence[str] = ()
    alias: str = ""


class Memo(dict[str, Plan]):
    """The plan for each name that was asked for, found once."""

    def __init__(self, find: Callable[[str], Plan]) -> None:
        self._find = find

    def __missing__(self, asked: str) -> Plan:
        plan = self._find(asked)
        if len(self) < _MEMO_SIZE:
            self[asked] = plan
        return plan


class Router:
    """Resolves names against one listing; made anew when the listing changes."""

    def __init__(
        self,
        accounts: Sequence[Account],
        aliases: Mapping[str, str],
        listing: Listing,
        catalog: Catalog,
        uncached: Set[str] = frozenset(),
        emulating: Mapping[str, frozenset[str]] = NOTHING,
    ) -> None:
        self.listing = listing
        self._accounts = accounts
        self._by_name = {account.name: account for account in accounts}
        self._aliases = {name: target for name, target in aliases.items() if not name.endswith("*")}
        self._patterns = sorted(
            ((name[:-1], target) for name, target in aliases.items() if name.endswith("*")),
            key=lambda pattern: -len(pattern[0]),
        )
        self._catalog = catalog
        self._uncached = uncached
        self._emulating = emulating
        self._memo = Memo(self._find)

    @property
    def pending(self) -> bool:
        """Whether a first list may still come."""
        return any(listed.pending for listed in self.listing.values())

    def resolve(self, asked: str) -> Plan:
        """The plan for a name. Raises `ModelNotFound`, or `Unavailable` while a list may still come."""
        return self._memo[asked]

    def known(self, asked: str) -> Plan | None:
        """The plan of a name that no list still to come can change; `None` for one that may have to wait."""
        plan = self._memo.get(asked)
        if plan is not None:
            return plan
        name = asked.translate(_HYPHENS)
        prefix, slash, _ = name.partition("/")
        certain = name in self._aliases or (slash and prefix in self._by_name) or not self.pending
        return self.resolve(asked) if certain else None

    def account(self, name: str) -> Account | None:
        """The account of this name, if it is configured."""
        return self._by_name.get(name)

    @property
    def keeps_prompts(self) -> bool:
        """Whether there is an account that keeps prompts."""
        return any(account.keeps_prompts for account in self._accounts)

    def names(self) -> list[tuple[str, Account | None]]:
        """What `/v1/models` lists: exact aliases, then every listed model under the name that reaches it.

        A bare id where it resolves to that account, else `account/id`; in order of configuration.
        """
        listed: dict[str, Account | None] = dict.fromkeys(self._aliases)
        for account in self._accounts:
            for model in sorted(self.listing[account.name].names):
                name = f"{account.name}/{model}" if model in listed else model
                listed.setdefault(name, account)
        return list(listed.items())

    def is_alias(self, name: str) -> bool:
        """Whether this is an alias as it is configured, a `*` at its end included."""
        return name in self._aliases or (name[-1:] == "*" and any(p == name[:-1] for p, _ in self._patterns))

    def target_of(self, listed: str, account: Account) -> str:
        """The name of the target of a model that `names` lists for an account."""
        prefix, _, model = listed.partition("/")
        is_whole = prefix == account.name and model in self.listing[account.name].names
        return listed if is_whole else f"{account.name}/{listed}"

    def not_found(self, asked: str, names: Sequence[str]) -> ModelNotFound | Unavailable:
        """What to say of a name that leads nowhere to somebody who may know of these names."""
        if self.pending:
            return Unavailable(
                f"`{asked}` is not known yet: a provider's list of models is still being fetched",
                code="models_pending",
                retry_after_seconds=1,
            )
        near = difflib.get_close_matches(asked, names, n=3, cutoff=0.5)
        hint = f"; near are {', '.join(f'`{name}`' for name in near)}" if near else "; GET /v1/models lists what is"
        if asked.lower().startswith("gpt-"):
            example = names[0] if names else "provider/model"
            hint += f". To serve agents that ask for it unasked, alias it: TRUNKLINE_ALIASES='gpt-*={example}'"
        return ModelNotFound(f"The model `{asked}` does not exist here{hint}", param="model")

    # --- the order of settled names ---------------------------------------------------------------------------

    def _find(self, asked: str) -> Plan:
        if not asked:
            return self._unnamed()
        name = asked.translate(_HYPHENS).strip()
        for find in (self._alias, self._named, self._listed, self._pattern, self._owned):
            if (plan := find(name)) is not None:
                return Plan(asked, plan.targets, plan.others, plan.alias)
        raise self.not_found(asked, [name for name, _ in self.names()])

    def _alias(self, name: str) -> Plan | None:
        target = _match(name, self._aliases)
        return None if target is None else self._aliased(name, self._aliases[target], target)

    def _aliased(self, name: str, target: str, alias: str) -> Plan:
        for find in (self._named, self._listed, self._owned):
            if (plan := find(target)) is not None:
                first = replace(plan.targets[0], capabilities=self._wished(plan.targets[0].capabilities, alias))
                return Plan(name, [replace(first, reason=f"the alias `{alias}` → {first.name}")], plan.others, alias)
        raise self.not_found(target, [name for name, _ in self.names()])

    def _wished(self, capabilities: Capabilities, alias: str) -> Capabilities:
        """What the operator wants of a target under this alias."""
        if alias in self._uncached:
            capabilities = replace(capabilities, cache_marks=False)
        wished = self._emulating.get(alias, frozenset())
        return replace(capabilities, emulated=capabilities.emulated | wished) if wished else capabilities

    def _named(self, name: str) -> Plan | None:
        prefix, slash, rest = name.partition("/")
        account = self._by_name.get(prefix) or self._by_name.get(prefix.lower())
        if not slash or not rest or account is None:
            return None
        listed = self.listing[account.name]
        known = _match(rest, listed.names)
        if known is None and listed.complete and (plan := self._listed(name)) is not None:
            return plan
        why = f"`{account.name}` is named" + ("" if known else ", which does not list it")
        return Plan(name, [self._target(account, known or rest, why)])

    def _listed(self, name: str) -> Plan | None:
        """The first account that lists the id, in order of configuration; the others are named beside it."""
        found = [
            self._target(account, model, f"`{account.name}` lists it")
            for account in self._accounts
            if (model := _match(name, self.listing[account.name].names)) is not None
        ]
        exact = [target for target in found if target.model == name]
        if not exact and len({target.model for target in found}) > 1:
            return None
        found = exact or found
        return Plan(name, found[:1], [target.name for target in found[1:]]) if found else None

    def _pattern(self, name: str) -> Plan | None:
        for prefix, target in self._patterns:
            if name.lower().startswith(prefix.lower()):
                return self._aliased(name, target, f"{prefix}*")
        return None

    def _owned(self, name: str) -> Plan | None:
        """A provider of unknown list, for a model that the catalogue knows to be its own."""
        owner = self._catalog.owner(name)
        for account in self._accounts:
            listed = self.listing[account.name]
            if account.provider.name == owner and not listed.complete:
                why = f"`{account.name}` cannot be asked for its list, and the model is {owner}'s"
                return Plan(name, [self._target(account, name, why)])
        return None

    def _unnamed(self) -> Plan:
        """The plan of a request that leaves its model to a prompt which the provider keeps."""
        for account in self._accounts:
            if account.keeps_prompts:
                target = self._target(account, "", f"`{account.name}` keeps prompts, which own their models")
                return Plan("", [replace(target, name=account.name)])
        raise ModelNotFound("the request names no model, and no provider here keeps prompts that do", param="model")

    def _target(self, account: Account, model: str, reason: str) -> Target:
        capabilities = self._catalog.capabilities(account.provider.name, model, account.capabilities)
        raw = Raw(msgspec.json.encode(model))
        tariff = self._catalog.tariff(account.name, account.provider.name, model)
        return Target(account, model, reason, capabilities, f"{account.name}/{model}", raw, tariff)


def _match(name: str, names: Mapping[str, object] | frozenset[str]) -> str | None:
    """The name as it is listed: exactly, or without regard to case if that leaves one candidate."""
    if name in names:
        return name
    folded = name.casefold()
    candidates = [candidate for candidate in names if candidate.casefold() == folded]
    return candidates[0] if len(candidates) == 1 else None
