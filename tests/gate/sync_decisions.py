"""Run the coroutines of the gate to their end from tests without an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from releve.plugins.outbound.engine import LegalRules
from releve.plugins.outbound.gate import decision
from releve.plugins.outbound.gate.campaign_cache import CampaignCache
from releve.plugins.outbound.gate.connections import GateConnection
from releve.plugins.outbound.gate.decider import Decider
from releve.plugins.outbound.gate.decision import PendingQuestion
from releve.plugins.outbound.gate.protocol import Question, Reply
from tests.gate.django_store import DjangoStore

Result = TypeVar("Result")


class _Loop:
    """An event loop of one thread, closed when the thread has ended."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()

    def __del__(self) -> None:
        self.runner.close()


_own = threading.local()


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run something in the event loop of this thread, always the same."""
    if not hasattr(_own, "loop"):
        _own.loop = _Loop()
    result: Result = _own.loop.runner.run(work)
    return result


def run_without_loop(work: Coroutine[Any, Any, Result]) -> Result:
    """Run what waits for nothing; Django's connection is refused within a loop."""
    try:
        work.send(None)
    except StopIteration as done:
        result: Result = done.value
        return result
    raise AssertionError("it waits for something")


def decide_all(
    store: GateConnection, asked: Sequence[PendingQuestion], rules: LegalRules, cache: CampaignCache | None = None
) -> list[Reply]:
    """Answer questions in one transaction."""
    work = decision.decide_group(store, asked, rules, cache or CampaignCache())
    return run_without_loop(work) if isinstance(store, DjangoStore) else run(work)


def decide(
    store: GateConnection, question: Question, rules: LegalRules, deadline: float, cache: CampaignCache | None = None
) -> Reply:
    """Answer a question."""
    (reply,) = decide_all(store, [PendingQuestion(question, deadline)], rules, cache)
    return reply


def answer_group(decider: Decider, *asked: PendingQuestion) -> list[Reply]:
    """Ask a decider about a group."""
    return run(decider.answer(asked))


def build_decider(
    law: Callable[[], LegalRules],
    opened: Callable[[float], GateConnection],
    seconds: float = 5,
    check: Callable[[], None] = lambda: None,
) -> Decider:
    """A decider whose law waits for nothing."""
    return Decider(_without_waiting(law), opened, seconds, check)


def _without_waiting(law: Callable[[], LegalRules]) -> Callable[[], Awaitable[LegalRules]]:
    async def load_nothing() -> LegalRules:
        return law()

    return load_nothing
