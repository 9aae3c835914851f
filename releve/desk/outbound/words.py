"""The rules' kinds, parameters and values in the words of the desk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.template import Library
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext, pgettext_lazy

from releve.desk.filters import add_words
from releve.desk.outbound.request_words import FAULTS
from releve.desk.text import text_now
from releve.outbound.vocabulary import get_vocabulary

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

register = Library()

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
REGISTERS: Mapping[str, StrPromise] = {
    "withdrawals": lazy("Withdrawals"),
    "refusals": lazy("Refusals"),
    "consents": lazy("Consents"),
    "attempts": lazy("Attempts"),
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
_VALUES: Mapping[str, StrPromise] = {
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
_VOCABULARIES = (
    "object", "person-kind", "purpose", "mode", "channel", "item", "act", "outcome",
    "refusal-kind", "feed", "list",
)  # fmt: skip
"""Where a word is looked up; the same word means the same in those that share it."""


def value_word(code: str, language: str) -> str:
    """Return a word of the law's vocabularies as people say it; any other text as it is written."""
    if code in _VALUES:
        return str(_VALUES[code])
    found = (get_vocabulary(name).by_id.get(code) for name in _VOCABULARIES)
    return next((word.label.of(language) for word in found if word is not None), code)


@register.filter
def value(code: str) -> str:
    """Return a word of the law's vocabularies in the reader's language."""
    return value_word(code, text_now("UTC").language)


@register.filter
def refused_today(campaign: str, refused: Mapping[str, int]) -> str:
    """Return how many calls of a campaign were refused today."""
    count = refused.get(campaign, 0)
    said = ngettext("{count} call refused today", "{count} calls refused today", count)
    return said.format(count=text_now("UTC").number(count))


@register.filter
def above(share: float, most_percent: float | None) -> bool:
    """Return whether a share is above what policy bears, where it says so."""
    return most_percent is not None and 100 * share > most_percent


@register.filter
def proved_words(facts: int, proved: int) -> str:
    """Return how many facts of a sheet are proved."""
    text = text_now("UTC")
    return ngettext(
        "Facts of this sheet: {all}, of which {proved} is proved against the ledger.",
        "Facts of this sheet: {all}, of which {proved} are proved against the ledger.",
        proved,
    ).format(proved=text.number(proved), all=text.number(facts))


_FILES: Mapping[str, StrPromise] = {
    "sheet.csv": lazy("this sheet as a table"),
    "sheet.json": lazy("this sheet as data"),
    "facts.jsonl": lazy("its facts as they were sealed, with their proofs"),
    "consents.csv": lazy("each consent to the calls of this client about this object"),
    "consents.jsonl": lazy("the same with their proofs"),
}
add_words(register, "fault_words", FAULTS)
add_words(register, "file_words", _FILES)
