"""Template filters that say in words what the verdict page of a plan holds as codes."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import NamedTuple

from django.template import Library
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, npgettext

from releve.desk.plan import names
from releve.desk.plan.names import conditions, kind_title
from releve.desk.plan.page import (
    SEVERITY,
    PlannedCell,
    PlannedClient,
    PlannedPage,
    PlanPage,
    Reason,
)
from releve.desk.text import text_now

register = Library()
register.filter("country", names.country)
register.filter("status_word", names.status_word)
register.filter("cell_word", names.cell_word)
register.filter("client_word", names.client_word)

_FOLD_FROM = 24
"""Number of clients from which those that are held are folded away."""
_WIDE_FROM = 36
"""Length of a name from which its column is wide."""


class Tally(NamedTuple):
    """How many clients have one status."""

    status: str
    clients: int
    word: str


class Fact(NamedTuple):
    """A measured or proved figure with its name and what it means."""

    name: str
    value: str
    meaning: str


class MatrixColumn(NamedTuple):
    """A contingency at the head of a column; ``first`` of its group, ``wide`` for a long name."""

    id: str
    name: str
    first: bool
    wide: bool
    held: str
    moves: str


class CellWords(NamedTuple):
    """A cell as it is shown: the worst half hour, the whole day, and in words for all."""

    status: str
    url: str
    contingency: str
    worst: str
    day: str
    label: str
    key: str


class LegendItem(NamedTuple):
    """What a status means, in the figures of the plan."""

    status: str
    meaning: str


class DayLink(NamedTuple):
    """A day of the folder; ``current`` when it is the one shown."""

    label: str
    title: str
    url: str
    current: bool


class PlanFrame(NamedTuple):
    """Head and foot of a plan's page."""

    operator: str
    synthetic: bool
    day: str
    days: tuple[DayLink, ...]
    version: str


def plan_frame(page: PlannedPage) -> PlanFrame:
    """Return what frames a page of a plan."""
    text, home, plan = text_now(page.plan.time_zone), reverse("verdict"), page.plan
    links = (
        DayLink(
            text.short_day(day),
            text.day(day),
            f"{home}?day={day.isoformat()}",
            day == plan.day,
        )
        for day in page.days
    )
    days = tuple(links) if len(page.days) > 1 else ()
    return PlanFrame(plan.operator, plan.synthetic, text.day(plan.day), days, plan.version)


@register.filter
def verdict_sentence(page: PlanPage) -> str:
    """Return the verdict over all clients in one sentence."""
    held = page.verdict.secure
    return ngettext(
        "N-1: {held} client of {total} is held whatever place is lost",
        "N-1: {held} clients of {total} are held whatever place is lost",
        held,
    ).format(held=held, total=page.verdict.clients)


@register.filter
def tallies(page: PlanPage) -> list[Tally]:
    """Return how many clients have each status, the held ones first."""
    counts = Counter(client.status for client in page.clients)
    return [
        Tally(status, counts[status], _tally_word(status, counts[status]))
        for status in reversed(SEVERITY)
        if counts[status]
    ]


def _tally_word(status: str, count: int) -> str:
    words = {
        "held": npgettext("clients", "held", "held", count),
        "thin": npgettext("clients", "held, thin", "held, thin", count),
        "unknown": npgettext("clients", "unknown", "unknown", count),
        "contract": npgettext("clients", "contract problem", "contract problems", count),
        "missed": npgettext("clients", "missed", "missed", count),
    }
    return words[status]


@register.filter
def verdict_detail(page: PlanPage) -> str:
    """Return what was examined for the verdict."""
    text, verdict = text_now(page.plan.time_zone), page.verdict
    count, day = verdict.contingencies, text.day(page.plan.day)
    if verdict.placed is None or verdict.reserve is None:
        return ngettext(
            "{count} contingency examined on {day}.",
            "{count} contingencies examined on {day}.",
            count,
        ).format(count=count, day=day)
    return ngettext(
        "{count} contingency examined on {day}; {agents} agents placed, {reserve} in reserve.",
        "{count} contingencies examined on {day}; {agents} agents placed, {reserve} in reserve.",
        count,
    ).format(
        count=count,
        day=day,
        agents=text.number(verdict.placed),
        reserve=text.number(verdict.reserve),
    )


@register.filter
def folds_held(page: PlanPage) -> bool:
    """Return whether the clients that are held are folded away."""
    return len(page.clients) >= _FOLD_FROM


@register.filter
def clients_to_see(page: PlanPage) -> list[PlannedClient]:
    """Return the clients that need attention."""
    return [client for client in page.clients if client.status != "held"]


@register.filter
def clients_held(page: PlanPage) -> list[PlannedClient]:
    """Return the clients that are held."""
    return [client for client in page.clients if client.status == "held"]


@register.filter
def held_title(clients: list[PlannedClient]) -> str:
    """Return how many clients are held."""
    title = ngettext("{count} client held", "{count} clients held", len(clients))
    return title.format(count=len(clients))


@register.filter
def worst_cells(client: PlannedClient, page: PlanPage) -> list[CellWords]:
    """Return a client's cells to show first."""
    return _ranked(client, page)[: client.short]


@register.filter
def other_cells(client: PlannedClient, page: PlanPage) -> list[CellWords]:
    """Return a client's cells that follow the worst."""
    return _ranked(client, page)[client.short :]


def _ranked(client: PlannedClient, page: PlanPage) -> list[CellWords]:
    cells = (page.cells[client.client, key] for key in client.ranking)
    return [word_cell(cell, page, client.name) for cell in cells]


