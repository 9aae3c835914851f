"""Runs as the command leaves them, made from values: no simulation, so no second is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.plugins.crashtest.crash_test_job import CRASH_TESTS, CrashTestJob, CrashTestOrder
from releve.plugins.crashtest.decision import CalmTarget, write_calm_targets
from releve.plugins.crashtest.engine.ablation import RemovedCause
from releve.plugins.crashtest.engine.kernel_types import PROGRAMME
from releve.plugins.crashtest.engine.outbreak import FIELDS, Band, Estimate
from releve.plugins.crashtest.engine.result import (
    CauseResult,
    ClientResult,
    CrashResult,
    DaySpread,
    OutbreakResult,
    SiteResult,
)
from releve.plugins.crashtest.engine.run import Quarters
from releve.plugins.crashtest.execution import RUN_FORMAT, build_certificate, write_json, write_part, write_result
from releve.runs.job_store import JobStore
from tests.accounts.people import look_as
from tests.desk.access.conftest import plans, stocked
from tests.homes import make_test_home

__all__ = ["Maker", "of", "plans", "stocked"]

DAYS, QUARTERS = 10, 4
POLICIES = ("as-given", "no-rule", "no-tests")


def of(value: float, width: float = 0.01) -> Estimate:
    """An estimate with an interval around it."""
    return Estimate(value, value - width, value + width)


REMOVED = (
    RemovedCause("outbreak", "The outbreak", of(700, 60), of(900, 80), of(0.5), {"azur": of(600), "rive": of(100)}),
    RemovedCause("carrier", "Carrier", of(3, 4), of(4, 5), of(0.3), {"azur": of(3), "rive": of(0)}),
    RemovedCause("closure", "The closure rule", of(-40, 10), of(-50, 9), of(0.4), {"azur": of(-40), "rive": of(0)}),
)

CALM = (CalmTarget("rive", "rive-fr", "in time", 0.8, 0.8735, 0.8203, 0.7937, 0.8435, 0.38, 0.12),)


def build_result(label: str, infected: float) -> CrashResult:
    """A result with a client that holds and one that breaks, and outbreaks of two kinds."""
    sizes = [0] * 101
    sizes[0], sizes[1], sizes[60] = 2, 1, 1
    fan = tuple(() if day % 7 == 6 else (0.8, 0.9, 0.95, 0.98, 1.0) for day in range(DAYS))
    client = ClientResult(
        client="azur", name="Azur Énergie", calls_served=of(0.991, 0.002), calm_served=of(0.999),
        days_served=of(0.95), calm_days_served=of(1.0), lost=of(900, 50),
        lost_band=Band(700, 100, 4321), lost_to_disasters=of(800, 50), breaks_target=of(0.02),
        calm_breaks_target=of(0.0), penalty=of(12_000, 500), penalty_band=Band(9000, 0, 70_000),
        penalty_of_disasters=of(11_000, 500), worst_day=Band(0.2, 0.0, 0.6), worst_quarter=0.4,
        worst_replication=2, fan=fan, survival=(1.0,) * 5 + (0.5,) * 5,
        lost_shares=(4, *[0] * 100),
    )  # fmt: skip
    other = replace(client, client="rive", name="Banque Rive", breaks_target=of(0.7), calls_served=of(0.9))
    by = {"closure": of(2.0, 0.5), "power": of(0.5, 0.1)}
    return CrashResult(
        operator="Atlas Relation", synthetic=True, label=label, start="2026-11-30", days=DAYS,
        quarters=QUARTERS, seed=7, settings={"quarters": QUARTERS}, unplanned=(5, 6), unknown=(),
        calls_served=of(0.95), penalty=of(24_000, 900), clients=(client, other),
        sites=(SiteResult("casa-1", "Casablanca 1", of(0.6), of(0.4), of(2.5), by, (3, 0, 1)),),
        causes=(
            CauseResult("closure", "Sites closed by the rule", of(600, 40), Band(0, 0, 3000),
                        of(0.4), of(2.0), {"azur": 500.0, "rive": 100.0}),
            CauseResult("power", "Power", of(200, 40), Band(0, 0, 900), of(0.3), of(0.5),
                        {"azur": 200.0, "rive": 0.0}),
            CauseResult("carrier", "Carrier", of(10, 4), Band(0, 0, 90), of(0.3), of(0.5),
                        {"azur": 10.0, "rive": 0.0}),
        ),
        outbreak=OutbreakResult(of(infected, 3), Band(1, 0, 80), of(0.5), of(0.25), tuple(sizes),
                                of(90, 9), Band(10, 0, 400)),
        day_spreads=(DaySpread("azur-fr", 0.08, 0.31, 0.22, 0.2, 0.6),
                     DaySpread("rive-fr", 0.12, 0.25, 0.22, 0.2, 0.0)),
    )  # fmt: skip


class Maker:
    """Makes runs in a home, in any state."""

    def __init__(self, home: Path) -> None:
        self.home = JobStore(home, CRASH_TESTS)

    def begun(self, name: str = "Hiver", **more: Any) -> CrashTestJob:
        """A run that was asked for and has no process."""
        order = CrashTestOrder(
            name=name, by="amina", at="2026-11-24T09:00:00+00:00", version=1, agents=60,
            plan="force", beside="", policies=POLICIES, quarters=QUARTERS, days=DAYS, seed=7,
            hazards=True, nearest=False,
        )  # fmt: skip
        folder = self.home.add(replace(order, **more), {"operator": {"sites.csv": b"id\n"}})
        tree = {"format": RUN_FORMAT, "without": 2, "cases": [{"label": p} for p in POLICIES]}
        write_json(folder / "run" / "run.json", tree)
        return self.again(folder.name)

    def again(self, name: str) -> CrashTestJob:
        found = self.home.get(name)
        assert found is not None
        return found

    def part(self, run: CrashTestJob, case: int, first: int, lost: float, count: int = 2) -> None:
        """Write a part of a case in which every quarter loses so many of 1,000 calls."""
        programme = np.zeros((count, 2, len(PROGRAMME)))
        programme[:, :, PROGRAMME.index("offered")] = 500
        programme[:, 0, PROGRAMME.index("lost")] = lost + np.arange(count)
        days = np.zeros((count, 1, 3), dtype=np.int32)
        days[:, 0, 1] = 48 * int(lost / 100)
        rows = Quarters(
            first, programme, np.zeros((count, 2, 5), dtype=np.int32), np.zeros((count, 2)),
            np.zeros((count, 3, 2)), np.zeros((DAYS, 2, 101), dtype=np.int64), days,
            days[:, :, 1] // 48, np.zeros((count, len(FIELDS)), dtype=np.int64),
        )  # fmt: skip
        write_part(run.run_folder, case, rows)

    def done(self, name: str = "Hiver", seed: int = 7, lost: float = 100, *, removed: bool = False) -> CrashTestJob:
        """A finished run; ``removed``: with quarters rerun without each cause."""
        run = self.begun(name, seed=seed)
        for case, (label, infected) in enumerate(zip(POLICIES, (20, 40, 30), strict=True)):
            result = build_result(label, infected)
            if case == 0 and removed:
                result = replace(result, removed=REMOVED, removed_quarters=2)
            write_result(run.run_folder, case, result)
            self.part(run, case, 0, lost)
            self.part(run, case, 2, lost)
        beside = [
            {
                "label": label, "against": "as-given", "lost": asdict(of(lost, 10)),
                "penalty": asdict(of(lost * 2, 30)), "site_days_closed": asdict(of(-2.0, 0.5)),
                "infected": asdict(of(20, 4)), "wider": 8.0, "clients": [],
            }
            for label, lost in (("no-rule", -200.0), ("no-tests", 3.0))
        ]  # fmt: skip
        write_json(run.run_folder / "comparison.json", {"cases": beside})
        write_calm_targets(run.run_folder, CALM)
        held = {"quarters": QUARTERS, "days": DAYS, "seed": seed, "reaction_intervals": 1}
        tree = {
            "version": "0", "operator": "Atlas Relation", "synthetic": True, "settings": held,
            "policies": list(POLICIES), "illness": "covid", "reproduction": 2.5, "outside": 1e-4,
            "start": "", "inputs": {"operator": "a" * 64}, "hazards": ["power"],
            "closure_rules": ["MA-COVID-CLOSE"],
            "without": 2,
            "cases": [
                {
                    "label": p, "plan": "b" * 64, "days": ["2026-11-30"],
                    "programmes": [["azur-fr", "azur"], ["rive-fr", "rive"]],
                }
                for p in POLICIES
            ],
        }  # fmt: skip
        write_json(run.run_folder / "certificate.json", build_certificate(tree, dict.fromkeys(POLICIES, "c" * 64)))
        return self.again(run.id)


@pytest.fixture
def maker(settings: Settings, tmp_path: Path) -> Maker:
    settings.HOME = make_test_home(tmp_path)
    return Maker(tmp_path)


@pytest.fixture
def looking(settings: Settings) -> Callable[..., Client]:
    """Return the browser of a role on an open desk, in French unless said otherwise."""
    settings.OPEN_DESK = settings.OPEN_DESK_ACTS = True

    def as_role(role: Role, language: str = "fr") -> Client:
        web = look_as(role)
        web.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        return web

    return as_role


def read(response: Any) -> dict[str, Any]:
    """The JSON of an answer."""
    return dict(json.loads(response.content))
