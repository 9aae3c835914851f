"""The wheel does the main job from an environment of its own that may not be written to."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from releve.kernels.cache import compute_kernel_digest

ROOT = Path(__file__).parents[1]
OTHER_USER = 65534
MISSING = "rounding.round_groups-"
"""A kernel that the installation has to compile itself; all of them take minutes."""
CORE_ROOMS = ("accounts", "files", "situation", "transport")
"""Rooms whose fast tests run on the core alone; all of those that name no plug-in, with RELEVE_FULL_INSTALL."""
MORE_ROOMS = ("demand", "network", "registry", "routing", "service_record")
SAMPLE, DAY = "network sample --agents 60 --sites 2 --seed 1 operator", "2026-11-30"
NO_INDEX = ("No matching distribution", "Could not find a version", "Failed to establish",
            "Temporary failure in name resolution", "Connection refused")  # fmt: skip
"""What pip says where it reaches no package index."""


IN_TURN = """
import json, sys
from click.testing import CliRunner
from releve.cli import main
done = [CliRunner().invoke(main, line) for line in json.loads(sys.argv[1])]
print(json.dumps([[one.exit_code, one.stdout, one.output] for one in done]))
"""
"""Runs commands in one process: a start of each takes seconds of processor."""


class Installation:
    """The wheel in an environment of its own; its commands run as another user where root asks."""

    def __init__(self, folder: Path, user: int | None) -> None:
        self.folder, self.user = folder, user
        (self.packages,) = folder.glob("venv/lib/python*/site-packages")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("RELEVE_", "PYTHON"))}
        for name in ("DJANGO_SETTINGS_MODULE", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
            clean.pop(name, None)
        own = {"HOME": str(folder / "user"), "RELEVE_HOME": str(folder / "user" / "home")}
        self.environ: Mapping[str, str] = {**clean, **own}

    def start(self, program: str, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.folder / "venv" / "bin" / program), *words], cwd=self.folder / "user",
            env=self.environ, user=self.user, group=self.user,
            extra_groups=None if self.user is None else [],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *words: str, program: str = "releve") -> str:
        process = self.start(program, *words)
        out, err = process.communicate(timeout=400)
        assert process.returncode == 0, out + err
        return out

    def run_in_turn(self, *lines: str) -> list[tuple[int, str]]:
        """Return the exit status and output of each command, with its errors where it fails."""
        done = self.run("-I", "-c", IN_TURN, json.dumps([line.split() for line in lines]), program="python")
        return [(code, output if code else out) for code, out, output in json.loads(done)]

    @contextmanager
    def serve(self, *options: str) -> Iterator[str]:
        """Serve the desk with the plan in ``plan``, at the address given."""
        with self.start("releve", "desk", "serve", "plan", "--port", "0", *options) as desk:
            assert desk.stdout is not None
            try:
                address = re.search(r"http://127\.0\.0\.1:\d+", desk.stdout.readline())
                assert address is not None
                yield address[0]
            finally:
                desk.terminate()
                desk.communicate(timeout=30)

    def give_kernels(self) -> dict[str, int]:
        """Copy the kernels that this checkout has compiled, but for one that each plan needs."""
        compiled, given = Path(os.environ["NUMBA_CACHE_DIR"]), self.folder / "user/.cache/releve"
        given.mkdir(parents=True)
        if compiled.is_dir():
            without = shutil.ignore_patterns(f"{MISSING}*")
            # Without the plug-ins the folder has another name: the core's kernels are the same.
            name = f"kernels-{compute_kernel_digest(self.packages / 'releve')}"
            shutil.copytree(compiled, given / name, ignore=without)
        for path in (given.parent, *given.parent.rglob("*")):
            os.chown(path, self.user or -1, self.user or -1)
        return self.list_kernels()

    def list_kernels(self) -> dict[str, int]:
        """Return when each file of a compiled kernel was written."""
        found = self.folder.glob("user/.cache/releve/kernels-*/**/*.nb[ci]")
        return {str(path): path.stat().st_mtime_ns for path in found}

    def files(self) -> dict[str, int]:
        """Return when each file and folder of the packages was changed."""
        found = (self.packages, *self.packages.rglob("releve/**/*"))
        return {str(path): path.stat().st_mtime_ns for path in found}


def read_page(address: str, headers: Mapping[str, str] | None = None, sent: Any = None) -> str:
    """Fetch a page, or send something as JSON; HTTPError where it is refused."""
    content = None if sent is None else json.dumps(sent).encode()
    kind = {} if content is None else {"Content-Type": "application/json"}
    asked = urllib.request.Request(address, content, {**kind, **(headers or {})})
    with urllib.request.urlopen(asked) as answer:
        return str(answer.read().decode())


def pip(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "pip", "--python", str(folder / "venv" / "bin" / "python")]
    return subprocess.run([*line, "install", "--quiet", *words], capture_output=True, text=True, check=False)


def fill(folder: Path, locked: str) -> None:
    """Make an environment that has the packages of a list in requirements, and not this checkout.

    They are those of the tested environment, which scripts/setup has installed by their hashes:
    downloading them again takes a minute. RELEVE_FULL_INSTALL does.
    """
    pins = ROOT / "requirements" / f"{locked}.txt"
    line = [sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")]
    subprocess.run(line, check=True)
    (packages,) = folder.glob("venv/lib/python*/site-packages")
    if not os.environ.get("RELEVE_FULL_INSTALL"):
        if locked == "run":
            # Of a folder named in a .pth file no .pth file is read: so not that of the checkout.
            (packages / "tested.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
            return
        for name in re.findall(r"^([\w.-]+)(?=[=\[])", pins.read_text(encoding="utf-8"), re.MULTILINE):
            with suppress(metadata.PackageNotFoundError):  # one of another platform
                found = metadata.distribution(name)
                for top in sorted({file.parts[0] for file in found.files or () if file.parts[0] != ".."}):
                    (packages / top).symlink_to(found.locate_file(top))
        return
    pinned = pip(folder, "--require-hashes", "-r", str(pins))
    if pinned.returncode and any(says in pinned.stderr for says in NO_INDEX):
        pytest.skip("no package index is reachable: the packages are not installed")
    assert pinned.returncode == 0, pinned.stderr


@pytest.fixture
def installed() -> Iterator[Installation]:
    with install() as found:
        yield found


@contextmanager
def install(*options: str, locked: str = "run") -> Iterator[Installation]:
    """Make an empty environment with the pinned, hashed packages and the wheel, closed to writing."""
    folder = Path(tempfile.mkdtemp(prefix="releve-wheel-"))
    folder.chmod(0o755)
    try:
        built = subprocess.run(
            [str(ROOT / "scripts" / "wheel"), *options, str(folder / "dist")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stderr
        (wheel,) = (folder / "dist").glob("releve-*.whl")
        fill(folder, locked)
        added = pip(folder, "--no-deps", "--no-index", str(wheel))
        assert added.returncode == 0, added.stderr
        (folder / "user").mkdir(mode=0o700)
        yield Installation(folder, _choose_user(folder))
    finally:
        subprocess.run(["chmod", "-R", "u+w", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _choose_user(folder: Path) -> int | None:
    """Close the packages; return whose commands run: not root's, for whom nothing is closed."""
    subprocess.run(["chmod", "-R", "a-w", str(folder / "venv")], check=True)
    if os.geteuid() != 0:
        return None
    try:  # may another user start this Python at all?
        subprocess.run(
            [str(folder / "venv" / "bin" / "python"), "-c", ""],
            user=OTHER_USER, group=OTHER_USER, extra_groups=[], check=True, capture_output=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    os.chown(folder / "user", OTHER_USER, OTHER_USER)
    return OTHER_USER


@pytest.mark.slow
def test_the_wheel_does_the_main_job_from_packages_that_may_not_be_written(installed: Installation) -> None:
    before, given = installed.files(), installed.give_kernels()
    said = installed.run("init", "--administrator", "marie")
    assert re.search(r"marie, choose a password: http\S+", said)
    call = "--client banque --object electricity --sector energy-supply --at 2026-11-24T10:30:00+01:00"
    done = installed.run_in_turn(
        "doctor",
        SAMPLE,
        "plan operator --out plan",
        "outbound start facts",
        f"outbound check +33144500001 {call} --facts facts",
        "outbound rules",
        "ledger seal",
        "ledger export ledger.jsonl --verifier verify.py",
    )
    assert [code for code, _ in done] == [0, 0, 0, 0, 1, 0, 0, 0], done
    doctor, _, plan, _, refused, rules, *_ = (out for _, out in done)
    assert "FAULT" not in doctor
    assert "N-1" in plan
    assert "FR-" in refused
    assert "FR-HOURS" in rules
    found = installed.list_kernels()
    assert any(MISSING in path for path in found), "what is compiled is kept"
    assert found.items() >= given.items(), "what the checkout compiled is loaded"
    with installed.serve() as address:
        page = read_page(f"{address}/account/login/", {"Accept-Language": "fr"})
        assert "Mot de passe" in page
        (style, *_) = re.findall(r'href="(/static/[^"]+\.css)"', page)
        assert "{" in read_page(f"{address}{style}")
    assert installed.files() == before, "nothing was written into the packages"


@pytest.mark.slow
def test_without_extras_the_engines_run_their_quick_starts_and_no_framework_is_there() -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "notebook.md").read_text("utf-8"), re.M | re.S)
    with install(locked="engines") as bare:
        pip_check = [sys.executable, "-m", "pip", "--python", str(bare.folder / "venv/bin/python"), "check"]
        checked = subprocess.run(pip_check, capture_output=True, text=True, check=False)
        assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
        for name in ("django", "allauth", "click", "psycopg", "cryptography"):
            assert bare.run("-I", "-c", f"import importlib.util as u; print(u.find_spec({name!r}))",
                            program="python") == "None\n"  # fmt: skip
        bare.give_kernels()
        said = bare.run("-I", "-c", "\n".join(blocks), program="python")
        assert len(said.splitlines()) >= len(blocks) == 8
        assert "FR-OPTIN-1" in said
        command = bare.start("releve", "plan", "operator")
        assert command.communicate(timeout=60) == (
            "",
            "Error: click is not installed: the command line comes with pip install 'releve[desk]', "
            "on a gate's host with 'releve[gate]'\n",
        )
        assert command.returncode == 1


