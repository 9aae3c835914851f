"""The running day: calls against forecast, agents present, lost targets, the record's jobs.

The morning's forecast is made once by the worker and kept for every reader. Agents are counted on
the phone: placed and required less the programme's shrinkage, beside those signed in. Where fewer
are signed in than placed, the difference is taken to be missing for the rest of the day; a surplus
is not counted upon.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from django.conf import settings
from django.db.models import Count, Max, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from releve import environment
from releve.demand import compute_requirement
from releve.demand.history import build_histories
from releve.demand.intraday import (
    DayFigures,
    IntervalFigures,
    Morning,
    RestOfDay,
    TargetOutlook,
    count_service,
    dump_morning,
    fold_figures,
    forecast_morning,
    foresee_target,
    load_morning,
    merge_mornings,
    reforecast,
)
from releve.demand.requirement import INTERVAL, Forecast
from releve.kernels.arrays import Floats
from releve.live.clock import real_now
from releve.live.partners import count_partner_agents, list_partner_agents
from releve.live.plans import IdentityCache
from releve.live.stream_state import Scene
from releve.network import Client, Operator, Programme, find_open_instants
from releve.plan.coverage import Timeline, count_placed
from releve.plugin import list_plugins
from releve.registry import storage as registry
from releve.service_record.call_records import read_call_records
from releve.service_record.models import DayForecast, IntervalReport
from releve.service_record.statistics import (
    extend_histories,
    list_reports,
    load_presence,
    prefer_statistics,
    read_statistics_folder,
    sum_half_hour,
)


def prepare_day(operator: Operator, now: datetime, stop: Callable[[], bool] = lambda: False) -> int:
    """Make the forecast of the running day for the programmes that have none as they stand.

    From the operator's history and, after it, the service record, both before the day. Returns how
    many were made, half a second each; ``stop`` is asked before each.
    """
    day = operator.find_day(now)
    made = set(DayForecast.objects.filter(day=day).values_list("programme", "digest"))
    missing = [row for row in operator.programmes if (row.id, _digest(row, operator)) not in made]
    if not missing:
        return 0
    start = operator.day_bounds(day)[0]
    histories = extend_histories(build_histories(operator), [row.id for row in missing], start)
    for number, row in enumerate(missing):
        if stop():
            return number
        zone, starts = operator.row.time_zone, operator.day_start
        content = dump_morning(forecast_morning(histories, [row], day, zone, starts, operator.uplifts))
        made_of = {"digest": _digest(row, operator), "made_at": timezone.now(), "content": content}
        DayForecast.objects.update_or_create(day=day, programme=row.id, defaults=made_of)
    return len(missing)


def _digest(row: Programme, operator: Operator) -> str:
    uplifts = [uplift for uplift in operator.uplifts if uplift.programme == row.id]
    return hashlib.sha256(repr((row, uplifts) if uplifts else row).encode()).hexdigest()


def find_morning(day: date, programmes: Collection[str]) -> Morning | None:
    """Return the forecasts of programmes on a day; None where none was made.

    One query, two when one is new.
    """
    rows = DayForecast.objects.filter(day=day)
    stamp = rows.aggregate(rows=Count("pk"), last=Max("made_at"), number=Max("pk"))
    if not stamp["rows"]:
        return None
    key = (day, *stamp.values())
    return _known_mornings.get(key, (programmes,), lambda: _load(rows, programmes))


def _load(rows: QuerySet[DayForecast], programmes: Collection[str]) -> Morning | None:
    contents = rows.order_by("programme").values_list("programme", "content")
    mornings = [load_morning(bytes(content)) for name, content in contents if name in programmes]
    return merge_mornings(mornings) if mornings else None


_known_mornings: IdentityCache[Morning | None] = IdentityCache(3)


_PRESENCE_COUNTS = timedelta(minutes=45)
"""A count of agents signed in says who is there for this long."""
_LAST = timedelta(minutes=90)
"""A half hour that ended longer ago than this is not the last half hour."""
_REPORTS_KEPT = timedelta(minutes=5)


TargetState = Literal["lost", "losing", "below", "unknown", "held"]
"""Lost for good; losing: below the day's target, or to be so today with the agents expected;
below: below it, and to be back."""
_STATES: tuple[TargetState, ...] = get_args(TargetState)
"""The worst first."""


@dataclass(frozen=True)
class ProgrammeService:
    """A programme's day; NaN = not known.

    ``offered``, ``answered``, ``abandoned`` and ``level`` of the day are of the half hours known so
    far, ``expected`` what the morning's forecast said of these. ``rest_morning`` and ``rest`` are
    the calls to come: as the morning said, and as forecast again. ``level_last`` is of the half
    hour that begins at ``last``. ``offered_now``, ``answered_now``, ``abandoned_now`` are the calls
    reported so far of the running half hour, which the day does not count yet, ``wait_now_s`` the mean wait of those
    answered; ``present``, ``placed``,
    ``planned`` and ``required`` are agents on the phone in it: there, placed, required by the plan in force,
    and required by the calls as forecast again. Minutes as in :class:`releve.demand.intraday.TargetOutlook`.
    ``reopened``: the morning took it for closed by a public holiday, and its calls say that it is open.
    """

    programme: str
    client: str
    kind: str
    target: float
    offered: float
    expected: float
    answered: float
    abandoned: float
    level: float
    last: datetime | None
    level_last: float
    offered_now: float
    answered_now: float
    abandoned_now: float
    wait_now_s: float
    rest_morning: float
    rest: float
    level_at_end: float
    present: float
    placed: float
    planned: float
    required: float
    below_minutes: float
    lost_minutes: float
    reopened: bool = False

    @property
    def state(self) -> TargetState:
        if self.kind != "inbound":
            return "unknown"
        if math.isnan(self.lost_minutes):
            return "below" if self.level < self.target else "unknown"  # NaN is below nothing
        if self.lost_minutes == 0:
            return "lost"
        if math.isfinite(self.below_minutes):
            back = self.below_minutes == 0 and self.level_at_end >= self.target
            return "below" if back else "losing"
        return "held"


@dataclass(frozen=True)
class ClientService:
    """A client's programmes, and the sums of those inbound; NaN where one of them is not known.

    ``state`` is that of the target that stands worst; unknown without an inbound programme.
    """

    client: str
    name: str
    state: TargetState
    offered: float
    expected: float
    answered: float
    abandoned: float
    programmes: tuple[ProgrammeService, ...]


@dataclass(frozen=True)
class ServiceDay:
    """All programmes at ``at``; ``reported_at`` is when the last report came, None: none today.

    ``operator`` is of the version in force, ``forecast`` whether the morning's forecast is there.
    """

    at: datetime
    day: date
    operator: Operator
    reported_at: datetime | None
    forecast: bool
    programmes: tuple[ProgrammeService, ...]

    @property
    def half_hour(self) -> datetime:
        """The start of the running half hour."""
        return _start_half_hour(self.at)

    @cached_property
    def clients(self) -> tuple[ClientService, ...]:
        """The clients, those whose target is lost first."""
        rows = (self._sum_client(row) for row in self.operator.clients)
        return tuple(sorted(rows, key=lambda row: _STATES.index(row.state)))

    def _sum_client(self, client: Client) -> ClientService:
        rows = tuple(row for row in self.programmes if row.client == client.id)
        calls = [row for row in rows if row.kind == "inbound"]

        def add_up(figures: Iterable[float]) -> float:
            return math.fsum(figures) if calls else math.nan

        return ClientService(
            client=client.id,
            name=client.name,
            state=min((row.state for row in calls), key=_STATES.index, default="unknown"),
            offered=add_up(row.offered for row in calls),
            expected=add_up(row.expected for row in calls),
            answered=add_up(row.answered for row in calls),
            abandoned=add_up(row.abandoned for row in calls),
            programmes=rows,
        )


@dataclass(frozen=True)
class _Reports:
    """The reports of a day, and their ends in order: figures change when one passes.

    Kept for :data:`_REPORTS_KEPT` at most: what is corrected under a clock that was set back leaves
    the stamp of the reports as it was.
    """

    listed: tuple[IntervalReport, ...]

    @cached_property
    def rows(self) -> tuple[IntervalFigures, ...]:
        return tuple(prefer_statistics(self.listed))

    @cached_property
    def ends(self) -> list[datetime]:
        return sorted(row.end for row in self.rows)


def _start_half_hour(at: datetime) -> datetime:
    return at - timedelta(seconds=at.timestamp() % INTERVAL.total_seconds())


def compute_service_day(at: datetime, scene: Scene | None) -> ServiceDay | None:
    """Return how the day goes, to the minute; None without an operator.

    ``scene`` is the live stream's, None without a plan in force: then no agent is placed.

    The number of queries is the same whatever the record holds; the result is kept while no report
    comes, nothing happens and the minute lasts. Of a new minute only that is computed again which
    depends on it.
    """
    version = registry.get_current_version()
    if version is None:
        return None
    operator = registry.load_operator(version)
    at = at.replace(second=0, microsecond=0)
    day = operator.find_day(at)
    start, end = operator.day_bounds(day)
    stamp = IntervalReport.objects.filter(start__gte=start, start__lt=end).aggregate(
        rows=Count("pk"), last=Max("recorded_at"), number=Max("pk")
    )
    presence = load_presence(at - _PRESENCE_COUNTS, at)
    morning = find_morning(day, operator.programme)
    relief = scene.relief.pk if scene is not None and scene.relief is not None else 0
    partners = () if scene is None else list_partner_agents(scene.stream, [at])
    key = (at, tuple(stamp.values()), tuple(sorted(presence.items())), relief,
           scene.activation.pk if scene is not None else 0, partners,
           frozenset(scene.lent) if scene is not None else ())  # fmt: skip
    sources = (operator, morning, None if scene is None else scene.situation)

    def compute() -> ServiceDay:
        reports = _reports.get(
            (start, (at - start) // _REPORTS_KEPT, *stamp.values()),
            (operator,),
            lambda: _Reports(tuple(list_reports(start, end))),
        )
        there = {name: agents for name, (_, agents) in presence.items()}
        so_far = sum_half_hour(reports.listed, _start_half_hour(at))
        programmes = _measure(operator, at, day, morning, scene, reports, there, so_far)
        return ServiceDay(at, day, operator, stamp["last"], morning is not None, programmes)

    return _known.get(key, sources, compute)


_known: IdentityCache[ServiceDay] = IdentityCache(4)
_reports: IdentityCache[_Reports] = IdentityCache(2)
_figures: IdentityCache[DayFigures] = IdentityCache(2)
_unknown: IdentityCache[Morning] = IdentityCache(2)


def _measure(
    operator: Operator,
    at: datetime,
    day: date,
    morning: Morning | None,
    scene: Scene | None,
    reports: _Reports,
    presence: Mapping[str, float],
    so_far: Mapping[str, tuple[float, float, float, float]],
) -> tuple[ProgrammeService, ...]:
    if not operator.programmes:
        return ()
    start, end = operator.day_bounds(day)
    if morning is None or not set(operator.programme) <= set(morning.forecast.programmes):
        morning = _unknown.get(start, (operator,), lambda: Morning(_expect_nothing(operator, start, end), {}))
    forecast = morning.forecast
    over = bisect_right(reports.ends, at)
    figures = _figures.get(
        (start, over), (reports, forecast), lambda: fold_figures(reports.rows, forecast.programmes, forecast.starts, at)
    )
    rows = operator.programmes
    rest = reforecast(forecast, rows, figures.offered, at, morning.laws, morning.if_open)
    placed = _count_on_phone(operator, scene, day, forecast.starts)
    planned = _find_planned(operator, scene, day, at)
    there = _foresee_agents(placed, forecast.starts, at, [presence.get(row.id) for row in rows])
    outlook = foresee_target(rest, figures, rows, there)
    required = compute_requirement(
        rest.forecast, rows, day, operator.row.time_zone, day_start=operator.day_start
    ).on_phone
    running = _find_running(forecast.starts, at)
    return tuple(
        _measure_programme(
            row, forecast, figures, rest, outlook, place,
            (
                presence.get(row.id, np.nan),
                float(placed[running, place]) if running is not None else np.nan,
                planned.get(row.id, np.nan),
                float(required[running, place]) if running is not None else np.nan,
            ),
            so_far.get(row.id, (np.nan, np.nan, np.nan, np.nan)),
        )
        for place, row in enumerate(rows)
    )  # fmt: skip


def _measure_programme(
    row: Programme,
    forecast: Forecast,
    figures: DayFigures,
    rest: RestOfDay,
    outlook: TargetOutlook,
    place: int,
    agents: tuple[float, float, float, float],
    so_far: tuple[float, float, float, float],
) -> ProgrammeService:
    column = forecast.programmes.index(row.id)
    known = np.isfinite(figures.offered[:, column])
    to_come = ~known & np.array([start + INTERVAL > rest.now for start in forecast.starts])
    good, counted = count_service(figures, row, column)
    last = _find_last(forecast.starts, known, rest.now)
    with np.errstate(divide="ignore", invalid="ignore"):
        level_last = np.nan if last is None else float(good[last] / counted[last])
    present, placed, planned, required = agents
    return ProgrammeService(
        programme=row.id,
        client=row.client,
        kind=row.kind,
        target=row.service_target,
        offered=_add_up(figures.offered[:, column], known),
        expected=_add_up(forecast.mean[:, column], known),
        answered=_add_up(figures.answered[:, column], known),
        abandoned=_add_up(figures.abandoned[:, column], known),
        level=float(outlook.level_so_far[place]),
        last=None if last is None else forecast.starts[last],
        level_last=level_last,
        offered_now=so_far[0],
        answered_now=so_far[1],
        abandoned_now=so_far[2],
        wait_now_s=so_far[3] / so_far[1] if so_far[1] else math.nan,
        rest_morning=_add_up(forecast.mean[:, column], to_come),
        rest=_add_up(rest.forecast.mean[:, column], to_come),
        level_at_end=float(outlook.level_at_end[place]),
        present=present,
        placed=placed,
        planned=planned,
        required=required,
        below_minutes=float(outlook.below_minutes[place]),
        lost_minutes=float(outlook.lost_minutes[place]),
        reopened=row.id in rest.reopened,
    )


def _add_up(values: Floats, rows: Floats) -> float:
    """Return a sum; NaN of no row, and where one of them is not known."""
    return float(values[rows].sum()) if rows.any() else float("nan")


def _find_last(starts: Sequence[datetime], known: Floats, now: datetime) -> int | None:
    rows = np.flatnonzero(known)
    if not len(rows) or starts[rows[-1]] + INTERVAL < now - _LAST:
        return None
    return int(rows[-1])


def _find_running(starts: Sequence[datetime], at: datetime) -> int | None:
    return next((row for row, one in enumerate(starts) if one <= at < one + INTERVAL), None)


def _expect_nothing(operator: Operator, start: datetime, end: datetime) -> Forecast:
    """Return a forecast that knows nothing of the programmes but their opening hours."""
    starts = tuple(start + i * INTERVAL for i in range(int((end - start) / INTERVAL)))
    opened = np.stack([find_open_instants(row, starts) for row in operator.programmes], axis=1)
    mean = np.where(opened, np.nan, 0.0)
    unknown = np.full(mean.shape, np.nan)
    names = tuple(row.id for row in operator.programmes)
    return Forecast(names, starts, opened, mean, {}, unknown, np.full(len(names), np.nan), {})


def _count_on_phone(operator: Operator, scene: Scene | None, day: date, starts: Sequence[datetime]) -> Floats:
    """Return agents placed ``[interval, programme]``, less shrinkage; NaN where no plan is."""
    shape = (len(starts), len(operator.programmes))
    if scene is None or day not in scene.days:
        return np.full(shape, np.nan)
    names = [row.id for row in operator.programmes]
    found = count_placed(operator, Timeline(starts), scene.list_placements(day))
    found += count_partner_agents(list_partner_agents(scene.stream, starts), names, len(starts))
    available = np.array([1 - row.shrinkage for row in operator.programmes])
    return np.asarray(found * available, dtype=np.float64)


def _find_planned(operator: Operator, scene: Scene | None, day: date, at: datetime) -> dict[str, float]:
    """Return the agents on the phone that the plan in force requires now, by programme."""
    if scene is None or day not in scene.days:
        return {}
    need = scene.day_plan(day).need
    running = _find_running(need.starts, at)
    if running is None:
        return {}
    available = {row.id: 1 - row.shrinkage for row in operator.programmes}
    required = zip(need.programmes, need.agents[running].tolist(), strict=True)
    return {name: agents * available[name] for name, agents in required if name in available}


def _foresee_agents(
    placed: Floats, starts: Sequence[datetime], at: datetime, present: Sequence[float | None]
) -> Floats:
    """Return who is expected on the phone: those signed in now, and later as many of those placed
    as are there of them now."""
    running = _find_running(starts, at)
    found = placed.copy()
    if running is None:
        return found
    for place, agents in enumerate(present):
        if agents is None:
            continue
        wanted = placed[running, place]
        if wanted > 0:
            found[running:, place] *= min(1.0, agents / wanted)
        found[running, place] = agents
    return found


_log = logging.getLogger("releve.live")


def find_statistics_folder() -> Path:
    """Return where sources drop their files: ``statistics`` in the home folder, or as set."""
    named = environment.read_text(os.environ, "RELEVE_STATISTICS_FOLDER")
    return Path(named) if named else Path(settings.HOME) / "statistics"


def list_record_folders() -> list[Path]:
    """Return the folders of ``RELEVE_CALL_RECORDS`` to which proxies write; those that are there.

    A folder of another machine that is away for a while is read on where the reading stopped.
    """
    named = environment.read_text(os.environ, "RELEVE_CALL_RECORDS").split(",")
    folders = [Path(name.strip()) for name in named if name.strip()]
    for folder in folders:
        if not folder.is_dir():
            _log.warning("RELEVE_CALL_RECORDS: there is no folder %s", folder)
    return [folder for folder in folders if folder.is_dir()]


def follow_calls(
    stop: Callable[[], bool] = lambda: False, do: Callable[[Callable[[], int]], int] = lambda step: step()
) -> int:
    """File what came since the last round; return how many files, lines and forecasts are new.

    A forecast takes half a second a programme: ``stop`` is asked before each. ``do`` runs one step;
    if it catches errors, a folder that cannot be read keeps no other step from running.
    """
    version = registry.get_current_version()
    if version is None:
        return 0
    now, operator = real_now(), registry.load_operator(version)
    steps: list[Callable[[], int]] = [partial(read_statistics_folder, find_statistics_folder(), operator, now)]
    steps += [partial(_read_records, folder, operator, now) for folder in list_record_folders()]
    steps.append(partial(prepare_day, operator, now, stop))
    return sum(do(step) for step in steps)


def _read_records(folder: Path, operator: Operator, now: datetime) -> int:
    filed: int = read_call_records([folder], operator.programme, now).filed
    for name in (name for plugin in list_plugins() for name in plugin.call_records):
        filed += import_string(name)(folder)
    return filed
