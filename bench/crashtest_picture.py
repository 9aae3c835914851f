"""The cost of a crash test's quarter as a picture (SVG) and as a table (Markdown)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

__all__ = ["page", "picture", "table"]

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 430, 86, 24, 74, 58


class Measured(Protocol):
    """A size as :class:`bench.crashtest.Row` has it."""

    @property
    def agents(self) -> int: ...
    @property
    def sites(self) -> int: ...
    @property
    def programmes(self) -> int: ...
    @property
    def planned(self) -> bool: ...
    @property
    def quarters(self) -> int: ...
    @property
    def ms(self) -> float: ...
    @property
    def per_agent_day(self) -> float: ...
    @property
    def mb(self) -> float: ...
    @property
    def preparing(self) -> float: ...


_PAGE = """# What a quarter of the crash test costs

![Processor time of a quarter of 90 days against the agents](crashtest-cost.svg)

{table}
A size is a sample operator of its own, with outbreak, tests, the closure rule and the hazards that
ship, for 90 days. *Planned*: the planner's day, with a relief for every site. *Placed*: no plan of
that size can be made in the time of a bench, so everybody is at their own site for their main
programme, nine tenths of that are required, and the fast rule answers every loss. Time is of the
processor, without compiling, reading and planning; memory is the most of the process beyond the
libraries. Larger sizes have fewer quarters, which then share less: a set of lost places is answered
once a run.

Written by `python -m bench.crashtest --picture docs/crashtest-cost.svg --page
docs/crashtest-cost.md`.
"""


def page(rows: Sequence[Measured]) -> str:
    """Return the page of the figures, beside the picture of that name."""
    return _PAGE.format(table=table(rows))


def table(rows: Sequence[Measured]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| agents | sites | programmes | day | quarters | ms a quarter | ns an agent-day"
        " | memory, MB | to prepare, s |",
        "|---:|---:|---:|---|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.agents:,} | {row.sites} | {row.programmes} | {_how(row)} | {row.quarters:,}"
        f" | {_figure(row.ms)} | {row.per_agent_day:.1f} | {row.mb:,.0f} | {row.preparing:.2f} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _how(row: Measured) -> str:
    return "planned" if row.planned else "placed"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def picture(rows: Sequence[Measured]) -> str:
    """Return the processor time of a quarter against the agents, both logarithmic, as SVG.

    The dashed line grows as the agents do, from the smallest size on.
    """
    agents, cost = [row.agents for row in rows], [row.ms for row in rows]
    line = [cost[0] * one / agents[0] for one in (agents[0], max(agents))]
    x = _scale(agents, LEFT, WIDTH - RIGHT, 300.0, 100_000.0)
    y = _scale([*cost, *line], HEIGHT - BOTTOM, TOP)
    parts = [*_frame(x, y, [*cost, *line])]
    parts.append(f'<path class="even" d="M{x(agents[0]):.1f} {y(line[0]):.1f}L{x(max(agents)):.1f} {y(line[1]):.1f}"/>')
    for planned, name in ((True, "planned"), (False, "placed")):
        mine = [row for row in rows if row.planned == planned]
        path = "L".join(f"{x(row.agents):.1f} {y(row.ms):.1f}" for row in mine)
        parts.append(f'<path class="line {name}" d="M{path}"/>' if mine else "")
        parts += [_point(row, name, x(row.agents), y(row.ms)) for row in mine]
    return _page("\n".join(parts), rows)


def _scale(
    values: Sequence[float], start: float, end: float, low: float = 0.0, high: float = 0.0
) -> Callable[[float], float]:
    """Return where values stand on a logarithmic axis of whole decades, or of given ends."""
    first = math.log10(low) if low else math.floor(math.log10(min(values)))
    last = math.log10(high) if high else math.ceil(math.log10(max(values)))
    last = max(last, first + 1)
    return lambda value: start + (end - start) * (math.log10(value) - first) / (last - first)


def _frame(x: Callable[[float], float], y: Callable[[float], float], cost: Sequence[float]) -> Iterator[str]:
    low, high = math.floor(math.log10(min(cost))), math.ceil(math.log10(max(cost)))
    for power in range(low, max(high, low + 1) + 1):
        at, value = y(10.0**power), 10.0**power
        word = f"{value / 1000:g} s" if value >= 1000 else f"{value:g} ms"
        yield f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>'
        yield f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{word}</text>'
    for size in (500, 1000, 2000, 5000, 10_000, 20_000, 40_000, 70_000):
        at = x(size)
        yield f'<path class="grid" d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
        yield (f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size:,}</text>')
    yield (f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 14}" text-anchor="middle">agents</text>')


def _point(row: Measured, name: str, x: float, y: float) -> str:
    """Return a mark with its figure: those of the planner's days above it, the others below."""
    word = f"{_figure(row.ms)} ms" if row.ms < 1000 else f"{row.ms / 1000:.1f} s"
    mark = (
        f'<circle class="mark {name}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
        if row.planned
        else f'<rect class="mark {name}" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'
    )
    dx, dy, anchor = (-8, -8, "end") if row.planned else (9, 16, "start")
    if not row.planned and x > WIDTH - RIGHT - 60:
        dx, dy, anchor = -8, -8, "end"
    label = f'<text class="figure" x="{x + dx:.1f}" y="{y + dy:.1f}" text-anchor="{anchor}">'
    return f"{mark}{label}{word}</text>"


def _page(body: str, rows: Sequence[Measured]) -> str:
    ends = f"{_figure(rows[0].ms)} ms at {rows[0].agents:,} agents"
    ends += f", {_figure(rows[-1].ms)} ms at {rows[-1].agents:,}"
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" \
font-family="system-ui, sans-serif" font-size="12" role="img" aria-labelledby="title desc">
<title id="title">Crash test: processor time of a quarter against the agents</title>
<desc id="desc">Both axes are logarithmic. {ends}.</desc>
<style>
text {{ fill: #333 }} .grid {{ stroke: #ddd; fill: none }} .line {{ fill: none; stroke-width: 2 }}
.line.planned {{ stroke: #1f6f8b }} .line.placed {{ stroke: #b3541e; stroke-dasharray: 1 0 }}
.mark.planned {{ fill: #1f6f8b }} .mark.placed {{ fill: #b3541e }}
.even {{ stroke: #888; stroke-dasharray: 5 4; fill: none }} .figure {{ font-weight: 600 }}
.title {{ font-size: 16px; font-weight: 600 }}
</style>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text class="title" x="20" y="26">Processor time of one quarter of 90 days, by agents</text>
<circle class="mark planned" cx="26" cy="46" r="4.5"/>\
<text x="36" y="50">planned day, reliefs</text>
<rect class="mark placed" x="178" y="42" width="8" height="8"/>\
<text x="192" y="50">placed at home sites, fast rule alone</text>
<path class="even" d="M430 46H456"/><text x="462" y="50">as the agents grow</text>
{body}
</svg>
"""
