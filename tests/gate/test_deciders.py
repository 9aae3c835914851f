"""Who decides beside the process that listens: groups, and what becomes of one that ends."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from releve.gate import deciders as module
from releve.gate.answering import asked_line, asked_of, replies_line, replies_of
from releve.gate.asking import Question, Reply, allow, no_answer
from releve.gate.deciders import MOST_TOGETHER, Deciders
from releve.gate.deciding import Asked
from tests.gate.making import beside, question


class Slow:
    """Decides nothing, and not before it may."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.begun, self.may = threading.Event(), threading.Event()

    def warm_up(self) -> None:
        """Nothing is cold."""

    def answer(self, group: Sequence[Asked]) -> list[Reply]:
        self.groups.append(len(group))
        self.begun.set()
        self.may.wait(30)
        return [no_answer("GATE-LATE")] * len(group)

    def close(self) -> None:
        """Nothing is open."""


class Endings:
    """Deciders that end: each at its own group, the last one never."""

    def __init__(self, *at: int) -> None:
        self.at, self.started = list(at), 0

    def __call__(self, asking: socket.socket) -> Callable[[], None]:
        last = self.at[self.started] if self.started < len(self.at) else None
        self.started += 1
        threading.Thread(target=self._work, args=(asking, last), daemon=True).start()
        return lambda: None

    def _work(self, asking: socket.socket, last: int | None) -> None:
        with asking, asking.makefile("rb") as groups:
            if last == 0:
                return
            asking.sendall(replies_line([]))
            for number, line in enumerate(groups, 1):
                if number == last:
                    return
                told = [allow(one.question.ref) for one in asked_of(line)]
                asking.sendall(replies_line(told))


def decided(start: Any, ask: Callable[[Deciders], Awaitable[list[Reply]]]) -> list[Reply]:
    """Return what one decider, and those after it, told."""

    async def work() -> list[Reply]:
        deciders = Deciders(start, 1)
        try:
            await asyncio.wait_for(deciders.start(), 30)
            return await asyncio.wait_for(ask(deciders), 30)
        finally:
            deciders.close()

    return asyncio.run(work())


async def occupied(deciders: Deciders, slow: Slow) -> asyncio.Future[Reply]:
    """Give a decider a first question, which it does not answer yet; return the reply to come."""
    first = deciders.ask(question(1, "first"), 0)
    await asyncio.to_thread(slow.begun.wait, 30)
    return first


def test_who_comes_while_a_group_is_decided_is_the_next_group() -> None:
    slow = Slow()
    made: Any = lambda: slow  # noqa: E731

    async def ask(deciders: Deciders) -> list[Reply]:
        first = await occupied(deciders, slow)
        rest = [deciders.ask(question(1, f"c{n}"), 0) for n in range(MOST_TOGETHER + 3)]
        slow.may.set()
        return list(await asyncio.gather(first, *rest))

    assert len(decided(beside(made), ask)) == MOST_TOGETHER + 4
    assert slow.groups == [1, MOST_TOGETHER, 3]


def test_whoever_has_been_told_already_is_not_asked_about() -> None:
    slow = Slow()
    made: Any = lambda: slow  # noqa: E731

    async def ask(deciders: Deciders) -> list[Reply]:
        first = await occupied(deciders, slow)
        late, other = (deciders.ask(question(1, f"c{n}"), 0) for n in range(2))
        late.set_result(no_answer("GATE-LATE"))
        slow.may.set()
        return [await first, await other]

    assert len(decided(beside(made), ask)) == 2
    assert slow.groups == [1, 1]


def test_what_was_being_decided_is_refused_when_a_decider_ends_and_another_takes_over() -> None:
    endings = Endings(2)

    async def ask(deciders: Deciders) -> list[Reply]:
        return [await deciders.ask(question(1, f"c{n}"), 0) for n in range(4)]

    assert [reply.reasons or reply.text for reply in decided(endings, ask)] == [
        "allow c0/1\n", "GATE-FAULT", "allow c2/1\n", "allow c3/1\n",
    ]  # fmt: skip
    assert endings.started == 2


def test_one_that_does_not_begin_is_tried_again_and_who_asks_meanwhile_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.1)
    endings, begun = Endings(0, 0), time.monotonic()

    async def ask(deciders: Deciders) -> list[Reply]:
        return [await deciders.ask(question(1, "c"), 0)]

    assert decided(endings, ask) == [allow("c/1")]
    assert endings.started == 3
    assert time.monotonic() - begun > 0.15, "not at once"


