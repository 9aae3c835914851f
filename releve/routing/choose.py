"""The adapters of an installation, chosen by environment variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from django.core.exceptions import ImproperlyConfigured

from releve import environment
from releve.routing import file_csv, webhook
from releve.routing.adapter import Adapter

__all__ = ["KINDS", "build_adapters"]

KINDS: Final[Mapping[str, Callable[[Mapping[str, str], Path], Adapter]]] = {
    "file_csv": file_csv.from_environment,
    "webhook": webhook.from_environment,
}
"""Every adapter by its name in ``RELEVE_ROUTING``."""


def build_adapters(environ: Mapping[str, str], home: Path) -> tuple[Adapter, ...]:
    """Return the adapters that ``RELEVE_ROUTING`` names, separated by commas; a file by default.

    ImproperlyConfigured names the faulty variable.
    """
    named = environment.read_text(environ, "RELEVE_ROUTING", "file_csv").split(",")
    names = [name.strip() for name in named]
    unknown = [name for name in names if name not in KINDS]
    if unknown or len(set(names)) != len(names):
        known = ", ".join(KINDS)
        raise ImproperlyConfigured(
            f"RELEVE_ROUTING must name some of {known}, each once, got {','.join(names)!r}"
        )
    return tuple(KINDS[name](environ, home) for name in names)
