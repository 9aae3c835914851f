"""What the API answers, in one shape, to those who may see it: nothing of a foreign audit, no query per row."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse
from django.utils import timezone

from bench.desk import OPERATIONS, PAGES, fill
from releve.accounts.models import Grant, Token
from releve.accounts.permissions import Role
from releve.desk.api.document import document
from releve.ledger.chain import iter_entries, read_head
from releve.ledger.roots import sign_root
from releve.live import api as live
from releve.live import situation_cache
from releve.live.plans import IdentityCache
from releve.registry import storage
from releve.registry.models import Version
from releve.situation import KINDS, AuditOpened, list_fields
from tests.accounts.people import give, person, sign_in, signed_in
from tests.desk.access.test_people_page import HEALTH_KEYS, HEALTH_WORDS, keys
from tests.desk_api.conftest import Program, program
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]

READ = [path for path, row in document()["paths"].items() if "get" in row and "{" not in path]


def test_a_closure_recorded_by_a_program_is_seen_now(manager: Program, scenario: Scenario) -> None:
    made = manager.record("site.closed", site=scenario.site, cause="hazard", hazard="fire", reason="Crack")
    assert made.status_code == 201, made.json()
    row = next(row for row in manager.get("/now").json()["sites"] if row["site"] == scenario.site)
    assert (row["state"], row["cause"], row["hazard"]) == ("closed", "hazard", "fire")
    detail = manager.get(f"/sites/{scenario.site}").json()
    assert detail["status"]["state"] == "closed"
    assert detail["status"]["usable"] in (0, None)
    (entry,) = [row for row in iter_entries() if row.kind == "site.closed"]
    assert entry.body["actor"] == "token:continuity-0"
    assert entry.seq == made.json()["seq"]


def test_the_same_key_records_once_and_another_event_under_it_is_refused(manager: Program, scenario: Scenario) -> None:
    first = manager.record("power.down", "k", site=scenario.site)
    again = manager.record("power.down", "k", site=scenario.site)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "before": True}
    other = scenario.operator.sites[1].id
    assert manager.record("power.down", "k", site=other).status_code == 409
    assert manager.record("power.up", "k", site=scenario.site).status_code == 409
    assert program(Role.FLOW).record("power.down", "k", site=other).status_code == 201


def test_every_fault_of_a_body_is_named_at_once(manager: Program) -> None:
    before = read_head("live")
    answer = manager.record("check.done", day="yesterday", findings=[{"measure": 3}], actor="me")
    assert answer.status_code == 422
    assert {row["field"] for row in answer.json()["error"]["faults"]} == {"actor"}
    answer = manager.record("check.done", day="yesterday", findings=[{"measure": 3}], colour="red")
    fields = {row["field"] for row in answer.json()["error"]["faults"]}
    assert fields == {"site", "day", "findings.0.measure", "findings.0.verdict", "colour"}
    assert read_head("live") == before


def test_a_refusal_has_its_code_and_what_to_do(manager: Program) -> None:
    answer = manager.record("site.closed", site="nowhere", cause="authority")
    found = {(row["field"], row["code"]) for row in answer.json()["error"]["faults"]}
    assert answer.status_code == 422
    assert found == {("site", "site.unknown"), ("authority", "closure.cause")}
    answer = manager.record("site.closed", site="nowhere", cause="operator", hazard="fire")
    assert ("hazard", "closure.hazard") in {(row["field"], row["code"]) for row in answer.json()["error"]["faults"]}


@pytest.mark.parametrize("body", ["", "{", "[]", "3", '{"site": NaN}', "[" * 100_000, '"\\ud800"', "\x00"])
def test_a_body_that_is_no_object_is_told_so(manager: Program, body: str) -> None:
    assert manager.post("/events/power.down", body, "k").status_code == 400


def test_an_event_of_more_than_a_megabyte_is_refused_and_not_recorded(manager: Program, scenario: Scenario) -> None:
    text = json.dumps({"site": scenario.site})
    large = manager.post("/events/power.down", text.ljust(1_000_001), "k")
    assert (large.status_code, large.json()["error"]["code"]) == (413, "body.large")
    assert not [row for row in iter_entries() if row.kind == "power.down"]
    assert manager.post("/events/power.down", text.ljust(1_000_000), "k").status_code == 201


def test_an_event_without_a_key_is_not_recorded(manager: Program, scenario: Scenario) -> None:
    answer = manager.record("power.down", "", site=scenario.site)
    assert answer.status_code == 422
    assert not [row for row in iter_entries() if row.kind == "power.down"]


def test_a_site_lead_records_of_the_own_site_alone(scenario: Scenario) -> None:
    own, other = scenario.site, scenario.operator.sites[1].id
    lead = program(Role.SITE, sites=(own,))
    theirs = next(row.id for row in scenario.operator.agents if row.home_site == other)
    mine = next(row.id for row in scenario.operator.agents if row.home_site == own)
    assert lead.record("power.down", "1", site=own).status_code == 201
    assert lead.record("power.down", "2", site=other).status_code == 404
    assert lead.record("agent.unavailable", "3", agent=theirs).status_code == 404
    assert lead.record("agent.unavailable", "4", agent=mine).status_code == 201
    assert lead.record("link.down", "5", carrier="Orange").status_code == 403
    event = next(row.body["id"] for row in iter_entries() if row.kind == "power.down")
    scenario.stream = "live"
    done = scenario.act("power.down", site=other)
    foreign = next(row.body["id"] for row in iter_entries(after=done.seq - 1))
    assert lead.record("event.corrected", "6", corrects=foreign, reason="x").status_code == 404
    assert lead.record("event.corrected", "7", corrects=event, reason="x").status_code == 201


def test_a_site_lead_takes_no_agent_of_another_site_off_the_plan(scenario: Scenario) -> None:
    scenario.stream = "live"
    own, other = scenario.site, scenario.operator.sites[1].id
    theirs, visitor = scenario.agents_at(other)[:2]
    today = live.now().date().isoformat()
    lead, officer = program(Role.SITE, sites=(own,)), program(Role.HEALTH)
    case = {"site": own, "status": "declared_case"}
    refused = lead.record("case.declared", "1", **case, agent=theirs)
    assert refused.status_code == 422
    (fault,) = refused.json()["error"]["faults"]
    assert (fault["code"], fault["field"]) == ("agent.elsewhere", "agent")
    assert theirs not in live.situation_now().absences
    present = {"site": own, "day": today, "count": 1, "agents": [visitor]}
    permit = {"authorisation": "w1", "of": "agent", "site": own, "agent": theirs,
              "valid_from": today, "valid_to": today}  # fmt: skip
    for kind, fields in (("agents.present", present), ("authorisation.granted", permit)):
        assert lead.record(kind, kind, **fields).status_code == 422
    manager = program(Role.CONTINUITY)
    assert manager.record("agents.present", "2", **present).status_code == 201
    assert lead.record("case.declared", "3", **case, agent=visitor).status_code == 201, "was there"
    assert officer.record("case.declared", "4", **case, agent=theirs).status_code == 201


def test_a_drill_is_flagged_and_is_for_those_who_work_in_it(manager: Program, scenario: Scenario) -> None:
    (drill,) = manager.get("/drills").json()["drills"]
    assert drill["name"] == scenario.stream
    assert (drill["by"], drill["stopped_at"]) == ("tests", None)
    path = f"/now?stream={scenario.stream}"
    assert manager.get(path).json()["drill"] == drill["title"]
    assert manager.get("/now").json()["drill"] == ""
    client = program(Role.CLIENT, clients=(scenario.operator.clients[0].id,))
    assert client.get(path).status_code == 404
    assert manager.get("/now?stream=drill:99").status_code == 404
    assert manager.get("/now?stream=nonsense").status_code == 422


def test_what_is_unchanged_is_answered_304(manager: Program, scenario: Scenario) -> None:
    tag = manager.get("/sites")["ETag"]
    same = manager.get("/sites", **{"If-None-Match": tag})
    if same.status_code == 200:  # the minute ended between the two
        same = manager.get("/sites", **{"If-None-Match": same["ETag"]})
    assert same.status_code == 304
    assert same.content == b""
    manager.record("power.down", site=scenario.site)
    assert manager.get("/sites", **{"If-None-Match": tag}).status_code == 200


def test_another_method_is_told_which_one_it_takes(manager: Program) -> None:
    answer = manager.web.delete("/api/v1/now", headers=manager.headers)
    assert (answer.status_code, answer["Allow"]) == (405, "GET")
    assert answer.json()["error"]["status"] == 405


def test_a_client_reads_its_own_coverage_and_no_field_of_health(scenario: Scenario, plans: Any, settings: Any) -> None:
    settings.PLAN_FOLDER = plans
    scenario.stream = "live"
    scenario.two_positives()
    scenario.act("tests.done", site=scenario.site, tested=40, positive=3)
    key = scenario.operator.clients[0].id
    client = program(Role.CLIENT, clients=(key,))
    answered = []
    for path in [*READ, f"/api/v1/clients/{key}"]:
        answer = client.web.get(path, headers=client.headers)
        assert answer.status_code in (200, 404), path
        if answer.status_code == 200:
            answered.append(path)
            text = answer.content.decode()
            assert HEALTH_WORDS.findall(text) == [], path
            assert [row for row in keys(answer.json()) if HEALTH_KEYS.search(row)] == [], path
            assert not any(agent in text for agent in scenario.agents_at(scenario.site)), path
    assert {"/api/v1/now", "/api/v1/clients", "/api/v1/plan"} <= set(answered)
    assert client.get("/now").json()["sites"] == []
    other = program(Role.CLIENT, clients=(key,))
    left = Token.objects.latest("given_at")  # its client has left the reference data since
    Token.objects.filter(pk=left.pk).update(clients=["another-client"])
    assert other.get(f"/clients/{key}").status_code == 404
    assert other.get("/clients").json()["clients"] == other.get("/now").json()["clients"] == []


def test_no_proof_that_is_handed_out_holds_a_field_of_health(manager: Program, scenario: Scenario) -> None:
    scenario.stream = "live"
    scenario.two_positives()
    scenario.act("tests.done", site=scenario.site, tested=40, positive=3)
    day = live.now().date()
    finding = {"measure": _measure(), "verdict": "kept"}
    manager.record("check.done", site=scenario.site, day=str(day), findings=[finding], symptomatic=17)
    sign_root(live.real_now())
    health = {(kind, row.name) for kind, cls in KINDS.items() for row in list_fields(cls) if row.health}
    seen = set()
    for stored in list(iter_entries()):
        proof = manager.get(f"/ledger/{stored.seq}/proof").json()
        kind, body = proof["entry"]["kind"], proof["entry"]["body"]
        assert proof["values"] == []
        for name, value in body.items():
            if (kind, name) in health:
                seen.add((kind, name))
                assert set(value) == {"commitment"}, (kind, name)
    assert {("tests.done", "positive"), ("check.done", "symptomatic")} <= seen
    assert {name for kind, name in health if kind == "case.declared"} <= {
        name for kind, name in seen if kind == "case.declared"
    }
    assert live.situation_now().checks[scenario.site, day.isoformat()].symptomatic == 17


def _measure() -> str:
    charter = live.rules_now().charter(live.now().date())
    assert charter is not None
    return charter.measures[0].id


def test_the_queries_of_an_answer_do_not_grow_with_what_it_holds(manager: Program, scenario: Scenario) -> None:
    counted = {}
    for path in ("/now", "/sites", "/clients", "/reliefs", "/ledger", "/messages"):
        manager.get(path)
        with CaptureQueriesContext(connection) as found:
            assert manager.get(path).status_code == 200
        counted[path] = len(found)
    scenario.stream = "live"
    for site in scenario.operator.sites:
        scenario.close(site.id)
    for path, before in counted.items():
        manager.get(path)
        with CaptureQueriesContext(connection) as found:
            manager.get(path)
        assert len(found) <= before, path


def test_a_lead_learns_of_no_case_by_clearing(scenario: Scenario) -> None:
    scenario.stream = "live"
    own, other = scenario.site, scenario.operator.sites[1].id
    sick, well, *_ = scenario.agents_at(other)
    scenario.positive(sick, other)
    (case,) = live.situation_now().cases
    lead = program(Role.SITE, sites=(own,))
    answers = set()
    for agent in (sick, well):
        for named in ("", case.event, "e0"):
            sent = {"site": own, "agent": agent, "status": "cleared", "case": named}
            answer = lead.record("case.declared", f"{agent}{named}", **sent)
            answers.add((answer.status_code, answer.content.replace(agent.encode(), b"")))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 422
    assert live.situation_now().cases == (case,)


def test_a_role_without_the_counts_of_cases_ends_its_own_absences_alone(scenario: Scenario, manager: Program) -> None:
    scenario.stream = "live"
    sick, away, *_ = scenario.agents_at(scenario.site)
    scenario.positive(sick)
    (measure,) = live.situation_now().absences[sick]
    scenario.act("agent.unavailable", agent=away, start=measure.start, until=measure.until)
    (noted,) = live.situation_now().absences[away]
    planner = program(Role.PLANNER)
    answers = set()
    for agent, absence in ((sick, measure), (away, noted)):
        for number, named in enumerate(("", "own", absence.event, "e0")):
            answer = planner.record("agent.back", f"{agent}{number}", agent=agent, absence=named)
            text = answer.content.decode().replace(agent, "").replace(absence.event, "")
            answers.add((number, answer.status_code, text.replace("e0", "")))
    assert len(answers) == 4, "one for each question, for both absences"
    assert {status for _, status, _ in answers} == {422}
    assert planner.record("agent.unavailable", "own", agent=away).status_code == 201
    for agent, status in ((sick, 422), (away, 201)):
        assert planner.record("agent.back", f"{agent}!", agent=agent).status_code == status
    assert live.situation_now().unavailable(live.now()) == {sick: measure.until, away: measure.until}
    assert manager.record("agent.back", "back", agent=away).status_code == 201
    assert [*live.situation_now().unavailable(live.now())] == [sick]


def test_tomorrows_absence_is_recorded_today_and_its_reason_is_for_the_health_officer(scenario: Scenario) -> None:
    scenario.stream = "live"
    agent, tomorrow = scenario.agents_at(scenario.site)[0], live.now() + timedelta(days=1)
    sent = {"agent": agent, "happened_at": tomorrow.isoformat(), "reason": "sickness"}
    sent["until"] = (tomorrow + timedelta(hours=8)).isoformat()
    planner = program(Role.PLANNER)
    made = [planner.record("agent.unavailable", "sick", **sent) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 200], made[0].json()
    (row,) = live.situation_now().absences[agent]
    assert (row.start, row.reason) == (tomorrow, "sickness")
    assert agent not in live.situation_now().unavailable(live.now())
    path = f"/ledger/{made[0].json()['seq']}"
    assert "sickness" in program(Role.HEALTH).get(path).content.decode()
    for role in (Role.PLANNER, Role.FLOW, Role.CONTINUITY):
        assert "sickness" not in program(role).get(path).content.decode()
    assert planner.record("agent.unavailable", "why", agent=agent, reason="hangover").status_code == 422


@pytest.mark.parametrize("role", [Role.CONTINUITY, Role.SITE])
def test_no_token_lifts_a_closure_by_correcting_its_order(scenario: Scenario, role: Role) -> None:
    scenario.stream = "live"
    scenario.two_positives()
    closure = live.situation_now().site(scenario.site).closure
    assert closure is not None
    asks = program(role, sites=(scenario.site,) if role is Role.SITE else ())
    answer = asks.record("event.corrected", corrects=closure.event, reason="Wrong site")
    assert answer.status_code == 422
    codes = {row["code"] for row in answer.json()["error"]["faults"]}
    assert codes == {"lifting.grounded", "reopening.checklist", "reopening.approvals"}
    assert live.situation_now().site(scenario.site).closed


def test_a_correction_by_the_api_waits_for_a_second_person_and_says_the_way_out(scenario: Scenario) -> None:
    scenario.stream = "live"
    scenario.two_positives()
    situation = live.situation_now()
    wrong, closure = situation.cases[-1], situation.site(scenario.site).closure
    assert closure is not None
    case = {"corrects": wrong.event, "reason": "Another person's sample"}
    order = {"corrects": closure.event, "reason": "It rested on a wrong test"}

    def refused(answer: Any, code: str) -> str:
        assert answer.status_code == 422
        (row,) = [row for row in answer.json()["error"]["faults"] if row["code"] == code]
        return str(row["message"])

    manager, officer = program(Role.CONTINUITY), program(Role.HEALTH)
    assert "health officer" in refused(manager.record("event.corrected", "1", **case), "correction.health")
    assert "correct that record first" in refused(manager.record("event.corrected", "2", **order), "lifting.grounded")
    made = officer.record("event.corrected", "3", **case)
    assert made.status_code == 201, made.json()
    assert officer.record("event.corrected", "3", **case).status_code == 200
    assert live.situation_now().site(scenario.site).closed
    assert "a person does it" in refused(manager.record("event.corrected", "4", **order), "lifting.by_program")
    assert "another person" in refused(officer.record("event.corrected", "5", **order), "lifting.same_person")
    user = person("karim")
    give(user, Role.SITE, sites=(scenario.site,))
    lead = sign_in(user, lately=True)
    answer = lead.post("/api/v1/events/event.corrected", order, content_type="application/json",
                       headers={"Idempotency-Key": "6"})  # fmt: skip
    assert answer.status_code == 201, answer.json()
    assert not live.situation_now().site(scenario.site).closed


AUDIT_KINDS = sorted(kind for kind, event in KINDS.items() if event.family == AuditOpened.family)
"""Every event kind of an audit: a new one is tested by being declared."""
SECRET = "x-foreign"


@pytest.fixture
def sites(scenario: Scenario, manager: Program) -> tuple[str, str]:
    """Audit the second site, with a finding; return the site of the readers and that one."""
    own, other = (site.id for site in scenario.operator.sites[:2])
    charter = live.rules_now().charter(live.now(live.LIVE).date())
    assert charter is not None
    for audit, sample in ((SECRET, [other]), ("x-shared", [own, other])):
        opened = {"audit": audit, "body": "Bureau (synthetic)", "sites": sample,
                  "charter": charter.id, "version": charter.version, "basis": "b"}  # fmt: skip
        assert manager.record("audit.opened", audit, **opened).status_code == 201
        for kind, fields in _steps(audit, other):
            made = manager.record(kind, f"{audit}-{kind}", **fields)
            assert made.status_code == 201, (kind, made.json())
    return own, other


def _steps(audit: str, site: str) -> list[tuple[str, dict[str, Any]]]:
    finding = {"audit": audit, "finding": "f1", "site": site, "measure": "masks"}
    due = (live.now(live.LIVE).date() + timedelta(days=9)).isoformat()
    return [
        ("audit.observed", {"audit": audit, "site": site, "measure": "masks", "method": "test",
                            "seen_at": live.now(live.LIVE).isoformat(), "verdict": "not_kept"}),
        ("finding.raised", finding | {"severity": "minor", "due": due, "note": "Torn"}),
        ("finding.answered", finding | {"cause": "c", "action": "a", "owner": "site", "due": due}),
    ]  # fmt: skip


def _fields(kind: str, audit: str, site: str, sample: list[str]) -> dict[str, Any]:
    """Return an acceptable body of an event of any kind of an audit."""
    steps = dict(_steps(audit, site))
    opened = {"audit": audit, "body": "B", "sites": sample, "charter": "sector", "version": "1", "basis": "b"}
    finding = {"audit": audit, "finding": "f1", "site": site, "measure": "masks"}
    return steps.get(kind) or {
        "audit.opened": opened,
        "audit.concluded": {"audit": audit, "conclusion": "conforms_with_findings"},
        "finding.verified": finding | {"effective": True},
    }[kind]  # fmt: skip


@pytest.mark.parametrize("kind", AUDIT_KINDS)
@pytest.mark.parametrize("audit", [SECRET, "x-shared", "x-none"])
def test_an_event_of_a_foreign_audit_or_finding_is_not_found(sites: tuple[str, str], kind: str, audit: str) -> None:
    own, other = sites
    role = Role.SITE if kind == "finding.answered" else Role.AUDITOR
    foreign = program(role, sites=(own,))
    answers = {}
    for site in (own, other):
        # an own site of an audit that is shared is the one case that is not foreign
        if (audit, site) == ("x-shared", own) and kind in ("audit.observed", "finding.raised"):
            continue
        answer = foreign.record(kind, f"k{site}", **_fields(kind, audit, site, [other]))
        assert answer.status_code == 404, (site, answer.json())
        answers[site] = answer.content
        for word in (other, SECRET, "masks", "Torn"):
            assert word not in answer.content.decode()
    assert len(set(answers.values())) == 1


def test_a_site_of_no_audit_tells_nothing_of_the_sample(sites: tuple[str, str]) -> None:
    """The reader holds one site more: the refusal that names the sample is not theirs to read."""
    own, other = sites
    third = next(site.id for site in live.operator_now().sites if site.id not in sites)
    foreign = program(Role.AUDITOR, sites=(own, third))
    answer = foreign.record("audit.observed", **_fields("audit.observed", "x-shared", third, []))
    assert answer.status_code == 404
    assert other not in answer.content.decode()
    whole = program(Role.AUDITOR).record("audit.observed", **_fields("audit.observed", SECRET, own, []))
    assert whole.json()["error"]["faults"][0]["code"] == "audit.site", "who audits all is helped"


def _audit_addresses() -> list[tuple[str, dict[str, str]]]:
    """Return every page that takes an audit, with its arguments."""
    found = []
    for name, rows in get_resolver().reverse_dict.lists():
        names = rows[0][0][0][1]
        if isinstance(name, str) and "audit" in names:
            found.append((name, {"audit": SECRET} | ({"finding": "f1"} if "finding" in names else {})))
    return found


def test_every_page_of_a_foreign_audit_is_not_found(sites: tuple[str, str]) -> None:
    user = person("ali")
    for role in (Role.AUDITOR, Role.SITE):
        give(user, role)
    Grant.objects.filter(user=user).update(sites=[sites[0]])
    web = sign_in(user, lately=True)
    addresses = _audit_addresses()
    assert len(addresses) >= 9
    for name, arguments in addresses:
        unknown = reverse(name, kwargs=arguments | {"audit": "x-none"})
        path = reverse(name, kwargs=arguments)
        for ask in (web.get, web.post):
            answer, other = ask(path), ask(unknown)
            assert answer.status_code == other.status_code, path
            assert answer.status_code in (404, 405), path
            assert sites[1] not in answer.content.decode(), path
    assert SECRET not in web.get("/charter/?format=json").content.decode()


def counted(web: Client, asks: Program) -> dict[str, int]:
    """Return the queries of each page and operation, asked for a second time."""
    found = {}
    for path in (*PAGES, *OPERATIONS):
        headers = asks.headers if path.startswith("/api") else {}
        assert web.get(path, headers=headers).status_code == 200
        with CaptureQueriesContext(connection) as queries:
            web.get(path, headers=headers)
        found[path] = len(queries)
    return found


def sizes(sites: int) -> tuple[int, int]:
    storage.clear_cache()
    fill(40 * sites, sites)
    operator = live.operator_now()
    return len(operator.sites), len(operator.clients)


def test_eight_sites_take_as_many_queries_as_two(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    held = timezone.now()  # a minute that begins meanwhile is computed again
    monkeypatch.setattr(timezone, "now", lambda: held)
    situation_cache.clear_cache()
    assert sizes(2)[0] == 2
    web, asks = signed_in(Role.CONTINUITY), program(Role.CONTINUITY)
    few = counted(web, asks)
    situation_cache.clear_cache()
    assert sizes(8)[0] == 8
    many = counted(web, asks)
    assert many == few
    assert max(many.values()) <= 30
    assert len(asks.get("/sites").json()["sites"]) == 8
    assert all(row["worst"] is not None for row in asks.get("/clients").json()["clients"])


def test_what_is_kept_stands_for_the_same_objects_and_no_equal_ones() -> None:
    kept: IdentityCache[list[Any]] = IdentityCache(2)
    one, same = [1], [1]
    first = kept.get("a", (one,), lambda: ["first"])
    assert kept.get("a", (one,), lambda: ["again"]) is first
    assert kept.get("a", (same,), lambda: ["equal"]) == ["equal"]
    for key in "bc":
        kept.get(key, (one,), lambda: ["more"])
    assert kept.get("a", (same,), lambda: ["forgotten"]) == ["forgotten"]


def test_who_asks_for_what_is_being_computed_waits_for_it() -> None:
    kept: IdentityCache[list[Any]] = IdentityCache(2)
    source, begun, go_on, made = object(), Event(), Event(), []

    def make() -> list[Any]:
        begun.set()
        assert go_on.wait(10)
        made.append(len(made))
        return made

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(kept.get, "a", (source,), make)
        assert begun.wait(10)
        others = [pool.submit(kept.get, "a", (source,), make) for _ in range(2)]
        # a reader of another key does not wait
        assert kept.get("b", (source,), lambda: ["b"]) == ["b"]
        go_on.set()
        found = [row.result() for row in (first, *others)]
    assert made == [0]
    assert all(row is made for row in found)


def test_what_fails_is_computed_by_the_next_who_asks() -> None:
    kept: IdentityCache[list[Any]] = IdentityCache(2)
    source = object()

    def fail() -> list[Any]:
        raise ValueError("not now")

    with pytest.raises(ValueError, match="not now"):
        kept.get("a", (source,), fail)
    assert kept.get("a", (source,), lambda: ["a"]) == ["a"]


def test_every_version_is_read_in_parts_by_the_number_to_ask_with_next(
    manager: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = Version.objects.all()
    values = {"made_at": first.made_at, "made_by": "x", "digest": first.digest, "summary": first.summary}
    Version.objects.bulk_create(Version(number=first.number + n, **values) for n in range(1, 6))
    monkeypatch.setattr("releve.desk.api.events._MOST_VERSIONS", 3)
    found, query = [], ""
    while True:
        page = manager.get(f"/registry/versions{query}").json()
        found.append([row["number"] for row in page["versions"]])
        if page["older"] is None:
            break
        query = f"?before={page['older']}"
    last = first.number + 5
    assert found == [[last, last - 1, last - 2], [last - 3, last - 4, first.number]]
