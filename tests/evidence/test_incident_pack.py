"""An incident lived through, its packs on the day itself and after: what they tell, and that a stranger verifies it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from releve.accounts.permissions import Role
from releve.accounts.person_erasure import erase_person
from releve.desk.live.page import COOKIE
from releve.ledger import verify
from releve.ledger.account_names import give_pseudonym
from releve.ledger.digests import canonical_json
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live import relief_solver, situation_cache
from releve.live.models import Alert, Message, OnCall, Relief
from releve.network import Operator, to_utc
from releve.network.sample import FIRST_DAY
from releve.plan import Plan
from releve.plugins.evidence.incident_pack import find_incident
from releve.plugins.evidence.pack import BuiltPack, build_pack, write_note
from releve.plugins.evidence.paper import Attachment, Paper, typeset
from releve.plugins.evidence.sources import PackRequest
from releve.plugins.evidence.store import issue_pack, list_packs, load_pack_file, read_data
from releve.registry import storage
from releve.registry.service import apply_changes, preview_changes
from releve.situation.validation import merge_reopening_terms
from tests.accounts.people import give, person, sign_in
from tests.homes import make_test_home
from tests.ledger.conftest import KEY
from tests.live.conftest import _nothing_in_memory, _own_home, known_times, planned, scenario
from tests.live.scenario import Scenario, choose_pack

__all__ = ["_nothing_in_memory", "_own_home", "known_times", "planned", "scenario"]

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.slow]

DECISION, WHY = "The night shift stays at home", "The shuttle is late"
WELL, BADLY, NEXT = "The relief was there.", "Two addresses were old.", "Ask for new addresses"


@contextmanager
def set_clock() -> Iterator[Callable[..., None]]:
    """Set the real clock to the morning of the first day planned; yield what moves it on."""
    real, shift = timezone.now, [timedelta()]
    shift[0] = to_utc(datetime.fromisoformat(f"{FIRST_DAY}T10:40"), "Europe/Paris") - real()

    def later(**how: float) -> None:
        shift[0] += timedelta(**how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: real() + shift[0])
        # the files of the database cannot be cleaned within the transaction of these tests
        patch.setattr("releve.live.statement.scrub_files", lambda tables: True)
        yield later


def answer_all(scenario: Scenario, *words: str) -> None:
    """Answer the messages that await it by turns; who is released, or has no shift, has read it."""
    rows = Message.objects.filter(stream=scenario.stream, kind="agent", replaced=False, acknowledged_at=None)
    for place, message in enumerate(rows.order_by("who")):
        works = any(shift["place"] is not None for shift in message.about["shifts"])
        live.answer_message(message.token, words[place % len(words)] if works else "yes")  # type: ignore[arg-type]


def open_room(scenario: Scenario) -> str:
    """Close the site by two cases and open the room of the closure; return the incident's id."""
    scenario.two_positives()
    scenario.work()
    live.open_incident(scenario.stream, "Closure of casa", scenario.site, uuid.uuid4().hex, by="samira", write=str)
    (incident,) = live.list_incidents(live.situation_now(scenario.stream), scenario.stream)
    in_room(scenario, incident.id, "role_taken", role="lead")
    in_room(scenario, incident.id, "decided", decision=DECISION, reason=WHY)
    return incident.id


def in_room(scenario: Scenario, incident: str, act: str, **fields: Any) -> None:
    scenario.act(f"incident.{act}", incident=incident, site=scenario.site, **fields)


def reopen(scenario: Scenario) -> None:
    closure = live.situation_now(scenario.stream).site(scenario.site).closure
    assert closure is not None
    scenario.check(*merge_reopening_terms(closure, scenario.site, live.operator_now(), live.rules_now()).items)
    for actor in ("hind", "omar"):
        scenario.approve(actor)
    scenario.reopen()
    scenario.work()


Pages = dict[str, Any]
"""What the pages of a pack print, before it is laid out."""


