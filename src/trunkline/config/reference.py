"""The reference pages, made from the code: `python -m trunkline.config.reference docs`.

Every setting and every provider, so that what is documented is what there is. A test keeps the pages fresh.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from trunkline.config.compatibility import write_compatibility
from trunkline.config.provider_settings import COMMON
from trunkline.config.settings import SETTINGS
from trunkline.providers.directory import load_provider, provider_names
from trunkline.providers.provider import Provider

_MADE = "<!-- Made by `python -m trunkline.config.reference docs`. Change the code, not this page. -->"

_INTRODUCTION = """\
Every setting is an environment variable; most are also a line of one YAML file. The environment wins over the file,
the command line over both, and a `.env` file (`--env-file`; `make run` reads `./.env`) counts below the environment.
`trunkline check` prints what is set, and where it came from.

- A value may be a reference: `env:NAME` stands for another variable, `file:/path` for a file's content. In the file,
  secrets must be references. Nothing else is expanded: a `${NAME}` in a value stops the start.
- Sizes are written like `32MB`, `64KiB` or a number of bytes; times are seconds.
- What is not known is refused, with the nearest name that is, and the line.
- `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (or in lower case) are used as curl uses them, but this
  machine itself is never behind a proxy.\
"""

_INSTANCES = """\
`<P>` is a provider's name in capitals (`OPENAI_API_KEY`), `<p>` in the file (`providers.openai.api_key`). A provider
that needs a key is configured by its key, one that needs none by its base URL; in the file its name is enough where
the rest is known.

More accounts of one provider have a suffix, and exist when key and base URL are both set: `OPENAI_EU_API_KEY` and
`OPENAI_EU_BASE_URL` make `openai-eu`. In the file they have a `type`:

```yaml
providers:
  openai: {api_key: "env:OPENAI_API_KEY"}
  openai-eu: {type: openai, api_key: "file:/run/secrets/eu", base_url: "https://eu.example/v1"}
aliases:
  fast: openai/gpt-5-mini
  "gpt-*": {target: anthropic/claude-sonnet-4-5, cache_points: off, emulate: [verbosity]}
