"""Routes as one CSV file that a telephony system reads, replaced as a whole by renaming.

Every row carries the generation's number, start and digest, so that a file cut in the middle or
changed by hand is detected when it is read.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from releve import environment
from releve.files.atomic import lock, make_folder, write_file
from releve.network import UTC
from releve.routing.adapter import (
    ObservedRoute,
    PublishReceipt,
    RoutingCapabilities,
    RoutingPlan,
    RoutingSnapshot,
    Tried,
    plan_changes,
)
from releve.routing.generation import COLUMNS, Generation, Stale, Unreachable, compute_digest

_HEAD = ("stream", "generation", "valid_from", "digest")


def from_environment(environ: Mapping[str, str], home: Path) -> FileCsv:
    """Return the adapter; ``RELEVE_ROUTING_FILE`` names the file, in the home folder by default."""
    name = environment.read_text(environ, "RELEVE_ROUTING_FILE")
    return FileCsv(Path(name) if name else home / "routing" / "routes.csv")


class FileCsv:
    name = "file_csv"
    tried: Tried = "file"
    capabilities = RoutingCapabilities(
        scopes=frozenset({"site_weights"}),
        step=0.0001,
        atomic="all",
        settles_seconds=0.0,
        deadline_seconds=30.0,
        observes="routes",
    )

    columns: tuple[str, ...] = COLUMNS
    """Of a route; those of a subclass go on with its own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def list_rows(self, generation: Generation) -> Sequence[tuple[str, ...]]:
        """Return the rows of a generation under :attr:`columns`."""
        return generation.rows

    def plan(self, generation: Generation, snapshot: RoutingSnapshot | None) -> RoutingPlan:
        return plan_changes(generation, snapshot)

    def apply(self, plan: RoutingPlan, *, key: str) -> PublishReceipt:
        """Write the file, unless it holds a newer generation of the same stream."""
        generation = plan.generation
        generation.refuse_if_empty()
        rows = self.list_rows(generation)
        digest = compute_digest(generation.stream, generation.number, generation.instant, rows)
        head = (generation.stream, str(generation.number), generation.instant, digest)
        try:
            make_folder(self.path.parent)
            with lock(self.path.with_name(f".{self.path.name}.lock")):
                self._refuse_if_stale(generation)
                write_file(self.path, _write_text(self.columns, head, rows), mode=0o644)
        except OSError as error:
            raise Unreachable(f"{self.path}: {error.strerror or error}") from error
        return PublishReceipt(generation.number, digest, reference=self.path.name)

    def observe(self) -> RoutingSnapshot | None:
        """Read the file and check it against its own digest."""
        try:
            text = self.path.read_text(encoding="utf-8")
            changed = datetime.fromtimestamp(self.path.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise Unreachable(f"{self.path}: {error}") from error
        return parse_text(text, self.columns, changed)[0]

    def _refuse_if_stale(self, generation: Generation) -> None:
        seen = self.observe()
        if seen is not None and seen.whole and seen.number > generation.number:
            raise Stale(f"{self.path.name} holds generation {seen.number} already")


def _write_text(columns: Sequence[str], head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow((*_HEAD, *columns))
    writer.writerows((*head, *row) for row in rows)
    return stream.getvalue()


def parse_text(text: str, columns: Sequence[str], changed: datetime) -> tuple[RoutingSnapshot, list[list[str]]]:
    """Return what a file holds, and its rows under ``columns``; no rows where it is not whole."""
    rows = list(csv.reader(io.StringIO(text)))
    if len(rows) < 2 or rows[0] != [*_HEAD, *columns]:
        return RoutingSnapshot(0, "", changed, whole=False), []
    stream, number, instant, digest = rows[1][: len(_HEAD)]
    heads = {tuple(row[: len(_HEAD)]) for row in rows[1:]}
    if not number.isdecimal():
        return RoutingSnapshot(0, "", changed, whole=False), []
    cells = [row[len(_HEAD) :] for row in rows[1:]]
    whole = len(heads) == 1 and compute_digest(stream, int(number), instant, cells) == digest
    if not whole:
        return RoutingSnapshot(int(number), digest, changed, whole=False), []
    routes = {
        (programme, place): ObservedRoute(state == "open", float(weight))
        for programme, place, state, _, weight in (row[: len(COLUMNS)] for row in cells)
    }
    return RoutingSnapshot(int(number), digest, changed, routes=routes), cells