def make(incident: str, language: str = "en", *, site: str = "") -> tuple[BuiltPack, Pages]:
    """Seal what is recorded; return the pack of an incident, or of a site for its days, and its pages."""
    live.seal_now(timezone.now())
    found, printed = find_incident(incident), list[Pages]()
    assert found is not None

    def keep(paper: Paper, attachments: Sequence[Attachment]) -> bytes:
        printed.append(paper.content)
        return typeset(paper, attachments)

    kind, recipient = ("inspection", site) if site else ("incident", incident)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("releve.plugins.evidence.pack.typeset", keep)
        built = build_pack(PackRequest(kind, recipient, *found.list_days(), language))
    return built, printed[0]


def read_story(pages: Pages) -> str:
    return "\n".join(line for part in pages["passages"] for line in (part["heading"], *part["sentences"]))


def read_packed(built: BuiltPack) -> dict[str, Any]:
    """Return the documents in a pack by name."""
    packed = verify.find_packed(built.pdf)
    return {row["name"]: json.loads(packed[row["sha256"]]) for row in json.loads(built.document)["documents"]}


@dataclass(frozen=True)
class Lived:
    """An incident with its packs: in its first minutes, when it is over, and what the pages said of each."""

    incident: str
    key: str
    early: BuiltPack
    early_note: str
    early_pages: Pages
    steps: list[dict[str, Any]]
    kinds: dict[str, int]
    """People by the kind in which their work changes, on the relief page before anyone answered."""
    counts: dict[str, int]
    """The answers on the relief page, when the early pack was made."""
    moved: int
    over: dict[str, tuple[BuiltPack, Pages]]
    last_steps: list[dict[str, Any]]
    inspection: tuple[BuiltPack, Pages]
    after_erasure: tuple[list[str], list[str]]
    """The faults of a pack that was issued before a person was erased, and of one made after it."""

    def check(self, built: BuiltPack, document: Any = None, texts: dict[str, Any] | None = None) -> list[str]:
        """Return the faults of a pack, or of one with another document or other files."""
        files = {hash_rows(rows): f"{canonical_json(rows)}\n".encode() for rows in (texts or {}).values()}
        pack = json.loads(built.document) if document is None else document
        try:
            packed = files if texts is not None else verify.find_packed(built.pdf)
            return verify.check_pack(pack, verify.Keys([self.key]), [], packed, "en").faults
        except verify.VerifyError as fault:
            return [str(fault)]


def hash_rows(rows: Any) -> str:
    return verify.sha256(f"{canonical_json(rows)}\n".encode())


def read_values(built: BuiltPack) -> dict[str, Any]:
    return {one["id"]: one["value"] for one in json.loads(built.document)["statements"]}


@pytest.fixture(scope="module")
def lived(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
    planned: tuple[Operator, tuple[Plan, ...]],
) -> Iterator[Lived]:
    home = make_test_home(tmp_path_factory.mktemp("incident"))
    for clear in (storage.clear_cache, situation_cache.clear_cache, relief_solver.clear_cache):
        clear()
    with (
        django_db_blocker.unblock(), override_settings(LEDGER_KEY=KEY, HOME=home), transaction.atomic(),
        set_clock() as later,
    ):  # fmt: skip
        made = live_through(planned, later)
        transaction.set_rollback(True)
    yield made
    for clear in (storage.clear_cache, situation_cache.clear_cache, relief_solver.clear_cache):
        clear()


