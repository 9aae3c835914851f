"""What a crash test says to the person who decides: what each policy is worth, and why calm quarters miss.

A quarter without any disaster may still break a target: the plan staffs each day for its average volume, and
on a busy day more calls come too late than a quiet day gives back. So the same quarter is run once more with
every day of average volume, and both figures stand beside the target.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from releve.kernels.arrays import Floats
from releve.network import Programme
from releve.plugins.crashtest.engine.ablation import compute_service_level
from releve.plugins.crashtest.engine.comparison import Case, Difference
from releve.plugins.crashtest.engine.kernel_types import PROGRAMME
from releve.plugins.crashtest.engine.outbreak import Estimate
from releve.plugins.crashtest.engine.policies import POLICIES
from releve.plugins.crashtest.engine.result import CrashResult
from releve.plugins.crashtest.engine.run import run
from releve.plugins.crashtest.engine.run_arrays import build_run_arrays
from releve.plugins.crashtest.execution import write_json

ANSWERED, IN_TIME, DONE = "answered", "in time", "done"
"""What a target asks of a programme: calls answered, calls within the threshold, contacts or items done."""
_CALM = "calm.json"


@dataclass(frozen=True, slots=True)
class CalmTarget:
    """A target that calm quarters of a client miss, of its targets the one missed most.

    ``what`` is due in the share ``target``; ``average_day`` is reached where every day has its average volume,
    ``mean`` over quarters whose days are busy and quiet by ``busyness`` (standard deviation over mean), nine
    quarters in ten between ``low`` and ``high``; ``missed`` is the share of quarters below the target.
    """

    client: str
    programme: str
    what: str
    target: float
    average_day: float
    mean: float
    low: float
    high: float
    missed: float
    busyness: float

    @property
    def by_plan(self) -> bool:
        """Whether the plan falls short on average days already."""
        return self.average_day < self.target


@dataclass(frozen=True, slots=True)
class Choice:
    """A policy beside the first: calls lost and penalty (EUR) a quarter, each less the first's; the assumed
    ``price`` (EUR a quarter); ``net``: penalty and price together; days of sites closed by the rule."""

    label: str
    lost: Estimate
    penalty: Estimate
    price: float
    net: Estimate
    site_days_closed: Estimate

    @property
    def verdict(self) -> str:
        """``better`` or ``worse`` where the interval of ``net`` lies on one side of zero, else ``open``."""
        return "better" if self.net.high < 0 else "worse" if self.net.low > 0 else "open"


def list_choices(differences: Iterable[Difference], agents: int) -> tuple[Choice, ...]:
    """Return the policies beside the first, the one that costs least first; another plan has no price."""
    found = []
    for row in differences:
        policy = POLICIES.get(row.label.partition(", plan ")[0])
        price = 0.0 if policy is None else policy.price * agents
        net = Estimate(row.penalty.value + price, row.penalty.low + price, row.penalty.high + price)
        found.append(Choice(row.label, row.lost, row.penalty, price, net, row.site_days_closed))
    return tuple(sorted(found, key=lambda one: one.net.value))


def estimate_lost_calls(result: CrashResult) -> Estimate:
    """Return the calls that a quarter loses, of all clients."""
    served, lost = result.calls_served, sum(row.lost.value for row in result.clients)
    share = 1.0 - served.value
    scale = lost / share if share > 0 else 0.0
    return Estimate(lost, scale * max(0.0, 1.0 - served.high), scale * (1.0 - served.low))


def find_calm_targets(case: Case) -> tuple[CalmTarget, ...]:
    """Return of each client the target that its calm quarters miss most; none of those that hold theirs."""
    found = _find_worst(case, case.rows.programme)
    if not found:
        return ()
    even = replace(
        case.test, busyness=(0.0,) * len(case.test.programmes), settings=replace(case.test.settings, quarters=1)
    )
    days = run(build_run_arrays(even)).programme
    at = {row.id: p for p, row in enumerate(case.test.programmes)}
    return tuple(
        replace(one, average_day=float(_measure(case, days, at[one.programme])[one.what][1].mean())) for one in found
    )


def _find_worst(case: Case, columns: Floats) -> list[CalmTarget]:
    worst: dict[str, CalmTarget] = {}
    for p, row in enumerate(case.test.programmes):
        if not columns[:, p, PROGRAMME.index("offered")].any():
            continue
        for what, (target, reached) in _measure(case, columns, p).items():
            low, high = np.quantile(reached, (0.05, 0.95))
            missed = float((reached < target - 1e-9).mean())
            busy = case.test.busyness[p] if case.test.busyness else 0.0
            one = CalmTarget(row.client, row.id, what, target, 0.0, float(reached.mean()), float(low), float(high),
                             missed, busy)  # fmt: skip
            if missed > 0 and (row.client not in worst or missed > worst[row.client].missed):
                worst[row.client] = one
    return [*worst.values()]


def _measure(case: Case, columns: Floats, p: int) -> Mapping[str, tuple[float, Floats]]:
    """Return the targets of a programme, and what each quarter reaches without disasters."""
    row: Programme = case.test.programmes[p]
    names = ("offered", "calm_lost", "calm_within", "calm_short")
    offered, lost, in_time, short = (columns[:, p, PROGRAMME.index(name)] for name in names)
    least = float(case.ready.demand.least[p])
    answered = 1.0 - lost / np.maximum(offered, 1e-12)
    if row.kind != "inbound":
        return {DONE: (least, answered)}
    level = compute_service_level(row.service_definition, offered, lost, in_time, short)
    return {ANSWERED: (least, answered), IN_TIME: (row.service_target, level)}


def write_calm_targets(folder: Path, found: Sequence[CalmTarget]) -> None:
    """Write them into a run folder, for the first case."""
    write_json(folder / _CALM, {"targets": [asdict(one) for one in found]})


def read_calm_targets(folder: Path) -> tuple[CalmTarget, ...] | None:
    """Return those of a run folder; None where an earlier version ran it and did not look."""
    try:
        tree: Mapping[str, Any] = json.loads((folder / _CALM).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return tuple(CalmTarget(**row) for row in tree["targets"])
