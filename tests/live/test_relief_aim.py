"""What a live relief aims at by a person's choice: for the incident, in whatever order things are recorded."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live import relief_solver, situation_cache
from releve.live.aimed_reliefs import MeasuredRelief, choose_relief, measure_relief
from releve.live.lost_places import Loss
from releve.live.models import Effect, Message, Relief
from releve.live.relief_aims import AIMS, RELIEFS, read_relief_settings
from releve.live.relief_handler import compare_aims, make_relief
from releve.plan import PlanSettings
from releve.plan.work_changes import KindCount, WorkKind
from releve.situation import ReliefAimChosen, list_fields
from tests.live.scenario import Scenario

SETTINGS = PlanSettings()


def with_database(test: Callable[..., None]) -> Callable[..., None]:
    return pytest.mark.django_db(pytest.mark.database(test))


def choose(scenario: Scenario, aim: str) -> live.RecordResult:
    return scenario.act(ReliefAimChosen.kind, aim=aim)


def read_changes(relief: Relief) -> dict[str, Any]:
    return {row.day.isoformat(): row.changes for row in relief.days.all()}


def find_aims(relief: Relief) -> set[str]:
    return {row.get("aim", "") for row in relief.lost.values()}


def lose_two(scenario: Scenario, *, worked_between: bool) -> Relief:
    """Lose a site, choose, and lose another site; return the last relief."""
    scenario.close(home_only=True)
    choose(scenario, "few")
    if worked_between:
        scenario.work()
    scenario.power(scenario.operator.sites[1].id)
    scenario.work()
    return live.list_reliefs(scenario.stream)[0]


@with_database
def test_another_aim_makes_the_relief_again_and_writes_only_to_those_whose_work_changes(scenario: Scenario) -> None:
    scenario.work()
    scenario.close(home_only=True)
    scenario.work()
    (first,) = live.list_reliefs(scenario.stream)
    assert (first.source, find_aims(first)) == ("planned", {""})
    done = choose(scenario, "few")
    scenario.work()
    assert len(live.list_reliefs(scenario.stream)) == 2, "no first answer takes the place of what is in force"
    newest = live.list_reliefs(scenario.stream)[0]
    assert (newest.cause, find_aims(newest)) == (done.seq, {"few"})
    was, now = read_changes(first), read_changes(newest)
    same = {
        key.split("+")[0] for key, row in was[newest.days.first().day.isoformat()].items()  # type: ignore[union-attr]
        if all(now[day].get(key) == was[day].get(key) for day in was)
    }  # fmt: skip
    written = set(Message.objects.filter(relief=newest, kind="agent").values_list("who", flat=True))
    assert same, "some people's work stays as it was"
    assert written.isdisjoint(same)
    entry = LedgerEntry.objects.get(stream=scenario.stream, kind=ReliefAimChosen.kind)
    assert '"actor":"samira"' in entry.body.replace(" ", "")


@with_database
def test_who_has_begun_stays_where_the_first_relief_sent_them(scenario: Scenario) -> None:
    scenario.work()
    scenario.close(home_only=True)
    scenario.work()
    scenario.later(hours=2)
    at_home = scenario.at_home
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    begun = {row.agent for row in scene.list_placements(scene.days[0]) if row.start <= scene.at < row.end}
    choose(scenario, "few")
    scenario.work()
    assert at_home & begun
    assert at_home & begun <= scenario.at_home


@with_database
@pytest.mark.parametrize("worked_between", [False, True])
def test_a_second_loss_keeps_the_choice_whether_the_first_relief_was_stored_or_not(
    scenario: Scenario, worked_between: bool
) -> None:
    scenario.work()
    assert find_aims(lose_two(scenario, worked_between=worked_between)) == {"few"}
    assert live.situation_now(scenario.stream).relief_aim == "few"


@with_database
def test_a_choice_survives_the_worker_s_restart_and_a_replay_of_the_ledger(scenario: Scenario) -> None:
    scenario.work()
    scenario.close(home_only=True)
    choose(scenario, "coverage")
    for clear in (situation_cache.clear_cache, relief_solver.clear_cache):
        clear()
    assert live.situation_now(scenario.stream).relief_aim == "coverage", "folded from the ledger again"
    scenario.work()
    first = live.list_reliefs(scenario.stream)[0]
    assert find_aims(first) == {"coverage"}
    scene = live.load_scene(scenario.stream, before_first=True)
    assert scene is not None
    assert scene.unanswered == ()


@with_database
def test_a_choice_ends_when_nothing_is_lost_any_more(scenario: Scenario) -> None:
    scenario.work()
    with pytest.raises(live.Refused, match="Nothing is lost"):
        choose(scenario, "few")
    one, two = (site.id for site in scenario.operator.sites[:2])
    scenario.power(one)
    choose(scenario, "few")
    with pytest.raises(live.Refused, match="already"):
        choose(scenario, "few")
    scenario.power(two)
    scenario.power(one, up=True)
    assert live.situation_now(scenario.stream).relief_aim == "few", "the other site is lost still"
    back = scenario.power(two, up=True)
    assert live.situation_now(scenario.stream).relief_aim == ""
    assert len(back.answers) == 1, "the end is on record beside what ended it"
    scenario.power(one)
    scenario.work()
    assert find_aims(live.list_reliefs(scenario.stream)[0]) == {""}


@with_database
def test_best_coverage_holds_clients_within_the_plans_regret_and_the_default_stands_in_no_stored_loss(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = scenario.plans[0]
    site = frozenset({scenario.site})
    lost = Loss(site, frozenset(), site)
    targets = {aim: read_relief_settings(plan, lost.contingency, aim).target for aim in RELIEFS}
    assert targets["few"] == targets["balanced"] == SETTINGS.target
    assert targets["coverage"] == min(SETTINGS.target, plan.bound.regret["site"])
    assert "aim" not in lost.as_json()
    aimed = Loss(site, frozenset(), site, "coverage")
    assert Loss.of_json(aimed.as_json()) == aimed != lost
    monkeypatch.setenv("RELEVE_RELIEF_MOVES", "few")
    assert read_relief_settings(plan, lost.contingency, "") == read_relief_settings(plan, lost.contingency, "few")


def load(scenario: Scenario) -> live.Scene:
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    return scene


@pytest.mark.parametrize("aim", ["few", "coverage"])
@with_database
def test_what_is_shown_before_a_choice_is_what_the_relief_made_with_it_does(scenario: Scenario, aim: str) -> None:
    scenario.work()
    scenario.close()
    scenario.work()
    shown = compare_aims(load(scenario))
    assert_laws(shown, SETTINGS)
    assert (shown["balanced"].notified, shown["balanced"].taken) == (0, "balanced"), "that is what is in force"
    assert shown["few"].moved < shown["coverage"].moved, "the aims differ for this loss"
    choose(scenario, aim)
    scenario.work()
    made = measure_relief(load(scenario), load(scenario).changes)
    assert (made.moved, made.hours, made.missing) == (shown[aim].moved, shown[aim].hours, shown[aim].missing)
    relief = live.list_reliefs(scenario.stream)[0]
    assert (find_aims(relief), relief.moved) == ({aim}, shown[aim].notified)
    kinds = live.describe_relief(scenario.stream, most_shifts=0).kinds
    assert sum(row.people for row in kinds if row.kind.is_move) == made.moved, "the page of the relief says the same"


@with_database
def test_a_loss_with_an_aim_from_the_start_has_the_relief_that_a_choice_before_it_would_show(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVE_RELIEF_MOVES", "few")
    scenario.work()
    scenario.close()
    shown = compare_aims(load(scenario))
    assert_laws(shown, SETTINGS)
    assert not shown["few"].list_below(SETTINGS.target)
    scenario.work()
    assert measure_relief(load(scenario), load(scenario).changes).moved == shown["few"].moved


@with_database
def test_the_default_chosen_by_a_person_changes_nothing(scenario: Scenario) -> None:
    scenario.work()
    scenario.close(home_only=True)
    scenario.work()
    choose(scenario, "balanced")
    scenario.work()
    assert len(live.list_reliefs(scenario.stream)) == 1


@with_database
def test_a_worker_killed_between_choice_and_relief_leaves_it_to_the_next_one(
    scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario.work()
    scenario.close(home_only=True)
    scenario.work()
    shown = compare_aims(load(scenario))["coverage"]
    choose(scenario, "coverage")
    effect = Effect.objects.filter(stream=scenario.stream, kind="relief").latest("pk")
    with monkeypatch.context() as killed:
        killed.setattr("releve.live.relief_handler.still_held", lambda effect: True)
        killed.setattr("releve.live.relief_handler.create_relief", lambda *given, **named: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            make_relief(effect)
    assert find_aims(live.list_reliefs(scenario.stream)[0]) == {""}
    situation_cache.clear_cache()
    relief_solver.clear_cache()
    scenario.work()
    assert find_aims(live.list_reliefs(scenario.stream)[0]) == {"coverage"}
    assert measure_relief(load(scenario), load(scenario).changes).moved == shown.moved


def assert_laws(made: dict[str, MeasuredRelief], settings: PlanSettings) -> None:
    few, coverage = made["few"], made["coverage"]
    target, tolerance = settings.target, settings.relief_tolerance + 1e-6
    assert few.moved <= coverage.moved
    assert all(coverage.worst <= row.worst + tolerance for row in made.values() if not row.list_below(target))
    assert set(few.list_below(target)) <= set(coverage.list_below(target))
    if any(not row.list_below(target) for row in made.values()):
        assert not few.list_below(target)
        assert not coverage.list_below(target)
    else:
        assert all(coverage.worst <= row.worst + tolerance for row in made.values())


def test_whatever_the_solver_finds_few_moves_no_more_people_than_coverage_and_holds_every_client_where_one_does() -> (
    None
):
    rng, day = random.Random(1), date(2026, 12, 1)
    for _ in range(500):
        cells = [(day + timedelta(days=rng.randrange(2)), client) for client in "abc"]
        found = {
            aim: MeasuredRelief(
                aim,
                (KindCount(WorkKind.SITE, rng.randrange(40)),),
                penalty=rng.random(),
                missing={cell: rng.random() * 0.12 for cell in cells},
            )
            for aim in RELIEFS
        }
        taken = {aim: found[choose_relief(aim, found, SETTINGS)] for aim in AIMS}
        assert_laws(taken, SETTINGS)
        assert taken["balanced"] is found["balanced"], "the default is what the plan prepares"
        assert taken["coverage"].worst <= min(row.worst for row in found.values()) + SETTINGS.relief_tolerance + 1e-6
        assert taken["coverage"].penalty <= taken["few"].penalty or taken["few"].worst > taken["coverage"].worst


def test_the_aims_of_the_event_are_those_of_the_solver() -> None:
    (field,) = (row for row in list_fields(ReliefAimChosen) if row.name == "aim")
    assert field.condition.one_of == AIMS
