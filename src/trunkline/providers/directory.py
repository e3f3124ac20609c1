"""The provider files by name. A file is imported when its provider is wanted, and not before."""

import importlib
import pkgutil
from functools import cache
from pathlib import Path

from trunkline.providers.provider import Provider

# What stands beside the providers and is none.
_NOT_PROVIDERS = frozenset(
    {"account", "directory", "google_format", "model_rules", "openai_format", "provider", "redaction", "sigv4"}
)


@cache
def provider_names() -> tuple[str, ...]:
    """Every provider's name, by alphabet; imports none of them."""
    found = (module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    return tuple(sorted(name for name in found if name not in _NOT_PROVIDERS))


def load_provider(name: str) -> Provider:
    """A provider by name. Raises `KeyError` for a name without a file."""
    if name not in provider_names():
        raise KeyError(name)
    provider: Provider = importlib.import_module(f"{__package__}.{name}").PROVIDER
    return provider
