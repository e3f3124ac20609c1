"""What is set, taken setting by setting, wherever it was said: in the environment, or in the file."""

from collections.abc import Mapping
from typing import Any

from trunkline.config.config import Shown
from trunkline.config.document import Document, Node, Section
from trunkline.config.settings import IGNORED, SETTINGS, Setting
from trunkline.config.sources import Environment, Value, is_reference, nearest, resolve
from trunkline.errors import ConfigError

# What only the file can say, beside the settings of providers.
_LISTS = ("audit.redact", "budgets", "keys", "limits", "prices", "prompts.forward", "store.paths")


class Settings:
    """`shown` gathers what was set and where. Raises `ConfigError` at once for what is no setting."""

    def __init__(self, environment: Environment, document: Document | None) -> None:
        _refuse_unknown_variables(environment)
        self.environment = environment
        self._document = document
        self._nodes = {} if document is None else _read_places(document)
        self.shown: list[Shown] = []

    def take(self, name: str, default: Any) -> Any:
        """Take a setting's value, or its default where it is not set."""
        setting = next(setting for setting in SETTINGS if setting.environment == name)
        value = self._find(setting)
        if value is None:
            return default
        text = resolve(value, self.environment)
        try:
            read = setting.read(text)
        except ValueError as error:
            raise ConfigError(f"`{value.name}` ({value.source}) {error}") from None
        self.shown.append(Shown(value.name, "(set)" if setting.hides(text) else text, value.source))
        return read

    def section(self, place: str) -> Section | None:
        """What stands in the file at a dotted place, and the file."""
        if self._document is None or place not in self._nodes:
            return None
        return self._document, self._nodes[place]

    def show(self, place: str, section: Section, members: Mapping[str, str]) -> None:
        """Note the members of a section for `check` to show."""
        document, node = section
        source = document.place(node)
        self.shown.extend(Shown(f"{place}.{name}", text, source) for name, text in members.items())

    def _find(self, setting: Setting) -> Value | None:
        value = self.environment.get(setting.environment)
        section = self.section(setting.yaml)
        if value is not None or section is None:
            return value
        document, node = section
        text = document.text(node, setting.yaml)
        if not text:
            return None
        place = document.place(node)
        if setting.hides(text) and not is_reference(text):
            raise ConfigError(
                f"{place}: `{setting.yaml}` should not stand in the file: write `env:NAME` or `file:/path`"
            )
        return Value(text, setting.yaml, place)


def _refuse_unknown_variables(environment: Environment) -> None:
    """Raises `ConfigError` for a `TRUNKLINE_*` variable that is none, naming the nearest that is one."""
    known = {setting.environment for setting in SETTINGS}
    for name in sorted(environment.names()):
        value = environment.get(name)
        if name.startswith("TRUNKLINE_") and name not in known and name not in IGNORED:
            # Kubernetes puts such variables beside a service that is called trunkline.
            if value is None or "://" in value.text or name.startswith(("TRUNKLINE_SERVICE_", "TRUNKLINE_PORT_")):
                continue
            raise ConfigError(f"`{name}` ({value.source}) is not a setting{nearest(name, known)}")


def _read_places(document: Document) -> dict[str, Node]:
    """`{dotted place: node}` for the general settings, `providers` and what only the file says.

    Raises `ConfigError` for others.
    """
    plain = {setting.yaml for setting in SETTINGS if setting.yaml} | {*_LISTS}
    sections = {place.partition(".")[0] for place in plain if "." in place}
    top = {place for place in plain if "." not in place} | sections | {"providers"}
    places: dict[str, Node] = {}
    for name, node in document.mapping(document.root, "the file").items():
        if name not in top:
            raise ConfigError(f"{document.place(node)}: `{name}` is not a setting{nearest(name, top)}")
        if name not in sections:
            places[name] = node
            continue
        known = {place.partition(".")[2] for place in plain if place.startswith(name + ".")}
        for member, inner in document.mapping(node, name).items():
            path, place = f"{name}.{member}", document.place(inner)
            if member not in known:
                raise ConfigError(f"{place}: `{path}` is not a setting{nearest(member, known)}")
            places[path] = inner
    return places
