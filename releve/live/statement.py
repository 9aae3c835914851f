"""A client's statement (promised, delivered, lost during which event), and the daily jobs.

A day is sealed once it has been over for some hours: the digest of its half hours is an entry of
the ledger, so that the figures of a statement are proved against it; a correction is sealed again.
The daily jobs seal, erase values that are due, sign and publish the root. Whether a day's jobs are
done is read from their own row, never from a root: a root may be sealed by hand, and by a clock
that was wrong.
"""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.utils.module_loading import import_string

from releve.demand.intraday import DayFigures, count_service, fold_figures
from releve.demand.requirement import INTERVAL
from releve.erasure import erase_due, list_value_tables
from releve.kernels.arrays import Floats
from releve.ledger import chain as ledger
from releve.ledger.chain import read_head
from releve.ledger.digests import canonical_json
from releve.ledger.erasure import scrub_files
from releve.ledger.guards import DocumentConflict, ProofError
from releve.ledger.models import LedgerEntry
from releve.ledger.rollback import roots_folder
from releve.ledger.roots import SignedRoot, load_last_root, publish_checkpoint, publish_root
from releve.ledger.seal import seal_ledger
from releve.ledger.witnesses import ask_known_witnesses
from releve.live.clock import LIVE
from releve.live.models import DailyRun
from releve.live.self_test import queue_self_test
from releve.live.situation_cache import read_event
from releve.network import Operator, Programme, day_bounds, zone
from releve.plugin import list_plugins
from releve.registry import storage as registry
from releve.service_record.models import SealedDay
from releve.service_record.statistics import load_reports
from releve.situation import find_happening, fold_events, list_lifted_closures, measure_entry_delay

SEALED = "service.sealed"
_SEALED_AFTER = timedelta(hours=6)
_LOOKED_BACK = 14
"""Days in which a late correction is sealed again."""
_LOSSES = ("site.closed", "site.reopened", "link.down", "link.up", "power.down", "power.up", "event.corrected")
"""Events that take places away or give them back."""


@dataclass(frozen=True)
class StatementLine:
    """An inbound programme over a period; NaN = not known, of some half hour of a report.

    ``level`` by the contract's definition over the ``half_hours`` that are known.
    """

    programme: str
    target: float
    definition: str
    offered: float
    answered: float
    level: float
    half_hours: int

    @property
    def held(self) -> bool | None:
        """Whether the level is at least the target; None: not known."""
        return None if math.isnan(self.level) else self.level >= self.target


@dataclass(frozen=True)
class ServiceLoss:
    """Calls of the half hours in which the events of the ledger entries ``seqs`` lasted.

    ``seqs`` empty: no event lasted. ``places`` are their sites or carriers, in the same order.
    Of ``late`` of the events the beginning or the end was recorded late.
    """

    seqs: tuple[int, ...]
    kinds: tuple[str, ...]
    places: tuple[str, ...]
    offered: float
    missed: float
    late: int = 0


@dataclass(frozen=True)
class DaySeal:
    """A day's entry in the ledger; ``agrees``: the record still has the figures of that entry."""

    day: date
    seq: int
    digest: str
    agrees: bool


@dataclass(frozen=True)
class ClientStatement:
    """A client's period from ``first`` to ``last``, both included."""

    client: str
    first: date
    last: date
    lines: tuple[StatementLine, ...]
    losses: tuple[ServiceLoss, ...]
    seals: tuple[DaySeal, ...]


@dataclass(frozen=True)
class _Period:
    rows: tuple[Programme, ...]
    starts: tuple[datetime, ...]
    figures: DayFigures


def _load_period(operator: Operator, client: str, first: date, last: date, until: datetime | None = None) -> _Period:
    zone_name = operator.row.time_zone
    start, end = day_bounds(first, zone_name)[0], day_bounds(last, zone_name)[1]
    if until is not None:
        end = start + (min(until, end) - start) // INTERVAL * INTERVAL
    rows = tuple(row for row in operator.programmes if row.client == client and row.kind == "inbound")
    starts = tuple(start + i * INTERVAL for i in range(int((end - start) / INTERVAL)))
    names = [row.id for row in rows]
    reports = [row for row in load_reports(start, end) if row.programme in names]
    return _Period(rows, starts, fold_figures(reports, names, starts, end))


def build_statement(
    operator: Operator, client: str, first: date, last: date, until: datetime | None = None
) -> ClientStatement:
    """Return a client's statement of some days; of one that goes on, of the half hours over at ``until``."""
    period = _load_period(operator, client, first, last, until)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return ClientStatement(
        client=client,
        first=first,
        last=last,
        lines=tuple(_build_line(period, place) for place in range(len(period.rows))),
        losses=tuple(_attribute(operator, period)),
        seals=tuple(_find_seals(operator, client, days, period)),
    )


