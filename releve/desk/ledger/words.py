"""The kinds of entries and their fields in the words of the desk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.grants import STREAM as ACCESS
from releve.ledger.disclosure import HealthInClear, NoRoot
from releve.live import api as live
from releve.situation import KINDS

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

__all__ = [
    "FIELDS",
    "STREAMS",
    "WORDS",
    "describe_missing_proof",
    "translate_actor",
    "translate_field",
    "translate_kind",
    "translate_stream",
]

WORDS: Mapping[str, StrPromise] = {
    **{kind: lazy(event.label) for kind, event in KINDS.items()},
    "access.closed": lazy("Account closed"),
    "access.link_shown": lazy("Link to choose a password shown"),
    "access.ended": lazy("Role ended"),
    "access.factors_forgotten": lazy("Second factor set back"),
    "access.given": lazy("Role given"),
    "access.token_ended": lazy("Token ended"),
    "access.token_given": lazy("Token given"),
    "contacts.imported": lazy("Contacts imported"),
    "contacts.seen": lazy("Contacts of a case seen"),
    "crashtest.removed": lazy("Crash test removed"),
    "drill.moved": lazy("Drill clock moved"),
    "drill.started": lazy("Drill started"),
    "drill.stopped": lazy("Drill stopped"),
    "effect.aside": lazy("Task set aside"),
    "effect.retried": lazy("Task tried again"),
    "identity.allowed": lazy("Look behind a pseudonym allowed"),
    "identity.asked": lazy("Look behind a pseudonym asked for"),
    "identity.erased": lazy("Person erased"),
    "identity.imported": lazy("Names imported"),
    "identity.seen": lazy("Name behind a pseudonym seen"),
    "ledger.erased": lazy("Personal values erased"),
    "message.acknowledged": lazy("Message acknowledged"),
    "message.escalated": lazy("Message escalated"),
    "message.sent": lazy("Message sent"),
    "message.unanswered": lazy("Message left unanswered"),
    "outbound.batch": lazy("Calls sealed"),
    "outbound.erased": lazy("Rows and values of calls erased"),
    "outbound.copied": lazy("Copy of consents given"),
    "outbound.facts": lazy("Facts sealed"),
    "outbound.looked": lazy("Person looked at"),
    "outbound.papers": lazy("Papers of a campaign"),
    "outbound.requested": lazy("Request of a person recorded"),
    "outbound.rights": lazy("Right of a person answered"),
    "outbound.tried": lazy("Change of rules tried"),
    "outlook.made": lazy("Outlook made"),
    "outlook.seen": lazy("Outlook seen"),
    "people.notified": lazy("People notified of a relief"),
    "photos.erased": lazy("Photos erased"),
    "plan.activated": lazy("Plan put in force"),
    "relief.made": lazy("Relief made"),
    "routing.published": lazy("Routing published"),
}
"""Kind -> what happened."""

STREAMS: Mapping[str, StrPromise] = {
    live.LIVE: lazy("Live"),
    ACCESS: lazy("Access and names"),
    "outbound": lazy("Outbound calls"),
}
"""Stream -> what it is called; each drill has one of its own besides."""

FIELDS: Mapping[str, StrPromise] = {
    "actor": lazy("Recorded by"),
    "adapter": lazy("Published by"),
    "after": lazy("Rules after"),
    "agent": lazy("Agent"),
    "agents": lazy("Agents"),
    "attempts": lazy("Attempts"),
    "audit_clause": lazy("Audit clause"),
    "authority": lazy("Authority"),
    "batch": lazy("Batch"),
    "before": lazy("Rules before"),
    "by": lazy("By"),
    "calls": lazy("Calls"),
    "campaign": lazy("Campaign"),
    "carrier": lazy("Carrier"),
    "cause": lazy("Cause"),
    "client": lazy("Client"),
    "commission": lazy("Commission"),
    "consents": lazy("Consents"),
    "contract": lazy("Contract"),
    "day": lazy("Day"),
    "decision": lazy("Decision"),
    "decisions": lazy("Decisions"),
    "digest": lazy("Digest"),
    "due": lazy("Due"),
    "earliest_reopening": lazy("Not open before"),
    "findings": lazy("Findings"),
    "generation": lazy("Relief number"),
    "happened_at": lazy("Happened"),
    "home_only": lazy("Home only"),
    "id": lazy("Event"),
    "incident": lazy("Incident"),
    "inspectors": lazy("Inspectors"),
    "item": lazy("Item"),
    "list_origin": lazy("Origin of the list"),
    "lost": lazy("Places lost"),
    "manager": lazy("Manager"),
    "moved": lazy("People moved"),
    "note": lazy("Note"),
    "number": lazy("Number"),
    "owner": lazy("Owner"),
    "photos": lazy("Photos"),
    "person": lazy("Person"),
    "positive": lazy("Positive"),
    "read_back": lazy("Read back"),
    "reason": lazy("Reason"),
    "recorded_at": lazy("Recorded"),
    "reference": lazy("Reference"),
    "role": lazy("Role"),
    "root": lazy("Root"),
    "routes": lazy("Routes"),
    "rows": lazy("Rows"),
    "rule": lazy("Rule"),
    "since": lazy("Since"),
    "site": lazy("Site"),
    "source": lazy("Source"),
    "status": lazy("Status"),
    "symptomatic": lazy("Sent home with symptoms"),
    "table": lazy("Table"),
    "task": lazy("Task"),
    "tested": lazy("Tested"),
    "title": lazy("Title"),
    "transport_fill": lazy("Fullest shuttle"),
    "until": lazy("Until"),
    "valid_from": lazy("Valid from"),
    "valid_to": lazy("Valid to"),
    "values": lazy("Values"),
    "vehicle": lazy("Vehicle"),
    "verdict": lazy("Verdict"),
    "well": lazy("What went well"),
}
"""Field -> its label; a field that is not here is shown by its name."""


def translate_kind(kind: str) -> str:
    """Return what an entry of a kind says happened; the kind itself where there is no word."""
    return str(WORDS.get(kind, kind))


def translate_field(name: str) -> str:
    """Return the label of a field, of the last name of a path."""
    last = name.rpartition(".")[2]
    return str(FIELDS.get(last, last))


def translate_stream(stream: str) -> str:
    """Return what a stream is called."""
    kind, _colon, number = stream.partition(":")
    if kind == "drill":
        return _("Drill {number}").format(number=number)
    return str(STREAMS.get(stream, stream))


def translate_actor(actor: str) -> str:
    """Return who acted: a user, or a rule."""
    if actor.startswith("rule:"):
        return _("rule {rule}").format(rule=actor.removeprefix("rule:"))
    return actor


def describe_missing_proof(error: Exception) -> str:
    """Return why the proof of an entry cannot be had, in the reader's language."""
    if isinstance(error, NoRoot):
        return _("No root has been signed yet.")
    if isinstance(error, HealthInClear):
        return _("This entry holds a health field in clear: its proof is not handed out.")
    return _("Its proof can be had once the next root is signed.")
