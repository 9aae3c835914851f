"""The service of the day: calls against forecast, the wall view, statements of clients."""

from __future__ import annotations

import math
from calendar import monthrange
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Annotated

from django.http import HttpRequest, HttpResponse
from django.template import Library
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext
from pydantic import BeforeValidator, Field

from releve.accounts.scopes import can, scope_for
from releve.desk.client_status import StandingPage, build_standing
from releve.desk.endpoint import serve
from releve.desk.filters import add_words
from releve.desk.http import failure, page_response, part_response, require_found
from releve.desk.ledger import translate_kind
from releve.desk.live.page import ShownStream, read_stream
from releve.desk.page import Figure, PageModel, share_page
from releve.desk.text import NO_BREAK, text_now, translate_phrase
from releve.live import api as live
from releve.live.api import ClientStanding, DaySeal, IdentityCache, NeedKind, ServiceDay, ServiceLoss, TargetState
from releve.network import Client, Operator, zone
from releve.service_record.statistics import FaultyFile, list_faulty_files

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


_FAULTS_SHOWN = timedelta(hours=12)


def _round_minutes(minutes: float) -> int | None:
    return int(minutes) if math.isfinite(minutes) else None


_Minutes = Annotated[int | None, BeforeValidator(_round_minutes)]


class ProgrammeServiceNow(PageModel):
    """A programme's day so far and to come; null: not known."""

    programme: str
    name: str
    kind: str
    state: TargetState = Field(
        description="Of the day's target: lost for good; losing: below it or to be so today with"
        " the agents expected; below: below it, and to be back; held; unknown"
    )
    target: float = Field(description="Service level that the contract asks of the day")
    offered: Figure = Field(description="Calls of the half hours known so far")
    expected: Figure = Field(description="What the morning's forecast said of these")
    answered: Figure
    abandoned: Figure
    level: Figure = Field(description="Service level of the day by the contract's definition")
    last: datetime | None = Field(description="Start of the last half hour known")
    level_last: Figure = Field(description="Service level of that half hour")
    offered_now: Figure = Field(description="Calls so far of the running half hour, which the day does not count yet")
    answered_now: Figure
    abandoned_now: Figure
    wait_now_s: Figure = Field(description="Mean seconds that the calls answered in it waited")
    rest_morning: Figure = Field(description="Calls to come today by the morning's forecast")
    rest: Figure = Field(description="Calls to come today, forecast again from what came")
    level_at_end: Figure = Field(description="Service level foreseen for the whole day")
    present: Figure = Field(description="Agents signed in")
    placed: Figure = Field(description="Agents placed now, less shrinkage")
    planned: Figure = Field(description="Agents required on the phone now by the plan in force")
    required: Figure = Field(description="Agents required on the phone now, of `need_kind`")
    need_kind: NeedKind = Field(default="reforecast", description="Forecast again from the calls that came")
    below_minutes: _Minutes = Field(
        description="Minutes until the day's level is below its target; null: not today, or unknown"
    )
    lost_minutes: _Minutes = Field(description="Minutes until it cannot come back today; null: not today, or unknown")
    reopened: bool = Field(
        default=False,
        description="The forecast had it closed by a public holiday, and its calls say it is open: the rest"
        " of the day is that of an open day at the level of these calls",
    )


class ClientServiceNow(PageModel):
    """A client's programmes, and the calls of those inbound; null where one is not known."""

    client: str
    name: str
    state: TargetState
    offered: Figure
    expected: Figure
    answered: Figure
    abandoned: Figure
    programmes: tuple[ProgrammeServiceNow, ...]


class ServiceNow(PageModel):
    """The calls of today: null figures where no source reported."""

    at: datetime = Field(description="To the minute")
    time_zone: str
    half_hour: datetime = Field(description="Start of the running half hour")
    reported_at: datetime | None = Field(description="When the last report was recorded today")
    forecast: bool = Field(description="Whether the morning's forecast of the day was made")
    clients: tuple[ClientServiceNow, ...] = Field(description="Targets that are lost come first")
    faults: tuple[FaultyFile, ...] = Field(description="To readers who see every client")
    relief_url: str = Field(description="Where a relief is proposed for the calls foreseen; empty while targets hold")

    @property
    def any(self) -> bool:
        """Whether anything came today."""
        return self.reported_at is not None or any(
            row.present is not None for client in self.clients for row in client.programmes
        )


class WallClient(PageModel):
    """A client as on *Now*, and its calls of today; null in a drill."""

    standing: ClientStanding
    service: ClientServiceNow | None


class WallPage(StandingPage):
    """What *Now* says of the clients, with their calls of today."""

    service: ServiceNow | None = Field(description="The calls of today; null in a drill")
    tiles: tuple[WallClient, ...] = Field(description="The clients, those served worst first")