@pytest.fixture(scope="module")
def core() -> Iterator[Installation]:
    with install("--core") as found:
        found.give_kernels()
        yield found


@pytest.mark.slow
def test_the_core_alone_plans_and_lives_through_a_closure_in_a_drill(core: Installation) -> None:
    assert not (core.packages / "releve" / "plugins").exists()
    core.run("init")
    until = datetime.now(UTC) + timedelta(days=30)  # by the clock of the installation
    done = core.run_in_turn(
        "--help",
        "doctor",
        f"{SAMPLE} --start {DAY}",
        "plan operator --out plan",
        "registry import operator --yes",
        "live activate plan",
        f"live drill start Exercice --at {DAY}T10:40",
        f"desk token add robot --role continuity --until {until:%Y-%m-%d}",
    )
    assert [code for code, _ in done] == [0] * len(done), done
    said, doctor, _, plan, _, _, drill, given = (out for _, out in done)
    subjects = re.findall(r"^  ([a-z]+) ", said.partition("Commands:")[2], re.MULTILINE)
    assert {"init", "live", "plan"} < {*subjects}
    assert not {"crashtest", "outbound", "sector"} & {*subjects}
    assert "FAULT" not in doctor
    assert "N-1" in plan
    drill = drill.split()[0]
    (secret,) = re.findall(r"releve_\S+", given)
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "closure-1"}
    with core.serve("--open", "--act") as address:
        api = f"{address}/api/v1"
        (site, _) = json.loads(read_page(f"{api}/sites?stream={drill}", headers))["sites"]
        closure = {"site": site["site"], "cause": "operator", "reason": "Crack in a pillar"}
        read_page(f"{api}/events/site.closed?stream={drill}", headers, closure)
        core.run("live", "work", "--once")
        relief = json.loads(read_page(f"{api}/relief?stream={drill}", headers))
        assert (relief["drill"], relief["lost"]) == ("Exercice", [site["site"]])
        assert relief["changed"] > 0
        page = read_page(f"{address}/now")
        links = sorted({*re.findall(r'<a [^>]*href="(/[a-z/]*)"', page)})
        assert {"/now", "/sites", "/ledger/"} <= {*links}
        assert not {"/outbound/", "/crashtest/"} & {*links}
        assert all("<h1" in read_page(f"{address}{link}") for link in links)


@pytest.mark.slow
def test_the_core_alone_passes_its_tests(core: Installation) -> None:
    copy = core.folder / "source"
    for name in ("tests", "bench", "docs", "tools"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    done = subprocess.run(
        [str(core.folder / "venv" / "bin" / "python"), "-m", "pytest", "-n", "0", "-p", "no:cacheprovider",
         "-m", "not slow and not database and not browser and not realdata", *list_core_tests(copy)],
        cwd=copy, env=core.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def list_core_tests(copy: Path) -> list[str]:
    """Return the files of tests of the core's rooms that name no plug-in."""
    names = (*CORE_ROOMS, *MORE_ROOMS) if os.environ.get("RELEVE_FULL_INSTALL") else CORE_ROOMS
    rooms = (copy / "tests" / name for name in names)
    files = sorted(path for room in rooms for path in room.rglob("test_*.py"))
    return [str(path) for path in files if "releve.plugins" not in path.read_text("utf-8")]
