"""A false alarm lived through: a wrong test, its correction, the closure lifted, and who hears of it."""

from __future__ import annotations

import json

import pytest

from releve.ledger.chain import iter_entries
from releve.live import api as live
from releve.live.models import Message, Relief
from releve.situation import CaseDeclared, list_lifted_closures
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db, pytest.mark.slow, pytest.mark.postgresql]
WHY = "The sample was another person's"


def close_by_two(scenario: Scenario) -> tuple[str, str]:
    """Close the site by two cases, one of them wrong; return the records of the wrong case and of the order."""
    scenario.two_positives()
    situation = live.situation_now(scenario.stream)
    closure = situation.site(scenario.site).closure
    assert closure is not None
    return situation.cases[-1].event, closure.event


def correct(scenario: Scenario, event: str, actor: str) -> None:
    scenario.act("event.corrected", actor=actor, corrects=event, reason=WHY)


def said(scenario: Scenario, role: str) -> dict[str, list[Message]]:
    """Return the messages of a role by who receives them, the oldest first."""
    found: dict[str, list[Message]] = {}
    for row in Message.objects.filter(stream=scenario.stream, role=role).order_by("relief__generation", "pk"):
        found.setdefault(row.who, []).append(row)
    return found


def test_a_wrong_test_is_corrected_and_the_site_opens_again_at_once(scenario: Scenario) -> None:
    scenario.work()
    before, routes = scenario.people_at(scenario.site), scenario.shares
    wrong, order = close_by_two(scenario)
    scenario.work()
    notified = said(scenario, "agent")
    assert notified
    assert scenario.people_at(scenario.site) == set()
    scenario.later(minutes=20)
    situation = live.situation_now(scenario.stream)
    sick = next(row.agent for row in situation.cases if row.event == wrong)
    correct(scenario, wrong, "hind")
    assert scenario.people_at(scenario.site) == set(), "one person opens no site"
    assert sick not in live.situation_now(scenario.stream).unavailable(live.now(scenario.stream))
    scenario.work()
    assert said(scenario, "agent").keys() == notified.keys(), "nothing was lifted: no message"
    with pytest.raises(live.Refused) as refused:
        correct(scenario, order, "hind")
    assert [row.code for row in refused.value.reasons] == ["lifting.same_person"]

    situation = live.situation_now(scenario.stream)
    ground = live.find_ground(scenario.stream, scenario.site)
    assert ground is not None
    foreseen = live.preview_lifting(situation, ground, scenario.stream)
    correct(scenario, order, "samira")
    scenario.work()
    assert not live.situation_now(scenario.stream).site(scenario.site).closed
    scene = live.load_scene(scenario.stream)
    assert scene is not None
    assert not any(scene.wanted.values())
    # the same places take calls, but for those where all are on their break by now
    assert {programme for programme, _ in scenario.shares} == {programme for programme, _ in routes}
    assert scenario.shares.keys() <= routes.keys()
    assert {place for _, place in scenario.shares} >= {scenario.site}
    back = scenario.people_at(scenario.site)
    assert back <= before
    assert sick in back or sick in scenario.at_home

    again = {who: rows[1:] for who, rows in said(scenario, "agent").items() if len(rows) > 1}
    assert again.keys() <= notified.keys(), "who was never notified is not now"
    assert all(len(rows) == 1 for rows in again.values()), "one message each"
    assert {row.about["lifted"] for rows in again.values() for row in rows} == {scenario.operator.sites[0].name}
    fresh = Message.objects.filter(stream=scenario.stream, relief__generation=scene.relief and scene.relief.generation)
    roles = [row.role for row in fresh]
    assert (foreseen.agents, foreseen.managers, foreseen.clients_notified) == (
        roles.count("agent"), roles.count("manager"), roles.count("client")
    )  # fmt: skip
    assert roles.count("client") == len(scenario.operator.clients)
    scenario.later(minutes=15)  # the draft to the client goes, which settles after the one before
    scenario.work()
    texts = [row["text"] for row in scenario.outbox if "elle reposait sur un enregistrement erroné" in row["text"]]
    assert len(texts) == len(roles)
    assert any(text.startswith("Bonjour,\n\nLa fermeture de ") for text in texts)


