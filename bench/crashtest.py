"""The whole crash test measured: processor seconds per 1,000 quarters, against the agents.

    python -m bench.crashtest [--sizes 500,1000,5000] [--quarters 1000] [--picture FILE.svg]

Every size is a sample operator with its plan of one day, repeated every day. Reading, planning and
preparing are not counted (shown apart); compiling neither. Attack rates and closures stand beside.
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import numpy as np

from releve.cli.operator import requirement_of
from releve.crashtest import CrashTest, Settings, prepare, run
from releve.crashtest.outbreak import (
    Closure,
    Contacts,
    Controls,
    Scenario,
    covid,
    population_of,
)
from releve.network.sample import FIRST_DAY, sample_operator
from releve.outages_data import shipped_hazards
from releve.plan import contingencies_of, plan_day

SITES = {500: 5, 1000: 6, 2000: 8, 5000: 15, 10_000: 30, 70_000: 200}
CONTROLS = Controls(stay_home=0.5, symptom_test=0.7, closure=Closure())


def tested(agents: int, quarters: int) -> CrashTest:
    """Return the crash test of a sample operator."""
    programmes = 60 if agents == 5000 else None
    operator = sample_operator(agents, SITES.get(agents, 4), 1, programmes=programmes)
    need = requirement_of(operator, FIRST_DAY)
    lost = [row for row in contingencies_of(operator) if row.kind == "site"]
    plan = plan_day(operator, need, contingencies=lost, protect=False)
    population = population_of(operator)
    outside = np.full((len(population.sites), 90), 1e-4)
    return CrashTest(
        operator,
        (plan,),
        (need,),
        Scenario(population, covid(), Contacts(2.5), 90, outside),
        CONTROLS,
        shipped_hazards(),
        (0.15,) * len(plan.programmes),
        Settings(quarters=quarters, nearest=True),
    )


def measured(agents: int, quarters: int) -> dict[str, float]:
    """Return the processor seconds of a size, and what happened in it."""
    test = tested(agents, quarters)
    since = time.process_time()
    ready = prepare(test)
    preparing = time.process_time() - since
    run(ready, count=1)
    since = time.process_time()
    found = run(ready, threads=2)
    seconds = time.process_time() - since
    return {
        "agents": agents,
        "sites": len(test.operator.sites),
        "programmes": len(test.programmes),
        "seconds_per_1000": 1000 * seconds / quarters,
        "preparing": preparing,
        "attack": float(found.outbreak[:, 0].mean()) / agents,
        "closures": float(found.closures.sum(axis=1).mean()),
    }


def picture(rows: list[dict[str, float]], path: Path) -> None:
    """Draw the cost of a quarter against the agents, both on logarithmic axes, as SVG."""
    x = np.log10([row["agents"] for row in rows])
    y = np.log10([row["seconds_per_1000"] for row in rows])
    left, right, low, high = (
        np.floor(x.min()),
        np.ceil(x.max()),
        np.floor(y.min()),
        np.ceil(y.max()),
    )
    across = 70 + 480 * (x - left) / max(1.0, right - left)
    up = 320 - 270 * (y - low) / max(1.0, high - low)
    parts = [
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="4"/><text x="{a:.1f}" y="{b - 9:.1f}"'
        f' text-anchor="middle">{row["agents"]:,.0f}: {row["seconds_per_1000"]:.1f} ms</text>'
        for a, b, row in zip(across, up, rows, strict=True)
    ]
    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(across, up, strict=True))
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 370" font-family="sans-serif"'
        ' font-size="12" role="img"><title>Crash test: processor time of a quarter of 90 days,'
        " against the agents</title>"
        f'<text x="20" y="20" font-size="15">Processor time of a quarter against the agents</text>'
        f'<path d="M70 40V320H570" fill="none" stroke="#555"/>'
        f'<polyline points="{line}" fill="none" stroke="#1f6f8b" stroke-width="2"/>'
        + "".join(parts)
        + f'<text x="320" y="355" text-anchor="middle">agents, 10^{left:.0f} to 10^{right:.0f}'
        f"</text></svg>\n",
        encoding="utf-8",
    )


@click.command()
@click.option("--sizes", default="500,1000,2000,5000", show_default=True)
@click.option("--quarters", default=1000, show_default=True)
@click.option("--picture", "drawn", type=click.Path(path_type=Path))
def main(sizes: str, quarters: int, drawn: Path | None) -> None:
    """Print a row per size."""
    rows = []
    click.echo("agents sites programmes  CPU s/1000 quarters  prepare s  attack  closures/quarter")
    for agents in (int(size) for size in sizes.split(",")):
        row = measured(agents, quarters)
        rows.append(row)
        click.echo(
            f"{agents:6d} {row['sites']:5.0f} {row['programmes']:10.0f}"
            f" {row['seconds_per_1000']:20.1f} {row['preparing']:10.2f} {row['attack']:7.2%}"
            f" {row['closures']:17.2f}"
        )
    if drawn is not None:
        picture(rows, drawn)


if __name__ == "__main__":
    main()
