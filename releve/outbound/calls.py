"""The call to be judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from releve.outbound.errors import CallFault
from releve.outbound.vocabulary import get_vocabulary, normalize_word

__all__ = ["CALLEES", "CHANNELS", "MODES", "PURPOSES", "Call"]

CALLEES = get_vocabulary("person-kind").ids
PURPOSES = get_vocabulary("purpose").ids
CHANNELS = get_vocabulary("channel").ids
MODES = get_vocabulary("mode").ids
_WORDS = {
    "callee": "person-kind",
    "purpose": "purpose",
    "channel": "channel",
    "mode": "mode",
    "object": "object",
    "sector": "sector",
    "origin": "origin",
}
"""The fields that hold a word, and its vocabulary; the first four are needed to judge at all."""
_NEEDED = ("callee", "purpose", "channel", "mode")


@dataclass(frozen=True, slots=True)
class Call:
    """A call to be placed at an instant.

    ``person`` may be empty when the facts tell who holds the number; ``address`` is a territory
    code or a French postcode, empty when unknown; ``caller`` is the number shown, empty when
    hidden; ``origin`` is the country where the call enters the public network (that of the
    operator who signs it), empty when unknown; ``callee`` empty means what the facts say, else
    a consumer. ``sector`` is the trade that the campaign declares; its object must belong to it.
    ``provider`` places the call: an attempt with its ``id`` is the call itself only where that
    provider made it. Words may be given in any spelling of their vocabulary. An object, a sector or
    an origin that is no word refuses the call.
    """

    client: str
    number: str
    at: datetime
    object: str
    caller: str = ""
    campaign: str = ""
    person: str = ""
    address: str = ""
    callee: str = ""
    purpose: str = "prospecting"
    channel: str = "voice"
    mode: str = "manual"
    origin: str = ""
    authenticated: bool | None = None
    mobile_terminal: bool = False
    id: str = ""
    sector: str = ""
    provider: str = ""

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise CallFault(f"at has no offset: {self.at.isoformat()}")
        for name, kind in _WORDS.items():
            given = getattr(self, name)
            found = normalize_word(kind, given)
            needed = name in _NEEDED and (given or name != "callee")
            if needed and found not in get_vocabulary(kind).by_id:
                raise CallFault(
                    f"{name} {given!r} is not one of {', '.join(get_vocabulary(kind).ids)}"
                )
            object.__setattr__(self, name, found)

    def moved_to(self, at: datetime) -> Call:
        """Return the same call at another instant."""
        return replace(self, at=at)
