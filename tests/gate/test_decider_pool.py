"""The pool of deciders: how questions are grouped, and groups whose decider fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

import pytest

from releve.plugins.outbound.gate import decider as module
from releve.plugins.outbound.gate.decider import MAX_GROUP_SIZE, Decider, DeciderPool
from releve.plugins.outbound.gate.decision import PendingQuestion
from releve.plugins.outbound.gate.protocol import Reply, allow_call, refuse_unjudged
from tests.gate.sample_campaign import question


@pytest.fixture(autouse=True, params=["at once", "in the next turn"])
def _begun(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python 3.11 begins no task when it is made."""
    if request.param != "at once":
        monkeypatch.setattr(module, "_AT_ONCE", {})


class Slow:
    """Allows all that it is asked, and not before it may."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.begun, self.may = asyncio.Event(), asyncio.Event()
        self.warm = self.closed = False

    async def warm_up(self) -> None:
        self.warm = True

    async def answer(self, group: Sequence[PendingQuestion]) -> list[Reply]:
        self.groups.append(len(group))
        self.begun.set()
        await self.may.wait()
        return [allow_call(one.question.ref) for one in group]

    def close(self) -> None:
        self.closed = True


def collect_replies(ask: Callable[[DeciderPool], Awaitable[list[Reply]]], *each: Any) -> list[Reply]:
    """Return the replies of some deciders."""

    async def work() -> list[Reply]:
        deciders = DeciderPool(cast("Sequence[Decider]", each))
        await deciders.start()
        try:
            return await asyncio.wait_for(ask(deciders), 30)
        finally:
            deciders.close()

    return asyncio.run(work())


def enqueue(deciders: DeciderPool, count: int, name: str = "c") -> list[asyncio.Future[Reply]]:
    """Ask so many questions."""
    return [deciders.ask(question(1, f"{name}{n}"), 0) for n in range(count)]


def test_who_comes_while_a_group_is_decided_is_the_next_group() -> None:
    slow = Slow()

    async def ask(deciders: DeciderPool) -> list[Reply]:
        first = enqueue(deciders, 1, "first")
        await slow.begun.wait()
        rest = enqueue(deciders, MAX_GROUP_SIZE + 3)
        slow.may.set()
        return list(await asyncio.gather(*first, *rest))

    answers = collect_replies(ask, slow)
    names = ["first0", *(f"c{n}" for n in range(MAX_GROUP_SIZE + 3))]
    assert answers == [allow_call(f"{name}/1") for name in names]
    assert slow.groups == [1, MAX_GROUP_SIZE, 3]
    assert slow.warm
    assert slow.closed


def test_who_comes_in_the_same_moment_is_one_group() -> None:
    slow = Slow()

    async def ask(deciders: DeciderPool) -> list[Reply]:
        slow.may.set()
        return list(await asyncio.gather(*enqueue(deciders, 5)))

    assert len(collect_replies(ask, slow)) == 5
    assert slow.groups == [5]


def test_another_decides_while_one_is_waiting() -> None:
    slow, other = Slow(), Slow()

    async def ask(deciders: DeciderPool) -> list[Reply]:
        waiting = enqueue(deciders, 1, "first")
        await asyncio.wait([asyncio.create_task(one.begun.wait()) for one in (slow, other)],
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        (free,) = (one for one in (slow, other) if not one.begun.is_set())
        free.may.set()
        answers = [await one for one in enqueue(deciders, 3)]
        for one in (slow, other):
            one.may.set()
        return [*answers, await waiting[0]]

    assert [reply.text for reply in collect_replies(ask, slow, other)] == [
        "allow c0/1\n", "allow c1/1\n", "allow c2/1\n", "allow first0/1\n",
    ]  # fmt: skip
    assert sorted([slow.groups, other.groups]) == [[1], [3]]


def test_a_question_already_answered_is_not_asked_again() -> None:
    slow = Slow()

    async def ask(deciders: DeciderPool) -> list[Reply]:
        first = enqueue(deciders, 1)
        await slow.begun.wait()
        late, other = enqueue(deciders, 2)
        late.set_result(refuse_unjudged("GATE-LATE"))
        slow.may.set()
        return [await first[0], await other]

    assert len(collect_replies(ask, slow)) == 2
    assert slow.groups == [1, 1]


def test_who_has_waited_in_vain_is_not_kept() -> None:
    slow = Slow()

    async def ask(deciders: DeciderPool) -> list[Reply]:
        first = enqueue(deciders, 1)
        await slow.begun.wait()
        for _ in range(1000):
            enqueue(deciders, 1)[0].set_result(refuse_unjudged("GATE-LATE"))
        assert len(deciders._waiting) <= 1
        slow.may.set()
        return [await first[0]]

    assert len(collect_replies(ask, slow)) == 1


def test_what_was_being_decided_is_refused_when_it_is_broken_off(caplog: pytest.LogCaptureFixture) -> None:
    slow = Slow()

    async def ask(deciders: DeciderPool) -> list[Reply]:
        first = enqueue(deciders, 1)
        await slow.begun.wait()
        for task in deciders._tasks:
            task.cancel()
        answers = [await first[0]]
        slow.may.set()
        return [*answers, *await asyncio.gather(*enqueue(deciders, 1, "after"))]

    assert collect_replies(ask, slow) == [refuse_unjudged("GATE-FAULT"), allow_call("after0/1")]
    assert not caplog.records
