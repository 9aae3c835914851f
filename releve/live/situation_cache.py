"""The situation of a stream as of its last entry, folded once and cached in memory.

The cache is checked against the chain on each read: when its last entry is gone (a transaction
that was rolled back, another database), and every few minutes, everything is folded again, so that
erased values leave the memory too.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from threading import Lock

from releve.ledger import chain as ledger
from releve.ledger.erasure import ERASED
from releve.ledger.models import LedgerEntry
from releve.live.clock import LIVE, is_drill
from releve.live.models import Stream
from releve.live.plans import clear_plan_cache, operator_now
from releve.situation import (
    KINDS,
    Event,
    Situation,
    drop_retired_fields,
    empty_situation,
    event_from_json,
    fold_events,
    health_fields,
    personal_fields,
)

LONGEST_KEPT_SECONDS = 600.0
_IN_DRILLS = tuple(kind for kind in KINDS if not set(personal_fields(kind)) & set(health_fields(kind)))
"""Kinds that a drill takes over from the live stream: all but those about a person's health."""


@dataclass(frozen=True)
class _Kept:
    seq: int
    hash: str
    sites: tuple[str, ...]
    situation: Situation
    since: float


_kept: dict[str, _Kept] = {}
_lock = Lock()


def situation_now(stream: str = LIVE) -> Situation:
    """Return the situation of a stream: the same value until an event changes it.

    Two or three queries when nothing is new.
    """
    sites = tuple(site.id for site in operator_now().sites)
    place = ledger.read_head(stream)
    with _lock:
        kept = _kept.get(stream)
    if kept is None or not _is_current(kept, place, sites):
        kept = _Kept(0, "", sites, _load_start(stream, sites), time.monotonic())
        if not place.seq:
            with _lock:
                _kept[stream] = replace(kept, hash=place.hash)
    if kept.seq < place.seq:
        kept = _fold_further(stream, kept, place)
        with _lock:
            _kept[stream] = kept
    return kept.situation


def _fold_further(stream: str, kept: _Kept, place: ledger.ChainPosition) -> _Kept:
    """Fold the entries added since; fold all again where a value was erased meanwhile."""
    more = list(ledger.iter_entries(stream, kept.seq, kinds=(*KINDS, ERASED)))
    if any(row.kind == ERASED for row in more) and kept.seq:
        clear_plan_cache()
        fresh = _Kept(0, "", kept.sites, _load_start(stream, kept.sites), time.monotonic())
        return _fold_further(stream, fresh, place)
    if more and more[-1].seq > place.seq:
        place = ledger.ChainPosition(more[-1].seq, more[-1].hash)
    situation = fold_events(read_events(more), kept.situation) if more else kept.situation
    return replace(kept, seq=place.seq, hash=place.hash, situation=situation)


def clear_cache() -> None:
    with _lock:
        _kept.clear()


def read_events(rows: Iterable[ledger.StoredEntry]) -> Iterator[Event]:
    return (read_event(row) for row in rows if row.kind in KINDS)


def read_event(row: ledger.StoredEntry) -> Event:
    """Return the event of an entry; a value that was erased takes its default.

    An entry of an earlier version may have fields that its kind has lost since: they are left out.
    """
    body = {name: value for name, value in row.body.items() if name not in row.erased}
    return event_from_json(row.kind, drop_retired_fields(row.kind, body))


def _is_current(kept: _Kept, place: ledger.ChainPosition, sites: tuple[str, ...]) -> bool:
    if kept.sites != sites or time.monotonic() - kept.since > LONGEST_KEPT_SECONDS:
        return False
    if kept.seq == place.seq:
        return kept.hash == place.hash
    return kept.seq < place.seq and LedgerEntry.objects.filter(seq=kept.seq, hash=kept.hash).exists()


def _load_start(stream: str, sites: tuple[str, ...]) -> Situation:
    """Return the situation at a stream's start: empty, or for a drill the live one at that time.

    It holds no real case: participants of a drill may not see the cases.
    """
    if not is_drill(stream):
        return empty_situation(sites)
    seed = Stream.objects.values_list("seed", flat=True).get(name=stream)
    before = takewhile(lambda row: row.seq <= seed, ledger.iter_entries(LIVE, kinds=_IN_DRILLS))
    return fold_events(map(read_event, before), empty_situation(sites))
