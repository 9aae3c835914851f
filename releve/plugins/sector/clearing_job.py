"""Clearings of the association's clerk, each in a process of its own; folders of several operators.

The process outlives its worker: a restarted worker finds the result or waits for it, and computes
nothing twice. The inputs were fixed in the ledger before; the job keeps a copy, which names members
and prices, until it ends.

A sector folder holds several operators, their plans, and the terms on which they help each other.

=====================  ====================================================================
``members/NAME/``      the tables of an operator
``plans/NAME/``        its plan folder
``packages.csv``       what each operator would lend, prepared and priced
``ceilings.csv``       the highest price of each operator's clients (``asker``, client)
``approvals.csv``      the operators and destinations that a client has approved
``exclusions.csv``     the operators that a client excludes
=====================  ====================================================================
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from releve.errors import ReleveError
from releve.files.atomic import write_file
from releve.files.operator_folder import read_operator_files, write_operator_files
from releve.files.plan_folder import read_plans
from releve.network import Operator, read_operator, write_operator
from releve.network.sample.operator import SECTOR_TABLES
from releve.plan import Plan, PlanSettings
from releve.plan.spare import find_spare
from releve.plan.week import require_planned
from releve.plugins.sector.engine.crash import SectorMember
from releve.plugins.sector.engine.matches import Clearing, ReliefMatch, check_clearing, clear, describe_clearing
from releve.plugins.sector.engine.needs import (
    Openings,
    ReliefPackage,
    SectorOffer,
    SectorRequest,
    read_packages,
    read_terms,
)
from releve.runs.job_store import Job, JobKind, JobStore

CLEARING_DEADLINE = timedelta(minutes=15)
"""The work is bounded by what is counted; this is an alarm, and never changes a result."""
_FILE = "openings.json"


@dataclass(frozen=True)
class ClearingOrder:
    gate: str
    at: str


ClearingJob = Job[ClearingOrder]


def find_clearing(store: JobStore[ClearingOrder], gate: str) -> ClearingJob | None:
    return next((job for job in store.list_jobs() if job.order.gate == gate), None)


def pack_openings(openings: Openings, seed: bytes) -> dict[str, dict[str, bytes]]:
    found = {
        "offers": [asdict(one) for one in openings.offers],
        "requests": [asdict(one) for one in openings.requests],
        "approvals": sorted(openings.approvals),
        "seed": seed.hex(),
    }
    return {"openings": {_FILE: json.dumps(found, ensure_ascii=False).encode()}}


def execute_clearing(job: ClearingJob) -> None:
    text = (job.folder / "inputs" / "openings" / _FILE).read_text(encoding="utf-8")
    found = json.loads(text)
    for row in (*found["offers"], *found["requests"]):
        row["agents"] = _pairs(row["agents"])
    openings = Openings(
        tuple(SectorOffer(**row) for row in found["offers"]),
        tuple(SectorRequest(**row) for row in found["requests"]),
        frozenset((request, operator, where) for request, operator, where in found["approvals"]),
    )
    cleared = clear(openings, bytes.fromhex(found["seed"]))
    text = json.dumps(describe_clearing(cleared), ensure_ascii=False)
    write_file(job.folder / CLEARINGS.result, text)


CLEARINGS = JobKind(
    "clearings", "clearing.json", ClearingOrder, execute_clearing, take_turns=True, confidential=True,
    most_seconds=CLEARING_DEADLINE.total_seconds(),
)  # fmt: skip


def read_result(job: ClearingJob, openings: Openings) -> Clearing:
    """Return the clearing of a job that is done; SectorError where it breaks a law of one."""
    cleared = parse_clearing((job.folder / CLEARINGS.result).read_text(encoding="utf-8"))
    check_clearing(openings, cleared.matches)
    return cleared


def parse_clearing(text: str) -> Clearing:
    found = json.loads(text)
    return Clearing(
        tuple(ReliefMatch(**one) for one in found.pop("matches")),
        _pairs(found.pop("alone")),
        _pairs(found.pop("served")),
        **found,
    )


def _pairs(rows: list[list[Any]]) -> tuple[tuple[Any, int], ...]:
    return tuple((name, int(count)) for name, count in rows)


class SectorFolderError(ReleveError, ValueError):
    """A sector folder that cannot be read; the message says what is missing and how to make it."""


def write_sector_member(folder: Path, name: str, operator: Operator) -> None:
    (folder / "members").mkdir(parents=True, exist_ok=True)
    write_operator_files(folder / "members" / name, write_operator(operator))


def write_sector_terms(folder: Path, terms: Mapping[str, Sequence[Sequence[str]]]) -> None:
    for name, rows in terms.items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([SECTOR_TABLES[name], *rows])
        (folder / name).write_text(text.getvalue(), encoding="utf-8", newline="")


def list_members(folder: Path) -> tuple[str, ...]:
    """Return the names of the members; SectorFolderError where there are none."""
    found = (
        tuple(sorted(path.name for path in (folder / "members").iterdir() if path.is_dir()))
        if (folder / "members").is_dir()
        else ()
    )
    if not found:
        raise SectorFolderError(f"{folder}: no members/NAME in it; make a sample: releve network sector {folder}")
    return found


def read_member_operator(folder: Path, name: str) -> Operator:
    return read_operator(read_operator_files(folder / "members" / name))


def read_member_plan(folder: Path, name: str, day: date | None = None) -> Plan:
    """Return the plan of a member, of the first day planned by default."""
    path = folder / "plans" / name
    if not path.is_dir():
        raise SectorFolderError(f"{path}: no plan; make it: releve sector plan {folder}")
    plans = {plan.day: plan for plan in read_plans(path)}
    plan = plans.get(day or min(plans))
    if plan is None:
        raise SectorFolderError(f"{path}: no plan of {day}; it holds {', '.join(map(str, plans))}")
    return plan


def read_member(folder: Path, name: str, day: date | None = None) -> SectorMember:
    """Return a member with a plan (:func:`read_member_plan`) and what it can lend."""
    operator, plan = read_member_operator(folder, name), read_member_plan(folder, name, day)
    return build_member(folder, name, operator, plan)


def build_member(folder: Path, name: str, operator: Operator, plan: Plan) -> SectorMember:
    """Return a member with what it can lend, which is found here.

    The operator's roster and history are left out: an answer needs neither, and they are large.
    """
    need = require_planned(operator, plan)
    settings = PlanSettings(**plan.settings)  # type: ignore[arg-type]
    spare = find_spare(operator, plan, need, settings)
    if spare.plan.violations:
        raise SectorFolderError(f"{folder / 'plans' / name}: without the spare agents {spare.plan.violations[0]}")
    ceilings, approvals, exclusions = (
        [row for row in _read_rows(folder / f"{table}.csv") if row.get("asker") == name]
        for table in ("ceilings", "approvals", "exclusions")
    )
    terms = read_terms(ceilings, approvals, exclusions, plan.day)
    small = replace(operator, history=(), shifts=())
    return SectorMember(name, small, plan, spare.agents, spare.plan, terms)


def read_sector_packages(folder: Path) -> tuple[ReliefPackage, ...]:
    return read_packages(_read_rows(folder / "packages.csv"))


def _read_rows(path: Path) -> Iterable[dict[str, str | None]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return [dict(row) for row in csv.DictReader(stream)]
    except OSError as error:
        raise SectorFolderError(f"{path}: {error.strerror}") from error
