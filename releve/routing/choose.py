"""The adapters of an installation, chosen by environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from releve import environment
from releve.routing.adapter import Adapter

__all__ = ["KINDS", "build_adapters"]

KINDS = ("file_csv", "kamailio", "webhook")
"""The packages of ``releve.routing`` that ``RELEVE_ROUTING`` may name; of ``kamailio`` one adapter
per proxy. One is imported where it is named: an HTTP client takes a tenth of a command's start."""


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
    return tuple(adapter for name in names for adapter in _build_kind(name, environ, home))


def _build_kind(name: str, environ: Mapping[str, str], home: Path) -> tuple[Adapter, ...]:
    package = import_module(f"releve.routing.{name}")
    found: Adapter | tuple[Adapter, ...] = package.from_environment(environ, home)
    return found if isinstance(found, tuple) else (found,)
