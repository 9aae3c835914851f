"""Packs over what goes wrong, in names of any direction, by and for those who may have them."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.validation import SignatureCoverageLevel
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.errors import Phrase
from releve.ledger import verify
from releve.ledger.erasure import erase_subject
from releve.ledger.keys import public_key
from releve.ledger.seal import rotate_key, seal_ledger
from releve.network import Operator
from releve.network.cell_text import isolate_name
from releve.plugins.evidence.client_pack import draft_client_pack
from releve.plugins.evidence.inspection_pack import draft_inspection_pack
from releve.plugins.evidence.language import Wording
from releve.plugins.evidence.operator_packs import draft_audit_pack
from releve.plugins.evidence.pack import PACK_KINDS, build_pack
from releve.plugins.evidence.pages import PERMISSIONS_BY_KIND, has_reach, list_pack_choices, name_recipient
from releve.plugins.evidence.paper import MOST_ROWS, Attachment, Paper, _lay_out, typeset
from releve.plugins.evidence.records import PackError, PackRefused
from releve.plugins.evidence.sources import PackRequest, PaperTable, open_source
from releve.plugins.evidence.store import compare_remade, list_packs
from releve.registry import storage
from releve.registry.models import Version
from releve.registry.service import apply_changes, preview_changes
from tests.accounts.people import give, person
from tests.evidence import pack_house
from tests.evidence.pack_house import FIRST, LAST, SEALED, SITE, build_operator, fill_house, issue, record_event
from tests.homes import make_test_home

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.usefixtures("own_house")]

BEFORE, WITHIN = (datetime(2026, 11, day, 12, tzinfo=UTC) for day in (1, 23))


def change_operator(operator: Operator) -> None:
    """Import another version of the reference data, in the middle of the period."""
    apply_changes(preview_changes(operator), "tests")
    for version in Version.objects.all():
        version.made_at = BEFORE if version.number == 1 else WITHIN
        version.save()


def read_pack(kind: str, recipient: str = "", language: str = "fr") -> dict[str, Any]:
    built = build_pack(PackRequest(kind, recipient, FIRST, LAST, language))
    found: dict[str, Any] = json.loads(built.document)
    return found


def test_a_promise_that_changed_in_the_period_stands_with_its_day() -> None:
    operator, _root = fill_house()
    client = operator.clients[0].id
    row = next(one for one in operator.programmes if one.client == client)
    programmes = tuple(replace(one, service_target=0.5) if one.id == row.id else one for one in operator.programmes)
    change_operator(replace(operator, programmes=programmes))
    said = {
        one["id"]: (one["fr"], one["value"])
        for one in read_pack("client", client)["statements"]
        if one["id"].startswith(f"promise-{row.id}")
    }
    assert said[f"promise-{row.id}"][1] == row.service_target
    text, value = said[f"promise-{row.id}-2026-11-23"]
    assert ("à partir du 23/11/2026" in text, value) == (True, 0.5)


def test_a_site_that_served_a_client_on_a_part_of_the_period_is_one_of_its_own() -> None:
    """Its agents move away after its closure, which the client's pack still shows."""
    operator, _root = fill_house()
    client = operator.clients[0].id
    other = next(site.id for site in operator.sites if site.id != SITE)
    served = {row.id for row in operator.programmes if row.client == client}
    agents = tuple(
        replace(one, skills=tuple(skill for skill in one.skills if skill not in served))
        if one.home_site == SITE else one
        for one in operator.agents
    )  # fmt: skip
    assert {one.home_site for one in agents if served & set(one.skills)} == {other}
    change_operator(replace(operator, agents=agents))
    found = next(one for one in read_pack("client", client)["statements"] if one["id"] == "closures")
    assert found["value"] == 1


