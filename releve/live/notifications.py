"""The effect "notify": the messages about a relief, to agents, managers and clients.

Agents whose shifts or rides of the days ahead differ from their last notification receive one
message that says in which kind, and is to be answered; so do the managers of their sites, and the
clients. Where the break alone moves it is a note with the new calendar, and no answer is asked. A day
whose shifts are over is in no message. A first answer sends none, since its optimum is about to
replace it. How they are sent and escalated: :mod:`releve.live.escalation`.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from releve.ledger.digests import format_instant
from releve.ledger.models import LedgerEntry, Restoration
from releve.live.alerts import is_held, read_hold_ahead
from releve.live.client_news import describe_client, describe_news, find_own_losses, hold_drafts, list_misinformed
from releve.live.contacts import replace_older
from releve.live.coverage import Coverage, compute_scene_coverage
from releve.live.current_rules import select_rules
from releve.live.effect_queue import EffectOutcome, PermanentFailure, register_handler
from releve.live.escalation import build_send_effect
from releve.live.lost_places import NO_LOSS, Loss, find_cause
from releve.live.models import Activation, Contact, Effect, Message, Relief, ReliefDay
from releve.live.plans import DaysInForce, list_days_in_force, list_known_days
from releve.live.roster_changes import find_day_runs, find_last_ends, have_other_rides, list_kept_away, list_rides_ahead
from releve.live.stream_state import Scene, build_change, find_plan_day, list_returned, list_working, load_scene
from releve.network import HOME, UTC, Agent, Programme, Site
from releve.plan import Placement
from releve.plan.day_runs import NEAR_DUTY, Ride
from releve.plan.result import CARRIED, read_agent
from releve.plan.service_status import COVERED
from releve.plan.work_changes import (
    KindCount,
    WorkChange,
    WorkKind,
    count_kinds,
    describe_change,
    encode_kinds,
    list_breaks,
)
from releve.situation import KINDS, list_lifted_closures
from releve.transport import FROM_SITE

_Slot = tuple[date, str]
"""The day in which a duty starts, and which of the agent's it is (:attr:`Placement.duty`)."""
_Shifts = dict[str, dict[_Slot, Placement]]
"""By agent and slot."""
_Rides = Mapping[date, Mapping[tuple[str, str], Ride]]
"""By day, then by agent and leg."""
_DAY = timedelta(days=1)
_ROLES = ("agent", "manager", "client")
"""Of the people whom a relief sends messages."""


@register_handler("notify")
def notify(effect: Effect) -> EffectOutcome:
    """Write the messages of a relief and queue them, unless a newer relief replaces it."""
    relief = Relief.objects.get(pk=effect.body["relief"])
    newest = Relief.objects.filter(stream=relief.stream).first()
    scene = load_scene(relief.stream)
    if newest != relief or scene is None:
        return EffectOutcome({"skipped": "overtaken"})
    if not effect.body.get("released") and _was_answered_before(relief):
        raise PermanentFailure(
            "the database was restored after what this relief answers: people may have been"
            " notified of it; check, then retry"
        )
    builder = _MessageBuilder(scene, relief)
    messages = hold_drafts(relief.stream, list(builder.build_messages()))
    if is_held(relief.stream):
        builder.hold_for_lead(messages)
    kinds = [message.kind for message in messages if not message.held]
    counts = {f"{kind}s": kinds.count(kind) for kind in (*_ROLES, Message.BREAK)}
    counts["held"] = sum(message.held == Message.FOR_LEAD for message in messages)
    counts["drafts"] = sum(message.role == "client" and message.held != "" for message in messages)
    counts["unaddressed"] = _count_unaddressed(messages)
    replaced: list[list[Any]] = []  # number and generation of those that await an answer, found as they are replaced

    def store() -> None:
        replaced.extend(replace_older(relief, [row for row in messages if row.held != Message.FOR_LEAD]))
        unheard = Message.objects.filter(stream=relief.stream, held=Message.FOR_LEAD).exclude(relief=relief)
        unheard.update(replaced=True)  # what still changes for them is written again
        Message.objects.bulk_create(messages, ignore_conflicts=True, batch_size=500)
        Relief.objects.filter(pk=relief.pk).update(notified=True)

    body = {"generation": relief.generation, **counts, "kinds": builder.count_kinds(), "replaces": replaced}
    return EffectOutcome(
        counts,
        (("people.notified", body), *(("relief.covered", body) for body in builder.describe_clients())),
        tuple(build_send_effect(message) for message in messages if not message.held),
        store,
    )


