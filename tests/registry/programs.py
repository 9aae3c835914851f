"""Programs that a test starts beside itself: imports that are killed, and imports that meet.

``python -m tests.registry.programs die FOLDER`` imports a small operator, then lets a process of
its own be killed at each stage of another import, and says what the registry holds afterwards.
``python -m tests.registry.programs race`` lets two processes apply their imports at one sign.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.db import connections

from releve.cli.database import open_database
from releve.network import Operator, sample_operator

STAGES = ("Block", "Sheet", "SheetBlock", "VersionSheet")


def small(name: str) -> Operator:
    """A small operator under a name."""
    operator = sample_operator(60, 2, 1, weeks_of_history=1)
    return replace(operator, row=replace(operator.row, name=name))


def store(name: str) -> None:
    from releve.registry.service import apply_changes, preview_changes

    apply_changes(preview_changes(small(name)), "amina")


def apart(act: Callable[[], None]) -> int:
    """Start a process that acts with a connection of its own; return its id."""
    connections.close_all()
    child = os.fork()
    if child:
        return child
    try:
        act()
    finally:
        os._exit(0)


def killed(*args: Any, **options: Any) -> None:
    """Stand in for what would store something: the process is killed there."""
    os.kill(os.getpid(), signal.SIGKILL)


def die() -> None:
    """Print, for each stage, the signal that ended the import, and what is current then."""
    from releve.registry import models
    from releve.registry.service import get_current_version, load_operator

    store("old")
    for stage in STAGES:

        def act(stage: str = stage) -> None:
            getattr(models, stage).objects.bulk_create = killed
            store("new")

        _, status = os.waitpid(apart(act), 0)
        now = get_current_version()
        assert now is not None
        whole = load_operator(now) == small("old")
        blocks = models.Block.objects.filter(sheetblock=None).count()
        print(stage, os.WTERMSIG(status), now, whole, blocks)
    store("new")
    print(get_current_version())


def race() -> None:
    """Print what two imports prepared against the same version came to."""
    from releve.registry.service import apply_changes, preview_changes
    from releve.registry.tables import Conflict

    store("old")
    start = time.monotonic() + 3

    def act(name: str) -> None:
        changes = preview_changes(small(name))
        time.sleep(max(0, start - time.monotonic()))
        try:
            answer = str(apply_changes(changes, name))
        except Conflict as error:
            answer = str(error)
        os.write(1, f"{answer}\n".encode())  # at once, or the line of the other comes in between

    for child in [apart(lambda name=name: act(name)) for name in ("one", "two")]:  # type: ignore[misc]
        os.waitpid(child, 0)


if __name__ == "__main__":
    open_database()
    {"race": race, "die": die}[sys.argv[1]]()
