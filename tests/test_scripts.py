"""The scripts a newcomer runs first, and the units and proxies of examples/deploy."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from releve.cli import main
from releve.desk.http import LARGEST_BODY_BYTES
from releve.plan import PlanSettings
from tests.conftest import HEAVIEST
from tests.processes import wait_until

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())
TOOLS = ("awk", "cat", "chmod", "cksum", "cp", "dirname", "mkdir", "mktemp", "rm", "sh")

PYTHON = """#!/bin/sh
here=$(dirname "$0")
case "$*" in
*version_info*"(3, 11)"*) {fits} ;;
*ensurepip*) [ -e "$NOTES/has-venv" ] ;;
*%d.%d*) echo 3.13 ;;
"-m venv "*) echo "venv $3" >>"$NOTES/log"; mkdir -p "$3/bin"; cp "$0" "$3/bin/python" ;;
"-m pip "*)
    echo "pip $*" >>"$NOTES/log"
    for last; do :; done
    [ ! -f "$last" ] || cat "$last" >>"$NOTES/packages"
    [ ! -e "$NOTES/pip-fails" ]
    ;;
*) echo "not known: $*" >&2; exit 9 ;;
esac
"""
APT = """#!/bin/sh
echo "apt-get $*" >>"$NOTES/log"
[ "$1" = update ] || : >"$NOTES/has-venv"
"""


class Machine:
    """A checkout, and a PATH with nothing on it but what is put there."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.notes, self.checkout = (folder / n for n in ("bin", "notes", "check out"))
        for path in (self.bin, self.notes, self.checkout / "scripts", self.checkout / "requirements"):
            path.mkdir(parents=True)
        shutil.copy(ROOT / "scripts" / "setup", self.checkout / "scripts")
        for name in ("requirements/run.txt", "requirements/dev.txt", "pyproject.toml"):
            (self.checkout / name).write_text("1\n", encoding="utf-8")
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None
            (self.bin / tool).symlink_to(found)

    def add(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def user(self, number: int) -> None:
        self.add("id", f"#!/bin/sh\necho {number}\n")

    def note(self, name: str) -> None:
        (self.notes / name).touch()

    def setup(self, kind: str = "run") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.checkout / "scripts" / "setup"), kind],
            env={"PATH": str(self.bin), "NOTES": str(self.notes)},
            capture_output=True,
            text=True,
            check=False,
        )

    def take_log(self) -> list[str]:
        log = self.notes / "log"
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci" / "run"], ids=lambda p: p.name)
def test_every_script_can_be_run_and_parsed(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0


def test_without_any_python_the_set_up_says_what_it_looked_for(machine: Machine) -> None:
    machine.add("python3", PYTHON.format(fits="exit 1"))
    done = machine.setup()
    assert done.returncode == 1
    assert "no Python 3.11 or newer found (looked for python3.13" in done.stderr
    assert machine.take_log() == []


def test_a_user_without_root_learns_which_package_makes_environments(machine: Machine) -> None:
    machine.add("python3", PYTHON.format(fits="exit 0"))
    machine.add("apt-get", APT)
    machine.user(1000)
    done = machine.setup()
    assert done.returncode == 1
    assert "as root: apt-get install python3.13-venv" in done.stderr
    assert machine.take_log() == []


def test_root_gets_the_package_and_then_everything_with_hashes(machine: Machine) -> None:
    machine.add("python3", PYTHON.format(fits="exit 0"))
    machine.add("apt-get", APT)
    machine.user(0)
    listed = [f"package-{number}==1 \\\n    --hash=sha256:{number}\n" for number in range(5)]
    (machine.checkout / "requirements" / "run.txt").write_text("".join(listed), encoding="utf-8")
    done = machine.setup()
    assert done.returncode == 0, done.stderr
    update, install, venv, *halves, checked, own = machine.take_log()
    assert update.startswith("apt-get update")
    assert install.startswith("apt-get install -y")
    assert install.endswith("python3.13-venv")
    assert venv == "venv .venv"
    assert len(halves) == 2
    assert all("--no-deps --require-hashes" in half for half in halves)
    assert sorted((machine.notes / "packages").read_text(encoding="utf-8").splitlines()) == sorted(
        "".join(listed).splitlines()
    ), "each package in one of the halves"
    assert checked.endswith(" check"), "the list lacks nothing"
    assert own.endswith("--no-deps --no-build-isolation -e .")


def test_nothing_is_done_again_until_the_requirements_change(machine: Machine) -> None:
    machine.add("python3.12", PYTHON.format(fits="exit 0"))
    machine.note("has-venv")
    assert machine.setup("dev").returncode == 0
    assert len(machine.take_log()) == 5
    assert machine.setup("dev").returncode == 0
    assert machine.setup("run").returncode == 0, "what is there to test is enough to use"
    assert machine.take_log() == []
    (machine.checkout / "requirements" / "dev.txt").write_text("2\n", encoding="utf-8")
    assert machine.setup("dev").returncode == 0
    assert [line.split()[0] for line in machine.take_log()] == ["pip"] * 4


def test_a_checkout_that_moved_gets_a_new_environment(machine: Machine) -> None:
    machine.add("python3.12", PYTHON.format(fits="exit 0"))
    machine.note("has-venv")
    assert machine.setup().returncode == 0
    machine.take_log()
    machine.checkout = machine.checkout.rename(machine.checkout.parent / "elsewhere")
    assert machine.setup().returncode == 0
    assert [line.split()[0] for line in machine.take_log()] == ["venv", *["pip"] * 4]


def test_a_failed_installation_is_named_and_tried_again(machine: Machine) -> None:
    machine.add("python3.12", PYTHON.format(fits="exit 0"))
    machine.note("has-venv")
    machine.note("pip-fails")
    done = machine.setup()
    assert done.returncode == 1
    assert "requirements/run.txt could not be installed" in done.stderr
    (machine.notes / "pip-fails").unlink()
    machine.take_log()
    assert machine.setup().returncode == 0
    assert [line.split()[0] for line in machine.take_log()] == ["pip"] * 4


@pytest.mark.parametrize(
    ("script", "arguments", "said"),
    [
        ("setup", ["everything"], "no kind 'everything'"),
        ("demo", ["--twice"], "no option '--twice'"),
        ("demo", ["--agents"], "--agents needs a number"),
        ("bench", ["nothing"], "no benchmark 'nothing'"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_done(script: str, arguments: list[str], said: str) -> None:
    done = subprocess.run([str(ROOT / "scripts" / script), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert said in done.stderr


def test_every_benchmark_that_is_known_exists() -> None:
    text = (ROOT / "scripts" / "bench").read_text(encoding="utf-8")
    usual = text.partition('usual="')[2].partition('"')[0].split()
    more = text.partition('known="$usual ')[2].partition('"')[0].split()
    assert usual == [
        "erlang", "seats", "forecast", "plan", "rounding", "transport", "hybrid", "bulletin",
        "queue", "live", "ledger", "standings", "registry", "outbreak", "crashtest", "desk", "grid",
        "screen", "gate", "slow_clients", "moves", "first_closure", "load", "growth", "faults", "telework",
        "start",
    ]  # fmt: skip
    assert more == ["sector", "service_day", "validate", "closure", "routing", "routing_outbound"]
    assert [name for name in usual + more if find_spec(f"bench.{name}") is None] == []


def run_bench(name: str, *options: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *options, "--json"], cwd=ROOT, capture_output=True, text=True,
        check=False, env={key: text for key, text in os.environ.items() if key != "RELEVE_HOME"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_day_of_operation_adds_rows_of_which_retention_takes_back_its_share() -> None:
    found = run_bench("growth", "--agents", "80", "--sites", "3", "--step", "60")
    rows = {at: {name: row[0] for name, row in found[at].items()} for at in ("before", "day", "+91 d", "+1097 d")}
    for name in ("ledger_entry", "live_message", "live_effect", "live_relief", "service_record_intervalreport"):
        assert rows["before"][name] < rows["day"][name]
    assert found["answers"] > 0
    assert found["log"]["requests lines"] == found["pages"] > 0
    assert rows["+91 d"]["live_effect"] == 0
    assert rows["+91 d"]["ledger_entry"] >= rows["day"]["ledger_entry"], "proofs stay"
    assert rows["+1097 d"]["service_record_intervalreport"] == 0


@pytest.mark.slow
def test_few_moves_the_fewest_of_those_who_hold_clients_and_coverage_serves_the_worst_client_best() -> None:
    settings, differ = PlanSettings(), False
    for row in run_bench("moves", "--only", "50,2,1,0"):
        for at in ("as the day begins", "at 10:30"):
            found = {one["aim"]: one for one in row["aims"] if one["at"] == at}
            few, coverage = found["few"], found["coverage"]
            held = [one["moved"] for one in found.values() if one["worst"] <= settings.target]
            assert few["moved"] <= min([coverage["moved"], *held])
            least = min(one["worst"] for one in found.values())
            assert coverage["worst"] <= least + settings.relief_tolerance + 1e-6
            differ |= few["moved"] < coverage["moved"]
            if at == "as the day begins":
                assert found["balanced"]["moved"] == row["asked"], "the live chain makes what the plan prepared"
    assert differ


def test_the_files_that_start_first_exist() -> None:
    assert [name for name in HEAVIEST if not (ROOT / name).is_file()] == []


STAGE = """#!/bin/sh
echo "$(basename "$0") $*" >>"$NOTES/log"
case "$*" in
*version_info*) exit 0 ;;
*pytest*) echo "$RUNS" >"$RELEVE_TEST_COUNT" ;;
esac
case "$0 $*" in
*"$FAILS"*)
    until [ -z "$AWAITS" ] || [ -s "$NOTES/$AWAITS" ]; do sleep 0.1; done
    exit 1
    ;;
esac
"""
HANGS = 'sleep 300 & echo "$!" >"$NOTES/hangs"; wait'
"""What a part beside may do while another fails."""


def closing_summary(
    folder: Path, fails: str, *asked: str, stored: str = 'exec "$@"', awaits: str = ""
) -> tuple[int, list[list[str]], list[str]]:
    """Run ``scripts/test`` with made-up tools, the one called with ``fails`` failing, once a file ``awaits``
    is there; ``stored``: what is done instead of the tests of PostgreSQL.

    Return its status, its table, and what the tools were called with.
    """
    for name in ("scripts", ".venv/bin", "tools"):
        (folder / name).mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "test", folder / "scripts")
    tools = ("tools/chromium", "tools/kamailio", "tools/sipp")
    for name in ("scripts/setup", "scripts/lint", ".venv/bin/python", *tools):
        path = folder / name
        path.write_text(STAGE, encoding="utf-8")
        path.chmod(0o755)
    runs_on = folder / "scripts" / "with-postgres"
    runs_on.write_text(f"#!/bin/sh\n{stored}\n", encoding="utf-8")
    runs_on.chmod(0o755)
    path = f"{folder / 'tools'}:{os.environ['PATH']}"
    done = subprocess.run(
        [str(folder / "scripts" / "test")],
        env={"PATH": path, "NOTES": str(folder), "RUNS": "12", "FAILS": fails, "AWAITS": awaits}
        | dict.fromkeys(asked, "1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    table = [line.split() for line in done.stdout.split("processor\n")[1].splitlines()]
    calls = (folder / "log").read_text(encoding="utf-8").splitlines()
    tests = [call for call in calls if "pytest" in call]
    return done.returncode, table, sorted(tests, key=lambda call: "-m database" in call)  # it runs beside the slow


def test_the_run_closes_with_tests_and_time_of_every_part(tmp_path: Path) -> None:
    status, lines, calls = closing_summary(tmp_path, "nothing fails")
    assert status == 0
    assert [line[:3] for line in lines] == [
        ["warm", "done", "-"],
        ["fast", "done", "12"],
        ["lint", "done", "-"],
        ["slow", "done", "12"],
        ["postgresql", "done", "12"],
    ]
    assert all(int(line[3]) >= 0 and int(line[4]) >= 0 for line in lines)
    assert not any("coverage" in call for call in calls)


def test_on_request_coverage_is_reported_and_both_databases_run_all_they_can(tmp_path: Path) -> None:
    asked = ("RELEVE_COVERAGE", "RELEVE_ALL_ENGINES")
    status, lines, calls = closing_summary(tmp_path, "nothing fails", *asked)
    assert status == 0
    assert [line[0] for line in lines] == ["warm", "fast", "coverage", "lint", "slow", "postgresql"]
    fast, slow, stored = calls
    assert "-m coverage run -m pytest" in fast
    assert slow.endswith("-m slow")
    assert stored.endswith("-m database")


def test_too_few_lines_reached_fail_the_run_that_counts_them(tmp_path: Path) -> None:
    status, lines, _ = closing_summary(tmp_path, "report", "RELEVE_COVERAGE")
    assert status == 1
    assert [line[0] for line in lines] == ["warm", "fast", "coverage"]


def test_each_test_of_postgresql_alone_is_slow_and_in_a_folder_that_runs_there(tmp_path: Path) -> None:
    """Else it would run nowhere: not in the slow part, not in that of PostgreSQL."""
    _, _, (_, slow, stored) = closing_summary(tmp_path, "nothing fails")
    assert slow.endswith("-m slow and not postgresql")
    folders = stored.partition("-m database ")[2].split()
    mark = "mark." + "postgresql"
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if mark in text:
            assert any(path.is_relative_to(ROOT / folder) for folder in folders), path
            assert "mark.slow" in text, path
            assert "mark.database" in text, path


@pytest.mark.parametrize(
    ("fails", "parts"),
    [
        ("tests.warm", ["warm"]),
        ("-m not slow", ["warm", "fast"]),
        ("scripts/lint", ["warm", "fast", "lint"]),
        ("-m slow", ["warm", "fast", "lint", "slow"]),
        ("-m database", ["warm", "fast", "lint", "slow", "postgresql"]),
    ],
)
def test_a_part_that_fails_ends_the_run_and_is_named(tmp_path: Path, fails: str, parts: list[str]) -> None:
    status, lines, _ = closing_summary(tmp_path, fails)
    assert status == 1
    assert [line[0] for line in lines] == parts
    assert [line[1] for line in lines] == ["done"] * (len(parts) - 1) + ["FAILED"]


def test_what_runs_beside_a_part_that_fails_ends_with_it(tmp_path: Path) -> None:
    status, lines, _ = closing_summary(tmp_path, "-m slow", stored=HANGS, awaits="hangs")
    assert (status, lines[-1][:2]) == (1, ["slow", "FAILED"])
    left = int((tmp_path / "hangs").read_text(encoding="utf-8"))
    wait_until(lambda: not Path(f"/proc/{left}").exists(), 20, "it goes on")


STAND_IN = """#!/bin/sh
echo "$$ $*" >>"$NOTES/log"
stay() { sleep 300 & echo "$! child" >>"$NOTES/log"; wait; }
case "$*" in
plan\\ *)
    [ "$WHERE" = planning ] && stay
    mkdir -p var/demo/plan
    : >var/demo/plan/plan-2026-11-30.json
    case "$*" in *--days*) stay ;; esac
    echo "the verdict"
    ;;
"live work" | desk\\ *) stay ;;
esac
exit 0
"""


@contextmanager
def demo(folder: Path, where: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``scripts/demo`` in a checkout whose commands only note that they run, and stay."""
    for name in ("scripts", ".venv/bin"):
        (folder / name).mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "demo", folder / "scripts")
    for name in ("scripts/setup", ".venv/bin/releve", ".venv/bin/python"):
        (folder / name).write_text(STAND_IN, encoding="utf-8")
        (folder / name).chmod(0o755)
    # An ignored signal (nohup, a background job) stays ignored in children; no shell can trap it.
    caught = (signal.SIGINT, signal.SIGHUP)
    inherited = [signal.signal(number, signal.SIG_DFL) for number in caught]
    try:
        with (folder / "said").open("wb") as said:
            done = subprocess.Popen(
                [str(folder / "scripts" / "demo"), *(["--once"] if where == "once" else [])],
                env={"PATH": os.environ["PATH"], "NOTES": str(folder), "WHERE": where},
                stdout=said,
                stderr=subprocess.STDOUT,
            )
    finally:
        for number, handler in zip(caught, inherited, strict=True):
            signal.signal(number, handler)
    try:
        yield done
    finally:
        for process in (done.pid, *(process for process, _ in noted(folder))):
            if runs(process):
                os.kill(process, signal.SIGKILL)
        done.wait(timeout=60)


def noted(folder: Path) -> list[tuple[int, str]]:
    log = folder / "log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [(int(line.partition(" ")[0]), line.partition(" ")[2]) for line in lines]


def wait_for(folder: Path, *starts: str) -> None:
    until = time.monotonic() + 60
    while not all(any(what.startswith(start) for _, what in noted(folder)) for start in starts):
        assert time.monotonic() < until, noted(folder)
        time.sleep(0.05)


def runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize(
    ("where", "starts"), [("planning", ("plan ", "child")), ("serving", ("plan ", "live work", "desk serve"))]
)
def test_a_signal_to_the_demo_alone_ends_all_it_started(
    tmp_path: Path, where: str, starts: tuple[str, ...], number: signal.Signals
) -> None:
    with demo(tmp_path, where) as done:
        wait_for(tmp_path, *starts)
        done.send_signal(number)
        assert done.wait(timeout=60) == 128 + number
        time.sleep(0.2)
        left = [what for process, what in noted(tmp_path) if runs(process)]
    assert left == []


def test_the_demo_serves_the_first_day_while_it_plans_the_others(tmp_path: Path) -> None:
    """The stand-in of the plan never ends: the pages do not wait for it."""
    with demo(tmp_path, "serving") as done:
        wait_for(tmp_path, "desk serve", "live work")
        (plan,) = [process for process, what in noted(tmp_path) if what.startswith("plan ")]
        assert runs(plan)
        os.kill(plan, signal.SIGKILL)  # a plan that fails takes no page away
        time.sleep(0.5)
        (desk,) = [process for process, what in noted(tmp_path) if what.startswith("desk ")]
        assert runs(desk)
        assert done.poll() is None


def test_the_demo_run_once_ends_with_the_verdict_and_its_status(tmp_path: Path) -> None:
    with demo(tmp_path, "once") as done:
        assert done.wait(timeout=60) == 0
        assert not [what for process, what in noted(tmp_path) if runs(process)]
    assert (tmp_path / "said").read_text(encoding="utf-8") == "the verdict\n"


DEPLOY = Path(__file__).parents[1] / "examples" / "deploy"
UNITS = ("releve-desk.service", "releve-gate.service", "releve-worker.service")


def need(tool: str) -> str:
    found = shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        pytest.skip(f"no {tool} on this machine")
    return found


def run(*line: str | Path) -> str:
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr or done.stdout
    return done.stdout + done.stderr


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with a program that is there in place of the installed one."""
    for path in DEPLOY.glob("releve*.*"):
        text = path.read_text(encoding="utf-8").replace("/opt/releve/bin/releve", "/bin/true")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    return tmp_path


def test_systemd_takes_the_units(units: Path) -> None:
    tool = need("systemd-analyze")
    said = run(tool, "verify", "--man=no", *(units / name for name in (*UNITS, "releve.target")))
    assert str(units) not in said, said


def test_the_units_are_installed_with_the_paths_in_use(tmp_path: Path) -> None:
    env, to = tmp_path / "releve.env", tmp_path / "units"
    env.write_text(
        "RELEVE_HOME=/var/lib/releve\n"
        f"RELEVE_OUTSIDE={tmp_path}/the outside\n"
        'RELEVE_IDENTITY_FILE="/srv/identity/names.box"\n'
        "RELEVE_KAMAILIO_PROXIES=one=http://127.0.0.1/rpc,/etc/kamailio/one.list;two=http://b/rpc,/srv/two/two.list\n",
        encoding="utf-8",
    )
    run(DEPLOY / "install-units", "--program", "/bin/true", "--env", env, to)
    unit = (to / "releve-worker.service").read_text(encoding="utf-8")
    assert "\nExecStart=/bin/true live work\n" in unit
    assert f"\nEnvironmentFile={env}\n" in unit
    opened = (to / "releve-worker.service.d" / "paths.conf").read_text(encoding="utf-8").splitlines()
    folders = [f"{tmp_path}/the outside", "/etc/kamailio", "/srv/identity", "/srv/two"]
    assert sorted(opened[2:]) == sorted(f'ReadWritePaths="-{folder}"' for folder in folders)
    said = run(need("systemd-analyze"), "verify", "--man=no", *(to / name for name in (*UNITS, "releve.target")))
    assert str(to) not in said, said


@pytest.mark.parametrize("unit", UNITS)
def test_the_sandbox_leaves_little_open(units: Path, unit: str) -> None:
    """Exposure as systemd counts it, in tenths: 100 is none at all, a plain service 96."""
    run(need("systemd-analyze"), "security", "--offline=true", "--threshold=25", units / unit)


@pytest.mark.parametrize("unit", UNITS)
def test_the_commands_of_the_units_are_commands(unit: str) -> None:
    reader = configparser.RawConfigParser(strict=False)
    reader.read(DEPLOY / unit, encoding="utf-8")
    line = reader["Service"]["ExecStart"].split()[1:]
    context = main.make_context("releve", [*line, "--help"], resilient_parsing=True)
    command = main.get_command(context, line[0])
    assert command is not None
    command = command.get_command(context, line[1])  # type: ignore[attr-defined]
    assert command is not None
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in line[2:] if word.startswith("--")} <= known


def write_certificate(folder: Path) -> None:
    """Write a certificate of its own for the proxy of the test."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "desk.example.org")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "privkey.pem").write_bytes(secret)


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    tool = need("nginx")
    write_certificate(tmp_path)
    site = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    site = site.replace("/etc/letsencrypt/live/desk.example.org", str(tmp_path))
    site = site.replace("/var/log/nginx", str(tmp_path))
    (tmp_path / "site.conf").write_text(site, encoding="utf-8")
    main_file = tmp_path / "nginx.conf"
    main_file.write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\n"
        f"http {{\n access_log off;\n include {tmp_path}/site.conf;\n}}\n",
        encoding="utf-8",
    )
    run(tool, "-t", "-p", tmp_path, "-c", main_file)


def test_nginx_logs_no_address_which_holds_tokens_and_ids_of_people() -> None:
    for site in (DEPLOY / "nginx.conf").read_text(encoding="utf-8").split("server {")[1:]:
        assert "access_log off;" in site
        assert "error.log crit;" in site


def test_caddy_takes_its_file() -> None:
    run(need("caddy"), "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile")


def test_the_proxies_take_as_large_a_body_as_the_desk() -> None:
    most = LARGEST_BODY_BYTES // 1024**2 + 1
    assert f"client_max_body_size {most}m;" in (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert f"max_size {most}MB" in (DEPLOY / "Caddyfile").read_text(encoding="utf-8")