@register.filter
def client_reason(client: PlannedClient, page: PlanPage) -> str:
    """Return why a client has its status."""
    text, reason = text_now(page.plan.time_zone), client.reason
    if reason.code != "missed":
        return reason_words(reason, page, client.name)
    parts = [reason_words(reason, page, client.name)]
    if reason.others:
        parts.append(
            ngettext(
                "{count} other contingency is missed too.",
                "{count} other contingencies are missed too.",
                reason.others,
            ).format(count=text.number(reason.others))
        )
    if client.rounding:
        parts.append(
            _(
                "Only rounding to whole people misses the target {conditions}: one more agent"
                " would meet it."
            ).format(conditions=conditions(page, client.rounding))
        )
    return " ".join(parts)


def reason_words(reason: Reason, page: PlannedPage, client: str) -> str:
    """Return a reason in a sentence; ``client`` stands in for programmes that are not named."""
    text = text_now(page.plan.time_zone)
    sentences = {
        "idle": _("Nothing is required on that day."),
        "covered": _("Fully covered whatever place is lost."),
        "worst": _("At worst {coverage} of the requirement at {time}, {condition}."),
        "unknown": _("No forecast for {programmes}: the requirement is not known."),
        "missed": _("{missing} of the day is missing {condition} ({coverage} at {time})."),
        "contract.cured": _(
            "With today’s means no relief suffices {conditions}; “What is missing” cures it."
        ),
        "contract.one_site": _(
            "No plan can protect it {conditions}: a single site allowed, work on site only."
        ),
        "contract.floor": _(
            "No plan can protect it {conditions}: even with every agent to itself,"
            " {floor} of its day would be missing."
        ),
    }
    when = conditions(page, reason.contingencies)
    missing = "" if reason.missing is None else text.missing(reason.missing)
    return sentences[reason.code].format(
        condition=when,
        conditions=when,
        coverage="" if reason.coverage is None else text.coverage(reason.coverage),
        missing=missing,
        floor=missing,
        programmes=text.list(reason.programmes) or client,
        time="" if reason.start is None else text.time(reason.start),
    )


@register.filter
def beyond_n1(client: PlannedClient, page: PlanPage) -> str:
    """Return which larger losses a client is not held under."""
    return _("Beyond N-1: not held {conditions}.").format(
        conditions=conditions(page, client.beyond)
    )


def word_cell(cell: PlannedCell, page: PlannedPage, client: str) -> CellWords:
    """Return a client's cell in words; written once however often it is shown."""
    key = (text_now("UTC").language, cell.client, cell.contingency)
    found: CellWords | None = page.worded_cells.get(key)
    if found is None:
        found = page.worded_cells[key] = _write_cell_words(cell, page, client)
    return found


def _write_cell_words(cell: PlannedCell, page: PlannedPage, client: str) -> CellWords:
    worst = _share(cell.worst_coverage)
    day = _share(None if cell.shortfall is None else 1 - cell.shortfall)
    contingency = names.contingency_name(page, cell.contingency)
    label = _("{client}, {contingency}: {word}; worst interval {coverage}, whole day {day}").format(
        client=client,
        contingency=contingency,
        word=names.cell_word(cell),
        coverage=worst,
        day=day,
    )
    return CellWords(cell.status, cell.url, contingency, worst, day, label, cell.contingency)


def _share(share: float | None) -> str:
    return "?" if share is None else text_now("UTC").coverage(share)


@register.filter
def column_groups(page: PlanPage) -> list[tuple[str, int]]:
    """Return the title of each group of columns of one kind, and how many they are."""
    groups = groupby(page.contingencies, key=lambda loss: loss.kind)
    return [(kind_title(kind), len(list(members))) for kind, members in groups]


@register.filter
def matrix_columns(page: PlanPage) -> list[MatrixColumn]:
    """Return the heads of the columns."""
    text, columns, kind = text_now("UTC"), [], ""
    for loss in page.contingencies:
        name = names.contingency_name(page, loss.id)
        moves = "?" if loss.moves is None else text.number(loss.moves)
        first, wide = loss.kind != kind, len(name) > _WIDE_FROM
        columns.append(MatrixColumn(loss.id, name, first, wide, text.number(loss.held), moves))
        kind = loss.kind
    return columns


@register.filter
def matrix_cells(client: PlannedClient, page: PlanPage) -> list[tuple[CellWords | None, bool]]:
    """Return a client's cells in the order of the columns, with whether each opens a group."""
    found, kind = [], ""
    for loss in page.contingencies:
        cell = page.cells.get((client.client, loss.id))
        words = None if cell is None else word_cell(cell, page, client.name)
        found.append((words, loss.kind != kind))
        kind = loss.kind
    return found


@register.filter
def legend(page: PlanPage) -> list[LegendItem]:
    """Return what each status means."""
    text = text_now("UTC")
    target, thin = text.percent(page.target), text.percent(page.thin)
    meanings = {
        "held": _("at most {target} of the day missing, every half hour at {thin} or more"),
        "thin": _("at most {target} of the day missing, some half hour below {thin}"),
        "missed": _("more than {target} of the day missing"),
        "contract": _("more than {target} of the day missing, and no plan can do better"),
        "unknown": _("no forecast, so no requirement"),
    }
    return [
        LegendItem(status, words.format(target=target, thin=thin))
        for status, words in meanings.items()
    ]
