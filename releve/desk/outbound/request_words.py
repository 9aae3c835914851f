"""What is said on the phone and what is wrong with it, in the words of the desk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

SAYINGS: Mapping[str, StrPromise] = {
    "stop": lazy("“Stop calling me”"),
    "refusal": lazy("Refuses the offer"),
    "not-interested": lazy("Not interested"),
    "not-now": lazy("Not now"),
    "outcome": lazy("Outcome of the call"),
}
OUTCOMES: Mapping[str, StrPromise] = {
    "conversation": lazy("Conversation"),
    "answered": pgettext_lazy("outcome of a call", "Answered"),
    "voicemail": lazy("Voicemail"),
    "no-answer": lazy("No answer"),
    "busy": pgettext_lazy("outcome of a call", "Busy"),
    "declined": pgettext_lazy("outcome of a call", "Declined"),
    "cancelled": pgettext_lazy("outcome of a call", "Cancelled"),
    "abandoned": lazy("Abandoned: no agent was free"),
    "unallocated": lazy("Number not in service"),
    "failed": pgettext_lazy("outcome of a call", "Failed"),
}
_INSTANT = lazy("Write the instant with its offset from UTC, like 2026-11-24T10:30:00+01:00.")
FAULTS: Mapping[str, StrPromise] = {
    "key.missing": lazy("A key of 1 to 128 characters is needed."),
    "number.unreadable": lazy(
        "This is not a telephone number: write it like 01 44 55 66 77 or +33 1 44 55 66 77."
    ),
    "said.unknown": lazy(
        "This word is not known: write stop, refusal, not-interested, not-now or outcome."
    ),
    "client.unknown": lazy("No campaign is recorded for a client of this name."),
    "client.elsewhere": lazy("Your role is not held for this client."),
    "at.no-offset": _INSTANT,
    "at.unreadable": _INSTANT,
    "at.future": lazy("This instant lies in the future."),
    "channel.unfit": lazy("At most 64 printable characters."),
    "outcome.unknown": lazy("Choose the outcome of the call, and only for an outcome."),
    "call.unfit": lazy("A call is named for an outcome only, by at most 300 characters."),
    "call.unknown": lazy("No call to this number was placed for this client in the last 24 hours."),
    "key.reused": lazy("This key recorded something else before; take another one."),
    "gate.key": lazy(
        "The key of the pseudonyms is missing, or is not the one of the database: nothing was"
        " recorded. Tell an administrator."
    ),
    "row.unreadable": lazy("The row does not have the columns of the first line."),
    "columns.missing": lazy("The first line lacks a column that is needed."),
    "columns.unknown": lazy("The first line holds a column that is not known."),
}
"""By the codes of ``releve.gate.person_requests`` and ``releve.gate.request_feeds``."""
