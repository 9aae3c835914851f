"""Read the operator folder that a command names."""

from __future__ import annotations

from pathlib import Path

import click

from releve.files.operator_folder import FolderError, read_operator_files
from releve.network import Operator, OperatorFaults, read_operator

__all__ = ["load_operator"]

_MOST = 10


def load_operator(folder: Path) -> Operator:
    """Read an operator folder or workbook; a ClickException names its first faults."""
    try:
        return read_operator(read_operator_files(folder))
    except FolderError as error:
        raise click.ClickException(str(error)) from None
    except OperatorFaults as error:
        lines = [str(fault) for fault in error.faults[:_MOST]]
        more = len(error.faults) - len(lines)
        if more > 0:
            lines.append(f"... and {more} more: releve network check {folder}")
        title = f"{len(error.faults)} faults in the operator's files"
        raise click.ClickException("\n".join((title, *lines))) from None
