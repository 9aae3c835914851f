"""A plan on a terminal: the verdict, the relief matrix, what is missing, the proof."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from releve.network import HOME, zone
from releve.plan import BASE, Bound, ClientVerdict, Move, Plan, ReliefCell, WhatIsMissing
from releve.plan.explain import Explanation

__all__ = [
    "build_matrix_tables",
    "build_verdict_table",
    "list_explanation_lines",
    "list_harmless_lines",
    "list_missing_lines",
    "list_move_lines",
    "list_proof_lines",
]

_STYLE = {
    "held": "green", "thin": "yellow", "missed": "bold red", "contract": "magenta",
    "unknown": "dim",
}  # fmt: skip
ACROSS = 6
"""Contingencies side by side, so that a table fits 80 columns."""
LEGEND = (
    "Relief matrix: coverage of the worst half hour, %\n"
    "~ thin   ! target missed   § contract problem   ? unknown"
)
_MARK = {"held": "", "thin": "~", "missed": "!", "contract": "§", "unknown": "?"}
_STOPPED = "The solver ended before its optimum: a better plan may exist. The bound stands."


def build_verdict_table(plan: Plan) -> Table:
    """Return the verdict, client by client."""
    secure = sum(verdict.secure for verdict in plan.verdicts)
    title = f"{plan.operator}, {plan.day:%A %d %B %Y}"
    if plan.synthetic:
        title += " (synthetic data)"
    title += f"\nN-1: {secure} of {len(plan.verdicts)} clients held whichever single place is lost"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in ("client", "verdict", "why"):
        table.add_column(name)
    names = dict(plan.clients)
    for verdict in plan.verdicts:
        word, style, why = _describe_verdict(plan, verdict)
        table.add_row(names[verdict.client], Text(word, style=style), why)
    return table


def _describe_verdict(plan: Plan, verdict: ClientVerdict) -> tuple[str, str, str]:
    worst = _find_cell(plan, verdict.client, verdict.worst)
    figures = ""
    if worst is not None and worst.worst_interval >= 0:
        figures = (
            f"worst under {worst.contingency}: {worst.shortfall:.1%} of the day missing,"
            f" {worst.worst_coverage:.0%} covered at {_format_time(plan, worst.worst_interval)}"
        )
    if verdict.unknown:
        return "unknown", "dim", "no forecast for one of its programmes: import a history"
    if verdict.missed:
        return "missed", "bold red", figures + _describe_rounding(verdict)
    if verdict.contract:
        where = ", ".join(verdict.contract)
        text = f"no arrangement of today's people can protect it under {where}"
        return "contract", "magenta", text + _describe_cure(plan, verdict)
    return ("held, thin" if verdict.thin else "held"), "green", figures


def _describe_rounding(verdict: ClientVerdict) -> str:
    """Return which losses the client misses only because people are whole."""
    if not verdict.rounding:
        return ""
    losses = ", ".join(verdict.rounding)
    return f"; only whole people miss it under {losses}, fractions hold it: one agent more cures it"


def _describe_cure(plan: Plan, verdict: ClientVerdict) -> str:
    """Return whether purchases would help a client that no plan of today protects."""
    if plan.missing is None:
        return ""
    pairs = {(name, verdict.client) for name in verdict.contract}
    if pairs & set(plan.missing.incurable):
        return "; nothing on the list cures it: it needs a second place where its work is allowed"
    return "; see what is missing"


def _find_cell(plan: Plan, client: str, contingency: str) -> ReliefCell | None:
    return next(
        (c for c in plan.cells if c.client == client and c.contingency == contingency), None
    )


def _format_time(plan: Plan, interval: int) -> str:
    return f"{plan.starts[interval].astimezone(zone(plan.time_zone)):%H:%M}"


def is_harmless(plan: Plan, contingency: str) -> bool:
    """Return whether a loss moves no agent."""
    return not plan.scenarios[contingency].moves


def list_harmless_lines(plan: Plan) -> list[str]:
    """Return a line that names the losses that move no agent."""
    names = [c.id for c in plan.contingencies if is_harmless(plan, c.id)]
    return [f"Losing {', '.join(names)} moves no agent."] if names else []


def build_matrix_tables(plan: Plan) -> Iterator[Table]:
    """Yield the relief matrix in tables narrow enough for a terminal: the worst half hour in %."""
    columns = [BASE, *(c.id for c in plan.contingencies if not is_harmless(plan, c.id))]
    cells = {(c.client, c.contingency): c for c in plan.cells}
    for first in range(0, len(columns), ACROSS):
        part = columns[first : first + ACROSS]
        table = Table(title=LEGEND if not first else None, title_justify="left")
        table.add_column("client", no_wrap=True, max_width=18)
        for name in part:
            kind, _, label = name.partition(":")
            table.add_column(f"{kind[:7]}\n{label}", justify="right", min_width=6, max_width=8)
        for client, label in plan.clients:
            row = [Text(label)]
            for name in part:
                cell = cells[client, name]
                text = f"{100 * cell.worst_coverage:.0f}{_MARK[cell.status]}"
                row.append(Text(text, style=_STYLE[cell.status]))
            table.add_row(*row)
        yield table


def list_missing_lines(plan: Plan) -> list[str]:
    """Return what is missing, in words."""
    missing = plan.missing
    if missing is None:
        return []
    if not missing.purchases and not missing.checked:
        return [
            "In fractions of people nothing is missing, but whole people miss a target: use a"
            " slightly less strict --target, or train one more agent.",
            *_list_left_lines(plan, missing),
        ]
    if not missing.purchases and not missing.incurable:
        return ["Nothing is missing: every client holds its target under every single loss."]
    lines = []
    if missing.purchases:
        state = "checked by planning again"
        if missing.left:
            state = f"planned again with it, targets still missed: {len(missing.left)}"
        lines.append(
            f"What is missing: EUR {missing.cost:,.0f} (at least EUR {missing.lower_bound:,.0f};"
            f" {state})"
        )
        for one in missing.purchases:
            what = {"laptop": "laptops", "seat": "seats", "skill": f"trained for {one.programme}"}
            lines.append(
                f"  {one.count:>4} {what[one.kind]} at {one.where},"
                f" EUR {one.count * one.unit_price:,.0f}"
            )
    names = dict(plan.clients)
    lines += [
        f"  nothing on the list cures {names[client]} under {contingency}"
        for contingency, client in missing.incurable
    ]
    return lines + _list_left_lines(plan, missing)


def _list_left_lines(plan: Plan, missing: WhatIsMissing) -> list[str]:
    """Return which client still misses its target under which loss, and by how much."""
    names = dict(plan.clients)
    return [
        f"  {names[client]} under {contingency} still misses its target by {100 * share:.2g} % of"
        f" its day, {share * plan.sum_required(client):.2g} agent half hours"
        for contingency, client, share in missing.left
    ]


def list_proof_lines(plan: Plan) -> list[str]:
    """Return how good the plan is proved to be."""
    bound = plan.bound
    checker = (
        f"independent checker: {len(plan.violations)} violations"
        if plan.violations
        else "independent checker: no violation in the base plan and every relief"
    )
    base = round(bound.penalty - bound.lp_penalty, 1) + 0.0  # no minus before a zero
    return [
        _describe_bound(bound),
        *([] if bound.solved else [_STOPPED]),
        f"Base day in whole people: penalty {bound.penalty:,.1f}, {base:+,.1f} against fractions.",
        f"Worst regret, in whole people (in fractions): {_describe_regrets(bound)}.",
        f"{checker[0].upper()}{checker[1:]}.",
        *(f"  violation: {line}" for line in plan.violations[:10]),
    ]


def _describe_bound(bound: Bound) -> str:
    """Return what is proved of the objective; in words where nothing is."""
    if not bound.lower_bound > 0 and bound.objective > 0:
        return (
            f"Nothing is proved: this plan's objective is {bound.objective:,.1f}; the solver ended"
            f" without a bound above zero ({bound.status})."
        )
    gap = (
        ""
        if bound.penalty_gap != bound.penalty_gap
        else f" {bound.penalty_gap:.2%} of the penalty,"
    )
    return (
        f"Proof: no plan is better than {bound.lower_bound:,.1f}; this one is"
        f" {bound.objective:,.1f}: a gap of{gap} {bound.requirement_gap:.3%} of the requirement"
        f" (solver: {bound.status})."
    )


_KINDS = {
    "site": "single sites", "carrier": "carriers of home lines", "destination": "destinations",
    "named": "named sets",
}  # fmt: skip


def _describe_regrets(bound: Bound) -> str:
    """Return the worst regret of each kind of loss, like beside like; only what is planned for has
    a figure in fractions."""
    parts = []
    for kind, label in _KINDS.items():
        if kind in bound.regret:
            fractions = f" ({bound.lp_regret[kind]:.1%})" if kind in bound.lp_regret else ""
            parts.append(f"{label} {bound.regret[kind]:.1%}{fractions}")
    return ", ".join(parts)


def list_explanation_lines(plan: Plan, found: Explanation) -> list[str]:
    """Return why a client misses what it misses, and what one more of anything would bring."""
    label = dict(plan.clients)[found.client]
    lines = [
        f"{label} under {found.contingency}: {found.missing:,.1f} agent half hours missing"
        " (in fractions)"
    ]
    for one in found.bindings:
        if one.rule == "seats":
            first, last = (
                _format_time(plan, one.intervals[0]),
                _format_time(plan, one.intervals[-1]),
            )
            lines.append(f"  binds: the seats of {one.where}, {first} to {last}")
        else:
            lines.append(f"  binds: everyone who knows {one.where} is at work ({one.price:.1f})")
    words = {"laptop": "laptop at", "seat": "seat at", "skill": "person trained at"}
    for more in found.one_more:
        learnt = f" for {more.programme}" if more.programme else ""
        gain = round(more.gain, 1) + 0.0  # no minus before a zero
        lines.append(
            f"  one more {words[more.kind]} {more.where}{learnt}: {gain:+.1f} half hours for"
            f" the client, solved again ({more.slope:.1f} by the dual, all clients, weighted)"
        )
    return lines


def list_move_lines(plan: Plan, moves: tuple[Move, ...], names: bool) -> list[str]:
    """Return the moves of agents, grouped by origin and destination, or name by name."""
    groups: dict[str, list[str]] = {}
    for move in moves:
        groups.setdefault(_describe_move(move), []).append(move.agent)
    lines = []
    for step, agents in sorted(groups.items(), key=lambda pair: -len(pair[1])):
        lines.append(f"  {len(agents):>4}  {step}")
        if names:
            lines.append(f"        {' '.join(agents)}")
    return lines


def _describe_move(move: Move) -> str:
    def at(place: str, programme: str) -> str:
        return f"{programme} {'at home' if place == HOME else 'on ' + place}"

    before = at(move.before.place, move.before.programme) if move.before else "reserve"
    if move.after is None:
        return f"{before} -> {move.reason}"
    after = at(move.after.place, move.after.programme)
    return f"{before} -> {after}" if before != after else f"{before}: break moved"
