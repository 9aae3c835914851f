"""What the page of telework holds, in no language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from releve.accounts.scopes import can
from releve.demand.telework.document import MOST, MOST_BOUND
from releve.demand.telework.shrinkage import NORMAL_975
from releve.desk.page import PageModel
from releve.network import Operator
from releve.registry.models import TeleworkEstimate, Version
from releve.registry.service import load_operator
from releve.registry.telework import list_effects

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

Verdict = Literal["right", "unsure", "loses", "guard", "refused", "absent"]
"""``right`` for home; ``unsure``: it may be, the records do not show it; ``loses``: shown to lose
more work than is allowed; ``guard``: it is not, but quality falls or repeats rise; ``refused``:
nothing can be learnt; ``absent``: no record of it."""


class EffectInterval(PageModel):
    """A difference and its interval of 95 %: logarithms of the work done, or a guard's own unit."""

    value: float
    low: float
    high: float


class Step(PageModel):
    """Four weeks: -1 the last ones before the move, 0 the first at home; without ``low`` and
    ``high`` where no interval is known."""

    month: int
    value: float
    low: float | None
    high: float | None


class Measured(PageModel):
    """What was learnt of a programme: ratios of the work done at home to that on site, the
    ``chance`` that home loses less than is allowed, and what else the records say."""

    ratio: float
    low: float
    high: float
    chance: float
    naive: float | None
    washed: EffectInterval | None
    steps: tuple[Step, ...]
    chance_before: float | None
    drift: float | None
    quality: EffectInterval | None
    quality_falls: bool
    repeats: EffectInterval | None
    repeats_rise: bool


class TeleworkRow(PageModel):
    """A programme: its verdict, how it is known (``design``), from how many agents, of whom
    ``movers`` worked in both places; of ``drawn`` records of a rota by lot, ``drawn_against`` are
    not as drawn; ``planned`` the ratio in the reference data with its interval, ``would_be`` after
    the estimate is applied, ``beyond`` that the reference data cannot hold what was measured;
    ``rota_finds`` the smallest difference of logarithms that a rota by lot of ``rota_weeks`` weeks
    among ``rota_agents`` would show."""

    programme: str
    name: str
    client: str
    site_only: bool
    verdict: Verdict
    design: str
    agents: int
    movers: int
    records: int
    left_out: int
    drawn: int
    drawn_against: int
    measured: Measured | None
    refusal: str
    refusal_values: tuple[str, ...]
    planned: float
    planned_low: float | None
    planned_high: float | None
    planned_design: str
    would_be: float | None
    beyond: bool
    changes: bool
    rota_agents: int
    rota_weeks: int
    rota_finds: float | None


class TeleworkPage(PageModel):
    """Every programme of the operator, those right for home first. ``estimate`` 0: nothing was
    measured yet. ``most`` and
    ``most_bound``: what the reference data hold of an efficiency and of its interval; ``edits`` and
    ``plans``: what the reader may do."""

    time_zone: str
    estimate: int
    version: int
    source: str
    made_at: datetime | None
    first_day: date | None
    last_day: date | None
    most_loss: float
    least_chance: float
    programmes: tuple[TeleworkRow, ...]
    most: float
    most_bound: float
    edits: bool
    plans: bool

    @property
    def records(self) -> int:
        """The records of all programmes."""
        return sum(row.records for row in self.programmes)

    @property
    def right(self) -> tuple[TeleworkRow, ...]:
        """The programmes right for home."""
        return tuple(row for row in self.programmes if row.verdict == "right")

    @property
    def measured(self) -> tuple[TeleworkRow, ...]:
        """The programmes of which something was learnt."""
        return tuple(row for row in self.programmes if row.measured is not None)

    @property
    def unknown(self) -> tuple[TeleworkRow, ...]:
        """The programmes whose records teach nothing."""
        return tuple(row for row in self.programmes if row.verdict == "refused")

    @property
    def changes(self) -> tuple[TeleworkRow, ...]:
        """The programmes whose reference data the estimate would change."""
        return tuple(row for row in self.programmes if row.changes)

    @property
    def beyond(self) -> tuple[TeleworkRow, ...]:
        """The programmes whose measured value the reference data cannot hold."""
        return tuple(row for row in self.programmes if row.beyond)


