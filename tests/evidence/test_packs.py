"""Packs: verified by a stranger's tool, each change named, the same bytes when made again."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from pytest_django.fixtures import Settings
from pytest_django.plugin import DjangoDbBlocker

from releve.ledger import verify
from releve.ledger.chain import Draft
from releve.ledger.disclosure import KIND_LABELS, PERSON_KINDS
from releve.ledger.keys import public_key
from releve.ledger.seal import TALLIED_KINDS, name_count
from releve.ledger.seal import TALLY_KIND as TALLY
from releve.network import read_operator, sample_operator, write_operator
from releve.plugins.evidence.pack import PACK_KINDS, BuiltPack, build_pack
from releve.plugins.evidence.paper import Attachment, Paper, describe_tools, typeset
from releve.plugins.evidence.records import PackError, PackRefused
from releve.plugins.evidence.sources import PackRequest
from releve.plugins.evidence.store import compare_remade, list_packs
from releve.registry import storage
from releve.registry.models import Version
from releve.registry.service import apply_changes, preview_changes
from releve.service_record.models import IntervalReport
from releve.situation import KINDS, health_fields
from releve.situation.event import EventField, list_fields
from tests.evidence.pack_house import FIRST, LAST, SITE, build_operator, fill_house, issue, record_event
from tests.homes import make_test_home
from tests.ledger.conftest import KEY

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@dataclass(frozen=True)
class House:
    """The packs of one house, by kind and language, and its public key."""

    packs: dict[tuple[str, str], BuiltPack]
    issued: bytes
    """The French one of the client as it was issued, with its note."""
    note: str
    key: str
    remade: tuple[bool, str]
    remade_elsewhere: tuple[bool, str]

    def check(self, document: Any) -> list[str]:
        """Return the faults that the verifier finds in a document, its files left aside."""
        try:
            return verify.check_pack(document, verify.Keys([self.key]), [], None, "en")[0]
        except verify.VerifyError as fault:
            return [str(fault)]


@pytest.fixture(scope="module")
def house(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    storage.clear_cache()
    home = make_test_home(tmp_path_factory.mktemp("packs"))
    with django_db_blocker.unblock(), override_settings(LEDGER_KEY=KEY, HOME=home), transaction.atomic():
        operator, _root = fill_house()
        recipients = {"client": operator.clients[0].id, "inspection": operator.sites[0].id}
        packs = {
            (kind, language): build_pack(PackRequest(kind, recipients.get(kind, ""), FIRST, LAST, language))
            for kind in PACK_KINDS
            if kind not in ("crashtest", "incident")
            for language in ("fr", "en")
        }
        issued = issue("client", recipients["client"])
        note = list_packs()[0].note
        remade = compare_remade(issued)
        with pytest.MonkeyPatch.context() as patch:
            tools = {**describe_tools(), "typst": "0.15.0"}
            patch.setattr("releve.plugins.evidence.pack.describe_tools", lambda: tools)
            elsewhere = compare_remade(issued)
        made = House(packs, issued, note, public_key(), remade, elsewhere)
        transaction.set_rollback(True)
    yield made
    storage.clear_cache()


@pytest.fixture
def client_pack(house: House) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(house.packs["client", "fr"].document)
    return found


def find_statement(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["statements"] if one["id"] == name)


def test_a_stranger_verifies_a_pack_with_the_standard_library_alone(house: House, tmp_path: Path) -> None:
    (tmp_path / "pack.pdf").write_bytes(house.issued)
    (tmp_path / "pack.pdf.note").write_text(house.note, encoding="utf-8")
    line = [sys.executable, "-I", "-S", verify.__file__, "pack.pdf", "--key", house.key]
    done = subprocess.run([*line, "--lang", "fr"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Fermetures de sites commencées dans la période\u202f: 1" in done.stdout
    assert "couverte sur une demi-heure, telle qu’annoncée\u202f: 87,5\u202f%" in done.stdout
    assert "durée de la fermeture à la réouverture\u202f: 50 h 30 min" in done.stdout
    assert house.issued == house.packs["client", "fr"].pdf
    assert hashlib.sha256(house.issued).hexdigest() in done.stdout


def test_the_figures_of_a_client_are_those_of_its_entries(client_pack: dict[str, Any]) -> None:
    values = {one["id"]: one["value"] for one in client_pack["statements"]}
    assert values["closures"] == 1
    entries = [one["entry"] for one in client_pack["entries"]]
    clients = [one["body"]["client"] for one in entries if one["kind"] == "relief.covered"]
    assert clients == [client_pack["for"]], "the other client's relief is not its own"
    assert values["reliefs"] == 1
    assert values["worst-coverage"] == 0.875
    assert values["outages"] == 1
    (span,) = (value for name, value in values.items() if name.startswith("closure-"))
    assert span == 50 * 60 + 30


def change_figure(document: dict[str, Any]) -> str:
    find_statement(document, "closures")["value"] = 0
    return "statement 'closures': it says 0, computed is 1"


def change_entry(document: dict[str, Any]) -> str:
    record = document["entries"][0]
    record["entry"]["body"]["cause"] = "hazard"
    seq = record["entry"]["seq"]
    return f"entry {seq}: its content or its hash was changed: they do not belong together"


def drop_entry(document: dict[str, Any]) -> str:
    seq = find_statement(document, "closures")["of"][0]
    entries = document["entries"]
    document["entries"] = [one for one in entries if one["entry"]["seq"] != seq]
    return f"statement 'closures': entry {seq}, which it is made of, is missing"


def leave_out(document: dict[str, Any]) -> str:
    said = find_statement(document, "closures")
    seq, said["of"], said["value"] = said["of"][0], [], 0
    return f"statement 'closures': it leaves out, or takes in wrongly, entry {seq}"


@pytest.mark.parametrize("change", [change_figure, change_entry, drop_entry, leave_out])
def test_each_change_of_a_pack_is_named(
    change: Callable[[dict[str, Any]], str], house: House, client_pack: dict[str, Any]
) -> None:
    """Even where the holder of the key signed it so."""
    expected = change(client_pack)
    assert expected in house.check(client_pack)


@pytest.mark.parametrize("path", ["statements.0", "closures.of", "closures.where", "entries.0", "root", "start"])
def test_a_pack_of_another_form_is_a_fault_and_no_crash(path: str, house: House, client_pack: dict[str, Any]) -> None:
    *parents, last = path.split(".")
    holder: Any = client_pack
    for name in parents:
        holder = find_statement(holder, name) if name == "closures" else holder[name]
    holder[int(last) if last.isdigit() else last] = ["x"]
    assert house.check(client_pack)


def test_the_printed_instruction_names_the_note_and_no_key_to_copy(
    everything: dict[str, tuple[BuiltPack, str]],
) -> None:
    """A forged pack would print a key of its own."""
    for built, printed in everything.values():
        check = json.loads(printed)["check"]
        name = built.request.file_name
        assert check["command"].split()[:5] == ["python", "verify.py", name, "--key", "PUBLICKEY"]
        assert f"{name}.note" in check["steps"][2]
        assert any("--root" in step for step in check["steps"])


def test_a_pack_is_made_again_from_the_ledger(house: House) -> None:
    same, sentence = house.remade
    assert same, sentence
    assert hashlib.sha256(house.issued).hexdigest() in sentence


def test_a_pack_made_by_other_tools_is_compared_by_its_content(house: House) -> None:
    same, sentence = house.remade_elsewhere
    assert not same
    assert sentence == ("the content is the same; the bytes cannot be, since other tools made it: typst")


@pytest.mark.slow
def test_two_processes_folders_and_time_zones_make_the_same_bytes(tmp_path: Path) -> None:
    home = make_test_home(tmp_path / "home")
    found = []
    for what, zone in (("fill", "Africa/Casablanca"), ("find", "Asia/Tokyo")):
        folder = tmp_path / zone.replace("/", "-")
        folder.mkdir()
        environment = {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "DJANGO_SETTINGS_MODULE": "releve.settings",
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "RELEVE_HOME": str(home),
            "TZ": zone,
        }
        subprocess.run(
            [sys.executable, "-m", "tests.evidence.pack_process", str(folder / "pack.pdf"), what],
            cwd=folder, env=environment, check=True,
        )  # fmt: skip
        found.append((folder / "pack.pdf").read_bytes())
    assert found[0] == found[1]


def test_no_name_and_no_value_of_health_leaves_in_any_pack_but_the_inspections_counts(
    everything: dict[str, tuple[BuiltPack, str]],
) -> None:
    for kind, (built, printed) in everything.items():
        text = built.document.decode()
        assert "PERSON-" not in text, kind
        assert "PERSON-" not in printed, kind
        assert len(printed) > 1_000, "the pages were looked at"
        entries = json.loads(text)["entries"]
        kinds = {one["entry"]["kind"] for one in entries}
        assert kinds.isdisjoint(PERSON_KINDS), kind
        shown = {value["path"] for one in entries for value in one["values"]}
        assert shown == ({"positive", "symptomatic"} if kind == "inspection" else set()), kind
        for one in entries:
            kind_of = one["entry"]["kind"]
            for name in health_fields(kind_of) if kind_of in KINDS else ():
                assert set(one["entry"]["body"][name]) == {"commitment"}, (kind, name)
        for tally in json.loads(text)["tallies"]:
            lists = {value["path"] for value in tally["values"]}
            assert lists.isdisjoint(map(name_count, PERSON_KINDS)), kind


def test_what_is_counted_covers_every_kind_that_a_pack_may_hold(everything: dict[str, tuple[BuiltPack, str]]) -> None:
    """The walk above would prove nothing of a kind that no pack of it held."""
    held = {
        one["entry"]["kind"] for built, _printed in everything.values() for one in json.loads(built.document)["entries"]
    }
    assert {"check.done", "tests.done", "inspection.held", "audit.verdict", "site.closed"} <= held


def fill_field(field: EventField) -> Any:
    """Return a value for a field that a walk would find again where it may not be."""
    numbers = {int: 7, float: 0.5, bool: True}
    for kind, value in numbers.items():
        if field.type in (kind, kind | None):
            return value
    if field.personal:
        return ["PERSON-x"] if "tuple" in str(field.type) else "PERSON-x"
    return {"site": SITE, "agent": "PERSON-a"}.get(field.name, field.example)


@pytest.fixture(scope="module")
def everything(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[str, tuple[BuiltPack, str]]]:
    """Packs of a house in which every kind of event happened once, and what their pages print.

    So did every other kind of entry that has a label and that no pack counts.
    """
    storage.clear_cache()
    moment = datetime(2026, 11, 26, 9, tzinfo=UTC)
    drafts = [
        Draft(kind, {"site": SITE, "who": "PERSON-x", "client": "PERSON-y"}, moment)
        for kind in KIND_LABELS.keys() - KINDS.keys() - set(TALLIED_KINDS) - {TALLY}
    ]
    printed: list[str] = []

    def note_paper(paper: Paper, attached: Sequence[Attachment]) -> bytes:
        printed.append(json.dumps(paper.content, ensure_ascii=False))
        return typeset(paper, attached)

    for kind, event in KINDS.items():
        fields = {field.name: fill_field(field) for field in list_fields(event)}
        for name in ("id", "happened_at", "recorded_at", "actor"):
            fields.pop(name, None)
        for name in fields.keys() & {"findings", "photos"}:
            fields[name] = []
        if kind == "event.corrected":
            fields["corrects"] = "none"
        drafts.append(record_event(kind, "2026-11-26T10:00+00:00", **fields))
    (incident,) = [draft.body["id"] for draft in drafts if draft.kind == "incident.opened"]
    for draft in drafts:
        draft.body.update({"incident": incident} if "incident" in draft.body else {})  # type: ignore[attr-defined]
    with (
        django_db_blocker.unblock(), override_settings(LEDGER_KEY=KEY), transaction.atomic(),
        pytest.MonkeyPatch.context() as patch,
    ):  # fmt: skip
        patch.setattr("releve.plugins.evidence.pack.typeset", note_paper)
        operator, _root = fill_house(*drafts)
        recipients = {"client": operator.clients[0].id, "inspection": SITE, "incident": incident}
        made = {
            kind: (build_pack(PackRequest(kind, recipients.get(kind, ""), FIRST, LAST)), printed[-1])
            for kind in PACK_KINDS
            if kind != "crashtest"
        }
        transaction.set_rollback(True)
    yield made
    storage.clear_cache()


@pytest.fixture
def own_house(settings: Settings, tmp_path: Path, db: None) -> Iterator[None]:
    settings.HOME = make_test_home(tmp_path)
    storage.clear_cache()
    yield
    storage.clear_cache()


def build_values(kind: str, recipient: str = "") -> dict[str, Any]:
    document = json.loads(build_pack(PackRequest(kind, recipient, FIRST, LAST)).document)
    return {one["id"]: one["value"] for one in document["statements"]}


def test_what_was_taken_back_counts_in_no_figure(own_house: None) -> None:
    """A closure that was corrected, a permit that was withdrawn and one that another replaced."""
    wrong = record_event("site.closed", "2026-11-27T08:00+00:00", site=SITE, cause="hazard",
                         rule="", authority="", reference="", reason="", home_only=False,
                         earliest_reopening=None)  # fmt: skip
    permit = {"of": "site", "site": SITE, "valid_from": "2026-11-01", "valid_to": "2027-01-31",
              "authority": "Wilaya", "agent": ""}  # fmt: skip
    operator, root = fill_house(
        wrong,
        record_event("event.corrected", "2026-11-27T09:00+00:00", corrects=wrong.body["id"],
                     reason="Wrong site"),
        record_event("authorisation.granted", "2026-11-03T08:00+00:00", authorisation="w-2",
                     **permit),
        record_event("authorisation.withdrawn", "2026-11-28T08:00+00:00", authorisation="w-2",
                     reason=""),
        *(record_event("draw.drawn", f"2026-11-2{day}T06:00+00:00", plan="draw-1", withheld="",
                       day=f"2026-11-2{day}", visits=[site])
          for day, site in ((3, SITE), (4, "other"))),
    )  # fmt: skip
    inspected = build_values("inspection", SITE)
    assert inspected["permits"] == 1
    assert inspected["closures"] == 1
    assert (inspected["symptomatic"], inspected["tested"], inspected["positive"]) == (15, 40, 1)
    assert inspected["cases"] == "1–4"
    assert inspected["measure-ventilation"] == "kept"
    assert inspected["check-days"] == 6
    assert (inspected["drawn"], inspected["missed"]) == (1, 0)
    assert build_values("association")["closures-hazard"] == 0
    with pytest.raises(PackRefused, match=f"root {root.number} was signed before 2026-12-01 began"):
        build_pack(PackRequest("client", operator.clients[0].id, FIRST, date(2026, 12, 1)))
    with pytest.raises(PackRefused, match="has a client gone"):
        build_pack(PackRequest("client", "gone", FIRST, LAST))


def test_a_client_that_left_has_the_pack_of_its_time(own_house: None) -> None:
    operator, _root = fill_house()
    left = operator.clients[0].id
    later = read_operator(write_operator(sample_operator(60, 2, 6, weeks_of_history=2)))
    assert left not in {row.id for row in later.clients}
    apply_changes(preview_changes(later), "tests")
    Version.objects.update(made_at=datetime(2026, 11, 1, tzinfo=UTC))
    document = json.loads(build_pack(PackRequest("client", left, FIRST, LAST)).document)
    assert document["operator"]["version"] == 1
    assert find_statement(document, "reliefs")["value"] == 1
    new = build_pack(PackRequest("client", later.clients[0].id, FIRST, LAST))
    assert json.loads(new.document)["operator"]["version"] == 2


def test_a_clients_pack_says_what_was_delivered_and_lost_to_what(own_house: None) -> None:
    operator = build_operator()
    client = operator.clients[0].id
    programme = next(row.id for row in operator.programmes if row.client == client and row.kind == "inbound")
    sealed = Draft("service.sealed", {"client": client, "day": "2026-11-22", "digest": "0" * 64},
                   datetime(2026, 11, 23, 7, tzinfo=UTC))  # fmt: skip
    fill_house(sealed)
    IntervalReport.objects.bulk_create(
        IntervalReport(
            programme=programme, source="acd", minutes=30, offered=10, answered=answered,
            abandoned=10 - answered, in_time=answered, short=0,
            start=datetime(2026, 11, 22, hour, tzinfo=UTC),
            recorded_at=datetime(2026, 11, 23, tzinfo=UTC),
        )
        for hour, answered in ((7, 10), (9, 4))
    )  # fmt: skip
    values = build_values("client", client)
    assert (values[f"offered-{programme}"], values[f"answered-{programme}"]) == (20, 14)
    assert values[f"level-{programme}"] == 0.7
    assert values["sealed-days"] == 1
    document = json.loads(build_pack(PackRequest("client", client, FIRST, LAST, "en")).document)
    lost = {one["en"]: one["value"] for one in document["statements"] if one["id"].startswith("lost-")}
    (seq,) = find_statement(document, "closures")["of"]
    name = operator.site[SITE].name
    assert lost == {
        "Lost: calls not answered while no event lasted": 0,
        f"Lost: calls not answered during “Site closed”, {name} ({SITE}), entry {seq}": 6,
    }


def test_an_old_entry_that_holds_health_in_clear_goes_into_no_pack(own_house: None) -> None:
    old = record_event("tests.done", "2026-11-20T08:00+00:00", site=SITE, tested=9, positive=2, inspection="")
    fill_house(replace(old, withheld={}))
    with pytest.raises(PackError, match="shows values of health"):
        build_values("association")
