"""The public face of the live chain: everything that the desk and the command line import from it.

``from releve.live import api as live``; the package's docstring says what each name is for. An
import-linter contract keeps the faces from importing any other module of this package.
"""

from __future__ import annotations

from releve.live.clock import LIVE, is_drill, now, real_now
from releve.live.contacts import erase_person, import_contacts
from releve.live.coverage import ClientCoverage, Coverage, compute_coverage
from releve.live.current_operator import operator_now, rules_now
from releve.live.drills import list_drills, move_drill, start_drill, stop_drill
from releve.live.effect_queue import (
    count_waiting_effects,
    list_effects_aside,
    list_late_effects,
    retry_effect,
)
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
    is_disk_full,
)
from releve.live.event_service import RecordResult, record, refuse_reused_key
from releve.live.identity_cache import IdentityCache
from releve.live.impact_preview import ImpactPreview, preview_impact
from releve.live.lost_places import NO_LOSS
from releve.live.messages import AcknowledgeResult, MessageCounts, acknowledge, count_messages
from releve.live.models import Activation, PlanText, Relief, ReliefDay, Stream
from releve.live.photo_metadata import NotAPhoto, detect_photo_type
from releve.live.photos import MAX_PHOTO_BYTES, MAX_PHOTOS, has_photo, load_photo, store_photo
from releve.live.plans import activate_plan, load_activation, load_day_plan, put_in_force
from releve.live.presence import find_stays
from releve.live.seats import SeatCount, count_seats
from releve.live.situation_cache import situation_now
from releve.live.stream_state import Scene, list_working, load_scene, read_placement

__all__ = [
    "LIVE",
    "MAX_PHOTOS",
    "MAX_PHOTO_BYTES",
    "NO_LOSS",
    "AcknowledgeResult",
    "Activation",
    "Busy",
    "ClientCoverage",
    "ContactFaults",
    "Coverage",
    "DiskFull",
    "IdentityCache",
    "ImpactPreview",
    "KeyReused",
    "LiveError",
    "MessageCounts",
    "NoOperator",
    "NoSuch",
    "NotAPhoto",
    "PlanRefused",
    "PlanText",
    "RecordResult",
    "Refused",
    "Relief",
    "ReliefDay",
    "Scene",
    "SeatCount",
    "Stream",
    "acknowledge",
    "activate_plan",
    "compute_coverage",
    "count_messages",
    "count_seats",
    "count_waiting_effects",
    "detect_photo_type",
    "erase_person",
    "find_stays",
    "has_photo",
    "import_contacts",
    "is_disk_full",
    "is_drill",
    "list_drills",
    "list_effects_aside",
    "list_late_effects",
    "list_reliefs",
    "list_working",
    "load_activation",
    "load_day_plan",
    "load_photo",
    "load_scene",
    "move_drill",
    "now",
    "operator_now",
    "preview_impact",
    "put_in_force",
    "read_placement",
    "real_now",
    "record",
    "refuse_reused_key",
    "retry_effect",
    "rules_now",
    "situation_now",
    "start_drill",
    "stop_drill",
    "store_photo",
]


def list_reliefs(stream: str = LIVE, most: int = 50) -> list[Relief]:
    """Return the generations of a stream, the newest first: the first of them is in force."""
    return list(Relief.objects.filter(stream=stream)[:most])
