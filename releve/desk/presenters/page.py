"""What frames every page (operator, day, days beside it), and the verdict page itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.urls import reverse

from releve.desk.presenters.cells import Desk
from releve.desk.presenters.client_view import narrowed
from releve.desk.presenters.matrix import Matrix, matrix
from releve.desk.presenters.missing import Missing, missing
from releve.desk.presenters.proof import Proof, proof
from releve.desk.presenters.text import text_now
from releve.desk.presenters.verdict import Banner, ClientLists, banner, client_lists, client_views
from releve.live.api import Kept
from releve.plan.result import Plan

__all__ = ["DayLink", "Frame", "VerdictPage", "desk_of", "frame", "verdict_page"]


@dataclass(frozen=True, slots=True)
class DayLink:
    """A day of the folder; ``current`` when it is the one shown."""

    label: str
    title: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Frame:
    """Head and foot of a page."""

    operator: str
    synthetic: bool
    day: str
    days: tuple[DayLink, ...]
    home: str
    version: str


@dataclass(frozen=True, slots=True)
class VerdictPage:
    """The first page, from the verdict to its proof; without the last two for a client."""

    banner: Banner
    clients: ClientLists
    matrix: Matrix
    missing: Missing | None
    proof: Proof | None


def desk_of(plan: Plan, days: Sequence[date], clients: frozenset[str] | None = None) -> Desk:
    """Return the desk of a plan, or of what some clients may see of it.

    Its addresses name the day unless it is the folder's first. It is the same object for as long as
    the plan is.
    """
    day = None if plan.day == days[0] else plan.day
    text = text_now(plan.time_zone)

    def made() -> Desk:
        if clients is None:
            return Desk(plan, text, day)
        return Desk(narrowed(plan, clients), text, day, whole=False)

    return _desks.get((text, day, clients), (plan,), made)


_desks: Kept[Desk] = Kept(64)
"""By language, day and the clients seen: what was worked out of a plan stands while it does."""


def frame(desk: Desk, days: Sequence[date]) -> Frame:
    """Return what frames the pages of a plan."""
    home = reverse("verdict")
    links = (
        DayLink(
            desk.text.short_day(day),
            desk.text.day(day),
            home if at == 0 else f"{home}?day={day.isoformat()}",
            day == desk.plan.day,
        )
        for at, day in enumerate(days)
    )
    return Frame(
        desk.plan.operator,
        desk.plan.synthetic,
        desk.text.day(desk.plan.day),
        tuple(links) if len(days) > 1 else (),
        desk.url("verdict"),
        desk.plan.version,
    )


def verdict_page(desk: Desk) -> VerdictPage:
    """Return the verdict page of a plan."""
    clients = client_views(desk)
    return VerdictPage(
        banner(desk),
        client_lists(clients),
        matrix(desk, clients),
        missing(desk) if desk.whole else None,
        proof(desk) if desk.whole else None,
    )
