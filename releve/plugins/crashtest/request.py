"""The request of a crash test, from the command line or the desk, and the tests of its cases.

RunError                  what was asked for cannot be run; the text says why and the fix
├── RunFolderError        a folder of a run cannot be used as asked
├── EventsFileError       the events of an outlook cannot be read; the text may quote a case
└── ClusterError          the cluster cannot be used, or a part failed on it
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from releve import __version__
from releve.demand import build_forecast, build_histories
from releve.demand.forecast.day_parts import measure_parts_before
from releve.errors import read_reason
from releve.files.operator_folder import FolderError, read_operator_files
from releve.files.plan_folder import PlanFolderError, read_plans
from releve.kernels.arrays import Floats
from releve.network import Operator, read_operator
from releve.plan import BASE, Plan, PlanSettings
from releve.plan.day_fleet import build_day_fleet, cap_vehicles, route_plan
from releve.plan.kits import give_kits
from releve.plan.plan_json import plan_to_json
from releve.plan.week import require_day
from releve.plugins.crashtest.engine.comparison import start_from_situation
from releve.plugins.crashtest.engine.lost_places import build_controls, build_drawn_visits, list_closure_rules
from releve.plugins.crashtest.engine.outages import Hazard, read_hazards
from releve.plugins.crashtest.engine.outages.hazard import load_shipped_hazards
from releve.plugins.crashtest.engine.outbreak import (
    Contacts,
    Controls,
    Manifest,
    Population,
    Room,
    Scenario,
    build_importation,
    build_population,
    covid,
    influenza,
    measure_room,
    read_incidence,
)
from releve.plugins.crashtest.engine.outbreak.curves import find_curve, load_shipped_curves
from releve.plugins.crashtest.engine.policies import apply_policies
from releve.plugins.crashtest.engine.run_arrays import CrashTest, find_presence, list_home_agents
from releve.plugins.crashtest.engine.settings import Settings
from releve.runs.job_store import RunError
from releve.situation import ChosenPack, Situation, SituationRules, event_from_json, fold_events
from releve.situation.shipped import load_rules_with
from releve.transport import TO_SITE, Run


def digest_parts(parts: Iterable[bytes]) -> str:
    """Return the SHA-256 of several texts, each with its length before it."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


ILLNESSES = {"covid": covid, "influenza": influenza}
ABLATION_QUARTERS = 200
"""Quarters to rerun with each cause removed, unless there are fewer or a fifth is more."""


@dataclass(frozen=True)
class IncidenceFile:
    """Daily cases outside: a ``column`` of a CSV file that has a column ``date``."""

    path: Path
    column: str


