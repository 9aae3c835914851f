"""The call that is asked about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from releve.outbound.errors import CallFault

__all__ = ["CALLEES", "CHANNELS", "MODES", "PURPOSES", "Call"]

CALLEES = ("consumer", "business")
PURPOSES = ("prospecting", "service", "survey")
CHANNELS = ("voice", "message", "email", "social")
MODES = (
    "manual",
    "click-to-call",
    "progressive",
    "predictive",
    "robot",
    "voice-message",
    "ai-agent",
)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that somebody wants to place at an instant.

    ``person`` may be empty when the facts tell who holds the number; ``address`` is a territory
    code or a French postcode, empty when unknown; ``caller`` is the number shown, empty when
    hidden; ``origin`` is the country where the call enters the public network (that of the
    operator who signs it), empty when unknown; ``callee`` empty means what the facts say, else
    a consumer. ``provider`` places the call: an attempt with its ``id`` is the call itself only
    where that provider made it.
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
    provider: str = ""

    def __post_init__(self) -> None:
        if self.at.utcoffset() is None:
            raise CallFault(f"at has no offset: {self.at.isoformat()}")
        known = (
            ("callee", self.callee, ("", *CALLEES)),
            ("purpose", self.purpose, PURPOSES),
            ("channel", self.channel, CHANNELS),
            ("mode", self.mode, MODES),
        )
        for name, value, allowed in known:
            if value not in allowed:
                raise CallFault(
                    f"{name} {value!r} is not one of {', '.join(filter(None, allowed))}"
                )

    def moved_to(self, at: datetime) -> Call:
        """Return the same call at another instant."""
        return replace(self, at=at)
