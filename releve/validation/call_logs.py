"""The call logs of two banks, as programmes with a history.

1999: call-by-call log of an Israeli bank (Guedj & Mandelbaum, Technion), January and February.
2003: five-minute counts of a large North American bank (De Livera, Hyndman & Snyder 2011), March
to August; its time zone is not stated, New York is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from releve.demand import (
    CallMapping,
    Drop,
    ImportReport,
    IntervalMapping,
    import_calls,
    import_intervals,
)
from releve.demand.tables import History
from releve.errors import ReleveError
from releve.network import Programme

__all__ = [
    "CALLS_1999",
    "COUNTS_2003",
    "QUEUES_1999",
    "ZONE_1999",
    "CallLogError",
    "RealLog",
    "load_1999",
    "load_2003",
]

QUEUES_1999 = {
    "PS": "regular",
    "PE": "english",
    "IN": "internet",
    "NE": "stocks",
    "NW": "prospects",
    "TT": "callback",
}
CALLS_1999 = CallMapping(
    start="vru_entry",
    programme="type",
    programmes=QUEUES_1999,
    outcome="outcome",
    answered=("AGENT",),
    wait_s="q_time",
    service_s="ser_time",
    drop=(
        Drop("phantom call", {"outcome": ("PHANTOM",)}),
        Drop("hung up in the voice menu", {"outcome": ("HANG",), "q_time": (0,)}),
    ),
)
OPENING_1999 = "Mon-Thu 07:00-24:00; Fri 07:00-14:00; Sat 19:00-24:00; Sun 07:00-24:00"
ZONE_1999 = "Asia/Jerusalem"

COUNTS_2003 = IntervalMapping(start="start", offered="calls", programmes={"all": "bank"})
OPENING_2003 = "Mon-Fri 07:00-21:00"
ZONE_2003 = "America/New_York"


class CallLogError(ReleveError, ValueError):
    """A log cannot be read; names the file."""


@dataclass(frozen=True)
class RealLog:
    """A log as programmes with histories: fitted before ``origin``, judged before ``end``."""

    name: str
    report: ImportReport
    programmes: Mapping[str, Programme]
    origin: date
    end: date

    @property
    def histories(self) -> Mapping[str, History]:
        """Histories by programme."""
        return {history.programme: history for history in self.report.histories}


def load_1999(folder: Path) -> RealLog:
    """Return the six queues of January and February 1999; CallLogError without their file."""
    frame = _read(folder / "anonymousbank_1999" / "calls_1999_jan_feb.parquet")
    report = import_calls(frame, CALLS_1999, ZONE_1999)
    programmes = {
        name: _programme(name, OPENING_1999, ZONE_1999, "") for name in QUEUES_1999.values()
    }
    return RealLog("bank 1999", report, programmes, date(1999, 2, 1), date(1999, 3, 1))


def load_2003(folder: Path) -> RealLog:
    """Return the one queue of March to August 2003; CallLogError without its file."""
    frame = _read(folder / "bank_calls_2003" / "bank_calls_5min_mar_aug.parquet")
    report = import_intervals(frame, COUNTS_2003, ZONE_2003)
    programmes = {"bank": _programme("bank", OPENING_2003, ZONE_2003, "US")}
    return RealLog("bank 2003", report, programmes, date(2003, 8, 1), date(2003, 8, 30))


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise CallLogError(f"{path} cannot be read: {error}") from None


def _programme(name: str, opening: str, time_zone: str, holidays: str) -> Programme:
    return Programme(
        id=name,
        client="bank",
        name=name,
        kind="inbound",
        opening=opening,
        aht_s=180.0,
        time_zone=time_zone,
        holidays=holidays,
    )
