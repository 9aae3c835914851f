"""The queue of effects: each claimed by one worker at a time, retried, done once.

An effect is queued in the transaction of its cause. A worker claims it by a conditional
``update()`` and holds it until its lease ends; after a kill another worker repeats it with the same
key. The transaction that stores its result marks it done, only for the worker that still holds it,
so no result is stored twice. A failed effect is retried after a growing, random wait; one that
fails too often is set aside, where people see it.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import F, Min, Q

from releve.errors import ReleveError
from releve.files.change_signal import announce_change
from releve.ledger import chain as ledger
from releve.live.clock import now, real_now
from releve.live.errors import LiveError, NoSuch
from releve.live.models import Effect, Message
from releve.routing import EmptySet, Rejected, Unreachable

DECIDE, OUTSIDE = "decide", "outside"
"""Lanes: effects computed here, and effects that wait for an external system."""
MOST_ATTEMPTS = 6
LONGEST_WAIT_SECONDS = 60.0
PATIENCE = timedelta(hours=24)
"""How long a system that does not answer is tried before its effect is set aside."""
LATE_AFTER = 3
_SKEW = timedelta(minutes=1)
"""Most by which the clocks of two hosts may differ."""


class LostLease(ReleveError):  # noqa: N818
    """The effect was taken over by another worker meanwhile: nothing of this one is stored."""


@dataclass(frozen=True, slots=True)
class NewEffect:
    """An effect to queue; ``key`` is unique for ever."""

    stream: str
    lane: str
    kind: str
    key: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class EffectOutcome:
    """The outcome of an effect: its result, its ledger entries, the effects it causes, and a
    function that stores the rest with them."""

    result: Mapping[str, Any] = field(default_factory=dict)
    entries: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    effects: tuple[NewEffect, ...] = ()
    store: Callable[[], None] = lambda: None


def read_lease() -> timedelta:
    """Return how long a claim holds: ``RELEVE_LEASE_SECONDS``, 30 when not set."""
    return timedelta(seconds=float(os.environ.get("RELEVE_LEASE_SECONDS", "30")))


def queue_effects(todos: Iterable[NewEffect]) -> None:
    """Queue effects inside the caller's transaction; a key that was queued before is left alone."""
    at = real_now()
    rows = [
        Effect(
            stream=todo.stream, lane=todo.lane, kind=todo.kind, key=todo.key,
            body=dict(todo.body), made_at=at, next_at=at,
        )
        for todo in todos
    ]  # fmt: skip
    if rows:
        Effect.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
        announce_change()


def claim_effect(lanes: Iterable[str], worker: str) -> Effect | None:
    """Claim the effect that has waited longest; None when nothing is due."""
    at = real_now()
    rows = Effect.objects.filter(_is_due(at), lane__in=list(lanes)).order_by("next_at", "pk")
    for pk in rows.values_list("pk", flat=True)[:5]:
        found = claim_effect_by_id(pk, worker)
        if found is not None:
            return found
    return None


def claim_effect_by_id(pk: int, worker: str) -> Effect | None:
    """Claim one effect if it is due and no worker holds it."""
    at = real_now()
    with transaction.atomic():  # which waits in turn, see releve.files.sqlite3
        taken = Effect.objects.filter(_is_due(at), pk=pk).update(
            state=Effect.CLAIMED, claimed_by=worker, claimed_until=at + read_lease(), attempts=F("attempts") + 1
        )
    return Effect.objects.get(pk=pk) if taken else None


def find_next_due(lanes: Iterable[str]) -> datetime | None:
    """Return when the next effect of some lanes is due, or the next lease ends; None: nothing waits."""
    rows = Effect.objects.filter(lane__in=list(lanes), state__in=(Effect.QUEUED, Effect.CLAIMED))
    found = rows.aggregate(
        queued=Min("next_at", filter=Q(state=Effect.QUEUED)), lost=Min("claimed_until", filter=Q(state=Effect.CLAIMED))
    )
    return min((moment for moment in found.values() if moment is not None), default=None)


