"""The providers that are configured → accounts. One rule for all of them; knows no provider by name."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from msgspec import Struct

from trunkline.config.config import Shown
from trunkline.config.document import Document, Node, Section
from trunkline.config.provider_settings import COMMON
from trunkline.config.sources import Environment, Value, is_reference, nearest, resolve
from trunkline.config.values import read_auto_or_off, read_bool, read_emulated, read_list
from trunkline.errors import ConfigError
from trunkline.ports import Timeouts
from trunkline.providers.account import Account, check_key, make_account, read_base_url
from trunkline.providers.directory import load_provider, provider_names
from trunkline.providers.model_rules import ModelRules, read_model_rules
from trunkline.providers.provider import DIALECTS, Provider

T = TypeVar("T")

_INSTANCE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_COMMON_NAMES = tuple(setting.name for setting in COMMON)
_SECRETS = frozenset(setting.name for setting in COMMON if setting.secret)


class Entry(Struct, frozen=True):
    """One account before it is made: what was set for it, by the setting's name."""

    name: str
    provider: Provider
    values: Mapping[str, Value]
    declared: bool = False


class Accounts(Struct, frozen=True):
    """The accounts, what was set for them, and sentences about what is set in vain."""

    accounts: tuple[Account, ...]
    entries: tuple[Entry, ...]
    notes: tuple[str, ...]


def read_accounts(environment: Environment, section: Section | None, timeouts: Timeouts) -> Accounts:
    """All accounts: those of the file in its order, then the others by their providers' rank and by alphabet."""
    declared = {} if section is None else _read_declared(*section)
    entries: list[Entry] = []
    notes: list[str] = []
    for name, (provider, values) in declared.items():
        entries.append(
            Entry(name, provider, {**values, **_from_environment(name, provider, environment)}, declared=True)
        )
    undeclared: list[Entry] = []
    for name, provider_name in _named_in(environment).items():
        if name not in declared:
            provider = load_provider(provider_name)
            undeclared.append(Entry(name, provider, _from_environment(name, provider, environment)))
    undeclared.sort(key=lambda entry: (entry.provider.rank, entry.name))
    kept = []
    for entry in (*entries, *undeclared):
        note = _why_not(entry)
        if note is None:
            kept.append(entry)
        elif note:
            notes.append(note)
    accounts = tuple(_make_account(entry, environment, timeouts) for entry in kept)
    return Accounts(accounts, tuple(kept), tuple(notes))


def show_accounts(found: Accounts, environment: Environment) -> list[Shown]:
    """The settings of all accounts as `check` shows them, without secrets."""
    return [
        Shown(
            value.name,
            "(set)" if setting in _secret_names(entry.provider) else resolve(value, environment),
            value.source,
        )
        for entry in found.entries
        for setting, value in entry.values.items()
    ]


# --- what is set ------------------------------------------------------------------------------------------------


def _named_in(environment: Environment) -> dict[str, str]:
    """`{account: provider}` for every provider that a variable names: `<P>_API_KEY`, `<P>_BASE_URL`, and instances."""
    found: dict[str, str] = {}
    by_length = sorted(provider_names(), key=len, reverse=True)
    for variable in environment.names():
        for ending in ("_API_KEY", "_BASE_URL"):
            stem = variable.removesuffix(ending)
            if stem == variable:
                continue
            for name in by_length:
                if stem == name.upper():
                    found[name] = name
                elif stem.startswith(name.upper() + "_"):
                    instance = stem.lower().replace("_", "-")
                    # An instance exists only when both are set: half of one is somebody else's variable.
                    if environment.get(stem + "_API_KEY") and environment.get(stem + "_BASE_URL"):
                        found[instance] = name
                else:
                    continue
                break
    for name in provider_names():
        if name not in found and any(environment.get(variable) for variable in _configuring(load_provider(name))):
            found[name] = name
    return found


def _configuring(provider: Provider) -> tuple[str, ...]:
    """The variables that configure a provider beside its own for key and base URL."""
    own = (f"{provider.name.upper()}_{provider.configured_by.upper()}",) if provider.configured_by else ()
    return (*own, *provider.also_of("api_key"), *provider.also_of("base_url"))


def _from_environment(name: str, provider: Provider, environment: Environment) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for setting in _setting_names(provider):
        found = (environment.get(variable) for variable in _variables(name, provider, setting))
        value = next((value for value in found if value is not None), None)
        # A folder is no list of models: one local server has a variable of that name for where it keeps them.
        if value is not None and not (setting == "models" and value.text.startswith(("/", "~", "."))):
            values[setting] = value
    return values


def _variables(name: str, provider: Provider, setting: str) -> tuple[str, ...]:
    """Where a setting is read; what the vendor's own tools read is meant for its first account alone."""
    own = f"{name.upper().replace('-', '_')}_{setting.upper()}"
    return (own, *provider.also_of(setting)) if name == provider.name else (own,)


def _setting_names(provider: Provider) -> tuple[str, ...]:
    return (*_COMMON_NAMES, *(setting.name for setting in provider.settings))


def _secret_names(provider: Provider) -> frozenset[str]:
    """The settings of a provider that are never shown."""
    return _SECRETS.union(setting.name for setting in provider.settings if setting.secret)


def _read_declared(document: Document, node: Node) -> dict[str, tuple[Provider, dict[str, Value]]]:
    declared = {}
    for name, entry in document.mapping(node, "providers").items():
        members = document.mapping(entry, f"providers.{name}")
        provider = _find_provider(document, name, entry, members)
        declared[name] = (provider, _read_members(document, name, provider, members))
    return declared


