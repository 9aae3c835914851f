"""The own shifts in an agent's calendar, by a secret link that the agent makes on the page of a message."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta

from django.db import transaction

from releve.files.plan_folder import build_calendars
from releve.ledger import chain as ledger
from releve.live.clock import LIVE, now, real_now
from releve.live.errors import NoSuch
from releve.live.models import Message, ShiftLink
from releve.live.plans import list_days_in_force, operator_now
from releve.live.rota import digest_secret
from releve.live.stream_state import list_placed

_BEFORE, _AHEAD = timedelta(days=1), timedelta(days=14)
_EMPTY = b"BEGIN:VCALENDAR\r\nPRODID:-//Releve//plan//EN\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"


def make_shift_link(token: str) -> str:
    """Return the secret of the new link of the agent whose message's link is shown; the one before opens nothing.

    :class:`NoSuch` where no message to an agent is behind it.
    """
    secret = secrets.token_urlsafe(32)
    values = {"digest": digest_secret(secret), "made_at": real_now()}
    with transaction.atomic():
        ledger.lock_head()
        ShiftLink.objects.update_or_create(agent=_find_agent(token), defaults=values)
    return secret


def end_shift_link(token: str) -> None:
    """End the link of the agent whose message's link is shown, if there is one."""
    with transaction.atomic():
        ledger.lock_head()
        ShiftLink.objects.filter(agent=_find_agent(token)).delete()


def _find_agent(token: str) -> str:
    row = Message.objects.filter(token=token, role="agent", stream=LIVE).exclude(about={}).first()
    if row is None or row.who not in operator_now().agent:
        raise NoSuch("no agent has this message")
    return row.who


def find_shift_agent(secret: str) -> str:
    """Return the agent whose shifts a secret link opens; empty: of none who still works here."""
    found = ShiftLink.objects.filter(digest=digest_secret(secret)).values_list("agent", flat=True).first()
    return found if found is not None and found in operator_now().agent else ""


def build_shift_calendar(agent: str) -> bytes:
    """Return an agent's shifts from yesterday to two weeks ahead as iCalendar, by the plans and reliefs in force."""
    at = now(LIVE)
    days = list_days_in_force((at - _BEFORE).date(), (at + _AHEAD).date()).values()
    placed = ((found, [row for row in list_placed(found) if row.agent == agent]) for found in days)
    plans = [replace(found.load().plan, placements=tuple(rows)) for found, rows in placed]
    return next((data for _agent, data in build_calendars(plans, at)), _EMPTY)
