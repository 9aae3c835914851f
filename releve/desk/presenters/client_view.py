"""What one client may see of a plan: its own row and cells, without people, prices or other names.

The pages and their twins are made from the narrowed plan, so nothing else can reach them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from releve.plan.result import Bound, Plan

__all__ = ["narrowed"]

_TOLD = ("target", "thin")
"""Settings that say what the statuses mean."""
_UNKNOWN = float("nan")
_UNTOLD = Bound("", *(_UNKNOWN,) * 6, {}, {}, 0, 0, 0)


def narrowed(plan: Plan, clients: Collection[str]) -> Plan:
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
        bound=_UNTOLD,
        missing=None,
        violations=(),
        settings={name: plan.settings[name] for name in _TOLD if name in plan.settings},
    )