def test_a_site_that_was_renamed_keeps_its_id_beside_its_name() -> None:
    operator, root = fill_house()
    sites = tuple(replace(site, name="Casa Marina") if site.id == SITE else site for site in operator.sites)
    issued = issue("inspection", SITE)
    change_operator(replace(operator, sites=sites))
    Version.objects.filter(number=2).update(made_at=SEALED.replace(hour=8))
    assert compare_remade(issued)[0], "under the root of its day it has the name of its day"
    record_more()
    source = open_source(PackRequest("client", operator.clients[0].id, FIRST, LAST))
    assert source.root.number == root.number + 1
    wording = Wording("fr", source.operator.row.time_zone)
    cells = [cell for table in draft_client_pack(source, wording).tables for row in table.rows for cell in row]
    assert f"Casa Marina ({SITE})" in cells


def record_more() -> None:
    from releve.ledger.chain import append_all

    append_all([record_event("power.down", "2026-11-30T06:01+00:00", site=SITE, expected_until=None)])
    seal_ledger(SEALED.replace(hour=9))


def test_values_of_persons_erased_since_change_no_pack() -> None:
    fill_house()
    issued = issue("inspection", SITE)
    for agent in ("a00001", "a00002"):
        assert erase_subject(agent, now=SEALED) > 0
    assert compare_remade(issued)[0], "cases are counted by what names no person"


def test_a_measure_is_worded_by_the_charter_of_the_day() -> None:
    fill_house()
    texts = {one["id"]: one for one in read_pack("inspection", SITE)["statements"]}
    (found,) = (one for name, one in texts.items() if name.startswith("measure-"))
    assert found["en"].startswith("Last found on 2026-11-21: ")
    assert found["fr"].startswith("Dernier constat, le 21/11/2026\u202f: ")


def test_an_auditors_pack_holds_what_was_found_and_how_far_it_is_mended() -> None:
    named = {"audit": "a1", "site": SITE, "measure": "masks"}
    fill_house(
        record_event("audit.observed", "2026-11-17T10:00+00:00", **named, method="examine",
                     seen_at="2026-11-17T10:00:00Z", verdict="not_kept", evidence=[], photos=[],
                     note=""),
        *(record_event("finding.raised", f"2026-11-17T1{at}:00+00:00", **named,
                       finding=f"f{at}", severity=severity, due="2026-12-01", note="")
          for at, severity in enumerate(("major", "minor", "minor"))),
        *(record_event("finding.answered", f"2026-11-18T1{at}:00+00:00", **named,
                       finding=f"f{at}", cause="c", action="a", owner="site", due="2026-11-20")
          for at in (0, 1)),
        record_event("finding.verified", "2026-11-20T10:00+00:00", **named, finding="f0",
                     effective=True, note=""),
    )  # fmt: skip
    figures = {one["id"]: one["value"] for one in read_pack("audit")["statements"]}
    assert figures["observations"] == 1
    assert (figures["findings-major"], figures["findings-minor"]) == (1, 2)
    assert figures["findings-closed"] == 1
    source = open_source(PackRequest("audit", "", FIRST, LAST))
    drafted = draft_audit_pack(source, Wording("en", source.operator.row.time_zone))
    (rows,) = (one.rows for one in drafted.tables if one.heading.startswith("Findings raised"))
    assert [(row[2], row[4], len(row[5].split(", "))) for row in rows] == [
        ("major", "verified and closed", 3),
        ("minor", "answered, waits for verification", 2),
        ("minor", "waits for an answer", 1),
    ]


NEW_CHARTER = """
id: sector
version: "2"
from: 2026-11-24
source: A test.
axes: [{id: health, title: Health, title_fr: Santé}]
measures:
  - {id: ventilation, axis: health, text: New air., text_fr: Air neuf.}
  - {id: masks, axis: health, text: New masks., text_fr: Masques neufs.}
"""
NEW_RULE = """
- id: HOUSE-REOPENING
  kind: reopening
  from: 2026-11-24
  parameters:
    approvals: 2
    checklist: [{id: disinfected, text: New cleaning., text_fr: Nettoyage neuf.}]
  source: A test.
  confidence: A choice.
  text: A test.
  text_fr: Un essai.
"""


