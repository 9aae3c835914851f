"""What every adapter keeps to, whatever its telephony system: one contract, the same tests for each."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from releve.routing import (
    Adapter,
    EmptySet,
    PublishReceipt,
    Rejected,
    RoutingError,
    RoutingPlan,
    RoutingSnapshot,
    Stale,
    Unreachable,
    find_tried,
    judge_convergence,
)
from releve.routing.adapter import KINDS
from releve.routing.file_csv import FileCsv
from tests.routing.generations import NOON, nothing_open, publish
from tests.routing.receivers import SECRET
from tests.routing.systems import ADDRESSES, SYSTEMS, TelephonySystem, addressed


@pytest.fixture(params=sorted(KINDS))
def system(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TelephonySystem]:
    with SYSTEMS[request.param](tmp_path) as found:
        yield found


def look(adapter: Adapter) -> RoutingSnapshot:
    seen = adapter.observe()
    assert seen is not None
    return seen


def judge(adapter: Adapter, receipt: PublishReceipt) -> str:
    """Return the state of a system that accepted a publication and has had the time to settle."""
    later = NOON + timedelta(seconds=adapter.capabilities.settles_seconds + 1)
    return judge_convergence(
        receipt.number,
        adapter.capabilities,
        look(adapter),
        queued_at=NOON,
        accepted_at=NOON,
        digest=receipt.digest,
        now=later,
    )


def test_a_plan_has_no_effect_and_names_what_would_change(system: TelephonySystem) -> None:
    publish(system.adapter, addressed(1), key="1")
    held, seen = system.read(), look(system.adapter)
    same, other = system.adapter.plan(addressed(2), seen), system.adapter.plan(addressed(2, closed="casa-1"), seen)
    assert system.read() == held
    if system.adapter.capabilities.observes == "routes":
        assert same.changes == ()
        after = {row.place: row.after for row in other.changes or ()}
        assert after.keys() == {"casa-1", "rabat-1", "home"}
        closed = after["casa-1"]
        assert closed is not None
        assert not closed.open
    else:
        assert same.changes is other.changes is None


def test_a_generation_is_held_whole_and_read_back(system: TelephonySystem) -> None:
    empty = system.adapter.observe()
    assert empty is None or not empty.whole or empty.number == 0
    sent = addressed(7, closed="casa-1")
    receipt = publish(system.adapter, sent, key="7")
    seen = look(system.adapter)
    assert (seen.number, seen.digest, seen.whole) == (receipt.number, receipt.digest, True)
    assert receipt.number == 7
    assert judge(system.adapter, receipt) == "confirmed"
    if system.adapter.capabilities.observes == "routes":
        assert seen.routes is not None
        step = system.adapter.capabilities.step
        for route in sent.routes["azur-sinistres"]:
            held = seen.routes["azur-sinistres", route.place]
            assert held.open == route.open
            assert abs(held.weight - route.weight) <= step


def test_a_lower_number_is_refused(system: TelephonySystem) -> None:
    publish(system.adapter, addressed(5), key="5")
    held = system.read()
    with pytest.raises(Stale, match=r"holds .*(5|newer)"):
        publish(system.adapter, addressed(4, closed="casa-1"), key="4")
    assert system.read() == held


def test_a_repetition_changes_nothing(system: TelephonySystem) -> None:
    first = publish(system.adapter, addressed(5), key="5")
    held = system.read()
    assert publish(system.adapter, addressed(5), key="5").digest == first.digest
    assert system.read() == held


def test_a_set_that_opens_nothing_is_refused_before_anything_is_sent(system: TelephonySystem) -> None:
    publish(system.adapter, addressed(1), key="1")
    held, closed = system.read(), replace(nothing_open(), number=2, addresses=ADDRESSES)
    with pytest.raises(EmptySet):
        system.adapter.plan(closed, None)
    with pytest.raises(EmptySet):
        system.adapter.apply(RoutingPlan(closed, None), key="2")
    assert system.read() == held


def test_a_change_by_another_hand_is_seen_and_mended_by_the_next_publication(system: TelephonySystem) -> None:
    receipt = publish(system.adapter, addressed(3), key="3")
    held = system.read()
    system.disturb()
    assert system.read() != held
    assert judge(system.adapter, receipt) == "diverged"
    receipt = publish(system.adapter, addressed(3), key="3:after-1")
    assert judge(system.adapter, receipt) == "confirmed"


def test_a_system_that_is_away_is_waited_for_and_keeps_what_it_has(system: TelephonySystem) -> None:
    publish(system.adapter, addressed(1), key="1")
    held = system.read()
    system.lose()
    for _ in range(2):
        with pytest.raises(Unreachable) as caught:
            publish(system.adapter, addressed(2, closed="casa-1"), key="2")
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        with pytest.raises(Unreachable):
            system.adapter.observe()
    system.find()
    assert system.read() == held
    receipt = publish(system.adapter, addressed(2, closed="casa-1"), key="2")
    assert judge(system.adapter, receipt) == "confirmed"


def test_a_refusal_is_not_tried_again_and_names_no_secret(system: TelephonySystem) -> None:
    if system.refuse is None:
        assert isinstance(system.adapter, FileCsv), "a file refuses nothing but what lies in its way"
        return
    publish(system.adapter, addressed(1), key="1")
    system.refuse()
    for ask in (lambda: publish(system.adapter, addressed(2), key="2"), system.adapter.observe):
        with pytest.raises(RoutingError) as caught:
            ask()
        assert isinstance(caught.value, Rejected)
        assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_every_kind_has_a_system_here() -> None:
    assert SYSTEMS.keys() == {*KINDS}


def test_every_kind_says_what_it_was_tried_against(system: TelephonySystem) -> None:
    assert find_tried(system.adapter.name) == system.adapter.tried
