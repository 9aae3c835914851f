"""The list of runs, and the page of a run on its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.desk.crashtest.forms import StartForm, source_word
from releve.desk.crashtest.sentences import duration, lasting, share
from releve.desk.crashtest.words import case_word
from releve.desk.text import Text
from releve.network.clock import zone
from releve.runs.crash_test_job import CrashTestJob
from releve.runs.execution import CaseProgress
from releve.runs.job_store import ACTIVE_STATES
from releve.runs.progress import read_current_step


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in the list."""

    id: str
    name: str
    url: str
    state: str
    about: str
    when: str


@dataclass(frozen=True, slots=True)
class IndexPage:
    """Every run; ``acts``: the reader may start one; ``pairs``: two of them can be compared."""

    runs: tuple[RunLine, ...]
    acts: bool
    finished: tuple[RunLine, ...]


@dataclass(frozen=True, slots=True)
class StartPage:
    """The form, and what starting it means; ``ready`` once it is to be confirmed."""

    form: StartForm
    consequences: tuple[str, ...] = ()
    ready: bool = False


@dataclass(frozen=True, slots=True)
class RemovePage:
    """A run to be removed; not ``possible`` while it is at work."""

    line: RunLine
    possible: bool


@dataclass(frozen=True, slots=True)
class CaseLine:
    """A case on its way, with a bar 200 wide."""

    name: str
    width: float
    words: str
    early: str


@dataclass(frozen=True, slots=True)
class RunPage:
    """A run that is not done."""

    line: RunLine
    reason: str
    cases: tuple[CaseLine, ...]
    doing: str
    left: str
    active: bool
    stops: bool
    resumes: bool
    removes: bool
    part_url: str
    facts: tuple[tuple[str, str], ...] = field(default=())


def line(run: CrashTestJob, text: Text) -> RunLine:
    """Return a run as the list shows it."""
    order = run.order
    plans = source_word(order.plan)
    if order.beside:
        plans = _("{plan}, beside {other}").format(plan=plans, other=source_word(order.beside))
    about = _("{quarters} of {days} days · {plans}").format(
        quarters=_quarters(order.quarters, text), days=text.number(order.days), plans=plans
    )
    at = datetime.fromisoformat(order.at)
    local = at.astimezone(zone(text.time_zone)).date()
    when = _("{day}, {time}, by {who}").format(
        day=text.day(local, weekday=False), time=text.time(at), who=order.by
    )
    url = reverse("crashtest_run", args=[run.id])
    return RunLine(run.id, order.name, url, run.state, about, when)


def _quarters(count: int, text: Text) -> str:
    words = ngettext("{count} quarter", "{count} quarters", count)
    return words.format(count=text.number(count))


def run_page(run: CrashTestJob, done: Sequence[CaseProgress], text: Text, *, acts: bool) -> RunPage:
    """Return the page of a run on its way, with what its parts say already."""
    order = run.order
    rows = [_case(one, order.quarters, text) for one in done]
    return RunPage(
        line=line(run, text),
        reason=run.reason,
        cases=tuple(rows),
        doing=_doing(run, done, text) if run.state in ("running", "stopping") else "",
        left=_left(run, done, text),
        active=run.state in ACTIVE_STATES,
        stops=acts and run.may_stop,
        resumes=acts and run.may_resume,
        removes=acts and run.state not in ACTIVE_STATES,
        part_url=f"{reverse('crashtest_run', args=[run.id])}?part=live",
        facts=(
            (_("Policies"), text.list([case_word(name) for name in order.policies])),
            (_("Seed"), str(order.seed)),
            (_("Outages"), _("those shipped") if order.hazards else _("none")),
        ),
    )


def _case(one: CaseProgress, quarters: int, text: Text) -> CaseLine:
    words = ngettext("{done} quarter of {all}", "{done} quarters of {all}", one.done).format(
        done=text.number(one.done), all=text.number(quarters)
    )
    early = ""
    if one.served is not None:
        early = _("so far {share} of calls served").format(share=share(one.served, text))
    return CaseLine(case_word(one.label), round(200 * one.done / quarters, 1), words, early)


def _doing(run: CrashTestJob, done: Sequence[CaseProgress], text: Text) -> str:
    """Say what a run does now, and for how long it has been at work."""
    now = read_current_step(run)
    case = done[now.case] if now.case < len(done) else None
    if now.step == "reading":
        said = _("It reads the reference data and the plan, and forecasts the calls.")
    elif now.step == "preparing":
        said = _("It prepares the arrays of the plan and its reliefs.")
    elif now.step == "without":
        said = _(
            "It lives quarters again without each cause, to tell what each one costs: {done} of "
            "{all}."
        ).format(done=text.number(now.done), all=text.number(now.total))
    elif case is None or not case.done:
        said = _(
            "It simulates the first quarters. After an installation or an update the simulator is "
            "compiled first, which takes a minute or more."
        )
    else:
        said = _("It simulates quarters.")
    if run.seconds < 10:
        return said
    return _("{said} At work for {time}.").format(said=said, time=lasting(run.seconds, text))


def _left(run: CrashTestJob, done: Sequence[CaseProgress], text: Text) -> str:
    """Say how long it may still take, by the pace so far."""
    made = sum(one.done for one in done)
    wanted = run.order.cases * run.order.quarters
    if run.state != "running" or not made or made >= wanted:
        return ""
    return _("About {time} left, by the pace so far.").format(
        time=duration(run.seconds / made * (wanted - made), text)
    )
