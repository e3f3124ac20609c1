"""Log-probabilities on Gemini's wire and in Responses' shape.

Source: https://ai.google.dev/api/generate-content#LogprobsResult.
"""

from typing import Any

from trunkline.dialects.shapes import lenient_list, lenient_object, lenient_text


def read_logprobs(result: Any) -> list[dict[str, Any]] | None:
    """`logprobsResult` → one entry a token; `None` where it holds none."""
    told = lenient_object(result)
    top = lenient_list(told.get("topCandidates"))
    entries = []
    for number, chosen in enumerate(lenient_list(told.get("chosenCandidates"))):
        others = lenient_object(top[number]).get("candidates") if number < len(top) else None
        entry = _read_entry(lenient_object(chosen))
        entries.append({**entry, "top_logprobs": [_read_entry(lenient_object(it)) for it in lenient_list(others)]})
    return entries or None


def _read_entry(candidate: dict[str, Any]) -> dict[str, Any]:
    token = lenient_text(candidate.get("token"))
    probability = candidate.get("logProbability")
    return {
        "token": token,
        "logprob": probability if isinstance(probability, int | float) else 0.0,
        "bytes": list(token.encode("utf-8", "replace")),
    }


def write_logprobs(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Responses' entries → `logprobsResult`."""
    return {
        "chosenCandidates": [_write_entry(entry) for entry in entries],
        "topCandidates": [
            {"candidates": [_write_entry(lenient_object(it)) for it in lenient_list(entry.get("top_logprobs"))]}
            for entry in entries
        ],
    }


def _write_entry(entry: dict[str, Any]) -> dict[str, Any]:
    return {"token": entry.get("token", ""), "logProbability": entry.get("logprob", 0.0)}
