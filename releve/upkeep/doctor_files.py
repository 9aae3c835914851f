"""Checks of the home folder and the other files of an installation."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from releve.files.home import HomeError, require_home
from releve.files.plan_folder import PlanFolderError, list_plan_files
from releve.files.rule_folders import CHARTERS, LAW, RULES, list_rule_files
from releve.gate.current_rules import load_current_rules
from releve.live.api import load_installed_rules
from releve.upkeep.findings import Examination, Finding, fault, warning

__all__ = [
    "check_backups",
    "check_caches",
    "check_disk",
    "check_home",
    "check_modes",
    "check_plan_folder",
    "check_rules",
]

LEAST_FREE_BYTES = 2 * 10**9
"""A ledger that cannot be written stops everything: a disk is seen to be full long before."""
_SECRETS = ("*.key", "secret-key", "releve.sqlite3*", "identity/*")


def check_home(asked: Examination) -> Iterator[Finding]:
    """The home is one, and this user's own."""
    try:
        require_home(asked.home)
    except HomeError as error:
        yield fault("home", str(error), "nothing else was looked at")
        return
    if asked.home.stat().st_uid != os.geteuid():
        yield fault(
            "home",
            f"{asked.home} belongs to another user than this one",
            "run commands as its owner, else files that the service cannot read are left",
        )


def check_modes(asked: Examination) -> Iterator[Finding]:
    """No other user may enter the home, or read a key or the database."""
    if stat.S_IMODE(asked.home.stat().st_mode) & 0o077:
        yield fault("modes", f"other users may enter {asked.home}", f"chmod 700 {asked.home}")
    for pattern in _SECRETS:
        for path in sorted(asked.home.glob(pattern)):
            if stat.S_IMODE(path.stat().st_mode) & 0o077 and path.is_file():
                yield fault("modes", f"other users may read {path}", f"chmod 600 {path}")
    names = Path(settings.IDENTITY_FILE)
    if names.is_file() and stat.S_IMODE(names.stat().st_mode) & 0o077:
        yield fault("modes", f"other users may read {names}", f"chmod 600 {names}")


def check_rules(asked: Examination) -> Iterator[Finding]:
    """The house's own law, rules and charters are named so that they count, and can be read."""
    for name in (LAW, RULES, CHARTERS):
        try:
            list_rule_files(asked.home, name)
        except HomeError as error:
            yield fault("rules", str(error), "the gate refuses every call until then")
            return
    load_current_rules()
    load_installed_rules()


def check_caches(asked: Examination) -> Iterator[Finding]:
    """Compiled kernels can be kept: else every process compiles them again, for minutes."""
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        yield fault(
            "caches",
            f"{folder} for compiled kernels cannot be written",
            "set RELEVE_CACHE_DIR to a folder of this user",
        )


def check_disk(asked: Examination) -> Iterator[Finding]:
    """There is space for the database and its log."""
    free = shutil.disk_usage(asked.home).free
    if free < LEAST_FREE_BYTES:
        yield fault(
            "disk",
            f"{free / 1e9:.1f} GB free at {asked.home}",
            "make space, or move the home to a larger disk",
        )


def check_backups(asked: Examination) -> Iterator[Finding]:
    """A backup could be made: a recipient could read it."""
    if not settings.BACKUP_TO:
        yield warning(
            "backups",
            "no backup can be made, and no journal leaves, for want of a recipient",
            "make a key with `age-keygen` on another machine, and set RELEVE_BACKUP_TO to its"
            " public one",
        )


def check_plan_folder(asked: Examination) -> Iterator[Finding]:
    """A plan folder that is named holds plans."""
    if settings.PLAN_FOLDER is None:
        return
    try:
        list_plan_files(settings.PLAN_FOLDER)
    except PlanFolderError as error:
        yield warning("plan", str(error), "mend RELEVE_PLAN_FOLDER, or write it by `releve plan`")
