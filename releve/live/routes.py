"""Routes of calls computed from placements, and the effect "publish" that hands them over.

Routes follow the people present from one half hour to the next; a programme without agents at the
moment takes the routes of the next half hour that has some.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from releve.ledger import chain as ledger
from releve.live.clock import is_drill, real_now
from releve.live.effect_handlers import PermanentFailure, register_handler
from releve.live.effect_queue import OUTSIDE, EffectOutcome, NewEffect, queue_effects
from releve.live.lost_places import find_loss
from releve.live.models import Effect, Relief, Routes
from releve.live.stream_state import Scene, load_scene
from releve.network import HOME, Operator
from releve.plan import Placement
from releve.routing import (
    Adapter,
    Generation,
    Route,
    Stale,
    Unreachable,
    build_adapters,
    compute_shares,
)
from releve.routing.file_csv import FileCsv

__all__ = [
    "compute_routes",
    "list_adapters",
    "publication_keys",
    "publish_routes",
    "refresh_routes",
    "store_routes",
]


def compute_routes(scene: Scene) -> dict[str, tuple[Route, ...]]:
    """Return the routes of every programme from the scene's instant on."""
    if not scene.days:
        return {}
    operator = scene.day_plan(scene.days[0]).operator
    closed = find_loss(scene.situation, scene.at).sites
    people = _people_ahead(scene, operator)
    return {
        programme.id: compute_shares(
            people.get(programme.id, {}),
            closed & _list_places(operator, programme.allowed_destinations),
        )
        for programme in operator.programmes
    }


def _people_ahead(scene: Scene, operator: Operator) -> dict[str, Mapping[str, float]]:
    """Return effective agents by programme and place, of the first day that has any left."""
    found: dict[str, Mapping[str, float]] = {}
    for day in scene.days:
        by_programme: dict[str, list[Placement]] = defaultdict(list)
        for row in scene.list_placements(day):
            if row.programme not in found and row.end > scene.at:
                by_programme[row.programme].append(row)
        found |= {
            name: _count_agents(rows, operator, scene.at) for name, rows in by_programme.items()
        }
        if len(found) == len(operator.programmes):
            break
    return found


def _list_places(operator: Operator, destinations: Sequence[str]) -> frozenset[str]:
    return frozenset(
        site.id for site in operator.sites if not destinations or site.destination in destinations
    )


def _count_agents(
    rows: Sequence[Placement], operator: Operator, at: datetime
) -> Mapping[str, float]:
    """Return effective agents by place: those at work, or else the next to start."""
    found = [row for row in rows if _at_work(row, at)]
    if not found:
        begin = min((row.start for row in rows if row.start > at), default=None)
        found = [row for row in rows if row.start == begin]
    people: dict[str, float] = defaultdict(float)
    for row in found:
        at_home = row.place == HOME
        people[row.place] += operator.programme[row.programme].home_efficiency if at_home else 1.0
    return people


def _at_work(row: Placement, at: datetime) -> bool:
    on_break = (
        row.break_start is not None
        and row.break_end is not None
        and row.break_start <= at < row.break_end
    )
    return row.start <= at < row.end and not on_break


def store_routes(stream: str, relief: Relief | None) -> Routes | None:
    """Store the routes of a stream as they are now, and queue their publication.

    Inside the caller's transaction, under the lock of the ledger's head. None when the last routes
    are equal: the relief then counts as published when they are.
    """
    scene = load_scene(stream)
    last = Routes.objects.filter(stream=stream).first()
    if scene is None:
        return None
    number = last.number + 1 if last else 1
    found = Generation(stream, number, scene.at, compute_routes(scene))
    if not found.routes or (last is not None and last.content == found.content):
        if relief is not None:
            _inherit_publication(relief, last)
        return None
    row = Routes.objects.create(
        stream=stream,
        number=number,
        relief=relief,
        valid_from=scene.at,
        made_at=real_now(),
        content=found.content,
        body={
            name: [[one.place, one.open, one.people, one.weight] for one in routes]
            for name, routes in found.routes.items()
        },
    )
    queue_effects(_build_publish_effects(row))
    return row


