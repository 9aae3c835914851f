"""``releve inspection``: draws of visits; ``releve charter``: measures, audits and the label."""

from __future__ import annotations

import csv
import json
import secrets
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click

from releve.cli.live import by_option, on_the_database

_FILE = click.Path(dir_okay=False, path_type=Path)
_READ = click.Path(exists=True, dir_okay=False, path_type=Path)
_DAY = click.DateTime(["%Y-%m-%d"])
_PARTY = click.Choice(["operator", "commission"])
_FORMAT = "releve draw chain 2"

day_option = click.option("--day", type=_DAY, required=True, help="Day of the visits.")


@click.group()
def inspection() -> None:
    """Draw visits and tests that neither the operator nor the commission can steer."""


@inspection.command()
@click.argument("path", metavar="FILE", type=_FILE)
@click.option("--days", default=366, show_default=True, type=click.IntRange(1, 366), help="Days it lasts.")
def chain(path: Path, days: int) -> None:
    """Make the operator's secret chain in FILE, readable by its owner alone; print its anchor.

    Each plan takes a new one. The commission makes its own with `verify_draw.py --new-chain`, on
    its own machine, once it has verified the plan.
    """
    from releve.files.atomic import replace_file
    from releve.situation.draw_chains import build_chain

    if path.exists():
        raise click.ClickException(f"{path} exists: a chain is never replaced")
    first = secrets.token_bytes(32)
    with replace_file(path, mode=0o600) as stream:
        document = {"binding": "", "days": days, "first": first.hex(), "format": _FORMAT}
        stream.write(f"{json.dumps(document)}\n".encode())
    click.echo(build_chain(first, days).hex())


@inspection.command()
@click.argument("plan")
@click.option("--first-day", type=_DAY, required=True, help="First day of visits: from tomorrow.")
@click.option("--days", default=366, show_default=True, type=click.IntRange(1, 366), help="Days it lasts.")
@click.option("--visits", required=True, type=click.IntRange(1), help="Visits a day.")
@click.option("--operator-anchor", required=True, help="What `chain` printed for the operator.")
@click.option(
    "--most", "most_permille", default=900, show_default=True, help="Most of a site's probability, per mille."
)
@click.option("--least", "least_permille", default=0, show_default=True, help="Least of it, per mille.")
@click.option("--per-agent", default=1, show_default=True, help="Weight of an agent.")
@click.option("--per-day", default=1, show_default=True, help="Weight of a day without a visit.")
@click.option(
    "--per-finding", default=50, show_default=True, help="Weight of a measure that the last visit did not find kept."
)
@click.option("--deadline-hour", default=8, show_default=True, help="From this hour a missing link counts as withheld.")
@by_option
@on_the_database
def plan(plan: str, first_day: date, by: str, **rule: Any) -> None:
    """Put a PLAN of draws on record, before its first day; it is never changed.

    Seal the ledger afterwards, and send the commission the root and the pack of the plan. Only then
    does the commission make its chain, which is bound to both: see `join`.
    """
    from releve.plugins.inspection import draws
    from releve.situation import DrawPlanned

    values = {"plan": plan, "first_day": _to_day(first_day), **rule}
    done = draws.record_draw_event(DrawPlanned, values, by=by)
    click.echo(
        f"entry {done.seq}: now `releve ledger seal`, and send the commission that root and"
        f" `releve inspection pack {plan} --out plan.json`"
    )


@inspection.command()
@click.argument("plan")
@click.option("--anchor", required=True, help="What `verify_draw.py --new-chain` printed.")
@click.option("--root", "path", type=_READ, required=True, help="File of the root it is bound to.")
@by_option
@on_the_database
def join(plan: str, anchor: str, path: Path, by: str) -> None:
    """Record the commission's anchor of a PLAN, with the root that the commission was sent before.

    An anchor serves one plan: one that was used before is refused.
    """

    from releve.plugins.inspection import draws

    try:
        root = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise click.ClickException(f"{path} is not the file of a root") from error
    done = draws.join_draws(plan, anchor, root, by=by)
    click.echo(f"entry {done.seq}: the anchor of the commission")


@inspection.command()
@click.argument("plan")
@click.option("--day", type=_DAY, help="Day of the visits [default: tomorrow].")
@by_option
@on_the_database
def frame(plan: str, day: date | None, by: str) -> None:
    """Record the sites and weights of a day by the PLAN's rule, the evening before.

    Seal the ledger afterwards and send the root to the commission before it uses its link.
    """
    from releve.live import api
    from releve.network import zone
    from releve.plugins.inspection import draws

    today = api.now(api.LIVE).astimezone(zone(api.operator_now().row.time_zone)).date()
    on = _to_day(day) if day is not None else today + timedelta(days=1)
    done = draws.record_frame(plan, on, by=by)
    click.echo(f"entry {done.seq}: the frame of {on}; now `releve ledger seal`, and send the root to the commission")


