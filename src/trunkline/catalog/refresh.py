"""Makes the tables of published facts anew: `python -m trunkline.catalog.refresh FILE`, for whoever keeps trunkline.

FILE is LiteLLM's table of models (`model_prices_and_context_window_backup.json`), or the wheel of `litellm` that holds
it; prices are laid over with those of `genai-prices`, where that is installed. Nothing of it is needed at run time.
"""

import argparse
import json
import zipfile
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from trunkline.capabilities import EFFORTS
from trunkline.catalog.names import plain_name, undated_name
from trunkline.catalog.refresh_prices import overlay_prices, read_prices, write_fees, write_json, write_rows
from trunkline.clock import SystemClock

DATA = Path(__file__).parent / "data"

_TABLE = "model_prices_and_context_window_backup.json"

_MAKERS = ("anthropic", "openai", "gemini", "deepseek", "xai", "mistral", "moonshot", "zai", "minimax", "cohere")
_SELLERS = {
    "anthropic": "anthropic",
    "openai": "openai",
    "gemini": "gemini",
    "deepseek": "deepseek",
    "xai": "xai",
    "mistral": "mistral",
    "moonshot": "moonshot",
    "zai": "zai",
    "minimax": "minimax",
    "cohere": "cohere",
    "cohere_chat": "cohere",
    "groq": "groq",
    "cerebras": "cerebras",
    "together_ai": "together",
    "fireworks_ai": "fireworks",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "azure": "azure",
    "bedrock": "bedrock",
    "bedrock_converse": "bedrock",
    "vertex_ai": "vertex",
    "vertex_ai-language-models": "vertex",
    "vertex_ai-anthropic_models": "vertex",
    "vertex_ai-embedding-models": "vertex",
}
"""LiteLLM's word for who serves a model → our provider's name. Others are left out, to keep the table small."""

_MODES = ("chat", "responses", "completion")
_PRICED_MODES = (*_MODES, "embedding")

Facts = dict[str, Any]
Table = dict[str, Any]


def read_facts(entry: Mapping[str, Any]) -> Facts:
    """What one published entry says, as members of `Capabilities`; nothing where it is silent."""
    facts: Facts = {}
    _copy(entry, "max_input_tokens", facts, "context_tokens")
    _copy(entry, "max_output_tokens", facts, "max_output_tokens")
    _copy(entry, "prompt_cache_min_tokens", facts, "cache_minimum_tokens")
    _copy_no(entry, "supports_sampling_params", facts, "sampling")
    _copy_no(entry, "supports_forced_tool_use", facts, "forced_tools")
    _copy_no(entry, "supports_vision", facts, "images")
    _copy_no(entry, "supports_pdf_input", facts, "files")
    if efforts := _read_efforts(entry):
        facts["efforts"] = efforts
    if entry.get("litellm_provider") == "anthropic":
        facts |= _read_claude(entry)
    return facts


def _copy(entry: Mapping[str, Any], name: str, facts: Facts, fact: str) -> None:
    value = entry.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        facts[fact] = value


def _copy_no(entry: Mapping[str, Any], name: str, facts: Facts, fact: str) -> None:
    """Only a plain no counts: everything is permitted until it is known to be refused."""
    if entry.get(name) is False:
        facts[fact] = False


def _read_claude(entry: Mapping[str, Any]) -> Facts:
    """What only Anthropic's own models differ in. Here silence is a no: the table keeps these flags for all of them."""
    facts: Facts = {
        "mid_system": entry.get("supports_mid_conversation_system") is True,
        "prefill": entry.get("supports_assistant_prefill") is True,
    }
    if entry.get("supports_adaptive_thinking"):
        facts["thinking"] = "both" if entry.get("supports_legacy_thinking") else "adaptive"
        facts["thinking_off"] = "never" if entry.get("thinking_always_on") else "disabled"
    else:
        facts["thinking"] = "manual" if entry.get("supports_reasoning") else "none"
    return facts


def _read_efforts(entry: Mapping[str, Any]) -> list[str]:
    levels = entry.get("reasoning_effort_levels")
    if isinstance(levels, list):
        return [effort for effort in EFFORTS if effort in levels]
    told = {effort: entry.get(f"supports_{effort}_reasoning_effort") for effort in EFFORTS}
    if not entry.get("supports_reasoning") or all(value is None for value in told.values()):
        return []
    usual = {"low": True, "medium": True, "high": True}
    known = {**usual, **{effort: value for effort, value in told.items() if value is not None}}
    return [effort for effort in EFFORTS if known.get(effort)]


