"""The kinds of entries and their fields in the words of the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.accounts.grants import STREAM as ACCESS
from releve.desk.ledger.entries import EntryView
from releve.desk.places.stream_context import when
from releve.desk.text import text_now
from releve.evidence.store import STREAM as EVIDENCE
from releve.ledger.account_names import ACCOUNT_PREFIX
from releve.ledger.disclosure import HealthInClear, NoRoot, iter_values
from releve.live import api as live
from releve.situation import KINDS

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

register = Library()

WORDS: Mapping[str, StrPromise] = {
    **{kind: lazy(event.label) for kind, event in KINDS.items()},
    "access.closed": lazy("Account closed"),
    "access.link_mailed": lazy("Link to choose a password mailed"),
    "access.link_shown": lazy("Link to choose a password shown"),
    "access.ended": lazy("Role ended"),
    "access.factors_asked": lazy("Removal of a second factor asked for"),
    "access.factors_forgotten": lazy("Second factor set back"),
    "access.given": lazy("Role given"),
    "access.secret_replaced": lazy("Lost secret key replaced"),
    "access.secret_rotated": lazy("Secret key rotated"),
    "access.token_ended": lazy("Token ended"),
    "access.token_given": lazy("Token given"),
    "contacts.imported": lazy("Contacts imported"),
    "contacts.seen": lazy("Contacts of a case seen"),
    "contract.client_decided": lazy("Client’s decision on a contract of relief"),
    "contract.countersigned": lazy("Contract of relief countersigned"),
    "contract.lent": lazy("Agents named for a contract of relief"),
    "contract.step": lazy("Contract of relief moved on"),
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
    "ledger.key_replaced": lazy("Signing key replaced"),
    "ledger.key_rotated": lazy("Signing key rotated"),
    "ledger.refused": lazy("Growth refused by a witness"),
    "ledger.tallied": lazy("Entries tallied before a root"),
    "message.acknowledged": lazy("Message acknowledged"),
    "message.escalated": lazy("Message escalated"),
    "message.sent": lazy("Message sent"),
    "message.written": lazy("Message written, not sent: no address"),
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
    "pack.made": lazy("Evidence pack made"),
    "pack.received": lazy("Evidence pack received"),
    "people.notified": lazy("Messages about a relief written"),
    "photos.erased": lazy("Photos erased"),
    "plan.activated": lazy("Plan put in force"),
    "relief.covered": lazy("Coverage of a client announced"),
    "relief.ended": lazy("Relief for a surge ended"),
    "relief.made": lazy("Relief made"),
    "relief.ordered": lazy("Relief for a surge put in force"),
    "routing.alarm": lazy("Routing not taken in time"),
    "routing.published": lazy("Routing published"),
    "routing.restored": lazy("Routing taken again"),
    "routing.reverted": lazy("Earlier routing published again"),
    "routing.switched": lazy("Calls switched to prepared routing"),
    "service.sealed": lazy("Day of a client sealed"),
    "association.joined": lazy("Association joined"),
    "bulletin.checked": lazy("Bulletin of the sector checked"),
    "bulletin.published": lazy("Bulletin of the sector published"),
    "contribution.received": lazy("Contribution of a member received"),
    "contribution.sent": lazy("Contribution to the bulletin sent"),
    "contribution.switched_off": lazy("Daily contribution switched off"),
    "contribution.switched_on": lazy("Daily contribution switched on"),
    "design.published": lazy("Design of the bulletin published"),
    "gate.announced": lazy("Clearing of relief announced"),
    "gate.cleared": lazy("Clearing of relief computed"),
    "gate.closed": lazy("Clearing of relief closed"),
    "member.registered": lazy("Member of the association registered"),
    "member.revoked": lazy("Keys of a member revoked"),
    "order.received": lazy("Request or sealed offer of a member received"),
    "order.sent": lazy("Request or sealed offer sent"),
    "result.received": lazy("Result of a clearing received"),
}
"""Kind -> what happened."""

STREAMS: Mapping[str, StrPromise] = {
    live.LIVE: lazy("Live"),
    ACCESS: lazy("Access and names"),
    EVIDENCE: lazy("Evidence packs"),
    "association": lazy("Association"),
    "outbound": lazy("Outbound calls"),
    "relief": lazy("Relief between operators"),
    "relief-drill": lazy("Relief between operators, drill"),
}
"""Stream -> what it is called; each drill has one of its own besides."""

FIELDS: Mapping[str, StrPromise] = {
    "action": lazy("What is done"),
    "actor": lazy("Recorded by"),
    "adapter": lazy("Published by"),
    "after": lazy("Rules after"),
    "agent": lazy("Agent"),
    "agents": lazy("Agents"),
    "association": lazy("Association"),
    "attempts": lazy("Attempts"),
    "audit": lazy("Audit"),
    "audit_clause": lazy("Audit clause"),
    "authority": lazy("Authority"),
    "basis": lazy("Basis of the sample"),
    "batch": lazy("Batch"),
    "before": lazy("Rules before"),
    "body": lazy("Auditing body"),
    "by": lazy("By"),
    "calls": lazy("Calls"),
    "campaign": lazy("Campaign"),
    "carrier": lazy("Carrier"),
    "cause": lazy("Cause"),
    "charter": lazy("Charter"),
    "client": lazy("Client"),
    "closed": lazy("Closed sites"),
    "closing": lazy("Closing"),
    "commission": lazy("Commission"),
    "conclusion": lazy("Conclusion"),
    "consents": lazy("Consents"),
    "contingency": lazy("Contingency"),
    "contract": lazy("Contract"),
    "contributions": lazy("Contributions"),
    "day": lazy("Day"),
    "decision": lazy("Decision"),
    "decisions": lazy("Decisions"),
    "design": lazy("Design of the month"),
    "digest": lazy("Digest"),
    "due": lazy("Due"),
    "earliest_reopening": lazy("Not open before"),
    "effective": lazy("Works"),
    "evidence": lazy("Evidence"),
    "finding": lazy("Finding"),
    "findings": lazy("Findings"),
    "found": lazy("Found"),
    "generation": lazy("Relief number"),
    "happened_at": lazy("Happened"),
    "home_only": lazy("Home only"),
    "id": lazy("Event"),
    "incident": lazy("Incident"),
    "inspectors": lazy("Inspectors"),
    "item": lazy("Item"),
    "key": lazy("Public key"),
    "late": lazy("After publication"),
    "link": lazy("Link of the draw"),
    "list_hash": lazy("Hash of the list"),
    "list_origin": lazy("Origin of the list"),
    "lost": lazy("Places lost"),
    "manager": lazy("Manager"),
    "mask_key": lazy("Public key of the masks"),
    "measure": lazy("Measure"),
    "member": lazy("Member"),
    "members": lazy("Members"),
    "method": lazy("Method"),
    "mode": lazy("Mode"),
    "month": lazy("Month"),
    "moved": lazy("People moved"),
    "note": lazy("Note"),
    "number": lazy("Number"),
    "owner": lazy("Owner"),
    "party": lazy("Party"),
    "person": lazy("Person"),
    "photos": lazy("Photos"),
    "plan": lazy("Plan"),
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
    "seen_at": lazy("Seen"),
    "severity": lazy("Severity"),
    "since": lazy("Since"),
    "site": lazy("Site"),
    "sites": lazy("Sites"),
    "source": lazy("Source"),
    "status": lazy("Status"),
    "boarded": lazy("Heads in vehicles"),
    "symptomatic": lazy("Sent home with symptoms"),
    "table": lazy("Table"),
    "task": lazy("Task"),
    "tested": lazy("Tested"),
    "tests": lazy("Tests to make"),
    "title": lazy("Title"),
    "transport_fill": lazy("Fullest shuttle"),
    "units": lazy("Sites and weights"),
    "until": lazy("Until"),
    "valid_from": lazy("Valid from"),
    "valid_to": lazy("Valid to"),
    "values": lazy("Values"),
    "vehicle": lazy("Vehicle"),
    "verdict": lazy("Verdict"),
    "version": lazy("Version"),
    "visits": lazy("Visits"),
    "well": lazy("What went well"),
    "withheld": lazy("Link withheld by"),
}
"""Field -> its label; a field that is not here is shown by its name."""


def translate_kind(kind: str) -> str:
    """Return what an entry of a kind says happened; the kind itself where there is no word."""
    return str(WORDS.get(kind, kind))


@register.filter
def entry_word(entry: EntryView) -> str:
    """Return what happened, as far as it is shown."""
    return _("Entry about a person") if entry.about_person else translate_kind(entry.kind)


@register.filter
def kind_choices(kinds: Sequence[str]) -> list[tuple[str, str]]:
    """Return kinds in the order of their words."""
    return sorted(((kind, translate_kind(kind)) for kind in kinds), key=lambda row: row[::-1])


@register.filter("field_word")
def translate_field(name: str) -> str:
    """Return the label of a field, of the last name of a path."""
    last = name.rpartition(".")[2]
    return str(FIELDS.get(last, last))


@register.filter
def field_value(value: Any, time_zone: str) -> str:
    """Return the value of a field: instants in words, any other text as it is."""
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return " · ".join(field_value(item, time_zone) for item in value)
    if isinstance(value, dict):
        rows = iter_values(value)
        return ", ".join(f"{translate_field(k)} {field_value(v, time_zone)}" for k, v in rows)
    if isinstance(value, float):
        return text_now(time_zone).plain(value)
    text = str(value)
    if len(text) >= 20 and text[4:5] == "-" and text.endswith(("Z", "+00:00")):
        with suppress(ValueError):
            return when(datetime.fromisoformat(text), text_now(time_zone))
    return text


@register.filter("stream_word")
def translate_stream(stream: str) -> str:
    """Return what a stream is called."""
    kind, _colon, number = stream.partition(":")
    if kind == "drill":
        return _("Drill {number}").format(number=number)
    return str(STREAMS.get(stream, stream))


@register.filter("actor")
def translate_actor(actor: str) -> str:
    """Return who acted: a user, or a rule."""
    if actor.startswith("rule:"):
        return _("rule {rule}").format(rule=actor.removeprefix("rule:"))
    if actor.startswith(ACCOUNT_PREFIX):
        return _("a former user, whose name was erased")
    return actor


def describe_missing_proof(error: Exception) -> str:
    """Return why the proof of an entry cannot be had, in the reader's language."""
    if isinstance(error, NoRoot):
        return _("No root has been signed yet.")
    if isinstance(error, HealthInClear):
        return _("This entry holds a health field in clear: its proof is not handed out.")
    return _("Its proof can be had once the next root is signed.")
