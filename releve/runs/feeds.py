"""Feeds: folders to which other systems write tables, rosters, schedules and intervals; what came, and what did not.

``RELEVE_FEEDS`` (``feeds`` in the home) holds a folder a feed, with a ``feed.toml``. A file counts as complete once it
has not changed for a while. It is kept as a version by the name of its feed, or not at all: then yesterday's data
stay. Then it is moved to ``done``, ``held`` or ``refused`` beside a text of its faults. What became of a file is stored
in the transaction of its version, so that a worker killed at any instant neither loses nor repeats it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from errno import ENOTDIR
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from releve import environment
from releve.accounts.notices import announce_feed
from releve.erasure import Findings
from releve.errors import Phrase, encode_phrase, read_reason
from releve.files.atomic import write_file
from releve.live import api as live
from releve.network import Operator
from releve.network.folder_reader import zip_operator
from releve.network.moments import zone
from releve.network.opening_hours import parse_opening
from releve.registry.blocks import MOST_BYTES
from releve.registry.models import Upload
from releve.registry.service import apply_changes, get_current_version, load_operator
from releve.registry.tables import KINDS, Conflict, NotThere
from releve.registry.uploads import store_upload
from releve.runs.feed_reader import CALLS, OPERATOR, SCHEDULES, FeedReading, FileFeed, read_feed_file, write_reading
from releve.runs.job_store import RunError, StillReading, TooManyJobs
from releve.runs.models import FeedFile

SETTLED_SECONDS = 60.0
"""A file that has not changed for so long is complete."""
LATE_AFTER = timedelta(minutes=10)
"""After the end of the time in which a file was expected: the one that came last is read by then."""
KEPT = timedelta(days=30)
"""How long files that were read stay, and what became of them."""
SOURCE = "feed.toml"
FAILED = ("held", "refused", "missing")
_PLACES = ("done", "held", "refused")
_PARTIAL = (".part", ".partial", ".filepart", ".tmp", ".crdownload")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ORDER = (OPERATOR, *(name for name in KINDS if name != OPERATOR), SCHEDULES, CALLS)
"""Feeds are read in this order, so that a night's agents are there before their roster."""
_log = logging.getLogger("releve.runs")
_seen: dict[Path, tuple[tuple[int, ...], float]] = {}


def find_feeds_folder() -> Path:
    """Return the folder of the feeds: ``feeds`` in the home, or as set."""
    named = environment.read_text(os.environ, "RELEVE_FEEDS")
    return Path(named) if named else Path(settings.HOME) / "feeds"


def load_feed(name: str) -> FileFeed:
    """Return a feed by its name; NotThere where there is none, RunError where its ``feed.toml`` is wrong."""
    folder = find_feeds_folder() / name
    if not _NAME.fullmatch(name) or not (folder / SOURCE).is_file():
        raise NotThere(Phrase("there is no feed {0!r}", name))
    text = (folder / SOURCE).read_text("utf-8", "replace")
    try:
        found: dict[str, Any] = tomllib.loads(text)
        holds, expected = found.pop("holds", ""), found.pop("expected", "")
        most = found.pop("most_removed", 0.1)
        if found:
            raise ValueError(Phrase("{0!r} is not known", next(iter(found))))
        if holds not in _ORDER:
            raise ValueError(Phrase("holds must be one of {0}", ", ".join(_ORDER)))
        if isinstance(most, bool) or not isinstance(most, int | float) or not 0 <= most <= 1:
            raise ValueError(Phrase("most_removed must be a share from 0 to 1"))
        return FileFeed(name, folder, holds, float(most), parse_opening(expected) if expected else None, expected)
    except (ValueError, TypeError) as error:
        raise RunError(Phrase("{0}/{1}: {2}", name, SOURCE, read_reason(error))) from error


def list_feed_names() -> list[str]:
    """Return the names of the folders that are feeds."""
    return sorted(
        path.parent.name for path in find_feeds_folder().glob(f"*/{SOURCE}") if _NAME.fullmatch(path.parent.name)
    )


def follow_feeds(now: datetime) -> bool:
    """Take every complete file of the feeds in their order, and note what did not come; return whether to look again
    soon. A due job.

    While a file of a feed is being written or read, those after it wait.
    """
    names = list_feed_names()
    version = get_current_version() if names else None
    if version is None:
        return False
    feeds = []
    for name in names:
        try:
            feeds.append(load_feed(name))
        except RunError as error:
            _note(name, f"{SOURCE}: {error}", "refused", now, read_reason(error))
    feeds.sort(key=lambda feed: (_ORDER.index(feed.holds), feed.name))
    busy = any(not _take_files(feed, now) for feed in feeds)  # the first that waits ends it
    for feed in feeds:
        _note_missing(feed, load_operator(version), now)
    return busy


