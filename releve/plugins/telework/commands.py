"""``releve effect``: what telework does to the work done, and a rota drawn by lot to learn it."""

from __future__ import annotations

import csv
import io
import json
import secrets
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import click

from releve.cli.transport import load_operator
from releve.files.atomic import create_file, write_file
from releve.files.operator_folder import write_operator_files
from releve.network import write_operator
from releve.plugins.telework.engine.estimate import (
    LEAST_CHANCE,
    MOST_LOSS,
    ProgrammeEffect,
    TeleworkReport,
    estimate_effects,
)
from releve.plugins.telework.engine.panel import RecordFaults, read_work_records
from releve.plugins.telework.engine.rota import (
    NONCE_BYTES,
    RotaDraw,
    RotaError,
    RotaProtocol,
    commit_to_rota,
    parse_draw,
    parse_protocol,
)
from releve.plugins.telework.engine.verdicts import (
    MOST,
    MOST_BOUND,
    AppliedEffect,
    EffectDocumentError,
    apply_effects,
    build_document,
    list_unknown_programmes,
    parse_document,
)

_READ = click.Path(exists=True, dir_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, path_type=Path)
_EPOCH = date(1970, 1, 1)


@click.group()
def effect() -> None:
    """What telework does to the work done, measured, and which programmes are right for home."""


@effect.command()
@click.argument("records", type=_READ)
@click.option("--out", type=_FILE, help="JSON to write, for `releve effect apply`.")
@click.option("--draw", type=_READ, help="Rota drawn by lot (`rota draw --out`) in the records.")
@click.option("--json", "as_json", is_flag=True, help="Print the JSON.")
def estimate(records: Path, out: Path | None, draw: Path | None, as_json: bool) -> None:
    """Measure what telework does, programme by programme, from work RECORDS (CSV, Parquet, XLSX).

    Columns: agent, day (of a week its Monday), programme, place (site or home), paid_min,
    available_min, handled, handle_s; optional: quality, repeats, team. A programme of which nothing can
    be learnt is refused with the reason. Exit status 1 when that is true of every programme. With
    --draw a programme whose records are all where the lot put the agents is graded randomised, and
    measured by these records alone.
    """
    try:
        drawn = None if draw is None else parse_draw(draw.read_bytes())
        report = estimate_effects(read_work_records(records.name, records.read_bytes()), drawn)
    except RotaError as error:
        raise click.UsageError(f"{draw}: {error}") from error
    except RecordFaults as error:
        raise click.ClickException(str(error)) from error
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    text = json.dumps(build_document(report), indent=1)
    if out is not None:
        write_file(out, text + "\n")
    click.echo(text if as_json else "\n".join(_list_lines(report)))
    if all(one.refusal is not None for one in report.programmes):
        raise SystemExit(1)


def _list_lines(report: TeleworkReport) -> Iterator[str]:
    first, last = (_EPOCH + timedelta(days=day) for day in (report.first_day, report.last_day))
    yield f"Work done at home for the same paid time, against on site, {first} to {last}"
    for one in report.programmes:
        yield ""
        yield from _list_programme_lines(one)


def _list_programme_lines(one: ProgrammeEffect) -> Iterator[str]:
    known = f"{one.rows} records of {one.agents} agents, {one.movers} of them in both places"
    out = one.left_out
    known += (
        f"; left out: {out.without_contacts} without a contact, {out.never_on_site} of agents never"
        f" on site, {out.empty_site} of days without anybody there, {out.apart} that share nothing"
    )
    if one.follows_rota:
        known += f", {out.outside_rota} outside the rota"
    if one.posterior is None or one.effect is None:
        yield f"{one.programme}: nothing can be learnt: {one.refusal}"
        yield f"  {known}; home_efficiency stays as it is assumed"
        yield from _list_drawn_lines(one)
        yield from _list_rota_lines(one)
        return
    low, high = one.posterior.bound()
    word = "right for home" if one.right_for_home else "not shown to be right for home"
    chance = one.posterior.compute_chance_below(MOST_LOSS)
    yield (
        f"{one.programme}: {one.posterior.efficiency:.3f} ({low:.3f} to {high:.3f}), {word}:"
        f" it loses less than {MOST_LOSS:.0%} with a chance of {chance:.0%}, and"
        f" {LEAST_CHANCE:.0%} is asked"
    )
    yield f"  {known}"
    yield from _list_drawn_lines(one)
    yield (
        f"  measured alone {one.effect.effect:+.3f} ± {1.96 * one.effect.error:.3f}; those at home"
        f" less those on site {one.naive:+.3f}, which also holds who they are"
    )
    yield from _list_comparison_lines(one)
    for row in one.horizons:
        yield f"    month {row.step + 1:>2} at home {row.effect:+.3f} ± {1.96 * row.error:.3f}"
    if one.washed is not None:
        yield (
            f"  without the four weeks after a time at home {one.washed.effect:+.3f} ± {1.96 * one.washed.error:.3f}"
        )
    if one.placebo is not None and one.placebo.before:
        yield (
            f"  before the move: differences this large have a chance of {one.placebo.chance:.0%}"
            f" where there are none, which proves nothing; a drift that went on would explain"
            f" {one.placebo.drift:.3f}"
        )
    for name, guard in (("quality", one.quality), ("repeats", one.repeats)):
        if guard is not None:
            yield f"  {name} {guard.effect:+.3f} ± {1.96 * guard.error:.3f}"
    guards = (("quality falls", one.quality_falls), ("repeats rise", one.repeats_rise))
    broken = [what for what, shown in guards if shown]
    if broken:
        yield f"  {' and '.join(broken)}: not right for home, whatever it does in time"


