"""Whose an event is: the permission that a kind takes, and the site for which it must be held."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja.errors import HttpError

from releve.desk.access.scopes import can, scope
from releve.live import api as live
from releve.network import Operator
from releve.situation import (
    AuthorisationWithdrawn,
    ClosureExtended,
    Event,
    EventCorrected,
    SiteClosed,
    SiteReopened,
    Situation,
    permits_of,
    subject_of,
)

__all__ = ["PERMISSION_OF", "refuse_elsewhere"]

PERMISSION_OF: Mapping[str, str] = {
    "agent.back": "event.record.other",
    "agent.unavailable": "event.record.other",
    "agents.present": "event.record.other",
    "audit.verdict": "event.record.inspection",
    "authorisation.granted": "event.record.other",
    "authorisation.withdrawn": "event.record.other",
    "case.declared": "event.record.case",
    "check.done": "event.record.check",
    "closure.extended": "event.record.closure",
    "event.corrected": "event.record.closure",
    "incident.closed": "incident.work",
    "incident.decided": "incident.work",
    "incident.noted": "incident.work",
    "incident.opened": "incident.work",
    "incident.reviewed": "incident.work",
    "incident.role_taken": "incident.work",
    "incident.task_done": "incident.work",
    "incident.task_set": "incident.work",
    "inspection.held": "event.record.inspection",
    "link.down": "event.record.other",
    "link.up": "event.record.other",
    "power.down": "event.record.other",
    "power.up": "event.record.other",
    "reopening.approved": "reopening.approve",
    "reopening.checked": "reopening.approve",
    "site.closed": "event.record.closure",
    "site.reopened": "reopening.approve",
    "tests.done": "event.record.inspection",
}
"""Kind -> the permission to record it. A correction also takes that of what it corrects; of an
order that closes a site, that of a reopening too."""


def refuse_elsewhere(request: HttpRequest, event: Event, stream: str) -> None:
    """Refuse an event of a place for which the recorder's role is not held.

    Http404 for another site; HttpError 403 for what is of no one site, to who is here for some.
    """
    operator, situation = live.operator_now(), live.situation_now(stream)
    judged: Event | None = event
    if isinstance(event, EventCorrected):
        judged = situation.event(event.corrects)
    place = "" if judged is None else _site(judged, operator, situation)
    kinds = {event.kind, (judged or event).kind}
    if event is not judged and isinstance(judged, SiteClosed | ClosureExtended):
        kinds.add(SiteReopened.kind)
    for permission in {PERMISSION_OF[kind] for kind in kinds}:
        if place and not can(request.user, permission, site=place):
            raise Http404(_("There is no such site."))
        if not place and scope(request.user, permission).sites is not None:
            raise HttpError(403, _("Your role is held for some sites: this is of none of them."))


def _site(event: Event, operator: Operator, situation: Situation) -> str:
    """Return the site an event is of: its own, its agent's, its permit's; empty: of no one site."""
    site = str(getattr(event, "site", ""))
    if site:
        return site
    agent = subject_of(event)
    if isinstance(event, AuthorisationWithdrawn):
        held = {row.id: row for row in permits_of(situation, operator)}.get(event.authorisation)
        if held is not None and held.of == "site":
            return held.subject
        agent = held.subject if held is not None and held.of == "agent" else ""
    found = operator.agent.get(agent)
    return "" if found is None else found.home_site
