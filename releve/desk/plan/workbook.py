"""Plans as Excel: who works where and when, who goes where if a place is lost, coverage, what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from releve.desk.plan.page import PlanPage, plan_page, show_plan
from releve.desk.plan.words import cause_sentence, contingency_name, move_reason, purchase_words, status_word
from releve.desk.text import text_now
from releve.files.operator_folder import Cell, ListSheet, write_sheets
from releve.network import HOME, Operator
from releve.network.moments import zone
from releve.plan import Plan
from releve.plan.coverage import round_coverage
from releve.plan.result import CARRIED, Placement, read_agent


def write_plans(plans: Sequence[Plan], operator: Operator, created: datetime) -> bytes:
    """Return the workbook of the plans of some days, made for an operator.

    Times are those of the place; at home, of the agent's site. It names agents and all clients.
    """
    days = [plan.day for plan in plans]
    found = [(plan, plan_page(show_plan(plan, days))) for plan in plans]
    return write_sheets(
        (
            ListSheet(
                _("Who works where"), _list_post_titles(), [row for one in found for row in _list_posts(*one, operator)]
            ),
            ListSheet(
                _("Who goes where"), _list_move_titles(), [row for one in found for row in _list_moves(*one, operator)]
            ),
            ListSheet(
                _("Coverage"),
                (
                    _("Day"),
                    _("Client"),
                    _("If this is lost"),
                    _("Verdict"),
                    _("Worst half hour, %"),
                    _("At"),
                    _("Whole day, %"),
                ),
                [row for _plan, page in found for row in _list_cells(page)],
            ),
            ListSheet(
                _("What is missing"),
                (_("Day"), _("What"), _("Where"), _("Number"), _("Unit price, €"), _("Price, €"), _("For whom")),
                [row for _plan, page in found for row in _list_missing(page)],
            ),
        ),
        created,
    )


def _list_post_titles() -> tuple[str, ...]:
    return (
        _("Day"),
        _("Agent"),
        _("Home site"),
        _("Place"),
        _("Client"),
        _("Programme"),
        _("Starts at"),
        _("Ends at"),
        _("Breaks"),
        _("Since the day before"),
    )


def _list_posts(plan: Plan, page: PlanPage, operator: Operator) -> Iterator[tuple[Cell, ...]]:
    names = _Names(plan, page, operator)
    for row in sorted(plan.placements, key=lambda one: (one.agent, one.start)):
        breaks = [(row.break_start, row.break_end), *((one.start, one.end) for one in row.pauses)]
        text = text_now(names.find_zone(row))
        said = ", ".join(sorted(text.span(*span) for span in breaks if span[0] and span[1]))  # type: ignore[arg-type]
        carried = _("yes") if row.duty == CARRIED else None
        yield (plan.day, row.agent, names.name_home(row.agent), *names.list_cells(row), said, carried)
    for key in plan.reserve:
        agent = read_agent(key)
        yield (plan.day, agent, names.name_home(agent), _("in reserve"), *(None,) * 6)


def _list_move_titles() -> tuple[str, ...]:
    before = (_("Place before"), _("Client before"), _("Programme before"), _("Start before"), _("End before"))
    after = (_("Place after"), _("Client after"), _("Programme after"), _("Start after"), _("End after"))
    return (_("Day"), _("If this is lost"), _("Agent"), *before, *after, _("Reason"))


def _list_moves(plan: Plan, page: PlanPage, operator: Operator) -> Iterator[tuple[Cell, ...]]:
    names = _Names(plan, page, operator)
    for loss in page.contingencies:
        scenario = plan.scenarios.get(loss.id)
        for move in () if scenario is None else scenario.moves:
            sides = (*names.list_cells(move.before), *names.list_cells(move.after))
            yield (plan.day, contingency_name(loss.id, page), move.agent, *sides, move_reason(move.reason))


def _list_cells(page: PlanPage) -> Iterator[tuple[Cell, ...]]:
    for cell in page.matrix:
        yield (
            page.plan.day,
            page.client_names[cell.client],
            contingency_name(cell.contingency, page),
            status_word(cell.status),
            None if cell.worst_coverage is None else int(round_coverage(cell.worst_coverage)),
            None if cell.worst_start is None else text_now(page.plan.time_zone).clock(cell.worst_start),
            None if cell.covered is None else int(round_coverage(cell.covered)),
        )


def _list_missing(page: PlanPage) -> Iterator[tuple[Cell, ...]]:
    day, missing = page.plan.day, page.missing
    for item in missing.purchases if missing is not None else ():
        where = page.place_names.get(item.where, item.where)
        prices = (item.count, round(item.unit_price), round(item.price))
        yield (day, purchase_words(item, page), where, *prices, ", ".join(item.agents))
    for cause in page.causes:
        name = page.client_names[cause.client]
        yield (day, f"{name}: {cause_sentence(cause, page)}", *(None,) * 5)


class _Names:
    """How the people and places of a plan are written in its workbook."""

    def __init__(self, plan: Plan, page: PlanPage, operator: Operator) -> None:
        self._plan, self._operator = plan, operator
        self._sites = {site.id: site for site in plan.sites}
        self._programmes = {row.id: row for row in page.programmes}
        self._clients: Mapping[str, str] = page.client_names

    def name_home(self, agent: str) -> str:
        """Return the name of an agent's own site; empty for one whom the operator does not have."""
        row = self._operator.agent.get(agent)
        site = None if row is None else self._sites.get(row.home_site)
        return site.name if site else "" if row is None else row.home_site

    def find_zone(self, row: Placement) -> str:
        """Return the time zone of a post: its site's, at home that of the agent's site."""
        agent = self._operator.agent.get(row.agent)
        place = agent.home_site if row.place == HOME and agent is not None else row.place
        return self._sites[place].time_zone if place in self._sites else self._plan.time_zone

    def list_cells(self, row: Placement | None) -> tuple[Cell, ...]:
        """Return the place, client, programme, start and end of a post; in reserve without one."""
        if row is None:
            return (_("in reserve"), *(None,) * 4)
        programme = self._programmes[row.programme]
        place = _("at home") if row.place == HOME else self._sites[row.place].name
        start, end = (at.astimezone(zone(self.find_zone(row))).replace(tzinfo=None) for at in (row.start, row.end))
        return (place, self._clients[programme.client], programme.name, start, end)
