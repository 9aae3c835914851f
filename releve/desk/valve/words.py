"""What states, steps and kinds of work of a contract are called, and how a search goes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.template import Library
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.association.contract_summaries import ContractSummary
from releve.association.spare_searches import LEND, SearchState
from releve.desk.filters import add_words, moment_at, phrase
from releve.desk.text import text_now
from releve.errors import decode_phrase

register = Library()

STATES: Mapping[str, Promise] = {
    "asked": lazy("Asked: the partner’s offer is awaited"),
    "offered": lazy("Offered: the clerk’s match is awaited"),
    "matched": lazy("Matched: the client’s agreement is awaited"),
    "client agreed": lazy("Client agreed: signatures are awaited"),
    "both signed": lazy("Signed by both"),
    "started": lazy("Started"),
    "ended": lazy("Ended: payment is awaited"),
    "settled": lazy("Settled"),
    "recalled": lazy("Recalled"),
    "declined": lazy("Declined by the client"),
}
STEPS: Mapping[str, Promise] = {
    "ask": lazy("Ask"),
    "offer": lazy("Offer"),
    "match": lazy("Match"),
    "agree": lazy("Record the client’s agreement"),
    "decline": lazy("Record the client’s refusal"),
    "sign": lazy("Sign"),
    "start": lazy("Start"),
    "end": lazy("End"),
    "settle": lazy("Record the payment"),
    "recall": lazy("Recall the agents"),
}
GATE_STATES: Mapping[str, Promise] = {
    "open": lazy("Open: requests and sealed offers"),
    "closed": lazy("Closed: offers are being opened"),
    "awaited": lazy("The result is awaited"),
    "cleared": lazy("Result received"),
}
REASONS: Mapping[str, Promise] = {
    "loss": lazy("The giver has lost a place"),
    "notice": lazy("With the notice agreed"),
}
OUTCOMES: Mapping[str, Promise] = {
    "full": lazy("In full"),
    "price": lazy("Price: every client that approves it has a lower ceiling"),
    "approval": lazy("Approval: no client approves it for work that fits"),
    "skill": lazy("Work: nothing fits in these half hours"),
    "others": lazy("What fits is used up, by the rules of the clearing"),
}
"""Why an own request or offer got no more, by the code of the result."""
REFUSALS: Mapping[str, Promise] = {
    "gate": lazy("{offer}: sealed for the clearing {0}, this one is {1}."),
    "late": lazy("{offer}: received on {0}; the clearing had closed on {1}."),
    "not_opened": lazy("{offer}: not opened after the closing. Keep the worker running."),
    "other": lazy("{offer}: it opens as the offer {0} of {1}."),
    "changed": lazy("{offer}: what was opened is not what was sealed."),
    "twice": lazy("{offer}: sealed twice. The first seal counts."),
    "not_committed": lazy("{offer}: opened without having been sealed before the closing."),
}
"""Why an own offer was left out of a clearing, by the code of the result."""
KINDS_OF_WORK: Mapping[str, Promise] = {
    "inbound": lazy("Inbound calls"),
    "outbound": lazy("Outbound calls"),
    "back_office": lazy("Back office"),
    "fr": lazy("French"),
    "en": lazy("English"),
    "ar": lazy("Arabic"),
    "es": lazy("Spanish"),
    "home": lazy("at home"),
    "site": lazy("on site"),
}
add_words(register, "contract_state", STATES, else_code=True)
add_words(register, "contract_step", STEPS)
add_words(register, "gate_state", GATE_STATES)
add_words(register, "gate_outcome", OUTCOMES)


@register.filter
def work(skill: str) -> str:
    """Return a skill in words."""
    return ", ".join(str(KINDS_OF_WORK.get(one, one)) for one in skill.split(":"))


@register.filter
def period(row: ContractSummary, time_zone: str) -> str:
    """Return from when to when agents are lent."""
    start, end = moment_at(row.starts_at, time_zone), moment_at(row.ends_at, time_zone)
    return _("{start} to {end}").format(start=start, end=end)


@register.filter
def offer_refusal(row: Mapping[str, Any], time_zone: str) -> str:
    """Return why an own offer was left out of a clearing."""
    params = row["params"]
    if row["code"] == "late":
        params = [moment_at(datetime.fromisoformat(at), time_zone) for at in params]
    return str(REFUSALS[row["code"]]).format(*params, offer=row["offer"])


@register.filter
def search_words(search: SearchState, time_zone: str) -> str:
    """Return how far a search is, or what it came to."""
    text = text_now(time_zone)
    if search.state == "failed":
        return phrase(search.error, tuple(map(decode_phrase, search.error_values)))
    if search.state == "waiting":
        return _("Asked for on {at}: the worker begins in a moment.").format(
            at=moment_at(search.asked_at, time_zone)
        )
    if search.state == "running":
        return _("The plan in force is searched for agents who can be lent: {seconds} s.").format(
            seconds=text.number(search.seconds)
        )
    if search.kind != LEND:
        return _("The offer is prepared: read it, then send it.")
    return ngettext(
        "{count} agent is named and counts as absent while the contract lasts.",
        "{count} agents are named and count as absent while the contract lasts.",
        search.lent,
    ).format(count=text.number(search.lent))