def _build_line(period: _Period, place: int) -> StatementLine:
    row, figures = period.rows[place], period.figures
    good, counted = count_service(figures, row, place)
    known = np.isfinite(figures.offered[:, place])
    judged = known & np.isfinite(good) & np.isfinite(counted)
    total = float(counted[judged].sum())
    return StatementLine(
        programme=row.id,
        target=row.service_target,
        definition=row.service_definition,
        offered=float(figures.offered[known, place].sum()) if known.any() else float("nan"),
        answered=float(figures.answered[known, place].sum()) if known.any() else float("nan"),
        level=float(good[judged].sum()) / total if total > 0 else float("nan"),
        half_hours=int(known.sum()),
    )


@dataclass(frozen=True)
class LastingLoss:
    """An event that takes a place away, until ``end`` (None: it lasts); ``late``: so recorded."""

    seq: int
    kind: str
    place: str
    start: datetime
    end: datetime | None
    late: bool


def _attribute(operator: Operator, period: _Period) -> Iterator[ServiceLoss]:
    """Yield the calls of the half hours in which the same events lasted, those of none last."""
    if not (period.rows and period.starts):
        return
    skilled = {row.id for row in period.rows}
    agents = [row for row in operator.agents if skilled & set(row.skills)]
    places = {row.home_site for row in agents} | {row.carrier for row in agents}
    lasting = [row for row in list_losses(operator, period.starts[-1] + INTERVAL) if row.place in places]
    offered, missed = _count_missed(period)
    sums: dict[tuple[LastingLoss, ...], tuple[float, float]] = {}
    for at, start in enumerate(period.starts):
        if not np.isfinite(offered[at]) or not offered[at]:
            continue
        key = tuple(row for row in lasting if row.start < start + INTERVAL and (row.end is None or row.end > start))
        held = sums.get(key, (0.0, 0.0))
        sums[key] = held[0] + float(offered[at]), held[1] + float(missed[at])
    for key in sorted(sums, key=lambda key: (not key, [row.seq for row in key])):
        yield ServiceLoss(
            tuple(row.seq for row in key), tuple(row.kind for row in key),
            tuple(row.place for row in key), *sums[key], sum(row.late for row in key),
        )  # fmt: skip


def _count_missed(period: _Period) -> tuple[Floats, Floats]:
    """Return calls offered, and those not answered, by half hour; NaN of one that is not known."""
    figures = period.figures
    known = np.isfinite(figures.offered)
    offered = np.where(known, figures.offered, 0.0).sum(axis=1)
    missed = np.where(known, figures.offered - figures.answered, 0.0).sum(axis=1)
    offered[~known.any(axis=1)] = np.nan
    return offered, missed


def list_losses(operator: Operator, until: datetime) -> list[LastingLoss]:
    """Return what took places away, as the situation has it: in its place, however late recorded.

    What was corrected since did not happen; a closure whose ground was wrong lasted until it was lifted.
    """
    rows = list(ledger.iter_entries(LIVE, kinds=_LOSSES))
    numbers = {row.body["id"]: row.seq for row in rows}
    situation = fold_events(map(read_event, rows))
    late = {
        (row.body.get("site") or row.body.get("carrier"), find_happening(row.body))
        for row in rows
        if measure_entry_delay(row.body, row.recorded_at, operator)
    }
    spans = [
        ("site.closed", site, one.event, one.ordered_at, one.reopened_at)
        for site, state in situation.sites.items()
        for one in filter(None, (*state.past, state.closure))
    ]
    spans += [
        ("power.down" if what == "power" else "link.down", place, one.event, one.since, one.until)
        for (what, place), history in situation.outage_history.items()
        for one in history
    ]
    spans += [
        ("site.closed", row.site, row.order, row.closed_at, row.lifted_at) for row in list_lifted_closures(situation)
    ]
    found = [
        LastingLoss(numbers[event], kind, place, start, end, not late.isdisjoint(((place, start), (place, end))))
        for kind, place, event, start, end in spans
    ]
    return sorted((row for row in found if row.start < until), key=lambda row: row.seq)


def _digest_day(period: _Period, starts: Sequence[datetime]) -> str | None:
    """Return the digest of a day's half hours; None where nothing of it is known."""
    where = {start: at for at, start in enumerate(period.starts)}
    figures, names = period.figures, ("offered", "answered", "abandoned", "in_time", "short")
    rows: list[list[Any]] = []
    for place, programme in enumerate(period.rows):
        for start in starts:
            values = [float(getattr(figures, name)[where[start], place]) for name in names]
            if np.isfinite(values[0]):
                cells = [None if np.isnan(value) else f"{value:g}" for value in values]
                rows.append([programme.id, start.isoformat(), *cells])
    return hashlib.sha256(canonical_json(rows).encode()).hexdigest() if rows else None


def _list_starts(operator: Operator, day: date) -> list[datetime]:
    start, end = day_bounds(day, operator.row.time_zone)
    return [start + i * INTERVAL for i in range(int((end - start) / INTERVAL))]


def _find_seals(operator: Operator, client: str, days: Sequence[date], period: _Period) -> Iterator[DaySeal]:
    last: Mapping[date, SealedDay] = {row.day: row for row in SealedDay.objects.filter(client=client, day__in=days)}
    for day, row in sorted(last.items()):
        digest = _digest_day(period, _list_starts(operator, day))
        yield DaySeal(day, row.seq, row.digest, digest == row.digest)