```

Of several accounts that list a model, the first is asked: the file's order, then the well-known ones, then the
alphabet. `trunkline explain MODEL` shows the others. Each provider's own settings are in [providers](providers.md).\
"""


_STORE = """\
What must leave no trace is named by its path: there `store` counts as false, and conversations, background runs and
uploads are refused. Of several patterns that fit, the longest counts; `/**` stands for a path and everything below it.

```yaml
store:
  retention_days: 30
  paths: {"/legal/**": {store: never}, "/legal/archive": {store: always}}
```

`trunkline store erase PATH` removes everything that a path and those below it ever kept, `trunkline store reencrypt`
seals it anew, `trunkline store verify` reads it all.\
"""


_KEYS = """\
The operator's key (`TRUNKLINE_MASTER_KEY`) may do everything. Others are issued while the gateway runs (`trunkline keys
create`), or declared by the file, as hashes: `trunkline keys hash NAME --path PATH` makes a key, shows it once and
prints the entry. What the file declares cannot be changed while the gateway runs. [Keys](keys.md) says more.

```yaml
keys:
  - name: ana
    hash: "tl1.…"
    path: /team/alpha/ana              # what it makes belongs here, and it sees nothing else; / is the root
    models: ["openai/*", fast]         # globs of provider/model, and aliases; without this line every model
    labels: {app: web}
    scopes: ["usage:read"]             # keys, limits, usage, audit, prompts, settings: what it may administer
    expires: 2027-01-31
```\
"""


_LIMITS = """\
How much of what may be asked for in a stretch of time, or at once, and by whom. What the file declares cannot be changed
while the gateway runs; `trunkline limits` makes others. [Rate limits](limits.md) says more.

```yaml
limits:
  - {match: {path: "/team/alpha/**", model: "openai/*"}, requests: 100, per: minute}
  - {match: {key: ana}, tokens: 200000, per: day, zone: Europe/Zurich}
  - {match: {provider: openai}, concurrent: 50}
  - {requests: 20, per: 10s, each: key}
```\
"""


_BUDGETS = """\
How much money may be spent in a stretch of time, and on whom. What a call may cost is reserved before it is sent and
settled after, so that the sum never passes the cap. What the file declares cannot be changed while the gateway runs;
`trunkline budgets` makes others. [Budgets](budgets.md) says more.

```yaml
budgets:
  - name: alpha
    match: {path: "/team/alpha/**"}    # all of path, key and label (app=web) that are said must match
    dollars: "500"
    per: month                         # hour, day, week, month, or seconds like 3600s
    zone: Europe/Zurich
    owner: Ana <ana@example.org>       # named in refusals
    unpriced: refuse                   # or allow: models without a price
    on_low: refuse                     # or cut: the last call gets what is left as its output limit
    webhook: {url: "https://hooks.example/budgets", secret: "env:BUDGET_SECRET"}
    shares: [50, 80, 100]              # per cent of which it is told
```\
"""


_PRICES = """\
What models cost, where the published prices that trunkline comes with are not yours: dollars for a million tokens, and for
one call of a hosted tool. A name is `account/model`; `*` stands for anything, an exact name counts before a pattern, and
the longest pattern before others. `trunkline explain MODEL` says what a model costs, and who says so.
[What a request costs](cost.md) says more.

```yaml
prices:
  "openai/gpt-5-mini": {input: "0.25", output: "2.00", cached_input: "0.025"}
  "openai/gpt-5.4*":
    input: "2.5"
    output: "10"
    cache_write: "2.5"                 # and cache_write_1h, reasoning, audio_input, cached_audio, audio_output,
    web_search: "0.014"                # image_input, image_output; a call: web_search, code_session, file_search
    flex: {input: "1.25", output: "5"} # where it is served: flex, priority, batch, fast
    above_200000: {input: "5"}         # when more tokens than that go in
  "compatible/*": {input: "0", output: "0"}    # our own machine: free, not unpriced
```\
"""


_AUDIT = """\
[What the audit knows](audit.md) says what becomes of these.

```yaml
audit:
  retention_days: 30
  bodies: true                           # keep what was said; off unless it is said
  body_limit: 64KB
  headers: [x-team]                      # kept with bodies; those that carry credentials are refused
  redact: ['\\b\\d{3}-\\d{2}-\\d{4}\\b']    # taken out of bodies, beside keys, credentials of tools and files
sessions: {headers: [x-conversation], guess: true}
labels: {headers: {x-team: team, x-app: app}}
```\
"""


_PROMPTS = """\
A prompt that is kept at OpenAI (`pmpt_…`) may be named by the operator, whose account it is. Others may use those that
the file lists, each with the model that it is answered by; [prompts](prompts.md) says how to keep them here instead.

```yaml
prompts:
  forward: [{id: pmpt_abc, model: openai/gpt-5-mini}]
```\
"""


def write_configuration() -> str:
    """`configuration.md`."""
    rows = [(f"`{s.environment}`", f"`{s.yaml}`" if s.yaml else "–", s.default or "none", s.meaning) for s in SETTINGS]
    common = [(f"`<P>_{c.name.upper()}`", f"`providers.<p>.{c.name}`", c.default or "none", c.meaning) for c in COMMON]
    head = ("environment", "YAML", "default", "meaning")
    return _page(
        "Configuration",
        _INTRODUCTION,
        "## Settings",
        _table(head, rows),
        "## Providers and aliases",
        _table(head, common),
        _INSTANCES,
        "## What is kept",
        _STORE,
        "## Keys",
        _KEYS,
        "## Rate limits",
        _LIMITS,
        "## Budgets",
        _BUDGETS,
        "## Prices",
        _PRICES,
        "## Audit, sessions and labels",
        _AUDIT,
        "## Prompts",
        _PROMPTS,
    )


def write_providers() -> str:
    """`providers.md`."""
    providers = [load_provider(name) for name in provider_names()]
    head = ("name", "provider", "needs", "speaks", "faithful", "also")
    rows = [_row(provider) for provider in providers]
    return _page(
        "Providers",
        "A provider is spoken to in the first dialect that suits the caller; `<P>_SPEAKS` overrides the list. Where the"
        " caller's dialect is among them no translation takes place, and where it is faithful the reply passes byte for"
        " byte.",
        _table(head, rows),
        *(_describe(provider) for provider in providers),
    )


def _row(provider: Provider) -> tuple[str, ...]:
    stem = provider.name.upper()
    if provider.embedded:
        needs = "`--local`"
    else:
        needs = _say_needs(provider, stem)
    return (
        f"[`{provider.name}`](#{provider.name})",
        provider.title,
        needs,
        ", ".join(provider.speaks),
        ", ".join(sorted(provider.faithful)) or "–",
        ", ".join(sorted(provider.operations)) or "–",
    )


def _say_needs(provider: Provider, stem: str) -> str:
    if not provider.openers:
        return f"`{stem}_BASE_URL`"
    address = (f"`{stem}_BASE_URL`",) if provider.base_url is None and provider.address is None else ()
    ways = (", ".join((*(f"`{stem}_{setting.upper()}`" for setting in way), *address)) for way in provider.openers)
    return " or ".join(ways)


def _describe(provider: Provider) -> str:
    """A provider's section: its file's own words, its address, its settings."""
    stated = (sys.modules[f"trunkline.providers.{provider.name}"].__doc__ or "").strip()
    address = f"`{_find_address(provider)}`" if _find_address(provider) else "none to assume"
    lines = [f"## {provider.name}", "", stated, "", f"Documentation: <{provider.docs}>. Base URL: {address}."]
    for setting in provider.settings:
        where = f"`{provider.name.upper()}_{setting.name.upper()}`, `providers.{provider.name}.{setting.name}`"
        heeded = "".join(f", also `{variable}`" for variable in setting.also)
        default = f" (default `{setting.default}`)" if setting.default else ""
        lines += ["", f"- {where}{heeded}: {setting.meaning}{default}"]
    for name, variables in provider.also.items():
        heeded = " and ".join(f"`{variable}`" for variable in variables)
        lines += ["", f"- `{provider.name.upper()}_{name.upper()}`: {heeded} is read as well"]
    return "\n".join(lines)


def _find_address(provider: Provider) -> str | None:
    """The address that is assumed where no setting says another."""
    if provider.address is None:
        return provider.base_url
    return provider.address({setting.name: setting.default for setting in provider.settings})


def _page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", _MADE, *parts)) + "\n"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


PAGES: dict[str, Callable[[], str]] = {
    "configuration.md": write_configuration,
    "providers.md": write_providers,
    "compatibility.md": lambda: _page("Compatibility", write_compatibility()),
}


def main(folder: Path) -> None:
    """Write the pages into a folder."""
    for name, write in PAGES.items():
        (folder / name).write_text(write(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
