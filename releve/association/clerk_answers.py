"""What the clerk answers to a member's software: published texts, or why it has none, in words."""

from __future__ import annotations

from datetime import date

from releve.association.clerk import wrap_bulletin, wrap_design
from releve.association.envelopes import Envelope
from releve.association.errors import AssociationError
from releve.association.gates import CLEARED, wrap_result
from releve.association.models import DayBulletin, MonthlyDesign, ReliefGate
from releve.errors import Phrase, encode_phrase

__all__ = [
    "NotPublished",
    "describe_refusal",
    "wrap_day_bulletin",
    "wrap_month_design",
    "wrap_own_result",
]


class NotPublished(AssociationError):  # noqa: N818 (a state of the clerk)
    """What was asked for has not been published, or not yet."""


def wrap_month_design(month: str) -> Envelope:
    """Return the signed design of a month; NotPublished where there is none."""
    row = MonthlyDesign.objects.filter(month=month).first()
    if row is None:
        raise NotPublished(Phrase("there is no design of {0} yet", month))
    return wrap_design(row)


def wrap_day_bulletin(day: str) -> Envelope:
    """Return the signed bulletin of a day, with the checkpoint; NotPublished where it has none."""
    try:
        row = DayBulletin.objects.filter(day=date.fromisoformat(day)).first()
    except ValueError:
        row = None
    if row is None:
        raise NotPublished(Phrase("there is no bulletin of {0} yet", day))
    return wrap_bulletin(row)


def wrap_own_result(gate: str, member: str) -> Envelope:
    """Return the signed result of a gate as far as it is a member's; NotPublished before it is."""
    row = ReliefGate.objects.filter(name=gate, state=CLEARED).first()
    if row is None:
        raise NotPublished(Phrase("the clearing {0} is not cleared yet", gate))
    return wrap_result(row, member)


def describe_refusal(code: str, said: str | Exception) -> dict[str, object]:
    """Return a refusal as it travels: its code, its sentence, and that as it can be translated."""
    if isinstance(said, Exception):
        first = said.args[0] if said.args else None
        said = first if isinstance(first, str) else str(said)
    return {"code": code, "message": said, "phrase": encode_phrase(said)}