_ORDER: tuple[Verdict, ...] = ("right", "unsure", "guard", "loses", "refused", "absent")


def telework_page(found: TeleworkEstimate | None, version: Version, user: AnyUser) -> TeleworkPage:
    """Return the page of the newest estimate for a reader."""
    operator = load_operator(version)
    content: Mapping[str, Any] = {} if found is None else found.content
    rows = {row["programme"]: row for row in content.get("programmes", ())}
    applied = {} if found is None else {e.programme: e for e in list_effects(found, operator)}
    most_loss = float(content.get("most_loss", 0.0))
    programmes = [
        _build_row(operator, name, rows.get(name), applied.get(name), most_loss)
        for name in operator.programme
    ]
    return TeleworkPage(
        time_zone=operator.row.time_zone,
        estimate=0 if found is None else found.pk,
        version=version.number,
        source="" if found is None else found.source,
        made_at=None if found is None else found.made_at,
        first_day=None if found is None else date.fromisoformat(content["first_day"]),
        last_day=None if found is None else date.fromisoformat(content["last_day"]),
        most_loss=most_loss,
        least_chance=float(content.get("least_chance", 0.0)),
        programmes=tuple(sorted(programmes, key=_rank)),
        most=MOST,
        most_bound=MOST_BOUND,
        edits=can(user, "registry.edit"),
        plans=can(user, "plan.publish"),
    )


def _rank(row: TeleworkRow) -> tuple[int, float, str]:
    ratio = 0.0 if row.measured is None else row.measured.ratio
    return _ORDER.index(row.verdict), -ratio, row.name


def _build_row(
    operator: Operator,
    name: str,
    found: Mapping[str, Any] | None,
    applied: Any,
    most_loss: float,
) -> TeleworkRow:
    own = operator.programme[name]
    clients = {row.id: row.name for row in operator.clients}
    found = found or {}
    rota, drawn = found.get("rota") or {}, found.get("drawn") or {}
    after = (None, None, None, "") if applied is None else (
        applied.after, applied.low, applied.high, applied.design,
    )  # fmt: skip
    before = (own.home_efficiency, own.home_efficiency_low, own.home_efficiency_high,
              own.home_efficiency_design)  # fmt: skip
    return TeleworkRow(
        programme=name,
        name=own.name,
        client=clients[own.client],
        site_only=own.place == "site_only",
        verdict=_judge(found, most_loss),
        design=found.get("design", "assumed"),
        agents=found.get("agents", 0),
        movers=found.get("movers", 0),
        records=found.get("records", 0),
        left_out=sum(found.get("left_out", {}).values()),
        drawn=drawn.get("rows", 0),
        drawn_against=drawn.get("against", 0),
        measured=_read_measured(found) if "home_efficiency" in found else None,
        refusal=found.get("refusal_template", ""),
        refusal_values=tuple(found.get("refusal_values", ())),
        planned=own.home_efficiency,
        planned_low=own.home_efficiency_low,
        planned_high=own.home_efficiency_high,
        planned_design=own.home_efficiency_design,
        would_be=after[0],
        beyond=applied is not None and applied.beyond is not None,
        changes=after[0] is not None and after != before,
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


def _read_measured(found: Mapping[str, Any]) -> Measured:
    before = found["before_the_move"] or {"differences": (), "chance": None, "drift": None}
    steps = [
        Step(month=-1 - at, value=value, low=None, high=None)
        for at, value in enumerate(before["differences"])
    ]
    steps += [
        Step(month=at, value=value, low=value - NORMAL_975 * error, high=value + NORMAL_975 * error)
        for at, (value, error, _rows) in enumerate(found["by_month_at_home"])
    ]
    known = bool(before["differences"])
    return Measured(
        ratio=found["home_efficiency"],
        low=found["interval"][0],
        high=found["interval"][1],
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


def _read_effect(pair: Any) -> EffectInterval | None:
    if pair is None:
        return None
    value, error = pair
    return EffectInterval(
        value=value, low=value - NORMAL_975 * error, high=value + NORMAL_975 * error
    )
