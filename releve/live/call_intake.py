"""What the worker does for the service record: the day's forecast, statistics, call records."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from django.conf import settings

from releve import environment
from releve.gate.outcome_files import read_outcomes
from releve.live.clock import real_now
from releve.live.day_forecast import prepare_day
from releve.network import Operator
from releve.registry import storage as registry
from releve.service_record.call_records import read_call_records
from releve.service_record.statistics_folder import read_statistics_folder

_log = logging.getLogger("releve.live")
__all__ = ["find_statistics_folder", "follow_calls"]


def find_statistics_folder() -> Path:
    """Return where sources drop their files: ``statistics`` in the home folder, or as set."""
    named = environment.read_text(os.environ, "RELEVE_STATISTICS_FOLDER")
    return Path(named) if named else Path(settings.HOME) / "statistics"


def list_record_folders() -> list[Path]:
    """Return the folders of ``RELEVE_CALL_RECORDS`` to which proxies write; those that are there.

    A folder of another machine that is away for a while is read on where the reading stopped.
    """
    named = environment.read_text(os.environ, "RELEVE_CALL_RECORDS").split(",")
    folders = [Path(name.strip()) for name in named if name.strip()]
    for folder in folders:
        if not folder.is_dir():
            _log.warning("RELEVE_CALL_RECORDS: there is no folder %s", folder)
    return [folder for folder in folders if folder.is_dir()]


def follow_calls(
    stop: Callable[[], bool] = lambda: False,
    do: Callable[[Callable[[], int]], int] = lambda step: step(),
) -> int:
    """File what came since the last round; return how many files, lines and forecasts are new.

    A forecast takes half a second a programme: ``stop`` is asked before each. ``do`` runs one step;
    if it catches errors, a folder that cannot be read keeps no other step from running.
    """
    version = registry.get_current_version()
    if version is None:
        return 0
    now, operator = real_now(), registry.load_operator(version)
    steps: list[Callable[[], int]] = [
        partial(read_statistics_folder, find_statistics_folder(), operator, now)
    ]
    steps += [partial(_read_records, folder, operator, now) for folder in list_record_folders()]
    steps.append(partial(prepare_day, operator, now, stop))
    return sum(do(step) for step in steps)


def _read_records(folder: Path, operator: Operator, now: datetime) -> int:
    filed = read_call_records([folder], operator.programme, now).filed
    return filed + read_outcomes(folder).filed
