"""The start of a uvicorn worker: Django first, then all that needs its models."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

from releve.files.home import require_home

if TYPE_CHECKING:
    from releve.plugins.outbound.gate.app import Gate

_CONNECTIONS = 2
"""Groups that are decided at a time on a database that has more than one writer."""


def application() -> Gate:
    """Return the application of this installation."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
    import django
    from django.conf import settings

    django.setup()
    require_home(Path(settings.HOME))
    from releve.plugins.outbound.gate.app import BUDGET_SECONDS, Gate
    from releve.plugins.outbound.gate.callers import parse_callers
    from releve.plugins.outbound.gate.campaign_cache import load_stored_rules
    from releve.plugins.outbound.gate.connections import open_connection
    from releve.plugins.outbound.gate.current_rules import load_current_rules
    from releve.plugins.outbound.gate.decider import Decider
    from releve.plugins.outbound.gate.journal import check_ledger
    from releve.plugins.outbound.gate.wal_checkpoints import start_checkpoints

    sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    load_current_rules()  # read before the first question
    if sqlite:
        start_checkpoints(settings.DATABASES["default"]["NAME"])
    count = 1 if sqlite else _CONNECTIONS

    deciders = [Decider(load_stored_rules, open_connection, BUDGET_SECONDS, check_ledger) for _ in range(count)]
    callers = parse_callers(settings.GATE_CALLERS)
    return Gate(load_current_rules, deciders, callers=callers, ready=_freeze_loaded)


def _freeze_loaded() -> None:
    """Let what is loaded by now stay: no later collection walks through it."""
    gc.collect()
    gc.freeze()
