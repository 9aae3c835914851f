"""A reader of call records, killed at random instants by the program that forks it.

``RELEVE_HOME=FOLDER python -m tests.service_record.killed_reader ACC KILLS`` writes a thousand
calls into files in ACC, which are rotated, copied, cut and doubled meanwhile, and prints what was
filed.
It is a program of its own, since only a process without threads may fork.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

__all__ = ["CALLS", "PROGRAMMES", "write_lines"]

CALLS = 1000
PROGRAMMES = ("sav", "ventes")
START = datetime(2026, 11, 24, 8, tzinfo=UTC)


def write_lines(number: int, *, skew: float = 0.0) -> list[str]:
    """Return the lines of a call: of four, one is abandoned and one still goes on."""
    began = (START + timedelta(seconds=7 * number)).timestamp() + skew
    programme = PROGRAMMES[number % 2]
    code, wait = ("487", 40) if number % 4 == 1 else ("200", number % 30)

    def line(method: str, code: str, cseq: int, at: float, logged: float) -> str:
        return (
            f"{method}|f|t|call-{number}|{code}|reason|2026-11-24 09:00:00|{cseq}|in|{programme}"
            f"|sip:10.0.0.1:5060|{at:.3f}|{logged:.3f}\n"
        )

    lines = [line("INVITE", code, 1, began, began + wait)]
    if number % 4 in (0, 2):
        lines.append(line("BYE", "200", 2, began + wait + 100, began + wait + 100.5))
    return lines


def read_and_die(folder: Path, seconds: float) -> None:
    """Read on and on in a child, and kill it after so long."""
    from django.db import connections

    connections.close_all()
    child = os.fork()
    if child == 0:
        while True:
            read(folder)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def read(folder: Path) -> None:
    from releve.service_record.call_records import read_call_records
    from tests.service_record.call_programmes import make_programmes

    read_call_records([folder], make_programmes(), START + timedelta(days=1))


def disturb(folder: Path, kill: int) -> None:
    """Rotate, rotate by copying, copy and cut the first file, in turn."""
    path = folder / f"acc_{kill % 3}.log"
    if kill % 8 == 2:
        path.rename(folder / f"acc_{kill % 3}.log.{kill}")
    elif kill % 8 == 4:
        shutil.copyfile(path, folder / f"copy_{kill}.log")
        os.truncate(path, 0)
    elif kill % 8 == 6:
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: len(lines) // 2]))
        (folder / f"rest_{kill}.log").write_bytes(b"".join(lines[len(lines) // 2 :]))


def main(folder: Path, kills: int) -> None:
    django.setup()
    from django.core.management import call_command
    from django.db.models import Sum

    from releve.service_record import call_records
    from releve.service_record.models import CallRecord, IntervalReport

    call_command("migrate", "service_record", verbosity=0)
    call_records._LINES = 9
    luck, each = random.Random(21), CALLS // kills
    for kill in range(kills):
        for number in range(kill * each, (kill + 1) * each):
            for place, line in enumerate(write_lines(number)):
                with (folder / f"acc_{(number + place) % 3}.log").open("a") as file:
                    file.write(line)
        with (folder / "acc_0.log").open("a") as file:
            line = write_lines(kill)[0]  # once more, and not to its end when the reader comes
            file.write(line[:30])
            file.flush()
            read_and_die(folder, luck.uniform(0.005, 0.08))
            file.write(line[30:])
        disturb(folder, kill)
    read(folder)
    rows = IntervalReport.objects.values("programme")
    sums = rows.annotate(*[Sum(name) for name in ("offered", "answered", "abandoned", "in_time")])
    print(json.dumps({"calls": CallRecord.objects.count(), "sums": list(sums)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
