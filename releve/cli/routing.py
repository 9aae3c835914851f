"""``releve routing``: how the telephony systems stand, switches, reverting, a proxy's files."""

from __future__ import annotations

import json
from pathlib import Path

import click

from releve.cli.live import by_option, on_the_database
from releve.cli.load_operator import load_operator

__all__ = ["routing"]


@click.group()
def routing() -> None:
    """Publish routes to telephony systems, and see what they hold."""


@routing.command("status")
@click.option("--plan", "with_plan", is_flag=True, help="List what a publication would change.")
@on_the_database
def status(with_plan: bool) -> None:
    """Observe each telephony system; exit status 1 where one does not hold the newest routes."""
    from releve.live.api import observe_routing

    found = observe_routing()
    click.echo(json.dumps([row.as_json(with_plan) for row in found], indent=1))
    if any(not row.good for row in found):
        raise SystemExit(1)


@routing.command()
@click.argument("number", type=int)
@click.option(
    "--minutes", default=60, show_default=True, type=click.IntRange(1, 24 * 60),
    help="How long routes do not follow people who come, leave or move.",
)  # fmt: skip
@by_option
@on_the_database
def revert(number: int, minutes: int, by: str) -> None:
    """Publish the routes of generation NUMBER again, as a new one; closed places stay closed.

    A closure, a reopening or a relief replaces them at once.
    """
    from releve.live.api import revert_routes

    row = revert_routes(number, minutes=minutes, by=by)
    click.echo(f"generation {row.number} holds the routes of {number}")


@routing.command()
@on_the_database
def switches() -> None:
    """List the routes prepared for each loss that the plan foresees, and their rehearsal."""
    from releve.live.api import list_switches, prepare_switches

    prepare_switches()
    for row in list_switches():
        click.echo(f"{row.contingency}  {row.source}, {row.moved} people move, as of {row.at}")
        for adapter, changes, error in row.rehearsals:
            click.echo(f"  {adapter}: {f'refused: {error}' if error else f'{changes} changes'}")


@routing.command()
@click.argument("contingency")
@click.option("--client", default="", help="Switch the calls of this client alone.")
@click.option(
    "--minutes", default=60, show_default=True, type=click.IntRange(1, 24 * 60),
    help="How long the routes are held.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Publish without asking.")
@by_option
@on_the_database
def switch(contingency: str, client: str, minutes: int, yes: bool, by: str) -> None:
    """Publish the routes prepared for CONTINGENCY (see `switches`), after their consequences.

    Calls move alone; record the loss to move people. `releve routing revert` undoes it.
    """
    from releve.live.api import press_switch, preview_switch

    found = preview_switch(contingency, client)
    for place in found.calls:
        click.echo(f"{place.place}: {place.before:.0f} -> {place.after:.0f} calls an hour")
    for row in found.effects:
        if row.before is not None and row.unrelieved is not None:
            shares = f"{row.before:.0%} -> {row.unrelieved:.0%}"
            click.echo(f"{row.name}: least coverage {shares} without a relief")
    for name in found.unserved:
        click.echo(f"no place takes the calls of {name}")
    if not yes:
        click.confirm(f"publish the routes of {contingency}?", abort=True)
    made = press_switch(contingency, client, content=found.content, minutes=minutes, by=by)
    click.echo(f"generation {made.number}; undo: releve routing revert {made.number - 1}")


@routing.group()
def kamailio() -> None:
    """Run a SIP proxy by the operator's programmes, numbers, sites and carriers."""


@kamailio.command()
@click.argument("operator", type=click.Path(exists=True, path_type=Path))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--inbound", required=True, help="Its address for calls in, like 10.20.0.2:5060.")
@click.option("--outbound", required=True, help="Its address for calls out, like 10.20.0.2:5070.")
@click.option("--rpc", default="127.0.0.1:8090", show_default=True, help="Its management address.")
@click.option(
    "--gate", default="http://127.0.0.1:8070/gate", show_default=True,
    help="Where the gate answers for calls out.",
)  # fmt: skip
@click.option("--dialler", "diallers", multiple=True, help="Address or network that may call out.")
@click.option(
    "--caller", "callers", multiple=True,
    help="Address or network that may deliver calls, beside the trunks of the programmes.",
)  # fmt: skip
@click.option("--country", default="33", show_default=True, help="Code of numbers with one 0.")
@click.option("--etc", default="/etc/releve-proxy", show_default=True, help="Where FOLDER will be.")
@click.option("--acc", default="/var/log/releve-proxy", show_default=True, help="Its records.")
@click.option(
    "--list-file", default="/var/lib/releve-proxy/dispatcher.list", show_default=True,
    help="Its dispatcher list, which this system writes.",
)  # fmt: skip
@click.option("--tls-certificate", default="", help="Certificate, where SIP over TLS is wanted.")
@click.option("--tls-key", default="", help="Its key.")
def config(
    operator: Path, folder: Path, inbound: str, outbound: str, rpc: str, gate: str,
    diallers: tuple[str, ...], callers: tuple[str, ...], country: str, etc: str, acc: str,
    list_file: str, tls_certificate: str, tls_key: str,
) -> None:  # fmt: skip
    """Write a proxy's configuration, first list, unit and environment into FOLDER.

    OPERATOR is an operator folder or workbook: numbers, trunk and campaigns of its programmes,
    sip_address of its sites, home_sip_address of its operator. An address may be followed by
    ;transport=tcp or ;transport=tls. An environment that is there is left alone.
    """
    from releve.files.atomic import create_file, write_file
    from releve.network import parse_sip_address
    from releve.routing import RoutingError
    from releve.routing.kamailio import ProxySettings, build_proxy_files

    if bool(tls_certificate) != bool(tls_key):
        raise click.ClickException("--tls-certificate and --tls-key go together")
    try:
        settings = ProxySettings(
            parse_sip_address(inbound), parse_sip_address(outbound), parse_sip_address(rpc),
            gate=gate, diallers=diallers, callers=callers, country=country, folder=etc,
            acc_folder=acc, list_file=list_file,
            tls=(tls_certificate, tls_key) if tls_key else None,
        )  # fmt: skip
        files = build_proxy_files(load_operator(operator), settings)
    except (ValueError, RoutingError) as error:
        raise click.ClickException(str(error)) from error
    folder.mkdir(parents=True, exist_ok=True)
    secrets = files.pop("environment")
    for name, text in files.items():
        write_file(folder / name, text, mode=0o644)
    create_file(folder / "environment", secrets, mode=0o640)
    click.echo(f"{folder}: {', '.join(sorted([*files, 'environment']))}")
