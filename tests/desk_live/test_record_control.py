"""Recording outages, tests, attendance, authorisations and audits through the pages."""

from __future__ import annotations

from datetime import datetime

import pytest

from releve.accounts.permissions import Role
from releve.desk.live.forms_control import FORMS
from releve.live import api as live
from releve.network import zone
from releve.situation import NOTICES
from tests.desk_live.conftest import Browsers
from tests.desk_live.test_record import count, faults, sent
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


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