def draft_messages(scene: Scene, relief: Relief) -> tuple[Message, ...]:
    """Return the messages that a relief of a scene would send; none is stored."""
    return tuple(_MessageBuilder(scene, relief).build_messages())


def _count_unaddressed(messages: Sequence[Message]) -> int:
    """Return how many messages have no address to go to."""
    known = set(Contact.objects.filter(rank=1).values_list("role", "who"))
    return sum(
        (message.role, message.who) not in known and not (message.role == "manager" and ("manager", "*") in known)
        for message in messages
    )


def _was_answered_before(relief: Relief) -> bool:
    """Return whether a relief answers only what happened before a backup was put back."""
    last = Restoration.objects.order_by("-seq").first()
    if last is None or (relief.source == "plan" and relief.cause > last.seq):
        return False
    since = LedgerEntry.objects.filter(stream=relief.stream, kind__in=KINDS, seq__gt=last.seq)
    return not since.filter(seq__lte=relief.cause).exists()


@dataclass(frozen=True)
class _LastNotified:
    """The plans and shifts of the last notification, and the losses at that time."""

    planned: DaysInForce
    shifts: _Shifts
    lost: Mapping[date, Loss]
    generation: int
    heard: Mapping[str, int]
    """The generation that agents heard of last whose message still waits, by agent."""


