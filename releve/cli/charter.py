"""``releve charter``: where the measures of the charter stand, and whether the label does."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import click

from releve.cli.live import on_the_database

__all__ = ["charter"]

_day_option = click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="Day to judge [default: today]."
)


@click.group()
def charter() -> None:
    """Judge the measures of the charter from what was recorded; they age by themselves."""


@charter.command()
@_day_option
@click.option("--site", help="Show each measure of this site, with the day on which it changes.")
@on_the_database
def standing(day: Any, site: str | None) -> None:
    """Print the standing of every site, or of every measure of one."""
    from releve.live import api
    from releve.situation import STANDINGS, compute_site_standings, compute_standings

    on = _to_day(day)
    situation, operator, rules = api.situation_now(), api.operator_now(), api.rules_now()
    if site is None:
        grid = compute_standings(situation, operator, rules, on, 1, until=on)
        for name, values in zip(grid.sites, grid.values[:, :, 0].tolist(), strict=True):
            counts = Counter(STANDINGS[value] for value in values if value >= 0)
            click.echo(f"{name}: " + ", ".join(f"{counts[one]} {one}" for one in STANDINGS))
        return
    found = rules.charter(on)
    if found is None or site not in operator.site:
        raise click.ClickException(f"no charter is in force on {on}, or there is no site {site!r}")
    for row in compute_site_standings(situation, operator, rules, site, on):
        then = f", {row.changes_to} from {row.changes_on}" if row.changes_on else ""
        late = f"; {len(row.late)} of its {len(row.events)} records late" * bool(row.late)
        if row.after:
            late += f"; {row.before} as known that day, {len(row.after)} recorded later"
        click.echo(
            f"{row.measure} ({found.measure[row.measure].severity}): {row.value}{then}{late}"
        )


@charter.command()
@_day_option
@on_the_database
def label(day: Any) -> None:
    """Say whether the label stands, and the day on which it falls if nothing is done.

    Exit status 1 where it does not stand.
    """
    from releve.live import api
    from releve.situation import compute_label

    on = _to_day(day)
    found = compute_label(api.situation_now(), api.operator_now(), api.rules_now(), on)
    if found is None:
        raise click.ClickException(f"no rule asks for a label on {on}, or no charter is in force")
    if not found.stands:
        click.echo(f"does not stand on {on}: {', '.join(found.reasons)}")
        raise SystemExit(1)
    click.echo(f"stands on {on}")
    if found.falls_on is not None:
        click.echo(f"falls on {found.falls_on} if nothing is done: {', '.join(found.because)}")


@charter.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@_day_option
@on_the_database
def oscal(folder: Path, day: Any) -> None:
    """Write the charter, a plan, the standing of a day and the findings as OSCAL into FOLDER.

    Files: catalog.json, plan.json, results.json, and poam.json where an audit raised a finding.
    """
    from releve.files.atomic import write_file
    from releve.live import api
    from releve.situation import compute_standings, list_findings
    from releve.situation.oscal import (
        build_assessment_plan,
        build_assessment_results,
        build_catalog,
        build_plan_of_action,
    )

    on, at = _to_day(day), api.now(api.LIVE)
    situation, operator, rules = api.situation_now(), api.operator_now(), api.rules_now()
    found = rules.charter(on)
    if found is None:
        raise click.ClickException(f"no charter is in force on {on}")
    grid = compute_standings(situation, operator, rules, on, 1, until=on)
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in (
        ("catalog", build_catalog(found, at)),
        ("plan", build_assessment_plan(found, at)),
        ("results", build_assessment_results(found, grid, on, at)),
        ("poam", build_plan_of_action(found, list_findings(situation), at)),
    ):
        if document is None:
            continue
        path = folder / f"{name}.json"
        write_file(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
        click.echo(str(path))


@charter.command("ciso")
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
@_day_option
@on_the_database
def write_ciso_library(path: Path, day: Any) -> None:
    """Write the charter in force as a library of CISO Assistant (YAML) into FILE."""
    import yaml

    from releve.files.atomic import write_file
    from releve.live import api
    from releve.situation.ciso_assistant import build_ciso_library

    on = _to_day(day)
    found = api.rules_now().charter(on)
    if found is None:
        raise click.ClickException(f"no charter is in force on {on}")
    document = build_ciso_library(found)
    write_file(path, yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=100))


def _to_day(given: Any) -> date:
    """Return the day asked for, or today where the operator counts its days."""
    from releve.live import api
    from releve.network import zone

    if given is not None:
        return given.date()  # type: ignore[no-any-return]
    return api.now(api.LIVE).astimezone(zone(api.operator_now().row.time_zone)).date()
