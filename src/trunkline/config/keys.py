"""Keys that the file declares: as hashes, so that it holds no secret."""

from collections.abc import Mapping

from trunkline.config.document import Document, Node
from trunkline.config.sources import Environment, Value, nearest, resolve
from trunkline.config.values import read_list, read_time
from trunkline.errors import ConfigError, InvalidRequest
from trunkline.labels import check_label
from trunkline.paths import read_path
from trunkline.state.keys import KNOWN_SCOPES, KeptKey, KeyHash, is_model, is_name, read_hash

_MEMBERS = ("name", "hash", "path", "models", "labels", "scopes", "expires")
_NEEDED = ("name", "hash", "path")


def read_keys(document: Document, node: Node, environment: Environment) -> tuple[KeptKey, ...]:
    """A list like `[{name: ana, hash: "tl1.…", path: /team/alpha/ana, models: ["openai/*"]}]`."""
    if node.content is not None and not isinstance(node.content, list):
        raise ConfigError(f"{document.place(node)}: `keys` should be a list of keys")
    keys: dict[str, KeptKey] = {}
    for number, entry in enumerate(node.content or ()):
        key = _Entry(document, entry, f"keys[{number}]").read(environment)
        if key.name in keys:
            raise ConfigError(f"{key.declared_in}: there is a key called `{key.name}` already: names are given once")
        keys[key.name] = key
    return tuple(keys.values())


class _Entry:
    """One entry of the list, before its values are checked."""

    def __init__(self, document: Document, node: Node, path: str) -> None:
        self._document = document
        self._place = document.place(node)
        self._path = path
        self._members = document.mapping(node, path)

    def read(self, environment: Environment) -> KeptKey:
        for member, inner in self._members.items():
            if member not in _MEMBERS:
                place, near = self._document.place(inner), nearest(member, _MEMBERS)
                raise ConfigError(f"{place}: `{self._path}.{member}` is not a setting{near}")
        for member in _NEEDED:
            if not self._text(member):
                hint = "; the root is /" if member == "path" else ""
                raise ConfigError(f"{self._place}: `{self._path}` needs a `{member}`{hint}")
        name = self._read_name()
        return KeptKey(
            id=name,
            name=name,
            path=self._read_path(),
            hashes=(self._read_hash(environment),),
            labels=self._read_labels(),
            models=self._read_models(),
            scopes=self._read_scopes(),
            expires_at_micros=self._read_expiry(),
            declared_in=self._place,
        )

    # --- its members ---------------------------------------------------------------------------------------------

    def _text(self, member: str) -> str:
        if member not in self._members:
            return ""
        return self._document.text(self._members[member], f"{self._path}.{member}") or ""

    def _wrong(self, member: str, why: str) -> ConfigError:
        return ConfigError(f"{self._document.place(self._members[member])}: `{self._path}.{member}` {why}")

    def _read_name(self) -> str:
        name = self._text("name")
        if not is_name(name):
            raise self._wrong("name", "should be 1 to 64 letters, digits and `._@+=:-`, and neither master nor local")
        return name

    def _read_path(self) -> str:
        try:
            return read_path(self._text("path"), f"{self._path}.path")
        except InvalidRequest as error:
            raise ConfigError(f"{self._document.place(self._members['path'])}: {error.message}") from None

    def _read_hash(self, environment: Environment) -> KeyHash:
        node = self._members["hash"]
        value = Value(self._text("hash"), f"{self._path}.hash", self._document.place(node))
        try:
            return read_hash(resolve(value, environment))
        except ValueError as error:
            raise self._wrong("hash", str(error)) from None

    def _read_models(self) -> tuple[str, ...] | None:
        if "models" not in self._members:
            return None
        models = read_list(self._text("models"))
        if not models or not all(map(is_model, models)):
            raise self._wrong("models", "should be a list like [openai/*, fast]; without it every model may be used")
        return models

    def _read_labels(self) -> Mapping[str, str]:
        if "labels" not in self._members:
            return {}
        path = f"{self._path}.labels"
        labels = self._document.mapping(self._members["labels"], path)
        try:
            return dict(check_label(name, self._document.text(node, path) or "", path) for name, node in labels.items())
        except InvalidRequest as error:
            raise ConfigError(f"{self._document.place(self._members['labels'])}: {error.message}") from None

    def _read_scopes(self) -> tuple[str, ...]:
        scopes = read_list(self._text("scopes"))
        for scope in scopes:
            if scope not in KNOWN_SCOPES:
                raise self._wrong("scopes", f"holds `{scope}`, which is no scope{nearest(scope, KNOWN_SCOPES)}")
        return scopes

    def _read_expiry(self) -> int | None:
        if not self._text("expires"):
            return None
        try:
            return read_time(self._text("expires"))
        except ValueError as error:
            raise self._wrong("expires", str(error)) from None
