"""Drills: another clock, other counts, no real people."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.core import mail

from releve.live import api as live
from releve.live.models import Effect
from releve.routing import webhook
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def test_its_clock_goes_on_from_where_it_was_set_and_only_forward(scenario: Scenario) -> None:
    before = live.now(scenario.stream)
    scenario.later(hours=3)
    assert timedelta(hours=3) <= live.now(scenario.stream) - before < timedelta(hours=3, minutes=1)
    with pytest.raises(ValueError, match="forward only"):
        live.move_drill(scenario.stream, timedelta(minutes=-1), by="tests")
    assert abs(live.now() - live.real_now()) < timedelta(seconds=1)


def test_a_drill_is_named_and_dated(scenario: Scenario) -> None:
    with pytest.raises(ValueError, match="needs a title"):
        live.start_drill("  ", by="tests")
    with pytest.raises(ValueError, match="at has a zone"):
        live.start_drill("x", by="tests", at=datetime(2026, 12, 1))  # noqa: DTZ001
    with pytest.raises(live.NoSuch):
        live.move_drill("drill:99", timedelta(hours=1), by="tests")
    with pytest.raises(live.NoSuch):
        live.stop_drill("live", by="tests")


def test_a_stopped_drill_stands_still_and_drops_what_it_had_to_do(scenario: Scenario) -> None:
    scenario.close()
    live.stop_drill(scenario.stream, by="tests")
    live.stop_drill(scenario.stream, by="tests")
    assert {effect.state for effect in Effect.objects.filter(stream=scenario.stream)} == {"done"}
    scenario.work()
    assert live.list_reliefs(scenario.stream) == []
    with pytest.raises(live.NoSuch, match="was stopped"):
        live.move_drill(scenario.stream, timedelta(hours=1), by="tests")
    assert [row.stopped_at is not None for row in live.list_drills()] == [True]


def test_nobody_real_is_told_and_nothing_real_is_routed(
    before_the_plan: None, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a drill went outside")

    monkeypatch.setattr(webhook.Webhook, "apply", never)
    monkeypatch.setenv("RELEVE_ROUTING", "webhook")
    rows = [f"agent,{agent.id},email,{agent.id}@example.org" for agent in scenario.operator.agents]
    rows += [f"client,{row.id},email,{row.id}@example.org" for row in scenario.operator.clients]
    live.import_contacts("\n".join(["role,who,channel,address", *rows]).encode(), by="tests")
    scenario.two_positives()
    scenario.work()
    assert mail.outbox == []
    letters = scenario.outbox
    assert letters
    assert all(letter["subject"].startswith("[EXERCICE] ") for letter in letters)
    assert not (settings.HOME / "outbox").exists()
    assert not (settings.HOME / "routing").exists()


def test_its_counts_are_its_own(scenario: Scenario) -> None:
    scenario.two_positives()
    scenario.work()
    assert live.count_messages(scenario.stream).notified > 0
    assert live.count_messages().notified == 0
    assert live.list_reliefs() == []


def test_a_drill_takes_over_the_closures_and_no_real_case(scenario: Scenario) -> None:
    real = Scenario(scenario.operator, scenario.plans, live.LIVE)
    real.two_positives()
    cases = live.situation_now().cases
    assert len(cases) == 2
    drill = Scenario(scenario.operator, scenario.plans, live.start_drill("Crue", by="tests").name)
    situation = live.situation_now(drill.stream)
    assert situation.cases == ()
    assert situation.site(scenario.site).closed
    for agent in (cases[0].agent, scenario.agents_at(scenario.site)[5]):
        for named in ("", cases[0].event):
            with pytest.raises(live.Refused) as refused:
                drill.act("case.declared", site=scenario.site, agent=agent, status="cleared", case=named)
            assert [reason.code for reason in refused.value.reasons] == ["case.nothing_to_clear"]
    drill.positive(cases[0].agent)
    assert len(live.situation_now(drill.stream).cases) == 1, "its own cases are in it"
    assert [case.cleared_at for case in live.situation_now().cases] == [None, None]
