"""Packs of rules: in force on the days for which the operator chose them, and on no other."""

from __future__ import annotations

from datetime import date, timedelta

from releve.situation import ChosenPack, ClosureRule, DailyCheckRule, SiteClosed, SituationRules
from releve.situation.shipped import load_rules_with, load_shipped_rules
from tests.situation.rule_chain import HEALTH_RULES, START, Chain

TODAY = START.date()
CHOSEN, ENDED = "rules.chosen", "rules.ended"
PACK = {"pack": "health-2020"}


def rules_of(chain: Chain) -> SituationRules:
    return load_shipped_rules().choose(chain.situation.packs)


def chain_without_packs() -> Chain:
    return Chain(rules=load_shipped_rules())


def test_without_a_pack_two_positives_are_recorded_and_close_nothing() -> None:
    chain = chain_without_packs()
    for agent in ("a1", "a2"):
        answers = chain.record("case.declared", site="casa", agent=agent, status="declared_case")
        assert "site.closed" not in {event.kind for event in answers}
    assert len(chain.situation.cases) == 2
    assert not chain.situation.site("casa").closed
    assert not any(row.id.startswith("MA-COVID") for row in load_shipped_rules().rows)


def test_a_pack_chosen_after_the_cases_closes_the_site_at_once() -> None:
    chain = chain_without_packs()
    for agent in ("a1", "a2"):
        chain.record("case.declared", site="casa", agent=agent, status="declared_case")
    chain.rules = HEALTH_RULES  # what the recorder passes: the rules after the choice
    answers = chain.record(CHOSEN, **PACK, valid_from=TODAY)
    assert [event.site for event in answers if isinstance(event, SiteClosed)] == ["casa"]


def test_a_pack_holds_from_its_first_to_its_last_day_and_keeps_past_days_when_it_ends() -> None:
    chain = chain_without_packs()
    chain.record(CHOSEN, **PACK, valid_from=TODAY + timedelta(days=1))
    chain.after(days=10)
    chain.record(ENDED, **PACK, valid_to=TODAY + timedelta(days=9))
    chain.record(CHOSEN, **PACK, valid_from=TODAY + timedelta(days=12), valid_to=None)
    rules = rules_of(chain)
    held = [day for day in range(14) if rules.one(ClosureRule, TODAY + timedelta(days=day)) is not None]
    assert held == [*range(1, 10), 12, 13]
    assert rules.find_closure_rule("MA-COVID-CLOSE") == ClosureRule()


def test_the_rows_of_a_pack_keep_their_own_dates() -> None:
    rules = load_rules_with(chosen=[ChosenPack("health-2020", date(2020, 1, 1))])
    assert rules.one(DailyCheckRule, date(2020, 4, 16)) is None
    assert rules.one(DailyCheckRule, date(2020, 4, 17)) is not None


def test_choosing_again_replaces_what_was_chosen() -> None:
    assert HEALTH_RULES.choose(()) == load_shipped_rules()


def test_a_choice_is_refused_with_the_reason() -> None:
    chain = chain_without_packs()
    assert chain.refused(CHOSEN, pack="none", valid_from=TODAY) == {"pack.unknown"}
    dates = {"valid_from": TODAY, "valid_to": TODAY - timedelta(days=1)}
    assert chain.refused(CHOSEN, **PACK, **dates) == {"pack.dates"}
    assert chain.refused(ENDED, **PACK, valid_to=TODAY) == {"pack.not_chosen"}
    chain.record(CHOSEN, **PACK, valid_from=TODAY)
    later = {"valid_from": TODAY + timedelta(days=30)}
    assert chain.refused(CHOSEN, **PACK, **later) == {"pack.chosen_already"}
    chain.after(days=3)
    assert chain.refused(ENDED, **PACK, valid_to=TODAY + timedelta(days=1)) == {"pack.past"}
    assert chain.refused(ENDED, **PACK, valid_to=TODAY + timedelta(days=2)) == set()


def test_a_correction_takes_a_choice_back() -> None:
    chain = chain_without_packs()
    chain.record(CHOSEN, **PACK, valid_from=TODAY)
    chosen = next(event for event in chain.events if event.kind == CHOSEN)
    chain.record("event.corrected", corrects=chosen.id, reason="wrong pack")
    assert chain.situation.packs == ()
