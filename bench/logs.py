"""The two real call logs beside the checkout: where they are, and what is read of them."""

from __future__ import annotations

import os
from pathlib import Path

from releve.validation.rest_of_day import CALLS_1999, COUNTS_2003, QUEUES_1999, ZONE_1999, RealLog, load_1999, load_2003

__all__ = [
    "CALLS_1999",
    "COUNTS_2003",
    "QUEUES_1999",
    "ZONE_1999",
    "RealLog",
    "load_1999",
    "load_2003",
    "shared_folder",
]


def shared_folder() -> Path | None:
    """Return the folder of the real data, None when it is not there.

    It is ``RELEVE_SHARED``, or ``../shared`` beside the checkout.
    """
    checkout = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("RELEVE_SHARED", checkout.parent / "shared")) / "data"
    return folder if folder.is_dir() else None
