"""What holds of the tree: floors, errors, extras, licences, environment, kernels, columns and labels declared."""

from __future__ import annotations

import ast
import builtins
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Field, Model
from django.utils.module_loading import import_string

import releve
from releve import environment, errors
from releve.accounts.grants import STREAM as ACCESS
from releve.demand.erlang import erlang_a
from releve.demand.erlang.erlang_a import _last_term
from releve.erasure import columns, registered
from releve.errors import NumberPhrase, Phrase, ReleveError, decode_phrase, encode_phrase, join_lines
from releve.extras import EXTRAS, LazyModule, MissingExtra, find_extra
from releve.kernels.cache import PACKAGE, cache_folder, compute_kernel_digest, kernel_files
from releve.kernels.decorators import KernelLocator
from releve.ledger.disclosure import KIND_LABELS, STREAM_LABELS
from releve.live.api import LIVE
from releve.plugins.evidence.store import STREAM as EVIDENCE
from tests import processes
from tests.homes import make_test_home
from tools import pictures
from tools.dependencies import PINS, Dependency, build_sbom, list_dependencies, list_faults, read_rows


def test_the_page_of_licences_is_current() -> None:
    """Mend it with ``python -m tools.dependencies``."""
    pins = re.findall(r"^([\w.-]+)==([^ ;\\\n]+)", PINS.read_text(encoding="utf-8"), re.M)
    rows = read_rows()
    assert [(name, version) for name, version, _licence in rows] == sorted(pins)
    found = {(one.name, one.version): one.licence for one in list_dependencies()}
    for name, version, licence in rows:
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        if installed == version:
            assert licence == found[name, version]


def test_a_licence_that_is_not_known_is_named() -> None:
    assert list_faults(list_dependencies()) == []
    (fault,) = list_faults([Dependency("copied", "1.0", (), "AGPL-3.0")])
    assert fault.startswith("copied 1.0: the licence 'AGPL-3.0' is not among those allowed")


def test_the_bill_of_materials_holds_every_package_with_its_hashes() -> None:
    found = build_sbom(list_dependencies())
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    pinned = PINS.read_text(encoding="utf-8")
    held = [one["value"] for row in found["components"] for one in row["properties"]]
    assert sorted(held) == sorted(re.findall(r"sha256:([0-9a-f]{64})", pinned))
    references = [row["bom-ref"] for row in found["components"]]
    assert found["dependencies"] == [{"ref": "releve", "dependsOn": references}]
    assert len(set(references)) == len(references)


ROOT = Path(__file__).parents[1]
PACKAGES = {
    "allauth": "django-allauth", "dj_database_url": "dj-database-url", "django_htmx": "django-htmx",
    "fontpkg_amiri": "fontpkg-amiri", "ninja": "django-ninja", "prometheus_client": "prometheus-client",
    "scim2_models": "scim2-server", "scim2_server": "scim2-server",
}  # fmt: skip
"""Libraries whose package has another name."""

