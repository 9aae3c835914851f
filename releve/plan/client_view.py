"""Narrow a plan to what one client may see: its own row and cells, no people, prices or names.

Pages are built from the narrowed plan, so nothing else can reach them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from releve.plan.result import Bound, Plan

_PUBLIC_SETTINGS = ("target", "thin")
"""Settings that say what the statuses mean."""
_UNKNOWN = float("nan")
_NO_BOUND = Bound("", *(_UNKNOWN,) * 6, {}, {}, 0, 0, 0)


def narrow_plan(plan: Plan, clients: Collection[str]) -> Plan:
    """Return a plan that holds these clients and nothing about others or about any person.

    Left out with the other clients: who works where, who moves, what is missing, what the checker
    found, the sites' seats, and the bounds and settings, which speak of all clients at once.
    """
    columns = [at for at, (_key, owner, _name) in enumerate(plan.programmes) if owner in clients]
    return replace(
        plan,
        clients=tuple(item for item in plan.clients if item[0] in clients),
        programmes=tuple(plan.programmes[at] for at in columns),
        sites=(),
        required=plan.required[:, columns],
        calls=plan.calls[:, columns],
        placements=(),
        reserve=(),
        scenarios={
            key: replace(
                scenario,
                placed=scenario.placed[:, columns],
                moves=(),
                penalty=_UNKNOWN,
                lp_penalty=_UNKNOWN,
            )
            for key, scenario in plan.scenarios.items()
        },
        cells=tuple(cell for cell in plan.cells if cell.client in clients),
        verdicts=tuple(verdict for verdict in plan.verdicts if verdict.client in clients),
        bound=_NO_BOUND,
        missing=None,
        violations=(),
        home_days=(),
        teams=(),
        settings={name: plan.settings[name] for name in _PUBLIC_SETTINGS if name in plan.settings},
    )