@dataclass(frozen=True, kw_only=True)
class CrashTestRequest:
    """The files and the parameters of a crash test.

    ``operator`` a folder or workbook; ``plan`` and ``compare`` plan folders; ``hazards`` a table
    instead of the shipped one; ``rules`` rows beside the situation's shipped ones, ``packs`` those
    in force; ``outlook`` the events up to day 0. Infections from outside come from ``incidence``,
    cases of ``per_people`` people of which the share ``reported`` is known, else from the named
    ``curves`` of destinations (a destination "" is every one without its own), else ``outside`` per
    agent and day. ``reproduction``: infections at work by one agent. ``ablation_quarters`` of the
    first case are rerun with each cause removed. ``start`` is day 0 [the first planned day].
    """

    operator: Path
    plan: Path
    compare: Path | None = None
    with_hazards: bool = True
    hazards: Path | None = None
    rules: tuple[Path, ...] = ()
    packs: tuple[ChosenPack, ...] = ()
    incidence: IncidenceFile | None = None
    per_people: float = 1e6
    reported: float = 0.2
    outside: float = 1e-4
    curves: tuple[tuple[str, str], ...] = ()
    illness: str = "covid"
    reproduction: float = 2.5
    settings: Settings = field(default_factory=Settings)
    policies: tuple[str, ...] = ("as-given",)
    ablation_quarters: int = 0
    start: date | None = None
    outlook: Path | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The parameters that a certificate keeps; it keeps files by their digests."""
        return {
            "settings": {name: getattr(self.settings, name) for name in self.settings.__slots__},
            "policies": list(self.policies),
            "without": self.ablation_quarters,
            "illness": self.illness,
            "reproduction": self.reproduction,
            "outside": self.outside,
            **({"curves": [list(pair) for pair in self.curves]} if self.curves else {}),
            "column": self.incidence.column if self.incidence else "",
            "per_people": self.per_people,
            "reported": self.reported,
            "start": self.start.isoformat() if self.start else "",
            "packs": [[p.pack, str(p.first), p.last and str(p.last)] for p in self.packs],
        }


def count_ablation_quarters(asked: int | None, quarters: int) -> int:
    """Return how many of a run's quarters to rerun with each cause removed.

    As many as asked for, else a fifth and at least ABLATION_QUARTERS; never more than there are.
    """
    wanted = max(ABLATION_QUARTERS, quarters // 5) if asked is None else asked
    return min(wanted, quarters)


class EventsFileError(RunError):
    """The events of an outlook cannot be read; the text may quote a case."""


class ClusterError(RunError):
    """The cluster cannot be used, or a part failed on it."""


def build_cases(request: CrashTestRequest) -> list[tuple[str, CrashTest]]:
    """Return the tests by label: each policy on the plan, and the first on the plan compared.

    RunError says which file or parameter is wrong, and the fix.
    """
    try:
        return _build_cases(request)
    except (FolderError, ValueError) as error:
        raise error if isinstance(error, RunError) else RunError(read_reason(error)) from None


def _build_cases(request: CrashTestRequest) -> list[tuple[str, CrashTest]]:
    operator = read_operator(read_operator_files(request.operator))
    plans = _read_plans(request.plan)
    equipped = _give_kits(operator, plans)
    scenario = _build_scenario(request, equipped, plans)
    hazards = _read_hazards(request)
    base = _build_test(request, equipped, plans, scenario, hazards)
    cases = [(name, apply_policies((name,), base)) for name in request.policies]
    if request.compare is not None:
        alike = replace(request, settings=replace(request.settings, target=base.target))
        compared = _read_plans(request.compare)
        other = _build_test(alike, _give_kits(operator, compared), compared, scenario, hazards)
        label = f"{request.policies[0]}, plan {request.compare.name}"
        cases.append((label, apply_policies(request.policies[:1], other)))
    return cases


def _read_plans(folder: Path) -> tuple[Plan, ...]:
    try:
        return read_plans(folder)
    except PlanFolderError as error:
        raise RunError(f"{error}: releve plan OPERATOR --out {folder} makes one") from None


def _give_kits(operator: Operator, plans: Sequence[Plan]) -> Operator:
    """Return the operator in which all who hold a kit by some plan are home-ready; each day counts its own."""
    return give_kits(operator, {name for plan in plans for name in plan.kit_holders})


def _read_hazards(request: CrashTestRequest) -> tuple[Hazard, ...]:
    if not request.with_hazards:
        return ()
    if request.hazards is None:
        return load_shipped_hazards()
    return tuple(read_hazards(_read_text(request.hazards)))


def _build_test(
    request: CrashTestRequest,
    operator: Operator,
    plans: tuple[Plan, ...],
    scenario: Scenario,
    hazards: Sequence[Hazard],
) -> CrashTest:
    days = [plan.day for plan in plans]
    histories = build_histories(operator)
    parts = measure_parts_before(histories, operator.programmes, min(days))
    busy = build_forecast(histories, operator.programmes, days, operator.row.time_zone)
    spread = dict(zip(busy.programmes, np.nan_to_num(busy.day_factor_cv), strict=True))
    columns = [row[0] for row in plans[0].programmes]
    return CrashTest(
        operator=operator,
        plans=plans,
        needs=tuple(require_day(operator, day) for day in days),
        scenario=scenario,
        controls=_build_controls(request, operator, plans, scenario.population),
        hazards=tuple(hazards),
        busyness=tuple(float(spread.get(name, 0.0)) for name in columns),
        parts=tuple(parts[name] for name in columns),
        settings=request.settings,
        start=request.start,
    )


def _build_controls(
    request: CrashTestRequest, operator: Operator, plans: Sequence[Plan], population: Population
) -> Controls:
    """Return the controls of the situation's rules, with the agents at home whom the first plan
    has there, or of a hybrid week each on the days that it says. An outlook has the visits of the
    draws that its situation holds."""
    home = np.zeros(population.size, dtype=np.bool_)
    sites = [operator.site[name] for name in population.sites]
    first = request.start or plans[0].day
    presence = find_presence(plans, population.agents, first)
    if presence is None:
        home[[population.number[name] for name in list_home_agents(plans[0])]] = True
    visits = None
    if request.outlook is not None:
        known = _read_situation(request.outlook)
        visits = build_drawn_visits(known, operator, population.sites, first)
    return build_controls(
        _read_rules(request), sites, first, request.settings.days, at_home=home, presence=presence, visits=visits
    )


def _read_rules(request: CrashTestRequest) -> SituationRules:
    rules = load_rules_with([_read_text(path) for path in request.rules], chosen=request.packs)
    known = [pack.id for pack in rules.packs]
    for one in request.packs:
        if one.pack not in known:
            raise RunError(f"no pack of rules {one.pack!r}: choose one of {', '.join(known)}")
    return rules


def _build_scenario(request: CrashTestRequest, operator: Operator, plans: Sequence[Plan]) -> Scenario:
    capped = cap_vehicles(operator, plans[0].day, _read_rules(request))
    population, room = _build_population(capped, plans)
    days, first = request.settings.days, request.start or plans[0].day
    outside = np.full((len(population.sites), days), request.outside)
    if request.incidence is not None:
        curve = read_incidence(_read_text(request.incidence.path), request.incidence.column)
        rate = curve.rate(first, days, population=request.per_people, reported=request.reported)
        outside = build_importation(population, dict.fromkeys(population.destinations, rate))
    elif request.curves:
        outside = build_importation(population, _read_curve_rates(request.curves, population.destinations, days))
    illness = ILLNESSES[request.illness]()
    contacts = Contacts(request.reproduction, room=room)
    scenario = Scenario(population, illness, contacts, days, outside)
    if request.outlook is None:
        return scenario
    return start_from_situation(scenario, _read_situation(request.outlook), first, operator.row.time_zone)


def _read_curve_rates(curves: Sequence[tuple[str, str]], destinations: Sequence[str], days: int) -> dict[str, Floats]:
    """Return the rate of each destination by its own curve, else by that of every other destination."""
    named = dict(curves)
    strange = sorted(named.keys() - {"", *destinations})
    if strange:
        raise RunError(f"no site is at destination {strange[0]!r}: there are {', '.join(sorted(set(destinations)))}")
    rates = {}
    for destination in destinations:
        name = named.get(destination, named.get(""))
        if name is not None:
            rates[destination] = find_curve(name, load_shipped_curves()).rate(days)
    return rates


def _build_population(operator: Operator, plans: Sequence[Plan]) -> tuple[Population, Room | None]:
    """Return the population with the runs of the plans, and the room in which it is compared.

    The room is that of vehicles that fill up stop by stop: with fewer riders in each, agents infect
    fewer. An agent rides with those of the first day on which a run brings them to work.
    """
    filled = build_population(operator)
    if not operator.vehicles:
        return filled, None
    manifests: list[Manifest] = []
    seen: set[str] = set()
    for plan in plans:
        for run in _list_runs(operator, plan):
            names = tuple(name for stop in run.agents for name in stop if name not in seen)
            if names:
                shared = (run.at_site - run.times[0]).total_seconds() / 60
                manifests.append(Manifest(names, shared))
                seen.update(names)
    return build_population(operator, manifests=manifests), measure_room(filled)


def _list_runs(operator: Operator, plan: Plan) -> list[Run]:
    """Return the runs to work of a plan's base day."""
    settings = PlanSettings(**plan.settings)  # type: ignore[arg-type]
    fleet = build_day_fleet(operator, plan.day, settings)
    if fleet is None:
        return []
    _, found = route_plan(operator, plan, BASE, fleet)
    return [run for run in found.runs if run.wave.leg == TO_SITE]


