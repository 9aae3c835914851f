"""The consequences of a closure or an outage in numbers, shown before it is confirmed."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from releve.desk.live.words import when
from releve.desk.text import Text
from releve.live import api as live
from releve.network import Operator
from releve.situation import LinkDown, PowerDown, SiteClosed

Loses = SiteClosed | LinkDown | PowerDown
"""The events by which a place is lost."""


@dataclass(frozen=True, slots=True)
class ClientChange:
    """A client's worst coverage within 48 hours: now, without a relief, and with it."""

    name: str
    before: str
    unrelieved: str
    after: str
    tone: str


@dataclass(frozen=True, slots=True)
class Consequences:
    """``seats`` and the like are empty where no plan is in force to tell from; ``why``: the rule
    that closes the site."""

    question: str
    at: str
    until: str
    seats: str
    working: str
    moved: str
    clients: tuple[ClientChange, ...]
    why: str = ""


def consequences(event: Loses, operator: Operator, text: Text, stream: str) -> Consequences:
    """Return what the loss of a place would do, by the plan in force."""
    carrier = event.carrier if isinstance(event, LinkDown) else ""
    found = live.preview_impact(
        sites=frozenset({event.site}) if event.site else frozenset(),
        carriers=frozenset({carrier}) if carrier else frozenset(),
        home_only=isinstance(event, SiteClosed) and event.home_only,
        stream=stream,
    )
    said = (
        _write_question(event, operator),
        when(event.happened_at, text),
        _write_end(event, text),
    )
    if found is None:
        return Consequences(*said, "", "", "", ())
    rows = zip(found.before.clients, found.unrelieved.clients, found.after.clients, strict=True)
    return Consequences(
        *said,
        text.number(found.seats),
        text.number(found.working),
        text.number(found.moved),
        tuple(_build_client_row(*row, text) for row in rows),
    )


def _write_question(event: Loses, operator: Operator) -> str:
    if isinstance(event, LinkDown) and event.carrier:
        return _("Are the home lines of {carrier} down?").format(carrier=event.carrier)
    name = operator.site[event.site].name
    if isinstance(event, SiteClosed):
        return _("Close {site}?").format(site=name)
    if isinstance(event, PowerDown):
        return _("Is {site} without power?").format(site=name)
    return _("Is the link of {site} down?").format(site=name)


def _write_end(event: Loses, text: Text) -> str:
    if isinstance(event, SiteClosed):
        until, said = event.earliest_reopening, _("It may not open before {until}.")
    else:
        until, said = event.expected_until, _("It is expected back: {until}.")
    return "" if until is None else said.format(until=when(until, text))


def _build_client_row(
    before: live.ClientCoverage,
    unrelieved: live.ClientCoverage,
    after: live.ClientCoverage,
    text: Text,
) -> ClientChange:
    whole = after.worst is None or after.worst >= 1 - 1e-6
    return ClientChange(
        before.name,
        _format_share(before.worst, text),
        _format_share(unrelieved.worst, text),
        _format_share(after.worst, text),
        "held" if whole else "missed",
    )


def _format_share(value: float | None, text: Text) -> str:
    return "–" if value is None else text.coverage(value)
