"""Folders for the commands: a small sample operator on the disk."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from releve.cli import main
from releve.files.operator_folder import write_operator_files
from releve.network import Operator, write_operator
from releve.network.sample import sample_operator


def sample(agents: int = 120, seed: int = 1) -> Operator:
    return sample_operator(agents, 4, seed, weeks_of_history=4)


def write_folder(operator: Operator, folder: Path) -> Path:
    write_operator_files(folder, write_operator(operator))
    return folder


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])
