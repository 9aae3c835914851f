"""``releve outbound feed``: what people said, from files that a dialler drops in a folder."""

from __future__ import annotations

import time
from pathlib import Path

import click

from releve.cli.outbound_gate import by_option, on_the_gate
from releve.cli.word_options import WordType

__all__ = ["feed"]

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--every", type=click.FloatRange(0.1), help="Read again after so many seconds.")
@click.option("--settle", type=click.FloatRange(0), default=2.0, show_default=True,
              help="Seconds for which a file must not have changed.")  # fmt: skip
@click.option("--delete", is_flag=True, help="Delete files that were read, instead of keeping "
              "them in `done`.")  # fmt: skip
@click.option("--reads", "registers", type=WordType("feed"), multiple=True,
              help="A register that this feed is the whole of: each pass reads it.")  # fmt: skip
@by_option
@on_the_gate
def feed(
    folder: Path,
    every: float | None,
    settle: float,
    delete: bool,
    registers: tuple[str, ...],
    by: str,
) -> None:
    """Record what people said, from the CSV files dropped in FOLDER: once, or on and on.

    Write a file under a name that does not end in .csv and rename it. Columns: id, number, said
    (stop, refusal, not-interested, not-now, outcome), client (* for every client), at, channel,
    outcome, call. Faulty rows are set aside in FOLDER/set-aside, and not tried again.
    """
    from releve.gate.request_feeds import record_reading, take_files

    while True:
        found = take_files(folder, by=by, settle=settle, delete=delete)
        record_reading(registers, by=by)
        if every is None or found.recorded or found.before or found.faults:
            click.echo(f"{found.recorded} recorded, {found.before} before, "
                       f"{found.set_aside} set aside")  # fmt: skip
        if every is None:
            return
        time.sleep(every)
