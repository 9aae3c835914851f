"""What the codes of outbound calls are called: of the rules, of facts, of what is said."""

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
    "reason.short": lazy("Say why, in ten characters or more."),
    "person.several": lazy("Several people hold this number: name the one who asks by their id."),
    "person.elsewhere": lazy("No person of this id is known to hold the number."),
    "row.unreadable": lazy("The row does not have the columns of the first line."),
    "columns.missing": lazy("The first line lacks a column that is needed."),
    "columns.unknown": lazy("The first line holds a column that is not known."),
}
"""By the codes of the gate's modules ``person_requests``, ``person_rights``, ``request_feeds``."""
GATES: Mapping[str, StrPromise] = {
    "H": lazy("Law"),
    "P": lazy("Policy"),
    "I": lazy("Duty during the call"),
    "N": lazy("Note"),
}
JURISDICTIONS: Mapping[str, StrPromise] = {
    "FR": lazy("France"),
    "BE": lazy("Belgium"),
    "ES": lazy("Spain"),
    "IT": lazy("Italy"),
    "ANY": lazy("Any country"),
}
SURENESS: Mapping[str, StrPromise] = {
    "P": lazy("primary text seen"),
    "Pq": lazy("primary text quoted by a third party"),
    "S2": lazy("two secondary sources"),
    "S": lazy("one secondary source"),
    "M": lazy("from memory only"),
    "I": lazy("interpretation"),
}
COLUMNS: Mapping[str, StrPromise] = {
    "act": lazy("positive act"),
    "basis": lazy("basis of the call"),
    "channel": pgettext_lazy("column", "channel"),
    "client": pgettext_lazy("column", "client"),
    "collector": lazy("collected by"),
    "consent": pgettext_lazy("column", "consent"),
    "first": pgettext_lazy("column", "from"),
    "id": pgettext_lazy("column", "reference"),
    "in_call": lazy("asked during a call"),
    "items": lazy("items of the request"),
    "kind": pgettext_lazy("column", "kind"),
    "last": pgettext_lazy("column", "to"),
    "list": pgettext_lazy("column", "list"),
    "named": lazy("distributor known"),
    "objects": pgettext_lazy("column", "object"),
    "outcome": pgettext_lazy("column", "outcome"),
    "provider": pgettext_lazy("column", "provider"),
    "purpose": pgettext_lazy("column", "purpose"),
    "slot_from": lazy("accepted from"),
    "slot_to": lazy("accepted to"),
    "third_party": lazy("third party"),
    "unreadable": lazy("the date cannot be read"),
    "until": pgettext_lazy("column", "until"),
    "wording": lazy("wording"),
    "wording_version": lazy("version of the wording"),
}
"""The columns of the tables of facts, before their value."""
PARAMETERS: Mapping[str, StrPromise] = {
    "named_for": lazy("Known distributor required for"),
    "abroad": lazy("Only calls that enter from abroad"),
    "after_listing": lazy("Must be later than the listing"),
    "callees": lazy("People protected"),
    "classes": lazy("Classes of numbers"),
    "days": lazy("Days"),
    "ended_within_days": lazy("Days after the end of the contract"),
    "holidays": lazy("Holidays of the row"),
    "hours": lazy("Hours"),
    "items": lazy("Items of the request"),
    "list": lazy("List"),
    "max_minutes": lazy("Minutes since the register was read, at most"),
    "most": lazy("At most"),
    "most_percent": lazy("Percent, at most"),
    "not_counted": lazy("Answers that do not count"),
    "not_positive": lazy("Not a positive act"),
    "objects": lazy("Objects"),
    "outcomes": lazy("Outcomes that count"),
    "purposes": lazy("Purposes"),
    "made_in_call": lazy("Requests made during a call count"),
    "related": lazy("Related object required"),
    "running": lazy("Running contract required"),
    "tolerance_minutes": lazy("Minutes of tolerance"),
    "unknown": lazy("Unknown authentication"),
    "until_consent": lazy("Ends with a later consent"),
    "unless_mobile_terminal": lazy("Except from a mobile terminal"),
    "what": lazy("What is unknown"),
    "widest_minutes": lazy("Widest slot, in minutes"),
    "windows": lazy("Permitted hours"),
    "working_days": lazy("Working days"),
    "years": lazy("Years"),
}
VALUES: Mapping[str, StrPromise] = {
    "directory-118": lazy("118XYZ"),
    "geographic": lazy("geographic (01–05)"),
    "mobile": lazy("mobile (06/07)"),
    "non-geographic-09": lazy("09"),
    "npv": lazy("verified multipurpose (NPV)"),
    "passes": lazy("passes"),
    "premium-089": lazy("089"),
    "refuses": pgettext_lazy("what is unknown", "refuses"),
    "shared-cost-08": lazy("08 at a surcharge"),
    "short-3bpq": lazy("3BPQ"),
}
"""Values that are no words of a vocabulary: classes of numbers, and what the unknown means."""
DIRECTIONS: Mapping[str, StrPromise] = {
    "refused": lazy("Would be refused"),
    "allowed": lazy("Would be allowed"),
    "moved": lazy("Refused by other rows"),
}
FILES: Mapping[str, StrPromise] = {
    "sheet.csv": lazy("this sheet as a table"),
    "sheet.json": lazy("this sheet as data"),
    "facts.jsonl": lazy("its facts as they were sealed, with their proofs"),
    "consents.csv": lazy("each consent to the calls of this client about this object"),
    "consents.jsonl": lazy("the same with their proofs"),
}
FACTS: Mapping[str, StrPromise] = {
    "consents": lazy("Consent"),
    "withdrawals": lazy("Withdrawal of consent"),
    "contracts": lazy("Contract"),
    "callbacks": lazy("Request to be called"),
    "refusals": lazy("Refusal in a call"),
    "attempts": lazy("Attempt"),
    "listings": lazy("Opposition list"),
}
TABLES: Mapping[str, StrPromise] = {
    "consents": lazy("Consents"),
    "withdrawals": lazy("Withdrawals"),
    "contracts": lazy("Contracts"),
    "callbacks": lazy("Requests to be called"),
    "refusals": lazy("Refusals"),
    "attempts": lazy("Calls and attempts"),
}
