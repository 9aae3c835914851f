"""Libraries that are imported when they are used; one that an extra brings is named with it.

A start does not wait for a solver that its command does not use, and the engines work without any extra.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

from releve.errors import ReleveError

EXTRAS: Mapping[str, str] = MappingProxyType(
    {
        "allauth": "cli",
        "apprise": "desk",
        "click": "cli",
        "cryptography": "cli",
        "dj_database_url": "cli",
        "distributed": "dask",
        "django": "cli",
        "django_htmx": "cli",
        "fastexcel": "cli",
        "fontpkg_amiri": "evidence",
        "httptools": "gate",
        "httpx": "cli",
        "icalendar": "cli",
        "ninja": "desk",
        "prometheus_client": "cli",
        "psycopg": "cli",
        "pyhanko": "signing",
        "pyrage": "cli",
        "rfc8785": "cli",
        "rich": "cli",
        "typst": "evidence",
        "uvicorn": "gate",
        "waitress": "desk",
        "whitenoise": "desk",
        "xlsxwriter": "cli",
    }
)
"""Library -> extra of ``pyproject.toml`` that brings it."""


class MissingExtra(ReleveError, ImportError):  # noqa: N818 (named after what is missing)
    """A library is not installed; the message names the extra that brings it."""


def find_extra(error: ImportError) -> str | None:
    """Return the extra that brings what an import did not find; None where there is none."""
    return EXTRAS.get((error.name or "").partition(".")[0])


class LazyModule:
    """Stands for a module; imports it when something of it is first used."""

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
