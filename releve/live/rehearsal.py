"""A rehearsal: a drill that is ready to be played, one positive test before a site closes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from releve.live.clock import now
from releve.live.current_rules import rules_now
from releve.live.drills import move_drill, start_drill
from releve.live.errors import NoSuch
from releve.live.event_service import record, sign_event
from releve.live.models import Relief, Stream
from releve.live.plans import DaysInForce, list_nearest_days, operator_now
from releve.live.situation_cache import situation_now
from releve.network import HOME, to_utc
from releve.plan import Plan
from releve.situation import CaseDeclared, ClosureRule, PackChosen

RehearsalStepCode = Literal[
    "matrix", "start", "case", "close", "now", "relief", "incident", "clock", "reopening", "review", "crashtest"
]
_DAY = timedelta(days=1)
_CLOCK = time(10, 40)
"""Where the drill's clock starts, operator's time: the morning is under way."""
_PACK = "health-2020"
"""The pack that is chosen in the drill where no rule closes the site."""
_LASTS = timedelta(days=2)
"""How long a closure lasts at least, by most rules: days planned so far ahead carry a rehearsal to its reopening."""
_BUSY = 0.5
"""A day is rehearsed on which at least this share of the busiest day's people work."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A drill as far as it has come: its site, and the agent to declare next (empty: none).

    ``by_rule``: one more case closes the site; else it is closed by hand. ``opens_at``: when a closed site may open,
    while that is ahead; ``reopened``: it has been closed and is open again.
    """

    stream: str
    site: str
    agent: str
    by_rule: bool
    closed: bool
    relieved: bool
    incident: str
    opens_at: datetime | None
    reopened: bool
    reviewed: bool


@dataclass(frozen=True, slots=True)
class RehearsalStep:
    """A step of a rehearsal by its code, and whether it is done; None where nothing tells."""

    code: RehearsalStepCode
    done: bool | None = None


def list_rehearsal_steps(found: Rehearsal | None) -> tuple[RehearsalStep, ...]:
    """Return the steps of a rehearsal in their order; None: those that come before it."""
    if found is None:
        return (RehearsalStep("matrix"), RehearsalStep("start", False))
    return (
        RehearsalStep("matrix"),
        RehearsalStep("case" if found.by_rule else "close", found.closed or found.reopened),
        RehearsalStep("now"),
        RehearsalStep("relief", found.relieved),
        RehearsalStep("incident", bool(found.incident)),
        RehearsalStep("clock", found.reopened or (found.closed and found.opens_at is None)),
        RehearsalStep("reopening", found.reopened),
        RehearsalStep("review", found.reviewed),
        RehearsalStep("crashtest"),
    )


def start_rehearsal(title: str, *, by: str) -> Stream:
    """Start a drill on the next busy day planned, all but one of the cases that close a site in it.

    NoSuch without a plan in force.
    """
    found = list_nearest_days(now().date())
    if not found:
        raise NoSuch("no plan is in force: a rehearsal needs one")
    operator, plan = operator_now(), _choose(found)
    at = to_utc(datetime.combine(plan.day, _CLOCK), operator.row.time_zone)
    stream = start_drill(title, by=by, at=at)
    site = _choose_site(plan)
    chosen = (one for one in situation_now(stream.name).packs if one.pack == _PACK)
    if not _count_cases(site, plan.day, stream.name) and all(
        one.last is not None and one.last < plan.day for one in chosen
    ):
        choice = PackChosen(**sign_event(stream.name, by), pack=_PACK, valid_from=plan.day)
        record(choice, key=choice.id, stream=stream.name)
    number = _count_cases(site, plan.day, stream.name)
    for agent in _list_agents(plan, site)[: max(0, number - 1)]:
        case = CaseDeclared(**sign_event(stream.name, by), site=site, status="declared_case", agent=agent)
        record(case, key=case.id, stream=stream.name)
    return stream


def find_rehearsal(stream: str) -> Rehearsal | None:
    """Return how far a drill has come; None without a plan in force."""
    at = now(stream)
    found = list_nearest_days(at.date() - _DAY)
    if not found:
        return None
    situation, plan = situation_now(stream), _plan_of(found, at)
    lived = sorted(name for name, row in situation.sites.items() if row.closed or row.past)
    site = lived[0] if lived else _choose_site(plan)  # once it is closed, whatever the day of the clock
    number = _count_cases(site, plan.day, stream)
    cases = {case.agent for case in situation.cases_at.get(site, ())}
    state = situation.site(site)
    rooms = [row for row in situation.incidents.values() if site in row.sites]
    earliest = None if state.closure is None else state.closure.earliest_reopening
    waiting = [agent for agent in _list_agents(plan, site) if agent not in cases]
    return Rehearsal(
        stream=stream,
        site=site,
        agent=waiting[0] if waiting and not state.closed and not state.past else "",
        by_rule=number > 0,
        closed=state.closed,
        relieved=Relief.objects.filter(stream=stream).exclude(source="base").exists(),
        incident=rooms[0].id if rooms else "",
        opens_at=earliest if earliest is not None and earliest > at else None,
        reopened=bool(state.past) and not state.closed,
        reviewed=any(row.review is not None for row in rooms),
    )


def move_to_reopening(stream: str, *, by: str) -> datetime | None:
    """Move a drill's clock to when its closed site may open; None where that is not ahead."""
    found = find_rehearsal(stream)
    if found is None or found.opens_at is None:
        return None
    minutes = (found.opens_at - now(stream)) // timedelta(minutes=1) + 1
    return move_drill(stream, timedelta(minutes=minutes), by=by)


def _choose(found: DaysInForce) -> Plan:
    return choose_plan([row.load().plan for row in found.values()], now().date())


def choose_plan(plans: Sequence[Plan], today: date) -> Plan:
    """Return the busy day to rehearse: the first after today that a closure does not outlast, else today if so, else
    the first after today, else any."""
    most = max(len(plan.placements) for plan in plans)
    busy = [plan for plan in plans if len(plan.placements) >= _BUSY * most]
    last = max(plan.day for plan in plans)
    later = [plan for plan in busy if plan.day > today]
    long = [plan for plan in (*later, *busy) if plan.day >= today and plan.day + _LASTS <= last]
    return (long or later or busy)[0]


def _plan_of(found: DaysInForce, at: datetime) -> Plan:
    """Return the plan of the day of an instant, else the one that a rehearsal would take."""
    for row in found.values():
        plan = row.load().plan
        if plan.starts[0] <= at <= plan.starts[-1]:
            return plan
    return _choose(found)


def _choose_site(plan: Plan) -> str:
    """Return the site where most people work."""
    count = Counter(row.place for row in plan.placements if row.place != HOME)
    return max(count, key=lambda site: (count[site], site))


def _list_agents(plan: Plan, site: str) -> list[str]:
    return sorted({row.agent for row in plan.placements if row.place == site and not row.carried})


def _count_cases(site: str, day: date, stream: str) -> int:
    """Return how many cases close a site by the rules of a day; 0 without such a rule."""
    rules = rules_now(stream).in_force(ClosureRule, day, operator_now().site[site])
    return min((rule.n for _, rule in rules), default=0)
