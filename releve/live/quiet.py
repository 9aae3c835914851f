"""Whether the live chain rests: then its worker waits for a change or for the next full minute.

A stream rests while nothing in it goes on: no drill, loss, alert, switch or failing path, no message that awaits an
answer or its time. What is due by the clock alone falls on full minutes then (shifts, breaks, days),
or follows from the situation (an absence begins or ends, a rule's time is over), which costs no query to ask
each second. Whatever else comes, comes by a change in the database, which is announced.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from releve.live.clock import LIVE, real_now
from releve.live.current_rules import select_rules
from releve.live.drills import list_running_streams
from releve.live.lost_places import find_loss, list_absences
from releve.live.models import Alert, Message, Routes
from releve.live.outside import is_journal_waiting
from releve.live.path_faults import filter_failing
from releve.live.plans import operator_now
from releve.live.situation_cache import situation_now
from releve.network import Operator
from releve.registry import storage as registry
from releve.situation import Situation, SituationRules, derive_events


@dataclass(frozen=True)
class Rest:
    """A live stream that rests, as of a count of changes and a full minute.

    ``known`` is None without data; ``turns_at`` is when the next absence begins or ends.
    """

    changes: int
    minute: int
    known: tuple[Situation, Operator, SituationRules] | None = None
    turns_at: datetime | None = None

    def is_over(self, changes: int, at: datetime) -> bool:
        """Return whether something may be due: by no query."""
        if changes != self.changes or find_minute(at) != self.minute:
            return True
        if self.turns_at is not None and at >= self.turns_at:
            return True
        return self.known is not None and bool(find_loss(self.known[0], at) or derive_events(*self.known, at))


def find_minute(at: datetime) -> int:
    return int(at.timestamp() // 60)


def find_rest(changes: int, at: datetime) -> Rest | None:
    """Return the rest of the live stream, after what was due at ``at`` is done; None: something goes on.

    ``changes`` is their count before that, so that what was changed meanwhile ends the rest.
    """
    if is_journal_waiting() or filter_failing().exists():
        return None
    if registry.get_current_version() is None:
        return Rest(changes, find_minute(at))
    if list_running_streams() != (LIVE,) or Alert.objects.filter(stream=LIVE, ended_at=None).exists():
        return None
    held_until = Routes.objects.filter(stream=LIVE).values_list("held_until", flat=True).first()
    if (held_until is not None and held_until > real_now()) or _list_open_messages(at).exists():
        return None
    operator, situation = operator_now(), situation_now(LIVE)
    if find_loss(situation, at):
        return None
    times = (moment for rows in list_absences(situation, operator, at).values() for row in rows for moment in row)
    turns_at = min((moment for moment in times if moment is not None and moment > at), default=None)
    return Rest(changes, find_minute(at), (situation, operator, select_rules(situation)), turns_at)


def _list_open_messages(at: datetime) -> QuerySet[Message]:
    """Return the messages that the clock may move: unanswered, held, or with news that were promised."""
    ahead, unanswered = Q(over_at=None) | Q(over_at__gt=at), Q(acknowledged_at=None)
    asked = Q(role="agent", replaced=False) & unanswered & ahead
    escalated = Q(due_at__isnull=False, exhausted=False, absent=False) & unanswered & ahead
    waits = Q(held=Message.FOR_LEAD) | Q(held=Message.DRAFT, release_at__isnull=False, replaced=False)
    promised = Q(role="client", replaced=False, held="", about__has_key="next")
    return Message.objects.filter(asked | escalated | waits | promised, stream=LIVE)