def test_a_charter_and_a_rule_that_change_in_the_period_word_what_came_after(settings: Settings) -> None:
    finding = {"measure": "masks", "verdict": "kept", "note": ""}
    checked = {"site": SITE, "commission": [], "transport_fill": 0.5, "symptomatic": 0, "note": ""}
    fill_house(
        record_event("check.done", "2026-11-26T09:00+00:00", day="2026-11-26", findings=[finding],
                     **checked),
        *(record_event("reopening.checked", f"2026-11-{day}T08:00+00:00", site=SITE,
                       item="disinfected", note="") for day in (23, 26)),
    )  # fmt: skip
    home = Path(settings.HOME)
    (home / "charters" / "new.yaml").write_text(NEW_CHARTER, encoding="utf-8")
    (home / "rules" / "new.yaml").write_text(NEW_RULE, encoding="utf-8")
    texts = {one["id"]: one["fr"] for one in read_pack("inspection", SITE)["statements"]}
    assert texts["measure-masks"].endswith("Masques neufs.")
    assert texts["measure-ventilation"].startswith("Dernier constat, le 21/11/2026")
    assert not texts["measure-ventilation"].endswith("Air neuf.")
    source = open_source(PackRequest("inspection", SITE, FIRST, LAST))
    drafted = draft_inspection_pack(source, Wording("fr", source.operator.row.time_zone))
    before, after = (row[3] for table in drafted.tables for row in table.rows if "Point de la réouverture" in row[1])
    assert "Nettoyage neuf" not in before
    assert "Nettoyage neuf" in after


def test_a_table_of_100_000_rows_prints_its_first_and_says_where_the_rest_is() -> None:
    rows = tuple((str(number), "b", "c") for number in range(100_000))
    table = PaperTable(Phrase("Figures"), (Phrase("a"),) * 3, rows, Phrase("none"))
    found = _lay_out(table, Wording("fr"))
    assert len(found["rows"]) == MOST_ROWS
    assert found["note"] == "99\u202f600 autres lignes figurent dans pack.json"


def test_more_entries_than_a_pack_may_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    fill_house()
    monkeypatch.setattr("releve.plugins.evidence.pack._MOST_ENTRIES", 3)
    with pytest.raises(PackRefused, match="choose fewer days"):
        build_pack(PackRequest("audit", "", FIRST, LAST))


def test_a_file_that_the_ledger_does_not_know_is_not_made_again() -> None:
    fill_house()
    content = issue("association")
    with pytest.raises(PackError, match="the ledger has no pack of these bytes"):
        compare_remade(content[:-1])
    same, sentence = compare_remade(content + b"more")
    assert same
    assert sentence.endswith("; 4 more bytes, a signature, stand behind them")


def test_a_period_no_root_covers_and_days_the_wrong_way_round_are_refused() -> None:
    fill_house()
    with pytest.raises(PackRefused, match="was signed before 2026-12-01 began"):
        build_pack(PackRequest("audit", "", FIRST, date(2026, 12, 1)))
    with pytest.raises(PackRefused, match="no incident gone is under the root"):
        build_pack(PackRequest("incident", "gone", FIRST, LAST))
    with pytest.raises(PackRefused, match="the first day is after the last"):
        PackRequest("audit", "", LAST, FIRST)
    with pytest.raises(PackRefused, match="at most 366 days"):
        PackRequest("audit", "", date(2025, 1, 1), LAST)


def test_two_hundred_sites_that_closed_stand_in_one_pack() -> None:
    drafts = [
        record_event(kind, f"2026-11-{day}T08:00+00:00", site=f"site-{number}", **more)
        for number in range(200)
        for kind, day, more in (
            ("site.closed", 19, {"cause": "authority", "rule": "", "authority": "Wilaya",
                                 "reference": "", "reason": "", "home_only": False,
                                 "earliest_reopening": None}),
            ("site.reopened", 20, {}),
        )
    ]  # fmt: skip
    fill_house(*drafts)
    said = {one["id"]: one["value"] for one in read_pack("audit")["statements"]}
    assert said["closures"] == 201
    assert sum(name.startswith("closure-") for name in said) == 201