WITHOUT = r"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
exec(sys.argv[2])
"""


def test_each_extra_brings_the_libraries_that_are_said_to_come_with_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    brought = {
        extra: {re.split(r"[\[<>=]", wanted)[0] for wanted in wants}
        for extra, wants in project["optional-dependencies"].items()
    }
    for library, extra in EXTRAS.items():
        assert PACKAGES.get(library, library) in brought[extra], library
    base = {re.split(r"[\[<>=]", wanted)[0] for wanted in project["dependencies"]}
    assert not base & {PACKAGES.get(library, library) for library in EXTRAS}


def test_what_is_missing_is_named_with_its_extra_when_it_is_used() -> None:
    absent = LazyModule("apprise.absent")
    with pytest.raises(MissingExtra, match=r"apprise.absent is not installed.*'releve\[desk\]'"):
        absent.Apprise  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        LazyModule("no_such_library").thing  # noqa: B018
    assert find_extra(ModuleNotFoundError(name="django.db.models")) == "cli"
    assert find_extra(ModuleNotFoundError(name="scipy.special")) is None
    assert LazyModule("json").loads("[1]") == [1]


def test_each_name_of_a_face_is_that_of_its_module_and_no_module() -> None:
    """A module of the same name would take its place as soon as it is imported."""
    faces = [path for path in PACKAGE.rglob("__init__.py") if "build_lazy_face" in path.read_text(encoding="utf-8")]
    assert len(faces) == 12
    for path in faces:
        face = import_module(".".join(path.parent.relative_to(PACKAGE.parent).parts))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module not in ("typing", "releve.extras"):
                for name in (alias.name for alias in node.names):
                    assert getattr(face, name) is getattr(import_module(str(node.module)), name)
                    assert not isinstance(getattr(face, name), ModuleType)
                    assert not (path.parent / f"{name}.py").exists(), name
                    assert not (path.parent / name).exists(), name
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            face.nothing  # noqa: B018


GATE_HOST = """
import django
django.setup()
import releve.cli.init, releve.cli.ledger
import releve.plugins.outbound.commands.outbound, releve.plugins.outbound.commands.gate
import releve.plugins.outbound.gate.app
"""
ENGINES = """
import importlib, pkgutil
roots = ["kernels", "network", "demand", "situation", "transport", "plan"]
roots += [f"plugins.{name}.engine" for name in ("crashtest", "outbound", "telework", "inspection")]
for root in roots:
    package = importlib.import_module(f"releve.{root}")
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
import releve.files.operator_folder, releve.files.plan_folder
print(*sorted({name.partition(".")[0] for name in sys.modules} & {"django", "click", "psycopg"}))
"""
COMMAND = "import runpy; runpy.run_module('releve', run_name='__main__')"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("present", "program", "status", "out", "error"),
    [
        ((), ENGINES, 0, "\n", ""),
        ((), COMMAND, 1, "", "Error: click is not installed: the command line comes with pip install "
                             "'releve[desk]', on a gate's host with 'releve[gate]'\n"),
        (("cli", "gate"), GATE_HOST, 0, "", ""),
    ],
    ids=["engines", "command line", "gate"],
)  # fmt: skip
def test_a_host_without_the_extras_does_its_part_and_says_what_a_command_lacks(
    present: tuple[str, ...], program: str, status: int, out: str, error: str
) -> None:
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "releve.settings"}
    absent = ",".join(library for library, extra in EXTRAS.items() if extra not in present)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, absent, program],
        env=environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (status, out, error)


HOUSE_PACKAGE = Path(releve.__file__).parent
FACES = {"cli", "desk"}
PLUGIN_FACES = ("commands", "bulletin_commands", "spare_commands", "pages", "charter", "draw_pages")
PLUGIN_FACES += ("association_pages", "valve_pages")
"""Modules and folders of a plug-in that are its face."""
TOP = {"__init__", "__main__", "environment", "errors", "extras", "log_formats", "plugin", "setting_names", "settings"}
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
    for path in sorted(HOUSE_PACKAGE.rglob("*.py")):
        inside = path.relative_to(HOUSE_PACKAGE).with_suffix("").parts
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
    assert {path.stem for path in HOUSE_PACKAGE.glob("*.py")} - TOP == set()


def test_the_package_names_its_rooms() -> None:
    rooms = {path.parent.name for path in HOUSE_PACKAGE.glob("*/__init__.py")}
    missing = {room for room in rooms if f"releve.{room}`" not in str(releve.__doc__)}
    assert missing == set()


def test_what_applications_register_by_name_is_there_and_their_own() -> None:
    named = {
        (".".join(path.parent.relative_to(HOUSE_PACKAGE).parts), node.value)
        for path in HOUSE_PACKAGE.rglob("apps.py")
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


def test_the_process_of_a_job_loads_its_own_kind_alone() -> None:
    """Before Django is set up, and without what other kinds need, such as the engine of crash tests."""
    code = (
        "import json, sys; from releve.runs.job_process import find_kind\n"
        "before = sorted(sys.modules); find_kind('readings')\n"
        "print(json.dumps([before, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    before, after = json.loads(done.stdout)
    assert {"numba", "numpy", "polars", "releve.network"} & set(before) == set()
    assert [name for name in after if name.startswith("releve.plugins.") and name.count(".") > 2] == []


def test_loading_the_program_computes_nothing_with_polars() -> None:
    """Its threads would be missing in a process that is forked then, which would wait for ever."""
    code = (
        "from pathlib import Path; from tests.processes import _load; _load()\n"
        "print([task.read_text() for task in Path('/proc/self/task').glob('*/comm')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "polars-0" not in done.stdout


ERRORS_PACKAGE = Path(errors.__file__).parent
ALONE = ERRORS_PACKAGE / "ledger" / "verify.py"


def builtin_error(name: str) -> bool:
    kind = getattr(builtins, name, None)
    return isinstance(kind, type) and issubclass(kind, BaseException)


def error_classes() -> dict[str, tuple[Path, list[str]]]:
    """Return the classes of the package that have an error as a base: name to file and bases."""
    found = {}
    for path in sorted(ERRORS_PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and path != ALONE:
                bases = [ast.unparse(base).split(".")[-1] for base in node.bases]
                if any(builtin_error(base) or base == "ReleveError" for base in bases):
                    found[node.name] = (path, bases)
    return found


def test_no_error_descends_from_a_builtin_one_alone() -> None:
    strays = [
        f"{path.relative_to(ERRORS_PACKAGE)}: {name}"
        for name, (path, bases) in error_classes().items()
        if name != "ReleveError"
        and not name.startswith("_")  # never leaves its module, so that nothing catches it
        and all(builtin_error(base) for base in bases)
    ]
    assert strays == []


def test_the_drawing_names_what_descends_from_the_root() -> None:
    drawn = re.findall(r"[├└]── (\w+)", str(errors.__doc__))
    below = [name for name, (_, bases) in error_classes().items() if "ReleveError" in bases]
    assert drawn == sorted(below)


def test_a_phrase_is_its_english_text_and_can_be_said_in_another_language() -> None:
    french = {"{0!r} is odd": "« {0} » est étrange", "{0}; {1}": "{0} et {1}"}
    inner = Phrase("{0!r} is odd", "x{}")
    phrase = pickle.loads(pickle.dumps(Phrase("{0}; {1}", inner, 2)))
    assert phrase == "'x{}' is odd; 2"
    assert phrase.translate_with(french.__getitem__) == "« x{} » est étrange et 2"
    assert Phrase("no {values}").translate_with(str.upper) == "NO {VALUES}"


def test_an_unmet_condition_is_quoted_with_the_value() -> None:
    class OrderError(ReleveError, ValueError):
        pass

    OrderError.require(True, "agents >= 0", 3)
    with pytest.raises(OrderError, match=r"expected agents >= 0, got -1"):
        OrderError.require(False, "agents >= 0", -1)


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(ReleveError("expected a plan")))
    assert type(error) is ReleveError
    assert str(error) == "expected a plan"


def test_a_phrase_travels_as_json_and_is_said_in_another_language_at_its_end() -> None:
    french = {"{0}: {1}": "{0} : {1}", "row {0} is odd": "la ligne {0} est étrange"}.get
    lines = join_lines([Phrase("{0}: {1}", "a.csv", Phrase("row {0} is odd", 2)), "and so on"])
    back = decode_phrase(json.loads(json.dumps(encode_phrase(lines))))
    assert back == "a.csv: row 2 is odd\nand so on"
    assert back.translate_with(lambda text: french(text, text)) == ("a.csv : la ligne 2 est étrange\nand so on")
    assert encode_phrase(NumberPhrase(1200)) == "1,200"
    assert decode_phrase("text") == "text"


@pytest.mark.parametrize(
    "sent",
    [
        {"template": "{0.__class__}", "params": [1]},
        {"template": "{0:>999999999}", "params": [1]},
        {"template": "{0[0]}", "params": ["a"]},
        {"template": "{name}", "params": [1]},
        {"template": "{1}", "params": [1]},
        {"template": "{0", "params": [1]},
        {"template": "{0}"},
        {"params": []},
        {"template": "{0}", "params": [{"params": []}]},
    ],
)
def test_a_phrase_of_another_form_is_refused(sent: object) -> None:
    with pytest.raises(ValueError, match=r"phrase|places"):
        decode_phrase(sent)


PICTURES_ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("language", pictures.LANGUAGES)
def test_the_picture_of_the_house_is_current(language: str) -> None:
    suffix = "" if language == "en" else f".{language}"
    drawn = (PICTURES_ROOT / "docs" / "pictures" / f"house{suffix}.svg").read_text(encoding="utf-8")
    assert drawn == pictures.draw_house(language)


def test_every_package_has_words_and_every_word_a_package() -> None:
    drawn = [name for names in pictures.list_floors().values() for name in names]
    assert sorted(drawn) == sorted(pictures.PACKAGES)


@pytest.mark.parametrize(("value", "meaning"), [("1", True), ("No", False), ("", False)])
def test_a_flag_is_yes_or_no(value: str, meaning: bool) -> None:
    assert environment.read_flag({"X": value}, "X", default=False) is meaning


def test_a_flag_that_is_neither_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"X must be one of 1, true.*got 'maybe'"):
        environment.read_flag({"X": "maybe"}, "X", default=False)


def test_a_choice_outside_the_list_is_refused() -> None:
    assert environment.read_choice({}, "X", ("fr", "en")) == "fr"
    with pytest.raises(ImproperlyConfigured, match="X must be one of fr, en, got 'de'"):
        environment.read_choice({"X": "de"}, "X", ("fr", "en"))


@pytest.mark.parametrize("value", ["*", "http://desk.example.org", "a b", "desk.example.org:80"])
def test_a_host_that_is_not_a_name_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="X must be a host name"):
        environment.read_hosts({"X": value}, "X", ("localhost",))


def test_hosts_are_separated_by_commas() -> None:
    assert environment.read_hosts({"X": "desk.example.org, [::1]"}, "X", ()) == ["desk.example.org", "[::1]"]
    assert environment.read_hosts({}, "X", ("localhost",)) == ["localhost"]


def test_an_origin_needs_its_scheme() -> None:
    assert environment.read_origins({"X": "https://a.example"}, "X") == ["https://a.example"]
    with pytest.raises(ImproperlyConfigured, match="X must be an origin"):
        environment.read_origins({"X": "a.example"}, "X")


@pytest.mark.parametrize("value", ["short", "a" * 64])
def test_a_weak_secret_is_refused_without_being_printed(value: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        environment.read_secret({"X": value}, "X")
    assert value not in str(caught.value)


def shown(**variables: str) -> str:
    """What the settings are in a fresh process with these variables."""
    code = (
        "from releve import settings as s;"
        "print(s.DEBUG, s.ALLOWED_HOSTS, s.LANGUAGE_CODE, len(s.SECRET_KEY) >= 32,"
        " s.SECURE_SSL_REDIRECT, s.PLAN_FOLDER)"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RELEVE_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**clean, **variables}, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_with_an_empty_environment_the_desk_is_closed_and_french() -> None:
    assert shown() == "False ['127.0.0.1', 'localhost', '[::1]'] fr True False None"


def test_nonsense_in_the_environment_stops_the_desk() -> None:
    assert "RELEVE_DEBUG must be one of" in shown(RELEVE_DEBUG="perhaps")


def test_a_setting_of_an_earlier_version_is_refused_with_the_one_that_took_its_place() -> None:
    assert "set RELEVE_URL in its place" in shown(RELEVE_DESK_URL="https://desk.example.org")
    assert "set RELEVE_SMTP_HOST" in shown(RELEVE_SMTP_URL="smtp://mail.example.org")


def test_a_change_in_any_file_of_the_kernels_begins_a_new_folder(tmp_path: Path) -> None:
    for path in kernel_files():
        copy = tmp_path / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    before = cache_folder(package=tmp_path)
    assert before.name == cache_folder().name
    constants = tmp_path / "plugins/crashtest/engine/settings.py"
    constants.write_text(constants.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert cache_folder(package=tmp_path).name != before.name


def test_kernels_are_kept_in_that_folder() -> None:
    assert os.environ["NUMBA_CACHE_DIR"] == numba.config.CACHE_DIR
    assert str(cache_folder(os.environ)) == numba.config.CACHE_DIR


def test_an_installed_package_is_not_written_to(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "releve"
    for path in kernel_files():
        copy = package / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())

    def parent(**environ: str) -> Path:
        return cache_folder(environ, package).parent

    assert parent() == Path.home() / ".cache" / "releve"
    assert parent(XDG_CACHE_HOME="/caches") == Path("/caches/releve")
    assert parent(CACHE_DIRECTORY="/var/cache/releve:/other") == Path("/var/cache/releve")
    both = {"CACHE_DIRECTORY": "/var/cache/releve", "RELEVE_CACHE_DIR": "/srv/kernels"}
    assert parent(**both) == Path("/srv/kernels")
    (package.parent / "pyproject.toml").touch()
    assert parent() == package / "__pycache__"


def test_a_kernel_is_found_by_its_place_in_the_package_and_the_digest_of_all() -> None:
    """No path or date of a file: the test of the wheel loads what this checkout compiled."""
    found = KernelLocator.from_function(_last_term.py_func, erlang_a.__file__)
    assert found.get_cache_path() == f"{os.environ['NUMBA_CACHE_DIR']}/demand/erlang"
    assert found.get_source_stamp() == compute_kernel_digest()
    assert KernelLocator.from_function(_last_term.py_func, __file__) is None


def test_a_call_with_a_constant_takes_the_kernel_of_any_number() -> None:
    """Else each constant that stands in a call would be compiled for, by all who start from nothing."""
    called: Any = erlang_a._at
    called.get_call_template((numba.float64[::1], numba.types.literal(0)), {})
    assert (numba.float64[::1], numba.int64) in called.signatures
    assert not any(isinstance(kind, numba.types.Literal) for kinds in called.signatures for kind in kinds)


def test_every_module_with_a_kernel_decides_the_folder() -> None:
    known = set(kernel_files())
    for path in sorted(PACKAGE.rglob("*.py")):
        if "releve.kernels.decorators import" in path.read_text(encoding="utf-8"):
            assert path in known, f"{path}: name it in releve/kernels/cache.py"


def test_numba_is_imported_by_the_decorators_alone() -> None:
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if re.search(r"^\s*(import|from) numba\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert found == ["kernels/decorators.py"]


SETTINGS = """
import json, sys
from pathlib import Path
import django
from django.conf import settings
django.setup()
from django.db import connection
shown = {"connection": repr(connection.settings_dict), "arguments": sys.argv[1:]}
values = {name: getattr(settings, name) for name in dir(settings) if name.isupper()}
shown |= {k: repr(sorted(v) if isinstance(v, set) else v) for k, v in values.items()}
print(json.dumps(shown | {"folder": str(Path.cwd())}))
"""
FAIL = "import sys\nprint('said')\nsys.exit('refused')\n"
WAIT = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n"


def environ_of(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RELEVE_")}
    return kept | {"PYTHONPATH": f"{folder}:{processes.ROOT}"} | more


def write_program(folder: Path, name: str, text: str) -> str:
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return name


@pytest.mark.slow
def test_it_has_the_settings_the_arguments_and_the_folder_of_a_started_one(tmp_path: Path) -> None:
    name = write_program(tmp_path, "shown_settings", SETTINGS)
    environ = environ_of(
        tmp_path, RELEVE_HOME=str(make_test_home(tmp_path / "home")), RELEVE_LANGUAGE="en",
        RELEVE_URL="https://desk.example", RELEVE_API_PER_MINUTE="7", RELEVE_OPEN="1",
        RELEVE_SECRET_KEY="0123456789abcdef" * 3, RELEVE_SESSION_HOURS="3",
        DJANGO_SETTINGS_MODULE="releve.settings",
    )  # fmt: skip
    line = [sys.executable, "-m", name, "a", "b"]
    started = subprocess.run(line, env=environ, cwd=tmp_path, capture_output=True, check=True)
    forked = processes.run(name, "a", "b", environ=environ, folder=tmp_path)
    assert forked.stderr == ""
    assert json.loads(forked.stdout) == json.loads(started.stdout)


@pytest.mark.slow
def test_how_it_ends_and_what_it_says_reach_who_waits(tmp_path: Path) -> None:
    environ = environ_of(tmp_path)
    done = processes.run(write_program(tmp_path, "fails", FAIL), environ=environ, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "said\n", "refused\n")
    waiting = write_program(tmp_path, "waits", WAIT)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with processes.start(waiting, environ=environ, folder=tmp_path) as process:
            assert process.stdout.readline() == "begun\n"
            with pytest.raises(TimeoutError):
                process.wait(0.01)
            process.send_signal(number)
            assert process.wait() == -number
    assert processes.run(waiting, environ=environ, folder=tmp_path, timeout=0.5).returncode == -9


_TEXT = frozenset({
    "BinaryField", "CharField", "EmailField", "FileField", "FilePathField", "GenericIPAddressField",
    "JSONField", "SlugField", "TextField", "URLField",
})  # fmt: skip
"""The types of columns that can hold text; a column that refers to a row is that row's matter."""
DECLARED = (columns.AGENT, columns.EVIDENCE, columns.CALLED, columns.USER, columns.NEUTRAL)


