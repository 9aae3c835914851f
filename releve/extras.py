"""Libraries, and modules behind a package's face, that are imported when something of them is used.

A start does not wait for a solver that its command does not use, and the engines work without any extra;
a library that an extra brings is named with it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.abc import InspectLoader
from types import MappingProxyType
from typing import Any, cast

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
        "scim2_models": "desk",
        "scim2_server": "desk",
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


def build_lazy_face(package: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a package: it imports the module of a name when that is asked for.

    Which module that is stands in the imports that the package makes ``if TYPE_CHECKING``, where
    tools for types and floors read it. A name may not be that of a module of the package as well.
    """
    modules: dict[str, str] = {}

    def find_name(name: str) -> Any:
        face = sys.modules[package]
        if not modules:
            spec = face.__spec__
            source = cast(InspectLoader, spec.loader).get_source(package) if spec else None
            imports = [node for node in ast.walk(ast.parse(source or "")) if isinstance(node, ast.ImportFrom)]
            modules.update({alias.name: str(node.module) for node in imports for alias in node.names})
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=face)
        value = getattr(import_module(modules[name]), name)
        setattr(face, name, value)
        return value

    return find_name
