"""Calls that the proxy ended before their INVITE left: their attempts alone do not count."""

from __future__ import annotations

import time
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from django.utils import timezone

from releve.ledger.roots import sign_root
from releve.live.clock import read_clock
from releve.plugins.outbound.campaign.reports import compute_figures
from releve.plugins.outbound.engine.legal_rows import to_legal_day
from releve.plugins.outbound.gate.attempt_outcomes import find_unplaced, read_outcomes, write_outcomes
from releve.plugins.outbound.gate.erasure import erase_due
from releve.plugins.outbound.gate.models import AttemptRow, Decision, UnplacedRow
from releve.plugins.outbound.gate.proofs import FactProver, close_batches, replay_decision, seal_facts
from releve.plugins.outbound.gate.protocol import Reply, parse_question
from tests.gate.sample_campaign import CAMPAIGN, CLIENT, brief, open_rules, phone, question, record_people
from tests.gate.sync_decisions import DjangoStore, decide

pytestmark = [pytest.mark.database, pytest.mark.django_db]

MOST = 4
"""Attempts to a person in 30 days."""
NAMES = count()


@pytest.fixture(autouse=True)
def people() -> None:
    record_people(range(2))


def ask(call: str, began: str = "1.000000", cseq: int = 1, person: int = 0) -> Reply:
    """Ask the gate as the proxy does."""
    one = question(person, call, cseq, began=began)
    return decide(DjangoStore(), one, open_rules(), time.monotonic() + 5)


def line(
    call: str, code: str = "503", *, began: str = "1.000000", cseq: int = 1, tag: str = "",
    target: str = "", direction: str = "out", method: str = "INVITE",
) -> str:  # fmt: skip
    """Return a record of our proxy; by default of a call that it gave up."""
    return f"{method}|from|{tag}|{call}|{code}|reason|1|{cseq}|{direction}|azur|{target}|{began}|2.000000\n"


