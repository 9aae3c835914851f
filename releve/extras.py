"""Libraries that an extra brings: taken when they are used, so that a host without them starts.

A gate, a ledger and a verifier need no solver. What is missing is named with the extra to install.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from releve.errors import ReleveError

EXTRAS: Mapping[str, str] = MappingProxyType(
    {
        "apprise": "desk",
        "distributed": "dask",
        "fontpkg_amiri": "evidence",
        "highspy": "plan",
        "httptools": "gate",
        "networkx": "plan",
        "ninja": "desk",
        "numba": "plan",
        "pyhanko": "signing",
        "scipy": "plan",
        "typst": "evidence",
        "uvicorn": "gate",
        "waitress": "desk",
        "whitenoise": "desk",
    }
)
"""Library -> extra of ``pyproject.toml`` that brings it."""


class MissingExtra(ReleveError, ImportError):  # noqa: N818 (named after what is missing)
    """A library is not installed; the message names the extra that brings it."""


def find_extra(error: ImportError) -> str | None:
    """Return the extra that brings what an import did not find; None where there is none."""
    return EXTRAS.get((error.name or "").partition(".")[0])


class OptionalModule:
    """Stands for a module of an extra; imports it when something of it is first used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        """Return what the module has under a name; MissingExtra where it is not installed."""
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        try:
            value = getattr(import_module(self._name), attribute)
        except ModuleNotFoundError as error:
            extra = find_extra(error)
            if extra is None:
                raise
            raise MissingExtra(
                f"{error.name} is not installed: pip install 'releve[{extra}]'", name=error.name
            ) from error
        self.__dict__[attribute] = value
        return value
