"""A gate or a ledger starts without the solver; what is missing is named with its extra."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from releve.extras import EXTRAS, MissingExtra, OptionalModule, find_extra

ROOT = Path(__file__).parents[1]
PACKAGES = {"fontpkg_amiri": "fontpkg-amiri", "ninja": "django-ninja"}
"""Libraries whose package has another name."""

WITHOUT = r"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
import django
django.setup()
import releve.cli.init, releve.cli.ledger
import releve.plugins.outbound.commands.outbound, releve.plugins.outbound.commands.gate
import releve.plugins.outbound.gate.app
from releve.cli import main
main(["network", "sample", "--agents", "60", "--sites", "2", sys.argv[2]])
"""


def test_each_extra_brings_the_libraries_that_are_said_to_come_with_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    brought = {
        extra: {re.split(r"[\[<>=]", wanted)[0] for wanted in wants}
        for extra, wants in project["optional-dependencies"].items()
    }
    for library, extra in EXTRAS.items():
        assert PACKAGES.get(library, library) in brought[extra], library
    base = {re.split(r"[\[<>=]", wanted)[0] for wanted in project["dependencies"]}
    assert not base & {PACKAGES.get(library, library) for library in EXTRAS}


def test_what_is_missing_is_named_with_its_extra_when_it_is_used() -> None:
    absent = OptionalModule("numba.absent")
    with pytest.raises(MissingExtra, match=r"numba.absent is not installed.*'releve\[plan\]'"):
        absent.njit  # noqa: B018
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        OptionalModule("no_such_library").thing  # noqa: B018
    assert find_extra(ModuleNotFoundError(name="scipy.special")) == "plan"
    assert OptionalModule("json").loads("[1]") == [1]


@pytest.mark.slow
def test_a_host_without_the_extras_starts_and_says_what_a_command_lacks(tmp_path: Path) -> None:
    environ = {**os.environ, "DJANGO_SETTINGS_MODULE": "releve.settings"}
    absent = ",".join(library for library in EXTRAS if library != "distributed")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, absent, str(tmp_path / "operator")],
        env=environ, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr == "Error: scipy is not installed: pip install 'releve[plan]'\n"