class Records:
    """A folder of a proxy's records."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.files = folder / "acc", 0
        self.folder.mkdir()

    def read(self, *lines: str) -> int:
        """File records, in a new file; return how many attempts stopped counting."""
        self.files += 1
        (self.folder / f"acc_{self.files}.log").write_text(f"{self.files}\n{''.join(lines)}")
        return read_outcomes(self.folder).withdrawn


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path)


def free_attempts(person: int = 0) -> int:
    """Return how many more calls the gate allows, by placing them."""
    return next(n for n in count() if ask(f"free-{next(NAMES)}", person=person).status != 200)


def test_calls_that_the_proxy_gave_up_do_not_fill_the_cap(records: Records) -> None:
    for number in range(MOST):
        assert ask(f"call-{number}").status == 200
    assert brief(ask("more")) == "403 refuse FR-FREQ-1"
    assert records.read(line("call-0"), line("call-1", "487"), line("call-2", "408")) == 3
    assert AttemptRow.objects.count() == MOST, "their rows are kept"
    assert find_unplaced([f"call-{n}/1" for n in range(MOST)]) == {"call-0/1", "call-1/1", "call-2/1"}
    assert free_attempts() == 3


def test_a_record_read_before_the_gate_counts_withdraws_all_the_same(records: Records) -> None:
    calls = [f"call-{number}" for number in range(MOST)]
    assert records.read(*map(line, calls)) == 0
    assert [ask(call).status for call in calls] == [200] * MOST
    assert free_attempts() == MOST


@pytest.mark.parametrize(
    "record",
    [
        line("call", target="sip:carrier"),
        line("call", "487", target="sip:carrier"),
        line("call", tag="called"),
        line("call", began="1.000001"),
        line("call", began=""),
        line("call", cseq=2),
        line("calls"),
        line("call", "603"),
        line("call", "200"),
        line("call", direction="in"),
        line("call", direction=""),
        line("call", method="BYE"),
        "INVITE|from||call|503|reason|1|1\n",
        "INVITE|from||call|503|reason|1|1|out|azur|\n",
        line("call").replace("azur", "azur|"),
        line("call").rstrip("\n"),
    ],
)
def test_no_other_record_withdraws_an_attempt(record: str, records: Records) -> None:
    for number in range(MOST - 1):
        ask(f"other-{number}")
    assert ask("call").status == 200
    assert records.read(record) == 0
    assert free_attempts() == 0


def test_an_attempt_asked_for_without_a_transaction_stays(records: Records) -> None:
    assert ask("call", began="").status == 200
    assert records.read(line("call", began="0.000000"), line("call", began="")) == 0
    assert free_attempts() == MOST - 1


def test_a_record_that_is_read_again_withdraws_once(records: Records) -> None:
    assert ask("call").status == ask("other").status == 200
    records.read(line("call"))
    rows = UnplacedRow.objects.count()
    records.read(line("call"), line("call"))
    records.read(line("call"))
    assert UnplacedRow.objects.count() == rows == 1
    assert free_attempts() == MOST - 1


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("together", [True, False])
def test_a_call_that_went_out_by_any_record_counts(order: list[int], together: bool, records: Records) -> None:
    ask("call")
    found = [line("call"), line("call", "486", tag="called", target="sip:carrier", began="3.000000")]
    parts = [found[n] for n in order]
    for part in ["".join(parts)] if together else parts:
        records.read(part)
    records.read(line("call"))
    assert find_unplaced(["call/1"]) == frozenset()
    assert free_attempts() == MOST - 1


def test_a_call_given_up_is_not_let_out_by_asking_again(records: Records) -> None:
    assert ask("call").status == 200
    for withdrawn in (False, True):
        if withdrawn:
            assert records.read(line("call")) == 1
        for began in ("1.000000", "2.000000", ""):
            assert brief(ask("call", began)) == "400 refuse GATE-CALL"
    records.read(line("call", began="2.000000"))
    assert ask("call", "2.000000", cseq=2).status == 200, "a new request of that dialler"
    assert free_attempts() == MOST - 1


def test_what_a_dialler_reports_neither_withdraws_nor_restores(records: Records) -> None:
    ask("call")
    (row,) = AttemptRow.objects.all()
    write_outcomes([row], ["failed"], "dialler", by="dialler")
    assert free_attempts() == MOST - 1
    assert records.read(line("call")) == 1
    write_outcomes([row], ["conversation"], "dialler", by="dialler")
    assert free_attempts() == 1
    assert find_unplaced(["call/1"]) == {"call/1"}


def test_decisions_are_replayed_with_the_attempts_that_counted_then(records: Records) -> None:
    for number in range(MOST + 1):
        ask(f"call-{number}")
    records.read(*(line(f"call-{number}") for number in range(MOST)))
    assert ask("after").status == 200
    for decision in Decision.objects.all():
        assert replay_decision(decision, open_rules()).agrees(decision), decision
    assert list(Decision.objects.order_by("pk").values_list("attempts", flat=True)) == [0, 1, 2, 3, 4, 0]


def test_a_withdrawal_says_when_and_by_what_and_is_proved(records: Records) -> None:
    ask("call")
    records.read(line("call"))
    row = UnplacedRow.objects.get()
    assert row.load is not None
    assert (row.load.source, row.load.by) == ("not placed: acc_1.log", "outcomes")
    assert row.load.known_at is not None
    seal_facts(timezone.now())
    close_batches(timezone.now())
    assert FactProver(sign_root(timezone.now())).proof(row) is not None


def test_it_is_erased_on_the_day_of_its_attempt(records: Records) -> None:
    ask("call")
    records.read(line("call"))
    close_batches(timezone.now())
    day = UnplacedRow.objects.get().erase_on
    assert day == AttemptRow.objects.get().erase_on
    assert day is not None
    erase_due(day - timedelta(days=1), timezone.now())
    assert (UnplacedRow.objects.count(), AttemptRow.objects.count()) == (1, 1)
    erase_due(day, timezone.now())
    assert (UnplacedRow.objects.count(), AttemptRow.objects.count()) == (0, 0)


@pytest.mark.parametrize("began", ["now", "1", "1.5", "1.000000x", "12345678901.000000", "٣.000000"])
def test_a_question_that_names_its_transaction_otherwise_is_not_read(began: str) -> None:
    asked = f"to={phone(0)}&camp=spring&ci=call&cs=1"
    assert parse_question(f"{asked}&began=1795895817.934719") is not None
    assert parse_question(f"{asked}&began={began}") is None


def test_the_hours_of_a_campaign_are_of_the_calls_that_left(records: Records) -> None:
    for number in range(3):
        ask(f"call-{number}")
    records.read(line("call-1"), line("call-2", began="9.000000"))
    now = read_clock()
    today = to_legal_day(now)
    found = compute_figures(CAMPAIGN, CLIENT, "", today, today, open_rules(), now)
    assert (found.allowed, sum(found.by_hour)) == (3, 2)