class _MessageBuilder:
    """Compare the shifts of the last notification with those in force, and write messages.

    Beside the days ahead of the scene those further ahead count whose plan is another one now.
    Days may be of several versions of the reference data: the earliest day's names apply.
    """

    def __init__(self, scene: Scene, relief: Relief) -> None:
        self._near, self._relief = scene, relief
        self._before = _load_last_notified(scene)
        self._scene = _widen(scene, self._before.planned)
        self._agents: dict[str, Agent] = {}
        self._sites: dict[str, Site] = {}
        self._programmes: dict[str, Programme] = {}
        operators = [row.load().operator for row in reversed(list(self._scene.planned.values()))]
        for operator in {id(one): one for one in operators}.values():
            self._agents |= operator.agent
            self._sites |= operator.site
            self._programmes |= operator.programme
        self._after = {day: self._scene.list_placements(day) for day in self._scene.days}
        self._shifts = _group_by_agent(self._after)
        self._known = self._load_known()
        self._rides = self._find_rides(self._scene.planned, relief.generation)

    def build_messages(self) -> Iterator[Message]:
        """Yield the messages to agents, managers and clients.

        Clients get no message of another plan, or of absences, while nothing is lost. Those whose last
        message is not true any more get one though no agent's work changes.
        """
        asked = {}
        for agent, changes in sorted(self._changes.items()):
            asks = any(change.kind.asks_answer for change in changes.values())
            if asks:
                asked[agent] = list(changes)
            kind, site = "agent" if asks else Message.BREAK, self._agents[agent].home_site
            about = {
                "shifts": [self._describe_shift(agent, slot, change) for slot, change in changes.items()],
                "closed": self._name_causes(self._list_own_lost(agent)),
                **self._lifted,
            }
            yield self._build_message("agent", agent, site, about, self._find_end(agent, list(changes)[-1]), kind)
        yield from self._build_manager_messages(asked)
        lost = find_own_losses(self._near)
        everyone = bool(asked) and self._concerns_clients
        misinformed = list_misinformed(self._relief.stream, self._coverage, lost)
        for row in self._coverage.clients:
            if not everyone and row.client not in misinformed:
                continue
            about = {**describe_news(row, self._coverage, lost), **self._lifted}
            yield self._build_message("client", row.client, "", about, self._coverage.reach)

    def hold_for_lead(self, messages: Sequence[Message]) -> None:
        """Hold the messages to agents whose work, as it was and is, starts late enough for a person to decide first."""
        border = self._near.at + read_hold_ahead()
        for message in messages:
            if message.role == "agent" and _find_start(message.about["shifts"]) > border:
                message.held = Message.FOR_LEAD
                message.about["heard"] = self._find_heard(message.who)

    def count_kinds(self) -> list[list[Any]]:
        """Return [kind, people] of those whose work changes, each agent once."""
        return encode_kinds(self._count_kinds(self._changes))

    def _count_kinds(self, agents: Iterable[str]) -> tuple[KindCount, ...]:
        return count_kinds((agent, row.kind) for agent in agents for row in self._changes[agent].values())

    def _list_own_lost(self, agent: str) -> list[str]:
        """Return the sites lost at which an agent would have worked or has the own place."""
        lost = frozenset[str]().union(*(loss.sites for loss in self._near.wanted.values()))
        places = {row.place for row in self._before.shifts.get(agent, {}).values()}
        return sorted(lost.intersection({*places, self._agents[agent].home_site}))

    def _name_causes(self, sites: Iterable[str]) -> list[list[str]]:
        return [[self._sites[site].name, find_cause(self._scene.situation, site)] for site in sites]

    @cached_property
    def _lifted(self) -> dict[str, str]:
        """The names of sites whose closure was lifted since the last notification: its ground was wrong."""
        lost, then = (frozenset[str]().union(*(row.sites for row in rows.values())) for rows in (
            self._scene.wanted, self._before.lost))  # fmt: skip
        lifted = {row.site for row in list_lifted_closures(self._scene.situation)} & (then - lost)
        return {"lifted": ", ".join(self._sites[site].name for site in sorted(lifted))} if lifted else {}

    @property
    def _concerns_clients(self) -> bool:
        return self._relief.source not in ("plan", "absences") or any(self._near.wanted.values())

    def _load_known(self) -> dict[int, tuple[_Rides, Mapping[date, Loss]]]:
        """Return rides and losses by the generation that agents heard of last: the last one, or an earlier one of
        those whose message still waits."""
        last, planned, stream = self._before.generation, self._before.planned, self._scene.stream
        found = {last: (self._find_rides(planned, last), self._before.lost)}
        older = set(self._before.heard.values()) - {last}
        reliefs = Relief.objects.filter(stream=stream, generation__in=older)
        lost = dict(reliefs.values_list("generation", "lost"))
        for number in older:
            found[number] = self._find_rides(planned, number), _read_losses(lost.get(number, {}), planned)
        return found

    def _find_heard(self, agent: str) -> int:
        return self._before.heard.get(agent, self._before.generation)

    def _find_rides(self, planned: DaysInForce, generation: int) -> _Rides:
        """Return each agent's rides by day, as plans and the reliefs up to a generation have them."""
        rules, stream = select_rules(self._scene.situation), self._scene.stream
        found = {day: find_day_runs(stream, row.load(), rules, generation) for day, row in planned.items()}
        return {day: {} if runs is None else runs.list_rides() for day, runs in found.items()}

    @cached_property
    def _coverage(self) -> Coverage:
        return compute_scene_coverage(self._near)

    def describe_clients(self) -> Iterator[dict[str, Any]]:
        """Yield what the relief gives each client, as the ledger holds it: what packs count."""
        rows = self._coverage.clients if self._concerns_clients else ()
        planned = self._cover_by_plan() if rows else {}
        for row in rows:
            yield {
                "client": row.client,
                "generation": self._relief.generation,
                "cause": self._relief.cause,
                **describe_client(row, self._coverage),
                "half_hours": [
                    [format_instant(start), _write_share(planned.get((row.client, start))), _write_share(share)]
                    for start, share in zip(self._coverage.starts, row.share, strict=True)
                ],
            }

    def _cover_by_plan(self) -> dict[tuple[str, datetime], float]:
        """Return the coverage of each client's half hours by the plans in force, had nothing been lost."""
        whole = replace(
            self._near, relief=None, changes={}, wanted=dict.fromkeys(self._near.wanted, NO_LOSS), absent={}, lent={}
        )
        found = compute_scene_coverage(whole, supposed=True)
        return {
            (row.client, start): float(share)
            for row in found.clients
            for start, share in zip(found.starts, row.share, strict=True)
        }

    def _find_end(self, agent: str, slot: _Slot) -> datetime:
        """Return when what is said of an agent's day is over: the shift, or the site's last one."""
        rows = [self._before.shifts.get(agent, {}).get(slot), self._shifts.get(agent, {}).get(slot)]
        ends = [row.end for row in rows if row is not None]
        return max(ends) if ends else self._last_ends[slot[0]][self._agents[agent].home_site]

    @cached_property
    def _last_ends(self) -> Mapping[date, Mapping[str, datetime]]:
        """When the last planned shift of each day ends, by home site of its agents."""
        return {day: find_last_ends(self._scene.day_plan(day)) for day in self._scene.days}

    @cached_property
    def _changes(self) -> dict[str, dict[_Slot, WorkChange]]:
        """How the duties to notify each agent of change, by slot, in their order.

        Absent agents receive no message of the time of their absence, lent ones none of a shift that they work
        for a partner.
        """
        kept_away = {(agent, day) for day in self._scene.days for agent in self._list_kept_away(day)}
        out: dict[str, dict[_Slot, WorkChange]] = {}
        people = {*self._before.shifts, *self._shifts, *(agent for agent, _day in kept_away)}
        for agent in people & self._agents.keys():
            left = (
                (slot, self._scene.leave_out_absences(row)) for slot, row in self._before.shifts.get(agent, {}).items()
            )
            before = {slot: row for slot, row in left if row is not None}  # an absence is no change of the plan's
            after, absent = self._shifts.get(agent, {}), agent in self._scene.absent
            slots = {(day, "") for day in self._scene.days} | before.keys() | after.keys()
            for slot in sorted(slots):
                had, has, (day, duty) = before.get(slot), after.get(slot), slot
                if self._scene.is_lent(agent, had, has):
                    continue
                change = describe_change(
                    had,
                    has,
                    self._scene.at,
                    lost=self._scene.wanted.get(find_plan_day(*slot), NO_LOSS).sites,
                    kept_away=not duty and (agent, day) in kept_away,
                    other_rides=not duty and not (absent and has is None) and self._rides_otherwise(agent, day),
                )
                if change.kind is not WorkKind.NONE:
                    out.setdefault(agent, {})[slot] = change
        return out

    def _rides_otherwise(self, agent: str, day: date) -> bool:
        before, after = (rides.get(day, {}) for rides in (self._known[self._find_heard(agent)][0], self._rides))
        return have_other_rides(before, after, agent, self._scene.at)

    def _describe_rides(self, agent: str, slot: _Slot) -> list[dict[str, Any]]:
        """Return the rides of a duty that are ahead; of one that began the day before, the way home."""
        day = find_plan_day(*slot)
        operator, rides = self._scene.day_plan(day).operator, list_rides_ahead(self._rides[day], agent, self._scene.at)
        if slot[1] == CARRIED:
            ends = self._find_end(agent, slot) + NEAR_DUTY
            rides = [ride for ride in rides if ride.run.wave.leg == FROM_SITE and ride.at <= ends]
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
            for ride in rides
        ]

    def _list_kept_away(self, day: date) -> Iterator[str]:
        """Yield agents in reserve on a day whose own site closed or reopened since what they heard last."""
        found, now = self._scene.day_plan(day), self._scene.wanted[day].sites
        working = {agent for agent, slots in self._shifts.items() if (day, "") in slots}
        for generation, (_rides, lost) in self._known.items():
            for agent in list_kept_away(found, now ^ lost[day].sites, working, self._scene.absent, self._scene.at):
                if self._find_heard(agent) == generation:
                    yield agent

    def _describe_shift(self, agent: str, slot: _Slot, change: WorkChange) -> dict[str, Any]:
        """Return what a message says of a duty: what it was and is; ``row`` is the placement, for the calendar."""
        day, duty = slot
        row = self._shifts.get(agent, {}).get(slot)
        own = self._agents[agent].home_site
        before = self._before.shifts.get(agent, {}).get(slot)
        left = before.place if before is not None and before.place != HOME else own
        closed = left if left in self._scene.wanted[find_plan_day(*slot)].sites else ""
        said = {
            "day": day.isoformat(),
            "kind": change.kind.value,
            "since": None if change.since is None else change.since.isoformat(),
            "was": None if before is None else self._describe_post(before, own),
            "site": self._sites[closed].name if closed else "",
            "rides": self._describe_rides(agent, slot),
        }
        if row is None:
            return {**said, "place": None, "zone": self._sites[own].time_zone}
        said |= self._describe_post(row, own) | {"row": build_change("", row)[1]}
        return {**said, **({"duty": duty} if duty else {})}

    def _describe_post(self, row: Placement, own: str) -> dict[str, Any]:
        at_home = row.place == HOME
        return {
            "place": "" if at_home else self._sites[row.place].name,
            "programme": self._programmes[row.programme].name,
            "start": row.start.isoformat(),
            "end": row.end.isoformat(),
            "breaks": [[time.isoformat() for time in span] for span in list_breaks(row)],
            "zone": self._sites[own if at_home else row.place].time_zone,
        }

    def _build_manager_messages(self, changed: Mapping[str, list[_Slot]]) -> Iterator[Message]:
        closed = frozenset[str]().union(*(loss.sites for loss in self._scene.wanted.values()))
        moved: dict[str, list[str]] = {}
        for agent in changed:
            moved.setdefault(self._agents[agent].home_site, []).append(agent)
        for site, agents in sorted(moved.items()):
            kinds = encode_kinds(self._count_kinds(agents))
            about = {"site": self._sites[site].name, "closed": site in closed, "moved": len(agents), "kinds": kinds}
            about |= self._lifted | (self._describe_loss(site) if site in closed else {})
            over = max(self._find_end(agent, changed[agent][-1]) for agent in agents)
            yield self._build_message("manager", site, site, about, over)
        written = Message.objects.filter(stream=self._relief.stream, kind="manager", replaced=False)
        undone = {self._agents[agent].home_site for agent in self._before.heard if agent in self._agents}
        for last in written.filter(over_at__gt=self._scene.at).exclude(who__in=moved):
            if last.about["closed"] != (last.site in closed) or last.site in undone:
                about = {**last.about, "closed": last.site in closed, "moved": 0, "kinds": [], **self._lifted}
                about |= self._describe_loss(last.site) if last.site in closed else {}
                yield self._build_message("manager", last.site, last.site, about, last.over_at)

    def _describe_loss(self, site: str) -> dict[str, Any]:
        """Return by what a site is lost, and the earliest instant at which it may be back."""
        back = self._scene.situation.lost_places(self._scene.at).sites.get(site)
        return {
            "cause": find_cause(self._scene.situation, site),
            "back": None if back is None else back.isoformat(),
            "zone": self._sites[site].time_zone,
        }

    def _build_message(
        self, role: str, who: str, site: str, about: dict[str, Any], over: datetime | None, kind: str = ""
    ) -> Message:
        return Message(
            stream=self._relief.stream,
            relief=self._relief,
            kind=kind or role,
            role=role,
            who=who,
            site=site,
            about=about,
            token=secrets.token_urlsafe(24),
            rank=1,
            over_at=over,
        )


