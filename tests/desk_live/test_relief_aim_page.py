"""The page on which a person chooses what reliefs aim at: by role, in French, and by the API."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace

import pytest

from releve.accounts.permissions import Role
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from tests.accounts.people import read_text
from tests.desk_live.conftest import Browsers

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def lost(browsers: Browsers) -> Browsers:
    """Return browsers that look at a drill in which a site is lost and relieved."""
    browsers.scenario.work()
    browsers.scenario.close()
    browsers.scenario.work()
    return browsers


def test_a_manager_chooses_an_aim_and_the_relief_does_what_the_page_said(lost: Browsers) -> None:
    web, scenario = lost.sign_in(), lost.scenario
    page = web.get("/relief/aim.json").json()
    assert (page["aim"], page["default"], page["chosen_by"]) == ("balanced", "balanced", "")
    shown = {row["aim"]: row for row in page["rows"]}
    assert list(shown) == ["few", "balanced", "coverage"]
    assert shown["few"]["moved"] < shown["coverage"]["moved"]
    assert shown["few"]["below"] == []
    answer = web.post("/relief/aim/choose", {"aim": "few", "key": uuid.uuid4().hex})
    assert (answer.status_code, answer["Location"]) == (302, "/relief")
    scenario.work()
    after = web.get("/relief.json").json()
    assert after["moves"] == "few"
    moves = {"leaves", "home", "site", "called_in", "released", "hours", "programme"}
    assert sum(row["people"] for row in after["kinds"] if row["kind"] in moves) == shown["few"]["moved"]
    page = web.get("/relief/aim.json").json()
    assert (page["aim"], bool(page["chosen_by"]), bool(page["chosen_at"])) == ("few", True, True)
    (now,) = (row for row in page["rows"] if row["aim"] == "few")
    assert {**shown["few"], "notified": 0} == now
    html = web.get("/relief/aim", headers={"accept-language": "en"}).content.decode()
    assert f"chosen by {page['chosen_by']}" in html
    assert html.count('action="/relief/aim/choose"') == 2, "the one in force is not offered"
    now_page = web.get("/now", headers={"accept-language": "en"}).content.decode()
    assert "The aim of the reliefs changed." in now_page, "it stands in the log"
    assert 'href="/relief/aim"' in now_page


def test_who_may_order_a_relief_chooses_and_who_sees_reliefs_looks(lost: Browsers) -> None:
    for role, status, chooses in (
        (Role.CONTINUITY, 200, True),
        (Role.FLOW, 200, True),
        (Role.PLANNER, 200, False),
        (Role.SITE, 403, None),
        (Role.CLIENT, 404, None),
    ):
        web = lost.sign_in(role, lost.scenario.operator.clients[0].id if role is Role.CLIENT else "")
        answer = web.get("/relief/aim.json")
        assert answer.status_code == status, role
        if chooses is not None:
            assert answer.json()["chooses"] is chooses
            assert ("/relief/aim/choose" in web.get("/relief/aim").content.decode()) is chooses
        if not chooses:
            assert web.post("/relief/aim/choose", {"aim": "few"}).status_code in (403, 404)
    assert not LedgerEntry.objects.filter(kind="relief.aim_chosen").exists()


def test_nothing_is_chosen_while_nothing_is_lost_nor_twice_nor_what_is_no_aim(browsers: Browsers) -> None:
    web = browsers.sign_in()
    assert web.get("/relief/aim.json").json()["rows"] == []
    assert "Nothing is lost" in web.get("/relief/aim", headers={"accept-language": "en"}).content.decode()
    for aim in ("few", "mercy"):
        answer = web.post("/relief/aim/choose", {"aim": aim})
        assert answer["Location"] == "/relief/aim"
    assert live.situation_now(browsers.scenario.stream).relief_aim == ""
    browsers.scenario.close()
    for _ in range(2):
        web.post("/relief/aim/choose", {"aim": "few"})
    assert LedgerEntry.objects.filter(stream=browsers.scenario.stream, kind="relief.aim_chosen").count() == 1


def test_aims_that_do_the_same_are_no_choice_and_one_names_the_other(
    lost: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one in force stands for the other; what each moves and covers is what tells them apart, and nothing else."""
    web, compare = lost.sign_in(), live.compare_aims
    page = web.get("/relief/aim.json").json()
    assert {row["aim"] for row in page["rows"] if row["same_as"]} == set(), "here they differ"

    def compare_alike(scene: live.Scene) -> dict[str, live.MeasuredRelief]:
        found = compare(scene)
        return {**found, "few": replace(found["balanced"], taken="few", notified=3)}

    monkeypatch.setattr(live, "compare_aims", compare_alike)
    rows = {row["aim"]: row["same_as"] for row in web.get("/relief/aim.json").json()["rows"]}
    assert rows == {"few": "balanced", "balanced": "", "coverage": ""}
    html = web.get("/relief/aim", headers={"accept-language": "en"}).content.decode()
    assert html.count('action="/relief/aim/choose"') == 1
    assert 'id="aim-few"' not in html
    assert "“Fewest moves” would move as many people and cover as much." in html


def test_what_is_promised_and_what_is_missing_are_said_of_the_same_thing(
    lost: Browsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """*Promised: 5 %* stood beside *100 % missing*."""
    web, compare = lost.sign_in(), live.compare_aims

    def lose_all(scene: live.Scene) -> dict[str, live.MeasuredRelief]:
        return {aim: replace(row, missing=dict.fromkeys(row.missing, 1.0)) for aim, row in compare(scene).items()}

    monkeypatch.setattr(live, "compare_aims", lose_all)
    said = re.sub(r"[\u202f\xa0]", " ", read_text(web, "/relief/aim"))
    assert "Ce qui est promis : il manque au plus 5 % du besoin d’un donneur d’ordre sur une journée." in said
    assert "Lumandre Mobilité : il manque 100,0 % du besoin jusqu’à la fin de la journée" in said
    assert "Promesse non tenue pour" in said


def test_the_page_speaks_french(lost: Browsers) -> None:
    web = lost.sign_in()
    html = web.get("/relief/aim", headers={"accept-language": "fr"}).content.decode()
    for said in ("Le but de la relève", "Le moins de changements", "Meilleure couverture", "Prévenues de nouveau"):
        assert said in html
    assert "Ce que donneraient d’autres buts" in web.get("/relief", headers={"accept-language": "fr"}).content.decode()


def test_the_api_chooses_too(lost: Browsers) -> None:
    web = lost.sign_in(Role.FLOW)
    answer = web.post(
        f"/api/v1/events/relief.aim_chosen?stream={lost.scenario.stream}",
        {"aim": "coverage"},
        content_type="application/json",
        headers={"idempotency-key": uuid.uuid4().hex},
    )
    assert answer.status_code == 201, answer.content
    assert live.situation_now(lost.scenario.stream).relief_aim == "coverage"