def test_tables_go_by_time_and_give_the_width_to_sentences() -> None:
    late = record_event("power.down", "2026-11-17T08:00+00:00", site=SITE, expected_until=None)
    fill_house(late)
    source = open_source(PackRequest("audit", "", FIRST, LAST))
    verdicts, findings, happenings = draft_audit_pack(source, Wording("en")).tables
    times = [row[0] for row in happenings.rows]
    assert times == sorted(times)
    assert happenings.rows[0][-1] == str(source.root.size - 1), "recorded last, happened first"
    assert verdicts.columns[verdicts.wide] == "Measure"
    assert findings.columns[findings.wide] == "Measure"
    assert happenings.columns[happenings.wide] == "Decision"


def test_a_correction_is_said_with_its_day_its_author_and_its_reason() -> None:
    """Of a closure whose ground was wrong it is the second person's, with the reason of the record's correction."""
    closed = record_event("power.down", "2026-11-27T08:00+00:00", site=SITE, expected_until=None)
    why = "The sample was another person's"
    lifted = record_event("event.corrected", "2026-11-27T09:00+00:00", corrects=closed.body["id"], reason=why)
    fill_house(closed, lifted)
    source = open_source(PackRequest("inspection", SITE, FIRST, LAST))
    cells = [
        cell for table in draft_inspection_pack(source, Wording("en")).tables for row in table.rows for cell in row
    ]
    *_, said = [cell for cell in cells if why in cell]
    assert f"corrected on 2026-11-27 09:00 by account 00112233445566aa, because: {why}" in said


def sign_by_hand(content: bytes, certificate: Path) -> bytes:
    """Return a pack as a person signs it with a program of their own."""
    signed = signers.sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(content)),
        signers.PdfSignatureMetadata(field_name="Reader"),
        signer=signers.SimpleSigner.load_pkcs12(str(certificate), passphrase=b"secret"),
    )
    found: bytes = signed.getvalue()
    return found


