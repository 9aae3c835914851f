"""Layouts of files: the answers that a user gave for a set of headers, so that the next file asks nothing."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Container, Mapping, Sequence

from django.utils import timezone

from releve.errors import Phrase
from releve.registry.models import FileLayout
from releve.registry.tables import NotThere

SCHEDULE = "schedule:"
"""What the name of a schedule's layout begins with; the queues of one are the kinds of its activities."""
_NEVER_KEPT = frozenset(("nature",))
"""Whether calls are a forecast is asked of each file: the headers of both are alike."""


def digest_layout(name: str, headers: Sequence[str]) -> str:
    """Return the name of a layout: its headers in any order; of a file without headers its name without digits too."""
    source = SCHEDULE if name.startswith(SCHEDULE) else ""
    if all(len(header) < 3 for header in headers):
        source = re.sub(r"\d+", "", name)
    return hashlib.sha256(json.dumps([source, *sorted(headers)]).encode()).hexdigest()


def find_layout(name: str, headers: Sequence[str]) -> FileLayout | None:
    """Return how a file with these headers was read last, None where there was none."""
    return FileLayout.objects.filter(digest=digest_layout(name, headers)).first()


def merge_queues(layout: FileLayout, queues: Mapping[str, str], programmes: Container[str]) -> dict[str, str]:
    """Return the programme of each queue of a file, as it was chosen for the last one where it still is one."""
    kept: dict[str, str] = layout.queues
    held = {queue: kept[queue] for queue in queues if queue in kept and (kept[queue] in programmes or not kept[queue])}
    return {**queues, **held}


def get_layout(number: int) -> FileLayout:
    """Return a layout by its number; NotThere where it was forgotten."""
    found = FileLayout.objects.filter(pk=number).first()
    if found is None:
        raise NotThere(Phrase("this layout is no longer there"))
    return found


def store_layout(
    name: str, headers: Sequence[str], answers: Mapping[str, str], queues: Mapping[str, str], by: str
) -> FileLayout:
    """Keep how a file was read, in the place of an earlier reading of the same headers."""
    kept = {key: value for key, value in answers.items() if key not in _NEVER_KEPT}
    values = {"name": name[:200], "headers": list(headers), "answers": kept, "queues": dict(queues)}
    layout, _ = FileLayout.objects.update_or_create(
        digest=digest_layout(name, headers), defaults={**values, "used_at": timezone.now(), "used_by": by}
    )
    return layout