def _find_start(shifts: Sequence[Mapping[str, Any]]) -> datetime:
    """Return when the first of an agent's duties starts, as it was or is, or the ride to it."""
    posts = [post for shift in shifts for post in (shift, shift["was"]) if post is not None and post.get("start")]
    rides = [ride["at"] for shift in shifts for ride in shift["rides"]]
    return min(
        map(datetime.fromisoformat, [*(post["start"] for post in posts), *rides]),
        default=datetime.max.replace(tzinfo=UTC),
    )


def _write_share(share: float | None) -> float | None:
    """Return a share as the ledger holds it, to four digits; None where nothing is required."""
    if share is None or math.isnan(share):
        return None
    return 1 if share >= COVERED else round(min(float(share), 0.9999), 4)


def _load_last_notified(scene: Scene) -> _LastNotified:
    """Return what the last notification said; without one, the plans that were known before."""
    reliefs = Relief.objects.filter(stream=scene.stream)
    last = reliefs.filter(notified=True).first()
    record = 0 if last is None else last.activation_id
    if last is None and (first := reliefs.last()) is not None:
        record = first.activation_id
        if first.source == "plan":  # it follows the record that it was made after
            older = Activation.objects.filter(at__lt=first.activation.at).first()
            record = 0 if older is None else older.pk
    start = scene.days[0] if scene.days else scene.at.date()
    known = list_known_days(start, record)
    rows = ReliefDay.objects.filter(relief=last) if last else ()
    unheard = list_returned(scene.situation, last) if last else frozenset[str]()
    changes = {
        (row.day, row.plan_id): {key: one for key, one in row.changes.items() if read_agent(key) not in unheard}
        for row in rows
    }
    heard = _put_back_unheard(scene.stream, changes)
    lost = {} if last is None else last.lost
    planned = {
        day: known.get(day, row)
        for day, row in list_days_in_force(start).items()
        if day in scene.planned or known.get(day, row).digest != row.digest
    }
    return _LastNotified(
        planned,
        _group_by_agent(
            {
                day: list_working(row.load(), changes.get((day, row.digest), {}), NO_LOSS, {})
                for day, row in planned.items()
            }
        ),
        _read_losses(lost, planned),
        0 if last is None else last.generation,
        heard,
    )


