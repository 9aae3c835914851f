"""Who may see and record what of outbound calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as lazy

from releve.accounts.permissions import Permission, Role
from releve.accounts.scopes import scope_for
from releve.plugins.outbound.engine.facts import EVERY_CLIENT
from releve.plugins.outbound.gate.campaigns import load_campaigns
from releve.plugins.outbound.gate.pseudonyms import resolve_client

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

PERMISSIONS = (
    Permission(
        "outbound.see",
        frozenset({Role.CONTINUITY, Role.FLOW, Role.OUTBOUND, Role.CLIENT}),
        lazy("see which calls may be placed"),
    ),
    Permission(
        "outbound.rules",
        frozenset({Role.OUTBOUND, Role.ADMINISTRATOR, Role.INSPECTOR, Role.AUDITOR}),
        lazy("read the rules of outbound calls"),
    ),
    Permission(
        "outbound.manage",
        frozenset({Role.OUTBOUND}),
        lazy("screen lists and set the rules of outbound calls"),
        acts=True,
    ),
    Permission(
        "outbound.request",
        frozenset({Role.CONTINUITY, Role.FLOW, Role.SITE, Role.OUTBOUND}),
        lazy("record what a person says on the phone"),
        acts=True,
    ),
    Permission(
        "outbound.rights",
        frozenset({Role.OUTBOUND}),
        lazy("see, export and erase what is stored about a person"),
        acts=True,
    ),
)


def list_clients_within(user: AnyUser) -> tuple[str, ...]:
    """Return the clients by name: a role held for sites reaches those whose campaigns run there."""
    reach = scope_for(user, "outbound.request")
    found = {
        row.client
        for row in load_campaigns().values()
        if reach.has_client(row.client) or (row.site and reach.has_site(row.site))
    }
    return tuple(sorted(found))


def can_reach(user: AnyUser, client: str) -> bool:
    """Return whether a user may record for a client; for every client, without a limit."""
    if scope_for(user, "outbound.request").clients is None:
        return True
    return client != EVERY_CLIENT and resolve_client(client) in list_clients_within(user)
