"""Recording through the pages: what is written, what is refused, controls and photos, what comes late."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.html import escape
from django.utils.translation import override

from releve.accounts import grants
from releve.accounts.confirmations import confirm_account
from releve.accounts.models import User
from releve.accounts.permissions import Role
from releve.desk.client_status import impact_reason
from releve.desk.filters import kinds_words
from releve.desk.live.forms import Place
from releve.desk.live.forms_control import FORMS, AttendanceForm
from releve.desk.text import text_now
from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live.message_texts import write_message
from releve.live.models import Message
from releve.live.photos import MAX_PHOTO_BYTES, MAX_PHOTOS, erase_photos, remove_metadata
from releve.network import zone
from releve.plan.service_status import Status, Tone
from releve.plan.work_changes import WorkKind, count_asked, decode_kinds
from releve.situation import NOTICES, merge_reopening_terms
from tests.accounts.people import sign_in
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario
from tests.live.test_parts import SECRET, exif, jpeg, png

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


def test_the_day_that_a_form_proposes_has_begun_at_every_site(scenario: Scenario) -> None:
    """Late in the evening it is tomorrow where the operator counts its days, and not yet at a site."""
    first, *others = scenario.operator.sites
    sites = (replace(first, time_zone="Europe/Paris"), *(replace(row, time_zone="Africa/Dakar") for row in others))
    operator = replace(scenario.operator, sites=sites, row=replace(scenario.operator.row, time_zone="Europe/Paris"))
    at = datetime(2026, 11, 30, 23, 20, tzinfo=UTC)
    ids = tuple(row.id for row in sites)
    place = Place("live", at, operator, live.situation_now(), text_now("Europe/Paris"), sites=ids)
    assert place.find_day() == date(2026, 12, 1)
    assert place.propose_day("") == date(2026, 11, 30)
    assert place.propose_day(first.id) == date(2026, 12, 1)
    assert AttendanceForm(place).initial["day"] == date(2026, 11, 30)


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


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_closure_says_what_becomes_of_those_whose_work_changes_wherever_it_counts_them(
    browsers: Browsers, scenario: Scenario, language: str
) -> None:
    """Preview, log of *Now* and letter to the site say the same of people, and no count hides who has no work."""
    web = browsers.sign_in()
    web.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    values = {"site": scenario.site, "cause": "hazard", "hours": "24"}
    shown = sent(web, "/record/closure", **values)
    found = shown.context["page"].impact
    assert found.moved == count_asked(found.kinds) > 0
    idle = sum(row.people for row in found.kinds if row.kind in (WorkKind.LEAVES, WorkKind.RELEASED))
    assert idle > 0, "a day of which this can be tried"
    with override(language):
        said = kinds_words(found.kinds)
    assert f"{idle} " + {"fr": "sans travail", "en": "without work"}[language] in said
    assert said in shown.content.decode()
    sent(web, "/record/closure", **values, confirmed="yes")
    scenario.work()
    *_, entry = (row for row in ledger.iter_entries(scenario.stream) if row.kind == "relief.made")
    assert decode_kinds(entry.body["kinds"]) == found.kinds
    assert said in web.get("/now").content.decode()
    about = Message.objects.get(stream=scenario.stream, role="manager", who=scenario.site).about
    assert sum(people for _, people in about["kinds"]) == about["moved"]
    _, text = write_message("manager", about, language, "", drill=True)
    with override(language):
        assert kinds_words(decode_kinds(about["kinds"])) in text


def test_a_relief_that_takes_from_a_client_says_to_whom_it_lends_and_whether_the_promise_is_kept() -> None:
    better = live.ClientImpact(
        client="a", name="A", before=0.9, unrelieved=0.6, after=0.7, now=1.0, state=Status.THIN, tone=Tone.THIN,
        missing_unrelieved=0.08, missing=0.03, target=0.05, gives={"B": 2},
    )  # fmt: skip
    worse = replace(better, unrelieved=0.8, after=0.6, missing_unrelieved=0.004, missing=0.044, gives={"B": 4, "": 1})
    with override("en"):
        assert impact_reason(better) == "Missing in all: 3.0% (without relief 8.0%). At most 5% promised: kept."
        said = impact_reason(worse)
        assert "promised: kept. Lends people: 4 to B. Left without work by the relief: 1 of its people." in said
        harm = impact_reason(replace(worse, missing=0.06))
        assert "promised: not kept." in harm
        assert harm.endswith("Without the relief this promise would be kept.")
        assert "would be kept" not in impact_reason(replace(worse, missing_unrelieved=0.07, missing=0.06))
        assert impact_reason(replace(better, after=None)) == "", "nothing is required"


def test_the_consequences_of_a_closure_are_cards_on_a_phone_that_name_each_figure(
    browsers: Browsers, scenario: Scenario
) -> None:
    shown = sent(browsers.sign_in(), "/record/closure", site=scenario.site, cause="hazard", hours="24")
    page = shown.content.decode()
    table = page.split('<table class="list cards aims" id="impacts"', 1)[1].split("</table>")[0]
    columns = re.findall(r"<th scope=\"col\"[^>]*>([^<]+)</th>", table)
    for row in re.findall(r"<tr>\s*<th scope=\"row\".*?</tr>", table, re.DOTALL):
        assert re.findall(r'data-label="([^"]+)"', row) == columns[1:-1]
    for client in shown.context["page"].impact.clients:
        assert escape(impact_reason(client)) in table


@pytest.mark.parametrize("what", ["closure", "outage"])
def test_an_earthquake_of_two_sites_is_one_form_and_one_relief(
    browsers: Browsers, scenario: Scenario, what: str
) -> None:
    scenario.work()
    web, (one, two, *_) = browsers.sign_in(), [row.id for row in scenario.operator.sites]
    own = {"cause": "hazard", "hazard": "earthquake"} if what == "closure" else {"what": "power"}
    values = {**own, "site": one, "also": [one, two]}
    shown = sent(web, f"/record/{what}", **values)
    found, alone = (sent(web, f"/record/{what}", **{**values, "also": also}).context["page"].impact for also in (
        [two], []))  # fmt: skip
    assert replace(shown.context["page"].impact, at=found.at, counted_at=found.counted_at) == found
    assert found.place == ", ".join(scenario.operator.site[site].name for site in (one, two))
    assert (found.seats, found.working) > (alone.seats, alone.working)
    assert scenario.operator.site[two].name in shown.content.decode()
    assert sent(web, f"/record/{what}", **values, confirmed="yes").status_code == 302
    scenario.work()
    scenario.work()
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    assert scene.wanted[scene.days[0]].sites == {one, two}
    made = [row for row in ledger.iter_entries(scenario.stream) if row.kind == "relief.made"]
    assert {row.body["cause"] for row in made} == {made[0].body["cause"]}, "both losses have one answer"
    if what == "closure":
        closures = [scene.situation.site(site).closure for site in (one, two)]
        assert [row.hazard for row in closures if row is not None] == ["earthquake"] * 2
        assert "séisme" in web.get(f"/sites/{one}").content.decode()
        assert web.get("/now").content.decode().count("fermé à la suite d’un séisme") >= 2
        assert "fermé à la suite d’un séisme" in "".join(letter["text"] for letter in scenario.outbox)
    people = [row.who for row in scenario.messages]
    assert len(people) == len(set(people)), "one message each"


@pytest.mark.parametrize(("cause", "kind", "named"), [
    ("hazard", "", ""), ("hazard", "other", ""), ("hazard", "fire", "fire"), ("operator", "fire", ""),
])  # fmt: skip
def test_a_kind_is_kept_of_a_hazard_alone(
    browsers: Browsers, scenario: Scenario, cause: str, kind: str, named: str
) -> None:
    values = {"site": scenario.site, "cause": cause, "hazard": kind, "confirmed": "yes"}
    assert sent(browsers.sign_in(), "/record/closure", **values).status_code == 302
    closure = live.situation_now(scenario.stream).site(scenario.site).closure
    assert closure is not None
    assert (closure.cause, closure.hazard) == (cause, named)


def test_of_two_sites_that_close_together_either_both_are_recorded_or_neither(
    browsers: Browsers, scenario: Scenario
) -> None:
    web, (one, two, *_) = browsers.sign_in(), [row.id for row in scenario.operator.sites]
    scenario.close(two)
    values = {"site": one, "also": [two], "cause": "hazard"}
    for confirmed in ({}, {"confirmed": "yes"}):
        answer = sent(web, "/record/closure", **values, **confirmed)
        assert set(faults(answer)) == {"site"}
        assert scenario.operator.site[two].name in str(faults(answer)["site"])
    assert not live.situation_now(scenario.stream).site(one).closed
    assert "also" not in browsers.sign_in(Role.SITE).get("/record/outage").context["form"].fields


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
        (Role.PLANNER, ("outage", "attendance", "absence", "authorisation")),
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
    (rule,) = (row for row in live.select_rules(live.situation_now(scenario.stream)).rows if row.id == "MA-COVID-CLOSE")
    assert rule.text_fr in unescape(page)
    assert rule.id not in page, "a reader has no use for a code"
    at = live.now(scenario.stream)
    here, there = (at.astimezone(zone(name)) for name in ("Europe/Paris", "Africa/Casablanca"))
    hours = (f"{row.hour}\u00a0h\u00a0{row.minute:02d}" for row in (here, there))
    assert "{} ({} à Casablanca)".format(*hours) in page, "the operator's clock, the site's named beside it"
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


EN = {"accept-language": "en"}


@pytest.mark.parametrize("late", [False, True])
def test_pages_say_what_was_recorded_late(browsers: Browsers, scenario: Scenario, late: bool) -> None:
    """A check, a visit, a closure and a decision of ten days ago; the same of now stay unmarked."""
    now = live.now(scenario.stream)
    at = now - timedelta(days=10) if late else now
    site, common = scenario.site, {"happened_at": at}
    scenario.act("check.done", site=site, day=at.date(), symptomatic=0, **common)
    scenario.act("inspection.held", site=site, authority="Commission", **common)
    closed = scenario.act("site.closed", site=site, cause="operator", **common)
    scenario.act("incident.opened", id="flood", site="", title="Flood", **common)
    scenario.act("incident.decided", incident="flood", site="", decision="All home", reason="Flood", **common)
    web, marks = browsers.sign_in(), {}
    for path in ("/now", f"/sites/{site}", "/incident/flood", "/ledger/", f"/ledger/{closed.seq}"):
        answer = web.get(path, headers=EN)
        assert answer.status_code == 200, path
        marks[path] = answer.content.decode().count("recorded late")
    assert all(marks.values()) is late, marks
    assert any(marks.values()) is late, marks
    if late:
        assert marks[f"/sites/{site}"] == 3, "the closure, the check and the visit"
        timeline = web.get("/now?format=json").json()["timeline"]
        assert any(line["happened"] for line in timeline)


def test_power_down_shows_its_consequences_before_it_is_recorded(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in(Role.FLOW)
    values = {"what": "power", "site": scenario.site, "expected_until": "2027-01-01T10:00"}
    shown = sent(web, "/record/outage", **values).context["page"].impact
    assert int(shown.seats) > 0
    assert shown.until
    assert count(scenario, "power.down") == 0, "nothing is done yet"
    assert sent(web, "/record/outage", **values, confirmed="yes").status_code == 302
    lost = live.situation_now(scenario.stream).lost_places(live.now(scenario.stream))
    assert scenario.site in lost.sites
    done = sent(web, "/record/outage", what="power", site=scenario.site, state="up")
    assert done.status_code == 302
    assert not live.situation_now(scenario.stream).outages


def test_a_time_is_typed_by_the_clocks_of_its_site(browsers: Browsers, scenario: Scenario) -> None:
    (site, *_) = [row for row in scenario.operator.sites if row.time_zone == "Africa/Casablanca"]
    values = {"what": "power", "site": site.id, "expected_until": "2027-01-01T10:00"}
    done = sent(browsers.sign_in(), "/record/outage", **values, confirmed="yes")
    assert done.status_code == 302
    outage = live.situation_now(scenario.stream).outages["power", site.id]
    here, paris = (datetime(2027, 1, 1, 10, tzinfo=zone(name)) for name in (site.time_zone, "Europe/Paris"))
    assert outage.expected_until == here != paris


def test_home_lines_of_a_carrier_are_lost_with_who_works_on_them(browsers: Browsers, scenario: Scenario) -> None:
    carrier = next(row.carrier for row in scenario.operator.agents if row.carrier)
    values = {"what": "carrier", "carrier": carrier}
    shown = sent(browsers.sign_in(), "/record/outage", **values).context["page"].impact
    assert shown.carrier == carrier
    assert shown.seats == 0
    assert sent(browsers.sign_in(), "/record/outage", **values, confirmed="yes").status_code == 302
    assert ("carrier", carrier) in live.situation_now(scenario.stream).outages


def test_an_outage_names_its_place_and_is_refused_where_it_is_not_down(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    assert set(faults(sent(web, "/record/outage", what="link"))) == {"site"}
    assert set(faults(sent(web, "/record/outage", what="carrier"))) == {"carrier"}
    back = sent(web, "/record/outage", what="link", site=scenario.site, state="up")
    assert set(faults(back)) == {"__all__"}


def test_a_site_lead_records_no_carrier(browsers: Browsers, scenario: Scenario) -> None:
    form = browsers.sign_in(Role.SITE).get("/record/outage").context["form"]
    assert "carrier" not in form.fields
    assert [key for key, _ in form.fields["what"].choices] == ["link", "power"]


def test_tests_on_a_visit_are_counted_and_more_positives_than_tests_are_refused(
    browsers: Browsers, scenario: Scenario
) -> None:
    held = scenario.act("inspection.held", site=scenario.site, authority="Commission")
    assert held.seq
    web = browsers.sign_in(Role.HEALTH)
    form = web.get("/record/tests").context["form"]
    visit = form.fields["inspection"].choices[1][0]
    values = {"site": scenario.site, "inspection": visit, "tested": "12"}
    assert set(faults(sent(web, "/record/tests", **values, positive="13"))) == {"positive"}
    assert sent(web, "/record/tests", **values, positive="1").status_code == 302
    (found,) = live.situation_now(scenario.stream).tests
    assert (found.tested, found.positive, found.inspection) == (12, 1, visit)


def test_attendance_is_a_number_or_names_that_agree(browsers: Browsers, scenario: Scenario) -> None:
    web, names = browsers.sign_in(), scenario.agents_at(scenario.site)[:2]
    assert set(faults(sent(web, "/record/attendance", site=scenario.site))) == {"count"}
    wrong = {"site": scenario.site, "agents": ", ".join(names)}
    assert set(faults(sent(web, "/record/attendance", **wrong, count="3"))) == {"count"}
    assert sent(web, "/record/attendance", **wrong).status_code == 302
    (found,) = live.situation_now(scenario.stream).attendance.values()
    assert (found.count, found.agents) == (2, tuple(names))


def test_an_authorisation_that_ends_soon_is_seen_on_the_page_of_the_next(
    browsers: Browsers, scenario: Scenario
) -> None:
    web = browsers.sign_in(Role.PLANNER)
    day = live.now(scenario.stream).date().isoformat()
    values = {"of": "site", "site": scenario.site, "authorisation": "wilaya-118", "valid_from": day}
    early = sent(web, "/record/authorisation", **values, valid_to="2020-01-01")
    assert set(faults(early)) == {"valid_to"}
    assert sent(web, "/record/authorisation", **values, valid_to=day).status_code == 302
    page = web.get("/record/authorisation")
    named = [row.params.get("authorisation") for row in page.context["page"].notices]
    assert "wilaya-118" in named
    assert "wilaya-118" in page.content.decode()


def test_a_verdict_of_an_audit_has_its_evidence_and_its_end(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    values = {
        "measure": "ventilation",
        "evidence": "<b>Carnet</b>",
        "verdict": "partly",
        "valid_to": "2027-05-31",
        "auditor": "Bureau",
    }
    past = sent(web, "/record/audit", **{**values, "valid_to": "2020-05-31"})
    assert set(faults(past)) == {"valid_to"}
    assert "<b>" not in past.content.decode().split("<main", 1)[1].split("form-title", 1)[1]
    assert sent(web, "/record/audit", **values).status_code == 302
    (found,) = live.situation_now(scenario.stream).audits.values()
    assert (found.site, found.verdict) == ("", "partly")


def test_a_notice_is_answered_by_one_form_at_most_and_a_form_by_notices_that_there_are() -> None:
    answers = [beginning for form in FORMS for beginning in form.answers]
    for code in NOTICES:
        assert sum(code.startswith(form.answers) for form in FORMS) <= 1, code
    assert all(any(code.startswith(one) for code in NOTICES) for one in answers)


PHOTO = jpeg(exif(6))
DIGEST = hashlib.sha256(remove_metadata(PHOTO)).hexdigest()


def file(data: bytes, name: str = "salle.jpg") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def inspect(web: Client, scenario: Scenario, *photos: SimpleUploadedFile, **more: Any) -> Any:
    values = {"site": scenario.site, "authority": "Commission", **more}
    return sent(web, "/record/inspection", **values, photos=list(photos))


def folder() -> Path:
    return Path(settings.HOME) / "photos"


def test_a_photo_is_kept_without_its_place_and_named_in_the_ledger(browsers: Browsers, scenario: Scenario) -> None:
    assert inspect(browsers.sign_in(), scenario, file(PHOTO), file(png())).status_code == 302
    (visit,) = live.situation_now(scenario.stream).inspections
    assert visit.photos[0] == DIGEST
    assert len(visit.photos) == 2
    kept = (folder() / DIGEST).read_bytes()
    assert SECRET not in kept
    assert hashlib.sha256(kept).hexdigest() == DIGEST
    assert (folder() / DIGEST).stat().st_mode & 0o077 == 0


def test_a_photo_is_shown_to_who_sees_the_site_and_never_to_a_client(browsers: Browsers, scenario: Scenario) -> None:
    inspect(browsers.sign_in(), scenario, file(PHOTO))
    path, other = f"/photos/{DIGEST}", scenario.operator.sites[1].id
    shown = browsers.sign_in().get(path)
    assert (shown.status_code, shown["Content-Type"]) == (200, "image/jpeg")
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert browsers.sign_in(Role.SITE).get(path).status_code == 200
    assert browsers.sign_in(Role.SITE, other).get(path).status_code == 404
    assert browsers.sign_in(Role.CLIENT).get(path).status_code == 404
    assert path in browsers.sign_in().get(f"/sites/{scenario.site}").content.decode()


def test_a_file_of_50_mb_is_refused_before_it_is_read(browsers: Browsers, scenario: Scenario) -> None:
    class Unread:
        def read(self, *size: int) -> bytes:
            raise AssertionError("the body was read")

        readline = read

    web = browsers.sign_in()
    web.handler.enforce_csrf_checks = True  # which reads the body of a form
    answer = web.generic(
        "POST",
        "/record/inspection",
        b"",
        "multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(50 * 1024**2),
        **{"wsgi.input": Unread()},
    )
    assert answer.status_code == 413
    assert "8 Mo" in answer.content.decode()


def test_a_large_file_and_a_wrong_one_are_named_and_nothing_else_is_lost(
    browsers: Browsers, scenario: Scenario
) -> None:
    web = browsers.sign_in()
    large = file(PHOTO + bytes(MAX_PHOTO_BYTES), "grande.jpg")
    answer = inspect(web, scenario, large)
    assert "grande.jpg" in faults(answer)["photos"][0]
    answer = inspect(web, scenario, file(b"<script>", "page.jpg"), file(PHOTO[:99], "demi.jpg"))
    first, second = faults(answer)["photos"]
    assert "page.jpg" in first
    assert "demi.jpg" in second
    assert "photos" in faults(inspect(web, scenario, *[file(PHOTO)] * (MAX_PHOTOS + 1)))
    assert not folder().exists() or not list(folder().glob(".*"))


def test_photos_sent_with_a_faulty_form_are_not_sent_again(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    answer = inspect(web, scenario, file(PHOTO), authority="")
    assert set(faults(answer)) == {"authority"}
    kept = answer.context["form"]["kept"].value()
    assert inspect(web, scenario, kept=kept).status_code == 302
    (visit,) = live.situation_now(scenario.stream).inspections
    assert visit.photos == (DIGEST,)


def test_a_photo_of_another_user_cannot_be_claimed(browsers: Browsers, scenario: Scenario) -> None:
    web = browsers.sign_in()
    inspect(web, scenario, file(PHOTO))
    assert inspect(web, scenario, kept=DIGEST, authority="Autre").status_code == 302
    assert [v.photos for v in live.situation_now(scenario.stream).inspections] == [(DIGEST,), ()]


def test_a_photo_goes_on_its_day_and_the_entry_stays(browsers: Browsers, scenario: Scenario) -> None:
    inspect(browsers.sign_in(), scenario, file(PHOTO))
    day = live.now(scenario.stream)
    assert erase_photos(day + timedelta(days=366)) == 0
    assert erase_photos(day + timedelta(days=367)) == 1
    assert not (folder() / DIGEST).exists()
    assert browsers.sign_in().get(f"/photos/{DIGEST}").status_code == 404
    assert "photo effacée" in browsers.sign_in().get(f"/sites/{scenario.site}").content.decode()
    assert [row.body for row in ledger.iter_entries(kinds=["photos.erased"])] == [{"count": 1}]
