"""The roles, what each may be limited to, and which of them come from outside the operator."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as lazy

__all__ = [
    "BY_CLIENT",
    "BY_SITE",
    "DATED",
    "MAY_NAME_CLIENTS",
    "MAY_NAME_SITES",
    "OUTSIDE",
    "READ_ONLY",
    "WATCHING",
    "Role",
    "label_role",
]


class Role(TextChoices):
    """The job of a user; one user may hold several roles."""

    CONTINUITY = "continuity", lazy("Continuity manager")
    PLANNER = "planner", lazy("Planner")
    FLOW = "flow", lazy("Flow manager")
    SITE = "site", lazy("Site lead")
    HEALTH = "health", lazy("Health officer")
    OUTBOUND = "outbound", lazy("Outbound manager")
    CLIENT = "client", lazy("Client’s representative")
    INSPECTOR = "inspector", lazy("Inspector")
    AUDITOR = "auditor", lazy("Auditor")
    ADMINISTRATOR = "administrator", lazy("Administrator")
    MONITORING = "monitoring", lazy("Monitoring")


def label_role(role: str) -> str:
    """Return what a role is called in the reader's language; a word that is none as it is."""
    return str(Role(role).label) if role in Role.values else role


BY_SITE = frozenset({Role.SITE})
"""Only for the sites named; naming none is refused."""

BY_CLIENT = frozenset({Role.CLIENT})
"""Only for the clients named; naming none is refused."""

MAY_NAME_SITES = BY_SITE | {Role.INSPECTOR, Role.AUDITOR}
"""May be held for some sites; for any other role, naming a site is refused."""

MAY_NAME_CLIENTS = BY_CLIENT | {Role.AUDITOR}
"""May be held for some clients; for any other role, naming a client is refused."""

OUTSIDE = frozenset({Role.CLIENT, Role.INSPECTOR, Role.AUDITOR})
"""Not of the operator: what is not theirs is not there (404), instead of forbidden (403)."""

WATCHING = frozenset({Role.MONITORING})
"""Read the metrics and nothing else: for the program that collects them."""

READ_ONLY = WATCHING | OUTSIDE - {Role.AUDITOR, Role.CLIENT}
"""See, and never act; an auditor records what the audit saw, and nothing else."""

DATED = frozenset({Role.INSPECTOR, Role.AUDITOR})
"""Held from one day to another; an end is required."""