def refresh_routes(scene: Scene) -> None:
    """Publish again if people came, left or moved since the last routes of the scene's stream."""
    if not scene.days:
        return
    last = Routes.objects.filter(stream=scene.stream).values_list("content", flat=True).first()
    if last != Generation(scene.stream, 1, scene.at, compute_routes(scene)).content:
        with transaction.atomic():
            ledger.lock_head()
            store_routes(scene.stream, None)


def publication_keys(relief: Relief) -> list[str]:
    """Return the keys of the effects that publish a relief's routes."""
    return [
        todo.key
        for row in Routes.objects.filter(relief=relief)
        for todo in _build_publish_effects(row)
    ]


def _build_publish_effects(row: Routes) -> list[NewEffect]:
    return [
        NewEffect(
            row.stream,
            OUTSIDE,
            "publish",
            f"publish:{row.stream}:{row.number}:{adapter.name}",
            {"routes": row.pk, "adapter": adapter.name},
        )
        for adapter in list_adapters(row.stream)
    ]


def list_adapters(stream: str) -> tuple[Adapter, ...]:
    """Return the adapters of a stream; a drill's routes go to a file of its own."""
    if is_drill(stream):
        return (FileCsv(settings.HOME / "drills" / stream.partition(":")[2] / "routes.csv"),)
    return build_adapters(os.environ, settings.HOME)


@register_handler("publish")
def publish_routes(effect: Effect) -> EffectOutcome:
    """Hand routes over and read them back, unless a newer generation has overtaken them."""
    row = Routes.objects.get(pk=effect.body["routes"])
    if _is_overtaken(row):
        return EffectOutcome({"skipped": "overtaken"}, store=lambda: _note_published(effect, row))
    adapter = next(one for one in list_adapters(row.stream) if one.name == effect.body["adapter"])
    try:
        done = adapter.publish(_load_generation(row), key=effect.key)
        seen = adapter.read_back()
    except Stale as error:
        if not _is_overtaken(row):  # a newer one that is none of ours: an older database, put back
            raise PermanentFailure(
                f"{error}, which is not known here: remove it there, then retry"
            ) from error
        return EffectOutcome({"skipped": "overtaken"}, store=lambda: _note_published(effect, row))
    if seen is not None and (seen.number, seen.digest, seen.whole) != (
        row.number,
        done.digest,
        True,
    ):
        raise Unreachable(f"{adapter.name} holds generation {seen.number}, not {row.number}")
    body = {
        "routes": row.number,
        "adapter": adapter.name,
        "digest": done.digest,
        "read_back": seen is not None,
    }
    return EffectOutcome(
        {"digest": done.digest, "reference": done.reference},
        (("routing.published", body),),
        store=lambda: _note_published(effect, row),
    )


def _is_overtaken(row: Routes) -> bool:
    return Routes.objects.filter(stream=row.stream, number__gt=row.number).exists()


def _load_generation(row: Routes) -> Generation:
    routes = {name: [Route(*one) for one in rows] for name, rows in row.body.items()}
    return Generation(row.stream, row.number, row.valid_from, routes)


def _note_published(effect: Effect, row: Routes) -> None:
    """Mark a relief as published once the last adapter has its routes."""
    row.refresh_from_db(fields=["relief"])
    if row.relief is not None and not _list_unpublished(row).exclude(pk=effect.pk).exists():
        _set_published(row.relief)


def _list_unpublished(row: Routes) -> QuerySet[Effect]:
    keys = [todo.key for todo in _build_publish_effects(row)]
    return Effect.objects.filter(key__in=keys).exclude(state=Effect.DONE)


def _inherit_publication(relief: Relief, last: Routes | None) -> None:
    """Let a relief that changes no route count as published when the last routes are."""
    if last is not None and _list_unpublished(last).exists():
        Routes.objects.filter(pk=last.pk).update(relief=relief)
    else:
        _set_published(relief)


def _set_published(relief: Relief) -> None:
    older = Relief.objects.filter(stream=relief.stream, generation__lte=relief.generation)
    older.filter(published_at=None).update(published_at=real_now())
