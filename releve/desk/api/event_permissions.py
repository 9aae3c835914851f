"""Check that a recorder may record an event of its kind at its site."""

from __future__ import annotations

from dataclasses import replace

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja.errors import HttpError

from releve.accounts.scopes import can, scope_for
from releve.live import api as live
from releve.network import Operator
from releve.situation import (
    KINDS,
    AgentBack,
    AuditConcluded,
    AuditOpened,
    AuthorisationWithdrawn,
    ClosureExtended,
    Event,
    EventCorrected,
    SiteClosed,
    SiteReopened,
    Situation,
    list_permits,
    refuse,
)


def refuse_elsewhere(request: HttpRequest, event: Event, stream: str) -> None:
    """Refuse an event of a site for which the recorder does not hold the permission of its kind.

    A correction also takes the permission of what it corrects; of an order that closes a site,
    that of a reopening too. Raises Http404 for another site, HttpError 403 for an event of no one
    site when the role is held for some sites only.
    """
    operator, situation = live.operator_now(), live.situation_now(stream)
    judged: Event | None = event
    if isinstance(event, EventCorrected):
        judged = situation.event(event.corrects)
    place = "" if judged is None else _site(judged, operator, situation)
    kinds = {event.kind, (judged or event).kind}
    if event is not judged and isinstance(judged, SiteClosed | ClosureExtended):
        kinds.add(SiteReopened.kind)
    if isinstance(event, AuditOpened | AuditConcluded):
        refuse_audit_elsewhere(request, event, situation)
        return
    for permission in {KINDS[kind].permission for kind in kinds}:
        if place and not can(request.user, permission, site=place):
            raise Http404(_("There is no such site."))
        if not place and scope_for(request.user, permission).sites is not None:
            raise HttpError(403, _("Your role is held for some sites: this is of none of them."))


def refuse_audit_elsewhere(
    request: HttpRequest, event: AuditOpened | AuditConcluded, situation: Situation
) -> None:
    """Raise Http404 unless the recorder holds the permission for every site of an audit."""
    audit = situation.charter_audits.get(event.audit)
    opened = event if isinstance(event, AuditOpened) else audit and audit.opened
    sites = opened.sites if opened else ()
    reach = scope_for(request.user, event.permission)
    if reach.sites is not None and not (sites and reach.sites.issuperset(sites)):
        raise Http404(_("There is no such site."))


def narrow_return(request: HttpRequest, event: Event, stream: str) -> Event:
    """Return an agent's return that ends what its recorder may end.

    Who may not see the cases of a site ends the absences that they noted themselves: not a health
    measure, and none of another person, so that the answer does not tell the two apart.
    """
    operator, situation = live.operator_now(), live.situation_now(stream)
    if not isinstance(event, AgentBack):
        return event
    if can(request.user, "health.see", site=_site(event, operator, situation)):
        return event
    if not event.absence:
        return replace(event, absence=AgentBack.OWN)
    absences = situation.absences.get(event.agent, ())
    own = [AgentBack.OWN, *(row.event for row in absences if row.actor == event.actor)]
    if event.absence not in own:
        fault = refuse("absence.unknown", agent=event.agent, absence=event.absence)
        raise live.Refused((fault,))
    return event


def _site(event: Event, operator: Operator, situation: Situation) -> str:
    """Return the site an event is of: its own, its agent's, its permit's; empty: of no one site."""
    site = str(getattr(event, "site", ""))
    if site:
        return site
    agent = event.person
    if isinstance(event, AuthorisationWithdrawn):
        held = {row.id: row for row in list_permits(situation, operator)}.get(event.authorisation)
        if held is not None and held.of == "site":
            return held.subject
        agent = held.subject if held is not None and held.of == "agent" else ""
    found = operator.agent.get(agent)
    return "" if found is None else found.home_site
