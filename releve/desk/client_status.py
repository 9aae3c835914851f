"""How the clients stand while places are lost: what *Now*, the wall and their headlines hold alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pydantic import Field

from releve.accounts.scopes import Scope, is_outsider, scope_for
from releve.desk.live.page import ShownStream
from releve.desk.live.words import when
from releve.desk.page import PageModel, StreamPage
from releve.desk.text import text_now, translate_phrase
from releve.live import api as live
from releve.live.api import ClientImpact, ClientStanding, PlanReach, Scene
from releve.network import Operator
from releve.plan.service_status import Status, Tone, judge_service, phrase_status
from releve.situation import SiteStatus, Situation, list_site_statuses

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser
    from releve.desk.live.page import FormPage


class CarrierDown(PageModel):
    """A carrier whose home lines are down."""

    name: str
    since: datetime
    expected_until: datetime | None


class StandingPage(StreamPage):
    """How clients and sites stand, as far as the reader may see them."""

    state: Status = Field(description="The worst of the clients seen; of none: thin when a site is lost, or unknown")
    tone: Tone = Field(default=Tone.UNKNOWN, description="The colour of the state: how much is missing")
    plan: PlanReach
    sites: tuple[SiteStatus, ...] = Field(description="Those that are closed or cut off first")
    carriers: tuple[CarrierDown, ...] = Field(default=(), description="Carriers whose home lines are down")
    clients: tuple[ClientStanding, ...] = Field(description="Those served worst first")

    @property
    def lost(self) -> tuple[SiteStatus, ...]:
        """Sites that are closed or cut off."""
        return tuple(site for site in self.sites if site.state != "open")

    @property
    def worst(self) -> ClientStanding | None:
        """The client served worst: now where one is short now, else within 48 hours."""
        return live.find_worst_client(self.clients)


def build_standing(
    shown: ShownStream, user: AnyUser, operator: Operator, scene: Scene | None, situation: Situation, seen: Scope
) -> dict[str, Any]:
    """Return the fields of a StandingPage of the clients in a scope, and of the sites that the user may see."""
    coverage = None if scene is None else live.compute_scene_coverage(scene)
    plan, ranked = live.find_plan_reach(coverage), live.rank_clients(operator, coverage)
    clients = tuple(row for row in ranked if seen.has_client(row.client))
    statuses = list_site_statuses(operator, situation, live.select_rules(situation))
    reach = scope_for(user, "situation.see")
    sites = tuple(row for row in statuses if reach.has_site(row.site))
    state = live.judge_operator(clients, sites, plan)
    return {
        **shown.build_head(operator.row.time_zone),
        "state": state,
        "tone": live.find_operator_tone(state, clients),
        "plan": plan,
        "sites": sites,
        "carriers": () if is_outsider(user) else tuple(_list_carriers_down(situation)),
        "clients": clients,
    }


def _list_carriers_down(situation: Situation) -> Iterator[CarrierDown]:
    for (what, name), outage in sorted(situation.outages.items()):
        if what == "carrier":
            yield CarrierDown.from_row(outage, name=name)


register = Library()


@register.filter
def headline(page: StandingPage) -> str:
    """Return the page's verdict: what is lost, then the client served worst."""
    return " ".join(part for part in (_describe_losses(page), _describe_service(page)) if part)


def _describe_losses(page: StandingPage) -> str:
    """Return the sites that are lost, those closed first; empty when all are open."""
    parts = []
    if closed := [site.name for site in page.lost if site.state == "closed"]:
        parts.append(
            ngettext("{names}: site closed.", "{names}: sites closed.", len(closed)).format(
                names=text_now(page.time_zone).list(closed)
            )
        )
    if cut := [site.name for site in page.lost if site.state == "cut_off"]:
        parts.append(
            ngettext("{names}: site cut off.", "{names}: sites cut off.", len(cut)).format(
                names=text_now(page.time_zone).list(cut)
            )
        )
    if page.carriers:
        names = text_now(page.time_zone).list([row.name for row in page.carriers])
        parts.append(_("{names}: home lines down.").format(names=names))
    return " ".join(parts)


def _describe_service(page: StandingPage) -> str:
    text = text_now(page.time_zone)
    if (worst := page.worst) is not None:
        if worst.short_now:
            share = text.coverage(worst.now or 0.0)
            return _("{client}: {coverage} covered now.").format(client=worst.name, coverage=share)
        at = "" if worst.worst_at is None else text.near(worst.worst_at, page.at)
        share = text.coverage(worst.worst or 0.0)
        return _("{client}: at worst {coverage} covered, {when}.").format(client=worst.name, coverage=share, when=at)
    if page.plan.reach is None:
        return _describe_plan(page)
    until = _describe_reach(page)
    if unknown := [client for client in page.clients if client.state == "unknown" and not client.idle]:
        return _("The requirement of {client} is not known.").format(client=unknown[0].name)
    if any(client.state == "held" for client in page.clients):
        return _("Every requirement is covered, now and {until}.").format(until=until)
    if page.clients:
        return _("Nothing is required, now and {until}.").format(until=until)
    if page.sites and not page.lost:
        return ngettext("The site is open.", "Every site is open.", len(page.sites))
    return ""


def _describe_reach(page: StandingPage) -> str:
    if page.plan.whole or page.plan.reach is None:
        return _("for 48 hours")
    return _("until {when}").format(when=when(page.plan.reach, text_now(page.time_zone)))


