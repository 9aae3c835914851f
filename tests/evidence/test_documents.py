"""Single proofs and roots as a third party verifies them; what was recorded late shows."""

from __future__ import annotations

import ast
import copy
import importlib.util
import json
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.plugin import DjangoDbBlocker

from releve.ledger import verify
from releve.ledger.digests import canonical_json
from releve.ledger.disclosure import prove_entry
from releve.ledger.export import export_lines
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.network import day_bounds
from releve.plugins.evidence.pack import build_pack
from releve.plugins.evidence.paper import Paper, typeset
from releve.plugins.evidence.sources import PackRequest
from releve.plugins.inspection import verify_draw
from releve.registry import storage
from releve.situation import LATE_MINUTES, measure_delay
from tests.evidence.conftest import Ledger
from tests.evidence.pack_house import FIRST, LAST, SITE, fill_house, record_event
from tests.ledger.conftest import KEY

pytestmark = [pytest.mark.django_db, pytest.mark.database]

SOURCE = Path(verify.__file__)


def run(folder: Path, *arguments: str, python: str = sys.executable) -> Any:
    """Run a copy of the verifier in a folder with nothing else, without site packages."""
    shutil.copy(SOURCE, folder / "verify.py")
    command = [python, "-I", "-S", "verify.py", *arguments]
    return subprocess.run(command, cwd=folder, env={}, capture_output=True, text=True, encoding="utf-8", check=False)


def rewritten(folder: Path, name: str, change: Callable[[dict[str, Any]], object]) -> str:
    """Write a changed copy of a document; return its name."""
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    change(document)
    (folder / "changed.json").write_text(canonical_json(document) + "\n", encoding="utf-8")
    return "changed.json"


def test_it_runs_alone_and_says_what_holds(written: Path, ledger: Ledger) -> None:
    done = run(written, "export.jsonl", "--key", ledger.key, "--root", "root-000002.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "VERIFIED 14 entries in one unbroken chain, 2 roots\n"
        "entries 13 to 14: under no root yet, only chained\n"
        "entries 1 to 12: as a root from outside has them\n"
        "personal values: 6 shown, 1 not\n"
    )


