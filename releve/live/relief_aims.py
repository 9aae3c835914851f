"""What a relief aims at: the names of the aims, and their settings.

The default is a setting, RELEVE_RELIEF_MOVES; while something is lost a person may choose another aim.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace

from releve import environment
from releve.live.plans import read_settings
from releve.plan import Contingency, Plan, PlanSettings

AIMS = ("few", "balanced", "coverage")
DEFAULT_AIM = "balanced"
RELIEFS: Mapping[str, Mapping[str, float]] = {
    "few": {"relief_move_price": 32.0},
    "firm": {"relief_move_price": 8.0},
    "balanced": {},
    "coverage": {"relief_move_price": 0.1, "relief_tolerance": 0.0},
}
"""The reliefs that aims choose from, and the settings in the place of the plan's: moves so dear that people move only
where a client would else miss its target; dear, with a margin to the target; as the plan; so cheap that every half
hour counts."""
_MARGIN = 0.9
"""What *firm* holds clients within, of the target: people are whole, and a limit that is a price is overstepped."""


def read_relief_choice() -> str:
    """Return what reliefs aim at where no person chose: one of :data:`AIMS`."""
    names = (DEFAULT_AIM, *(name for name in AIMS if name != DEFAULT_AIM))
    return environment.read_choice(os.environ, "RELEVE_RELIEF_MOVES", names)


def read_relief_settings(plan: Plan, lost: Contingency, name: str) -> PlanSettings:
    """Return the settings of a plan with those of one of :data:`RELIEFS` (empty: of the default aim).

    Best coverage holds the client that is served least within the plan's worst regret for the kinds of loss that
    happened, where that is less than the target that is promised.
    """
    name = name or read_relief_choice()
    found = replace(read_settings(plan), **RELIEFS[name])  # type: ignore[arg-type]
    if name == "firm":
        return replace(found, target=found.target * _MARGIN)
    if name != "coverage":
        return found
    kinds = [kind for kind, places in (("site", lost.sites), ("carrier", lost.carriers)) if places]
    regret = max((plan.bound.regret.get(kind, math.inf) for kind in kinds), default=math.inf)
    return replace(found, target=min(found.target, regret))
