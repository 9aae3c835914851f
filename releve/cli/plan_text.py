"""A plan on a terminal: verdict, relief matrix, proof, what is missing, bars of progress."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from functools import reduce

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from releve.cli.main import Speech
from releve.cli.plan_verify import VerificationBars
from releve.demand import Requirement
from releve.errors import NumberPhrase, Phrase
from releve.network import HOME, Operator, zone
from releve.plan import BASE, Bound, ClientVerdict, Move, Plan
from releve.plan.causes import CauseGroup, describe_cause, group_causes
from releve.plan.comparison import MoveGroup, Post, group_moves
from releve.plan.coverage import round_coverage
from releve.plan.explain import Explanation
from releve.plan.roster import BREAKS
from releve.plan.service_status import PLANNED_STATUSES, Status, phrase_security
from releve.plan.week.hybrid import HybridPlan
from releve.plan.week.hybrid_week import HybridWeek
from releve.plan.week.request import Step

_STYLE = {
    Status.HELD: "green", Status.THIN: "yellow", Status.MISSED: "bold red",
    Status.OUT_OF_REACH: "magenta", Status.UNKNOWN: "dim",
}  # fmt: skip
ACROSS = 6
"""Contingencies side by side, so that a table fits 80 columns."""
_MARK = {Status.HELD: "", Status.THIN: "~", Status.MISSED: "!", Status.OUT_OF_REACH: "§", Status.UNKNOWN: "?"}
_STOPPED = Phrase("The solver ended before its optimum: a better plan may exist. The bound stands.")


def format_day(day: date, language: str) -> str:
    """Return a day for a title."""
    return f"{day:%d/%m/%Y}" if language == "fr" else f"{day:%A %d %B %Y}"


def format_short_day(day: date, language: str) -> str:
    """Return a day as it is written in a line."""
    return f"{day:%d/%m/%Y}" if language == "fr" else day.isoformat()


def build_verdict_table(plan: Plan, speech: Speech) -> Table:
    """Return the verdict, client by client."""
    title = f"{plan.operator}, {format_day(plan.day, speech.language)}"
    if plan.synthetic:
        title += speech.say(Phrase(" (synthetic data)"))
    title += f"\n{speech.say(phrase_security(verdict.status for verdict in plan.verdicts))}"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in (Phrase("client"), Phrase("verdict"), Phrase("why")):
        table.add_column(speech.say(name))
    names = dict(plan.clients)
    for verdict in plan.verdicts:
        label = Text(speech.say(verdict.status.label), style=_STYLE[verdict.status])
        why = _explain_verdict(plan, verdict)
        table.add_row(names[verdict.client], label, "".join(map(speech.say, why)))
    return table


def _explain_verdict(plan: Plan, verdict: ClientVerdict) -> list[str]:
    """Return why a client has its verdict, in parts of a sentence."""
    worst = plan.cell.get((verdict.client, verdict.worst))
    figures: list[str] = []
    if worst is not None and worst.worst_interval >= 0:
        figures.append(
            Phrase(
                "worst {0}: {1}% of the day missing, {2}% covered at {3}",
                _name_losses([worst.contingency]),
                NumberPhrase(100 * worst.shortfall, 1),
                NumberPhrase(round_coverage(worst.worst_coverage)),
                _format_time(plan, worst.worst_interval),
            )
        )
    if verdict.status is Status.UNKNOWN:
        return [Phrase("no forecast for one of its programmes: import a history")]
    if verdict.status is Status.OUT_OF_REACH:
        cells = [plan.cell[verdict.client, name] for name in verdict.contract]
        causes = [_describe_cause(plan, cause) for cause in group_causes(plan, cells)]
        if not causes:
            causes = [Phrase("no arrangement of today's people can protect it {0}", _name_losses(verdict.contract))]
        parts = [part for cause in causes for part in ("\n", cause)][1:]
        return [*parts, *_describe_cure(plan, verdict)]
    return [*figures, *_describe_rounding(verdict)]


def _describe_rounding(verdict: ClientVerdict) -> list[Phrase]:
    """Return which losses the client misses only because people are whole."""
    if not verdict.rounding:
        return []
    return [
        Phrase(
            "; only whole people miss it {0}, fractions hold it: one agent more cures it",
            _name_losses(verdict.rounding),
        )
    ]


def _describe_cure(plan: Plan, verdict: ClientVerdict) -> list[Phrase]:
    """Return whether purchases would help a client that no plan of today protects."""
    if plan.missing is None:
        return []
    pairs = {(name, verdict.client) for name in verdict.contract}
    if pairs & set(plan.missing.incurable):
        return [Phrase("; nothing on the list of what is missing is enough")]
    return [Phrase("; see what is missing")]


def _name_losses(contingencies: Collection[str]) -> Phrase:
    """Return under which losses something is so: by their ids, and in words where nothing is lost."""
    lost = ", ".join(name for name in contingencies if name != BASE)
    if BASE not in contingencies:
        return Phrase("under {0}", lost)
    return Phrase("with nothing lost and under {0}", lost) if lost else Phrase("with nothing lost")


def _describe_cause(plan: Plan, cause: CauseGroup) -> Phrase:
    """Return what a client out of reach lacks, and what cures it."""
    time = "" if cause.start is None else f"{cause.start.astimezone(zone(plan.time_zone)):%H:%M}"
    return describe_cause(cause, _name_losses(cause.contingencies), time)


def _format_time(plan: Plan, interval: int) -> str:
    return f"{plan.starts[interval].astimezone(zone(plan.time_zone)):%H:%M}"


def is_harmless(plan: Plan, contingency: str) -> bool:
    """Return whether a loss moves no agent."""
    return not plan.scenarios[contingency].moves


def list_harmless_lines(plan: Plan) -> list[str]:
    """Return a line that names the losses that move no agent."""
    names = [c.id for c in plan.contingencies if is_harmless(plan, c.id)]
    return [Phrase("Losing {0} moves no agent.", ", ".join(names))] if names else []


def list_kit_lines(plan: Plan) -> list[str]:
    """Return a line for the kits of each site: how many are taken home, and how many agents share them."""
    return [
        Phrase(
            "Kits for work at home, {0}: {1} of {2} taken home; agents who share them: {3}.",
            one.site,
            len(one.holders),
            one.kits,
            one.people,
        )
        for one in plan.kits
    ]


_HEADS = {
    BASE: Phrase("nothing lost"),
    "site": Phrase("site"),
    "carrier": Phrase("carrier"),
    "destination": Phrase("country"),
    "named": Phrase("set"),
}
"""Above the columns of the matrix, by kind of loss."""


def build_matrix_tables(plan: Plan, speech: Speech) -> Iterator[Table]:
    """Yield the relief matrix in tables narrow enough for a terminal: the worst half hour in %."""
    marks = (f"{_MARK[one]} {speech.say(one.label)}" for one in reversed(PLANNED_STATUSES) if _MARK[one])
    title = speech.say(Phrase("Relief matrix: coverage of the worst half hour, %"))
    legend = f"{title}\n{'   '.join(marks)}"
    columns = [BASE, *(c.id for c in plan.contingencies if not is_harmless(plan, c.id))]
    for first in range(0, len(columns), ACROSS):
        part = columns[first : first + ACROSS]
        table = Table(title=None if first else legend, title_justify="left")
        _add_columns(table, part, speech)
        for client, label in plan.clients:
            row = [Text(label)]
            for name in part:
                cell = plan.cell[client, name]
                text = f"{round_coverage(cell.worst_coverage):.0f}{_MARK[cell.status]}"
                row.append(Text(text, style=_STYLE[cell.status]))
            table.add_row(*row)
        yield table


def _add_columns(table: Table, contingencies: Sequence[str], speech: Speech) -> None:
    """Add the column of the clients and one for each loss."""
    table.add_column(speech.say(Phrase("client")), no_wrap=True, max_width=18)
    for name in contingencies:
        kind, _, label = name.partition(":")
        head = speech.say(_HEADS.get(kind, kind))
        table.add_column(f"{head}\n{label}".rstrip(), justify="right", min_width=6, max_width=8)


def build_sudden_tables(plan: Plan, speech: Speech) -> Iterator[Table]:
    """Yield what each loss leaves in the middle of the day, at the half hour at which it does most."""
    columns = [row.id for row in plan.contingencies if any(one.contingency == row.id for one in plan.sudden)]
    title = speech.say(
        Phrase("Lost in the middle of the day, at the half hour at which that does most: least coverage then, %")
    )
    for first in range(0, len(columns), ACROSS):
        part = columns[first : first + ACROSS]
        table = Table(title=None if first else title, title_justify="left")
        _add_columns(table, part, speech)
        for client, label in plan.clients:
            row = [Text(label)]
            for name in part:
                found = plan.sudden_loss.get((client, name))
                if found is None:
                    row.append(Text(""))
                    continue
                share = f"{round_coverage(found.worst_coverage):.0f}{_MARK[found.status]}"
                row.append(Text(f"{share}\n{_format_time(plan, found.interval)}", style=_STYLE[found.status]))
            table.add_row(*row)
        yield table


def list_missing_lines(plan: Plan) -> list[str]:
    """Return what is missing, in words."""
    missing = plan.missing
    if missing is None:
        return []
    if not missing.purchases and not missing.checked:
        return [
            Phrase(
                "In fractions of people nothing is missing, but whole people miss a target: use a"
                " slightly less strict --target, or train one more agent."
            ),
            *_list_left_lines(plan),
        ]
    if not missing.purchases and not missing.incurable:
        return [Phrase("Nothing is missing: every client holds its target under every single loss.")]
    lines: list[str] = []
    if missing.purchases:
        state = Phrase("checked by planning again")
        if missing.left:
            state = Phrase("planned again with it, targets still missed: {0}", len(missing.left))
        lines.append(
            Phrase(
                "What is missing: EUR {0} (at least EUR {1}; {2})",
                NumberPhrase(missing.cost),
                NumberPhrase(missing.lower_bound),
                state,
            )
        )
        for one in missing.purchases:
            what = {
                "laptop": Phrase("laptops"),
                "seat": Phrase("seats"),
                "skill": Phrase("trained for {0}", one.programme),
                "vehicle": Phrase("vehicles like that"),
                "hire": Phrase("hired for {0}", one.programme),
            }
            price = NumberPhrase(one.price)
            lines.append(Phrase("  {0} {1} at {2}, EUR {3}", f"{one.count:>4}", what[one.kind], one.where, price))
    names = dict(plan.clients)
    cells = [plan.cell[client, contingency] for contingency, client in missing.incurable]
    lines += [
        Phrase("  nothing on the list is enough for {0} {1}", names[cause.client], _describe_cause(plan, cause))
        for cause in group_causes(plan, cells)
    ]
    lines += [
        Phrase("  nothing on the list cures {0} {1}", names[cell.client], _name_losses([cell.contingency]))
        for cell in cells
        if plan.find_cause(cell) is None
    ]
    return lines + _list_left_lines(plan)


def _list_left_lines(plan: Plan) -> list[str]:
    """Return which client still misses its target under which loss, and by how much."""
    names = dict(plan.clients)
    return [
        Phrase(
            "  {0} still misses its target {1} by {2} % of its day, {3} agent half hours",
            names[row.client],
            _name_losses([row.contingency]),
            f"{100 * (row.share or 0.0):.2g}",
            f"{row.half_hours or 0.0:.2g}",
        )
        for row in plan.list_left()
    ]


def list_proof_lines(plan: Plan) -> list[str]:
    """Return how good the plan is proved to be."""
    bound = plan.bound
    checker = Phrase("Independent checker: no violation in the plan of the day and every relief.")
    if plan.violations:
        checker = Phrase("Independent checker: {0} violations.", len(plan.violations))
    base = round(bound.penalty - bound.lp_penalty, 1) + 0.0  # no minus before a zero
    regrets = reduce(lambda before, part: Phrase("{0}, {1}", before, part), _list_regrets(bound))
    return [
        _describe_bound(bound),
        *([] if bound.solved else [_STOPPED]),
        Phrase(
            "With nothing lost, in whole people: penalty {0}, {1}{2} against fractions.",
            NumberPhrase(bound.penalty, 1),
            "" if base < 0 else "+",
            NumberPhrase(base, 1),
        ),
        Phrase("Worst regret, in whole people (in fractions): {0}.", regrets),
        checker,
        *(Phrase("  violation: {0}", line) for line in plan.violations[:10]),
    ]


def _describe_bound(bound: Bound) -> Phrase:
    """Return what is proved of the objective; in words where nothing is."""
    objective, lower = NumberPhrase(bound.objective, 1), NumberPhrase(bound.lower_bound, 1)
    if not bound.lower_bound > 0 and bound.objective > 0:
        return Phrase(
            "Nothing is proved: this plan's objective is {0}; the solver ended without a bound above zero ({1}).",
            objective,
            bound.status,
        )
    requirement = NumberPhrase(100 * bound.requirement_gap, 3)
    if bound.penalty_gap != bound.penalty_gap:
        return Phrase(
            "Proof, for breaks at {4} places at most a shift: no plan is better than {0}; this one is {1}: a gap of"
            " {2}% of the requirement (solver: {3}).",
            lower,
            objective,
            requirement,
            bound.status,
            BREAKS,
        )
    return Phrase(
        "Proof, for breaks at {5} places at most a shift: no plan is better than {0}; this one is {1}: a gap of {2}%"
        " of the penalty, {3}% of the requirement (solver: {4}).",
        lower,
        objective,
        NumberPhrase(100 * bound.penalty_gap, 2),
        requirement,
        bound.status,
        BREAKS,
    )


_KINDS = {
    "site": Phrase("single sites"),
    "carrier": Phrase("carriers of home lines"),
    "destination": Phrase("destinations"),
    "named": Phrase("named sets"),
}


def _list_regrets(bound: Bound) -> list[Phrase]:
    """Return the worst regret of each kind of loss, like beside like; only what is planned for has
    a figure in fractions."""
    parts = []
    for kind, label in _KINDS.items():
        if kind in bound.regret:
            part = Phrase("{0} {1}%", label, NumberPhrase(100 * bound.regret[kind], 1))
            if kind in bound.lp_regret:
                fractions = NumberPhrase(100 * bound.lp_regret[kind], 1)
                part = Phrase("{0} ({1}%)", part, fractions)
            parts.append(part)
    return parts


def list_explanation_lines(plan: Plan, found: Explanation) -> list[str]:
    """Return why a client misses what it misses, and what one more of anything would bring."""
    label = dict(plan.clients)[found.client]
    losses = _name_losses([found.contingency])
    lines = [f"{label} {losses}: {found.missing:,.1f} agent half hours missing (in fractions)"]
    for one in found.bindings:
        if one.rule == "seats":
            first, last = (_format_time(plan, one.intervals[0]), _format_time(plan, one.intervals[-1]))
            lines.append(f"  binds: the seats of {one.where}, {first} to {last}")
        else:
            lines.append(f"  binds: everyone who knows {one.where} is at work ({one.price:.1f})")
    words = {"laptop": "laptop at", "seat": "seat at", "skill": "person trained at"}
    for more in found.one_more:
        learnt = f" for {more.programme}" if more.programme else ""
        gain = round(more.gain, 1) + 0.0  # no minus before a zero
        lines.append(
            f"  one more {words[more.kind]} {more.where}{learnt}: {gain:+.1f} half hours for"
            f" the client, solved again ({more.slope:.1f} by the dual, all clients, weighted)"
        )
    return lines


def list_move_lines(plan: Plan, moves: tuple[Move, ...], names: bool) -> list[str]:
    """Return the moves of agents, grouped by origin and destination, or name by name."""
    lines = []
    for group in group_moves(moves):
        lines.append(f"  {len(group.agents):>4}  {_describe_moves(group)}")
        if names:
            lines.append(f"        {' '.join(group.agents)}")
    return lines


def _describe_moves(group: MoveGroup) -> str:
    def at(post: Post) -> str:
        place, programme = post
        return f"{programme} {'at home' if place == HOME else 'on ' + place}"

    before = at(group.before) if group.before else "reserve"
    if group.after is None:
        return f"{before} -> {group.reason}"
    after = at(group.after)
    return f"{before} -> {after}" if before != after else f"{before}: break moved"


_ERR = Console(stderr=True)
_STAGES = {
    "usable seats": Phrase("usable seats"),
    "floors": Phrase("best of each client"),
    "n-1 programme": Phrase("if one place closes"),
    "whole people": Phrase("whole people"),
    "reliefs": Phrase("reliefs"),
    "bound": Phrase("proof"),
}
"""The stages of the planner, as the bars name them."""


class PlanBars(VerificationBars):
    """The days are solved, simulated, and what is missing is searched, in sight."""

    now = staticmethod(time.perf_counter)

    def __init__(self, speech: Speech, hybrid: bool = False) -> None:
        super().__init__()
        self._speech, self._hybrid = speech, hybrid
        self._bar = Progress(console=_ERR)
        self._tasks: dict[object, TaskID] = {}

    @contextmanager
    def step(self, step: Step, needs: Sequence[Requirement]) -> Iterator[None]:
        self.close()
        if step == "planning" and self._hybrid:
            with _ERR.status(self._speech.say(Phrase("planning the hybrid week"))):
                yield
        elif step == "simulation":
            try:
                yield
            finally:
                self.close()
        else:
            more = [TextColumn("{task.fields[words]}")] if step == "missing" else []
            columns = (SpinnerColumn(), TextColumn("{task.description:<27}"), BarColumn())
            bars = Progress(*columns, TimeElapsedColumn(), *more, console=_ERR, transient=False)
            self._bar, self._tasks = bars, {}
            with bars:
                if step == "planning" and len(needs) == 1:
                    for stage, name in _STAGES.items():
                        self._add(stage, name, start=False)
                elif step == "planning":
                    for need in needs:
                        day = format_short_day(need.day, self._speech.language)
                        self._add(need.day, Phrase("plan of {0}", day))
                yield

    def _add(self, key: object, name: Phrase, start: bool = True) -> None:
        task = self._bar.add_task(self._speech.say(name), start=start, total=1.0, words="")
        self._tasks[key] = task

    def stage(self, day: date | None, stage: str, share: float) -> None:
        if day is not None:
            self._bar.start_task(self._tasks[stage])
            self._bar.update(self._tasks[stage], completed=share)

    def finish_solving(self, day: date) -> None:
        self._bar.update(self._tasks[day], completed=1.0)

    def search_missing(self, day: date, share: float, words: str) -> None:
        if day not in self._tasks:
            shown = format_short_day(day, self._speech.language)
            self._add(day, Phrase("what is missing, {0}", shown))
        self._bar.update(self._tasks[day], completed=share, words=words)


def build_week_table(operator: Operator, week: HybridWeek, plans: Sequence[Plan], speech: Speech) -> Table:
    """Return the members of each team on site and at home, by day; ``*`` where it meets."""
    title = Phrase("Hybrid week: on site + at home, * the team meets")
    table = Table(title=speech.say(title), title_justify="left")
    table.add_column(speech.say(Phrase("team")))
    for day in week.days:
        table.add_column(f"{day:%d/%m}", justify="right")
    at_work = {plan.day: {*(row.key for row in plan.placements), *plan.reserve} for plan in plans}
    for team in operator.teams:
        members = [row.id for row in operator.agents if row.team == team.id]
        row = [team.id]
        for day in week.days:
            here = [agent for agent in members if agent in at_work.get(day, ())]
            home = sum(day in week.home.get(agent, ()) for agent in here)
            mark = "*" if day in week.meetings.get(team.id, ()) else ""
            row.append(f"{mark}{len(here) - home}+{home}" if here else "")
        table.add_row(*row)
    return table


def list_week_lines(found: HybridPlan) -> list[str]:
    """Return how near the week is to the best, and what its meetings cost."""
    lines: list[str] = [
        Phrase(
            "The week is {0}% above a bound that no week is below ({1} against {2} weighted agent-intervals).",
            NumberPhrase(100 * found.gap, 2),
            NumberPhrase(found.objective, 1),
            NumberPhrase(found.bound, 1),
        )
    ]
    if found.kept:
        lines.append(Phrase("The last week stands: no other is better by 0.5%."))
    if found.meeting_calls is not None:
        lines.append(
            Phrase(
                "While nothing is lost the meetings cost {0} missed calls in the week.",
                NumberPhrase(found.meeting_calls, 1),
            )
        )
    return lines
