"""The two banks of the guide: their logs, what is fitted, what is held out, and whom they serve.

What the logs say: calls, times, waits, hang-ups. What is assumed, because no log says it: who
orders which queue, the service target (80 % in 20 s, 90 % answered), shrinkage and occupancy (the
defaults of the programmes table); for 2003 also the handling time and the time zone.
"""

from __future__ import annotations

import io
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import click
import polars as pl

from releve.demand import ImportReport, import_log, parse_mapping
from releve.network import Client, Programme

__all__ = ["BANKS", "Bank", "data_folder", "read_bank", "read_mapping"]

_HERE = Path(__file__).resolve().parent
_ASSUMED_AHT_S = 180.0


@dataclass(frozen=True)
class Bank:
    """One log: the days before ``held_out`` are fitted, those before ``end`` are judged.

    ``day`` is the day that is planned; ``sites`` the size of the sample network around it.
    """

    id: str
    title: str
    log: str
    held_out: date
    end: date
    day: date
    sites: int
    clients: tuple[Client, ...]
    programmes: tuple[Programme, ...]

    @property
    def time_zone(self) -> str:
        """Time zone of the bank."""
        return self.programmes[0].time_zone

    def with_patience(self, patience_s: Mapping[str, float]) -> tuple[Programme, ...]:
        """Return the programmes with the patience a log shows; not known where it shows none."""
        return tuple(replace(row, patience_s=patience_s.get(row.id)) for row in self.programmes)


def _queue(id_: str, client: str, name: str, language: str = "he") -> Programme:
    return Programme(
        id=id_,
        client=client,
        name=name,
        kind="inbound",
        opening="Mon-Thu 07:00-24:00; Fri 07:00-14:00; Sat 19:00-24:00; Sun 07:00-24:00",
        aht_s=_ASSUMED_AHT_S,
        languages=(language,),
        time_zone="Asia/Jerusalem",
    )


BANKS = (
    Bank(
        id="bank-1999",
        title="an Israeli bank, six queues, 1999",
        log="anonymousbank_1999/calls_1999_jan_feb.parquet",
        held_out=date(1999, 2, 1),
        end=date(1999, 3, 1),
        day=date(1999, 2, 2),
        sites=3,
        clients=(
            Client("retail", "Retail banking"),
            Client("sales", "New customers"),
            Client("exchange", "Stock exchange"),
            Client("web", "Internet bank"),
        ),
        programmes=(
            _queue("regular", "retail", "Regular calls"),
            _queue("english", "retail", "Calls in English", "en"),
            _queue("callback", "retail", "Calls back"),
            _queue("prospects", "sales", "Prospects"),
            _queue("stocks", "exchange", "Stock exchange"),
            _queue("internet", "web", "Internet help"),
        ),
    ),
    Bank(
        id="bank-2003",
        title="a large North American bank, one queue, 2003",
        log="bank_calls_2003/bank_calls_5min_mar_aug.parquet",
        held_out=date(2003, 8, 1),
        end=date(2003, 8, 30),
        day=date(2003, 8, 5),
        sites=6,
        clients=(Client("bank", "Large bank"),),
        programmes=(
            Programme(
                id="bank",
                client="bank",
                name="All calls",
                kind="inbound",
                opening="Mon-Fri 07:00-21:00",
                aht_s=_ASSUMED_AHT_S,
                languages=("en",),
                time_zone="America/New_York",
                holidays="US",
            ),
        ),
    ),
)


def data_folder() -> Path:
    """Return where the logs are: ``data`` in RELEVE_SHARED, or in ``../shared`` beside us."""
    beside = _HERE.parent.parent / "shared"
    folder = Path(os.environ.get("RELEVE_SHARED", beside)) / "data"
    if not folder.is_dir():
        raise click.ClickException(
            f"{folder} does not exist: name in RELEVE_SHARED the folder whose `data` has the logs"
        )
    return folder


def read_mapping(bank: Bank) -> dict[str, Any]:
    """Return what the columns of a bank's log mean, as ``releve demand import`` takes it."""
    return tomllib.loads((_HERE / f"{bank.id.replace('-', '_')}.toml").read_text("utf-8"))


def read_bank(bank: Bank) -> tuple[ImportReport, ImportReport]:
    """Import the whole log, and the days before the held-out month alone.

    What is fitted (forecast, handling time, patience) comes from the second.
    """
    frame = pl.read_parquet(data_folder() / bank.log)
    mapping = read_mapping(bank)
    past = frame.filter(pl.col(mapping["start"]).dt.date() < bank.held_out)
    time_zone = mapping.pop("time_zone")

    def read(rows: pl.DataFrame) -> ImportReport:
        file = io.BytesIO()
        rows.write_parquet(file)
        return import_log("log.parquet", file.getvalue(), parse_mapping(mapping), time_zone)

    return read(frame), read(past)
