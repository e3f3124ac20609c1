"""What requests are known by and what of them is kept, as it is configured."""

import pytest

from trunkline.config.config import AuditConfig, Config
from trunkline.config.load import load_config
from trunkline.config.sources import Environment
from trunkline.config.yaml_file import parse_yaml
from trunkline.errors import ConfigError

_HOME = {"HOME": "/home/ana", "OPENAI_API_KEY": "sk-openai-0123456789"}


def _load(yaml: str = "", **variables: str) -> Config:
    document = parse_yaml(yaml, "trunkline.yaml") if yaml else None
    return load_config(Environment({**_HOME, **variables}), document)


def test_bodies_are_not_kept_unasked() -> None:
    """Nothing that anybody says is kept for the audit unless an operator wants it."""
    assert _load().audit == AuditConfig()
    assert not _load().audit.bodies


def test_the_audit_is_configured_in_the_file() -> None:
    """Whether, how long, how much, and what is taken out."""
    audit = _load(
        "audit: {bodies: true, retention_days: 7, body_limit: 1KB, headers: [X-Team], redact: ['\\d{4}-x']}"
    ).audit
    assert (audit.bodies, audit.retention_days, audit.body_limit_bytes, audit.headers) == (True, 7, 1000, (b"x-team",))
    assert [pattern.pattern for pattern in audit.redact] == ["\\d{4}-x"]


def test_labels_are_taken_from_headers() -> None:
    """The environment says more than the file, and wins."""
    config = _load("labels: {headers: {X-Team: team, x-app: app}}", TRUNKLINE_LABEL_HEADERS="x-app=program")
    assert config.label_headers == {b"x-team": "team", b"x-app": "program"}


def test_sessions_are_configured() -> None:
    """Which headers name them, and whether they are guessed."""
    config = _load("sessions: {headers: [x-thread], guess: false}")
    assert (config.session_headers, config.guesses_sessions) == ((b"x-thread",), False)


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("labels: {headers: {authorization: who}}", "must not name `authorization`, which carries a credential"),
        ("labels: {headers: {x-team: 'a=b'}}", "should give `x-team` the name of a label"),
        ("labels: {headers: x-team}", "should be a mapping"),
        ("sessions: {headers: [Cookie]}", "must not name `cookie`"),
        ("audit: {headers: [x-api-key]}", "must not name `x-api-key`"),
        ("audit: {headers: ['a b']}", "should name headers like x-team"),
        ("audit: {redact: ['(']}", "holds no regular expression"),
        ("audit: {redact: ['a*']}", "finds nothing at all everywhere"),
        ("audit: {redact: x}", "should be a list of regular expressions"),
        ("audit: {body: true}", "`audit.body` is not a setting; did you mean `bodies`"),
    ],
)
def test_what_cannot_be_is_refused(yaml: str, said: str) -> None:
    """With its place, and what would be right."""
    with pytest.raises(ConfigError) as caught:
        _load(yaml)
    assert said in str(caught.value)


def test_a_list_of_labels_says_what_is_wrong() -> None:
    """In the environment as well."""
    with pytest.raises(ConfigError, match="x-team=team"):
        _load(TRUNKLINE_LABEL_HEADERS="x-team")
