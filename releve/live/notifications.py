"""The effect "notify": the messages about a relief.

Agents whose shifts of the days ahead differ from their last notification receive one message; so do
the managers of their sites, and the clients. A first answer sends no message, since its optimum is
about to replace it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from releve.live.coverage import compute_scene_coverage
from releve.live.effect_handlers import register_handler
from releve.live.effect_queue import OUTSIDE, EffectOutcome, NewEffect
from releve.live.lost_places import NO_LOSS, Loss
from releve.live.models import Effect, Message, Relief, ReliefDay
from releve.live.stream_state import Scene, build_change, list_working, load_scene
from releve.network import HOME
from releve.plan import Placement

__all__ = ["build_send_effect", "notify"]

_Shifts = dict[str, dict[date, Placement]]
"""By agent and day."""


@register_handler("notify")
def notify(effect: Effect) -> EffectOutcome:
    """Write the messages of a relief and queue them, unless a newer relief replaces it."""
    relief = Relief.objects.get(pk=effect.body["relief"])
    newest = Relief.objects.filter(stream=relief.stream).first()
    scene = load_scene(relief.stream)
    if newest != relief or scene is None or not scene.days:
        return EffectOutcome({"skipped": "overtaken"})
    messages = list(_MessageBuilder(scene, relief).build_messages())
    roles = [message.role for message in messages]
    counts = {role: roles.count(role) for role in ("agent", "manager", "client")}

    def store() -> None:
        agents = [message.who for message in messages if message.role == "agent"]
        older = Message.objects.filter(stream=relief.stream, role="agent", acknowledged_at=None)
        older.filter(who__in=agents).update(due_at=None)  # the new message takes its place
        Message.objects.bulk_create(messages, ignore_conflicts=True, batch_size=500)
        Relief.objects.filter(pk=relief.pk).update(notified=True)

    return EffectOutcome(
        counts,
        (("people.notified", {"generation": relief.generation, **counts}),),
        tuple(build_send_effect(message) for message in messages),
        store,
    )


def build_send_effect(message: Message) -> NewEffect:
    """Return the effect that sends a message to the address of its rank."""
    key = f"send:{message.pk}:{message.rank}"
    body = {"message": str(message.pk), "rank": message.rank}
    return NewEffect(message.stream, OUTSIDE, "send", key, body)


@dataclass(frozen=True)
class _LastNotified:
    """The shifts of the last notification, and the losses at that time."""

    shifts: _Shifts
    lost: Mapping[date, Loss]


class _MessageBuilder:
    """Compare the shifts of the last notification with those in force, and write messages."""

    def __init__(self, scene: Scene, relief: Relief) -> None:
        self._scene, self._relief = scene, relief
        first = scene.day_plan(scene.days[0])
        self._operator, self._plan = first.operator, first.plan
        self._before = _load_last_notified(scene)
        self._after = {day: scene.list_placements(day) for day in scene.days}
        self._shifts = _group_by_agent(self._after)

    def build_messages(self) -> Iterator[Message]:
        """Yield the messages to agents, managers and clients."""
        changed = self._find_changed_days()
        for agent, days in sorted(changed.items()):
            about = {"shifts": [self._describe_shift(agent, day) for day in days]}
            yield self._build_message("agent", agent, self._operator.agent[agent].home_site, about)
        yield from self._build_manager_messages(changed)
        for row in compute_scene_coverage(self._scene).clients if changed else ():
            worst = None if row.worst is None else int(100 * row.worst)
            yield self._build_message("client", row.client, "", {"worst": worst})

    def _find_changed_days(self) -> dict[str, list[date]]:
        """Return the days to notify each agent of; absent agents receive no message."""
        out: dict[str, list[date]] = {}
        for agent in {*self._before.shifts, *self._shifts} - set(self._scene.absent):
            before = self._before.shifts.get(agent, {})
            after = self._shifts.get(agent, {})
            days = [day for day in self._scene.days if self._changes_ahead(before, after, day)]
            if days:
                out[agent] = days
        for day in self._scene.days:
            for agent in self._list_affected_reserve(day):
                if agent not in self._scene.absent:
                    out.setdefault(agent, []).append(day)
        return {agent: sorted(set(days)) for agent, days in out.items()}

    def _changes_ahead(
        self, before: Mapping[date, Placement], after: Mapping[date, Placement], day: date
    ) -> bool:
        rows = [row for row in (before.get(day), after.get(day)) if row is not None]
        ahead = any(row.end > self._scene.at for row in rows)
        return ahead and before.get(day) != after.get(day)

    def _list_affected_reserve(self, day: date) -> list[str]:
        """Return agents in reserve on a day whose own site closed or reopened since then."""
        now, then = self._scene.wanted[day].sites, self._before.lost[day].sites
        other = now ^ then
        if not other:
            return []
        return [
            agent
            for agent in self._scene.day_plan(day).plan.reserve
            if self._operator.agent[agent].home_site in other
            and day not in self._shifts.get(agent, {})
        ]

    def _describe_shift(self, agent: str, day: date) -> dict[str, Any]:
        """Return what a message says of a day; ``row`` is the placement, for the calendar."""
        row = self._shifts.get(agent, {}).get(day)
        own = self._operator.agent[agent].home_site
        before = self._before.shifts.get(agent, {}).get(day)
        left = before.place if before is not None and before.place != HOME else own
        closed = left if left in self._scene.wanted[day].sites else ""
        sites = self._operator.site
        if row is None:
            name = sites[closed].name if closed else ""
            return {"day": day.isoformat(), "place": None, "site": name}
        at_home = row.place == HOME
        return {
            "day": day.isoformat(),
            "place": "" if at_home else sites[row.place].name,
            "site": sites[closed].name if closed else "",
            "programme": self._operator.programme[row.programme].name,
            "start": row.start.isoformat(),
            "end": row.end.isoformat(),
            "zone": sites[own if at_home else row.place].time_zone,
            "row": build_change("", row)[1],
        }

    def _build_manager_messages(self, changed: Mapping[str, list[date]]) -> Iterator[Message]:
        closed = frozenset[str]().union(*(loss.sites for loss in self._scene.wanted.values()))
        moved: dict[str, list[str]] = {}
        for agent in changed:
            moved.setdefault(self._operator.agent[agent].home_site, []).append(agent)
        for site, agents in sorted(moved.items()):
            home = sum(self._works_at_home(agent) for agent in agents)
            about = {
                "site": self._operator.site[site].name,
                "closed": site in closed,
                "moved": len(agents),
                "home": home,
            }
            yield self._build_message("manager", site, site, about)

    def _works_at_home(self, agent: str) -> bool:
        return any(row.place == HOME for row in self._shifts.get(agent, {}).values())

    def _build_message(self, role: str, who: str, site: str, about: dict[str, Any]) -> Message:
        return Message(
            stream=self._relief.stream,
            relief=self._relief,
            kind=role,
            role=role,
            who=who,
            site=site,
            about=about,
            token=secrets.token_urlsafe(24),
            rank=1,
        )


def _load_last_notified(scene: Scene) -> _LastNotified:
    """Return what the last notification said; without one, the plan."""
    reliefs = Relief.objects.filter(stream=scene.stream, activation=scene.activation)
    last = reliefs.filter(notified=True).first()
    rows = ReliefDay.objects.filter(relief=last) if last else ()
    changes = {row.day: row.changes for row in rows}
    lost = {} if last is None else last.lost
    return _LastNotified(
        _group_by_agent(
            {
                day: list_working(scene.day_plan(day), changes.get(day, {}), NO_LOSS, {})
                for day in scene.days
            }
        ),
        {
            day: Loss.of_json(lost[day.isoformat()]) if day.isoformat() in lost else NO_LOSS
            for day in scene.days
        },
    )


def _group_by_agent(days: Mapping[date, list[Placement]]) -> _Shifts:
    out: _Shifts = {}
    for day, rows in days.items():
        for row in rows:
            out.setdefault(row.agent, {})[day] = row
    return out
