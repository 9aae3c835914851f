"""The root of the command line; a subject's commands stand in the module of its name."""

from __future__ import annotations

import click

from releve import __version__
from releve.cli.crashtest import crashtest
from releve.cli.demand import demand
from releve.cli.desk import desk
from releve.cli.ledger import ledger
from releve.cli.live import live
from releve.cli.network import network
from releve.cli.outbound import outbound
from releve.cli.plan import plan
from releve.cli.registry import registry
from releve.cli.relief import relief
from releve.cli.sample import sample
from releve.cli.validate import validate

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="releve")
def main() -> None:
    """Keep every client served when a place closes, and prove it."""


network.add_command(sample)
main.add_command(crashtest)
main.add_command(demand)
main.add_command(desk)
main.add_command(ledger)
main.add_command(live)
main.add_command(network)
main.add_command(outbound)
main.add_command(plan)
main.add_command(registry)
main.add_command(relief)
main.add_command(validate)
