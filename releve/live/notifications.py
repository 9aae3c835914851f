"""The effect "notify": the messages about a relief.

Agents whose shifts or rides of the days ahead differ from their last notification receive one
message; so do
the managers of their sites, and the clients. A day whose shifts are over is in no message. A first
answer sends no message, since its optimum is about to replace it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from releve.ledger.models import LedgerEntry, Restoration
from releve.live.contacts import ROLES
from releve.live.coverage import ClientCoverage, Coverage, compute_scene_coverage
from releve.live.current_rules import select_rules
from releve.live.day_runs import find_scene_runs
from releve.live.effect_handlers import PermanentFailure, register_handler
from releve.live.effect_queue import OUTSIDE, EffectOutcome, NewEffect
from releve.live.lost_places import NO_LOSS, Loss
from releve.live.models import Contact, Effect, Message, Relief, ReliefDay
from releve.live.stream_state import Scene, build_change, list_working, load_scene
from releve.network import HOME
from releve.plan import Placement
from releve.plan.day_runs import Ride
from releve.situation import KINDS
from releve.transport import FROM_SITE, TO_SITE

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
    if not effect.body.get("released") and _was_answered_before(relief):
        raise PermanentFailure(
            "the database was restored after what this relief answers: people may have been"
            " notified of it; check, then retry"
        )
    builder = _MessageBuilder(scene, relief)
    messages = list(builder.build_messages())
    roles = [message.role for message in messages]
    counts = {f"{role}s": roles.count(role) for role in ROLES}
    counts["unaddressed"] = _count_unaddressed(messages)

    def store() -> None:
        for role in ROLES:
            people = [message.who for message in messages if message.role == role]
            older = Message.objects.filter(stream=relief.stream, kind=role, replaced=False)
            older.exclude(relief=relief).filter(who__in=people).update(replaced=True, due_at=None)
        Message.objects.bulk_create(messages, ignore_conflicts=True, batch_size=500)
        Relief.objects.filter(pk=relief.pk).update(notified=True)

    return EffectOutcome(
        counts,
        (
            ("people.notified", {"generation": relief.generation, **counts}),
            *(("relief.covered", body) for body in builder.describe_clients()),
        ),
        tuple(build_send_effect(message) for message in messages),
        store,
    )


def _count_unaddressed(messages: Sequence[Message]) -> int:
    """Return how many messages have no address to go to."""
    known = set(Contact.objects.filter(rank=1).values_list("role", "who"))
    return sum(
        (message.role, message.who) not in known
        and not (message.role == "manager" and ("manager", "*") in known)
        for message in messages
    )


def _was_answered_before(relief: Relief) -> bool:
    """Return whether a relief answers only what happened before a backup was put back."""
    last = Restoration.objects.order_by("-seq").first()
    if last is None:
        return False
    since = LedgerEntry.objects.filter(stream=relief.stream, kind__in=KINDS, seq__gt=last.seq)
    return not since.filter(seq__lte=relief.cause).exists()


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
    generation: int


class _MessageBuilder:
    """Compare the shifts of the last notification with those in force, and write messages."""

    def __init__(self, scene: Scene, relief: Relief) -> None:
        self._scene, self._relief = scene, relief
        first = scene.day_plan(scene.days[0])
        self._operator, self._plan = first.operator, first.plan
        self._before = _load_last_notified(scene)
        self._after = {day: scene.list_placements(day) for day in scene.days}
        self._shifts = _group_by_agent(self._after)
        self._rides_before = self._find_rides(self._before.generation)
        self._rides = self._find_rides(relief.generation)

    def build_messages(self) -> Iterator[Message]:
        """Yield the messages to agents, managers and clients."""
        changed = self._find_changed_days()
        for agent, days in sorted(changed.items()):
            about = {"shifts": [self._describe_shift(agent, day) for day in days]}
            site = self._operator.agent[agent].home_site
            yield self._build_message("agent", agent, site, about, self._find_end(agent, days[-1]))
        yield from self._build_manager_messages(changed)
        for row in self._coverage.clients if changed else ():
            about = describe_client(row, self._coverage)
            yield self._build_message("client", row.client, "", about, self._coverage.reach)

    def _find_rides(self, generation: int) -> Mapping[date, Mapping[tuple[str, str], Ride]]:
        """Return each agent's rides by day, as the reliefs up to a generation have them."""
        rules = select_rules(self._scene.situation)
        found = {
            day: find_scene_runs(self._scene, day, rules, until=generation)
            for day in self._scene.days
        }
        return {day: {} if runs is None else runs.list_rides() for day, runs in found.items()}

    @cached_property
    def _coverage(self) -> Coverage:
        return compute_scene_coverage(self._scene)

    def describe_clients(self) -> Iterator[dict[str, Any]]:
        """Yield what the relief gives each client, as the ledger holds it: what packs count."""
        for row in self._coverage.clients:
            yield {
                "client": row.client,
                "generation": self._relief.generation,
                "cause": self._relief.cause,
                **describe_client(row, self._coverage),
            }

    def _find_end(self, agent: str, day: date) -> datetime:
        """Return when what is said of an agent's day is over: the shift, or the site's last one."""
        rows = [self._before.shifts.get(agent, {}).get(day), self._shifts.get(agent, {}).get(day)]
        ends = [row.end for row in rows if row is not None]
        return max(ends) if ends else self._last_ends[day, self._operator.agent[agent].home_site]

    @cached_property
    def _last_ends(self) -> Mapping[tuple[date, str], datetime]:
        """When the last planned shift of each day ends, by home site of its agents."""
        ends: dict[tuple[date, str], datetime] = {}
        for day in self._scene.days:
            plan = self._scene.day_plan(day).plan
            for site in self._operator.sites:
                ends[day, site.id] = plan.starts[0]
            for row in plan.placements:
                key = day, self._operator.agent[row.agent].home_site
                ends[key] = max(ends[key], row.end)
        return ends

    def _find_changed_days(self) -> dict[str, list[date]]:
        """Return the days to notify each agent of.

        Absent agents receive no message, lent ones none of a shift that they work for a partner.
        """
        out: dict[str, list[date]] = {}
        for agent in {*self._before.shifts, *self._shifts} - self._absent:
            before = self._before.shifts.get(agent, {})
            after = self._shifts.get(agent, {})
            days = [
                day
                for day in self._scene.days
                if not self._scene.is_lent(agent, before.get(day), after.get(day))
                and (self._changes_ahead(before, after, day) or self._rides_otherwise(agent, day))
            ]
            if days:
                out[agent] = days
        for day in self._scene.days:
            for agent in self._list_affected_reserve(day):
                if agent not in self._absent and not self._is_lent_on(agent, day):
                    out.setdefault(agent, []).append(day)
        return {agent: sorted(set(days)) for agent, days in out.items()}

    @cached_property
    def _absent(self) -> frozenset[str]:
        """Those who are absent for another reason than that they are lent."""
        absent, lent = self._scene.absent, self._scene.lent
        return frozenset(name for name, rows in absent.items() if rows != lent.get(name))

    def _is_lent_on(self, agent: str, day: date) -> bool:
        """Return whether an agent without a placement is lent at some time of a day."""
        starts = self._scene.day_plan(day).plan.starts
        return any(
            start <= starts[-1] and (until is None or until > starts[0])
            for start, until in self._scene.lent.get(agent, ())
        )

    def _changes_ahead(
        self, before: Mapping[date, Placement], after: Mapping[date, Placement], day: date
    ) -> bool:
        rows = [row for row in (before.get(day), after.get(day)) if row is not None]
        ahead = any(row.end > self._scene.at for row in rows)
        return ahead and before.get(day) != after.get(day)

    def _rides_otherwise(self, agent: str, day: date) -> bool:
        """Return whether a ride that is ahead has changed."""
        before, after = (
            [
                (ride.run.vehicle, ride.stop, ride.at, ride.run.wave)
                for ride in self._list_rides_ahead(rides[day], agent)
            ]
            for rides in (self._rides_before, self._rides)
        )
        return before != after

    def _list_rides_ahead(self, rides: Mapping[tuple[str, str], Ride], agent: str) -> list[Ride]:
        found = (rides.get((agent, leg)) for leg in (TO_SITE, FROM_SITE))
        return [
            ride
            for ride in found
            if ride is not None and max(ride.at, ride.run.at_site) > self._scene.at
        ]

    def _describe_rides(self, agent: str, day: date) -> list[dict[str, Any]]:
        """Return an agent's rides that are ahead, as a message holds them."""
        operator = self._operator
        stops = {row.id: row.name for row in operator.stops}
        return [
            {
                "leg": ride.run.wave.leg,
                "at": ride.at.isoformat(),
                "at_site": ride.run.at_site.isoformat(),
                "stop": stops[ride.stop],
                "site": operator.site[ride.run.wave.site].name,
                "zone": operator.site[ride.run.wave.site].time_zone,
                "vehicle": ride.run.vehicle,
            }
            for ride in self._list_rides_ahead(self._rides[day], agent)
        ]

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
            and self._last_ends[day, self._operator.agent[agent].home_site] > self._scene.at
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
            rides = self._describe_rides(agent, day)
            return {"day": day.isoformat(), "place": None, "site": name, "rides": rides}
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
            "rides": self._describe_rides(agent, day),
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
            over = max(self._find_end(agent, changed[agent][-1]) for agent in agents)
            yield self._build_message("manager", site, site, about, over)

    def _works_at_home(self, agent: str) -> bool:
        return any(row.place == HOME for row in self._shifts.get(agent, {}).values())

    def _build_message(
        self, role: str, who: str, site: str, about: dict[str, Any], over: datetime | None
    ) -> Message:
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
            over_at=over,
        )


def describe_client(row: ClientCoverage, coverage: Coverage) -> dict[str, Any]:
    """Return what a client's message is made from: figures, and whether they hold the target."""
    return {
        "state": row.state,
        "now": row.now,
        "worst": row.worst,
        "worst_at": None if row.worst_at is None else row.worst_at.isoformat(),
        "missing": row.missing,
        "known": row.known,
        "until": None if coverage.reach is None else coverage.reach.isoformat(),
        "zone": coverage.time_zone,
    }


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
        0 if last is None else last.generation,
    )


def _group_by_agent(days: Mapping[date, list[Placement]]) -> _Shifts:
    out: _Shifts = {}
    for day, rows in days.items():
        for row in rows:
            out.setdefault(row.agent, {})[day] = row
    return out
