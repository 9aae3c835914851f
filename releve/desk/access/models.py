"""People who sign in."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser

__all__ = ["User"]


class User(AbstractUser):
    """One person with a sign-in of their own; what they may do comes from their roles."""
