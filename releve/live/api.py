"""Everything the desk needs of the live chain, under one name.

``from releve.live import api as live``; the package's docstring says what each is for.
"""

from __future__ import annotations

from releve.live.clock import LIVE, is_drill, now, real
from releve.live.contacts import erase_person, import_contacts
from releve.live.coverage import ClientCoverage, Coverage, coverage
from releve.live.current_operator import operator_now, rules_now
from releve.live.drills import drills, move_drill, start_drill, stop_drill
from releve.live.effect_queue import aside as effects_aside
from releve.live.effect_queue import late as effects_late
from releve.live.effect_queue import retry as retry_effect
from releve.live.effect_queue import waiting as effects_waiting
from releve.live.errors import (
    Busy,
    ContactFaults,
    DiskFull,
    KeyReused,
    LiveError,
    NoOperator,
    NoSuch,
    PlanRefused,
    Refused,
)
from releve.live.event_service import Recorded, record, refuse_other
from releve.live.impact_preview import Preview, preview
from releve.live.messages import Acknowledged, Counts, acknowledge, message_counts
from releve.live.models import Relief
from releve.live.plans import activate_plan, activation, put_in_force
from releve.live.situation_cache import situation_now
from releve.live.stream_state import Scene, scene_of

__all__ = [
    "LIVE",
    "Acknowledged",
    "Busy",
    "ClientCoverage",
    "ContactFaults",
    "Counts",
    "Coverage",
    "DiskFull",
    "KeyReused",
    "LiveError",
    "NoOperator",
    "NoSuch",
    "PlanRefused",
    "Preview",
    "Recorded",
    "Refused",
    "Scene",
    "acknowledge",
    "activate_plan",
    "activation",
    "coverage",
    "drills",
    "effects_aside",
    "effects_late",
    "effects_waiting",
    "erase_person",
    "import_contacts",
    "is_drill",
    "message_counts",
    "move_drill",
    "now",
    "operator_now",
    "preview",
    "put_in_force",
    "real",
    "record",
    "refuse_other",
    "reliefs",
    "retry_effect",
    "rules_now",
    "scene_of",
    "situation_now",
    "start_drill",
    "stop_drill",
]


def reliefs(stream: str = LIVE, most: int = 50) -> list[Relief]:
    """Return the generations of a stream, the newest first: the first of them is in force."""
    return list(Relief.objects.filter(stream=stream)[:most])
