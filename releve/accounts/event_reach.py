"""Which events a user may record: those of the sites for which the permission of a kind is held."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from releve.accounts.grants import AccessError
from releve.accounts.scopes import can, scope_for
from releve.network import Operator
from releve.situation import (
    KINDS,
    AgentBack,
    AgentUnavailable,
    AuditConcluded,
    AuditOpened,
    AuthorisationWithdrawn,
    CaseDeclared,
    ClosureExtended,
    Event,
    EventCorrected,
    EventRefusal,
    FindingAnswered,
    FindingVerified,
    SiteClosed,
    SiteReopened,
    Situation,
    list_permits,
    refuse,
)

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


class EventElsewhere(AccessError):  # noqa: N818 (named like the others)
    """An event of a site for which its recorder does not hold the permission."""


class EventOfNoSite(AccessError):  # noqa: N818 (named like the others)
    """An event of no one site, while the role of its recorder is held for some sites only."""


def check_event_reach(user: AnyUser, event: Event, operator: Operator, situation: Situation) -> None:
    """Check that a user holds the permission of an event's kind at its site.

    A correction also takes the permission of what it corrects; of an order that closes a site,
    that of a reopening too, and that alone where a rule gave the order. EventElsewhere for another
    site, for an audit or a finding of one and for one that does not exist; EventOfNoSite for an
    event of no one site when the role is held for some sites only.
    """
    if event.family == AuditOpened.family:
        _check_audit_reach(user, event, situation)
        return
    judged: Event | None = event
    if isinstance(event, EventCorrected):
        judged = situation.event(event.corrects)
    place = "" if judged is None else _find_site(judged, operator, situation)
    kinds = {event.kind, (judged or event).kind}
    if event is not judged and isinstance(judged, SiteClosed | ClosureExtended):
        kinds = {event.kind, SiteReopened.kind, *(() if judged.rule else (judged.kind,))}
    for permission in {KINDS[kind].permission for kind in kinds}:
        if place and not can(user, permission, site=place):
            raise EventElsewhere(place)
        if not place and scope_for(user, permission).sites is not None:
            raise EventOfNoSite(event.kind)


def build_health_check(
    user: AnyUser, event: Event, operator: Operator
) -> Callable[[Situation], Iterable[EventRefusal]]:
    """Return what refuses the correction of a record of a case by a user who may not see cases."""

    def judge(situation: Situation) -> Iterable[EventRefusal]:
        if isinstance(event, EventCorrected):
            wrong = situation.event(event.corrects)
            if isinstance(wrong, CaseDeclared) and not can(user, "health.cases", site=wrong.site):
                yield refuse("correction.health")

    return judge


def _check_audit_reach(user: AnyUser, event: Event, situation: Situation) -> None:
    """Check that a user holds the permission for the sites of an event of an audit.

    An opening and a conclusion are of every site of the sample, the other events of one site of it,
    and those of a finding of the site where it was raised. To a role held for some sites an audit
    or a finding elsewhere answers as one that does not exist: a refusal would tell of its sample.
    """
    reach = scope_for(user, event.permission)
    if reach.sites is None:
        return
    audit = situation.charter_audits.get(getattr(event, "audit", ""))
    sample = () if audit is None else audit.opened.sites
    if isinstance(event, AuditOpened):
        sample = event.sites
    if isinstance(event, AuditOpened | AuditConcluded):
        within = bool(sample) and reach.sites.issuperset(sample)
    else:
        site = str(getattr(event, "site", ""))
        within = site in sample and site in reach.sites
    if audit is not None and isinstance(event, FindingAnswered | FindingVerified):
        finding = audit.find_finding(event.finding)
        within = within and finding is not None and finding.raised.site in reach.sites
    if not within:
        raise EventElsewhere(str(getattr(event, "audit", "")))


def narrow_return(user: AnyUser, event: Event, operator: Operator, situation: Situation) -> Event | EventRefusal:
    """Return an agent's return that ends what its recorder may end; other events as they are.

    Who may not see the cases of a site ends the absences that they noted themselves, or the agent by a
    message's link: not a health measure, and none of another person, so that the refusal does not tell the two apart.
    """
    if not isinstance(event, AgentBack):
        return event
    if can(user, "health.see", site=_find_site(event, operator, situation)):
        return event
    if not event.absence:
        return replace(event, absence=AgentBack.OWN)
    absences = situation.absences.get(event.agent, ())
    own = [AgentBack.OWN, *(row.event for row in absences if row.actor in (event.actor, *AgentUnavailable.BY_MESSAGE))]
    if event.absence not in own:
        return refuse("absence.unknown", agent=event.agent, absence=event.absence)
    return event


def _find_site(event: Event, operator: Operator, situation: Situation) -> str:
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