def wall_page(shown: ShownStream, user: AnyUser) -> WallPage:
    """Return the wall of a stream for a user: the same coverage, of the same instant, as on *Now*."""
    operator, scene = live.operator_now(), live.load_scene(shown.name)
    situation = live.situation_now(shown.name) if scene is None else scene.situation
    head = build_standing(shown, user, operator, scene, situation, scope_for(user, "plan.see"))
    service = None if live.is_drill(shown.name) else service_now(live.real_now(), user, scene)
    calls = {row.client: row for row in service.clients} if service is not None else {}
    rows: tuple[ClientStanding, ...] = head["clients"]
    known = {row.client for row in rows}
    rest = (operator.client[name] for name in calls if name not in known)
    rows = (*rows, *(live.describe_standing(client, None) for client in rest))
    tiles = tuple(WallClient(standing=row, service=calls.get(row.client)) for row in rows)
    return WallPage(**head, service=service, tiles=tiles)


def service_now(at: datetime, user: AnyUser, scene: live.Scene | None) -> ServiceNow | None:
    """Return the calls of the day for a user; None where the user may see none, or has no client.

    The number of queries does not depend on what the record holds.
    """
    if not can(user, "plan.see"):
        return None
    seen, found = scope_for(user, "plan.see"), live.compute_service_day(at, scene)
    if found is None:
        return None
    clients = tuple(row for row in _build_clients(found) if seen.has_client(row.client))
    faults = list_faulty_files(found.at - _FAULTS_SHOWN) if seen.clients is None else []
    return ServiceNow(
        at=found.at,
        time_zone=found.operator.row.time_zone,
        half_hour=found.half_hour,
        reported_at=found.reported_at,
        forecast=found.forecast,
        clients=tuple(row for row in clients if row.programmes),
        faults=tuple(faults),
        relief_url=_link_relief(user, clients),
    )


def _build_clients(found: ServiceDay) -> tuple[ClientServiceNow, ...]:
    """Return every client as pages hold it; built once for all readers."""
    names = found.operator.programme

    def build() -> tuple[ClientServiceNow, ...]:
        return tuple(
            ClientServiceNow.from_row(
                client,
                programmes=tuple(
                    ProgrammeServiceNow.from_row(row, name=names[row.programme].name) for row in client.programmes
                ),
            )
            for client in found.clients
        )

    return _known_clients.get("", (found,), build)


_known_clients: IdentityCache[tuple[ClientServiceNow, ...]] = IdentityCache(1)


def _link_relief(user: AnyUser, clients: Iterable[ClientServiceNow]) -> str:
    """Return the address of the proposal as foreseen, for a reader of reliefs of all clients."""
    losing = any(row.state in ("lost", "losing") for row in clients)
    may = can(user, "reliefs.see") and scope_for(user, "reliefs.see").clients is None
    return f"{reverse('surge')}?percent=" if losing and may else ""


class PromisedService(PageModel):
    """A programme over the period; null: not known."""

    programme: str
    name: str
    target: float = Field(description="Service level that the contract asks")
    definition: str = Field(description="What it divides by what, as in the operator's tables")
    offered: Figure
    answered: Figure
    level: Figure
    held: bool | None = Field(description="Whether the level is at least the target")
    half_hours: int = Field(description="Half hours of which a source reported")


class ServiceStatement(PageModel):
    """A client's statement of some days."""

    client: str
    name: str
    first: date
    last: date
    time_zone: str
    lines: tuple[PromisedService, ...]
    losses: tuple[ServiceLoss, ...] = Field(description="To outsiders without the places")
    seals: tuple[DaySeal, ...]
    unsealed: int = Field(description="Days of the period without an entry, or with other figures")

    @property
    def day_before(self) -> date:
        """The last day before the period."""
        return self.first - timedelta(days=1)


def read_period(asked: Mapping[str, str], time_zone: str, now: datetime) -> tuple[date, date] | None:
    """Return the days asked for (``day=2026-11-30``, ``month=2026-11``); None where it is wrong."""
    try:
        if month := asked.get("month", ""):
            first = datetime.strptime(month, "%Y-%m").date()  # noqa: DTZ007 (a month)
            return first, first.replace(day=monthrange(first.year, first.month)[1])
        if text := asked.get("day", ""):
            day = date.fromisoformat(text)
            return day, day
    except ValueError:
        return None
    day = now.astimezone(zone(time_zone)).date() - timedelta(days=1)
    return day, day


def statement_page(client: Client, operator: Operator, user: AnyUser, first: date, last: date) -> ServiceStatement:
    """Return the statement of a client, as a reader may see it."""
    found = live.build_statement(operator, client.id, first, last)
    sees = scope_for(user, "sites.see").sites is None
    return ServiceStatement(
        client=client.id,
        name=client.name,
        first=first,
        last=last,
        time_zone=operator.row.time_zone,
        lines=tuple(PromisedService.from_row(row, name=operator.programme[row.programme].name) for row in found.lines),
        losses=found.losses if sees else tuple(replace(row, places=()) for row in found.losses),
        seals=found.seals,
        unsealed=(last - first).days + 1 - sum(seal.agrees for seal in found.seals),
    )


