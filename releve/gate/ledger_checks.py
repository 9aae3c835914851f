"""The database held against what left its ledger, by each gate.

One that was rolled back may lack a withdrawal, whose call would be allowed.
"""

from __future__ import annotations

from django.db import Error, connection

from releve.gate.errors import DatabaseUnavailable
from releve.ledger.rollback import require_complete

__all__ = ["check_ledger"]


def check_ledger() -> None:
    """Refuse to decide on a database that is behind its ledger (LedgerBehind); in a thread.

    It uses Django's connection of its thread, and closes it. DatabaseUnavailable where that does
    not answer; it has no time limit of its own.
    """
    try:
        require_complete()
    except Error as error:
        raise DatabaseUnavailable(str(error)) from error
    finally:
        connection.close()
