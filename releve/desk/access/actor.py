"""The name under which the acts of a request are recorded."""

from __future__ import annotations

from django.http import HttpRequest


def actor_name(request: HttpRequest) -> str:
    """Return the name of the account or program that sent a request; ValueError without one."""
    name = request.user.get_username()
    if not name:
        raise ValueError("request has no signed-in user: guard the view with require_permission()")
    return name
