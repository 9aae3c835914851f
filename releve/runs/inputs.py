"""From the files and parameters of a request to the tests of its cases."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from releve import __version__
from releve.crashtest import CrashTest
from releve.crashtest.outages import Hazard, read_hazards
from releve.crashtest.outages.shipped import load_shipped_hazards
from releve.crashtest.outbreak import (
    Contacts,
    Controls,
    Population,
    Scenario,
    build_importation,
    build_population,
    read_incidence,
)
from releve.crashtest.outlook import start_from_situation
from releve.crashtest.policies import apply_policies
from releve.crashtest.situation_rules import build_controls, list_closure_rules
from releve.demand import build_forecast, build_histories
from releve.files.operator_folder import FolderError, read_operator_files
from releve.files.plan_folder import PlanFolderError, read_plans
from releve.files.run_folder import digest_parts
from releve.network import HOME, Operator, read_operator
from releve.plan import Plan
from releve.plan.plan_json import plan_to_json
from releve.plan.week import require_day
from releve.runs.errors import EventsFileError, RunError
from releve.runs.request import ILLNESSES, CrashTestRequest
from releve.situation import Situation, SituationRules, event_from_json, fold_events
from releve.situation.shipped import load_rules_with

__all__ = ["build_cases", "describe_inputs"]


def build_cases(request: CrashTestRequest) -> list[tuple[str, CrashTest]]:
    """Return the tests by label: each policy on the plan, and the first on the plan compared.

    RunError says which file or parameter is wrong, and the fix.
    """
    try:
        return _build_cases(request)
    except (FolderError, ValueError) as error:
        raise error if isinstance(error, RunError) else RunError(str(error)) from None


def _build_cases(request: CrashTestRequest) -> list[tuple[str, CrashTest]]:
    operator = read_operator(read_operator_files(request.operator))
    plans = _read_plans(request.plan)
    scenario = _build_scenario(request, operator, plans)
    hazards = _read_hazards(request)
    base = _build_test(request, operator, plans, scenario, hazards)
    cases = [(name, apply_policies((name,), base)) for name in request.policies]
    if request.compare is not None:
        alike = replace(request, settings=replace(request.settings, target=base.target))
        other = _build_test(alike, operator, _read_plans(request.compare), scenario, hazards)
        label = f"{request.policies[0]}, plan {request.compare.name}"
        cases.append((label, apply_policies(request.policies[:1], other)))
    return cases


def _read_plans(folder: Path) -> tuple[Plan, ...]:
    try:
        return read_plans(folder)
    except PlanFolderError as error:
        raise RunError(f"{error}: releve plan OPERATOR --out {folder} makes one") from None


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
    busy = build_forecast(
        build_histories(operator), operator.programmes, days, operator.row.time_zone
    )
    spread = dict(zip(busy.programmes, np.nan_to_num(busy.day_factor_cv), strict=True))
    columns = [row[0] for row in plans[0].programmes]
    return CrashTest(
        operator=operator,
        plans=plans,
        needs=tuple(require_day(operator, day) for day in days),
        scenario=scenario,
        controls=_build_controls(request, operator, plans[0], scenario.population),
        hazards=tuple(hazards),
        busyness=tuple(float(spread.get(name, 0.0)) for name in columns),
        settings=request.settings,
        start=request.start,
    )


def _build_controls(
    request: CrashTestRequest, operator: Operator, plan: Plan, population: Population
) -> Controls:
    """Return the controls of the situation's rules, with the plan's agents at home."""
    home = np.zeros(population.size, dtype=np.bool_)
    home[[population.number[row.agent] for row in plan.placements if row.place == HOME]] = True
    sites = [operator.site[name] for name in population.sites]
    first = request.start or plan.day
    return build_controls(_read_rules(request), sites, first, request.settings.days, at_home=home)


def _read_rules(request: CrashTestRequest) -> SituationRules:
    return load_rules_with([_read_text(path) for path in request.rules])


def _build_scenario(
    request: CrashTestRequest, operator: Operator, plans: Sequence[Plan]
) -> Scenario:
    population = build_population(operator)
    days, first = request.settings.days, request.start or plans[0].day
    outside = np.full((len(population.sites), days), request.outside)
    if request.incidence is not None:
        curve = read_incidence(_read_text(request.incidence.path), request.incidence.column)
        rate = curve.rate(first, days, population=request.per_people, reported=request.reported)
        outside = build_importation(population, dict.fromkeys(population.destinations, rate))
    illness = ILLNESSES[request.illness]()
    scenario = Scenario(population, illness, Contacts(request.reproduction), days, outside)
    if request.outlook is None:
        return scenario
    return start_from_situation(
        scenario, _read_situation(request.outlook), first, operator.row.time_zone
    )


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


def describe_inputs(
    request: CrashTestRequest, cases: Sequence[tuple[str, CrashTest]]
) -> Mapping[str, Any]:
    """Return what a run folder and a certificate state about the inputs of a run."""
    test = cases[0][1]
    rule_ids = list_closure_rules(
        _read_rules(request), test.operator.sites, test.first_day, request.settings.days
    )
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
        name: digest_parts([_read_text(path).encode() for path in paths])
        for name, paths in texts.items()
        if paths
    }
    return {"operator": digest_parts(tables), **digests}
