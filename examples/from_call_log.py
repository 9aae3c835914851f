"""``python -m examples.from_call_log OUT``: two real call logs to two operator folders.

Each folder holds the bank's queues with the history of the days before the held-out month, and
a sample network (synthetic sites, desks, people) sized to what the forecast week takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import click
import polars as pl

from examples.banks import BANKS, Bank, data_folder, read_bank, read_mapping
from examples.seen import seen_lines
from examples.staffing import day_lines, log_lines
from examples.week_roster import Turn, roster
from releve.demand import (
    Forecast,
    ImportReport,
    Requirement,
    add_observed_holidays,
    build_forecast,
    compute_requirement,
    list_history_rows,
)
from releve.files.operator_folder import write_operator_files
from releve.network import (
    Agent,
    HistoryRow,
    Operator,
    OperatorRow,
    Programme,
    Shift,
    find_open_instants,
    sample_operator,
    write_operator,
)

__all__ = ["main", "operator_of"]

SEED = 1
LEAST_CALLS = 10
"""Calls of a queue an agent of the log has answered to count as skilled for it."""


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
def main(out: Path) -> None:
    """Write OUT/bank-1999 and OUT/bank-2003, and say what was found and staffed."""
    for bank in BANKS:
        whole, past = read_bank(bank)
        programmes = bank.with_patience(past.patience_s)
        week = _week(bank, past, programmes)
        day = next(need for need in week if need.day == bank.day)
        click.echo(f"{bank.id}: {bank.title}; the log before {bank.held_out}, {bank.day:%A %d %B}")
        for line in (*log_lines(past), "", *day_lines(programmes, day, whole.histories)):
            click.echo(line)
        for line in seen_lines(bank, past):
            click.echo(line)
        operator = operator_of(bank, past, programmes, week)
        write_operator_files(out / bank.id, write_operator(operator), replace=True)
        click.echo(
            f"written: {len(operator.agents)} agents, {len(operator.sites)} sites,"
            f" {len(operator.seats)} seats, {len(operator.shifts)} shifts,"
            f" {len(operator.history)} half hours of history\n"
        )


def _week(bank: Bank, past: ImportReport, programmes: Sequence[Programme]) -> list[Requirement]:
    """Return the requirement of the Monday to Sunday around the planned day."""
    monday = bank.day - timedelta(days=bank.day.weekday())
    days = [monday + timedelta(days=i) for i in range(7)]
    histories = {history.programme: history for history in past.histories}
    found: Forecast = build_forecast(histories, programmes, days, bank.time_zone)
    return [compute_requirement(found, programmes, day, bank.time_zone) for day in days]


def operator_of(
    bank: Bank, past: ImportReport, programmes: Sequence[Programme], week: Sequence[Requirement]
) -> Operator:
    """Return a sample network sized to a week, its people turned over to the bank's queues."""
    turns = [(row.id, turn) for row in programmes for turn in roster(row, week)]
    size = max(50, 20 * bank.sites, len(turns))
    base = sample_operator(size, bank.sites, SEED, start=week[0].day, weeks_of_history=0)
    people = _people(base, turns, _skills_in_log(bank))
    rows, _ = list_history_rows(past.histories, bank.time_zone)
    seen = {history.programme: history for history in past.histories}
    shifts = tuple(
        Shift(agent.id, start, end)
        for agent, (_, turn) in zip(people, turns, strict=True)
        for start, end in turn.shifts
    )
    return replace(
        base,
        row=OperatorRow(f"Sample network of {bank.id}", bank.time_zone, synthetic=True),
        clients=bank.clients,
        programmes=tuple(programmes),
        agents=people,
        shifts=shifts,
        history=tuple(_open_rows(rows, [add_observed_holidays(row, seen.get(row.id)) for row in programmes])),
        contingencies=(),
    )


def _people(base: Operator, turns: Sequence[tuple[str, Turn]], known: Sequence[tuple[str, ...]]) -> tuple[Agent, ...]:
    """Give each turn a person of the sample, one site after the other, and skills of the log."""
    waiting = {s.id: iter([a for a in base.agents if a.home_site == s.id]) for s in base.sites}
    order: list[Agent] = []
    while len(order) < len(turns):
        found = [next(queue, None) for queue in waiting.values()]
        order += [agent for agent in found if agent is not None]
    taken: Counter[str] = Counter()
    people = []
    for agent, (programme, turn) in zip(order, turns, strict=False):
        able = [skills for skills in known if programme in skills] or [(programme,)]
        skills = able[taken[programme] % len(able)]
        taken[programme] += 1
        others = [skill for skill in skills if skill != programme]
        hours = sum((end - start).total_seconds() / 3600 - 0.5 for start, end in turn.shifts)
        people.append(replace(agent, skills=(programme, *others), contract_hours=hours))
    return tuple(people)


def _skills_in_log(bank: Bank) -> list[tuple[str, ...]]:
    """Return for each agent of a call log the queues he or she answered, most calls first."""
    log = pl.scan_parquet(data_folder() / bank.log)
    if "agent" not in log.collect_schema().names():
        return []
    answered = log.filter(pl.col("date") < bank.held_out, pl.col("agent") != "NONE")
    queues = read_mapping(bank)["programmes"]
    counts = answered.group_by("agent", "type").len().filter(pl.col("len") >= LEAST_CALLS)
    ordered = counts.sort("agent", "len", "type", descending=[False, True, False]).collect()
    skills: dict[str, list[str]] = {}
    for agent, queue, _ in ordered.iter_rows():
        skills.setdefault(agent, []).append(queues[queue])
    return [tuple(found) for found in skills.values()]


def _open_rows(rows: Sequence[HistoryRow], programmes: Sequence[Programme]) -> Iterator[HistoryRow]:
    """Yield the half hours inside the opening hours: calls at a closed door are not demand."""
    for programme in programmes:
        own = [row for row in rows if row.programme == programme.id]
        is_open = find_open_instants(programme, [row.start for row in own])
        yield from (row for row, is_in in zip(own, is_open, strict=True) if is_in)


if __name__ == "__main__":
    main()
