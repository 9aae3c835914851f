"""``python -m bench.ledger [ENTRIES] [--seconds S] [--minutes M]``: appends, proofs, export.

Appends are one transaction each, with a personal value, by one process and by four at once; on
SQLite in a folder of its own, and on PostgreSQL where ``RELEVE_DATABASE_URL`` names an empty
database (``RELEVE_PG_FSYNC=on scripts/with-postgres .venv-bench/bin/python -m bench.ledger``: with
the disk waited for, as an installation does). The ENTRIES (1,000,000 when not given) are made by
``append_all``, a thousand a transaction, for M minutes at most: what was reached is printed.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tests.homes import make_test_home

if TYPE_CHECKING:
    from releve.ledger.verify import Export

SECONDS = 5.0
WRITERS = (1, 4)
ENTRIES = 1_000_000
_BATCH = 1000
MINUTES = 4.0
_PROOFS = 200
_NOTE_EVERY_SECONDS = 5.0


@click.command()
@click.argument("entries", default=ENTRIES, type=click.IntRange(_BATCH))
@click.option("--seconds", default=SECONDS, show_default=True, help="For each rate of appends.")
@click.option("--minutes", default=MINUTES, show_default=True, help="To fill each ledger, at most.")
def main(entries: int, seconds: float, minutes: float) -> None:
    """Print the measures, each database in processes of its own."""
    with tempfile.TemporaryDirectory(prefix="releve-bench-") as folder:
        here = {**os.environ, "RELEVE_HOME": str(make_test_home(Path(folder)))}
        server = here.pop("RELEVE_DATABASE_URL", "")
        databases = {"SQLite": here}
        if server:
            databases["PostgreSQL"] = {**here, "RELEVE_DATABASE_URL": server}
        for name, environment in databases.items():
            print(f"{name}", flush=True)
            _call(environment, "open")
            for writers in WRITERS:
                print(f"  {_line_of_appends(environment, writers, seconds)}", flush=True)
            print(_call(environment, "many", str(entries), str(minutes)), end="", flush=True)
        if not server:
            print("PostgreSQL: not measured, RELEVE_DATABASE_URL is not set")


def _line_of_appends(environment: dict[str, str], writers: int, seconds: float) -> str:
    started = [_start(environment, "append", str(seconds)) for _ in range(writers)]
    times = [float(text) for one in started for text in _finish(one).split()]
    rate = len(times) / seconds
    cuts = statistics.quantiles(times, n=100)
    return (
        f"{writers} writer{'s' if writers > 1 else ' '} {rate:>7,.0f} appends/s,"
        f" p50 {cuts[49] * 1000:.2f} ms, p99 {cuts[98] * 1000:.2f} ms"
    )


def _start(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.ledger", "--part", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def _finish(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"a part of the benchmark failed with status {process.returncode}")
    return out


def _call(environment: dict[str, str], *arguments: str) -> str:
    return _finish(_start(environment, *arguments))


def part_open() -> None:
    """Leave the database with its tables, which every part opens."""


def part_append(seconds: str) -> None:
    """Append one by one for a while; print how long each took, in seconds."""
    from django.db import transaction

    from releve.ledger.chain import append

    times = []
    until = time.perf_counter() + float(seconds)
    while (began := time.perf_counter()) < until:
        with transaction.atomic():
            append(
                "case.declared", {"site": "casa-1", "tests": 2}, personal={"agent": "agent-17"},
                subject="agent-17", recorded_at=datetime.now(UTC),
            )  # fmt: skip
        times.append(time.perf_counter() - began)
    print(*times)


def part_many(count: str, minutes: str) -> None:
    """Fill the ledger up to a number of entries, then print a line a measure."""
    from releve.ledger.disclosure import prove_entry
    from releve.ledger.keys import public_key
    from releve.ledger.roots import sign_root
    from releve.ledger.verify import Export, Keys, check_proof

    began = time.perf_counter()
    size = _fill(int(count), until=began + 60 * float(minutes))
    took = time.perf_counter() - began
    short = "" if size == int(count) else f", of {int(count):,} wanted: the time was over"
    print(f"  {took:>8.1f} s to fill the ledger up to {size:,} entries{short}")
    now = datetime.now(UTC)
    root = sign_root(now)
    _fill(size + _BATCH, until=float("inf"))
    print(f"  {_timed(lambda: sign_root(now)):>8.3f} s to seal {_BATCH:,} new entries")
    keys, made, checked, length = Keys([public_key()]), [], [], 0
    for number in range(_PROOFS):
        began = time.perf_counter()
        proof = prove_entry(1 + number * (root.size - 1) // _PROOFS, root)
        middle = time.perf_counter()
        check_proof(proof, keys, [])
        made.append(middle - began)
        checked.append(time.perf_counter() - middle)
        length = max(length, len(json.dumps(proof)))
    print(f"  {_milliseconds(made)} to make a proof among {root.size:,}, at most {length:,} bytes")
    print(f"  {_milliseconds(checked)} to check one with the stand-alone verifier")
    _export_and_verify(Export(keys, []))


def _export_and_verify(export: Export) -> None:
    """Export all to a file and verify it, line by line; print how long, and the largest memory."""
    from releve.ledger.export import export_lines

    with tempfile.TemporaryFile() as stream:
        took = _timed(lambda: stream.writelines(f"{line}\n".encode() for line in export_lines(values=True)))
        print(f"  {took:>8.1f} s to export all, {stream.tell() / 1e6:,.0f} MB")
        stream.seek(0)
        print(f"  {_timed(lambda: export.read(stream)):>8.1f} s to verify the export")
    if export.faults:
        raise SystemExit("\n".join(export.faults[:5]))
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  {largest:>8,.0f} MiB of memory at most, verifier and all")


def _fill(size: int, *, until: float) -> int:
    """Fill the ledger up to a size, or until a time is over; return how far it came."""
    from django.db import transaction

    from releve.ledger.chain import Draft, append_all, read_head

    now, last_note = datetime.now(UTC), time.perf_counter()
    while (missing := size - read_head().seq) > 0 and time.perf_counter() < until:
        if time.perf_counter() - last_note > _NOTE_EVERY_SECONDS:
            last_note = time.perf_counter()
            print(f"  {size - missing:,} of {size:,} entries", file=sys.stderr, flush=True)
        drafts = [
            Draft("site.checked", {"site": f"site-{n % 200}", "measures": n}, now) for n in range(min(missing, _BATCH))
        ]
        with transaction.atomic():
            append_all(drafts)
    return read_head().seq


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _milliseconds(times: Sequence[float]) -> str:
    cuts = statistics.quantiles(times, n=100)
    return f"p50 {cuts[49] * 1000:.2f} ms, p99 {cuts[98] * 1000:.2f} ms"


if __name__ == "__main__":
    if sys.argv[1:2] != ["--part"]:
        main()
    from releve.cli.database import open_new_database

    open_new_database()
    {"open": part_open, "append": part_append, "many": part_many}[sys.argv[2]](*sys.argv[3:])
