"""Who may have which pack: kinds by permission, recipients by the reach of a user's roles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from releve.accounts.scopes import can, scope_for
from releve.network import Operator
from releve.plugins.crashtest.orders import open_crash_tests
from releve.plugins.evidence.incident_pack import find_incident, list_incidents
from releve.plugins.evidence.pack import PACK_KINDS

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


PERMISSIONS_BY_KIND: Mapping[str, str] = {
    "client": "evidence.client",
    "inspection": "evidence.inspection",
    "incident": "incident.work",
    "audit": "evidence.audit",
    "crashtest": "evidence.audit",
    "association": "evidence.association",
}
"""Kind of pack -> the permission to obtain it."""
_ORDER = ("incident", "inspection", "client", "audit", "association", "crashtest")


@dataclass(frozen=True, slots=True)
class PackChoice:
    """A pack that can be made: its kind, for whom by id (empty: the whole operator), by name."""

    kind: str
    recipient: str
    name: str


def has_reach(user: AnyUser, kind: str, recipient: str, permission: str = "") -> bool:
    """Return whether a user may have a pack: those of their own client or site, where limited.

    Of an incident, those who may work in its room and see each of its sites.
    """
    reach = scope_for(user, permission or PERMISSIONS_BY_KIND[kind])
    names = PACK_KINDS[kind].recipient
    if names == "incident":
        found = find_incident(recipient)
        sites = () if found is None else found.sites
        return reach.is_whole or (bool(sites) and all(reach.covers(site=site) for site in sites))
    if names == "client":
        return reach.covers(client=recipient)
    return reach.covers(site=recipient) if names == "site" else reach.is_whole


def list_pack_choices(user: AnyUser, operator: Operator) -> Iterator[PackChoice]:
    """Yield the packs that a user may make; those with health for who sees it at the site."""
    for kind in _ORDER:
        for recipient, name in _list_recipients(kind, operator):
            held = has_reach(user, kind, recipient)
            makes = has_reach(user, kind, recipient, "evidence.make")
            sees = not PACK_KINDS[kind].shows_health or can(user, "health.see", site=recipient)
            if held and makes and sees:
                yield PackChoice(kind, recipient, name)


def name_recipient(kind: str, recipient: str, operator: Operator) -> str:
    """Return the name of the client, site or incident that a pack is for; else what it is for, as given."""
    names = PACK_KINDS[kind].recipient
    if names == "incident":
        found = find_incident(recipient)
        return recipient if found is None else found.title
    known = dict(_list_recipients(kind, operator)) if names in ("client", "site") else {}
    return known.get(recipient, recipient)


def _list_recipients(kind: str, operator: Operator) -> list[tuple[str, str]]:
    names = PACK_KINDS[kind].recipient
    if names == "site":
        return [(row.id, row.name) for row in operator.sites]
    if names == "client":
        return [(row.id, row.name) for row in operator.clients]
    if names == "incident":
        return [(row.id, row.title) for row in list_incidents()]
    if names == "run":
        done = (job for job in open_crash_tests().list_jobs() if job.state == "done")
        return [(job.id, job.order.name) for job in done]
    return [("", "")]