@pytest.mark.parametrize("by_operator", [False, True])
def test_a_signature_behind_a_pack_is_bytes_that_are_not_ours(
    by_operator: bool,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The operator's own is set at issue and belongs to the pack; one of a reader does not."""
    fill_house()
    if not by_operator:
        monkeypatch.delenv("RELEVE_PACK_CERTIFICATE")
    content = issue("association")
    assert issue("association") == content, "a pack that stands is not signed a second time"
    (pack,) = list_packs()
    assert (pack.length, pack.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    (tmp_path / "pack.pdf.note").write_text(pack.note, encoding="utf-8")
    path, out = tmp_path / "pack.pdf", tmp_path / "issued.pdf"
    line = [str(path), "--key", public_key(), "--issued", str(out)]
    path.write_bytes(content)
    assert verify.main(line) == 0
    assert capsys.readouterr().out.startswith("VERIFIED releve-association-")
    same, sentence = compare_remade(content)
    assert same
    assert ("more bytes, a signature" in sentence) is by_operator

    signed = sign_by_hand(content, certificate)
    path.write_bytes(signed)
    *_own, reader = PdfFileReader(io.BytesIO(signed)).embedded_signatures
    assert reader.evaluate_signature_coverage() == SignatureCoverageLevel.ENTIRE_FILE
    out.unlink()
    assert verify.main(line) == 3
    added = len(signed) - len(content)
    said = capsys.readouterr().out
    assert said.startswith(f"NOT THE FILE AS ISSUED: its bytes, then {added} bytes")
    assert "Closures of sites" in said or "Fermetures" in said
    assert out.read_bytes() == content
    assert compare_remade(signed)[0]


def test_a_pack_of_a_key_that_was_rotated_is_tied_to_the_next_by_the_rotation(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.LEDGER_KEY = ""
    fill_house()
    path = tmp_path / "pack.pdf"
    path.write_bytes(issue("association"))
    path.with_name("pack.pdf.note").write_text(list_packs()[0].note, encoding="utf-8")
    before = public_key()
    rotation, _roots = rotate_key(SEALED + timedelta(hours=1))
    line = [str(path), "--key", public_key()]
    assert verify.main([str(path), "--key", before]) == 0
    assert verify.main(line) == 1
    assert "which --rotation ties to it" in capsys.readouterr().out
    assert verify.main([*line, "--rotation", str(rotation.publish(tmp_path))]) == 0
    assert compare_remade(path.read_bytes())[0], "the note is the ledger's, and is not signed again"


SITE_NAME = "موقع الدار البيضاء 2"
CLIENT_NAME = "شركة التأمين (Atlas) 24/7"
PROGRAMME_NAME = "استقبال 1"
ISOLATE, END = "\u2068", "\u2069"


def rename(operator: Operator) -> Operator:
    """Give the first site, client and its programmes names that end in figures."""
    client = operator.clients[0]
    return replace(
        operator,
        sites=tuple(replace(row, name=SITE_NAME) if row.id == SITE else row for row in operator.sites),
        clients=(replace(client, name=CLIENT_NAME), *operator.clients[1:]),
        programmes=tuple(
            replace(row, name=PROGRAMME_NAME) if row.client == client.id else row for row in operator.programmes
        ),
    )


@pytest.fixture
def papers(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sequence[dict[str, object]]:
    """Return what every pack prints in both languages; a pack is verified where it is built."""
    settings.HOME = make_test_home(tmp_path)
    storage.clear_cache()
    operator = rename(pack_house.build_operator())
    monkeypatch.setattr(pack_house, "build_operator", lambda: operator)
    fill_house()
    printed: list[dict[str, object]] = []

    def note(paper: Paper, attached: Sequence[Attachment]) -> bytes:
        printed.append(dict(paper.content))
        return typeset(paper, attached)

    monkeypatch.setattr("releve.plugins.evidence.pack.typeset", note)
    recipients = {"client": operator.clients[0].id, "inspection": SITE}
    for kind in set(PACK_KINDS) - {"crashtest", "incident"}:
        for language in ("fr", "en"):
            build_pack(PackRequest(kind, recipients.get(kind, ""), FIRST, LAST, language=language))
    return printed


def test_every_name_with_arabic_letters_is_isolated_in_every_pack(papers: Sequence[dict[str, object]]) -> None:
    assert len({str(paper["title"]) for paper in papers}) == 8, "four packs in two languages"
    seen = ""
    for paper in papers:
        text = json.dumps(paper, ensure_ascii=False)
        seen += text
        rest = re.sub(f"{ISOLATE}[^{ISOLATE}{END}]*{END}", "", text)
        assert not re.search("[\u0600-\u06ff]", rest), rest
        assert ISOLATE not in rest
        assert END not in rest
    for name in (SITE_NAME, CLIENT_NAME, PROGRAMME_NAME):
        assert f"{ISOLATE}{name}{END}" in seen, name


def test_a_name_without_arabic_letters_is_left_as_it_is() -> None:
    for name in ("Casablanca Port 2", "Société d’Été", "", "24/7"):
        assert isolate_name(name) == name
    assert isolate_name(SITE_NAME) == f"{ISOLATE}{SITE_NAME}{END}"


def test_every_kind_of_pack_has_a_permission() -> None:
    assert set(PERMISSIONS_BY_KIND) == set(PACK_KINDS)


def test_a_manager_may_make_packs_and_a_client_reads_its_own_alone() -> None:
    operator = build_operator()
    manager, client = person("omar"), person("azur")
    give(manager, Role.CONTINUITY)
    own = operator.clients[0].id
    give(client, Role.CLIENT, clients=[own])
    made = {(one.kind, one.recipient) for one in list_pack_choices(manager, operator)}
    assert {("client", row.id) for row in operator.clients} <= made
    assert list(list_pack_choices(client, operator)) == []
    assert has_reach(client, "client", own)
    assert not has_reach(client, "client", "another")
    assert not has_reach(client, "audit", "")


def test_a_recipient_is_named_where_the_operator_has_it() -> None:
    operator = build_operator()
    site, client = operator.sites[0], operator.clients[0]
    assert name_recipient("inspection", site.id, operator) == site.name
    assert name_recipient("client", client.id, operator) == client.name
    assert name_recipient("client", "gone", operator) == "gone"
    assert name_recipient("crashtest", "run-1", operator) == "run-1"
    assert name_recipient("audit", "", operator) == ""
