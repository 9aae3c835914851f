"""Each subject of the command line is found, in a process that has set up nothing before."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

_HELP = """
import json
from click.testing import CliRunner
from releve.cli.main import find_subjects, main
results = {name: CliRunner().invoke(main, [name, "--help"]) for name in find_subjects()}
print(json.dumps({name: [one.exit_code, one.output] for name, one in results.items()}))
"""


@pytest.mark.slow
def test_each_subject_shows_its_help_before_django_is_set_up() -> None:
    environ = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-c", _HELP]
    found = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    results = json.loads(found.stdout)
    assert len(results) == 25
    broken = {name: output for name, (code, output) in results.items() if code}
    assert broken == {}
    assert all(f" {name} " in output.splitlines()[0] for name, (_, output) in results.items())