def _read_losses(lost: Mapping[str, Any], days: Iterable[date]) -> dict[date, Loss]:
    """Return the losses of days as a relief stored them."""
    return {day: Loss.of_json(lost[day.isoformat()]) if day.isoformat() in lost else NO_LOSS for day in days}


def _put_back_unheard(stream: str, changes: dict[tuple[date, str], dict[str, Any]]) -> dict[str, int]:
    """Put what agents heard last in the place of changes that their message, which still waits, would say; return
    the generation of that by agent."""
    waiting = Message.objects.filter(stream=stream, held=Message.FOR_LEAD, replaced=False).values_list("who", "about")
    heard = {who: int(about["heard"]) for who, about in waiting if about}
    for rows in changes.values():
        for key in [key for key in rows if read_agent(key) in heard]:
            del rows[key]
    older = ReliefDay.objects.filter(relief__stream=stream, relief__generation__in=set(heard.values()))
    for row in older.select_related("relief"):
        for key, one in row.changes.items():
            if heard.get(read_agent(key)) == row.relief.generation:
                changes.setdefault((row.day, row.plan_id), {})[key] = one
    return heard


def _widen(scene: Scene, known: DaysInForce) -> Scene:
    """Return a scene with the days of ``known`` that lie further ahead, on which nothing is lost yet."""
    far = {day: row for day, row in list_days_in_force(min(known), max(known)).items() if day in known} if known else {}
    planned = {**scene.planned, **{day: row for day, row in far.items() if day not in scene.planned}}
    return replace(scene, planned=planned, wanted={**dict.fromkeys(planned, NO_LOSS), **scene.wanted})


def _group_by_agent(days: Mapping[date, list[Placement]]) -> _Shifts:
    """Return the placements by agent and slot: those carried in with the day before, unless that tells of them."""
    out: _Shifts = {}
    for day, rows in days.items():
        for row in rows:
            if not row.carried:
                out.setdefault(row.agent, {})[day, row.duty] = row
            elif day - _DAY not in days:
                out.setdefault(row.agent, {})[day - _DAY, CARRIED] = row
    return out
