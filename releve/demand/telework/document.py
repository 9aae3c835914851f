"""What was measured as a JSON document, and the operator whose home efficiency follows it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

from releve.demand.telework.estimate import LEAST_CHANCE, MOST_LOSS, ProgrammeEffect, TeleworkReport
from releve.errors import Phrase, ReleveError
from releve.network import Operator, Programme

__all__ = [
    "AppliedEffect",
    "EffectDocumentError",
    "apply_effects",
    "apply_to_programme",
    "build_document",
    "list_unknown_programmes",
    "parse_document",
]

FORMAT = "releve effect 2"
_EPOCH = date(1970, 1, 1)
MOST, MOST_BOUND = 1.5, 3.0
"""What the columns of an operator's programmes hold at most."""


class EffectDocumentError(ReleveError, ValueError):
    """A document that is not one of effects, or of another operator."""


def build_document(report: TeleworkReport) -> dict[str, Any]:
    """Return a report as JSON values; effects are differences of logarithms with their error."""
    return {
        "format": FORMAT,
        "first_day": str(_EPOCH + timedelta(days=report.first_day)),
        "last_day": str(_EPOCH + timedelta(days=report.last_day)),
        "most_loss": MOST_LOSS,
        "least_chance": LEAST_CHANCE,
        "programmes": [_build_programme(one) for one in report.programmes],
    }


def _build_programme(one: ProgrammeEffect) -> dict[str, Any]:
    about: dict[str, Any] = {
        "programme": one.programme,
        "design": one.design,
        "agents": one.agents,
        "movers": one.movers,
        "records": one.rows,
        "left_out": asdict(one.left_out),
        "rota": None if one.rota is None else asdict(one.rota),
        "drawn": None if one.drawn is None else asdict(one.drawn),
    }
    if one.posterior is None or one.effect is None or one.refusal is not None:
        refusal = one.refusal or Phrase("nothing was measured")
        return about | {
            "refusal": str(refusal),
            "refusal_template": refusal.template,
            "refusal_values": [str(value) for value in refusal.params],
        }
    low, high = one.posterior.bound()
    placebo = one.placebo
    return about | {
        "home_efficiency": round(one.posterior.efficiency, 4),
        "interval": [round(low, 4), round(high, 4)],
        "chance": round(one.posterior.compute_chance_below(MOST_LOSS), 4),
        "right_for_home": one.right_for_home,
        "quality_falls": one.quality_falls,
        "repeats_rise": one.repeats_rise,
        "effect": [one.effect.effect, one.effect.error],
        "plain_difference": one.naive,
        "by_dummy": None if one.by_dummy is None else [one.by_dummy.effect, one.by_dummy.error],
        "washed": None if one.washed is None else [one.washed.effect, one.washed.error],
        "by_month_at_home": [[row.effect, row.error, row.rows] for row in one.horizons],
        "before_the_move": None
        if placebo is None
        else {"differences": placebo.before, "chance": placebo.chance, "drift": placebo.drift},
        "quality": None if one.quality is None else [one.quality.effect, one.quality.error],
        "repeats": None if one.repeats is None else [one.repeats.effect, one.repeats.error],
    }


def parse_document(data: bytes | str) -> dict[str, Any]:
    """Read a document; EffectDocumentError where it is not one."""
    try:
        document = json.loads(data)
        if document["format"] != FORMAT:
            raise ValueError
        for row in document["programmes"]:
            if "home_efficiency" in row:
                float(row["home_efficiency"]), [float(end) for end in row["interval"]]
            _ = row["programme"], row["design"], row["records"]
    except (ValueError, KeyError, TypeError) as error:
        raise EffectDocumentError(
            Phrase("it was not written by `releve effect estimate`")
        ) from error
    found: dict[str, Any] = document
    return found


@dataclass(frozen=True, slots=True)
class AppliedEffect:
    """A programme and its home efficiency: ``after`` as measured between ``low`` and ``high``, all
    three None where it stays as it was; ``beyond`` what was measured, value and ends of its
    interval, where the columns of an operator do not hold it."""

    programme: str
    before: float
    after: float | None
    low: float | None
    high: float | None
    design: str
    records: int
    beyond: tuple[float, float, float] | None = None

    @property
    def changes(self) -> bool:
        """Return whether the programme's row changes."""
        return self.after is not None


def list_unknown_programmes(operator: Operator, document: Mapping[str, Any]) -> list[str]:
    """Return the programmes of a document that an operator does not have."""
    named = {row["programme"] for row in document["programmes"]}
    return sorted(named - operator.programme.keys())


def apply_effects(
    operator: Operator, document: Mapping[str, Any]
) -> tuple[Operator, tuple[AppliedEffect, ...]]:
    """Return the operator with the home efficiency that was measured, and what was done to each
    programme. A programme of which nothing was learnt keeps its value.
    """
    found = {row["programme"]: row for row in document["programmes"]}
    done = tuple(apply_to_programme(row, found.get(row.id)) for row in operator.programmes)
    rows = tuple(
        row
        if one.after is None
        else replace(
            row,
            home_efficiency=one.after,
            home_efficiency_low=one.low,
            home_efficiency_high=one.high,
            home_efficiency_design=one.design,
        )
        for row, one in zip(operator.programmes, done, strict=True)
    )
    return replace(operator, programmes=rows), done


def apply_to_programme(row: Programme, found: Mapping[str, Any] | None) -> AppliedEffect:
    """Return what the row of a document would do to its programme; None: it has no row."""
    before, records = row.home_efficiency, 0 if found is None else int(found["records"])
    if found is None or "home_efficiency" not in found:
        return AppliedEffect(row.id, before, None, None, None, "assumed", records)
    value, (low, high) = float(found["home_efficiency"]), map(float, found["interval"])
    if 0 < low <= value <= high <= MOST_BOUND and value <= MOST:
        return AppliedEffect(row.id, before, value, low, high, str(found["design"]), records)
    # An interval this wide says nothing, and no column would hold it.
    beyond = (value, low, high)
    return AppliedEffect(row.id, before, None, None, None, "assumed", records, beyond)