def seal_days(operator: Operator, now: datetime) -> int:
    """Enter the days that are over in the ledger, and those corrected since; return how many."""
    today = (now - _SEALED_AFTER).astimezone(zone(operator.row.time_zone)).date()
    first, last = today - timedelta(days=_LOOKED_BACK), today - timedelta(days=1)
    count = 0
    for client in operator.clients:
        period = _load_period(operator, client.id, first, last)
        if not np.isfinite(period.figures.offered).any():
            continue
        held = {row.day: row.digest for row in SealedDay.objects.filter(
            client=client.id, day__gte=first, day__lte=last)}  # fmt: skip
        for number in range(_LOOKED_BACK):
            day = first + timedelta(days=number)
            digest = _digest_day(period, _list_starts(operator, day))
            if digest is not None and held.get(day) != digest:
                _seal(client.id, day, digest, now)
                count += 1
    return count


def _seal(client: str, day: date, digest: str, now: datetime) -> None:
    with transaction.atomic():
        body = {"client": client, "day": day.isoformat(), "digest": digest}
        entry = ledger.append(SEALED, body, recorded_at=now, stream=LIVE)
        SealedDay.objects.create(client=client, day=day, digest=digest, seq=entry.seq, sealed_at=now)


RETRY_AFTER = timedelta(minutes=10)
"""Time between two attempts to clean the database's files while another connection reads."""
KEPT_RUNS = timedelta(days=400)
_MOST_SCRUBS = 3
_log = logging.getLogger("releve.live")
_conflicts: set[str] = set()
"""Conflicts of documents that this process has logged."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did: rows, values and files erased; whether no trace is left in the files."""

    erased: int
    scrubbed: bool


def run_daily_jobs(now: datetime) -> SignedRoot | None:
    """Queue the messages to oneself, do the daily jobs of the plug-ins, erase, seal and publish, once in a UTC day.

    Returns the new root, if any. After a kill halfway it runs again. The root comes last, so that
    it covers the entries that the erasure wrote. A run that a clock ahead of time has dated in
    the future counts as not done.
    """
    run = DailyRun.objects.filter(day=now.date()).first()
    last = load_last_root()
    if run is not None and run.done_at is not None and run.done_at <= now:
        if not run.scrubbed and now - run.tried_at >= RETRY_AFTER:
            _note_run(now, done_at=run.done_at, scrubbed=_scrub_database_files())
        if last is not None:
            _publish(last)
        return None
    _note_run(now, done_at=None)
    queue_self_test(now.date())
    for name in (name for plugin in list_plugins() for name in plugin.daily_jobs):
        import_string(name)(now)
    version = registry.get_current_version()
    if version is not None:
        seal_days(registry.load_operator(version), now)
    found = erase_due_data(now)
    root = seal_now(now) if read_head().seq else None
    _note_run(now, done_at=now, erased=found.erased, scrubbed=found.scrubbed)
    DailyRun.objects.filter(day__lt=(now - KEPT_RUNS).date()).delete()
    return root if root != last else None


def seal_now(now: datetime) -> SignedRoot:
    """Seal what is recorded, and let the root leave the house: its folder, then the witnesses known.

    Where nothing was added since the last root, that one leaves again. Raises what ``seal_ledger`` does.
    """
    root = seal_ledger(now)
    _publish(root)
    ask_known_witnesses(root)
    return root


def erase_due_data(now: datetime) -> Erasure:
    """Erase what has reached its date in every room, and its traces in the database's files.

    Absences that last are postponed first. Values that were erased before a kill, and that no root
    covers yet, may still be in the files: they are cleaned then, too.
    """
    count = erase_due(now)
    return Erasure(count, not (count or _erased_since_root()) or _scrub_database_files())


def _note_run(now: datetime, **done: object) -> None:
    DailyRun.objects.update_or_create(day=now.date(), defaults={"tried_at": now, **done})


def _erased_since_root() -> bool:
    last = load_last_root()
    sealed = 0 if last is None else last.size
    return LedgerEntry.objects.filter(seq__gt=sealed, kind__in=list_value_tables()).exists()


def _scrub_database_files() -> bool:
    """Remove erased values from the database's files; retry while another connection is reading."""
    for _ in range(_MOST_SCRUBS):
        if scrub_files([*list_value_tables().values()]):
            return True
    _log.warning("another connection still reads: the database's log still holds erased values")
    return False


def _publish(root: SignedRoot) -> None:
    """Publish a root's document and its checkpoint to the folder of roots, unless there.

    A file that stands there with other bytes is named, once in a process, and stops no other job:
    where another root of this ledger is meant, the ledger itself refuses to go on.
    """
    try:
        publish_root(root, roots_folder())
        with suppress(ProofError):  # a root of a key that was rotated since
            publish_checkpoint(root, roots_folder())
    except DocumentConflict as error:
        if str(error) not in _conflicts:
            _conflicts.add(str(error))
            _log.critical("the root was not published: %s", error)
