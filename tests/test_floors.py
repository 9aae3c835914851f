"""Engines and services import no terminal, no HTTP and no face: every module, whole file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import releve

PACKAGE = Path(releve.__file__).parent
FACES = {"cli", "desk"}
TOP = {"__init__", "__main__", "environment", "errors", "extras", "json_logs", "settings"}
"""Modules that may stand at the top of the package; all others stand in a room."""
FORBIDDEN = (
    "click",
    "rich",
    "django.http",
    "django.urls",
    "django.views",
    "django.shortcuts",
    "releve.cli",
    "releve.desk",
)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def breaches() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE).with_suffix("").parts
        if inside[0] in FACES or inside == ("__main__",):
            continue
        wrong = {
            root
            for name in imported(path)
            for root in FORBIDDEN
            if name == root or name.startswith(f"{root}.")
        }
        if wrong:
            found[".".join(inside)] = wrong
    return found


def test_no_engine_or_service_imports_a_face() -> None:
    assert breaches() == {}


def test_every_module_stands_in_a_room() -> None:
    assert {path.stem for path in PACKAGE.glob("*.py")} - TOP == set()


def test_the_package_names_its_rooms() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    missing = {room for room in rooms if f"releve.{room}`" not in str(releve.__doc__)}
    assert missing == set()
