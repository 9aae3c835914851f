"""The coming fourteen days from today's situation: started, shown, each look recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from releve.crashtest.outbreak import Estimate
from releve.desk.access.actor import actor_name
from releve.desk.crashtest.sentences import share
from releve.desk.crashtest.svg import Bar, Shape, range_bar
from releve.desk.endpoint import FORM, serve
from releve.desk.http import answer, keep_unstored
from releve.desk.places.stream_context import StreamContext, moment
from releve.desk.text import Text
from releve.network import zone
from releve.runs.installation import list_plan_sources, open_outlooks
from releve.runs.job_store import ACTIVE_STATES
from releve.runs.orders import record_outlook_view, start_outlook
from releve.runs.outlook_job import (
    KEPT_DAYS,
    OUTLOOK_DAYS,
    OutlookJob,
    read_chances,
    remove_expired_outlooks,
)


@dataclass(frozen=True, slots=True)
class OutlookLine:
    """An outlook in the list."""

    url: str
    name: str
    when: str
    state: str


@dataclass(frozen=True, slots=True)
class ListPage:
    """Every outlook; ``possible``: there is a plan to start one from."""

    looks: tuple[OutlookLine, ...]
    possible: bool
    consequences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chance:
    """A chance as a bar with its interval and in words."""

    name: str
    bar: Bar
    whisker: Shape
    words: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class LookPage:
    """An outlook: on its way, failed, or the chances of each site and client."""

    line: OutlookLine
    reason: str
    sites: tuple[Chance, ...]
    clients: tuple[Chance, ...]
    assumed: tuple[str, ...]


@serve("crashtest.outlook", FORM)
def outlooks(request: HttpRequest) -> HttpResponse:
    """The outlooks of the last weeks, and the start of one."""
    now, held, sources = moment(request), open_outlooks(), list_plan_sources()
    remove_expired_outlooks(held)
    if request.method == "POST" and sources:
        folder = start_outlook(
            now.operator,
            now.situation,
            now.at,
            stream=now.stream,
            source=next(iter(sources)),
            by=actor_name(request),
        )
        messages.success(request, _("The outlook is on its way."))
        return redirect("outlook", folder.name)
    looks = [look for look in held.list_jobs() if look.order.stream == now.stream]
    page = ListPage(
        tuple(_line(look, now.text) for look in looks), bool(sources), tuple(_consequences(now))
    )
    twin = {"outlooks": [{"id": look.id, "state": _state_of(look)} for look in looks]}
    return keep_unstored(answer(request, "desk/crashtest/outlooks.html", page, twin))


@serve("crashtest.outlook")
def outlook(request: HttpRequest, run: str) -> HttpResponse:
    """One outlook; the ledger records each view of its chances, before it is shown."""
    now, held = moment(request), open_outlooks()
    remove_expired_outlooks(held)
    look = held.get(run)
    if look is None or look.order.stream != now.stream:
        raise Http404(_("There is no such outlook."))
    if look.state == "done":
        record_outlook_view(look, actor_name(request))
    page = _page(look, now.text)
    twin = {"outlook": look.id, "state": _state_of(look), "from": look.order.first}
    twin |= read_chances(look) or {"reason": look.reason} if twin["state"] != "running" else {}
    return keep_unstored(answer(request, "desk/crashtest/outlook.html", page, twin))


def _consequences(now: StreamContext) -> Iterator[str]:
    text = now.text
    yield _(
        "It starts from the cases and closures known now, and looks {days} days ahead from "
        "tomorrow on, under the plan in force."
    ).format(days=text.number(OUTLOOK_DAYS))
    yield _(
        "The cases are written down for its process alone and removed when it ends. What is kept, "
        "for {days} days, are chances by site and by client."
    ).format(days=text.number(KEPT_DAYS))
    yield _("Who makes one, and who looks at one, is recorded.")


def _state_of(look: OutlookJob) -> str:
    """Return running, failed or done: an outlook has no turn to wait for and is not stopped."""
    if look.state in ACTIVE_STATES:
        return "running"
    return "done" if look.state == "done" else "failed"


def _line(look: OutlookJob, text: Text) -> OutlookLine:
    at = datetime.fromisoformat(look.order.at)
    local = at.astimezone(zone(text.time_zone)).date()
    first = date.fromisoformat(look.order.first)
    last = first + timedelta(days=OUTLOOK_DAYS - 1)
    return OutlookLine(
        reverse("outlook", args=[look.id]),
        _("{first} to {last}").format(
            first=text.day(first, weekday=False), last=text.day(last, weekday=False)
        ),
        _("{day}, {time}, by {who}").format(
            day=text.day(local, weekday=False), time=text.time(at), who=look.order.by
        ),
        _state_of(look),
    )


def _page(look: OutlookJob, text: Text) -> LookPage:
    found = read_chances(look)
    sites = [_chance(row["name"], row["closes"], text) for row in found.get("sites", ())]
    clients = [
        _chance(
            row["name"],
            row["misses_a_day"],
            text,
            _("breaks its target over the {days} days: {share}").format(
                days=text.number(found["days"]), share=share(_estimate(row["breaks_target"]), text)
            ),
        )
        for row in found.get("clients", ())
    ]
    return LookPage(
        _line(look, text),
        look.reason,
        tuple(sites),
        tuple(clients),
        tuple(_assumed(found, text)) if look.state == "done" else (),
    )


def _chance(name: str, row: Mapping[str, float], text: Text, more: str = "") -> Chance:
    one = _estimate(row)
    return Chance(name, *range_bar(one.value, one.low, one.high, 1.0), share(one, text), more)


def _estimate(row: Mapping[str, float]) -> Estimate:
    return Estimate(row["value"], row["low"], row["high"])


def _assumed(found: Mapping[str, Any], text: Text) -> Iterator[str]:
    yield _(
        "Whom the known cases infected is not known. Assumed: each has infected one colleague of "
        "the zones they worked in, drawn again each time."
    )
    yield _("A site lost for an unknown time is taken to be lost for two days.")
    yield _(
        "Chances over {count} simulated courses of these days; in brackets the 95% interval that "
        "their number leaves. That the model is wrong is not in it."
    ).format(count=text.number(found["quarters"]))
