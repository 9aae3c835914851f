"""``releve spare``: the agents that an operator can lend, and offers of them to the sector."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO

import click

from releve import __version__
from releve.cli.transport import load_operator
from releve.demand import Requirement
from releve.files.plan_folder import read_plans
from releve.network import Operator, zone
from releve.plan import Plan, PlanSettings, name_plan, solve_day
from releve.plan.kits import give_kits
from releve.plan.spare import SpareStaff, count_spare, find_spare, list_skill_names, remove_agents
from releve.plan.week import require_planned
from releve.plugins.sector.engine.needs import build_offers, number_half_hours, read_packages


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--plan",
    "plan_folder",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="Plan folder in force (releve plan --out).",
)
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Day to lend [default: the first planned].")
@click.option("--skill", "skills", multiple=True, help="Lend only this, like inbound:fr; may be repeated.")
@click.option("--strict", is_flag=True, help="No client may miss more than now under any loss, even within its target.")
@click.option("--again", is_flag=True, help="Plan again without the people lent, and compare the verdicts.")
@click.option(
    "--packages",
    "packages_file",
    type=click.File("r", encoding="utf-8-sig"),
    help="Prepared packages (docs/sector.md); with --giver and --offers.",
)
@click.option("--giver", default="", help="This operator's name in the packages.")
@click.option(
    "--offers",
    "offers_file",
    type=click.File("w", encoding="utf-8", lazy=True),
    help="Write the offers for releve sector clear here (CSV).",
)
@click.option("--time-zone", default="Europe/Paris", show_default=True, help="Of the sector's day.")
@click.option("--names", is_flag=True, help="Name the agents.")
@click.option("--json", "as_json", is_flag=True, help="Print agents and figures as JSON.")
def spare(
    folder: Path,
    plan_folder: Path,
    day: datetime | None,
    skills: tuple[str, ...],
    strict: bool,
    again: bool,
    packages_file: IO[str] | None,
    giver: str,
    offers_file: IO[str] | None,
    time_zone: str,
    names: bool,
    as_json: bool,
) -> None:
    """Find the largest offer of agents that leaves every client's N-1 verdict as it is.

    The plan in force without these agents is checked: its verdicts are the same.
    """
    if offers_file is not None and (packages_file is None or not giver):
        raise click.UsageError("--offers needs --packages and --giver")
    operator = load_operator(folder)
    _refuse_unknown_skills(operator, skills)
    plan = _find_spare_plan(plan_folder, day)
    need = require_planned(operator, plan)
    settings = PlanSettings(**plan.settings)  # type: ignore[arg-type]
    found = find_spare(operator, plan, need, settings, skills=skills, to_target=not strict)
    if found.plan.violations:
        raise click.ClickException(
            "the independent checker refuses the plan without these agents: " + "; ".join(found.plan.violations[:3])
        )
    if as_json:
        click.echo(_render_spare(found))
    else:
        _print_spare(plan, found, names)
    if again and found.agents:
        _plan_again(operator, plan, need, settings, found)
    if packages_file is not None and offers_file is not None:
        _write_offers(plan, found, packages_file, giver, offers_file, time_zone)


def _refuse_unknown_skills(operator: Operator, skills: tuple[str, ...]) -> None:
    known = {name for agent in operator.agents for name in list_skill_names(operator, agent)}
    for name in skills:
        if name not in known:
            raise click.BadParameter(
                f"{name!r}: no agent has it; choose one of {', '.join(sorted(known))}", param_hint="--skill"
            )


def _find_spare_plan(folder: Path, day: datetime | None) -> Plan:
    plans = {plan.day: plan for plan in read_plans(folder)}
    wanted = min(plans) if day is None else day.date()
    if wanted not in plans:
        held = ", ".join(str(one) for one in plans)
        raise click.BadParameter(f"no plan of {wanted}; there are {held}", param_hint="--day")
    return plans[wanted]


def _render_spare(found: SpareStaff) -> str:
    document = {
        "day": str(found.plan.day),
        "half_hours": found.half_hours,
        "most": found.most,
        "agents": [asdict(one) for one in found.agents],
    }
    return json.dumps(document, ensure_ascii=False)


def _print_spare(plan: Plan, found: SpareStaff, names: bool) -> None:
    local = zone(plan.time_zone)
    click.echo(
        f"{len(found.agents)} agents can be lent on {plan.day}, {found.half_hours} agent half"
        f" hours; no choice exceeds {found.most:,.1f} with these reliefs. Every client keeps its"
        " verdict (checked)."
    )
    for (skill, destination), counts in count_spare(found.agents).items():
        busiest = max(counts, key=lambda t: counts[t])
        first, last = (plan.starts[t].astimezone(local) for t in (min(counts), max(counts)))
        click.echo(
            f"  {skill} in {destination}: {sum(counts.values())} half hours from {first:%H:%M} to"
            f" {last:%H:%M}, at most {counts[busiest]} agents at"
            f" {plan.starts[busiest].astimezone(local):%H:%M}"
        )
    if names:
        for one in found.agents:
            click.echo(f"  {one.agent}: {one.skill}, {one.place}")


def _plan_again(operator: Operator, plan: Plan, need: Requirement, settings: PlanSettings, found: SpareStaff) -> None:
    lent = frozenset(one.agent for one in found.agents)
    click.echo(f"planning again without {len(lent)} agents", err=True)
    rest = give_kits(remove_agents(operator, lent), plan.kit_holders)  # who is lent takes the kit along
    other = name_plan(rest, solve_day(rest, need, settings), version=__version__)
    before = {one.client: one.secure for one in plan.verdicts}
    changed = [one.client for one in other.verdicts if before[one.client] and not one.secure]
    if changed:
        raise click.ClickException(
            f"planned again, {', '.join(changed)} is not secure; the plan in force without these"
            " agents keeps it so: keep that plan, or lend with --strict"
        )
    click.echo("Planned again without them: every client that was secure still is.")


def _write_offers(
    plan: Plan, found: SpareStaff, packages_file: IO[str], giver: str, offers_file: IO[str], time_zone: str
) -> None:
    half_hours = number_half_hours(plan.starts, plan.day, time_zone)
    counts = {
        key: {half_hours[t]: count for t, count in by_time.items() if t in half_hours}
        for key, by_time in count_spare(found.agents).items()
    }
    packages = read_packages(csv.DictReader(packages_file))
    offers, missing = build_offers(packages, giver, counts, 0, plan.day)
    for skill, destination in missing:
        click.echo(f"not offered: no package of {giver} for {skill} in {destination}", err=True)
    writer = csv.writer(offers_file, lineterminator="\n")
    columns = ("offer", "giver", "destination", "skill", "block", "price_cents")
    writer.writerow([*columns, "half_hour", "agents"])
    for offer in offers:
        terms = [getattr(offer, name) for name in columns]
        writer.writerows([*terms, half_hour, agents] for half_hour, agents in offer.agents)
