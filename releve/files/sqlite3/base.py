"""Django's SQLite backend with a fair queue of the writers of a process, and connections that are kept.

SQLite lets a writer retry after up to 100 ms, and the one that asks in a free moment goes first:
beside two busy writers a third waited five seconds and failed as "locked". Here the first in the
queue tries every few ms.
"""

from __future__ import annotations

import os
import random
import time
from contextlib import suppress
from threading import Lock
from typing import Any, Final

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

TRY_AGAIN_SECONDS: Final = (0.001, 0.004)
_queue = Lock()


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose transactions begin in turn, within the ``timeout`` of its options.

    It is not used again once another file has taken the place of its own, as after a restore.
    """

    _file: tuple[int, int] | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        made = super().get_new_connection(conn_params)
        self._file = self._identify_file()
        return made

    def close_if_unusable_or_obsolete(self) -> None:
        if self.connection is not None and not self.in_atomic_block and self._file != self._identify_file():
            self.close()
        super().close_if_unusable_or_obsolete()

    def _identify_file(self) -> tuple[int, int] | None:
        with suppress(OSError):
            found = os.stat(self.settings_dict["NAME"])
            return found.st_dev, found.st_ino
        return None

    def _start_transaction_under_autocommit(self) -> None:
        patience = float(self.settings_dict["OPTIONS"].get("timeout", 5.0))
        until = time.monotonic() + patience
        if not _queue.acquire(timeout=patience):
            raise OperationalError("database is locked")
        try:
            self._begin_by(until, patience)
        finally:
            _queue.release()

    def _begin_by(self, until: float, patience: float) -> None:
        self._wait_at_most(0.0)
        try:
            while True:
                try:
                    super()._start_transaction_under_autocommit()  # type: ignore[misc]
                    return
                except OperationalError as error:
                    if "locked" not in str(error) or time.monotonic() >= until:
                        raise
                time.sleep(random.uniform(*TRY_AGAIN_SECONDS))
        finally:
            self._wait_at_most(patience)

    def _wait_at_most(self, seconds: float) -> None:
        """Set how long a statement outside a transaction waits."""
        assert self.connection is not None
        self.connection.execute(f"PRAGMA busy_timeout = {seconds * 1000:.0f}")
