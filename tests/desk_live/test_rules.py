"""The packs of rules on the desk and the command line: read, chosen, ended, none by default."""

from __future__ import annotations

import json
from datetime import timedelta
from html import unescape

import pytest
from click.testing import CliRunner
from django.test import Client

from releve.accounts.permissions import Role
from releve.cli import live as commands
from releve.desk.live.page import COOKIE
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.plugins.crashtest.orders import collect_inputs
from releve.situation import ClosureRule, PackEnded
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]

PACK = "health-2020"


def english(browsers: Browsers, role: Role = Role.CONTINUITY) -> Client:
    web = browsers.sign_in(role)
    web.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return web


def end_pack(scenario: Scenario) -> None:
    """Put the scenario's drill where an installation begins: no pack in force."""
    today = live.now(scenario.stream).date()
    scenario.act("rules.ended", pack=PACK, valid_to=today - timedelta(days=1))


def test_without_a_pack_a_second_positive_closes_nothing_and_the_form_says_so(
    browsers: Browsers, scenario: Scenario
) -> None:
    end_pack(scenario)
    web = english(browsers)
    said = "No closing rule is in force"
    assert said in web.get("/record/case").content.decode()
    assert said in web.get("/rules/").content.decode()
    scenario.two_positives()
    assert not live.situation_now(scenario.stream).site(scenario.site).closed


def test_a_pack_is_read_then_chosen_and_what_it_closes_at_once_is_shown_first(
    browsers: Browsers, scenario: Scenario
) -> None:
    end_pack(scenario)
    scenario.two_positives()
    web = english(browsers, Role.HEALTH)
    page = web.get("/rules/?format=json").json()
    assert [row["pack"]["id"] for row in page["packs"]] == [PACK]
    sentences = [rule["text"] for rule in page["packs"][0]["rules"]]
    shown = unescape(web.get("/rules/").content.decode())
    assert len(sentences) >= 6
    assert [row for row in sentences if row not in shown] == []
    today = live.now(scenario.stream).date().isoformat()
    asked = web.post("/rules/choose", {"pack": PACK, "valid_from": today})
    name = scenario.operator.site[scenario.site].name
    assert asked.status_code == 200
    assert f"this closes at once: {name}" in " ".join(asked.content.decode().split())
    assert not live.situation_now(scenario.stream).site(scenario.site).closed
    chosen = web.post("/rules/choose", {"pack": PACK, "valid_from": today, "confirmed": "yes"})
    assert chosen.status_code == 302
    assert live.situation_now(scenario.stream).site(scenario.site).closed
    assert LedgerEntry.objects.filter(stream=scenario.stream, kind="rules.chosen").count() == 1
    assert "A closing rule is in force" in web.get("/rules/").content.decode()


def test_a_choice_that_cannot_be_is_refused_by_its_field(browsers: Browsers, scenario: Scenario) -> None:
    web = english(browsers)
    today = live.now(scenario.stream).date()
    refused = web.post("/rules/choose", {"pack": PACK, "valid_from": today.isoformat()})
    assert refused.status_code == 422
    assert "is already chosen from" in refused.content.decode()
    past = (today - timedelta(days=3)).isoformat()
    refused = web.post("/rules/end", {"pack": PACK, "valid_to": past})
    assert refused.status_code == 422
    assert "days that are over keep their rules" in refused.content.decode()
    ended = web.post("/rules/end", {"pack": PACK, "valid_to": today.isoformat()})
    assert ended.status_code == 302
    assert live.situation_now(scenario.stream).packs[0].last == today
    assert live.situation_now().packs[0].last is None, "a drill ends nothing real"


def test_the_crash_test_reads_the_packs_of_the_live_stream(scenario: Scenario) -> None:
    inputs = collect_inputs(scenario.operator, "force")
    assert json.loads(inputs["plan"]["packs.json"]) == [{"pack": PACK, "from": "2020-03-20", "to": None}]


def test_the_command_line_chooses_lists_and_ends(scenario: Scenario) -> None:
    def run(*words: str) -> str:
        found = CliRunner().invoke(commands.live, ["rules", *words, "--stream", scenario.stream])
        assert found.exit_code == 0, found.output
        return found.output

    assert "MA-COVID-CLOSE: Two confirmed agents" in run("list")
    assert "chosen from 2020-03-20 to its end" in run("list")
    today = live.now(scenario.stream).date()
    assert "ends: entry" in run("end", PACK, "--to", str(today))
    later = today + timedelta(days=2)
    assert "is chosen: entry" in run("choose", PACK, "--from", str(later))
    site = scenario.operator.sites[0]
    held = [
        bool(live.rules_now(scenario.stream).in_force(ClosureRule, day, site))
        for day in (today, today + timedelta(days=1), later)
    ]
    assert held == [True, False, True]


def test_a_rehearsal_chooses_the_pack_in_its_drill_alone(browsers: Browsers, scenario: Scenario) -> None:
    at = live.now()
    event_id = "end-of-the-real-one"
    live.record(
        PackEnded(id=event_id, happened_at=at, recorded_at=at, actor="tests", pack=PACK, valid_to=at.date()),
        key=event_id,
    )
    web = english(browsers)
    del web.cookies[COOKIE]
    assert web.post("/rehearsal/start").status_code == 302
    page = web.get("/rehearsal/?format=json").json()
    assert "case" in {step["code"] for step in page["steps"]}
    assert live.situation_now().packs[-1].last == at.date()
