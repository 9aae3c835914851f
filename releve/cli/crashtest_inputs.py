"""From files and options to the crash tests of ``releve crashtest``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import click
import numpy as np

from releve import __version__
from releve.cli.load_operator import operator_of
from releve.crashtest import CrashTest, CrashTestError, Settings
from releve.crashtest.outages import Hazard, OutagesError
from releve.crashtest.outbreak import (
    Contacts,
    Controls,
    OutbreakError,
    Population,
    Scenario,
    covid,
    importation,
    influenza,
    population_of,
    read_incidence,
)
from releve.crashtest.outlook import outlook_of
from releve.crashtest.policies import MEASURES_MOST, POLICIES, under_policies
from releve.crashtest.situation_rules import closure_rule_ids, rule_controls
from releve.crashtest_folder import digest
from releve.demand import build_forecast, build_histories
from releve.files.operator_folder import read_operator_files
from releve.files.plan_folder import PlanFolderError, read_plans
from releve.network import HOME, Operator
from releve.plan import Plan
from releve.plan.plan_json import plan_to_json
from releve.plan.week import require_day
from releve.situation import (
    Situation,
    SituationRuleFaults,
    SituationRules,
    event_from_json,
    fold_events,
)
from releve.situation.shipped import load_rules_with

__all__ = [
    "ILLNESSES",
    "WITHOUT_LEAST",
    "Asked",
    "cases_of",
    "check_asked",
    "inputs_of",
    "prices_of",
    "without_of",
]

ILLNESSES = {"covid": covid, "influenza": influenza}
WITHOUT_LEAST = 200
"""Quarters lived again without each cause, unless there are fewer or more are asked for."""


@dataclass(frozen=True)
class Asked:
    """What a run was asked for: files and options."""

    folder: Path
    plan: Path
    compare: Path | None
    hazards: Path | None
    incidence: str | None
    per_people: float
    reported: float
    outside: float
    illness: str
    reproduction: float
    settings: Settings
    policies: tuple[str, ...]
    start: date | None
    outlook: Path | None = None
    rules: tuple[Path, ...] = ()
    without: int = 0

    @property
    def options(self) -> dict[str, Any]:
        """The options that a certificate keeps; files stand in it by their digests."""
        return {
            "settings": {n: getattr(self.settings, n) for n in self.settings.__slots__},
            "policies": list(self.policies),
            "without": self.without,
            "illness": self.illness,
            "reproduction": self.reproduction,
            "outside": self.outside,
            "column": self.incidence.rpartition(":")[2] if self.incidence else "",
            "per_people": self.per_people,
            "reported": self.reported,
            "start": self.start.isoformat() if self.start else "",
        }


def cases_of(asked: Asked, hazards: Sequence[Hazard]) -> list[tuple[str, CrashTest]]:
    """Return the tests by label: each policy on the plan, and the first on the plan compared."""
    operator = operator_of(asked.folder)
    plans = _plans(asked.plan)
    try:
        scenario = _scenario(asked, operator, plans)
        base = _test(asked, operator, plans, scenario, hazards)
        found = [(name, under_policies((name,), base)) for name in asked.policies]
        if asked.compare is not None:
            alike = replace(asked, settings=replace(asked.settings, target=base.target))
            other = _test(alike, operator, _plans(asked.compare), scenario, hazards)
            label = f"{asked.policies[0]}, plan {asked.compare.name}"
            found.append((label, under_policies(asked.policies[:1], other)))
    except (CrashTestError, OutbreakError, OutagesError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    return found


def _plans(folder: Path) -> tuple[Plan, ...]:
    try:
        found = read_plans(folder)
    except PlanFolderError as error:
        raise click.ClickException(str(error)) from None
    if not found:
        raise click.ClickException(f"{folder} holds no plan: releve plan OPERATOR --out {folder}")
    return found


def _test(
    asked: Asked,
    operator: Operator,
    plans: tuple[Plan, ...],
    scenario: Scenario,
    hazards: Sequence[Hazard],
) -> CrashTest:
    zone = operator.row.time_zone
    days = [plan.day for plan in plans]
    busy = build_forecast(build_histories(operator), operator.programmes, days, zone)
    spread = dict(zip(busy.programmes, np.nan_to_num(busy.day_factor_cv), strict=True))
    columns = [row[0] for row in plans[0].programmes]
    return CrashTest(
        operator=operator,
        plans=plans,
        needs=tuple(require_day(operator, day) for day in days),
        scenario=scenario,
        controls=_controls(asked, operator, plans[0], scenario.population),
        hazards=tuple(hazards),
        busyness=tuple(float(spread.get(name, 0.0)) for name in columns),
        settings=asked.settings,
        start=asked.start,
    )


def _controls(asked: Asked, operator: Operator, plan: Plan, population: Population) -> Controls:
    """Return the controls of the situation's rules, with the plan's agents at home."""
    home = np.zeros(population.size, dtype=np.bool_)
    home[[population.number[row.agent] for row in plan.placements if row.place == HOME]] = True
    sites = [operator.site[name] for name in population.sites]
    first = asked.start or plan.day
    return rule_controls(_rules(asked), sites, first, asked.settings.days, at_home=home)


def _rules(asked: Asked) -> SituationRules:
    """Return the rules that the product ships with those of the files asked for."""
    try:
        return load_rules_with([_text(path) for path in asked.rules])
    except SituationRuleFaults as error:
        raise click.ClickException(str(error)) from None


def _scenario(asked: Asked, operator: Operator, plans: Sequence[Plan]) -> Scenario:
    population = population_of(operator)
    days = asked.settings.days
    outside = np.full((len(population.sites), days), asked.outside)
    if asked.incidence is not None:
        path, _, column = asked.incidence.rpartition(":")
        if not path:
            raise click.BadParameter("write FILE:COLUMN", param_hint="--incidence")
        curve = read_incidence(_text(Path(path)), column)
        rate = curve.rate(
            asked.start or plans[0].day, days, population=asked.per_people, reported=asked.reported
        )
        outside = importation(population, dict.fromkeys(population.destinations, rate))
    scenario = Scenario(
        population, ILLNESSES[asked.illness](), Contacts(asked.reproduction), days, outside
    )
    if asked.outlook is None:
        return scenario
    first = asked.start or plans[0].day
    return outlook_of(scenario, _situation(asked.outlook), first, operator.row.time_zone)


def _situation(path: Path) -> Situation:
    """Fold the events of a file: one JSON object a line, its kind beside its fields."""
    happened = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        try:
            row = dict(json.loads(line))
            happened.append(event_from_json(row.pop("kind"), row))
        except (ValueError, KeyError, TypeError) as error:
            raise click.ClickException(
                f"{path}, line {number}: {error}: write one event a line, like"
                ' {"kind": "case.declared", "id": "e1", ...}'
            ) from None
    return fold_events(happened)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{path} cannot be read: {error.strerror}") from None


def inputs_of(asked: Asked, cases: Sequence[tuple[str, CrashTest]]) -> Mapping[str, Any]:
    """Return what a run folder and a certificate say is run."""
    files = read_operator_files(asked.folder)
    tables = [part for name in sorted(files) for part in (name.encode(), files[name])]
    digests = {"operator": digest(tables)}
    for what, path in (
        ("hazards", asked.hazards),
        ("incidence", _curve(asked)),
        ("events", asked.outlook),
    ):
        if path is not None:
            digests[what] = digest([_text(path).encode()])
    if asked.rules:
        digests["rules"] = digest([_text(path).encode() for path in asked.rules])
    test = cases[0][1]
    rule_ids = closure_rule_ids(
        _rules(asked), test.operator.sites, test.first_day, asked.settings.days
    )
    return {
        "version": __version__,
        "operator": test.operator.row.name,
        "synthetic": test.operator.row.synthetic,
        "closure_rules": list(rule_ids),
        **asked.options,
        "inputs": digests,
        "cases": [
            {
                "label": label,
                "plan": digest([plan_to_json(plan).encode() for plan in case.plans]),
                "days": [plan.day.isoformat() for plan in case.plans],
                "programmes": [[row.id, row.client] for row in case.programmes],
            }
            for label, case in cases
        ],
    }


def _curve(asked: Asked) -> Path | None:
    return Path(asked.incidence.rpartition(":")[0]) if asked.incidence else None


def without_of(asked: int | None, quarters: int) -> int:
    """Return how many quarters are lived again without each cause: as asked, or a fifth and no
    fewer than WITHOUT_LEAST; never more than there are."""
    wanted = max(WITHOUT_LEAST, quarters // 5) if asked is None else asked
    return min(wanted, quarters)


def prices_of(measures: Sequence[str], given: Sequence[str], agents: int) -> dict[str, float]:
    """Return the price of each measure in EUR a quarter: given, or assumed by agent."""
    prices = {name: POLICIES[name].price * agents for name in measures if name in POLICIES}
    for text in given:
        name, _, price = text.partition("=")
        if name not in prices:
            told = f"{text!r}: {name!r} is none of the measures tried: {', '.join(prices)}"
            raise click.BadParameter(told, param_hint="--cost")
        prices[name] = _price(text, price)
    return prices


def _price(text: str, price: str) -> float:
    try:
        found = float(price)
    except ValueError:
        found = -1.0
    if not 0 <= found < np.inf:
        raise click.BadParameter(f"{text!r}: write POLICY=EUR, 0 or more", param_hint="--cost")
    return found


def check_asked(policies: Sequence[str], options: Mapping[str, Any]) -> None:
    """Refuse, before anything is run, options that make no sense together."""
    twice = [name for at, name in enumerate(policies) if name in policies[:at]]
    if twice:
        raise click.BadParameter(f"{twice[0]} stands there twice", param_hint="--policies")
    if options["resume"] and options["out"] is None:
        raise click.UsageError("--resume needs the folder of the run: --out RUN")
    if options["budget"] is None:
        if options["cost"]:
            raise click.UsageError("--cost is a price of a mix: give --budget EUR too")
        return
    if not 0 <= options["budget"] < np.inf:
        raise click.BadParameter("write EUR, 0 or more", param_hint="--budget")
    measures = policies[1:]
    if not measures:
        raise click.UsageError("--budget needs measures: --policies as-given,masks,air")
    if len(measures) > MEASURES_MOST:
        told = f"{MEASURES_MOST} measures at most beside {policies[0]}, got {len(measures)}"
        raise click.BadParameter(told, param_hint="--policies")
    prices_of(measures, options["cost"], 1)
