"""What a worker of uvicorn starts with: Django first, then all that needs its models."""

from __future__ import annotations

import gc
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
    from releve.gate.app import THREADS, Gate
    from releve.gate.checkpoints import checkpoint_apart
    from releve.gate.law import rules_now
    from releve.gate.versions import rules_in_use

    sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    rules_now()  # read before the first question
    if sqlite:
        checkpoint_apart(settings.DATABASES["default"]["NAME"])
    return Gate(rules_in_use, threads=1 if sqlite else THREADS, ready=_settle)


def _settle() -> None:
    """Let what is loaded by now stay: no later collection walks through it."""
    gc.collect()
    gc.freeze()
