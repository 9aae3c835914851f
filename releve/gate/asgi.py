"""What a worker of uvicorn starts with: Django first, then all that needs its models."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from releve.gate.app import Gate

__all__ = ["application"]


def application() -> Gate:
    """Return the application of this installation."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    import django
    from django.conf import settings

    django.setup()
    from releve.gate.app import DECIDERS, Gate
    from releve.gate.beside import settle, start_beside
    from releve.gate.checkpoints import checkpoint_apart
    from releve.gate.law import rules_now

    sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    rules_now()  # read before the first question
    if sqlite:
        checkpoint_apart(settings.DATABASES["default"]["NAME"])
    return Gate(rules_now, start_beside, deciders=1 if sqlite else DECIDERS, ready=settle)
