"""Run one effect: call its handler, and retry or set aside on an error."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from django.db import OperationalError

from releve.live.effect_queue import (
    EffectOutcome,
    LostLease,
    claim_effect_by_id,
    fail_effect,
    settle_effect,
)
from releve.live.errors import LiveError
from releve.live.models import Effect
from releve.routing import EmptySet, Rejected, Unreachable

__all__ = [
    "PermanentFailure",
    "RetryLater",
    "register_aside_hook",
    "register_handler",
    "run_effect",
    "run_effects_now",
]

Handler = Callable[[Effect], EffectOutcome]

_handlers: dict[str, Handler] = {}
_on_aside: dict[str, Callable[[Effect], None]] = {}
_log = logging.getLogger("releve.live")


class RetryLater(LiveError):  # noqa: N818
    """An external system does not answer: the effect is tried again until it does, for a day."""


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


def register_aside_hook(
    kind: str,
) -> Callable[[Callable[[Effect], None]], Callable[[Effect], None]]:
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


def _handle_failure(
    effect: Effect, error: Exception, *, patient: bool = False, hopeless: bool = False
) -> None:
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
