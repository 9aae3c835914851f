"""What is said by number binds the person who holds it, in a table as in a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import polars as pl
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releve.live.clock import read_clock
from releve.plugins.outbound.engine import Contract, LegalRules, Person
from releve.plugins.outbound.engine.fact_tables import build_empty_frames
from releve.plugins.outbound.gate.campaigns import load_campaigns
from releve.plugins.outbound.gate.decision import build_call, judge_for_holders
from releve.plugins.outbound.gate.fact_import import load_facts, load_frames
from releve.plugins.outbound.gate.fact_reader import CampaignTerms, read_facts
from releve.plugins.outbound.gate.models import Decision
from releve.plugins.outbound.gate.person_requests import PhoneRequest, record_request
from releve.plugins.outbound.gate.proofs import replay_decision
from tests.gate.django_store import DjangoStore
from tests.gate.sample_campaign import CALLER, CAMPAIGN, CLIENT, brief, open_rules, phone, question, record_people
from tests.gate.sync_decisions import decide

pytestmark = [pytest.mark.django_db, pytest.mark.database]
RULES = open_rules()
SOON = 1e9


def answers(rules: LegalRules = RULES) -> dict[tuple[str, str], str]:
    """Return the rows that refuse each person under each of their numbers, as known now."""
    now, terms = read_clock(), CampaignTerms.from_row(load_campaigns()[CAMPAIGN])
    found = {}
    for number in map(phone, range(4)):
        known = read_facts(CLIENT, number, now, campaign=CAMPAIGN)
        for person in known.persons():
            call = build_call(CAMPAIGN, terms, number, CALLER, person, now, "")
            one = judge_for_holders(call, known, rules)[0]
            found[number, person] = "|".join(one.rules)
    return found


def hold(person: str, number: int) -> None:
    load_facts([Person(person, phone(number), read_clock())], source="tests", by="tests")


def say(table: str, number: int, *, client: str = CLIENT, kind: str = "objection") -> None:
    """Load one row of a table that names a number."""
    now = read_clock()
    row: dict[str, object] = {"client": client, "person": phone(number), "at": now, "known_at": now}
    row |= {"kind": kind, "basis": ""} if table == "refusals" else {"consent": "", "channel": ""}
    frame = pl.DataFrame([row], schema=build_empty_frames()[table].schema)
    load_frames({table: frame}, source="tests", by="tests")


@pytest.mark.parametrize("client", ["", CLIENT])
@pytest.mark.parametrize(
    ("table", "kind", "rows"),
    [("withdrawals", "", "FR-OPTIN-6"), ("refusals", "objection", "FR-OBJECTION"),
     ("refusals", "refusal", "FR-REFUS-60")],
)  # fmt: skip
def test_a_row_by_one_number_refuses_the_holder_s_other_number(table: str, kind: str, rows: str, client: str) -> None:
    record_people([0, 2])
    hold("P0", 1)
    say(table, 0, client=client, kind=kind)
    store = DjangoStore()
    other, stranger = (decide(store, question(n, f"call-{n}"), RULES, SOON) for n in (1, 2))
    assert rows in other.reasons
    assert brief(stranger) == "200 allow"


def test_a_contract_does_not_carry_a_call_to_the_other_number() -> None:
    record_people([0])
    hold("P0", 1)
    now = read_clock()
    contract = Contract("K1", CLIENT, "P0", now.date() - timedelta(9), None, now, frozenset({"electricity"}))
    load_facts([contract], source="tests", by="tests")
    say("refusals", 0)
    assert "FR-OBJECTION" in decide(DjangoStore(), question(1, "call"), RULES, SOON).reasons


def test_a_row_binds_a_person_to_whom_the_number_is_given_later() -> None:
    record_people([1])
    say("withdrawals", 0)
    assert brief(decide(DjangoStore(), question(1, "before"), RULES, SOON)) == "200 allow"
    hold("P1", 0)
    assert "FR-OPTIN-6" in decide(DjangoStore(), question(1, "after"), RULES, SOON).reasons


def test_a_call_is_judged_again_as_the_numbers_were_known_at_its_instant() -> None:
    record_people([1])
    say("withdrawals", 0)
    decide(DjangoStore(), question(1, "before"), RULES, SOON)
    hold("P1", 0)
    decide(DjangoStore(), question(1, "after"), RULES, SOON)
    for call, allowed in (("before", True), ("after", False)):
        decision = Decision.objects.get(call_id=call)
        again = replay_decision(decision, RULES)
        assert (decision.allowed, again.agrees(decision)) == (allowed, True)


def test_another_holder_of_the_second_number_is_not_bound() -> None:
    record_people([0, 2])
    hold("P0", 1)
    hold("P2", 1)
    say("withdrawals", 0)
    found = {number: {bool(v) for (n, _), v in answers().items() if n == number} for number in map(phone, (0, 1, 2))}
    assert found == {phone(0): {True}, phone(1): {True, False}, phone(2): {False}}


@dataclass(frozen=True)
class Step:
    """Something that happens: a person takes a number, or something is said by a number."""

    what: str
    person: int
    number: int
    to_all: bool


STEPS = st.builds(
    Step, st.sampled_from(["hold", "stop", "refusal", "not-now"]), st.integers(0, 2), st.integers(0, 3), st.booleans()
)


def _replay(steps: list[Step], *, as_tables: bool) -> list[dict[tuple[str, str], str]]:
    """Return the answers after each step; all of it is undone."""
    found = []
    with transaction.atomic():
        record_people(range(3))
        for place, step in enumerate(steps):
            client = "" if step.to_all else CLIENT
            if step.what == "hold":
                hold(f"P{step.person}", step.number)
            elif not as_tables:
                said = PhoneRequest(f"K{place}", phone(step.number), step.what, client)
                record_request(said, by="dialler")
            elif step.what == "stop":
                say("withdrawals", step.number, client=client)
                say("refusals", step.number, client=client)
            else:
                say("refusals", step.number, client=client, kind=step.what)
            found.append(answers())
        transaction.set_rollback(True)
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(steps=st.lists(STEPS, min_size=2, max_size=6))
def test_a_table_and_a_request_give_the_same_verdicts(steps: list[Step]) -> None:
    assert _replay(steps, as_tables=True) == _replay(steps, as_tables=False)