def live_through(planned: tuple[Operator, tuple[Plan, ...]], later: Callable[..., None]) -> Lived:
    operator, plans = planned
    apply_changes(preview_changes(operator), "tests")
    live.put_in_force(plans, by="tests")
    choose_pack()
    lead = person("lead")
    give(lead, Role.CONTINUITY)
    web = sign_in(lead, lately=True)
    scenario = Scenario(operator, plans, "live")
    agent = scenario.agents_at(scenario.site)[3]
    address = f"role,who,channel,address,language\nagent,{agent},file,letters,fr\n"
    live.import_contacts(address.encode(), by="tests")
    scenario.work()
    incident = open_room(scenario)
    kinds = {row["kind"]: row["people"] for row in web.get("/relief.json").json()["kinds"]}
    later(minutes=5)
    answer_all(scenario, "no", "late", "transport", "yes")
    early, early_pages = make(incident)
    steps = web.get(f"/incident/{incident}/review?format=json").json()["steps"]
    counts = web.get("/relief.json").json()["counts"]
    moved = Relief.objects.get(stream="live").moved
    scenario.work()  # those who do not come are replaced
    answer_all(scenario, "yes")
    later(hours=48, minutes=10)
    reopen(scenario)
    answer_all(scenario, "yes")
    in_room(scenario, incident, "reviewed", well=WELL, badly=BADLY)
    in_room(scenario, incident, "task_set", task=NEXT, owner="people", follow_up=True)
    over = {language: make(incident, language) for language in ("en", "fr")}
    last_steps = sign_in(lead, lately=True).get(f"/incident/{incident}/review?format=json").json()["steps"]
    found = find_incident(incident)
    assert found is not None
    days = found.list_days()
    inspection = make(incident, site=scenario.site)
    issued = issue_pack(PackRequest("incident", incident, *days, "en"), "tests", timezone.now())
    content = load_pack_file(issued)
    assert content is not None
    administrator = person("admin")
    give(administrator, Role.ADMINISTRATOR)
    stays_away = Message.objects.filter(answer="no").values_list("who", flat=True)[0]
    assert erase_person(administrator, stays_away) > 0
    situation_cache.clear_cache()
    lived = Lived(
        incident, public_key(), early, write_note(early, early.pdf), early_pages, steps, kinds, counts, moved, over,
        last_steps, inspection, ([], []),
    )  # fmt: skip
    issued_faults = verify.check_noted(content, issued.note, verify.Keys([lived.key]), [], "en").faults
    return replace(lived, after_erasure=(issued_faults, lived.check(make(incident)[0])))


def test_a_stranger_verifies_the_pack_of_the_day_itself(lived: Lived, tmp_path: Path) -> None:
    (tmp_path / "pack.pdf").write_bytes(lived.early.pdf)
    (tmp_path / "pack.pdf.note").write_text(lived.early_note, encoding="utf-8")
    line = [sys.executable, "-I", "-S", verify.__file__, "pack.pdf", "--key", lived.key]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    root = json.loads(lived.early.document)["root"]
    assert f"its last day, {FIRST_DAY}, was not over: the pack tells what was recorded until {root['sealed_at']}" in (
        done.stdout
    )
    (until,) = [value for name, value in lived.early_pages["facts"] if name == "Until"]
    assert until.startswith(f"{FIRST_DAY} 10:45, when its root was signed. The last day was not over")
    assert (
        f"story.json: {len(read_packed(lived.early)['story.json'])} rows, each compared with its entry" in done.stdout
    )
    pack = json.loads(lived.early.document)
    assert {one["entry"]["stream"] for one in pack["entries"]} == {"live"}
    assert {"site.closed", "relief.covered"} <= {kind for one in pack["selections"] for kind in one["kinds"]}


def test_its_figures_are_those_of_the_room_the_relief_page_and_the_ledger(lived: Lived) -> None:
    values, steps = read_values(lived.early), {row["step"]: row for row in lived.steps}
    assert values["made-1"] == steps["relief_made"]["seconds"]
    assert values["written-1"] == steps["messages_written"]["seconds"]
    assert values["acknowledged"] == steps["last_acknowledged"]["count"]
    assert values["moved-1"] == lived.moved
    counts = lived.counts
    assert values["asked"] == values["agents-1"] == counts["notified"] > 0
    assert values["answered"] == counts["acknowledged"]
    assert values["waiting"] == counts["waiting"]
    names = {"late": "late", "transport": "transport", "no": "declined"}
    assert {name: values[f"answer-{name}"] for name in names} == {name: counts[row] for name, row in names.items()}
    assert all(counts[row] for row in names.values())
    (entry,) = [one for one in json.loads(lived.early.document)["entries"] if one["entry"]["kind"] == "people.notified"]
    assert dict(entry["entry"]["body"]["kinds"]) == lived.kinds
    assert values["breaks-1"] == lived.kinds.get("break", 0)
    last, steps = read_values(lived.over["en"][0]), {row["step"]: row for row in lived.last_steps}
    assert last["acknowledged"] == steps["last_acknowledged"]["count"] > values["acknowledged"]