def test_no_module_that_came_with_the_files_is_run(written: Path, ledger: Ledger) -> None:
    """A sender's json.py beside the verifier would say what it likes; __future__.py did so too."""
    shutil.copy(SOURCE, written / "verify.py")
    for name in sys.stdlib_module_names:
        (written / f"{name}.py").write_text("raise SystemExit('VERIFIED')\n", encoding="utf-8")
    for flags in (["-S"], ["-I"]):  # site packages may have read __future__ before
        command = [sys.executable, *flags, "verify.py", "proof.json", "--key", ledger.key]
        done = subprocess.run(command, cwd=written, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("VERIFIED entry 7")


@pytest.mark.parametrize("planted", ["__future__.py", "json.py", "__pycache__"])
def test_no_code_that_came_with_the_files_is_run_for_a_draw(planted: str, tmp_path: Path) -> None:
    """Compiled code beside verify.py need not be that of verify.py."""
    for source in (SOURCE, Path(verify_draw.__file__)):
        shutil.copy(source, tmp_path / source.name)
    text = "raise SystemExit('planted')\n"
    (tmp_path / "planted.py").write_text(text, encoding="utf-8")
    if planted == "__pycache__":
        compiled = importlib.util.cache_from_source(str(tmp_path / "verify.py"))
        unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(tmp_path / "planted.py"), compiled, invalidation_mode=unchecked)
    else:
        (tmp_path / planted).write_text(text, encoding="utf-8")
    (tmp_path / "draw.json").write_text("{}\n", encoding="utf-8")
    given = ("draw.json", "--key", "0" * 64, "--anchor", "0")
    command = [sys.executable, "-S", "verify_draw.py", *given]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode
    assert "planted" not in done.stdout + done.stderr


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.12", "3.13"])
def test_it_runs_on_other_pythons(written: Path, ledger: Ledger, version: str) -> None:
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "-V"], capture_output=True, check=False).returncode:
        pytest.skip(f"no Python {version} here")
    for name in ("export.jsonl", "proof.json"):
        done = run(written, name, "--key", ledger.key, python=python)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_it_needs_the_standard_library_alone_of_python_3_9() -> None:
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"), feature_version=(3, 9))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        (node.module if isinstance(node, ast.ImportFrom) else alias.name) or ""
        for node in imports
        for alias in node.names
    }
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_a_fault_is_printed_and_is_status_1(written: Path, ledger: Ledger) -> None:
    lines = list(ledger.lines)
    lines[ledger.line_of(4)] = lines[ledger.line_of(4)].replace("casa-4", "casa-5")
    (written / "export.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = run(written, "export.jsonl", "--key", "key.txt")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "FAULT line 5, entry 4: its content or its hash was changed: they do not belong together",
        "NOT VERIFIED, faults: 1",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "required"),
        (("export.jsonl",), "--key"),
        (("export.jsonl", "--key", "none.txt"), "none.txt"),
        (("export.jsonl", "--key", "proof.json"), "holds no public key"),
        (("none.jsonl", "--key", "key.txt"), "none.jsonl"),
        (("export.jsonl", "--key", "key.txt", "--root", "none.json"), "none.json"),
        (("export.jsonl", "--key", "key.txt", "--root", "proof.json"), "proof.json: the signed"),
        (("export.jsonl", "--key", "key.txt", "--odd"), "--odd"),
    ],
)
def test_a_wrong_call_is_status_2(written: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run(written, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("content", [b"", b"\n", b"\x00" * 9, b"{}\n", b'"text"\n', b"{}\n{}\n"])
def test_another_file_is_a_fault_not_a_crash(written: Path, content: bytes) -> None:
    (written / "export.jsonl").write_bytes(content)
    done = run(written, "export.jsonl", "--key", "key.txt")
    assert done.returncode == 1
    assert done.stdout.startswith("FAULT ")
    assert done.stderr == ""


def test_one_entry_is_proved_without_the_others(written: Path, ledger: Ledger) -> None:
    text = (written / "proof.json").read_text(encoding="utf-8")
    assert len(text) < 3000
    assert "agent-7" in text
    assert not any(f"casa-{n}" in text for n in range(2, 9))
    done = run(written, "proof.json", "--key", ledger.key, "--root", "root-000002.json")
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("VERIFIED entry 7 is under root 2, sealed at ")
    assert done.stdout.endswith("'agent' is \"agent-7\"\n")


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "kind": (lambda p: p["entry"].update(kind="site.opened"), "entry 7: its content or its hash"),
    "hash": (lambda p: p.update(hash="1" * 64), "entry 7: its content or its hash"),
    "number": (lambda p: p["entry"].update(seq=6), "entry 6: its content or its hash"),
    "value": (lambda p: p["values"][0].update(value="x"), "entry 7: the value or salt of 'agent'"),
    "salt": (lambda p: p["values"][0].update(salt="1" * 64), "entry 7: the value or salt"),
    "path": (lambda p: p["path"].reverse(), "entry 7 is not shown to be under root 2"),
    "path cut": (lambda p: p["path"].pop(), "entry 7 is not shown to be under root 2"),
    "path of other things": (lambda p: p.update(path=[1]), "the path must be a list of hashes"),
    "tree": (lambda p: p["root"].update(tree="1" * 64), "the signature of root 2 is wrong"),
    "signature": (lambda p: p.update(signature="x"), "the signature of root 2 is wrong"),
    "more": (lambda p: p.update(more=1), "the proof must have exactly"),
    "size": (lambda p: p["root"].update(size=0), "not a root of this kind"),
    "no seq": (lambda p: p["entry"].update(seq="7"), "seq of the entry is no number"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_proof_that_was_changed_is_refused(written: Path, ledger: Ledger, change: str) -> None:
    name = rewritten(written, "proof.json", CHANGES[change][0])
    faults, summary, _ = verify.check_file(written / name, verify.Keys([ledger.key]), [], "en")
    assert summary == ""
    assert len(faults) == 1
    assert CHANGES[change][1] in faults[0]


def test_a_proof_is_tied_to_a_root_from_outside_by_a_proof_of_growth(written: Path) -> None:
    line = ("proof.json", "--key", "key.txt", "--root", "root-000001.json")
    done = run(written, *line)
    assert (done.returncode, done.stdout) == (2, ""), "no alarm: it does not say so"
    assert "releve ledger growth 1 2 --out growth.json" in done.stderr
    assert run(written, *line, "--growth", "growth.json").returncode == 0
    assert run(written, *line, "--growth", "proof.json").returncode == 2


def test_a_root_from_outside_that_was_signed_twice_is_a_fault(written: Path, ledger: Ledger) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(KEY))
    root = json.loads(ledger.roots[1].text)["root"] | {"tree": "1" * 64}
    signed = {"root": root, "signature": key.sign(verify.signed_bytes(root)).hex()}
    (written / "other.json").write_text(canonical_json(signed) + "\n", encoding="utf-8")
    for name in ("proof.json", "growth.json", "root-000002.json"):
        done = run(written, name, "--key", "key.txt", "--root", "other.json")
        assert done.returncode == 1
        assert "root 2 from outside is another: the history was rewritten" in done.stdout


def test_growth_is_proved_from_one_root_to_the_next(written: Path, ledger: Ledger) -> None:
    both = ("--root", "root-000001.json", "--root", "root-000002.json")
    done = run(written, "growth.json", "--key", ledger.key, *both)
    assert done.returncode == 0, done.stdout
    message = "VERIFIED the entries under root 1 are the first under root 2\n"
    assert done.stdout == message
    for change in (
        lambda p: p["path"].reverse(),
        lambda p: p.update(first=p["second"], second=p["first"]),
        lambda p: p.update(first=p["second"]),
    ):
        faults, *_ = verify.check_file(
            written / rewritten(written, "growth.json", change), verify.Keys([ledger.key]), [], "en"
        )
        assert "is not shown to have grown" in faults[0]


def test_a_root_alone_is_checked(written: Path, ledger: Ledger) -> None:
    done = run(written, "root-000001.json", "--key", ledger.key)
    assert (done.returncode, done.stdout) == (0, "VERIFIED root 1 over 5 entries is signed\n")
    name = rewritten(written, "root-000001.json", lambda p: p["root"].update(size=6))
    assert run(written, name, "--key", ledger.key).returncode == 1


AFTERWARDS = "2026-11-29T20:00+00:00"
"""When two checks and a visit of the days before were written down."""


def backdate() -> list[Any]:
    checks = [
        record_event("check.done", f"2026-11-{day}T16:00+00:00", AFTERWARDS, site=SITE,
                     day=f"2026-11-{day}", commission=[], transport_fill=None, symptomatic=0,
                     note="", findings=[{"measure": "masks", "verdict": "kept", "note": ""}])
        for day in (26, 27)
    ]  # fmt: skip
    visit = record_event("inspection.held", "2026-11-27T09:00+00:00", AFTERWARDS, site=SITE,
                         authority="CMP", unannounced=True, inspectors=[], findings=[], photos=[],
                         note="")  # fmt: skip
    return [*checks, visit]


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Return a site's pack, its public key, and what its pages print."""
    storage.clear_cache()
    printed: list[str] = []

    def note_paper(paper: Paper, attached: Any) -> bytes:
        printed.append(json.dumps(paper.content, ensure_ascii=False))
        return typeset(paper, attached)

    with (
        django_db_blocker.unblock(),
        override_settings(LEDGER_KEY=KEY),
        transaction.atomic(),
        pytest.MonkeyPatch.context() as patch,
    ):
        fill_house(*backdate())
        patch.setattr("releve.plugins.evidence.pack.typeset", note_paper)
        built = build_pack(PackRequest("inspection", SITE, FIRST, LAST, "en"))
        key = public_key()
        transaction.set_rollback(True)
    yield json.loads(built.document), key, printed[-1]
    storage.clear_cache()


def find_statement(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["statements"] if one["id"] == name)


def check_as_issued(document: dict[str, Any], key: str, language: str = "en") -> tuple[Any, str]:
    """Verify a document, whatever note its issuer signed for it."""
    found = verify.check_pack(document, verify.Keys([key]), [], None, language)
    return found.faults, found.summary


def test_a_figure_says_how_many_of_its_entries_were_recorded_late(made: Any) -> None:
    document, _key, printed = made
    days = find_statement(document, "check-days")
    assert (days["value"], days["late"], len(days["of"])) == (8, 2, 8)
    assert find_statement(document, "visits")["late"] == 1
    assert find_statement(document, "closures")["late"] == 0
    found = find_statement(document, "measure-masks")
    assert (found["value"], found["late"]) == ("kept", 1)
    pages = json.loads(printed)
    late = next(table for table in pages["tables"] if table["heading"].startswith("Recorded late"))
    assert str(LATE_MINUTES) in late["heading"]
    assert [row[2:4] for row in late["rows"]] == [
        ["2026-11-26", "2026-11-29 21:00"],
        ["2026-11-27", "2026-11-29 21:00"],
        ["2026-11-27 10:00", "2026-11-29 21:00"],
    ]
    figures = next(table for table in pages["tables"] if table["heading"] == "Figures")
    assert any(row[2].endswith("; recorded late: 2") for row in figures["rows"])


def test_a_pack_prints_the_hash_of_its_verifier_and_where_else_it_is(made: Any) -> None:
    document, _key, printed = made
    digest = sha256(Path(verify.__file__).read_bytes()).hexdigest()
    assert document["made_with"]["verifier_sha256"] == digest
    check = json.loads(printed)["check"]
    assert ["verify.py, SHA-256", digest] in check["root"]
    assert any("wheel and the source of Relève" in step for step in check["steps"])


def test_the_verifier_prints_how_much_was_recorded_late(made: Any) -> None:
    document, key, _printed = made
    faults, summary = check_as_issued(document, key)
    assert faults == []
    entries = len(document["entries"])
    assert f"recorded late: 3 of {entries} entries, by up to 68 h 00 min" in summary
    assert "8 (2 of its 8 entries recorded late)" in summary
    assert "tardivement" in check_as_issued(document, key, "fr")[1]


def hide_late(pack: dict[str, Any]) -> None:
    for one in pack["statements"]:
        one["late"] = 0


def stretch_days(pack: dict[str, Any]) -> None:
    for days in pack["day_ends"].values():
        days.update(dict.fromkeys(days, "2026-11-29T23:59:59.000000Z"))


@pytest.mark.parametrize(
    ("bend", "said"), [(hide_late, "recorded late, computed is 2"), (stretch_days, "does not end at")]
)
def test_late_records_that_the_issuer_hides_are_faults(
    made: Any, bend: Callable[[dict[str, Any]], None], said: str
) -> None:
    document, key, _printed = made
    bent = copy.deepcopy(document)
    bend(bent)
    try:
        faults = check_as_issued(bent, key)[0]
    except verify.VerifyError as fault:
        faults = [str(fault)]
    assert any(said in fault for fault in faults), faults


@given(
    st.integers(-300, 30_000),
    st.booleans(),
    st.sampled_from(["Africa/Casablanca", "Europe/Paris", "Indian/Antananarivo"]),
)
def test_the_verifier_and_the_engine_measure_alike(minutes: int, about_day: bool, time_zone: str) -> None:
    happened = datetime(2026, 10, 24, 15, tzinfo=UTC)  # the night after it, Paris changes its clocks
    recorded = happened + timedelta(minutes=minutes, seconds=minutes % 60)
    day = date(2026, 10, 24) if about_day else None
    body = {"happened_at": happened.isoformat(), "site": "s"}
    if day is not None:
        body["day"] = day.isoformat()
    ended = day_bounds(date(2026, 10, 24), time_zone)[1].isoformat()
    record = {"entry": {"body": body, "recorded_at": recorded.isoformat()}}
    found = verify.late_minutes(record, {"day_ends": {"s": {"2026-10-24": ended}}})
    delay = measure_delay(happened, recorded, day, time_zone)
    assert found == -(-delay // timedelta(minutes=1))


def test_an_export_and_a_proof_say_what_was_recorded_late(db: None, settings: Any) -> None:
    settings.LEDGER_KEY = KEY
    storage.clear_cache()
    _operator, root = fill_house(*backdate())
    export = verify.Export(verify.Keys([public_key()]), [])
    export.read(f"{line}\n".encode() for line in export_lines())
    assert export.faults == []
    assert "recorded late: 3 entries (more than 60 minutes after" in export.summary()
    visit, check = (
        prove_entry(max(LedgerEntry.objects.filter(kind=kind).values_list("seq", flat=True)), root)
        for kind in ("inspection.held", "check.done")
    )
    said = [verify.check_proof(one, verify.Keys([public_key()]), []) for one in (visit, check)]
    assert said[0].endswith("recorded late: by 59 h 00 min")
    assert said[1].endswith("recorded late: by 32 h 00 min"), "the day ended everywhere at 12 h"


@pytest.mark.parametrize("day", ["2026-13-01", "someday"])
def test_a_day_that_is_none_is_a_fault_and_no_crash(day: str) -> None:
    body = {"happened_at": "2026-11-26T16:00:00Z", "day": day}
    record = {"entry": {"body": body, "recorded_at": "2026-11-26T16:00:00Z"}}
    with pytest.raises(verify.VerifyError, match="not an instant"):
        verify.late_minutes(record)


def test_a_draw_says_when_a_visit_was_recorded() -> None:
    draw = object.__new__(verify_draw.Draw)
    draw.day, draw.plan_id = "2026-11-27", "p"
    draw.entries = {
        1: {"kind": "inspection.held", "seq": 1, "recorded_at": "2026-11-29T20:00:00.000000Z",
            "body": {"site": "casa", "happened_at": "2026-11-27T09:00:00Z"}},
    }  # fmt: skip
    assert draw.follow("casa") == ("visited at 2026-11-27T09:00:00Z, recorded at 2026-11-29T20:00:00Z")
