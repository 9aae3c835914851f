"""The rules' kinds, parameters and values in the words of the desk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

__all__ = ["GATES", "JURISDICTIONS", "PARAMETERS", "SURENESS", "VALUES"]

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
PARAMETERS: Mapping[str, StrPromise] = {
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
    "abandoned": lazy("abandoned call"),
    "attempts": lazy("attempts"),
    "ai-agent": lazy("AI voice agent"),
    "business": lazy("business"),
    "choice": lazy("choice to accept or not"),
    "click-to-call": lazy("click to call"),
    "consents": lazy("consents"),
    "consumer": lazy("consumer"),
    "continued-browsing": lazy("continuing to browse"),
    "conversation": lazy("conversation"),
    "cpf-training": lazy("training account (CPF)"),
    "directory-118": lazy("118XYZ"),
    "email": lazy("e-mail"),
    "energy-equipment": lazy("energy equipment"),
    "energy-services": lazy("energy services"),
    "energy-works": lazy("energy works"),
    "geographic": lazy("geographic (01–05)"),
    "home-adaptation": lazy("adaptation of homes"),
    "identity": lazy("identity and nature of the goods"),
    "insurance": lazy("insurance"),
    "manual": lazy("by hand"),
    "message": lazy("message"),
    "mobile": lazy("mobile (06/07)"),
    "non-geographic-09": lazy("09"),
    "not-interested": lazy("not interested"),
    "not-now": lazy("not now"),
    "npv": lazy("verified multipurpose (NPV)"),
    "objection": lazy("asks not to be called any more"),
    "passes": lazy("passes"),
    "period": lazy("period"),
    "pre-ticked-box": lazy("pre-ticked box"),
    "pre-written-clause": lazy("pre-written clause"),
    "predictive": lazy("predictive"),
    "premium-089": lazy("089"),
    "press": lazy("press"),
    "progressive": lazy("progressive"),
    "proof_access": lazy("access to the proof"),
    "prospecting": lazy("prospecting"),
    "refusal": lazy("refusal"),
    "refusals": lazy("refusals"),
    "refuses": pgettext_lazy("what is unknown", "refuses"),
    "renewable-energy": lazy("renewable energy"),
    "robot": lazy("robot"),
    "service": lazy("service call"),
    "shared-cost-08": lazy("08 at a surcharge"),
    "short-3bpq": lazy("3BPQ"),
    "social": lazy("social network"),
    "survey": lazy("survey"),
    "voice": lazy("voice"),
    "voice-message": lazy("voice message"),
    "withdrawal": lazy("right to withdraw"),
    "withdrawals": lazy("withdrawals"),
}
"""A code that is not here is shown as it is written."""