def test_it_tells_what_happened_as_a_person_would(lived: Lived) -> None:
    built, pages = lived.over["en"]
    values, said = read_values(built), read_story(pages)
    assert [part["heading"] for part in pages["passages"]] == [
        "What happened", "The relief", "Messages and answers", "Who led, and what was decided", "What each client got",
        "What it cost", "How it ended", "The review",
    ]  # fmt: skip
    assert "was closed: by a rule, MA-COVID-CLOSE" in said
    assert f"people whose work changed: {lived.moved}." in said
    assert f"samira (incident lead) decided: {DECISION}. Why: {WHY}." in said
    assert f"What went well: {WELL}\nWhat went badly: {BADLY}" in said
    assert f"What follows: {NEXT}." in said
    assert "; approved by hind, omar." in said.replace(" was reopened on", ";").replace("\u00a0", " ")
    assert "calls not served are not stated" in said
    assert values["settled"] > 0
    assert f"All had answered or been replaced {verify.delay_text(values['settled'], 'en')} after".replace(" ", "") in (
        said.replace(" ", "").replace("\u00a0", "")
    )
    assert values["waiting"] == 0
    french = read_story(lived.over["fr"][1])
    assert "La relève" in french
    assert "samira (direction de crise) a décidé" in french


def test_each_row_names_its_entry_and_a_bent_one_is_refused(lived: Lived) -> None:
    built, _pages = lived.over["en"]
    texts, pack = read_packed(built), json.loads(built.document)
    entries = {one["entry"]["seq"]: one["entry"] for one in pack["entries"]}
    assert {row["entry"] for row in texts["story.json"]} <= entries.keys()
    assert len({row["entry"] for row in texts["coverage.json"]}) > 1, "the newest relief counts in each half hour"
    assert lived.check(built) == lived.check(built, texts=texts) == []

    def bend(name: str, place: int, change: Callable[[dict[str, Any]], object]) -> list[str]:
        other, bent = deepcopy(texts), deepcopy(pack)
        change(other[name][place])
        for row in bent["documents"]:
            row["sha256"] = hash_rows(other[row["name"]])
        return lived.check(built, bent, other)

    place = next(at for at, row in enumerate(texts["story.json"]) if row["kind"] == "relief.made")
    fault = f"document 'story.json', row {place + 1}: it says"
    assert bend("story.json", place, lambda row: row["values"].update(moved=1))[0].startswith(fault)
    assert bend("story.json", place, lambda row: row.update(at="2026-11-30T00:00:00Z"))[0].startswith(fault)
    assert bend("story.json", place, lambda row: row.update(entry=1))
    faults = bend("coverage.json", 0, lambda row: row["values"].update(covered=1))
    assert faults[0].startswith("document 'coverage.json', row 1: it says")
    left = deepcopy(texts)
    del left["coverage.json"][0]
    assert any("half-hours" in fault for fault in lived.check(built, {**pack, "documents": [
        {"name": name, "sha256": hash_rows(rows)} for name, rows in left.items()
    ]}, left)), "a row left out"  # fmt: skip


def test_the_erasure_of_a_person_leaves_it_verifiable(lived: Lived) -> None:
    assert lived.after_erasure == ([], [])


def test_an_inspector_gets_the_same_story_without_the_clients(lived: Lived) -> None:
    built, pages = lived.inspection
    said, (whole, _pages) = read_story(pages), lived.over["en"]
    assert lived.check(built) == []
    assert DECISION in said
    assert "reliefs made in all" in said.lower()
    assert BADLY not in json.dumps(pages)
    kinds = {one["entry"]["kind"] for one in json.loads(built.document)["entries"]}
    assert "relief.made" in kinds
    assert kinds.isdisjoint({"relief.covered", "incident.reviewed", "incident.noted"})
    own, of_room = read_values(built), read_values(whole)
    assert {name: own[name] for name in ("reliefs", "asked", "answered", "settled")} == {
        name: of_room[name] for name in ("reliefs", "asked", "answered", "settled")
    }