def make_tables(entries: Mapping[str, Any]) -> tuple[Table, dict[str, Table], Table]:
    """`{model: facts}` as their makers have them, `{provider: {model: what differs}}`, `{provider: {model:
    prices}}`."""
    made: Table = {}
    sold: dict[str, Table] = {}
    prices: Table = {}
    for seller, name, entry in _models(entries):
        if known := read_prices(entry, seller):
            prices.setdefault(seller, {})[name] = known
        if entry["mode"] not in _MODES:
            continue
        if seller in _MAKERS:
            made.setdefault(name, {}).update(read_facts(entry))
        else:
            sold.setdefault(seller, {})[name] = read_facts(entry)
    _thin(made, {})
    for table in sold.values():
        _thin(table, made)
    return made, sold, prices


def _thin(table: Table, under: Table) -> None:
    """Take out what is the same for the version without a date, and of facts what the maker's row says already."""
    for name in sorted(table, key=len, reverse=True):
        row, undated = table[name], undated_name(name)
        if undated != name and table.get(undated) == row:
            del table[name]
        elif isinstance(row, dict) and name in under:
            table[name] = {fact: value for fact, value in row.items() if under[name].get(fact) != value}
            if not table[name]:
                del table[name]


def _models(entries: Mapping[str, Any]) -> Iterable[tuple[str, str, Mapping[str, Any]]]:
    """Seller, plain name and entry of every model that has a price; the plainest spelling of a name last, so that it
    wins."""
    for key, entry in sorted(entries.items(), key=lambda pair: -len(pair[0])):
        seller = _SELLERS.get(entry.get("litellm_provider", ""))
        if seller is not None and entry.get("mode") in _PRICED_MODES:
            yield seller, plain_name(key), entry


def write_tables(entries: Mapping[str, Any], version: str, into: Path) -> None:
    """Both files, each with where it is from."""
    made, sold, prices = make_tables(entries)
    source = {"name": "LiteLLM's table of models", "version": version, "licence": "MIT, © 2023 Berri AI"}
    sources = [source]
    prices_version = overlay_prices(made, prices, _MAKERS, SystemClock().now_micros())
    if prices_version is not None:
        sources.append({"name": "genai-prices", "version": prices_version, "licence": "MIT, © Pydantic Services Inc."})
    _write(into / "published.json", {"sources": sources, "models": made, "providers": sold})
    rows = {seller: write_rows(known) for seller, known in prices.items()}
    _write(into / "prices.json", {"sources": sources, "fees": write_fees(), "providers": rows})


def _write(path: Path, tables: dict[str, Any]) -> None:
    """One line a model, so that a refresh reads well as a difference."""
    lines = []
    for name, table in tables.items():
        if name == "providers":
            inner = ",\n".join(f' "{key}": {_lines(rows)}' for key, rows in sorted(table.items()) if rows)
            lines.append(f'"{name}": {{\n{inner}}}')
        else:
            lines.append(f'"{name}": {_lines(table) if name == "models" else write_json(table)}')
    path.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


def _lines(rows: Table) -> str:
    compact = (f'"{name}":{write_json(row)}' for name, row in sorted(rows.items()))
    return "{\n" + ",\n".join(compact) + "}"


def _decode(table: bytes) -> dict[str, Any]:
    """Prices as decimals: no float holds money."""
    decoded: dict[str, Any] = json.loads(table, parse_float=Decimal)
    return decoded


def _read_source(path: Path) -> tuple[dict[str, Any], str]:
    if path.suffix != ".whl":
        return _decode(path.read_bytes()), "as given"
    with zipfile.ZipFile(path) as wheel:
        table = next(name for name in wheel.namelist() if name.endswith(_TABLE))
        return _decode(wheel.read(table)), path.name.split("-")[1]


def main() -> None:
    """The command: read the table that is named, and write ours."""
    parser = argparse.ArgumentParser(description="Make the catalogue's tables of published facts anew.")
    parser.add_argument("file", type=Path, help=f"{_TABLE}, or the wheel of litellm that holds it")
    parser.add_argument("--into", type=Path, default=DATA)
    arguments = parser.parse_args()
    entries, version = _read_source(arguments.file)
    write_tables(entries, version, arguments.into)


if __name__ == "__main__":
    main()