def _describe_plan(page: StandingPage) -> str:
    """Return why no plan speaks of the hours ahead."""
    if not page.plan.in_force:
        return _("No plan is in force.")
    if page.plan.begins is not None:
        begins = when(page.plan.begins, text_now(page.time_zone))
        return _("The plan in force begins on {when}.").format(when=begins)
    return _("The plan in force is over.")


@register.filter
def shortfalls(page: StandingPage) -> str:
    """Return how many clients are short, now and later; empty where none is."""
    now = sum(client.short_now for client in page.clients)
    later = sum(client.short for client in page.clients) - now
    parts = []
    if now:
        parts.append(ngettext("{count} client short now.", "{count} clients short now.", now).format(count=now))
    if later:
        parts.append(
            ngettext(
                "{count} client short later within 48 hours.", "{count} clients short later within 48 hours.", later
            ).format(count=later)
        )
    return " ".join(parts)


@register.filter
def client_word(row: ClientStanding) -> str:
    """Return how a client is served."""
    return _("nothing is required") if row.idle else translate_phrase(phrase_status(row.state, row.tone))


@register.filter
def worst_words(row: ClientStanding, page: StreamPage) -> str:
    """Return the worst coverage and when it is; a dash where nothing is known or required."""
    if row.worst is None or row.worst_at is None:
        return "–"
    text = text_now(page.time_zone)
    return _("{coverage}, {time}").format(coverage=text.coverage(row.worst), time=text.near(row.worst_at, page.at))


@register.filter
def verdict_words(row: ClientStanding, page: StreamPage) -> str:
    """Return how a client is served now and in the hours ahead, and whether that keeps what is promised."""
    parts = [ahead_words(row, page)]
    if row.now is not None and row.short:
        parts.insert(0, _("{coverage} covered now.").format(coverage=text_now("UTC").coverage(row.now)))
    if row.short and row.missing is not None and row.target is not None:
        words = (
            _("{missing} of the requirement of 48 hours is missing: the promise, at most {target}, is kept.")
            if judge_service(row.missing, 1.0, row.target, 0.0).is_met
            else _("{missing} of the requirement of 48 hours is missing: the promise, at most {target}, is not kept.")
        )
        text = text_now("UTC")
        parts.append(words.format(missing=text.missing(row.missing), target=text.percent(row.target)))
    return " ".join(parts)


_MOST_SPANS = 2


@register.filter
def ahead_words(row: ClientStanding, page: StreamPage) -> str:
    """Return from when to when a client is short in the hours ahead, and how much is covered at worst."""
    if row.worst is None:
        return _("Nothing is required in the hours that the plan in force reaches.")
    if not row.short:
        return _("What is required is covered in every half hour.")
    if row.now == row.worst:
        return _("It is lowest now, of the next 48 hours.")
    text, worst = text_now(page.time_zone), worst_words(row, page)
    if not row.spans:
        return _("At worst {worst}.").format(worst=worst)
    spans = [text.near_span(start, end, page.at) for start, end in row.spans[:_MOST_SPANS]]
    if len(row.spans) > _MOST_SPANS:
        spans.append(_("at other times"))
    return _("Short {spans}; at worst {worst}.").format(spans=text.list(spans), worst=worst)


@register.filter
def impact_word(row: ClientImpact) -> str:
    """Return how a client would be served."""
    return _("nothing is required") if row.after is None else translate_phrase(phrase_status(row.state, row.tone))


@register.filter
def impact_reason(row: ClientImpact) -> str:
    """Return what the relief does to what is promised to a client, and to whom its people go where it is worse for it.

    A relief is made for what clients miss in all, not for their worst half hour, and lends people of those who can
    spare them: the worst half hour alone would look as if it did harm.
    """
    if row.after is None or row.missing is None or row.missing_unrelieved is None:
        return ""
    text = text_now("UTC")
    words = (
        _("Missing in all: {missing} (without relief {unrelieved}). At most {target} promised: kept.")
        if row.held
        else _("Missing in all: {missing} (without relief {unrelieved}). At most {target} promised: not kept.")
    )
    parts = [
        words.format(
            missing=text.missing(row.missing),
            unrelieved=text.missing(row.missing_unrelieved),
            target=text.percent(row.target),
        )
    ]
    if row.is_worse:
        people = {name: count for name, count in row.gives.items() if name}
        if people:
            given = [_("{count} to {client}").format(count=count, client=name) for name, count in people.items()]
            parts.append(_("Lends people: {given}.").format(given=text.list(given)))
        if idle := row.gives.get(""):
            parts.append(_("Left without work by the relief: {count} of its people.").format(count=idle))
        if row.held_unrelieved and not row.held:
            parts.append(_("Without the relief this promise would be kept."))
    return " ".join(parts)


@register.filter
def impact_instant(at: datetime, page: FormPage) -> str:
    """Return an instant of what would follow by the operator's clocks, that of the site lost named beside it."""
    assert page.impact is not None
    text = text_now(page.time_zone)
    return f"{text.moment(at)}{text.beside(at, page.impact.time_zone or page.time_zone)}"


@register.filter
def people_words(row: ClientStanding) -> str:
    """Return the effective agents now beside the planned requirement, of which coverage is; empty where none is."""
    if row.need_now is None or row.people_now is None:
        return ""
    text = text_now("UTC")
    people, need = text.number(row.people_now, 1), text.number(row.need_now, 1)
    return _("agents: {people} for a need of {need}").format(people=people, need=need)