def test_a_closure_that_was_lifted_in_a_drill_names_both_persons(scenario: Scenario) -> None:
    incident = open_room(scenario)
    situation = live.situation_now(scenario.stream)
    wrong, closure = situation.cases[-1].event, situation.site(scenario.site).closure
    assert closure is not None
    scenario.act("event.corrected", actor="hind", corrects=wrong, reason="Another person's sample")
    scenario.act("event.corrected", actor="omar", corrects=closure.event, reason="One case is left")
    scenario.work()
    built, pages = make(incident)
    said = read_story(pages)
    assert "hind had corrected a record on which it rested" in said
    assert "omar agreed. Why: One case is left." in said
    assert pages["title"] == "Drill: Evidence of an incident"
    assert pages["facts"][0][0] == "Drill"
    pack, keys = json.loads(built.document), verify.Keys([public_key()])
    result = verify.check_pack(pack, keys, [], verify.find_packed(built.pdf), "en")
    assert result.faults == []
    assert f"A DRILL ({scenario.stream}): nothing that it tells of happened" in result.summary
    assert "was not over" not in result.summary, "a drill has a clock of its own"
    kinds = {one["entry"]["kind"] for one in pack["entries"]}
    assert "case.declared" not in kinds
    assert not [one for one in pack["entries"] if one["entry"]["body"].get("corrects") == wrong]


@pytest.mark.parametrize("what", ["power", "carrier"])
def test_a_room_opened_after_an_outage_tells_from_the_outage_on(scenario: Scenario, what: str) -> None:
    site = scenario.site if what == "power" else ""
    carrier = Counter(row.carrier for row in scenario.operator.agents if row.carrier).most_common(1)[0][0]
    lost = scenario.power(site) if site else scenario.carrier(carrier)
    scenario.work()
    at = LedgerEntry.objects.get(seq=lost.seq).recorded_at
    scenario.later(minutes=10)
    live.open_incident(scenario.stream, "Outage", site, uuid.uuid4().hex, by="samira")
    (incident,) = live.list_incidents(live.situation_now(scenario.stream), scenario.stream)
    start = live.find_incident_start(incident, scenario.stream)
    steps = {row.step: row for row in live.list_response_steps(incident, start, scenario.stream)}
    assert steps["outage"].at == start == datetime.fromisoformat(at)
    built, _pages = make(incident.id)
    values = read_values(built)
    asked = Message.objects.filter(stream=scenario.stream, kind="agent", replaced=False).count()
    assert values["waiting"] == asked
    assert asked or not site
    assert values["made-1"] == steps["relief_made"].seconds


def test_the_room_leads_to_its_pack_which_seals_what_happened_so_far(scenario: Scenario) -> None:
    incident = open_room(scenario)
    lead = person("lead")
    give(lead, Role.CONTINUITY)
    web = sign_in(lead, lately=True)
    web.cookies[COOKIE] = scenario.stream
    live.seal_now(timezone.now())
    in_room(scenario, incident, "noted", note="After the root")
    what = f"incident:{incident}"
    for page in (f"/incident/{incident}", f"/incident/{incident}/review"):
        assert f"/packs/?what={what}" in web.get(page).content.decode()
    shown = web.get(f"/packs/?what={what}").content.decode()
    assert f'value="{what}" selected' in shown
    assert re.search('name="seal"[^>]* checked', shown), "what was recorded since the root is to be sealed"
    values = dict(re.findall(r'name="(first|last)" value="([^"]+)"', shown))
    assert values == {"first": str(FIRST_DAY), "last": str(FIRST_DAY)}
    refused = web.post("/packs/", {"what": what, "language": "en", **values})
    assert refused.status_code == 422
    made = web.post("/packs/", {"what": what, "language": "en", "seal": "on", **values})
    assert made.status_code == 302
    assert "After the root" in json.dumps(read_data(list_packs()[0], load_pack_file(list_packs()[0]) or b""))
    site = person("other-site")
    give(site, Role.SITE, sites=[scenario.operator.sites[1].id])
    assert sign_in(site, lately=True).get(made["Location"]).status_code == 404, "not for a site that it is not about"


