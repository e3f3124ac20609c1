"""Recorded Chat streams of many vendors: which there are, and their bytes as they came."""

from pathlib import Path

STREAMS = [
    "alibaba-tool-call.chunks.txt",
    "azure-deepseek-reasoning.1.chunks.txt",
    "deepseek-reasoning.chunks.txt",
    "deepseek-text.chunks.txt",
    "deepseek-tool-call.chunks.txt",
    "groq-reasoning.chunks.txt",
    "mistral-reasoning.chunks.txt",
    "mistral-text.chunks.txt",
    "moonshotai-stream.chunks.txt",
    "openai--azure-model-router.1.chunks.txt",
    "openai-compatible--anthropic-fallback-tool-call.sse",
    "openai-compatible--xai-text.chunks.txt",
    "perplexity-citations.chunks.txt",
    "xai-text.chunks.txt",
]


def load_stream(test_data: Path, name: str) -> bytes:
    """One of them, from the folder of recordings."""
    raw = (test_data / "recorded" / "chat" / name).read_bytes()
    if name.endswith(".sse"):
        return raw.rstrip() + b"\n\n"
    lines = [line for line in raw.splitlines() if line.strip()]
    return b"".join(b"data: " + line + b"\n\n" for line in lines) + b"data: [DONE]\n\n"
