"""What the first look at the desk would wait for, read beforehand, beside the server.

The operator, what has happened, the plans of the days ahead and the plan to show: seconds for a
large operator. Nothing depends on it: who comes earlier waits as before.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Thread

from django.db import connection

from releve.files.plan_folder import PlanFolderError
from releve.live.coverage import compute_coverage
from releve.live.displayed_plan import find_displayed_plan
from releve.live.errors import LiveError

__all__ = ["warm", "warm_in_background"]

_log = logging.getLogger("releve.live")


def warm_in_background() -> Thread:
    """Start to read, in a thread that keeps no process from ending; return it."""
    thread = Thread(target=_warm_and_close, name="releve-warm", daemon=True)
    thread.start()
    return thread


def warm() -> None:
    """Read what *Now*, the clients' pages and the verdict are made from; what fails is logged."""
    for read in (compute_coverage, find_displayed_plan):
        _try_to_read(read)


def _try_to_read(read: Callable[[], object]) -> None:
    try:
        read()
    except (LiveError, PlanFolderError):
        return  # nothing to read yet: the page itself says what is missing
    except Exception:  # whatever it is, the page that needs it meets it again
        _log.exception("what the first page needs could not be read beforehand")


def _warm_and_close() -> None:
    try:
        warm()
    finally:
        connection.close()