def _take_files(feed: FileFeed, now: datetime) -> bool:
    """Take the complete files of a feed; return whether it has no other."""
    paths = [path for path in feed.folder.iterdir() if not _is_partial(path.name)]
    own = [path for path in paths if path.is_file() and not path.is_symlink()]  # a link could lead to any file
    for path in sorted(own, key=lambda path: (path.stat().st_mtime_ns, path.name)):
        if not _is_settled(path):
            return False
        try:
            _take_path(feed, path, now)
        except (StillReading, TooManyJobs, Conflict, IntegrityError) as error:
            _log.info("feed %s: %s waits: %s", feed.name, path.name, error)
            return False
        except OSError as error:  # it was moved away, or may not be read or moved
            _log.warning("feed %s: %s: %s", feed.name, path.name, error.strerror or error)
    return True


def _is_partial(name: str) -> bool:
    return name == SOURCE or name.startswith(".") or name.endswith("~") or name.lower().endswith(_PARTIAL)


def _is_settled(path: Path) -> bool:
    """Return whether a file has not changed for a while, by this process's own clock."""
    found = path.stat()
    stamp = (found.st_size, found.st_mtime_ns, found.st_ctime_ns)
    if path not in _seen or _seen[path][0] != stamp:
        _seen[path] = stamp, time.monotonic()
    return time.monotonic() - _seen[path][1] >= SETTLED_SECONDS


