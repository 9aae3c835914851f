"""The public face of the live chain: all that the desk and the command line use of it.

``from releve.live import api as live``; the package's docstring says what each name is for. An
import-linter contract keeps the faces from importing any other module of this package.
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
    is_full,
)
from releve.live.event_service import Recorded, record, refuse_other
from releve.live.identity_cache import Kept
from releve.live.impact_preview import Preview, preview
from releve.live.lost_places import NOTHING
from releve.live.messages import Acknowledged, Counts, acknowledge, message_counts
from releve.live.models import Activation, PlanText, Relief, ReliefDay, Stream
from releve.live.photo_metadata import NotAPhoto, type_of
from releve.live.photos import MOST_BYTES, MOST_PHOTOS, has_photo, keep_photo, photo
from releve.live.plans import activate_plan, activation, day_plan, put_in_force
from releve.live.situation_cache import situation_now
from releve.live.stream_state import Scene, placement_of, scene_of, working

__all__ = [
    "LIVE",
    "MOST_BYTES",
    "MOST_PHOTOS",
    "NOTHING",
    "Acknowledged",
    "Activation",
    "Busy",
    "ClientCoverage",
    "ContactFaults",
    "Counts",
    "Coverage",
    "DiskFull",
    "Kept",
    "KeyReused",
    "LiveError",
    "NoOperator",
    "NoSuch",
    "NotAPhoto",
    "PlanRefused",
    "PlanText",
    "Preview",
    "Recorded",
    "Refused",
    "Relief",
    "ReliefDay",
    "Scene",
    "Stream",
    "acknowledge",
    "activate_plan",
    "activation",
    "coverage",
    "day_plan",
    "drills",
    "effects_aside",
    "effects_late",
    "effects_waiting",
    "erase_person",
    "has_photo",
    "import_contacts",
    "is_drill",
    "is_full",
    "keep_photo",
    "message_counts",
    "move_drill",
    "now",
    "operator_now",
    "photo",
    "placement_of",
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
    "type_of",
    "working",
]


def reliefs(stream: str = LIVE, most: int = 50) -> list[Relief]:
    """Return the generations of a stream, the newest first: the first of them is in force."""
    return list(Relief.objects.filter(stream=stream)[:most])
