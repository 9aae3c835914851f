"""Estimates of telework that are stored without the records they were measured from, and applied."""

from __future__ import annotations

import hashlib

from django.utils import timezone

from releve.demand.log_table import LogTable
from releve.errors import Phrase
from releve.network import Operator
from releve.plugins.telework.engine.estimate import estimate_effects
from releve.plugins.telework.engine.panel import parse_work_records
from releve.plugins.telework.engine.rota import parse_draw
from releve.plugins.telework.engine.verdicts import FORMAT, apply_effects, build_document, list_unknown_programmes
from releve.registry.models import TeleworkEstimate, Version
from releve.registry.service import apply_changes, get_current_version, load_operator, preview_changes
from releve.registry.tables import Conflict, NotAnUpload, NotThere


def measure_telework(
    name: str, data: bytes, log: LogTable, by: str, operator: Operator, draw: bytes | None = None
) -> TeleworkEstimate:
    """Measure what telework does from a file of work records, and store it without them.

    ``log``: what was read of the file. ``draw``: the rota drawn by lot that the records are of,
    where there was one. RecordFaults names every faulty row; NotAnUpload programmes that the
    operator does not have; RotaError a draw that cannot be drawn again.
    """
    drawn = None if draw is None else parse_draw(draw)
    try:
        records = parse_work_records(log)
    except ValueError as error:
        if error.args and isinstance(error.args[0], Phrase):
            raise NotAnUpload(error.args[0]) from error
        raise
    content = build_document(estimate_effects(records, drawn))
    if unknown := list_unknown_programmes(operator, content):
        raise NotAnUpload(
            Phrase("the operator has no programme {0}: name programmes by their id", ", ".join(unknown[:5]))
        )
    return TeleworkEstimate.objects.create(
        made_at=timezone.now(), made_by=by, source=name[:200], digest=hashlib.sha256(data).hexdigest(), content=content
    )


def find_estimate() -> TeleworkEstimate | None:
    """Return the newest estimate, None where nothing was measured yet, or in an older form."""
    found = TeleworkEstimate.objects.order_by("-pk").first()
    return found if found is not None and found.content.get("format") == FORMAT else None


def apply_estimate(number: int, seen: int, by: str) -> Version:
    """Make a version with the home efficiency of an estimate.

    Conflict where another version or estimate came since both were ``seen``, NothingChanged where
    the operator has these values already.
    """
    found, version = find_estimate(), get_current_version()
    if found is None or version is None:
        raise NotThere(Phrase("nothing was measured yet: import work records first"))
    if (found.pk, version.number) != (number, seen):
        raise Conflict(
            Phrase("the reference data or the estimate changed meanwhile; nothing was stored: look at it again")
        )
    operator, _ = apply_effects(load_operator(version), found.content)
    return apply_changes(preview_changes(operator), by, source=found.source)
