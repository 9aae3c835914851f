"""The people of a lost site: a roll call where it is evacuated; elsewhere who goes home, with no word of safety."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from pydantic import Field

from releve.accounts import reidentification
from releve.accounts.scopes import can
from releve.desk.filters import add_words
from releve.desk.page import PageModel
from releve.desk.text import text_now
from releve.live import api as live
from releve.live.api import MessageCounts, SiteWork

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser
    from releve.desk.places.page import SitePage, StreamContext

RollState = Literal["missing", "unanswered", "answered", "safe"]
Course = Literal["evacuation", "health", "order"]
"""How a site is left: at once, because of a hazard or without power; at the end of a shift or when it closes, because
of cases of an illness, or by order."""
_ORDER: tuple[RollState, ...] = ("missing", "unanswered", "answered", "safe")
OPEN_ROLL = 8
"""People of a roll call shown unfolded: the missing come first."""
_BEFORE = timedelta(minutes=1)
"""Who was at a site in the last minute before it was lost was there when it was."""


class RollRow(PageModel):
    """One person at a roll call."""

    agent: str
    state: RollState
    at: datetime | None = Field(default=None, description="When the state was recorded")
    by: str = Field(default="", description="Who recorded it; empty: the person answered a message")
    addresses: tuple[str, ...] = Field(default=(), description="Where the reader may call")


class SiteCrew(PageModel):
    """The people of a site that is lost, as its lead needs them first."""

    course: Course = Field(description="How it is left: an evacuation has a roll call")
    since: datetime = Field(description="Of the loss: who was there then is called")
    roll: tuple[RollRow, ...] = Field(description="The missing first, those who have not answered next")
    safe: int = Field(description="Found safe, or answered a message since the loss")
    missing: int
    unanswered: int
    calls: bool = Field(description="Whether the reader sees telephone numbers and marks people")
    names: Literal["none", "reader", "others"] = Field(
        description="Who may read names: none are held; this reader; the site's lead and the continuity manager alone"
    )
    work: SiteWork = Field(description="What becomes of those who were there, of later shifts, and of others of it")
    counts: MessageCounts = Field(description="Of the messages to its own people")

    @property
    def open(self) -> tuple[RollRow, ...]:
        """Those who are missing or have not answered."""
        return tuple(row for row in self.roll if row.state in ("missing", "unanswered"))

    @property
    def found(self) -> tuple[RollRow, ...]:
        """Those who are safe or have answered."""
        return tuple(row for row in self.roll if row.state in ("answered", "safe"))


def find_crew(now: StreamContext, scene: live.Scene | None, site: str, user: AnyUser) -> SiteCrew | None:
    """Return the people of a site; None while it is not lost, or to readers who may not see its people."""
    if not can(user, "relief.people", site=site) or scene is None or not scene.days:
        return None
    status = live.describe_sites(now.operator, now.situation, scene)[site]
    since = status.since
    if since is None or not any(site in loss.sites for loss in scene.wanted.values()):
        return None
    calls, reads = can(user, "relief.call", site=site), can(user, "roll.names", site=site)
    roll = tuple(_list_rows(now, site, since, calls=calls))
    states = [row.state for row in roll]
    return SiteCrew(
        course=_COURSES.get(status.cause or status.outage, "order"),
        since=since,
        roll=tuple(sorted(roll, key=lambda row: (_ORDER.index(row.state), row.agent))),
        safe=states.count("safe") + states.count("answered"),
        missing=states.count("missing"),
        unanswered=states.count("unanswered"),
        calls=calls,
        names="none" if not reidentification.has_names() else "reader" if reads else "others",
        work=live.describe_site_work(scene, site, {row.agent for row in roll}),
        counts=live.count_messages(now.stream, [site]),
    )


_COURSES: Mapping[str, Course] = {"hazard": "evacuation", "power": "evacuation", "rule": "health"}
"""Cause or outage by which a site is lost -> how it is left; by any other, in order."""


def _list_rows(now: StreamContext, site: str, since: datetime, *, calls: bool) -> Iterator[RollRow]:
    """Yield who was at a site when it was lost by the plan and its reliefs, and who was marked since."""
    stays = live.find_stays(now.stream, now.operator, now.situation, (since - _BEFORE, since))
    marks = {
        agent: mark
        for (place, agent), mark in now.situation.roll.items()
        if place == site and agent and mark.happened_at >= since
    }
    agents = sorted({stay.agent for stay in stays if stay.site == site} | marks.keys())
    notified = {row.agent: row for row in live.list_notified_agents(now.stream)}
    numbers = live.list_addresses(agents) if calls else {}
    for agent in agents:
        row = RollRow(agent=agent, state="unanswered", addresses=tuple(numbers.get(agent, ())))
        mark, own = marks.get(agent), notified.get(agent)
        if mark is not None:
            yield row.model_copy(update={"state": mark.found, "at": mark.happened_at, "by": mark.actor})
        elif own is not None and own.acknowledged_at is not None and own.acknowledged_at >= since:
            yield row.model_copy(update={"state": "answered", "at": own.acknowledged_at, "by": own.answered_to})
        else:
            yield row


register = Library()

_STATES = {
    "missing": lazy("missing"),
    "unanswered": lazy("not yet answered"),
    "answered": lazy("has answered"),
    "safe": lazy("safe"),
}
_TONES = {"missing": "missed", "unanswered": "thin", "answered": "held", "safe": "held"}
add_words(register, "roll_word", _STATES)
add_words(register, "roll_tone", _TONES)


@register.filter
def names_words(crew: SiteCrew) -> str:
    """Return why people go by codes, and who may read their names."""
    if crew.names == "none":
        return _("People go by their codes: their names are not stored here, but in your own list.")
    if crew.names == "reader":
        return _("People go by their codes. You may read the names while the site is lost; that you did is recorded.")
    return _(
        "People go by their codes. The site’s lead and the continuity manager may read the names while the site is"
        " lost; each reading is recorded."
    )


@register.filter
def loss_time(crew: SiteCrew, page: SitePage) -> str:
    """Return when a site was lost, its own time beside it, with the day where that is not today."""
    text = text_now(page.time_zone)
    return f"{text.near(crew.since, page.at)}{text.beside(crew.since, page.status.time_zone)}"