def test_one_that_cannot_be_started_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.05)
    endings, failing = Endings(), [True, True]

    def start(asking: socket.socket) -> Callable[[], None]:
        if failing:
            failing.pop()
            asking.close()
            raise BlockingIOError("no process left")
        return endings(asking)

    async def ask(deciders: Deciders) -> list[Reply]:
        return [await deciders.ask(question(1, "c"), 0)]

    assert decided(start, ask) == [allow("c/1")]
    assert caplog.text.count("cannot be started") == 2


def test_one_that_hangs_is_ended_and_another_takes_over(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(module, "_HANGS_SECONDS", 0.3)
    slow, endings, ended = Slow(), Endings(), list[str]()
    made: Any = lambda: slow  # noqa: E731

    def start(asking: socket.socket) -> Callable[[], None]:
        if slow.begun.is_set():
            return endings(asking)
        beside(made)(asking)
        return lambda: ended.append("the first")

    async def ask(deciders: Deciders) -> list[Reply]:
        return [await deciders.ask(question(1, f"c{n}"), 0) for n in range(3)]

    told = decided(start, ask)
    slow.may.set()
    assert [reply.reasons or reply.text for reply in told] == [
        "GATE-FAULT", "allow c1/1\n", "allow c2/1\n",
    ]  # fmt: skip
    assert ended == ["the first"]
    assert "does not answer any more" in caplog.text


def test_one_that_waits_for_questions_does_not_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(module, "_HANGS_SECONDS", 0.1)
    endings = Endings()

    async def ask(deciders: Deciders) -> list[Reply]:
        first = await deciders.ask(question(1, "c0"), 0)
        await asyncio.sleep(0.4)
        return [first, await deciders.ask(question(1, "c1"), 0)]

    assert decided(endings, ask) == [allow("c0/1"), allow("c1/1")]
    assert endings.started == 1


def test_one_that_never_begins_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.05)
    monkeypatch.setattr(module, "_BEGINS_SECONDS", 0.2)
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.05)
    endings, kept = Endings(), list[socket.socket]()

    def start(asking: socket.socket) -> Callable[[], None]:
        if kept:
            return endings(asking)
        kept.append(asking)
        return asking.close

    async def ask(deciders: Deciders) -> list[Reply]:
        return [await deciders.ask(question(1, "c"), 0)]

    assert decided(start, ask) == [allow("c/1")]
    assert endings.started == 1


def test_who_has_waited_in_vain_is_not_kept() -> None:
    slow = Slow()
    made: Any = lambda: slow  # noqa: E731

    async def ask(deciders: Deciders) -> list[Reply]:
        first = await occupied(deciders, slow)
        for number in range(1000):
            deciders.ask(question(1, f"c{number}"), 0).set_result(no_answer("GATE-LATE"))
        assert len(deciders._waiting) <= 1
        slow.may.set()
        return [await first]

    assert len(decided(beside(made), ask)) == 1


def test_none_is_started_after_the_gate_has_closed() -> None:
    endings = Endings(1)

    async def ask(deciders: Deciders) -> list[Reply]:
        waiting = deciders.ask(question(1, "c"), 0)
        deciders.close()
        await asyncio.sleep(0.05)
        return [await waiting]

    assert [reply.reasons for reply in decided(endings, ask)] == ["GATE-FAULT"]
    assert endings.started == 1


def test_a_group_and_its_replies_are_lines() -> None:
    asked = [
        Asked(
            Question("+33144556677", "été\u2028", 'a\n\\"b', 7, "", "Zoë \U0001f600", "x"), 12.25
        ),
        Asked(question(1, "c"), 1e9 + 0.1),
    ]
    line = asked_line(asked)
    assert line.count(b"\n") == 1
    assert asked_of(line) == asked
    told = [allow("c/1"), no_answer("GATE-LATE")]
    assert replies_of(replies_line(told)) == told


def test_the_largest_group_is_sent_without_waiting() -> None:
    """Fields as long as they may be, of characters that take most bytes."""
    wide = "\U0001f600"
    one = Question(40 * wide, 128 * wide, 255 * "c", 1, 40 * wide, 255 * wide, 64 * wide)
    line = asked_line([Asked(one, 0.0)] * MOST_TOGETHER)
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        here.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, module._MOST_BYTES)
        here.sendall(line)
        assert len(line) < module._MOST_BYTES
