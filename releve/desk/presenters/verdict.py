"""The verdict page: is every client served, whatever single place is lost?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext

from releve.desk.presenters.cells import CellView, Desk, cell_order
from releve.desk.presenters.words import SEVERITY, client_status, status_word
from releve.plan.result import BASE, ClientVerdict, ReliefCell

__all__ = [
    "Banner",
    "ClientLists",
    "ClientView",
    "Tally",
    "banner",
    "client_lists",
    "client_views",
    "contract_reason",
]

_CHIPS = 3
_FOLD_FROM = 24
"""Number of clients from which those that are held are folded away."""
_WHOLE = 0.9995
"""Floor from which nothing at all of a client's day can be saved."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many clients have one status."""

    tone: str
    word: str
    count: int


@dataclass(frozen=True, slots=True)
class Banner:
    """The verdict in one sentence, its tone and its breakdown."""

    tone: str
    sentence: str
    detail: str
    tallies: tuple[Tally, ...]


@dataclass(frozen=True, slots=True)
class ClientView:
    """A client's verdict: status, reason, what happens beyond N-1, worst cells and the others."""

    id: str
    name: str
    tone: str
    word: str
    reason: str
    beyond: str
    worst: tuple[CellView, ...]
    rest: tuple[CellView, ...]


@dataclass(frozen=True, slots=True)
class ClientLists:
    """The clients that need attention, and those that are held, folded away where many."""

    attention: tuple[ClientView, ...]
    held: tuple[ClientView, ...]
    held_title: str
    fold: bool


def client_lists(clients: Sequence[ClientView]) -> ClientLists:
    """Part the clients for the page."""
    held = tuple(client for client in clients if client.tone == "held")
    title = ngettext("{count} client held", "{count} clients held", len(held))
    return ClientLists(
        tuple(client for client in clients if client.tone != "held"),
        held,
        title.format(count=len(held)),
        len(clients) >= _FOLD_FROM,
    )


def banner(desk: Desk) -> Banner:
    """Return the verdict over all clients."""
    statuses = [client_status(verdict) for verdict in desk.plan.verdicts]
    held = sum(verdict.secure for verdict in desk.plan.verdicts)
    total = len(statuses)
    sentence = ngettext(
        "N-1: {held} client of {total} is held whatever place is lost",
        "N-1: {held} clients of {total} are held whatever place is lost",
        held,
    ).format(held=held, total=total)
    gravest = next((status for status in SEVERITY if status in statuses), "held")
    tallies = tuple(
        Tally(status, _tally_word(status, statuses.count(status)), statuses.count(status))
        for status in reversed(SEVERITY)
        if status in statuses
    )
    return Banner(gravest, sentence, _examined(desk), tallies)


def _examined(desk: Desk) -> str:
    count = len(desk.plan.contingencies)
    if not desk.whole:
        return ngettext(
            "{count} contingency examined on {day}.",
            "{count} contingencies examined on {day}.",
            count,
        ).format(count=count, day=desk.text.day(desk.plan.day))
    return ngettext(
        "{count} contingency examined on {day}; {agents} agents placed, {reserve} in reserve.",
        "{count} contingencies examined on {day}; {agents} agents placed, {reserve} in reserve.",
        count,
    ).format(
        count=count,
        day=desk.text.day(desk.plan.day),
        agents=desk.text.number(len(desk.plan.placements)),
        reserve=desk.text.number(len(desk.plan.reserve)),
    )


def _tally_word(status: str, count: int) -> str:
    words = {
        "held": npgettext("clients", "held", "held", count),
        "thin": npgettext("clients", "held, thin", "held, thin", count),
        "unknown": npgettext("clients", "unknown", "unknown", count),
        "contract": npgettext("clients", "contract problem", "contract problems", count),
        "missed": npgettext("clients", "missed", "missed", count),
    }
    return words[status]