def test_silence_counts_as_an_outcome_and_starts_the_delay_of_its_relief(scenario: Scenario) -> None:
    rows = "".join(f"agent,{agent.id},file,{agent.id},fr\n" for agent in scenario.operator.agents)
    live.import_contacts(f"role,who,channel,address,language\n{rows}".encode(), by="tests")
    incident = open_room(scenario)
    at = live.now(scenario.stream) + timedelta(hours=3)
    asked = Message.objects.filter(stream=scenario.stream, kind="agent", replaced=False)
    soon = [row for row in asked if any(
        shift["place"] is not None and shift["kind"] in ("home", "site") and
        datetime.fromisoformat(shift["start"]) < at < datetime.fromisoformat(shift["end"])
        for shift in row.about["shifts"])]  # fmt: skip
    silent, stays = soon[0], soon[1]
    live.answer_message(stays.token, "no")
    for row in asked.exclude(pk__in=[silent.pk, stays.pk]):
        live.answer_message(row.token, "yes")
    scenario.work()
    answer_rest(scenario, silent)
    scenario.later(minutes=16)
    scenario.work()
    answer_rest(scenario, silent)
    scenario.work()
    assert Message.objects.get(pk=silent.pk).silent
    built, _pages = make(incident)
    pack, values = json.loads(built.document), read_values(built)
    entries = [one["entry"] for one in pack["entries"]]
    (absent,) = [one for one in entries if one["kind"] == "message.absent"]
    (refusal,) = [one for one in entries if one["body"].get("answer") == "no"]
    assert absent["body"]["message"] == str(silent.pk)
    assert "agent.unavailable" not in {one["kind"] for one in entries}
    made = {one["body"]["generation"]: one for one in entries if one["kind"] == "relief.made"}
    starts = {one["id"]: one["of"][0] for one in pack["statements"] if one["id"].startswith("made-")}
    of_absences = [number for number, one in made.items() if one["body"]["source"] == "absences"]
    assert {starts.get(f"made-{number}") for number in of_absences} == {refusal["seq"], absent["seq"]}
    assert (values["silent"], values["waiting"]) == (1, 0)
    assert values["settled"] is not None
    checked = verify.check_pack(pack, verify.Keys([public_key()]), [], verify.find_packed(built.pdf), "en")
    assert checked.faults == []


def answer_rest(scenario: Scenario, silent: Message) -> None:
    for row in Message.objects.filter(stream=scenario.stream, kind="agent", replaced=False, acknowledged_at=None):
        if row.pk != silent.pk:
            live.answer_message(row.token, "yes")


def test_an_ordinary_absence_is_no_answer(scenario: Scenario) -> None:
    incident = open_room(scenario)
    answer_all(scenario, "yes", "no", "yes", "yes", "yes", "yes", "yes", "yes")
    scenario.work()
    before = Relief.objects.filter(stream=scenario.stream).first()
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    assert before is not None
    working = [row.agent for row in scene.list_placements(scene.days[0]) if row.end > scene.at + timedelta(hours=3)]
    for agent in working[:6]:
        start = live.now(scenario.stream)
        scenario.act("agent.unavailable", agent=agent, start=start, until=start + timedelta(hours=12))
        visit = {"site": scenario.operator.sites[1].id, "authority": "Commission"}
        scenario.act("inspection.held", **visit)  # the last entry when the relief is requested
        scenario.work()
    last = Relief.objects.filter(stream=scenario.stream).first()
    assert last is not None
    assert last.generation > before.generation
    assert last.source == "absences"
    built, _pages = make(incident)
    ids = {one["id"] for one in json.loads(built.document)["statements"]}
    assert f"moved-{last.generation}" in ids, "it goes on answering the loss of the site, whatever came last"
    assert f"made-{last.generation}" not in ids, "no answer is what it follows"


def test_a_message_asked_before_the_incident_is_no_answer_to_it(scenario: Scenario) -> None:
    scenario.close(scenario.operator.sites[1].id)
    scenario.work()
    incident = open_room(scenario)
    built, _pages = make(incident)
    values, pack = read_values(built), json.loads(built.document)
    (notified,) = [one["entry"]["body"] for one in pack["entries"] if one["entry"]["kind"] == "people.notified"]
    assert notified["replaces"]
    assert all(generation < notified["generation"] for _message, generation in notified["replaces"])
    assert values["waiting"] == values["asked"] == notified["agents"] > 0
    assert "settled" not in values
    (said,) = [one for one in pack["statements"] if one["id"] == "waiting"]
    records = [one for one in pack["entries"] if one["entry"]["seq"] in said["of"]]
    assert verify.compute_entries(said, records) == notified["agents"]


