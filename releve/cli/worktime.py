"""``releve worktime``: the rows of a country, what a roster breaks, what more hours would bring."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from releve.cli.main import Speech
from releve.cli.network import build_findings_json, print_findings
from releve.cli.options import LANGUAGES
from releve.cli.transport import load_operator
from releve.errors import NumberPhrase, Phrase
from releve.files.plan_folder import read_plans
from releve.network import Operator, zone
from releve.network.worktime import WorkingTime, WorkRow, build_rules, load_shipped_rows
from releve.network.worktime.roster_check import CONFIDENCE_WORDS, STRENGTH_WORDS
from releve.plan import BASE, Contingency, Plan, PlanSettings
from releve.plan.checker.rules import apply_moves
from releve.plan.extra_hours import ExtraHours, find_extra_hours
from releve.plan.week import require_planned

_DAY = click.DateTime(["%Y-%m-%d"])
_LANG = click.option("--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language.")
_MOST = 20


@click.group()
def worktime() -> None:
    """Working time: the rows that bind, what a roster breaks, what more hours would bring."""


@worktime.command()
@click.argument("country", default="")
@click.option("--on", type=_DAY, help="Day on which they bind [default: today].")
@click.option("--own", type=click.Path(exists=True, path_type=Path), help="Operator folder whose own rows count too.")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.option("--markdown", is_flag=True, help="Print every row that ships as Markdown.")
@_LANG
def rows(country: str, on: datetime | None, own: Path | None, as_json: bool, markdown: bool, lang: str) -> None:
    """Print the rows of a COUNTRY (like MA) that bind on a day, with their source and how sure it is."""
    if markdown:
        click.echo(render_rows_markdown(Speech(lang)), nl=False)
        return
    if not country:
        raise click.UsageError("name a country, like MA, or write --markdown for every row")
    day = datetime.now(UTC).date() if on is None else on.date()
    own_rows = () if own is None else load_operator(own).working_time
    known = {row.country for row in load_shipped_rows()} - {"ANY"}
    found = build_rules(country.upper(), own_rows).list_in_force(day)
    speech = Speech(lang)
    if as_json:
        click.echo(json.dumps([_build_json(row, speech) for row in found], ensure_ascii=False, indent=2))
        return
    if country.upper() not in known:
        text = Phrase("No row of {0} ships; there are some of {1}.", country.upper(), ", ".join(sorted(known)))
        click.echo(speech.say(text), err=True)
    for row in found:
        click.echo(speech.say(_describe_row(row)))
        click.echo(f"  {speech.say(row.text)}")
        if row.strength == "forbid":
            click.echo(f"  {speech.say(Phrase('Who may loosen it: {0}', row.decides))}")


def render_rows_markdown(speech: Speech) -> str:
    """Return every row that ships as Markdown, a table a country."""
    lines = ["# The rows of working time", "", "Made by `releve worktime rows --markdown`; how they bind is in"]
    lines += ["[Working time](../working-time.md). ANY is house policy, not law.", ""]
    shipped = load_shipped_rows()
    for country in dict.fromkeys(row.country for row in shipped):
        lines += [
            f"## {country}",
            "",
            "| row | limits | value | strength | how sure | source | text | who may loosen it |",
        ]
        lines += ["|---|---|---|---|---|---|---|---|"]
        for row in (one for one in shipped if one.country == country):
            cells = [
                row.id,
                row.kind.label,
                f"{row.value:g}",
                STRENGTH_WORDS[row.strength],
                CONFIDENCE_WORDS[row.confidence],
            ]
            cells += [row.source, row.text, row.decides if row.strength == "forbid" else ""]
            lines.append(f"| {' | '.join(speech.say(cell).replace('|', '/') for cell in cells)} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _describe_row(row: WorkRow) -> Phrase:
    return Phrase(
        "{0}: {1} {2} ({3}; {4}; {5})",
        row.id, row.kind.label, f"{row.value:g}", STRENGTH_WORDS[row.strength], row.source,
        CONFIDENCE_WORDS[row.confidence],
    )  # fmt: skip


def _build_json(row: WorkRow, speech: Speech) -> dict[str, Any]:
    return {
        "id": row.id,
        "country": row.country,
        "parameter": row.parameter,
        "value": row.value,
        "from": None if row.first is None else row.first.isoformat(),
        "to": None if row.last is None else row.last.isoformat(),
        "strength": row.strength,
        "confidence": row.confidence,
        "source": row.source,
        "text": speech.say(row.text),
        "decides": speech.say(row.decides),
    }


@worktime.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--limit", default=_MOST, show_default=True, help="Breaches named of each row; 0 = all.")
@click.option("--json", "as_json", is_flag=True, help="Print every breach as JSON.")
@_LANG
def check(folder: Path, limit: int, as_json: bool, lang: str) -> None:
    """Name each person and day on which the roster of an operator FOLDER breaks a row.

    Exit status 1 where a row that forbids is broken, 0 else.
    """
    found = WorkingTime(load_operator(folder)).check_roster()
    if as_json:
        click.echo(json.dumps(build_findings_json(found), ensure_ascii=False, indent=2))
    else:
        print_findings(found, Speech(lang), limit)
    if any(one.row.strength == "forbid" for one in found):
        raise SystemExit(1)


@worktime.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--plan",
    "plan_folder",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="Plan folder (releve plan --out).",
)
@click.option("--day", type=_DAY, help="Day of the plan [default: its first].")
@click.option("--under", help="Relief to help, like site:casa-1 [default: the day as planned, and each relief].")
@click.option("--names", is_flag=True, help="Name the people and their hours.")
@click.option("--json", "as_json", is_flag=True, help="Print the proposals as JSON.")
@_LANG
def extra(
    folder: Path, plan_folder: Path, day: datetime | None, under: str | None, names: bool, as_json: bool, lang: str
) -> None:
    """Find longer shifts and people called in that would help a plan of an operator FOLDER.

    No proposal breaks a row that forbids; people whom the rows keep out are counted, with what they
    would bring and who may decide. Nothing is put in force.
    """
    operator = load_operator(folder)
    plan = _find_plan(plan_folder, None if day is None else day.date())
    reliefs: dict[str, Contingency | None] = {BASE: None, **{row.id: row for row in plan.contingencies}}
    if under is not None and under not in reliefs:
        raise click.BadParameter(f"no relief {under!r}; there are {', '.join(reliefs)}", param_hint="--under")
    need = require_planned(operator, plan)
    settings = PlanSettings(**plan.settings)  # type: ignore[arg-type]
    speech = Speech(lang)
    documents = []
    for name in reliefs if under is None else (under,):
        placements = apply_moves(plan.placements, plan.scenarios[name].moves)
        found = find_extra_hours(operator, plan, need, settings, placements, lost=reliefs[name])
        if found.violations:
            raise click.ClickException(
                "the independent recount refuses the proposals: " + "; ".join(found.violations[:3])
            )
        documents.append(build_extra_json(name, found))
        if not as_json:
            print_extra(operator, name, found, speech, names)
    if as_json:
        click.echo(json.dumps(documents, ensure_ascii=False, indent=2))


def _find_plan(folder: Path, day: date | None) -> Plan:
    plans = {plan.day: plan for plan in read_plans(folder)}
    if day is not None and day not in plans:
        raise click.BadParameter(f"no plan of {day}; there are {', '.join(map(str, plans))}", param_hint="--day")
    return plans[day or min(plans)]


def print_extra(operator: Operator, name: str, found: ExtraHours, speech: Speech, names: bool) -> None:
    """Print what more hours would bring to a day or a relief, and whom the rows keep out."""
    people = len(found.proposals)
    text = Phrase(
        "{0}: {1} agent half hours missing, {2} with more hours of {3} people. Working time keeps out {4} of {5}"
        " people who could help, and {6} of what more hours could cover.",
        name, NumberPhrase(found.missing_before), NumberPhrase(found.missing_after), NumberPhrase(people),
        NumberPhrase(found.kept_out), NumberPhrase(found.helpful), f"{found.lost_share:.0%}",
    )  # fmt: skip
    click.echo(speech.say(text))
    for one in found.left_out:
        click.echo(f"  {speech.say(one.sentence)}")
    for shift in found.proposals if names else ():
        place = shift.placement
        tz = zone(operator.site[operator.agent[place.agent].home_site].time_zone)
        hours = f"{place.start.astimezone(tz):%a %H:%M}-{place.end.astimezone(tz):%H:%M}"
        remarks = f" ({', '.join(shift.remarks)})" if shift.remarks else ""
        click.echo(f"  {place.agent}: {shift.kind} {hours}, {place.place}, {place.programme}{remarks}")


def build_extra_json(name: str, found: ExtraHours) -> dict[str, Any]:
    """Return what more hours would bring as plain values."""
    return {
        "relief": name,
        "missing_before": round(found.missing_before, 3),
        "missing_after": round(found.missing_after, 3),
        "missing_without_rows": round(found.missing_without_rows, 3),
        "lost_share": round(found.lost_share, 4),
        "helpful": found.helpful,
        "kept_out": found.kept_out,
        "left_out": [{"row": one.row.id, "people": one.people, "gain": round(one.gain, 3)} for one in found.left_out],
        "proposals": [
            {
                "agent": one.placement.agent,
                "kind": one.kind,
                "place": one.placement.place,
                "programme": one.placement.programme,
                "start": one.placement.start.isoformat(),
                "end": one.placement.end.isoformat(),
                "covers": round(one.covers, 3),
                "remarks": list(one.remarks),
            }
            for one in found.proposals
        ],
    }