def test_who_does_not_come_is_replaced_by_the_relief_that_opens_the_site(scenario: Scenario) -> None:
    wrong, order = close_by_two(scenario)
    scenario.work()
    asked = Message.objects.filter(stream=scenario.stream, kind="agent", site=scenario.site).order_by("who")
    for message in list(asked)[:8]:
        works = any(shift["place"] is not None for shift in message.about["shifts"])
        live.answer_message(message.token, "no" if works else "yes")
    scenario.work()
    correct(scenario, wrong, "hind")
    scenario.work()
    last = Relief.objects.filter(stream=scenario.stream).order_by("generation").last()
    situation, ground = live.situation_now(scenario.stream), live.find_ground(scenario.stream, scenario.site)
    assert last is not None
    assert ground is not None
    foreseen = live.preview_lifting(situation, ground, scenario.stream)
    correct(scenario, order, "samira")
    scenario.work()
    scenario.work()  # no further relief follows for those who do not come
    later = Relief.objects.filter(stream=scenario.stream, generation__gt=last.generation)
    (made,) = later
    assert made.source == "base"
    assert "absences" in made.days.values_list("source", flat=True), "some are replaced"
    notified = [row.who for row in Message.objects.filter(relief__in=later, role="agent")]
    assert notified
    assert len(notified) == len(set(notified)) == foreseen.agents


def test_the_ledger_keeps_the_record_its_correction_and_both_people(scenario: Scenario) -> None:
    wrong, order = close_by_two(scenario)
    correct(scenario, wrong, "hind")
    correct(scenario, order, "samira")
    rows = [row.body for row in iter_entries(scenario.stream) if row.kind in ("event.corrected", "case.declared")]
    corrections = [row for row in rows if row.get("corrects") in (wrong, order)]
    assert [(row["actor"], row["reason"]) for row in corrections] == [("hind", WHY), ("samira", WHY)]
    assert corrections[1]["because"] == corrections[0]["id"]
    assert (corrections[0]["site"], corrections[1]["site"]) == ("", scenario.site)
    assert sum(row.get("id") == wrong for row in rows) == 1
    (lifted,) = list_lifted_closures(live.situation_now(scenario.stream))
    assert (lifted.order, lifted.corrected_by, lifted.lifted_by) == (order, "hind", "samira")
    log = live.list_last_entries(scenario.stream, lambda site: True)
    assert [row.params["actor"] for row in log if row.kind == "event.corrected"] == ["samira"], "cases are in no log"
    assert WHY in json.dumps([row.params for row in log])
    (said_so,) = [str(row.sentence) for row in log if row.kind == "event.corrected"]
    assert "lifted the closure by the rule" in said_so


def test_a_closure_lifted_before_anyone_heard_of_it_sends_no_message(scenario: Scenario) -> None:
    scenario.work()
    wrong, order = close_by_two(scenario)
    correct(scenario, wrong, "hind")
    correct(scenario, order, "samira")
    scenario.work()
    assert said(scenario, "agent") == said(scenario, "client") == {}


def test_what_is_true_is_recorded_with_the_correction_before_the_rules_answer(scenario: Scenario) -> None:
    wrong, order = close_by_two(scenario)
    other = scenario.agents_at(scenario.site)[5]
    case = live.situation_now(scenario.stream).event(wrong)
    assert isinstance(case, CaseDeclared)
    own = live.sign_event(scenario.stream, "hind")
    true = CaseDeclared(**own, site=case.site, agent=other, status="declared_case")
    sent = live.build_correction(case, true, scenario.stream, "hind", WHY, "other_person")
    done = live.record(sent, key="k", stream=scenario.stream, further=(true,))
    entries = {row.seq: row for row in iter_entries(scenario.stream)}
    assert [entries[seq].kind for seq in (done.seq, done.answers[0])] == ["event.corrected", "case.declared"]
    assert entries[done.seq].body["instead"] == true.id
    situation = live.situation_now(scenario.stream)
    assert case.agent not in situation.unavailable(live.now(scenario.stream))
    assert other in situation.unavailable(live.now(scenario.stream))
    assert live.find_ground(scenario.stream, scenario.site) is None, "there are two cases still"
    with pytest.raises(live.Refused) as refused:
        correct(scenario, order, "samira")
    assert refused.value.reasons[0].code == "lifting.grounded"
    assert live.record(sent, key="k", stream=scenario.stream, further=(true,)).before
