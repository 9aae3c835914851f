"""What is wrong with the house itself, which no effect meets: disk, clock, certificate, backup, partner.

The worker looks each time that it reports itself, stores what it finds beside its report, so that every page and
probe can show it, and alarms the person on call as for a path that fails (:mod:`releve.live.path_faults`).
"""

from __future__ import annotations

import shutil
import socket
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from django.conf import settings

from releve.files.backup_notes import find_backup_due, read_backup_notes
from releve.live.due_jobs import list_failing_jobs
from releve.live.path_faults import FAILING_AFTER, PathFault

LOW_FREE_BYTES = 10**9
"""Space for days, not for weeks: the message still finds room, and what is stored too."""
CERTIFICATE_LEFT = timedelta(days=14)
"""Services renew a certificate well before: one that ends so soon was not renewed."""
MOST_CLOCK_STEP = timedelta(seconds=10)
"""A time service corrects less than this while it runs; the rest is a clock that was wrong."""
CERTIFICATE_SECONDS = 30.0
HOUSE_FAULTS: Final = ("disk", "clock", "certificate", "backup", "partner")
_TIMEOUT_SECONDS = 5.0


def read_certificate_end(url: str) -> datetime | None:
    """Return when the certificate at an https address ends, signed by anyone; None for another address.

    OSError where no certificate can be had.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # one that has ended is to be read too
    address = (parts.hostname, parts.port or 443)
    with (
        socket.create_connection(address, _TIMEOUT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=parts.hostname) as opened,
    ):
        found = opened.getpeercert(binary_form=True)
    return x509.load_der_x509_certificate(found).not_valid_after_utc if found else None


class HouseWatch:
    """What one worker has seen: the desk's certificate, and since when each fault lasts."""

    def __init__(self) -> None:
        self._ends: datetime | None = None
        self._since: dict[str, datetime] = {}

    def look_at_certificate(self) -> None:
        """Read when the desk's certificate ends; one that cannot be had leaves the last answer as it is."""
        try:
            self._ends = read_certificate_end(settings.DESK_URL) if settings.DESK_URL_IS_SET else None
        except OSError:
            return

    def find_faults(self, now: datetime, clock_moved: timedelta) -> tuple[PathFault, ...]:
        """Return what is wrong, each with its cause in no language: a time, a size, a name."""
        found = [*self._find_faults(now, clock_moved)]
        self._since = {fault.path: self._since.get(fault.path, fault.since) for fault in found}
        return tuple(PathFault(one.path, self._since[one.path], 0, one.cause) for one in found)

    def _find_faults(self, now: datetime, clock_moved: timedelta) -> Iterator[PathFault]:
        free = shutil.disk_usage(settings.HOME).free
        if free < LOW_FREE_BYTES:
            yield PathFault("disk", now, 0, f"{free / 1e9:.2f} GB")
        if abs(clock_moved) > MOST_CLOCK_STEP:
            yield PathFault("clock", now, 0, f"{clock_moved.total_seconds():+.0f} s")
        if self._ends is not None and self._ends - now < CERTIFICATE_LEFT:
            host = urlsplit(settings.DESK_URL).hostname
            yield PathFault("certificate", self._ends - CERTIFICATE_LEFT, 0, f"{host}, {self._ends:%Y-%m-%d %H:%M} UTC")
        if settings.BACKUP_TO and (due := find_backup_due(settings.HOME)) <= now:
            made_at = read_backup_notes(settings.HOME).made_at
            yield PathFault("backup", due, 0, "–" if made_at is None else f"{made_at:%Y-%m-%d %H:%M} UTC")
        for path, since, cause in list_failing_jobs():
            if now - since >= FAILING_AFTER:
                yield PathFault(path, since, 0, cause)


def encode_faults(faults: Iterable[PathFault]) -> list[dict[str, str]]:
    """Return faults as a worker's report holds them."""
    return [{"path": one.path, "since": one.since.isoformat(), "cause": one.cause} for one in faults]


def merge_faults(reports: Iterable[Sequence[Mapping[str, Any]]]) -> tuple[PathFault, ...]:
    """Return the faults of the reports of all workers that run, each once, since the earliest."""
    found: dict[str, PathFault] = {}
    for row in (row for report in reports for row in report):
        fault = PathFault(row["path"], datetime.fromisoformat(row["since"]), 0, row["cause"])
        if fault.path not in found or fault.since < found[fault.path].since:
            found[fault.path] = fault
    return tuple(sorted(found.values(), key=lambda fault: fault.since))
