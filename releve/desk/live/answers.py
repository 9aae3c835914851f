"""Why something was not recorded."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from releve.desk.database_errors import unrecorded
from releve.desk.live.words import refusal_text
from releve.desk.text import Text, text_now
from releve.live import api as live


@dataclass(frozen=True, slots=True)
class RecordFailure:
    """Why something was not recorded, in sentences, and the status to answer with."""

    status: int
    sentences: tuple[str, ...]


def explain_failure(error: live.LiveError, text: Text | None = None) -> RecordFailure:
    """Return why an event was not recorded, by the operator's time zone unless ``text`` is given.

    An error that says nothing of an event is raised again.
    """
    if isinstance(error, live.Refused):
        operator = live.operator_now()
        text = text or text_now(operator.row.time_zone)
        said = tuple(refusal_text(row, operator, text) for row in error.reasons)
        return RecordFailure(422, said)
    if isinstance(error, live.Busy):
        return RecordFailure(503, (unrecorded(error),))
    if isinstance(error, live.KeyReused):
        reused = _("This form recorded something else before; open it again.")
        return RecordFailure(409, (reused,))
    raise error
