"""Recording through the pages: what is written, what is refused, where the reason stands."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client

from releve.accounts import grants
from releve.accounts.confirmations import confirm_account
from releve.accounts.models import User
from releve.accounts.permissions import Role
from releve.ledger import chain as ledger
from releve.live import api as live
from releve.situation import merge_reopening_terms
from tests.accounts.people import sign_in
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def sent(web: Client, path: str, **changed: Any) -> Any:
    """Open a form, fill in what is given and send it with what it held."""
    form = web.get(path).context["form"]
    held = {name: form.get_initial_for_field(f, name) for name, f in form.fields.items()}
    values = {name: value for name, value in held.items() if value not in (None, False, "")}
    return web.post(path, {**values, **changed})


def faults(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 422
    return {name: list(items) for name, items in answer.context["form"].errors.items()}


def count(scenario: Scenario, kind: str) -> int:
    return sum(row.kind == kind for row in ledger.iter_entries(scenario.stream))


def test_two_positives_of_a_site_close_it(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in(Role.HEALTH)
    for agent in scenario.agents_at(scenario.site)[:2]:
        answer = sent(web, "/record/case", site=scenario.site, agent=agent, confirmed="yes")
        assert answer.status_code == 302
    assert live.situation_now(scenario.stream).site(scenario.site).closed


def test_an_unknown_agent_is_refused_by_the_field_and_nothing_typed_is_lost(
    browsers: Browsers, scenario: Scenario
) -> None:
    web = browsers.sign_in(Role.HEALTH)
    answer = sent(web, "/record/case", site=scenario.site, agent="a<script>")
    assert set(faults(answer)) == {"agent"}
    page = answer.content.decode()
    assert "a&lt;script&gt;" in page
    assert "<script>" not in page.split("<main", 1)[1]
    assert count(scenario, "case.declared") == 0


def test_a_test_dated_tomorrow_is_refused_by_its_date(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in(Role.HEALTH)
    agent = scenario.agents_at(scenario.site)[0]
    answer = sent(web, "/record/case", site=scenario.site, agent=agent, happened_at="2027-06-01T10:00")
    assert set(faults(answer)) == {"happened_at"}


def test_the_same_form_sent_twice_records_once(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in(Role.HEALTH)
    agent = scenario.agents_at(scenario.site)[0]
    for _ in range(2):
        answer = sent(web, "/record/case", site=scenario.site, agent=agent, key="k" * 32)
        assert answer.status_code == 302
    assert count(scenario, "case.declared") == 1


def test_a_report_is_answered_alike_whether_or_not_the_agent_has_a_case(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in(Role.SITE)
    agent = scenario.agents_at(scenario.site)[0]
    answers = [sent(web, "/record/case", site=scenario.site, agent=agent, confirmed="yes") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]


def test_the_health_officer_clears_from_the_page_of_the_case(browsers: Browsers, scenario: Scenario) -> None:
    agent, other, *_ = scenario.agents_at(scenario.site)
    scenario.positive(agent)
    (case,) = live.situation_now(scenario.stream).cases
    web, path = browsers.sign_in(Role.HEALTH), f"/record/case?case={case.event}"
    assert path in web.get(f"/health/{case.event}").content.decode()
    form = web.get(path).context["form"]
    assert [form.initial[name] for name in ("site", "agent", "case", "status")] == [
        scenario.site, agent, case.event, "cleared",
    ]  # fmt: skip
    lead = browsers.sign_in(Role.SITE).get(path).context["form"]
    assert not {"agent", "case"} & set(lead.initial), "only who sees cases has it filled in"
    wrong = {"site": scenario.site, "agent": other, "status": "cleared"}
    assert set(faults(sent(web, "/record/case", **wrong, case=case.event))) == {"case"}
    right = {"site": scenario.site, "agent": agent, "status": "cleared", "case": case.event}
    assert sent(web, "/record/case", **right).status_code == 302
    (cleared,) = live.situation_now(scenario.stream).cases
    assert cleared.cleared_at is not None


def test_a_site_lead_records_at_the_own_site_alone(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in(Role.SITE)
    other = scenario.operator.sites[1].id
    answer = sent(web, "/record/case", site=other, agent=scenario.agents_at(other)[0])
    assert set(faults(answer)) == {"site"}


def test_a_closure_shows_its_consequences_before_it_is_recorded(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    values = {"site": scenario.site, "cause": "hazard", "hours": "24", "home_only": "on"}
    shown = sent(web, "/record/closure", **values)
    assert shown.status_code == 200
    found = shown.context["page"].impact
    assert int(found.seats) > 0
    assert int(found.working) > 0
    assert len(found.clients) == len(scenario.operator.clients)
    assert not live.situation_now(scenario.stream).site(scenario.site).closed, "nothing is done yet"
    done = sent(web, "/record/closure", **values, confirmed="yes")
    assert done.status_code == 302
    closure = live.situation_now(scenario.stream).site(scenario.site).closure
    assert closure is not None
    assert closure.home_only
    again = sent(web, "/record/closure", **values)
    assert set(faults(again)) == {"site"}


def test_an_order_names_its_authority(browsers: Browsers, scenario: Scenario) -> None:
    answer = sent(browsers.sign_in(), "/record/closure", site=scenario.site, cause="authority")
    assert set(faults(answer)) == {"authority"}


def test_a_daily_check_keeps_what_was_not_looked_at_empty(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in(Role.SITE)
    empty = sent(web, "/record/check", site=scenario.site)
    assert "__all__" in faults(empty)
    done = sent(web, "/record/check", site=scenario.site, **{"m-distancing": "not_kept", "transport": "50"})
    assert done.status_code == 302
    (check,) = live.situation_now(scenario.stream).checks.values()
    assert [(row.measure, row.verdict) for row in check.findings] == [("distancing", "not_kept")]
    assert check.transport_fill == 0.5
    assert check.symptomatic is None


def test_all_are_kept_except_those_marked_otherwise(browsers: Browsers, scenario: Scenario) -> None:
    marked = {"m-distancing": "not_kept", "m-same_seat": "partly"}
    sent(browsers.sign_in(), "/record/check", site=scenario.site, all_kept="on", **marked)
    (check,) = live.situation_now(scenario.stream).checks.values()
    found = {row.measure: row.verdict for row in check.findings}
    charter = live.rules_now().charter(check.day)
    assert charter is not None
    daily = {row.id for row in charter.measures if row.daily}
    expected = dict.fromkeys(daily, "kept") | {"distancing": "not_kept", "same_seat": "partly"}
    assert found == expected


def test_an_inspection_is_recorded_with_its_findings(browsers: Browsers, scenario: Scenario) -> None:
    values = {"m-distancing": "kept", "authority": "Commission", "inspectors": "A. B., C. D."}
    assert sent(browsers.sign_in(), "/record/inspection", site=scenario.site, **values).status_code == 302
    (visit,) = live.situation_now(scenario.stream).inspections
    assert visit.inspectors == ("A. B.", "C. D.")
    assert visit.unannounced


def test_reopening_is_refused_too_early_and_to_one_person(browsers: Browsers, scenario: Scenario) -> None:
    scenario.two_positives()
    web, path = browsers.sign_in(), f"/record/reopening/{scenario.site}"
    page = web.get(path).context["page"].reopening
    early = web.post(path, {"act": "approve", "key": "early"})
    assert early.status_code == 422, "the checklist comes first"
    for item in page.items:
        assert web.post(path, {"act": item.id, "key": item.id}).status_code == 302
    assert web.post(path, {"act": "approve", "key": "one"}).status_code == 302
    assert web.post(path, {"act": "approve", "key": "two"}).status_code == 422
    scenario.later(hours=49)
    alone = web.post(path, {"act": "open", "key": "open"})
    assert alone.status_code == 422
    assert len(alone.context["form"].errors["__all__"]) == 1
    other = browsers.sign_in(Role.HEALTH)
    assert other.post(path, {"act": "approve", "key": "three"}).status_code == 302
    assert web.post(path, {"act": "open", "key": "open2"})["Location"] == "/now"
    assert not live.situation_now(scenario.stream).site(scenario.site).closed


def test_the_reopening_page_offers_only_what_would_be_recorded(browsers: Browsers, scenario: Scenario) -> None:
    scenario.later(seconds=40)
    scenario.two_positives()
    web, path = browsers.sign_in(), f"/record/reopening/{scenario.site}"

    def offered() -> list[str]:
        return re.findall(r'name="act"\s+value="([^":]+)', web.get(path).content.decode())

    items = [item.id for item in web.get(path).context["page"].reopening.items]
    assert offered() == items, "neither a yes nor the opening before the checklist is done"
    for item in items:
        web.post(path, {"act": item, "key": item})
    done = web.get(path).context["page"].reopening.items[0]
    assert done.done.by
    assert done.done.at
    undo = {"act": f"undo:{done.done.undo}"}
    assert web.post(path, {**undo, "key": "undo"}).status_code == 302
    assert [row.done for row in web.get(path).context["page"].reopening.items].count(None) == 1
    assert web.post(path, {**undo, "key": "again"}).status_code == 404
    web.post(path, {"act": done.id, "key": "redo"})
    web.post(path, {"act": "approve", "key": "one"})
    page = web.get(path).context["page"].reopening
    assert not any(row.done.undo for row in page.items), "what a person approved is not taken back"
    assert offered() == ["undo"], "one's own approval can be withdrawn"
    browsers.sign_in(Role.HEALTH).post(path, {"act": "approve", "key": "two"})
    shown = web.get(path).content.decode()
    assert "données\u202f: 2 sur 2" in shown
    assert "Une autre personne" not in shown
    assert 'value="open"' not in shown, "not before its earliest time"
    closure = live.situation_now(scenario.stream).site(scenario.site).closure
    assert closure is not None
    assert closure.earliest_reopening is not None
    left = closure.earliest_reopening - live.now(scenario.stream)
    scenario.later(seconds=left.total_seconds() - 60)
    assert offered() == ["undo"]
    scenario.later(seconds=60)
    assert offered() == ["undo", "open"], "to the second, not to the minute"


def test_the_reopening_page_is_dated_by_the_clocks_of_its_site(browsers: Browsers, scenario: Scenario) -> None:
    (site, *_) = [row for row in scenario.operator.sites if row.time_zone == "Africa/Casablanca"]
    scenario.close(site.id)
    answer = browsers.sign_in().get(f"/record/reopening/{site.id}")
    shown = re.sub(r"\s", " ", answer.content.decode())
    assert "9 h 40 (Casablanca)" in shown
    assert "10 h 40" not in shown, "the time in Paris"


def test_before_48_hours_nobody_opens(browsers: Browsers, scenario: Scenario) -> None:
    scenario.two_positives()
    web, path = browsers.sign_in(), f"/record/reopening/{scenario.site}"
    for item in web.get(path).context["page"].reopening.items:
        web.post(path, {"act": item.id, "key": item.id})
    for role in (Role.CONTINUITY, Role.HEALTH):
        browsers.sign_in(role).post(path, {"act": "approve", "key": role.value})
    answer = web.post(path, {"act": "open", "key": "open"})
    assert answer.status_code == 422
    assert live.situation_now(scenario.stream).site(scenario.site).closed


def test_each_form_offers_what_its_reader_may_record(browsers: Browsers) -> None:
    for role, names in (
        (Role.HEALTH, ("case", "check", "tests")),
        (Role.PLANNER, ("outage", "attendance", "authorisation")),
    ):
        answer = browsers.sign_in(role).get("/record/")
        assert answer.context["page"].forms == tuple(f"record_{name}" for name in names)
        linked = re.findall(r'href="/record/(\w+)"><b>', answer.content.decode())
        assert tuple(linked) == names


def test_a_yes_beside_that_of_a_person_who_gave_the_access_is_none(scenario: Scenario) -> None:
    scenario.stream = live.LIVE
    scenario.close()
    closure = live.situation_now().site(scenario.site).closure
    assert closure is not None
    terms = merge_reopening_terms(closure, scenario.site, scenario.operator, live.rules_now())
    scenario.check(*terms.items)
    path = f"/record/reopening/{scenario.site}"
    webs = {}
    for name, by in (("amina", "root"), ("bilal", "amina"), ("chloe", "another")):
        user, _ = grants.give_role(name, grants.RoleRequest("continuity"), by=by)
        TOTP.activate(user, generate_totp_secret())
        webs[name] = sign_in(user, lately=True)
    answers = {name: web.post(path, {"act": "approve"}).status_code for name, web in webs.items()}
    assert answers == {"amina": 302, "bilal": 422, "chloe": 302}
    refused = webs["bilal"].post(path, {"act": "approve"}).content.decode()
    assert "amina made the account bilal" in refused or "amina a créé le compte bilal" in refused
    sent = {"site": scenario.site}
    answer = webs["bilal"].post(
        "/api/v1/events/reopening.approved", sent, content_type="application/json", headers={"idempotency-key": "k"}
    )
    assert answer.status_code == 422
    codes = {row["code"] for row in answer.json()["error"]["faults"]}
    assert codes == {"approval.tied"}
    closure = live.situation_now().site(scenario.site).closure
    assert closure is not None
    assert closure.approvals == ("amina", "chloe")


def test_two_accounts_of_one_maker_approve_once_until_another_person_confirms_one(scenario: Scenario) -> None:
    scenario.stream = live.LIVE
    scenario.close()
    path = f"/record/reopening/{scenario.site}"
    webs = {}
    for name in ("c1", "c2"):
        user, _ = grants.give_role(name, grants.RoleRequest("continuity"), by="adm")
        grants.show_password_key(user, by="adm")
        TOTP.activate(user, generate_totp_secret())
        webs[name] = sign_in(user, lately=True)
    closure = live.situation_now().site(scenario.site).closure
    assert closure is not None
    terms = merge_reopening_terms(closure, scenario.site, scenario.operator, live.rules_now())
    scenario.check(*terms.items)
    assert webs["c1"].post(path, {"act": "approve"}).status_code == 302
    assert webs["c2"].post(path, {"act": "approve"}).status_code == 422
    c2 = User.objects.get(username="c2")
    assert confirm_account(c2, by="zoe")
    assert webs["c2"].post(path, {"act": "approve"}).status_code == 302


def test_a_case_that_closes_its_site_shows_what_follows_before_it_is_recorded(browsers: Browsers) -> None:
    scenario, web = browsers.scenario, browsers.sign_in(Role.HEALTH)
    first, second, *_ = scenario.agents_at(scenario.site)
    assert sent(web, "/record/case", site=scenario.site, agent=first).status_code == 302
    before = count(scenario, "case.declared")
    shown = sent(web, "/record/case", site=scenario.site, agent=second)
    page = shown.content.decode()
    assert shown.status_code == 200
    assert f"Un cas de plus ferme {scenario.operator.sites[0].name}." in page
    assert "MA-COVID-CLOSE" in page
    assert "Avec la relève" in page
    assert count(scenario, "case.declared") == before
    assert not live.situation_now(scenario.stream).site(scenario.site).closed
    again = sent(web, "/record/case", site=scenario.site, agent=first)
    assert again.status_code == 200, "a known case is answered alike: no probe without a record"
    yes = sent(web, "/record/case", site=scenario.site, agent=second, confirmed="yes")
    assert yes.status_code == 302
    assert live.situation_now(scenario.stream).site(scenario.site).closed


def test_the_pages_of_records_are_answered_as_json_too(browsers: Browsers, scenario: Scenario) -> None:
    web, path = browsers.sign_in(), f"/record/reopening/{scenario.site}"
    values = {"site": scenario.site, "cause": "hazard", "home_only": "on", "key": "k"}
    shown = web.post("/record/closure?format=json", values).json()
    assert (shown["form"], shown["stream"]) == ("record_closure", scenario.stream)
    assert shown["impact"]["kind"] == "site.closed"
    assert shown["impact"]["seats"] > 0
    assert all(row["after"] is None or row["after"] >= 0 for row in shown["impact"]["clients"])
    faulty = web.post("/record/closure?format=json", {**values, "cause": "authority"})
    assert faulty.status_code == 422
    assert [row["field"] for row in faulty.json()["error"]["faults"]] == ["authority"]
    done = web.post("/record/closure?format=json", {**values, "confirmed": "yes"})
    assert (done.status_code, done.json()["before"]) == (201, False)
    listed = web.get("/record/?format=json").json()
    assert [row["site"] for row in listed["closed"]] == [scenario.site]
    found = web.get(f"{path}?format=json").json()
    waits = found["reopening"]
    assert (found["site"], waits["mine"], waits["needed"]) == (scenario.site, False, 2)
    assert {row["done"] for row in waits["items"]} <= {None}
    refused = web.post(f"{path}?format=json", {"act": "open", "key": "open"})
    assert (refused.status_code, len(refused.json()["error"]["faults"]) > 0) == (422, True)
    drills = web.get("/drills?format=json").json()
    assert scenario.stream in {row["name"] for row in drills["drills"]}
