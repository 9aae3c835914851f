"""A process forked from one that has loaded the program is what a started one would be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import processes
from tests.homes import make_test_home

SETTINGS = """
import json, sys
from pathlib import Path
import django
from django.conf import settings
django.setup()
from django.db import connection
shown = {"connection": repr(connection.settings_dict), "arguments": sys.argv[1:]}
values = {name: getattr(settings, name) for name in dir(settings) if name.isupper()}
shown |= {k: repr(sorted(v) if isinstance(v, set) else v) for k, v in values.items()}
print(json.dumps(shown | {"folder": str(Path.cwd())}))
"""
FAIL = "import sys\nprint('said')\nsys.exit('refused')\n"
WAIT = "import time\nprint('begun', flush=True)\ntime.sleep(600)\n"


def environ_of(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RELEVE_")}
    return kept | {"PYTHONPATH": f"{folder}:{processes.ROOT}"} | more


def write_program(folder: Path, name: str, text: str) -> str:
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return name


@pytest.mark.slow
def test_it_has_the_settings_the_arguments_and_the_folder_of_a_started_one(tmp_path: Path) -> None:
    name = write_program(tmp_path, "shown_settings", SETTINGS)
    environ = environ_of(
        tmp_path, RELEVE_HOME=str(make_test_home(tmp_path / "home")), RELEVE_LANGUAGE="en",
        RELEVE_URL="https://desk.example", RELEVE_API_PER_MINUTE="7", RELEVE_OPEN="1",
        RELEVE_SECRET_KEY="0123456789abcdef" * 3, RELEVE_SESSION_HOURS="3",
        DJANGO_SETTINGS_MODULE="releve.settings",
    )  # fmt: skip
    line = [sys.executable, "-m", name, "a", "b"]
    started = subprocess.run(line, env=environ, cwd=tmp_path, capture_output=True, check=True)
    forked = processes.run(name, "a", "b", environ=environ, folder=tmp_path)
    assert forked.stderr == ""
    assert json.loads(forked.stdout) == json.loads(started.stdout)


@pytest.mark.slow
def test_how_it_ends_and_what_it_says_reach_who_waits(tmp_path: Path) -> None:
    environ = environ_of(tmp_path)
    done = processes.run(write_program(tmp_path, "fails", FAIL), environ=environ, folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "said\n", "refused\n")
    waiting = write_program(tmp_path, "waits", WAIT)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with processes.start(waiting, environ=environ, folder=tmp_path) as process:
            assert process.stdout.readline() == "begun\n"
            with pytest.raises(TimeoutError):
                process.wait(0.01)
            process.send_signal(number)
            assert process.wait() == -number
    assert processes.run(waiting, environ=environ, folder=tmp_path, timeout=0.5).returncode == -9
