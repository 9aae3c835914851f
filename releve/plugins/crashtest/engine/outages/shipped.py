"""The hazards that the product ships, as hazards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np

from releve.plugins.crashtest.engine.outages import Hazard, read_hazards


@cache
def load_shipped_hazards() -> tuple[Hazard, ...]:
    """Return the hazards that the product ships."""
    shipped = resources.files("releve.plugins.crashtest.engine.outages") / "data" / "hazards.yaml"
    return read_hazards(shipped.read_text(encoding="utf-8"))


def format_hazards(hazards: Sequence[Hazard]) -> str:
    """Return a table of hazards, one row each, as it stands in the documentation."""
    head = "| hazard | strikes | how often a year | lasts: median, 90 %, mean | takes | months |"
    rows = [" | ".join(_format_cells(hazard)) for hazard in hazards]
    return "\n".join([head, "|---|---|---|---|---|---|", *(f"| {row} |" for row in rows)]) + "\n"


def _format_cells(hazard: Hazard) -> tuple[str, ...]:
    reach = f" within {hazard.radius_km:g} km" if hazard.radius_km else ""
    elsewhere = f"{hazard.rate_per_year:g}"
    rates = [f"{code} {rate:g}" for code, rate in hazard.rates]
    median, high = hazard.duration.at(np.array([0.5, 0.9]))
    return (
        f"`{hazard.id}` {hazard.name}",
        hazard.footprint + reach,
        ", ".join([*rates, f"elsewhere {elsewhere}"]) if rates else elsewhere,
        f"{median:.1f} h, {high:.1f} h, {hazard.duration.mean:.1f} h",
        " and ".join("home lines" if one == "home" else one for one in hazard.takes),
        ", ".join(map(str, hazard.months)) or "all",
    )


if __name__ == "__main__":
    print(format_hazards(load_shipped_hazards()), end="")