@inspection.command()
@click.argument("plan")
@day_option
@click.option("--party", type=_PARTY, required=True, help="Whose link.")
@click.option("--chain", "path", type=_READ, help="The party's file, where it is here.")
@click.option("--link", help="The link: `verify_draw.py --chain` printed it.")
@by_option
@on_the_database
def reveal(plan: str, day: date, party: str, path: Path | None, link: str | None, by: str) -> None:
    """Reveal a party's link of a day. The commission does so after its visits."""
    from releve.plugins.inspection import draws
    from releve.situation import DrawRevealed

    on = _to_day(day)
    if (path is None) == (link is None):
        raise click.UsageError("give either --chain or --link")
    if path is not None:
        link = _read_link(path, draws.find_draw_plan(plan).number_day(on))
    values = {"plan": plan, "day": on, "party": party, "link": link}
    click.echo(f"entry {draws.record_draw_event(DrawRevealed, values, by=by).seq}")


@inspection.command()
@click.argument("plan")
@day_option
@click.option("--without", type=_PARTY, help="Party that withholds its link, after the deadline.")
@by_option
@on_the_database
def draw(plan: str, day: date, without: str | None, by: str) -> None:
    """Draw the visits of a day from the links on record, and print them."""

    from releve.plugins.inspection import draws

    for site in draws.hold_draw(plan, _to_day(day), by=by, withheld=without or ""):
        click.echo(site)


@inspection.command()
@click.argument("plan")
@click.argument("site")
@day_option
@click.option("--reason", required=True, help="Why, without a person's name.")
@by_option
@on_the_database
def missed(plan: str, site: str, day: date, reason: str, by: str) -> None:
    """Record that the visit of SITE, which was drawn, was not made, and why."""
    from releve.plugins.inspection import draws
    from releve.situation import DrawVisitMissed

    values = {"plan": plan, "day": _to_day(day), "site": site, "reason": reason}
    click.echo(f"entry {draws.record_draw_event(DrawVisitMissed, values, by=by).seq}")


@inspection.command()
@click.argument("plan")
@click.argument("site")
@click.argument("present_list", metavar="LIST", type=_READ)
@click.argument("path", metavar="FILE", type=_FILE)
@day_option
@click.option("--tests", required=True, type=click.IntRange(1), help="How many are tested.")
@by_option
@on_the_database
def present(plan: str, site: str, present_list: Path, path: Path, day: date, tests: int, by: str) -> None:
    """Fix the LIST of those present (CSV: agent, zone) at SITE, before the commission's link.

    FILE receives the salted list, from which `people` draws: destroy it on the day on which the
    list has to be erased. The ledger holds its hash and its length.
    """
    from releve.files.atomic import replace_file
    from releve.plugins.inspection import draws
    from releve.plugins.inspection.engine.draw_days import commit_person, hash_present_list
    from releve.situation import DrawPresent

    with present_list.open(encoding="utf-8-sig", newline="") as stream:
        rows = [(row["agent"], row["zone"]) for row in csv.DictReader(stream)]
    salted = [(agent, zone, secrets.token_bytes(32)) for agent, zone in rows]
    listed = [
        {"agent": agent, "commitment": commit_person(agent, salt), "salt": salt.hex(), "zone": zone}
        for agent, zone, salt in salted
    ]
    digest = hash_present_list([(row["zone"], row["commitment"]) for row in listed])
    values = {
        "plan": plan, "day": _to_day(day), "site": site, "count": len(listed), "tests": tests,
        "list_hash": digest,
    }  # fmt: skip
    with replace_file(path, mode=0o600) as written:
        written.write(json.dumps(listed, indent=1, ensure_ascii=False).encode())
    click.echo(f"entry {draws.record_draw_event(DrawPresent, values, by=by).seq}: {digest}")


@inspection.command()
@click.argument("plan")
@click.argument("site")
@click.argument("path", metavar="FILE", type=_READ)
@day_option
@on_the_database
def people(plan: str, site: str, path: Path, day: date) -> None:
    """Print the agents to test at SITE, from the salted list in FILE that `present` fixed."""
    from releve.plugins.inspection import draws
    from releve.plugins.inspection.engine.draw_days import draw_people, hash_present_list

    on, found = _to_day(day), draws.find_draw_plan(plan)
    listed = json.loads(path.read_text(encoding="utf-8"))
    pairs = [(row["zone"], row["commitment"]) for row in listed]
    fixed = found.present.get((on, site))
    if fixed is None or hash_present_list(pairs) != fixed.list_hash:
        raise click.ClickException(f"{path} is not the list on record for {site} on {on}")
    names = {row["commitment"]: f"{row['agent']} {row['zone']}" for row in listed}
    for commitment in draw_people(found.derive_day_seed(on), pairs, fixed.tests):
        click.echo(names[commitment])


