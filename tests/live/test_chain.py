"""From what happened to the routes and the messages; drills; how sites stand and who moves."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.core import mail

from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live.api import SeatedSite
from releve.live.loss_preview import count_given
from releve.live.models import Effect, Message, Routes
from releve.network import HOME, Operator
from releve.network.moments import zone
from releve.plan import Plan
from releve.routing import webhook
from releve.situation import CaseDeclared, Event, LinkDown, LinkUp, SiteClosed
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def kinds_of(stream: str) -> list[str]:
    return [row.kind for row in ledger.iter_entries(stream)]


def test_a_second_positive_closes_the_site_and_everything_follows(scenario: Scenario) -> None:
    scenario.work()
    before = scenario.people_at(scenario.site)
    scenario.two_positives()
    closure = live.situation_now(scenario.stream).site(scenario.site).closure
    assert closure is not None
    assert closure.earliest_reopening == closure.ordered_at + timedelta(hours=48)
    scenario.work()
    (relief,) = live.list_reliefs(scenario.stream)
    assert (relief.source, relief.generation) == ("planned", 1)
    assert relief.published_at is not None
    assert set(relief.lost) == {plan.day.isoformat() for plan in scenario.plans}
    assert scenario.people_at(scenario.site) == set()
    assert scenario.at_home & before, "people of the site go on at home"
    assert live.list_effects_aside() == live.list_late_effects() == []


def test_the_ledger_tells_the_chain_in_its_order(scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    scenario.work()
    kinds = [kind for kind in kinds_of(scenario.stream) if kind != "message.written"]
    assert kinds == [
        "drill.started",
        "routing.published",
        "case.declared",
        "agent.unavailable",
        "case.declared",
        "site.closed",
        "agent.unavailable",
        "relief.made",
        "routing.published",
        "people.notified",
        "relief.covered",
    ]


def test_the_published_file_closes_the_site_for_every_programme(scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    scenario.work()
    number = scenario.stream.partition(":")[2]
    path = settings.HOME / "drills" / number / "routes.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    closed = [row for row in rows if row["place"] == scenario.site]
    assert closed
    assert {(row["state"], float(row["weight"])) for row in closed} == {("closed", 0.0)}
    newest = Routes.objects.filter(stream=scenario.stream)[0].number
    assert {row["generation"] for row in rows} == {str(newest)}
    for programme in {row["programme"] for row in rows}:
        total = sum(float(row["weight"]) for row in rows if row["programme"] == programme)
        assert total == pytest.approx(1.0)


def test_who_cannot_work_is_in_no_relief_and_gets_no_message(scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    scenario.work()
    away = set(scenario.agents_at(scenario.site)[:2])
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    for day in scene.days:
        assert away.isdisjoint(row.agent for row in scene.list_placements(day))
    assert away.isdisjoint(message.who for message in scenario.messages)


def test_every_agent_whose_shift_changes_is_notified_once(scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    scenario.work()
    notified = {message.who for message in scenario.messages}
    moved = {agent for day in live.list_reliefs(scenario.stream)[0].days.all() for agent in day.changes}
    assert notified <= moved | {agent.id for agent in scenario.operator.agents}
    assert len(notified) == len(scenario.messages) == live.count_messages(scenario.stream).notified
    gone = set(scenario.agents_at(scenario.site)[2:])
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    first = scenario.plans[0].placements
    ahead = {row.agent for row in first if row.agent in gone and row.end > scene.at}
    assert ahead <= notified, "every agent of a closed site gets a message"


def test_coverage_falls_with_the_closure_and_rises_with_the_relief(scenario: Scenario) -> None:
    scenario.work()

    def covered() -> float:
        found = live.compute_coverage(scenario.stream)
        assert found is not None
        return sum(float(row.covered.sum()) for row in found.clients)

    whole = covered()
    scenario.two_positives()
    lost = covered()
    scenario.work()
    relieved = covered()
    assert lost < relieved < whole


Losses = Callable[[Scenario], Event]


def lose(kind: type[Event], **fields: Any) -> Losses:
    """Return what makes an event of the present by which a place is lost."""
    return lambda scenario: kind(**live.sign_event(scenario.stream, "tests"), **fields)


def close(site: int, **fields: Any) -> Losses:
    given = {"cause": "hazard", "reason": "Crack in a pillar", **fields}
    return lambda scenario: lose(SiteClosed, site=scenario.operator.sites[site].id, **given)(scenario)


def declare_case(scenario: Scenario) -> Event:
    """Return the second case of a site, which closes it."""
    first, second = scenario.agents_at(scenario.site)[:2]
    scenario.positive(first)
    scenario.work()
    return lose(CaseDeclared, site=scenario.site, status="declared_case", agent=second)(scenario)


@pytest.mark.parametrize(
    "losses",
    [
        pytest.param((close(0, home_only=True),), id="a closure that the plan foresees"),
        pytest.param((close(0),), id="a closure that it does not"),
        pytest.param((lose(LinkDown, carrier="Maroc Telecom"),), id="a carrier"),
        pytest.param((close(0, home_only=True), close(1)), id="a second site"),
    ],
)
def test_the_figures_before_the_click_are_those_after_it(scenario: Scenario, losses: Sequence[Losses]) -> None:
    scenario.work()
    for build in losses:
        event = build(scenario)
        found = live.preview_event(event, scenario.stream)
        assert found is not None
        stored = len(live.list_reliefs(scenario.stream))
        before = live.compute_coverage(scenario.stream)
        assert before is not None
        assert [row.worst for row in before.clients] == [row.before for row in found.clients]
        live.record(event, key=event.id, stream=scenario.stream)
        lost = live.compute_coverage(scenario.stream)
        assert lost is not None
        assert [row.worst for row in lost.clients] == [row.unrelieved for row in found.clients]
        scenario.work()
        after = live.compute_coverage(scenario.stream)
        assert after is not None
        assert [(row.client, row.now, row.worst, row.state, row.tone) for row in after.clients] == [
            (row.client, row.now, row.after, row.state, row.tone) for row in found.clients
        ]
        assert [row.missing for row in lost.clients] == [row.missing_unrelieved for row in found.clients]
        assert [row.missing for row in after.clients] == [row.missing for row in found.clients]
        reliefs = live.list_reliefs(scenario.stream)
        assert len(reliefs) > stored, "the preview stored nothing, the event did"
        assert reliefs[0].moved == found.moved
        assert found.working is not None


def test_whom_a_client_gives_is_who_works_for_another_or_for_none_and_no_one_of_a_lost_site() -> None:
    without = {"lent": {"azur"}, "idle": {"azur"}, "stays": {"azur"}, "both": {"azur", "cyan"}, "back": {"cyan"}}
    relieved = {
        "lent": {"cyan"},
        "stays": {"azur"},
        "both": {"azur", "cyan"},
        "back": {"azur"},
        "of a lost site": {"cyan"},
    }
    assert count_given([(without, relieved)] * 2) == {"azur": {"cyan": 1, "": 1}, "cyan": {"azur": 1}}
    assert count_given([(without, without)]) == {}


@pytest.mark.parametrize("place", range(2))
def test_a_loss_at_the_worst_hour_does_what_the_plan_says_of_it(
    db: None, known_times: None, planned: tuple[Operator, tuple[Plan, ...]], place: int
) -> None:
    operator, plans = planned
    contingency = f"site:{operator.sites[place].id}"
    foreseen = [row for row in plans[0].sudden if row.contingency == contingency]
    gravest = min(foreseen, key=lambda row: row.worst_coverage)
    at = plans[0].starts[gravest.interval]
    scenario = Scenario.begin(operator, plans, clock=f"{at.astimezone(zone(operator.row.time_zone)):%H:%M}")
    scenario.work()
    scenario.close(operator.sites[place].id, home_only=True)
    scenario.work()
    assert live.list_reliefs(scenario.stream)[0].source == "planned"
    found = live.compute_coverage(scenario.stream)
    assert found is not None
    own = found.find_client(gravest.client)
    assert own is not None
    ahead = slice(0, len(plans[0].starts) - gravest.interval)
    assert float(np.nanmin(own.share[ahead])) == pytest.approx(gravest.worst_coverage, abs=1e-6)
    promised = plans[0].cell[gravest.client, contingency].worst_coverage
    assert gravest.worst_coverage < promised, "known before the day it does less"


def test_the_preview_of_a_case_counts_on_one_person_too_many_at_most(scenario: Scenario) -> None:
    scenario.work()
    event = declare_case(scenario)
    found = live.preview_event(event, scenario.stream)
    assert found is not None
    assert (found.seats or 0) > 0
    live.record(event, key=event.id, stream=scenario.stream)
    scenario.work()
    after = live.compute_coverage(scenario.stream)
    assert after is not None
    for row, then in zip(found.clients, after.clients, strict=True):
        people = max(1.0, float(then.required.max()))
        assert then.worst is None or abs((row.after or 0.0) - then.worst) <= 2 / people


def test_the_preview_of_an_event_says_which_place_is_lost_and_by_which_rule(scenario: Scenario) -> None:
    scenario.work()
    first, second = scenario.agents_at(scenario.site)[:2]

    def declare(agent: str) -> live.EventPreview | None:
        own = live.sign_event(scenario.stream, "tests")
        case = CaseDeclared(**own, site=scenario.site, status="declared_case", agent=agent)
        return live.preview_event(case, scenario.stream)

    assert declare(first) is None, "one case closes nothing"
    scenario.positive(first)
    found = declare(second)
    assert found is not None
    assert found == replace(declare(first) or found, at=found.at, until=found.until, counted_at=found.counted_at)
    assert found.rule is not None
    assert (found.kind, found.place) == ("site.closed", scenario.operator.site[scenario.site].name)
    assert (found.seats or 0) > 0
    assert any(row.before is not None for row in found.clients)
    own = live.sign_event(scenario.stream, "tests")
    back = live.preview_event(LinkUp(**own, site=scenario.site), scenario.stream)
    assert back is None, "nothing is lost by it"


def test_an_unforeseen_loss_gets_a_first_answer_and_then_the_optimum(scenario: Scenario) -> None:
    scenario.work()
    scenario.carrier("Maroc Telecom")
    scenario.work()
    optimum, first = live.list_reliefs(scenario.stream)
    assert (first.source, optimum.source) == ("first", "optimum")
    assert first.published_at is not None
    assert optimum.published_at is not None
    assert first.made_at <= first.published_at <= optimum.made_at
    carrier = {agent.id: agent.carrier for agent in scenario.operator.agents}
    assert all(carrier[agent] != "Maroc Telecom" for agent in scenario.at_home)
    assert not Message.objects.filter(relief=first).exists(), "one message, about the last"


def test_a_second_site_lost_is_answered_from_where_people_are_by_then(scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    scenario.work()
    scenario.later(hours=2)
    at_home = scenario.at_home
    other = scenario.operator.sites[1].id
    scenario.close(other)
    scenario.work()
    assert live.list_reliefs(scenario.stream)[0].source == "optimum"
    assert scenario.people_at(scenario.site) == scenario.people_at(other) == set()
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    still = {
        row.agent
        for row in scene.list_placements(scene.days[0])
        if row.place == HOME and row.start <= scene.at < row.end
    }
    assert still, "those at home by now go on without another delay"
    assert still <= at_home
    exposed = {row.agent for row in scenario.plans[0].placements if row.place == scenario.site}
    third = scenario.operator.sites[2].id
    assert exposed.isdisjoint(scenario.people_at(third)), "people of a health closure stay at home"


def test_a_power_cut_is_for_today_and_a_closure_for_the_days_after_too(scenario: Scenario) -> None:
    scenario.work()
    scenario.power(scenario.site)
    scenario.work()
    assert set(live.list_reliefs(scenario.stream)[0].lost) == {scenario.plans[0].day.isoformat()}
    scenario.power(scenario.site, up=True)
    scenario.work()
    assert live.list_reliefs(scenario.stream)[0].lost == {}
    scenario.close()
    scenario.work()
    assert len(live.list_reliefs(scenario.stream)[0].lost) == 3


def test_after_the_reopening_shifts_that_have_begun_are_left_alone(scenario: Scenario) -> None:
    scenario.work()
    scenario.power(scenario.site)
    scenario.work()
    scenario.later(hours=2)
    at_home = scenario.at_home
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    begun = {row.agent for row in scene.list_placements(scene.days[0]) if row.start <= scene.at < row.end}
    scenario.power(scenario.site, up=True)
    scenario.work()
    newest = live.list_reliefs(scenario.stream)[0]
    assert newest.source == "base"
    assert at_home & begun <= scenario.at_home
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    assert {(row.agent, row.place) for row in scene.list_placements(scene.days[1])} == {
        (row.agent, row.place) for row in scenario.plans[1].placements
    }


def test_a_reopening_takes_its_checklist_two_people_and_48_hours(scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    scenario.work()
    items = ("disinfected", "ventilation_checked", "contacts_listed", "commission_agrees")
    scenario.check(*items, "supplies_ready")
    scenario.approve("samira")
    with pytest.raises(live.Refused) as early:
        scenario.reopen()
    codes = {reason.code for reason in early.value.reasons}
    assert codes == {"reopening.too_early", "reopening.approvals"}
    scenario.later(hours=48, minutes=1)
    with pytest.raises(live.Refused, match="1 of 2 different people have approved"):
        scenario.reopen()
    with pytest.raises(live.Refused, match="another person must"):
        scenario.approve("samira")
    scenario.approve("youssef")
    scenario.reopen()
    assert not live.situation_now(scenario.stream).site(scenario.site).closed
    scenario.work()
    assert live.list_reliefs(scenario.stream)[0].lost == {}


def test_as_days_pass_the_relief_is_carried_on(scenario: Scenario) -> None:
    scenario.work()
    scenario.close(home_only=True)
    scenario.work()
    (first,) = live.list_reliefs(scenario.stream)
    scenario.later(hours=24)
    scenario.work()
    assert live.list_reliefs(scenario.stream) == [first], "nothing is lost that it does not answer"
    assert scenario.people_at(scenario.site) == set()


def test_routes_follow_the_shifts_through_the_day(scenario: Scenario) -> None:
    scenario.work()
    first = scenario.shares
    scenario.later(hours=7)
    scenario.work()
    assert scenario.shares != first
    assert not live.list_reliefs(scenario.stream)


def test_the_same_routes_are_not_published_again(scenario: Scenario) -> None:
    scenario.work()
    count = Effect.objects.filter(kind="publish").count()
    scenario.work()
    scenario.work()
    assert Effect.objects.filter(kind="publish").count() == count


def test_coverage_is_of_the_half_hours_asked_for(scenario: Scenario) -> None:
    found = live.compute_coverage(scenario.stream, hours=6)
    assert found is not None
    assert len(found.starts) == 13, "the running half hour and twelve more"
    assert found.starts[0] <= found.at < found.starts[0] + timedelta(minutes=30)
    for row in found.clients:
        assert np.all(row.covered <= row.required + 1e-9)
        assert row.worst is None or 0 <= row.worst <= 1


def test_without_a_plan_events_are_recorded_and_no_relief_is_made(scenario: Scenario) -> None:
    from releve.live.models import Activation

    Activation.objects.all().delete()
    scenario.two_positives()
    scenario.work()
    assert live.compute_coverage(scenario.stream) is None
    assert live.list_reliefs(scenario.stream) == []
    assert live.situation_now(scenario.stream).site(scenario.site).closed
    (effect,) = Effect.objects.filter(kind="relief")
    assert effect.result == {"skipped": "no plan in force"}


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


def describe(scenario: Scenario, *, planned: bool = True) -> dict[str, SeatedSite]:
    situation = live.situation_now(scenario.stream)
    scene = live.load_scene(scenario.stream) if planned else None
    return dict(live.describe_sites(scenario.operator, situation, scene))


def test_a_site_is_open_closed_or_cut_off(scenario: Scenario) -> None:
    closed, dark, *others = scenario.operator.sites
    scenario.close(closed.id)
    scenario.power(dark.id)
    found = describe(scenario)
    assert list(found) == [site.id for site in scenario.operator.sites]
    assert (found[closed.id].state, found[closed.id].outage) == ("closed", "")
    assert found[closed.id].since is not None
    assert (found[dark.id].state, found[dark.id].outage) == ("cut_off", "power")
    assert {found[site.id].state for site in others} == {"open"}
    assert found[closed.id].usable == 0


def test_a_closed_site_is_closed_whatever_else_is_down(scenario: Scenario) -> None:
    scenario.power(scenario.site)
    scenario.close(scenario.site)
    assert describe(scenario)[scenario.site].state == "closed"


def test_without_a_plan_the_seats_are_counted_and_which_are_usable_is_not_known(scenario: Scenario) -> None:
    found = describe(scenario, planned=False)
    assert all(row.seats > 0 for row in found.values())
    assert {(row.usable, row.taken) for row in found.values()} == {(None, None)}


def test_a_client_has_its_half_hours_and_nothing_where_the_plan_does_not_know_it(scenario: Scenario) -> None:
    scenario.close()
    found = live.compute_coverage(scenario.stream)
    assert found is not None
    own = found.clients[0]
    rows = list(found.list_half_hours(own.client))
    assert [row.start for row in rows] == list(found.starts)
    shares = [np.nan if row.share is None else row.share for row in rows]
    np.testing.assert_array_equal(shares, own.share)
    assert [row.share is None for row in rows] == np.isnan(own.share).tolist()
    assert not any(row.short for row in rows if row.required == 0)
    series = found.build_series(own)
    assert series.starts == found.starts
    np.testing.assert_allclose(series.covered + series.missing, series.required)
    assert found.find_client("unknown") is None
    assert list(found.list_half_hours("unknown")) == []


def test_a_relief_is_found_by_its_number_in_its_stream(scenario: Scenario) -> None:
    scenario.close()
    scenario.work()
    newest = live.list_reliefs(scenario.stream)[0]
    assert live.find_relief(scenario.stream, newest.generation) == newest
    assert live.find_relief(scenario.stream, newest.generation + 1) is None
    assert live.find_relief("live", newest.generation) is None


MOST = 2


@pytest.fixture
def relief(scenario: Scenario) -> live.ReliefInForce:
    """Two positive tests closed a site; the relief that answers it."""
    scenario.work()
    scenario.two_positives()
    scenario.work()
    found = live.describe_relief(scenario.stream, most_shifts=MOST)
    assert found is not None
    return found


def test_a_relief_names_what_is_lost_and_the_places_whose_shifts_change(
    scenario: Scenario, relief: live.ReliefInForce
) -> None:
    assert relief.lost_sites == {scenario.site}
    assert relief.generation is not None
    assert relief.day in relief.days
    (closed,) = [row for row in relief.places if row.place == scenario.site]
    assert closed.after == 0
    assert all(len(row.shifts) <= MOST for row in relief.places)
    assert sum(row.people for row in relief.flows if row.origin == scenario.site) == closed.before


def test_a_move_holds_both_shifts_by_the_clocks_of_their_places(relief: live.ReliefInForce) -> None:
    agents = relief.roster.list_changed()
    operator = relief.scene.day_plan(relief.day).operator
    moves = live.list_agent_moves(relief, agents)
    assert [row.agent for row in moves] == agents
    for row in moves:
        assert row.site == operator.agent[row.agent].home_site
        posts = ((row.before, relief.roster.before), (row.after, relief.roster.after))
        for post, rows in posts:
            placed = rows.get(row.agent)
            assert (post is None) == (placed is None)
            if post is not None and placed is not None:
                assert (post.place, post.start, post.end) == (placed.place, placed.start, placed.end)
                where = row.site if post.place == HOME else post.place
                assert post.time_zone == operator.site[where].time_zone


def test_a_day_that_is_not_ahead_is_answered_by_the_first_that_changes(
    scenario: Scenario, relief: live.ReliefInForce
) -> None:
    asked = relief.days[-1] + timedelta(days=30)
    found = live.describe_relief(scenario.stream, asked, most_shifts=MOST)
    assert found is not None
    assert found.day == relief.day
    last = live.describe_relief(scenario.stream, relief.days[-1], most_shifts=MOST)
    assert last is not None
    assert last.day == relief.days[-1]


def test_agents_of_other_home_sites_are_left_out(scenario: Scenario, relief: live.ReliefInForce) -> None:
    found = live.describe_relief(scenario.stream, None, {scenario.site}, most_shifts=MOST)
    assert found is not None
    moves = live.list_agent_moves(found, found.roster.list_changed())
    assert moves
    assert {row.site for row in moves} == {scenario.site}