register = Library()
_TONES = {"lost": "missed", "losing": "thin", "below": "thin", "held": "held", "unknown": "unknown"}
add_words(register, "target_tone", _TONES)


@register.filter
def wait_words(row: ProgrammeServiceNow) -> str:
    """Return how long the calls answered in the running half hour waited in the mean; a dash where it is not known."""
    return "–" if row.wait_now_s is None else f"{text_now('UTC').number(row.wait_now_s)}{NO_BREAK}s"


@register.filter
def target_words(row: ProgrammeServiceNow) -> str:
    """Return what becomes of a programme's target today."""
    if row.state == "losing" and row.lost_minutes is not None:
        return _("service level lost in {time}").format(time=_write_minutes(row.lost_minutes))
    if row.state == "losing" and row.below_minutes:
        return _("service level below target in {time}").format(time=_write_minutes(row.below_minutes))
    return str(_STATES[row.state])


_STATES = {
    "lost": lazy("service level lost for today"),
    "losing": lazy("service level below target until the evening"),
    "below": lazy("service level below target for now"),
    "held": lazy("service level held so far"),
    "unknown": lazy("not known"),
}


def _write_minutes(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    if not hours:
        return _("{minutes} min").format(minutes=rest)
    return _("{hours} h {minutes}").format(hours=hours, minutes=f"{rest:02}")


@register.filter
def fault_words(fault: tuple[str, ...]) -> str:
    """Return the texts of a fault of a file as one sentence."""
    return "; ".join(map(translate_phrase, fault))


@register.filter
def level(share: float | None) -> str:
    """Return a service level to a tenth of a percent, cut and not rounded up to a target."""
    return "–" if share is None else text_now("UTC").percent(int(share * 1000 + 1e-9) / 1000, 1)


@register.filter
def deviation(row: object) -> str:
    """Return calls offered over the forecast of the same half hours; empty where not known."""
    offered, expected = getattr(row, "offered", None), getattr(row, "expected", None)
    if offered is None or not expected:
        return ""
    share = round(100 * (offered / expected - 1))
    return _("{sign}{percent} on forecast").format(
        sign="+" if share > 0 else "", percent=text_now("UTC").percent(share / 100)
    )


@register.filter
def half_hour(start: datetime | None, time_zone: str) -> str:
    """Return a half hour by the operator's clocks; empty where there is none."""
    return "" if start is None else text_now(time_zone).time(start)


@register.filter
def period_words(page: ServiceStatement) -> str:
    """Return the days of a statement."""
    text = text_now(page.time_zone)
    if page.first == page.last:
        return text.day(page.first)
    return _("{first} to {last}").format(first=text.day(page.first), last=text.day(page.last))


@register.filter
def loss_words(row: ServiceLoss, operator: Operator) -> str:
    """Return how many calls were not answered while which events lasted."""
    text = text_now(operator.row.time_zone)
    missed = "–" if math.isnan(row.missed) else text.number(row.missed)
    figures = {"missed": missed, "offered": text.number(row.offered)}
    if not row.seqs:
        return _("No event: {missed} of {offered} calls.").format(**figures)
    events = []
    for entry, kind, place in zip_longest(row.seqs, row.kinds, row.places, fillvalue=""):
        site = operator.site.get(place)
        where = f" ({site.name if site else place})" if place else ""
        said = {"kind": translate_kind(kind), "where": where, "entry": entry}
        events.append(_("{kind}{where}, entry {entry}").format(**said))
    lost = _("{events}: {missed} of {offered} calls.").format(events=text.list(events), **figures)
    if not row.late:
        return lost
    late = ngettext(
        "{count} of these events was recorded late.", "{count} of these events were recorded late.", row.late
    ).format(count=text.number(row.late))
    return f"{lost} {late}"


@serve("plan.see")
def wall(request: HttpRequest) -> HttpResponse:
    """How the clients stand and the calls of today, of no person; the screen polls ``?part=live``."""
    shown, user = read_stream(request), request.user
    page = share_page(("wall", shown), user, lambda: wall_page(shown, user))
    if request.GET.get("part") == "live":
        return part_response(request, "desk/service/_wall.html", page, {})
    return page_response(request, "desk/service/wall.html", page, {})


@serve("plan.see", client="client")
def statement(request: HttpRequest, client: str) -> HttpResponse:
    """What was promised and delivered to a client on a day, by default yesterday, or in a month."""
    operator = live.operator_now()
    row = require_found(operator.client.get(client), _("There is no such client."))
    period = read_period(request.GET, operator.row.time_zone, live.real_now())
    if period is None:
        text = _("Write the day as 2026-11-30, or the month as 2026-11.")
        return failure(request, 400, _("This is neither a day nor a month."), text)
    page = statement_page(row, operator, request.user, *period)
    context = {"operator": operator, "reads_ledger": can(request.user, "ledger.see")}
    return page_response(request, "desk/service/statement.html", page, context)


urlpatterns = [path("wall", wall, name="wall"), path("statements/<ref:client>", statement, name="statement")]