def _text_columns() -> set[tuple[str, str]]:
    models: list[type[Model]] = apps.get_models(include_auto_created=True)
    return {
        (model._meta.db_table, str(column.column))
        for model in models
        for column in model._meta.local_concrete_fields
        if _internal_type(column) in _TEXT
    }


def _internal_type(column: Field[object, object]) -> str:
    return "" if column.is_relation else column.get_internal_type()


def test_every_column_that_can_hold_text_is_declared_once() -> None:
    declared = Counter((table, name) for part in DECLARED for table, names in part.items() for name in names)
    found = _text_columns()
    assert sorted(found - set(declared)) == [], "declare it in releve/erasure/columns.py"
    assert sorted(set(declared) - found) == [], "there is no such column any more"
    assert [name for name, times in declared.items() if times > 1] == []


def test_every_table_that_names_agents_has_a_room_that_erases_it() -> None:
    erased = [table for room in registered() for table in room.tables]
    assert sorted(erased) == sorted(columns.AGENT)


@pytest.mark.parametrize("room", registered(), ids=lambda room: room.name)
def test_tables_of_a_room_are_its_own(room: object) -> None:
    name = getattr(room, "name", "")
    assert all(table.startswith(f"{name}_") for table in getattr(room, "tables", ()))


def test_every_kind_that_is_written_has_a_label() -> None:
    """Kinds as the source writes them: after ``append``, in a tuple of entries, or by name."""
    written = set()
    for path in Path(releve.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        written |= set(re.findall(r'\(\s*"([a-z]+\.[a-z_]+)", (?:body|\{)', text))
        written |= set(re.findall(r'kind: ClassVar\[str\] = "([a-z]+\.[a-z_]+)"', text))
        written |= set(re.findall(r'^[A-Z]+ = "(outbound\.[a-z]+|[a-z]+\.erased)"$', text, re.M))
    assert {"people.notified", "routing.published", "outbound.erased", "site.closed"} <= written
    assert written - set(KIND_LABELS) == set()


def test_every_stream_that_is_written_has_a_label() -> None:
    written = {LIVE, ACCESS, EVIDENCE}
    for path in Path(releve.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        written |= set(re.findall(r'^_?STREAM = "([a-z-]+)"$', text, re.MULTILINE))
        written |= set(re.findall(r'\bstream="([a-z-]+)"', text))
    assert "outbound" in written
    assert written - set(STREAM_LABELS) == set()