def _read_situation(path: Path) -> Situation:
    """Fold the events of a file: one JSON object a line, its kind beside its fields."""
    happened = []
    for number, line in enumerate(_read_text(path).splitlines(), start=1):
        try:
            row = dict(json.loads(line))
            happened.append(event_from_json(row.pop("kind"), row))
        except (ValueError, KeyError, TypeError) as error:
            raise EventsFileError(
                f"{path}, line {number}: {error}: write one event a line, like"
                ' {"kind": "case.declared", "id": "e1", ...}'
            ) from None
    return fold_events(happened)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from None


def describe_inputs(request: CrashTestRequest, cases: Sequence[tuple[str, CrashTest]]) -> Mapping[str, Any]:
    """Return what a run folder and a certificate state about the inputs of a run."""
    test = cases[0][1]
    rule_ids = list_closure_rules(_read_rules(request), test.operator.sites, test.first_day, request.settings.days)
    return {
        "version": __version__,
        "operator": test.operator.row.name,
        "synthetic": test.operator.row.synthetic,
        "closure_rules": list(rule_ids),
        **request.options,
        "inputs": _digest_files(request),
        "cases": [
            {
                "label": label,
                "plan": digest_parts([plan_to_json(plan).encode() for plan in case.plans]),
                "days": [plan.day.isoformat() for plan in case.plans],
                "programmes": [[row.id, row.client] for row in case.programmes],
            }
            for label, case in cases
        ],
        "hazards": [hazard.id for hazard in test.hazards],
    }


def _digest_files(request: CrashTestRequest) -> dict[str, str]:
    """Return the digest of each input by what it is; a plan's stands with its case."""
    files = read_operator_files(request.operator)
    tables = [part for name in sorted(files) for part in (name.encode(), files[name])]
    texts = {
        "hazards": [request.hazards] if request.hazards else [],
        "incidence": [request.incidence.path] if request.incidence else [],
        "events": [request.outlook] if request.outlook else [],
        "rules": list(request.rules),
    }
    digests = {
        name: digest_parts([_read_text(path).encode() for path in paths]) for name, paths in texts.items() if paths
    }
    return {"operator": digest_parts(tables), **digests}