def _is_due(at: datetime) -> Q:
    """Select effects whose time has come, or whose lease has ended.

    A time beyond any wait or lease was written by a clock that was ahead, and set back since: it
    is not waited for.
    """
    odd = at + timedelta(seconds=LONGEST_WAIT_SECONDS) + _SKEW
    over = at + read_lease() + _SKEW
    return Q(state=Effect.QUEUED) & (Q(next_at__lte=at) | Q(next_at__gt=odd)) | Q(state=Effect.CLAIMED) & (
        Q(claimed_until__lt=at) | Q(claimed_until__gt=over)
    )


def settle_effect(effect: Effect, outcome: EffectOutcome) -> None:
    """Store an effect's result and mark it done, in one transaction.

    :class:`LostLease` when another worker holds it by now; then nothing is stored.
    """
    with transaction.atomic():
        ledger.lock_head()
        done = _filter_held(effect).update(state=Effect.DONE, done_at=real_now(), result=dict(outcome.result), error="")
        if not done:
            raise LostLease(effect.key)
        outcome.store()
        append_entries(effect.stream, outcome.entries)
        queue_effects(outcome.effects)


def append_entries(stream: str, entries: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Append (kind, body) entries at a stream's time, inside the caller's transaction."""
    at = now(stream)
    ledger.append_all([ledger.Draft(kind, body, at, stream=stream) for kind, body in entries])


def still_held(effect: Effect) -> bool:
    """Return whether the worker that claimed an effect still holds it, and renew its lease."""
    return bool(_filter_held(effect).update(claimed_until=real_now() + read_lease()))


def fail_effect(
    effect: Effect,
    error: Exception,
    *,
    patient: bool,
    hopeless: bool,
    then: Callable[[Effect], None] = lambda effect: None,
) -> bool:
    """Queue an effect again, later, or set it aside; return whether it was set aside.

    ``patient``: an external system does not answer, which may last; ``hopeless``: every further
    attempt would fail too; ``then`` stores the consequences of setting it aside, in the same
    transaction.
    """
    path = getattr(error, "path", "") or ("telephony" if isinstance(error, Unreachable) else "")
    enough = effect.attempts >= MOST_ATTEMPTS
    if patient:
        enough = real_now() - effect.made_at > PATIENCE
    gone = hopeless or enough
    with transaction.atomic():
        if gone:
            ledger.lock_head()
        changed = _filter_held(effect).update(
            state=Effect.ASIDE if gone else Effect.QUEUED,
            next_at=real_now() + _draw_wait(effect.attempts),
            error=f"{type(error).__name__}: {error}"[:300],
            result={"path": path} if path else {},
        )
        if path and effect.attempts == 1:
            announce_change()  # those who rest look at what fails
        if changed and gone:
            body = {"effect": effect.pk, "kind": effect.kind, "attempts": effect.attempts}
            ledger.append("effect.aside", body, recorded_at=now(effect.stream), stream=effect.stream)
            then(effect)
    return bool(changed and gone)


def _filter_held(effect: Effect) -> Any:
    return Effect.objects.filter(
        pk=effect.pk, state=Effect.CLAIMED, claimed_by=effect.claimed_by, attempts=effect.attempts
    )


def _draw_wait(attempts: int) -> timedelta:
    """Return 0.5, 1, 2, 4 … seconds, up to a minute, half of it by chance."""
    longest = min(LONGEST_WAIT_SECONDS, 0.5 * 2.0 ** min(attempts - 1, 10))
    return timedelta(seconds=longest * (0.5 + random.random() / 2))


def list_effects_aside(stream: str | None = None) -> list[Effect]:
    """Return the effects set aside, the newest first; of every stream by default."""
    rows = Effect.objects.filter(state=Effect.ASIDE).order_by("-pk")
    return list(rows if stream is None else rows.filter(stream=stream))


def list_late_effects(stream: str | None = None) -> list[Effect]:
    """Return the effects that failed a few times and are still tried."""
    rows = Effect.objects.filter(state__in=(Effect.QUEUED, Effect.CLAIMED), attempts__gte=LATE_AFTER)
    return list(rows if stream is None else rows.filter(stream=stream))


def list_troubled_effects(stream: str) -> tuple[list[Effect], list[Effect]]:
    """Return the effects of a stream that were set aside and those that are late, by one query."""
    late = Q(state__in=(Effect.QUEUED, Effect.CLAIMED), attempts__gte=LATE_AFTER)
    rows = list(Effect.objects.filter(Q(state=Effect.ASIDE) | late, stream=stream).order_by("-pk"))
    return [row for row in rows if row.state == Effect.ASIDE], [row for row in rows if row.state != Effect.ASIDE]


def count_waiting_effects(stream: str | None = None) -> int:
    """Return how many effects are queued or running."""
    rows = Effect.objects.filter(state__in=(Effect.QUEUED, Effect.CLAIMED))
    return (rows if stream is None else rows.filter(stream=stream)).count()


def find_effect_site(pk: int) -> str:
    """Return the site that an effect is about; empty where it concerns several or is not known.

    Only a message to people of one site does; reliefs and routes concern every site.
    """
    found = Effect.objects.filter(pk=pk, kind="send").first()
    if found is None:
        return ""
    site = Message.objects.filter(pk=found.body["message"]).values_list("site", flat=True).first()
    return site or ""


def retry_effect(pk: int, *, by: str) -> None:
    """Queue an effect that was set aside, from the first attempt, and record the requester."""
    with transaction.atomic():
        ledger.lock_head()
        found = Effect.objects.filter(pk=pk, state=Effect.ASIDE).first()
        if found is None:
            raise NoSuch(f"no effect {pk} is set aside")
        Effect.objects.filter(pk=pk).update(
            state=Effect.QUEUED, attempts=0, made_at=real_now(), next_at=real_now(), error="",
            body={**found.body, "released": True},
        )  # fmt: skip
        body = {"effect": pk, "kind": found.kind, "by": by}
        ledger.append("effect.retried", body, recorded_at=now(found.stream), stream=found.stream)


Handler = Callable[[Effect], EffectOutcome]

_handlers: dict[str, Handler] = {}
_on_aside: dict[str, Callable[[Effect], None]] = {}
_log = logging.getLogger("releve.live")


class RetryLater(LiveError):  # noqa: N818
    """An external system does not answer: the effect is tried again until it does, for a day.

    ``path`` is the way out of the house that fails; empty: one address of it.
    """

    def __init__(self, said: str, *, path: str = "") -> None:
        super().__init__(said)
        self.path = path


class PermanentFailure(LiveError):  # noqa: N818
    """A failure that every further attempt would repeat."""


def register_handler(kind: str) -> Callable[[Handler], Handler]:
    """Register a function as the handler of a kind of effect.

    The handler calls the external system first, with the effect's key, and returns what to store.
    """

    def register(handler: Handler) -> Handler:
        _handlers[kind] = handler
        return handler

    return register


def register_aside_hook(kind: str) -> Callable[[Callable[[Effect], None]], Callable[[Effect], None]]:
    """Register a function to call when an effect of a kind is set aside.

    It runs in the transaction that sets the effect aside, so that a crash undoes both or neither.
    """

    def register(called: Callable[[Effect], None]) -> Callable[[Effect], None]:
        _on_aside[kind] = called
        return called

    return register


def run_effect(effect: Effect) -> None:
    """Run a claimed effect. An error is stored with it, never raised: the next one runs."""
    try:
        outcome = _handlers[effect.kind](effect)
        settle_effect(effect, outcome)
    except LostLease:
        _log.warning("%s was taken over by another worker", effect.key)
    except (RetryLater, Unreachable, OperationalError) as error:
        _handle_failure(effect, error, patient=True)
    except (PermanentFailure, Rejected, EmptySet) as error:
        _handle_failure(effect, error, hopeless=True)
    except Exception as error:  # whatever it is, it is shown, and nothing stops
        _log.exception("%s failed", effect.key)
        _handle_failure(effect, error)


def _handle_failure(effect: Effect, error: Exception, *, patient: bool = False, hopeless: bool = False) -> None:
    then = _on_aside.get(effect.kind, lambda effect: None)
    try:
        fail_effect(effect, error, patient=patient, hopeless=hopeless, then=then)
    except OperationalError:
        _log.warning("%s: the database is busy; the effect comes back with its lease", effect.key)


def run_effects_now(keys: Iterable[str], worker: str) -> None:
    """Run effects that were just queued ahead of their turn, unless a worker has claimed them."""
    for pk in Effect.objects.filter(key__in=list(keys)).values_list("pk", flat=True):
        found = claim_effect_by_id(pk, worker)
        if found is not None:
            run_effect(found)