def _take_path(feed: FileFeed, path: Path, now: datetime) -> None:
    """Keep what a file holds, once: one that was read before a kill is moved alone."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as opened:  # a link may have taken its place
        found = os.fstat(opened.fileno())
        data = opened.read() if found.st_size <= MOST_BYTES else b""
    stamp = f"{datetime.fromtimestamp(found.st_mtime, now.tzinfo):%Y%m%dT%H%M%S}"
    key = hashlib.sha256(f"{path.name}\n{found.st_size}\n{found.st_ctime_ns}\n".encode() + data).hexdigest()
    row = FeedFile.objects.filter(feed=feed.name, key=key).first()
    if row is None:
        reading = None
        if len(data) != found.st_size:
            said = Phrase("the file is larger than {0} MB", MOST_BYTES // 1024**2)
            reading = FeedReading("refused", said)
        row = _store(feed, path.name, data, key, stamp, f"feed:{feed.name}", now, reading)
    _make_place(feed, row.file)
    path.replace(feed.folder / row.file)
    _seen.pop(path, None)


def take_bytes(feed: FileFeed, name: str, data: bytes, key: str, by: str, now: datetime) -> FeedFile:
    """Keep what a file holds that was sent, as one that was put into the folder; ``key`` names it for its sender."""
    key = hashlib.sha256(f"{by}\n{key}".encode()).hexdigest()
    return _store(feed, name, data, key, f"{now:%Y%m%dT%H%M%S}", by, now, None, sent=True)


def find_sent(feed: FileFeed, key: str, by: str) -> FeedFile | None:
    """Return what became of a file that was sent under a key before."""
    return FeedFile.objects.filter(feed=feed.name, key=hashlib.sha256(f"{by}\n{key}".encode()).hexdigest()).first()


def _store(
    feed: FileFeed,
    name: str,
    data: bytes,
    key: str,
    stamp: str,
    by: str,
    now: datetime,
    reading: FeedReading | None,
    *,
    sent: bool = False,
) -> FeedFile:
    """Read a file and store what became of it with its version; the text of its faults is there before."""
    reading = reading or read_feed_file(feed, name, data, by, live.operator_now())
    place = reading.state if reading.state in _PLACES else "done"
    file = f"{place}/{stamp}-{key[:8]}-{name}"
    _make_place(feed, file)
    if reading.reason:
        write_file(feed.folder / f"{file}.txt", write_reading(reading))
    if sent:
        write_file(feed.folder / file, data)
    changes = reading.changes
    values = {"name": name[:200], "digest": hashlib.sha256(data).hexdigest(), "file": file, "by": by}
    with transaction.atomic():
        version = None
        if reading.state == "kept" and changes is not None:
            version = apply_changes(changes, by, f"feed {feed.name}", source=name[:200]).number
        row = _note(feed.name, key, reading.state, now, reading.reason, version=version,
                    changes=changes.counts() if changes else {}, **values)  # fmt: skip
        if row.state not in FAILED:
            alike = [one.pk for one in FeedFile.objects.filter(feed=feed.name, open=True)
                     if one.name in ("", row.name) or _strip(one.name) == _strip(row.name)]  # fmt: skip
            FeedFile.objects.filter(pk__in=alike).update(open=False)
    return row


def _make_place(feed: FileFeed, file: str) -> None:
    place = (feed.folder / file).parent
    place.mkdir(exist_ok=True)
    if place.is_symlink():
        raise NotADirectoryError(ENOTDIR, "is a link", str(place))


def _strip(name: str) -> str:
    return re.sub(r"\d+", "", name)


def _note(feed: str, key: str, state: str, now: datetime, reason: str, **values: Any) -> FeedFile:
    """Store what became of a feed, once by its key; of a failure those who keep the registry are mailed."""
    made = {"state": state, "at": now, "reason": encode_phrase(reason), "open": state in FAILED, **values}
    key = key if len(key) == 64 else hashlib.sha256(key.encode()).hexdigest()
    row, new = FeedFile.objects.get_or_create(feed=feed, key=key, defaults=made)
    if new and row.open:
        announce_feed(feed, state)
    return row


def _note_missing(feed: FileFeed, operator: Operator, now: datetime) -> None:
    """Note once that no file came in the hours of a day in which one was expected."""
    if feed.expected is None:
        return
    local = now.astimezone(zone(operator.row.time_zone))
    for day in (local.date(), local.date() - timedelta(days=1)):
        for first, last in feed.expected.days[day.weekday()]:
            midnight = datetime.combine(day, datetime.min.time(), local.tzinfo)
            start, end = ((midnight + timedelta(minutes=minute)).astimezone(UTC) for minute in (first, last))
            known = datetime.fromtimestamp((feed.folder / SOURCE).stat().st_mtime, now.tzinfo) < start
            came = FeedFile.objects.filter(feed=feed.name, at__gte=start).exclude(state="missing").exists()
            if known and not came and now >= end + LATE_AFTER:
                _note(feed.name, f"missing {start.isoformat()}", "missing", now, Phrase("no file came"))


def open_file(number: int, by: str) -> tuple[str, Upload]:
    """Return what the feed of a held file holds, and the file as an upload of the user who looks at it."""
    row = FeedFile.objects.filter(pk=number, state="held").first()
    if row is None:
        raise NotThere(Phrase("this file is no longer there"))
    feed = load_feed(row.feed)
    try:
        data = (feed.folder / row.file).read_bytes()
    except OSError as error:
        raise NotThere(Phrase("this file is no longer there")) from error
    version, name = get_current_version(), row.name
    if feed.holds in KINDS and feed.holds != OPERATOR:
        reading = read_feed_file(feed, name, data, by, live.operator_now())
        if reading.operator is None:
            raise NotThere(Phrase("this file cannot be kept as the data are now: {0}", reading.reason))
        name, data = f"{name}.zip", zip_operator(reading.operator, "en", row.at)
    FeedFile.objects.filter(pk=row.pk).update(open=False, closed_by=by)
    return feed.holds, store_upload(name, data, by, version.number if version else None)


def close_file(number: int, by: str) -> None:
    """Take a failure off the list: no person has to look at it any more."""
    FeedFile.objects.filter(pk=number, open=True).update(open=False, closed_by=by)


def count_open_files() -> int:
    """Return how many files, or files that did not come, a person has to look at."""
    return FeedFile.objects.filter(open=True).count()


def read_fault_lines(row: FeedFile) -> tuple[str, ...]:
    """Return the text beside a file, without its first line; nothing where it is gone."""
    path = find_feeds_folder() / row.feed / f"{row.file}.txt"
    try:
        return tuple(path.read_text("utf-8").splitlines()[1:]) if row.file else ()
    except OSError:
        return ()


def _list_read_files() -> Iterator[Path]:
    for place in _PLACES:
        yield from find_feeds_folder().glob(f"*/{place}/*")


class FeedData:
    """Files that feeds brought and that were read: which agents they name is not known without reading them."""

    name = "feeds"
    tables: Sequence[str] = ()

    def find(self, agent: str) -> Findings:
        return Findings({"files": sum(agent.encode() in path.read_bytes() for path in _list_read_files())})

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        return {"files": [str(path.name) for path in _list_read_files() if agent.encode() in path.read_bytes()]}

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        """Remove them all, as uploads that wait: what they brought is in the registry, a held one comes again."""
        paths = list(_list_read_files())
        for path in paths:
            path.unlink(missing_ok=True)
        return {"files": len(paths)}

    def erase_due(self, now: datetime) -> int:
        paths = [path for path in _list_read_files() if path.stat().st_ctime < (now - KEPT).timestamp()]
        for path in paths:
            path.unlink(missing_ok=True)
        return len(paths) + FeedFile.objects.filter(at__lt=now - KEPT).delete()[0]
