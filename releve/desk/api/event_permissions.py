"""Check that a recorder may record an event of its kind at its site."""

from __future__ import annotations

from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja.errors import HttpError

from releve.accounts.scopes import can, scope_for
from releve.live import api as live
from releve.network import Operator
from releve.situation import (
    KINDS,
    AuthorisationWithdrawn,
    ClosureExtended,
    Event,
    EventCorrected,
    SiteClosed,
    SiteReopened,
    Situation,
    list_permits,
)

__all__ = ["refuse_elsewhere"]


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
    for permission in {KINDS[kind].permission for kind in kinds}:
        if place and not can(request.user, permission, site=place):
            raise Http404(_("There is no such site."))
        if not place and scope_for(request.user, permission).sites is not None:
            raise HttpError(403, _("Your role is held for some sites: this is of none of them."))


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