@inspection.command()
@click.argument("plan")
@click.option("--day", type=_DAY, help="Day of the visits; without it the plan alone.")
@click.option("--out", type=_FILE, required=True, help="File for the pack.")
@click.option(
    "--verifiers", type=click.Path(file_okay=False, path_type=Path), help="Folder for verify.py and verify_draw.py."
)
@on_the_database
def pack(plan: str, day: date | None, out: Path, verifiers: Path | None) -> None:
    """Write the PLAN, or the draw of a day, with a proof of each entry, for `verify_draw.py`."""
    from releve.files.atomic import write_file
    from releve.ledger.digests import canonical_json
    from releve.ledger.keys import public_key
    from releve.ledger.own_ledger import load_verifier
    from releve.plugins.inspection import draws

    write_file(out, canonical_json(draws.build_draw_pack(plan, _to_day(day) if day else None)) + "\n")
    if verifiers is not None:
        verifiers.mkdir(parents=True, exist_ok=True)
        (verifiers / "verify.py").write_bytes(load_verifier().content)
        (verifiers / "verify_draw.py").write_bytes(Path(__file__).with_name("verify_draw.py").read_bytes())
    given = "--root ROOT --anchor ANCHOR" if day else "--root ROOT --new-chain chain.json"
    click.echo(f"python verify_draw.py {out} --key {public_key()} {given}")


@inspection.command()
@click.option("--present", type=click.IntRange(1), help="People present.")
@click.option("--carriers", type=click.IntRange(0), help="How many would be carriers.")
@click.option("--tests", type=click.IntRange(0), help="How many are tested.")
@click.option("--sensitivity", default=1000, show_default=True, help="Of the test, per mille.")
@click.option("--breach", type=click.IntRange(0, 1000), help="Share of days breached, per mille.")
@click.option("--visits", type=click.IntRange(0), help="How many visits.")
@click.option("--lang", type=click.Choice(["fr", "en"]), default="en", show_default=True, help="Language.")
def power(
    present: int | None,
    carriers: int | None,
    tests: int | None,
    sensitivity: int,
    breach: int | None,
    visits: int | None,
    lang: str,
) -> None:
    """Say what tests (--present, --carriers, --tests) or visits (--breach, --visits) can find."""
    from releve.plugins.inspection.engine.draw_days import compute_test_power, describe_test_power, describe_visit_power

    if present is not None and carriers is not None and tests is not None:
        found = compute_test_power(present, carriers, tests, sensitivity_permille=sensitivity)
        click.echo(describe_test_power(found, lang))
    elif breach is not None and visits is not None:
        click.echo(describe_visit_power(breach, visits, lang))
    else:
        raise click.UsageError("give --present, --carriers and --tests, or --breach and --visits")


def _to_day(given: Any) -> date:
    return given.date()  # type: ignore[no-any-return]


def _read_link(path: Path, number: int) -> str:
    """Return the link of a day of the chain in a file."""
    from releve.situation.draw_chains import DrawError, reveal_link

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise ValueError(document["format"])
        first, binding = (bytes.fromhex(document[name]) for name in ("first", "binding"))
        return reveal_link(first, document["days"], number, binding).hex()
    except DrawError as error:
        raise click.ClickException(str(error)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise click.ClickException(f"{path} is not a chain that `releve inspection chain` made") from error


_day_option = click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Day to judge [default: today].")


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

    on = _to_charter_day(day)
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
        click.echo(f"{row.measure} ({found.measure[row.measure].severity}): {row.value}{then}{late}")


@charter.command()
@_day_option
@on_the_database
def label(day: Any) -> None:
    """Say whether the label stands, and the day on which it falls if nothing is done.

    Exit status 1 where it does not stand.
    """
    from releve.live import api
    from releve.situation import compute_label

    on = _to_charter_day(day)
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
    from releve.plugins.inspection.engine.oscal import (
        build_assessment_plan,
        build_assessment_results,
        build_catalog,
        build_plan_of_action,
    )
    from releve.situation import compute_standings, list_findings

    on, at = _to_charter_day(day), api.now(api.LIVE)
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
    from releve.plugins.inspection.engine.oscal import build_ciso_library

    on = _to_charter_day(day)
    found = api.rules_now().charter(on)
    if found is None:
        raise click.ClickException(f"no charter is in force on {on}")
    document = build_ciso_library(found)
    write_file(path, yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=100))


def _to_charter_day(given: Any) -> date:
    """Return the day asked for, or today where the operator counts its days."""
    from releve.live import api
    from releve.network import zone

    if given is not None:
        return given.date()  # type: ignore[no-any-return]
    return api.now(api.LIVE).astimezone(zone(api.operator_now().row.time_zone)).date()
