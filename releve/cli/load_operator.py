"""Read the operator folder that a command names."""

from __future__ import annotations

from pathlib import Path

import click

from releve.cli.catalogue import Speech
from releve.errors import NumberPhrase, Phrase
from releve.files.operator_folder import FolderError, read_operator_files
from releve.network import Operator, OperatorFaults, describe_faults, read_operator

__all__ = ["load_operator"]

_MOST = 10


def load_operator(folder: Path) -> Operator:
    """Read an operator folder or workbook; a ClickException names its first faults."""
    try:
        return read_operator(read_operator_files(folder))
    except FolderError as error:
        raise click.ClickException(str(error)) from None
    except OperatorFaults as error:
        speech = Speech(error.language)
        causes = describe_faults(error.faults, speech.gettext, speech.language)
        lines = list(causes[:_MOST])
        if more := len(causes) - len(lines):
            text = Phrase("... and {0} more: releve network check {1}", NumberPhrase(more), folder)
            lines.append(speech.say(text))
        count = NumberPhrase(len(error.faults))
        title = speech.say(Phrase("{0} faults in the operator's files", count))
        raise click.ClickException("\n".join((title, *lines))) from None
