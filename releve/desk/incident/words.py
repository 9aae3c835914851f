"""The roles of an incident in words, and why something is refused there."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import pgettext_lazy

__all__ = ["ROLES", "role_word"]

ROLES = {
    "lead": lazy("incident lead"),
    "telephony": lazy("telephony"),
    "people": pgettext_lazy("incident role", "people"),
    "clients": lazy("contact with the clients"),
    "health": pgettext_lazy("incident role", "health"),
    "sites": pgettext_lazy("incident role", "sites"),
    "outbound": lazy("outbound calls"),
}
"""Role of an incident -> what it is called."""


def role_word(role: str) -> str:
    """Return what a role of an incident is called."""
    return str(ROLES[role])