def _list_comparison_lines(one: ProgrammeEffect) -> Iterator[str]:
    """Say what gave the effect, what the usual regression gives, and whom errors are counted by."""
    if one.by == "dummy" and not one.follows_rota:
        yield "  by a dummy beside agents and weeks: the arms are on site in turns, so nothing can be imputed"
    elif one.by_dummy is not None:
        yield (f"  by a dummy, as an experiment is read, {one.by_dummy.effect:+.3f} ± {1.96 * one.by_dummy.error:.3f}")
    if one.teams:
        yield "  whole teams move together: errors are counted by team"
    elif not one.team_known:
        yield "  no column team: where whole teams move together, the interval is too narrow"


def _list_drawn_lines(one: ProgrammeEffect) -> Iterator[str]:
    if one.drawn is None:
        return
    known = f"{one.drawn.rows} records of {one.drawn.agents} agents in the weeks of the rota"
    if one.drawn.against:
        yield f"  {known}: {one.drawn.against} are not where the lot put the agent, so not by lot"
    else:
        yield f"  {known}: all are where the lot put the agent ({one.design})"


def _list_rota_lines(one: ProgrammeEffect) -> Iterator[str]:
    if one.rota is not None:
        yield (
            f"  a rota drawn by lot among its {one.rota.agents} agents would show a difference of"
            f" {one.rota.smallest:.1%} in {one.rota.weeks} weeks"
        )


@effect.command()
@click.argument("folder", type=_FOLDER)
@click.argument("measured", type=_READ)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder to write.")
def apply(folder: Path, measured: Path, out: Path) -> None:
    """Write an operator FOLDER whose home_efficiency is as MEASURED (`estimate --out`).

    A programme of which nothing was learnt keeps its value, and is named as assumed; so does one
    whose measured value the column cannot hold, with the value.
    """
    operator = load_operator(folder)
    try:
        document = parse_document(measured.read_bytes())
    except EffectDocumentError as error:
        raise click.UsageError(f"{measured}: {error}") from error
    if unknown := list_unknown_programmes(operator, document):
        raise click.UsageError(f"the operator has no programme {', '.join(unknown)}: name programmes as in its table")
    applied, rows = apply_effects(operator, document)
    for row in rows:
        click.echo(_describe_applied(row))
    write_operator_files(out, write_operator(applied))


def _describe_applied(row: AppliedEffect) -> str:
    if row.beyond is not None:
        value, low, high = row.beyond
        return (
            f"{row.programme}: {row.before:g}, assumed: {value:g} ({low:g} to {high:g}) was"
            f" measured, and home_efficiency holds a value above 0 and at most {MOST:g}, with an"
            f" interval up to {MOST_BOUND:g}: look at its {row.records} records"
        )
    if row.after is None:
        return f"{row.programme}: {row.before:g}, assumed"
    return (
        f"{row.programme}: {row.before:g} -> {row.after:g} ({row.low:g} to {row.high:g}),"
        f" {row.design}, {row.records} records"
    )


@effect.group()
def rota() -> None:
    """Draw who works at home when, so that the effect can be learnt from it."""


_PROTOCOL = click.argument("protocol", type=_READ)
_NONCE = click.option("--nonce", "nonce_file", required=True, type=_FILE, help="File of the secret nonce.")


@rota.command()
@_PROTOCOL
@_NONCE
def commit(protocol: Path, nonce_file: Path) -> None:
    """Fix a PROTOCOL before the draw: make the nonce, and print the commitment to it.

    The protocol is JSON: agents (id -> stratum), first_monday, weeks, blocks. Put the commitment on
    record before the ledger's next root is signed.
    """
    found = _read_protocol(protocol)
    nonce = secrets.token_bytes(NONCE_BYTES)
    if not create_file(nonce_file, nonce.hex() + "\n"):
        raise click.ClickException(f"{nonce_file} exists: a nonce is never used twice")
    click.echo(commit_to_rota(nonce, found))


@rota.command()
@_PROTOCOL
@_NONCE
@click.option("--root", required=True, help="Next root signed after the commitment, in hex.")
@click.option("--commitment", required=True, help="What `commit` printed.")
@click.option("--out", type=_FILE, help="JSON to write, for `releve effect estimate --draw`.")
def draw(protocol: Path, nonce_file: Path, root: str, commitment: str, out: Path | None) -> None:
    """Print the rota as CSV (agent, Monday of a week at home); anyone with the nonce gets the same.

    Refused where the protocol or the nonce is not what was committed to. The file of --out holds
    the nonce: with it anyone can draw the rota again.
    """
    found = _read_protocol(protocol)
    try:
        nonce = bytes.fromhex(nonce_file.read_text(encoding="ascii").strip())
        drawn = RotaDraw(found, nonce, root, commitment)
    except RotaError as error:
        raise click.ClickException(str(error)) from error
    except ValueError as error:
        raise click.ClickException("the nonce and the root are written in hex digits") from error
    if out is not None:
        write_file(out, drawn.to_json() + "\n")
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("agent", "home_week"))
    weeks = drawn.list_home_weeks()
    writer.writerows((agent, monday) for agent, mondays in weeks.items() for monday in mondays)
    click.echo(table.getvalue(), nl=False)


def _read_protocol(path: Path) -> RotaProtocol:
    try:
        return parse_protocol(json.loads(path.read_bytes()))
    except RotaError as error:
        raise click.ClickException(f"{path}: {error}") from error
    except ValueError as error:
        raise click.ClickException(f"{path}: it is not JSON") from error