def _find_provider(document: Document, name: str, entry: Node, members: Mapping[str, Node]) -> Provider:
    kind = members.get("type")
    wanted = document.text(kind, f"providers.{name}.type") if kind is not None else name
    place = document.place(kind or entry)
    if not _INSTANCE.fullmatch(name):
        raise ConfigError(f"{place}: `providers.{name}` should be lower-case letters, digits and hyphens")
    if wanted in provider_names():
        return load_provider(wanted)
    hint = nearest(str(wanted), provider_names())
    type_hint = "" if kind is not None or hint else "; an instance of one needs a `type`"
    raise ConfigError(f"{place}: there is no provider `{wanted}`{hint}{type_hint}")


def _read_members(document: Document, name: str, provider: Provider, members: Mapping[str, Node]) -> dict[str, Value]:
    known = _setting_names(provider)
    values: dict[str, Value] = {}
    for member, node in members.items():
        path, place = f"providers.{name}.{member}", document.place(node)
        if member == "type":
            continue
        if member not in known:
            raise ConfigError(f"{place}: `{path}` is not a setting{nearest(member, known)}")
        text = document.text(node, path)
        if text:
            if member in _secret_names(provider) and not is_reference(text):
                raise ConfigError(f"{place}: `{path}` should not stand in the file: write `env:NAME` or `file:/path`")
            values[member] = Value(text, path, place)
    return values


# --- what comes of it -------------------------------------------------------------------------------------------


def _why_not(entry: Entry) -> str | None:
    """Why an entry makes no account: a sentence, an empty one if it goes without saying, or `None` if it does."""
    provider, values = entry.provider, entry.values
    stem = entry.name.upper().replace("-", "_")
    if provider.embedded:
        return f"`{entry.name}` is switched on by --local, not by a setting"
    if provider.openers and not any(all(setting in values for setting in way) for way in provider.openers):
        return _say_lack(entry, stem)
    if "base_url" in values or provider.address is not None:
        return None
    if entry.declared and provider.base_url is None:
        raise ConfigError(f"`providers.{entry.name}` has no address: set {stem}_BASE_URL, or `base_url` there")
    if not entry.declared and (provider.base_url is None or not provider.openers):
        return f"{_first_name(entry)} is set, but {stem}_BASE_URL is not, so {provider.title} is not served"
    return None


def _say_lack(entry: Entry, stem: str) -> str:
    """What an entry lacks to be opened; of one that stands in the file it is an error."""
    provider = entry.provider
    if entry.declared and provider.openers == (("api_key",),):
        raise ConfigError(f"`providers.{entry.name}` has no key: set {stem}_API_KEY, or `api_key: env:NAME` there")
    ways = [[setting for setting in way if setting not in entry.values] for way in provider.openers]
    if entry.declared:
        wanted = " or ".join(" and ".join(f"`{setting}`" for setting in way) for way in ways)
        raise ConfigError(f"`providers.{entry.name}` is not whole: it lacks {wanted}")
    first, *others = (
        " with ".join(" or ".join(_variables(entry.name, provider, setting)) for setting in way) for way in ways
    )
    wanted = "".join((f"{first} is not", *(f", nor {other}" for other in others)))
    return f"{_first_name(entry)} is set, but {wanted}, so {provider.title} is not served"


def _first_name(entry: Entry) -> str:
    return next(value.name for value in entry.values.values())


def _make_account(entry: Entry, environment: Environment, timeouts: Timeouts) -> Account:
    texts = {name: resolve(value, environment) for name, value in entry.values.items()}

    def say(name: str, problem: str) -> ConfigError:
        value = entry.values[name]
        return ConfigError(f"`{value.name}` ({value.source}) {problem}")

    for name in ("base_url", "api_key"):
        try:
            if name in texts:
                read_base_url(texts[name]) if name == "base_url" else check_key(texts[name])
        except ConfigError as error:
            raise say(name, str(error)) from None
    for setting in entry.provider.settings:
        text = texts.get(setting.name, "")
        if not text.isascii() or not (text.isprintable() or not text):
            raise say(setting.name, "should be plain ASCII text")
    speaks = _read_dialects(entry, texts, "speaks")
    if speaks == ():
        raise say("speaks", f"should be a list of {', '.join(DIALECTS)}")
    faithful = _read_dialects(entry, texts, "faithful")
    return make_account(
        entry.provider,
        name=entry.name,
        base_url=texts.get("base_url"),
        api_key=texts.get("api_key", ""),
        speaks=speaks,
        faithful=None if faithful is None else frozenset(faithful),
        models=read_model_rules(texts["models"]) if "models" in texts else ModelRules(),
        timeouts=timeouts,
        tls_verify=_read_common(entry, texts, "tls_verify", read_bool, True),
        settings={s.name: texts[s.name] for s in entry.provider.settings if s.name in texts},
        cache_points=_read_common(entry, texts, "cache_points", read_auto_or_off, True),
        emulated=_read_common(entry, texts, "emulate", read_emulated, frozenset()),
    )


def _read_dialects(entry: Entry, texts: Mapping[str, str], name: str) -> tuple[str, ...] | None:
    if name not in texts:
        return None
    dialects = () if texts[name] == "none" else read_list(texts[name])
    for dialect in dialects:
        if dialect not in DIALECTS:
            value = entry.values[name]
            near = nearest(dialect, DIALECTS)
            raise ConfigError(f"`{value.name}` ({value.source}): `{dialect}` is none of {', '.join(DIALECTS)}{near}")
    return dialects


def _read_common(entry: Entry, texts: Mapping[str, str], name: str, read: Callable[[str], T], default: T) -> T:
    """A setting that all providers have."""
    if name not in texts:
        return default
    value = entry.values[name]
    try:
        return read(texts[name])
    except ValueError as error:
        raise ConfigError(f"`{value.name}` ({value.source}) {error}") from None


# --- a gateway that calls itself --------------------------------------------------------------------------------
