"""Measured effects against the operator's tables: verdicts, the JSON document, and the application.

A verdict is for the planner who decides whether a programme may go home: what was learnt, whether
it suffices, and what the plan would count with once the estimate is applied.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any, Literal

from releve.demand.localtime import number_to_day
from releve.errors import Phrase, ReleveError
from releve.network import Operator, Programme
from releve.plugins.telework.engine.estimate import LEAST_CHANCE, MOST_LOSS, ProgrammeEffect, TeleworkReport
from releve.plugins.telework.engine.placebo import NORMAL_975

FORMAT = "releve effect 2"
MOST, MOST_BOUND = 1.5, 3.0
"""What the columns of an operator's programmes hold at most."""


class EffectDocumentError(ReleveError, ValueError):
    """A document that is not one of effects, or of another operator."""


def build_document(report: TeleworkReport) -> dict[str, Any]:
    """Return a report as JSON values; effects are differences of logarithms with their error."""
    return {
        "format": FORMAT,
        "first_day": str(number_to_day(report.first_day)),
        "last_day": str(number_to_day(report.last_day)),
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
        "by": one.by,
        "teams_move": one.teams,
        "teams_known": one.team_known,
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
        raise EffectDocumentError(Phrase("it was not written by `releve effect estimate`")) from error
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


def apply_effects(operator: Operator, document: Mapping[str, Any]) -> tuple[Operator, tuple[AppliedEffect, ...]]:
    """Return the operator with the home efficiency that was measured, and what was done to each
    programme. A programme without an estimate keeps its value.
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


Verdict = Literal["right", "unsure", "loses", "guard", "refused", "absent"]
"""``right`` for home; ``unsure``: it may be, the records do not show it; ``loses``: shown to lose
more work than is allowed; ``guard``: it is not, but quality falls or repeats rise; ``refused``:
nothing can be learnt; ``absent``: no record of it."""
_ORDER: tuple[Verdict, ...] = ("right", "unsure", "guard", "loses", "refused", "absent")


@dataclass(frozen=True, slots=True)
class EffectInterval:
    """A difference and its interval of 95 %: logarithms of the work done, or a guard's own unit."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class EffectStep:
    """Four weeks: -1 the last ones before the move, 0 the first at home; without ``low`` and
    ``high`` where no interval is known."""

    month: int
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class MeasuredEffect:
    """What was learnt of a programme: ratios of the work done at home to that on site, the
    ``chance`` that home loses less than is allowed, and what else the records say."""

    ratio: float
    low: float
    high: float
    chance: float
    naive: float | None
    washed: EffectInterval | None
    steps: tuple[EffectStep, ...]
    chance_before: float | None
    drift: float | None
    quality: EffectInterval | None
    quality_falls: bool
    repeats: EffectInterval | None
    repeats_rise: bool


@dataclass(frozen=True, slots=True)
class ProgrammeVerdict:
    """A programme: its verdict, how it is known (``design``), from how many agents, of whom
    ``movers`` worked in both places; of ``drawn`` records of a rota by lot, ``drawn_against`` are
    not as drawn; ``planned`` the ratio in the operator's tables, ``would_be`` after the estimate is
    applied, ``beyond`` that the tables cannot hold what was measured; ``rota_finds`` the smallest
    difference of logarithms that a rota by lot of ``rota_weeks`` weeks among ``rota_agents`` would
    show."""

    programme: str
    name: str
    client: str
    verdict: Verdict
    design: str
    agents: int
    movers: int
    records: int
    drawn: int
    drawn_against: int
    measured: MeasuredEffect | None
    refusal: str
    refusal_values: tuple[str, ...]
    planned: float
    planned_design: str
    would_be: float | None
    beyond: bool
    changes: bool
    rota_agents: int
    rota_weeks: int
    rota_finds: float | None


@dataclass(frozen=True, slots=True)
class TeleworkVerdicts:
    """Every programme of an operator, those right for home first; without days: nothing measured.

    ``most_loss``: the share of the work that home may lose, with a chance of at least
    ``least_chance`` that it loses less.
    """

    first_day: date | None
    last_day: date | None
    most_loss: float
    least_chance: float
    programmes: tuple[ProgrammeVerdict, ...]

    @property
    def records(self) -> int:
        return sum(row.records for row in self.programmes)

    @property
    def right(self) -> tuple[ProgrammeVerdict, ...]:
        return tuple(row for row in self.programmes if row.verdict == "right")

    @property
    def measured(self) -> tuple[ProgrammeVerdict, ...]:
        """The programmes with an estimate."""
        return tuple(row for row in self.programmes if row.measured is not None)

    @property
    def unknown(self) -> tuple[ProgrammeVerdict, ...]:
        """The programmes whose records teach nothing."""
        return tuple(row for row in self.programmes if row.verdict == "refused")

    @property
    def changes(self) -> tuple[ProgrammeVerdict, ...]:
        """The programmes whose rows the estimate would change."""
        return tuple(row for row in self.programmes if row.changes)

    @property
    def beyond(self) -> tuple[ProgrammeVerdict, ...]:
        """The programmes whose measured value the operator's tables cannot hold."""
        return tuple(row for row in self.programmes if row.beyond)


def judge_programmes(operator: Operator, document: Mapping[str, Any] | None) -> TeleworkVerdicts:
    """Return the verdict on each programme by a document of effects; None: nothing was measured."""
    content = document or {"programmes": ()}
    found = {row["programme"]: row for row in content["programmes"]}
    most_loss = float(content.get("most_loss", 0.0))
    clients = {row.id: row.name for row in operator.clients}
    rows = [_judge_programme(row, clients[row.client], found.get(row.id, {}), most_loss) for row in operator.programmes]
    days = [date.fromisoformat(content[key]) for key in ("first_day", "last_day") if key in content]
    first, last = days if days else (None, None)
    return TeleworkVerdicts(
        first_day=first,
        last_day=last,
        most_loss=most_loss,
        least_chance=float(content.get("least_chance", 0.0)),
        programmes=tuple(sorted(rows, key=_rank)),
    )


def _rank(row: ProgrammeVerdict) -> tuple[int, float, str]:
    ratio = 0.0 if row.measured is None else row.measured.ratio
    return _ORDER.index(row.verdict), -ratio, row.name


def _judge_programme(own: Programme, client: str, found: Mapping[str, Any], most_loss: float) -> ProgrammeVerdict:
    rota, drawn = found.get("rota") or {}, found.get("drawn") or {}
    applied = apply_to_programme(own, found or None)
    after = (applied.after, applied.low, applied.high, applied.design)
    before = (own.home_efficiency, own.home_efficiency_low, own.home_efficiency_high, own.home_efficiency_design)
    return ProgrammeVerdict(
        programme=own.id,
        name=own.name,
        client=client,
        verdict=_judge(found, most_loss),
        design=found.get("design", "assumed"),
        agents=found.get("agents", 0),
        movers=found.get("movers", 0),
        records=found.get("records", 0),
        drawn=drawn.get("rows", 0),
        drawn_against=drawn.get("against", 0),
        measured=_read_measured(found) if "home_efficiency" in found else None,
        refusal=found.get("refusal_template", ""),
        refusal_values=tuple(found.get("refusal_values", ())),
        planned=own.home_efficiency,
        planned_design=own.home_efficiency_design,
        would_be=applied.after,
        beyond=applied.beyond is not None,
        changes=applied.changes and after != before,
        rota_agents=rota.get("agents", 0),
        rota_weeks=rota.get("weeks", 0),
        rota_finds=rota.get("smallest"),
    )


def _judge(found: Mapping[str, Any], most_loss: float) -> Verdict:
    if not found:
        return "absent"
    if "home_efficiency" not in found:
        return "refused"
    if found["right_for_home"]:
        return "right"
    if found["interval"][1] < 1 - most_loss:
        return "loses"
    return "guard" if found["quality_falls"] or found["repeats_rise"] else "unsure"


def _read_measured(found: Mapping[str, Any]) -> MeasuredEffect:
    before = found["before_the_move"] or {"differences": (), "chance": None, "drift": None}
    steps = [EffectStep(-1 - at, value) for at, value in enumerate(before["differences"])]
    steps += [
        EffectStep(at, value, value - NORMAL_975 * error, value + NORMAL_975 * error)
        for at, (value, error, _rows) in enumerate(found["by_month_at_home"])
    ]
    known = bool(before["differences"])
    low, high = found["interval"]
    return MeasuredEffect(
        ratio=found["home_efficiency"],
        low=low,
        high=high,
        chance=found["chance"],
        naive=found["plain_difference"],
        washed=_read_effect(found["washed"]),
        steps=tuple(sorted(steps, key=lambda step: step.month)),
        chance_before=before["chance"] if known else None,
        drift=before["drift"] if known else None,
        quality=_read_effect(found["quality"]),
        quality_falls=found["quality_falls"],
        repeats=_read_effect(found["repeats"]),
        repeats_rise=found["repeats_rise"],
    )


def _read_effect(pair: Sequence[float] | None) -> EffectInterval | None:
    if pair is None:
        return None
    value, error = pair
    return EffectInterval(value, value - NORMAL_975 * error, value + NORMAL_975 * error)
