"""What states, steps and kinds of work of a contract are called."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as lazy

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
