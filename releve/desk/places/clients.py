"""What the pages of clients show: coverage now and for 48 hours, programmes, reliefs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.chart import Chart, Series, Size, draw, spark
from releve.desk.now.page import COVERED, TONES, Tone, client_now
from releve.desk.page import known
from releve.desk.places.relief_words import lost_words, source_word
from releve.desk.places.stream_context import StreamContext, when
from releve.live.api import ClientCoverage, Coverage, IdentityCache, Relief, load_day_plan
from releve.network import Client, parse_opening

__all__ = [
    "ClientPage",
    "ClientRow",
    "client_page",
    "client_rows",
    "client_twin",
    "row_twin",
]

_MOST_RELIEFS = 10
_SIZES = (
    Size("wide", 960, 300, 44, 22, 14, 30, 3),
    Size("narrow", 360, 230, 34, 16, 12, 28, 12),
)
_STATES = {
    "unknown": lazy("not known"),
    "missed": lazy("short now"),
    "thin": lazy("short within 48 hours"),
    "held": lazy("covered for 48 hours"),
}
_KINDS = {
    "inbound": lazy("inbound calls"),
    "outbound": lazy("outbound calls"),
    "back_office": lazy("back office"),
}


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client in the list; ``spark`` holds paths of covered, missing and required."""

    id: str
    name: str
    url: str
    tone: Tone
    word: str
    now: str
    worst: str
    missing: str
    spark: tuple[str, str, str] | None


@dataclass(frozen=True, slots=True)
class CoverageHalfHour:
    """A row of the figures."""

    clock: str
    required: str
    covered: str
    share: str
    short: bool


@dataclass(frozen=True, slots=True)
class ReliefLine:
    """A relief as one client is concerned by it."""

    generation: int
    source: str
    when: str
    lost: str
    people: str
    in_force: bool


@dataclass(frozen=True, slots=True)
class ClientPage:
    """One client."""

    row: ClientRow
    charts: tuple[Chart, ...]
    title: str
    description: str
    reach: str
    halves: tuple[CoverageHalfHour, ...]
    programmes: tuple[tuple[str, str, str], ...]
    reliefs: tuple[ReliefLine, ...]


def client_rows(
    now: StreamContext, found: Coverage | None, clients: Sequence[Client]
) -> tuple[ClientRow, ...]:
    """Return clients as the list shows them, those short now first."""
    if found is None:
        rows = [_build_row(now, client, None, ()) for client in clients]
    else:
        sources = (now.operator, found.clients)
        drawn = _drawn.get(now.text, sources, lambda: _draw_bands(now, found))
        rows = [drawn[client.id] for client in clients]
    return tuple(sorted(rows, key=lambda row: TONES.index(row.tone)))


_drawn: IdentityCache[Mapping[str, ClientRow]] = IdentityCache()
"""By language and zone: the rows of every client, for as long as their coverage is the same."""


def _draw_bands(now: StreamContext, found: Coverage) -> Mapping[str, ClientRow]:
    known = {row.client: row for row in found.clients}
    return {
        client.id: _build_row(now, client, known.get(client.id), found.starts)
        for client in now.operator.clients
    }


def _build_row(
    now: StreamContext, client: Client, found: ClientCoverage | None, starts: Sequence[Any]
) -> ClientRow:
    text = now.text
    worst = ""
    if found is not None and found.worst is not None and found.worst_at is not None:
        worst = _("{coverage}, {time}").format(
            coverage=text.coverage(found.worst), time=when(found.worst_at, text)
        )
    tone = client_now(client, found).state
    return ClientRow(
        client.id,
        client.name,
        reverse("client", args=[client.id]),
        tone,
        str(_STATES[tone]),
        "–" if found is None or found.now is None else text.coverage(found.now),
        worst or "–",
        "–" if found is None or found.worst is None else text.missing(found.missing),
        None if found is None or not starts else spark(_build_series(found, tuple(starts))),
    )


def _build_series(found: ClientCoverage, starts: tuple[Any, ...]) -> Series:
    return Series(
        starts,
        found.required,
        found.covered,
        found.required - found.covered,
        np.zeros(len(starts)),
    )


