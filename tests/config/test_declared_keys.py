"""Keys that the file declares."""

import pytest

from trunkline.config.config import Config
from trunkline.config.load import load_config
from trunkline.config.sources import Environment
from trunkline.config.yaml_file import parse_yaml
from trunkline.errors import ConfigError
from trunkline.state.keys import KeptKey, KeyHash, write_hash

HASH = KeyHash("Abc-_123", bytes(range(32)))
TEXT = write_hash(HASH)


def load(yaml: str, **variables: str) -> Config:
    return load_config(Environment({"HOME": "/home/ana", **variables}), parse_yaml(yaml, "trunkline.yaml"))


def entry(more: str = "", name: str = "ana", hash: str = TEXT, path: str = "/team") -> str:
    return f'{{name: {name}, hash: "{hash}", path: {path}{more}}}'


def test_a_key_is_all_that_stands_there() -> None:
    """With the place where it stands, and nothing of its hash in what `check` shows."""
    more = ", models: ['openai/*', fast], labels: {app: web}, scopes: [usage, 'keys:read'], expires: 2027-01-31"
    config = load(f"keys:\n  - {entry(more)}\n")
    assert config.keys == (
        KeptKey(
            id="ana",
            name="ana",
            path="/team",
            hashes=(HASH,),
            labels={"app": "web"},
            models=("openai/*", "fast"),
            scopes=("usage", "keys:read"),
            expires_at_micros=1_801_353_600_000_000,
            declared_in="trunkline.yaml, line 2",
        ),
    )
    assert [(shown.name, shown.value) for shown in config.shown] == [("keys.ana", "/team")]


def test_what_is_left_out_bounds_nothing() -> None:
    """Every model, no scope, no end."""
    (key,) = load(f"keys: [{entry()}]").keys
    assert (key.models, key.scopes, key.expires_at_micros, dict(key.labels)) == (None, (), None, {})


def test_a_hash_may_stand_elsewhere() -> None:
    """As secrets do."""
    (key,) = load(f"keys: [{entry(hash='env:ANAS_HASH')}]", ANAS_HASH=TEXT).keys
    assert key.hashes == (HASH,)


@pytest.mark.parametrize("yaml", ["strict: false", "keys:", "keys: []"])
def test_none_need_be_declared(yaml: str) -> None:
    """Then the operator's key and those that are issued are all there is."""
    assert load(yaml).keys == ()


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("keys: ana", "`keys` should be a list of keys"),
        ("keys: [ana]", "`keys[0]` should be a mapping"),
        (f"keys: [{entry(', model: x')}]", "`keys[0].model` is not a setting; did you mean `models`?"),
        ("keys: [{name: ana, path: /}]", "`keys[0]` needs a `hash`"),
        (f"keys: [{{name: ana, hash: '{TEXT}'}}]", "`keys[0]` needs a `path`; the root is /"),
        (f"keys: [{entry(name='master')}]", "neither master nor local"),
        (f"keys: [{entry(name='an/a')}]", "should be 1 to 64 letters"),
        (f"keys: [{entry(hash='sk-tl-secret')}]", "should be a hash as `trunkline keys hash` makes them"),
        (f"keys: [{entry(path='team')}]", "must be a path like /team/alpha"),
        (f"keys: [{entry(', models: []')}]", "without it every model may be used"),
        (f"keys: [{entry(', labels: {app: }')}]", "must hold labels like team=alpha"),
        (f"keys: [{entry(', scopes: [usge]')}]", "holds `usge`, which is no scope; did you mean `usage`?"),
        (f"keys: [{entry(', expires: soon')}]", "should be a day or a time like 2027-01-31"),
        (f"keys: [{entry()}, {entry()}]", "there is a key called `ana` already"),
    ],
)
def test_what_cannot_be(yaml: str, says: str) -> None:
    """Each is refused by the line that it stands on, and a secret that stands there by mistake is not repeated."""
    with pytest.raises(ConfigError) as caught:
        load(yaml)
    assert says in str(caught.value)
    assert str(caught.value).startswith("trunkline.yaml, line 1: ")
    assert "sk-tl-secret" not in str(caught.value)
