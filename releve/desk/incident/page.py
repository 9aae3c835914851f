"""What the pages of incidents hold, in no language: the list, and one with its log and steps."""

from __future__ import annotations

from pydantic import Field

from releve.accounts.scopes import Scope
from releve.desk.live.streams import ShownStream
from releve.desk.live.words import ROLES
from releve.desk.page import PageModel, StreamPage
from releve.live import api as live
from releve.network import Operator
from releve.situation import (
    Incident,
    IncidentClosed,
    IncidentDecided,
    IncidentOpened,
    IncidentReviewed,
    IncidentRoleTaken,
    IncidentTask,
)


class IncidentHead(PageModel):
    """An incident: how it was opened and closed; the id of its opening names it."""

    opened: IncidentOpened
    closed: IncidentClosed | None
    place: str = Field(description="Name of the site, or of the operator")


class IncidentsPage(StreamPage):
    """The incidents of a stream that the reader may see, the newest first."""

    incidents: tuple[IncidentHead, ...]

    @property
    def open(self) -> tuple[IncidentHead, ...]:
        """Those that are not closed."""
        return tuple(row for row in self.incidents if row.closed is None)

    @property
    def over(self) -> tuple[IncidentHead, ...]:
        """Those that are closed."""
        return tuple(row for row in self.incidents if row.closed is not None)


class IncidentPage(StreamPage, IncidentHead):
    """One incident."""

    roles: tuple[IncidentRoleTaken, ...] = Field(description="The holders of roles")
    decisions: tuple[IncidentDecided, ...] = Field(description="The newest first")
    tasks: tuple[IncidentTask, ...] = Field(description="Those to be done first")
    review: IncidentReviewed | None
    steps: tuple[live.ResponseStep, ...] = Field(description="Of the review alone")
    log: tuple[live.LogEntry, ...] = Field(description="The newest first; in a review, the last")

    @property
    def held(self) -> list[tuple[str, IncidentRoleTaken | None]]:
        """Every role with its holder."""
        found = {row.role: row for row in self.roles}
        return [(role, found.get(role)) for role in ROLES]

    @property
    def follow_ups(self) -> tuple[IncidentTask, ...]:
        """The tasks that follow from the review."""
        return tuple(row for row in self.tasks if row.set.follow_up)


def incidents_page(
    shown: ShownStream, operator: Operator, incidents: tuple[Incident, ...]
) -> IncidentsPage:
    """Return the list of some incidents."""
    return IncidentsPage(
        **shown.build_head(operator.row.time_zone),
        incidents=tuple(
            IncidentHead.from_row(row, place=_name_place(row, operator)) for row in incidents
        ),
    )


def _name_place(incident: Incident, operator: Operator) -> str:
    site = operator.site.get(incident.site)
    return operator.row.name if site is None else site.name


def incident_page(
    shown: ShownStream, operator: Operator, incident: Incident, seen: Scope, *, whole: bool
) -> IncidentPage:
    """Return one incident; ``whole``: with its steps, its log from the beginning."""
    stream = shown.name
    start = live.find_incident_start(incident, live.situation_now(stream))
    log = live.list_incident_log(incident, start, stream, seen.sees)
    return IncidentPage.from_row(
        incident,
        **shown.build_head(operator.row.time_zone),
        place=_name_place(incident, operator),
        decisions=incident.decisions[::-1],
        tasks=tuple(sorted(incident.tasks, key=lambda row: row.done is not None)),
        steps=live.list_response_steps(incident, start, stream) if whole else (),
        log=log[::-1] if whole else log,
    )
