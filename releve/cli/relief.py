"""``releve relief``: who moves where after a closure."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path

import click
from rich.console import Console

from releve.cli.main import Speech
from releve.cli.options import LOCAL_OR_TIME
from releve.cli.plan_text import list_move_lines
from releve.cli.transport import load_operator
from releve.cli.worktime import build_extra_json, print_extra
from releve.files.plan_folder import read_plans
from releve.network import Operator, to_utc, zone
from releve.plan import Contingency, Plan, PlanSettings
from releve.plan.checker.rules import apply_moves
from releve.plan.extra_hours import ExtraHours, find_extra_hours
from releve.plan.intraday_relief import IntradayRelief, build_running_day, solve_intraday_relief
from releve.plan.named_assignments import MoveDelays, SiteArrival
from releve.plan.result import Move
from releve.plan.settings import RELIEF_AIMS
from releve.plan.week import require_planned
from releve.plan.work_changes import WorkChange, count_asked, count_kinds, describe_change

_DEFAULTS = PlanSettings()


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--plan",
    "plan_folder",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="Plan folder in force (releve plan --out).",
)
@click.option("--close", "sites", multiple=True, help="Site that closes; may be given again.")
@click.option("--cut", "carriers", multiple=True, help="Carrier of home lines that is down.")
@click.option(
    "--at",
    required=True,
    type=LOCAL_OR_TIME,
    help="When, like 2026-12-01T10:30: operator's time without an offset. 10:30 alone is of the"
    " first day of the plan that is not over.",
)
@click.option(
    "--move-price",
    default=_DEFAULTS.relief_move_price,
    show_default=True,
    type=click.FloatRange(0),
    help="Price of each move, in half hours of an agent at mean penalty.",
)
@click.option(
    "--aim",
    type=click.Choice(RELIEF_AIMS),
    default="promise",
    show_default=True,
    help="Hold every client within the target that is promised, or within the worst regret of the plan where that is"
    " less, mostly for more moves.",
)
@click.option("--no-exposure", is_flag=True, help="People of the site may go to other sites too.")
@click.option("--names", is_flag=True, help="Name the agents who move.")
@click.option(
    "--more-hours", is_flag=True, help="Say what longer shifts and people called in would bring, within working time."
)
@click.option("--json", "as_json", is_flag=True, help="Print the relief as JSON.")
def relief(
    folder: Path,
    plan_folder: Path,
    sites: tuple[str, ...],
    carriers: tuple[str, ...],
    at: datetime | clock_time,
    move_price: float,
    aim: str,
    no_exposure: bool,
    names: bool,
    more_hours: bool,
    as_json: bool,
) -> None:
    """Relieve a loss that has just happened on a running plan of an operator FOLDER."""
    operator = load_operator(folder)
    plans = read_plans(plan_folder)
    when = _find_instant(at, operator, plans)
    contingency = _build_contingency(operator, sites, carriers, exposed=not no_exposure)
    plan = _find_plan(plans, operator, when)
    need = require_planned(operator, plan)
    promised = PlanSettings(
        **{**plan.settings, "relief_move_price": move_price}  # type: ignore[arg-type]
    )
    aims = {"promise": promised.target, "plan": min(promised.target, _find_regret(plan, contingency))}
    settings = replace(promised, target=aims[aim])
    day = build_running_day(operator, plan, need, when, settings)
    began = time.perf_counter()
    first: list[float] = []
    found = solve_intraday_relief(
        day,
        contingency,
        settings,
        curve=not as_json,
        aims=sorted({0.0, *aims.values(), 2 * promised.target}),
        first_answer=lambda _: first.append(time.perf_counter() - began),
    )
    took = time.perf_counter() - began
    extra = None
    if more_hours:
        placed = apply_moves(plan.placements, found.moves)
        extra = find_extra_hours(operator, plan, need, settings, placed, lost=contingency, since=when)
        if extra.violations:
            raise click.ClickException(f"the independent recount refuses the hours proposed: {extra.violations[0]}")
    if as_json:
        click.echo(_render_json(found, contingency, when, extra))
        return
    _print_relief(operator, plan, found, contingency, when, names)
    if extra is not None:
        print_extra(operator, "more hours", extra, Speech("en"), names)
    click.echo(f"first answer after {first[0]:.2f} s, everything with the curve after {took:.2f} s")


def _find_regret(plan: Plan, contingency: Contingency) -> float:
    """Return the worst regret of the plan for the kinds of loss that happened; endless where it planned for none."""
    kinds = [kind for kind, lost in (("site", contingency.sites), ("carrier", contingency.carriers)) if lost]
    return max(plan.bound.regret.get(kind, math.inf) for kind in kinds)


def _now() -> datetime:
    return datetime.now(UTC)


def _find_instant(when: datetime | clock_time, operator: Operator, plans: Sequence[Plan]) -> datetime:
    if isinstance(when, clock_time):
        today = operator.find_day(_now())
        day = min((plan.day for plan in plans if plan.day >= today), default=None)
        if day is None:
            raise click.BadParameter(
                f"every day of the plan is over; write the day too, like {plans[-1].day}T{when:%H:%M}",
                param_hint="--at",
            )
        when = datetime.combine(day + timedelta(days=when < operator.day_start), when)
    try:
        return when if when.tzinfo else to_utc(when, operator.row.time_zone)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--at") from None


def _build_contingency(
    operator: Operator, sites: tuple[str, ...], carriers: tuple[str, ...], *, exposed: bool
) -> Contingency:
    if not sites and not carriers:
        raise click.UsageError("nothing is lost: give --close SITE or --cut CARRIER")
    for site in sites:
        if site not in operator.site:
            known = ", ".join(sorted(operator.site))
            raise click.BadParameter(f"no site {site!r}; sites: {known}", param_hint="--close")
    lines = {agent.carrier for agent in operator.agents} - {""}
    for carrier in carriers:
        if carrier not in lines:
            known = ", ".join(sorted(lines))
            raise click.BadParameter(f"no carrier {carrier!r}; known: {known}", param_hint="--cut")
    name = " + ".join((*sites, *carriers))
    return Contingency(
        f"now:{name}", "named", name, frozenset(sites), frozenset(carriers), exposed=exposed and bool(sites)
    )


def _find_plan(plans: Sequence[Plan], operator: Operator, when: datetime) -> Plan:
    day = operator.find_day(when)
    for plan in plans:
        if plan.day == day:
            return plan
    held = ", ".join(str(plan.day) for plan in plans)
    raise click.ClickException(f"the plan folder has no plan of {day}; it holds {held}")


def _print_relief(
    operator: Operator, plan: Plan, found: IntradayRelief, contingency: Contingency, when: datetime, names: bool
) -> None:
    console = Console()
    local = when.astimezone(zone(operator.row.time_zone))
    console.print(f"[bold]{contingency.name} lost on {local:%A %d %B at %H:%M}[/]")
    console.print(
        f"Penalty-weighted half hours missing for the rest of the day: {found.unrelieved:,.0f}"
        f" without a move, {found.first:,.0f} by the first answer, {found.penalty:,.0f} by this"
        f" relief (in fractions {found.lp_penalty:,.0f})."
    )
    labels = dict(plan.clients)
    worst = sorted(found.missing.items(), key=lambda pair: -pair[1])[:8]
    for client, share in worst:
        if share > 0.0005:
            console.print(f"  {labels[client]}: {share:.1%} of the rest of its day missing")
    kinds = count_kinds((move.agent, _describe_kind(move, contingency, when).kind) for move in found.moves)
    console.print(f"[bold]{count_asked(kinds)} people[/]")
    for count in kinds:
        console.print(f"  {count.kind.label}: {count.people}")
    for line in list_move_lines(plan, found.moves, names):
        click.echo(line)
    before, after = (
        {move.key: row for move in found.moves if (row := getattr(move, end)) is not None}
        for end in ("before", "after")
    )
    for row in MoveDelays(operator).list_site_arrivals(before, after, when):
        click.echo(_describe_arrival(row))
    if found.frontier:
        console.print("What holding the worst client within a share of the rest of its day takes (in fractions):")
    for row in found.frontier:
        console.print(
            f"  within {row.aim:.1%}: {row.moved:,.1f} moved, the worst client misses {row.worst:.1%},"
            f" {row.missing:,.1f} penalty-weighted half hours missing in total"
        )
    if found.curve:
        console.print("Moves against what is missing (in fractions):")
        for price, moved, missing in found.curve:
            console.print(
                f"  at {price:g} half hours a move: {moved:,.0f} moved, {missing:,.0f} agent half hours missing"
            )


def _describe_kind(move: Move, contingency: Contingency, when: datetime) -> WorkChange:
    return describe_change(move.before, move.after, when, lost=contingency.sites)


def _describe_arrival(row: SiteArrival) -> str:
    wait = f"{row.most}" if row.least == row.most else f"{row.least} to {row.most}"
    how = (
        "by the journeys in the tables travel and shuttles"
        if row.known
        else "the default delay: no journey in the table travel"
    )
    return f"  {row.people} to {row.target} at work {wait} min after the call, {how}"


def _render_json(
    found: IntradayRelief, contingency: Contingency, when: datetime, extra: ExtraHours | None = None
) -> str:
    document = {
        "lost": {"sites": sorted(contingency.sites), "carriers": sorted(contingency.carriers), "at": when.isoformat()},
        "penalty": found.penalty,
        "lp_penalty": found.lp_penalty,
        "unrelieved": found.unrelieved,
        "missing": found.missing,
        "frontier": [asdict(row) for row in found.frontier],
        "moves": [
            {
                "agent": move.agent,
                "reason": move.reason,
                "kind": _describe_kind(move, contingency, when).kind,
                "place": move.after.place if move.after else None,
                "programme": move.after.programme if move.after else None,
                "from": move.after.start.isoformat() if move.after else None,
            }
            for move in found.moves
        ],
    }
    if extra is not None:
        document["more_hours"] = build_extra_json(contingency.id, extra)
    return json.dumps(document, ensure_ascii=False)