def client_page(now: StreamContext, found: Coverage | None, client: Client) -> ClientPage:
    """Return the page of a client."""
    own = _find_own(found, client)
    starts = found.starts if found is not None else ()
    (row,) = client_rows(now, found, [client])
    series = _build_series(own, starts) if own is not None and starts else None
    programmes = [item for item in now.operator.programmes if item.client == client.id]
    return ClientPage(
        row,
        () if series is None else tuple(draw(series, size, now.text) for size in _SIZES),
        _("Coverage of {client}, the next 48 hours").format(client=client.name),
        _describe_chart(now, own, row),
        _describe_reach(now, found),
        tuple(_list_half_hours(now, own, starts)),
        tuple(
            (item.name, str(_KINDS[item.kind]), now.text.opening(parse_opening(item.opening)))
            for item in programmes
        ),
        tuple(_iter_reliefs(now, frozenset(item.id for item in programmes))),
    )


def _find_own(found: Coverage | None, client: Client) -> ClientCoverage | None:
    rows = found.clients if found is not None else ()
    return next((row for row in rows if row.client == client.id), None)


def _describe_chart(now: StreamContext, own: ClientCoverage | None, row: ClientRow) -> str:
    if own is None or own.worst is None:
        return _("Nothing is required in the hours that the plan in force reaches.")
    if own.worst >= COVERED:
        return _("What is required is covered in every half hour.")
    return _("At worst {worst}; {missing} of what is required is missing.").format(
        worst=row.worst, missing=row.missing
    )


def _describe_reach(now: StreamContext, found: Coverage | None) -> str:
    if found is None:
        return _("No plan is in force.")
    if found.planned_from is not None:
        return _("The plan in force begins on {start}.").format(
            start=when(found.planned_from, now.text)
        )
    if found.planned_until is None:
        return _("The plan in force is over.")
    return _("From {start}; the plan in force reaches to {end}.").format(
        start=when(now.at, now.text), end=when(found.planned_until, now.text)
    )


def _list_half_hours(
    now: StreamContext, own: ClientCoverage | None, starts: Sequence[Any]
) -> Iterable[CoverageHalfHour]:
    if own is None:
        return
    for at, start in enumerate(starts):
        if own.required[at] <= 0:
            continue
        share = float(own.share[at])
        yield CoverageHalfHour(
            f"{now.text.short_day(start.date())} {now.text.clock(start)}",
            now.text.number(float(own.required[at]), 1),
            now.text.number(float(own.covered[at]), 1),
            now.text.coverage(share),
            share < COVERED,
        )


def _iter_reliefs(now: StreamContext, programmes: frozenset[str]) -> Iterable[ReliefLine]:
    """Yield the reliefs that change who works for some programmes, the newest first."""
    rows = Relief.objects.filter(stream=now.stream).select_related("activation")
    for at, relief in enumerate(rows.prefetch_related("days")[:_MOST_RELIEFS]):
        touched: set[str] = set()
        for day in relief.days.all():
            before = _load_programmes(day.plan_id, relief.activation.version)
            touched |= _find_affected_agents(day.changes, before, programmes)
        if touched or at == 0:
            people = ngettext(
                "{count} person works differently for it",
                "{count} people work differently for it",
                len(touched),
            ).format(count=now.text.number(len(touched)))
            yield ReliefLine(
                relief.generation,
                source_word(relief.source),
                when(relief.made_at, now.text),
                lost_words(relief, now.operator, now.text),
                people,
                at == 0,
            )


def _find_affected_agents(
    changes: Mapping[str, Sequence[Any]], before: Mapping[str, str], programmes: frozenset[str]
) -> set[str]:
    """Return who works for the programmes before or after, and differently."""
    return {
        agent
        for agent, (_reason, placed) in changes.items()
        if before.get(agent) in programmes or (placed is not None and placed[1] in programmes)
    }


@lru_cache(maxsize=16)
def _load_programmes(digest: str, version: int) -> Mapping[str, str]:
    return {row.agent: row.programme for row in load_day_plan(digest, version).plan.placements}


def row_twin(client: Client, found: Coverage | None) -> dict[str, Any]:
    """Return a client of the list as JSON; unknown values are null."""
    row = client_now(client, _find_own(found, client))
    return row.model_dump(include={"client", "name", "now", "worst", "worst_at", "missing"})


def client_twin(client: Client, found: Coverage | None, page: ClientPage) -> dict[str, Any]:
    """Return a client's page as JSON."""
    own = _find_own(found, client)
    starts = found.starts if found is not None and own is not None else ()
    return {
        **row_twin(client, found),
        "half_hours": [
            {
                "start": start,
                "required": float(own.required[at]),
                "covered": float(own.covered[at]),
                "share": known(own.share[at]),
            }
            for at, start in enumerate(starts)
            if own is not None
        ],
        "reliefs": [
            {"generation": line.generation, "in_force": line.in_force} for line in page.reliefs
        ],
    }