@pytest.mark.parametrize("of_a_case", [True, False])
def test_who_was_called_in_for_the_first_case_is_counted_where_the_second_closes_the_site(
    scenario: Scenario, of_a_case: bool
) -> None:
    rows = "".join(f"agent,{agent.id},file,{agent.id},fr\n" for agent in scenario.operator.agents)
    live.import_contacts(f"role,who,channel,address,language\n{rows}".encode(), by="tests")
    first, second, *others = scenario.agents_at(scenario.site)
    start = live.now(scenario.stream)
    for agent in (*others[:2], *([] if of_a_case else others[2:3])):
        scenario.act("agent.unavailable", agent=agent, start=start, until=start + timedelta(hours=12))
    if of_a_case:
        first, second = others[2], first
        scenario.positive(first)
    scenario.work()
    (before,) = Message.objects.filter(stream=scenario.stream, kind="agent")
    scenario.positive(second)
    if not of_a_case:
        scenario.positive(first)
    scenario.work()
    asked = Message.objects.filter(stream=scenario.stream, kind="agent", replaced=False)
    assert asked.filter(pk=before.pk).exists(), "who was called in before the site closed stays so"
    live.open_incident(scenario.stream, "Closure", scenario.site, uuid.uuid4().hex, by="samira", write=str)
    (incident,) = live.list_incidents(live.situation_now(scenario.stream), scenario.stream)
    built, _pages = make(incident.id)
    values = read_values(built)
    assert values["waiting"] == asked.count() - (not of_a_case)
    assert ("moved-1" in values) == of_a_case
    checked = verify.check_pack(
        json.loads(built.document), verify.Keys([public_key()]), [], verify.find_packed(built.pdf), "en"
    )
    assert checked.faults == []
    answer_all(scenario, "yes")
    after = read_values(make(incident.id)[0])
    assert after["waiting"] == 0
    assert after["settled"] is not None


def test_messages_that_wait_for_the_lead_are_asked_when_they_go(
    known_times: None, planned: tuple[Operator, tuple[Plan, ...]]
) -> None:
    scenario = Scenario.begin(*planned, clock="03:19")
    give_pseudonym("samira")
    at = live.now(scenario.stream)
    OnCall.objects.create(start=at - timedelta(days=1), end=at + timedelta(days=8), led_by="samira")
    incident = open_room(scenario)
    values = read_values(make(incident)[0])
    held = Message.objects.filter(stream=scenario.stream, held="lead", replaced=False).count()
    last = max(int(name.removeprefix("held-")) for name in values if name.startswith("held-"))
    assert values[f"held-{last}"] == held > 0
    asked = values["asked"]
    live.take_alert(Alert.objects.get(), "samira")
    draft = Message.objects.filter(stream=scenario.stream, role="client", held="draft", replaced=False)[0]
    live.stop_draft(scenario.stream, str(draft.pk), "", by="samira")
    live.approve_draft(scenario.stream, str(draft.pk), "", by="samira")
    scenario.work()
    answer_all(scenario, "yes")
    built, pages = make(incident)
    after = read_values(built)
    assert after["asked"] > asked
    assert after["waiting"] == 0
    assert "wait for the lead" in read_story(pages)
    rows = {row["kind"]: row["en"] for row in read_packed(built)["story.json"]}
    assert re.fullmatch(r"account [0-9a-f]+( \(incident lead\))? is alerted", rows["alert.raised"])
    assert re.fullmatch(r"account [0-9a-f]+( \(incident lead\))? took the alert", rows["alert.taken"])
    client = scenario.operator.client[draft.who].name
    assert client in rows["client.approved"]
    assert client in rows["client.stopped"]
    assert sum("led from" in line for line in read_story(pages).splitlines()) == 2, "the alert, and the room"
    pack = json.loads(built.document)
    letters = {one["entry"]["seq"]: one["entry"]["body"].get("letter") for one in pack["entries"]}
    ends = {
        one["id"]: letters[one["of"][-1]] for one in pack["statements"] if one["id"].startswith(("first-", "last-"))
    }
    assert ends
    assert "client" not in ends.values()
    checked = verify.check_pack(pack, verify.Keys([public_key()]), [], verify.find_packed(built.pdf), "en")
    assert checked.faults == []