def client_views(desk: Desk) -> tuple[ClientView, ...]:
    """Return the verdict of every client, the gravest first, then by name."""
    views = [_client(desk, verdict) for verdict in desk.plan.verdicts]
    return tuple(sorted(views, key=lambda view: (SEVERITY.index(view.tone), view.name)))


def _client(desk: Desk, verdict: ClientVerdict) -> ClientView:
    status = client_status(verdict)
    keys = (BASE, *(item.id for item in desk.plan.contingencies))
    own = [desk.cells[verdict.client, key] for key in keys if (verdict.client, key) in desk.cells]
    ranked = sorted(own, key=lambda cell: (SEVERITY.index(cell.status), *cell_order(cell)))
    views = [desk.view(cell) for cell in ranked]
    short = sum(cell.status != "unknown" and cell.worst_coverage < 1 for cell in ranked)
    chips = min(_CHIPS, short)
    return ClientView(
        verdict.client,
        desk.names.clients[verdict.client],
        status,
        status_word(status),
        _reason(desk, verdict, status, [c for c in ranked if desk.single(c.contingency)]),
        _beyond(desk, verdict),
        tuple(views[:chips]),
        tuple(views[chips:]),
    )


def _reason(desk: Desk, verdict: ClientVerdict, status: str, ranked: Sequence[ReliefCell]) -> str:
    same = [cell for cell in ranked if cell.status == status]
    worst = min(same, key=lambda cell: cell.worst_coverage) if status != "missed" else same[0]
    if status == "unknown":
        names = desk.text.list(desk.unknown_programmes(verdict.client))
        return _("No forecast for {programmes}: the requirement is not known.").format(
            programmes=names or desk.names.clients[verdict.client]
        )
    if status == "contract":
        return contract_reason(desk, same)
    if status == "missed":
        return _missed_reason(desk, worst, verdict)
    if worst.worst_interval < 0 or worst.worst_coverage >= 1:
        return _("Fully covered whatever place is lost.")
    return _("At worst {coverage} of the requirement at {time}, {condition}.").format(
        coverage=desk.text.coverage(worst.worst_coverage),
        time=desk.worst_time(worst),
        condition=desk.conditions([worst.contingency]),
    )


def _beyond(desk: Desk, verdict: ClientVerdict) -> str:
    if not verdict.beyond:
        return ""
    return _("Beyond N-1: not held {conditions}.").format(
        conditions=desk.conditions(verdict.beyond)
    )


def _missed_reason(desk: Desk, worst: ReliefCell, verdict: ClientVerdict) -> str:
    first = _("{missing} of the day is missing {condition} ({coverage} at {time}).").format(
        condition=desk.conditions([worst.contingency]),
        missing=desk.text.missing(worst.shortfall),
        coverage=desk.text.coverage(worst.worst_coverage),
        time=desk.worst_time(worst),
    )
    parts = [first]
    others = len(verdict.missed) - 1
    if others:
        parts.append(
            ngettext(
                "{count} other contingency is missed too.",
                "{count} other contingencies are missed too.",
                others,
            ).format(count=others)
        )
    if verdict.rounding:
        parts.append(
            _(
                "Only rounding to whole people misses the target {conditions}: one more agent"
                " would meet it."
            ).format(conditions=desk.conditions(verdict.rounding))
        )
    return " ".join(parts)


def contract_reason(desk: Desk, cells: Sequence[ReliefCell]) -> str:
    """Say why no plan protects a client under some contingencies, as far as the plan tells."""
    conditions = desk.conditions(cell.contingency for cell in cells)
    if any(desk.cured(cell) for cell in cells):
        return _(
            "With today’s means no relief suffices {conditions}; “What is missing” cures it."
        ).format(conditions=conditions)
    if all(cell.floor >= _WHOLE for cell in cells):
        return _(
            "No plan can protect it {conditions}: a single site allowed, work on site only."
        ).format(conditions=conditions)
    return _(
        "No plan can protect it {conditions}: even with every agent to itself,"
        " {floor} of its day would be missing."
    ).format(conditions=conditions, floor=desk.text.missing(max(cell.floor for cell in cells)))
