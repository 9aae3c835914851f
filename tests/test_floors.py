"""Engines and services import no terminal, no HTTP and no face: every module, whole file."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from django.utils.module_loading import import_string

import releve

PACKAGE = Path(releve.__file__).parent
FACES = {"cli", "desk"}
PLUGIN_FACES = ("commands", "bulletin_commands", "spare_commands", "pages", "charter", "draw_pages")
PLUGIN_FACES += ("association_pages", "valve_pages")
"""Modules and folders of a plug-in that are its face."""
TOP = {"__init__", "__main__", "environment", "errors", "extras", "log_formats", "plugin", "settings"}
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
        face = inside[0] == "plugins" and len(inside) > 2 and inside[2] in PLUGIN_FACES
        if inside[0] in FACES or inside == ("__main__",) or face:
            continue
        wrong = {root for name in imported(path) for root in FORBIDDEN if name == root or name.startswith(f"{root}.")}
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


def test_what_applications_register_by_name_is_there_and_their_own() -> None:
    named = {
        (".".join(path.parent.relative_to(PACKAGE).parts), node.value)
        for path in PACKAGE.rglob("apps.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and str(node.value).startswith("releve.")
    }
    registered = {(room, name) for room, name in named if name != f"releve.{room}"}
    assert len(registered) > 6
    for room, name in registered:
        assert name.startswith(f"releve.{room}."), name
        assert callable(import_string(name)), name


def test_setting_django_up_loads_no_engine_and_no_large_library() -> None:
    """Every command does it: what it needs beyond is loaded by who needs it."""
    code = "import json, sys, django; django.setup(); print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    engines = ("network", "demand", "situation", "outbound", "inspection", "transport", "plan")
    heavy = {"numba", "numpy", "polars", "httpx", *(f"releve.{name}" for name in engines)}
    assert heavy & set(json.loads(done.stdout)) == set()


def test_loading_the_program_computes_nothing_with_polars() -> None:
    """Its threads would be missing in a process that is forked then, which would wait for ever."""
    code = (
        "from pathlib import Path; from tests.processes import _load; _load()\n"
        "print([task.read_text() for task in Path('/proc/self/task').glob('*/comm')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "polars-0" not in done.stdout
