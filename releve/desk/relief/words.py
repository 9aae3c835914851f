"""Template filters that say in words what the relief page holds as codes."""

from __future__ import annotations

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from releve.desk.filters import add_words
from releve.desk.relief.page import ReliefPage
from releve.desk.relief.shapes import FlowDrawing, Gantt, draw_flows, draw_gantt
from releve.desk.text import text_now
from releve.live.api import MessageCounts, NotifiedAgent, NotifiedRide, PeopleFlow, ShiftPost
from releve.network import HOME
from releve.transport import TO_SITE

register = Library()

_STATES = {
    "unaddressed": lazy("no address: written, not sent"),
    "exhausted": lazy("out of reach: every address tried"),
    "waiting": lazy("no answer yet"),
    "queued": lazy("to be sent"),
    "acknowledged": lazy("has answered"),
}
_TONES = {
    "unaddressed": "missed",
    "exhausted": "missed",
    "waiting": "thin",
    "queued": "unknown",
    "acknowledged": "held",
}
CHANNELS = {
    "email": lazy("e-mail"),
    "apprise": lazy("message service"),
    "file": lazy("file"),
    "none": lazy("no address"),
    "": lazy("not yet"),
}
_SHOWN = {
    "unanswered": lazy("No answer"),
    "unreachable": lazy("Out of reach"),
    "answered": lazy("Have answered"),
    "all": lazy("All"),
}
add_words(register, "answer_tone", _TONES)
add_words(register, "show_words", _SHOWN)
add_words(register, "channel_name", CHANNELS, else_code=True)


@register.filter("place_label")
def name_place(place: str, page: ReliefPage) -> str:
    """Return the name of a site, of home, or of no shift."""
    return page.names.get(place, place) if place not in ("", HOME) else str(_OFF_SITE[place])


_OFF_SITE = {"": lazy("no shift"), HOME: lazy("at home")}


@register.filter
def relief_headline(page: ReliefPage) -> str:
    """Return who is still to be reached; else how many move."""
    waiting, text = page.counts.waiting, text_now(page.time_zone)
    if waiting:
        return ngettext(
            "{count} person has not answered", "{count} people have not answered", waiting
        ).format(count=text.number(waiting))
    if page.counts.notified:
        return _("Every message has been answered")
    if page.changed:
        return ngettext(
            "{count} person works differently", "{count} people work differently", page.changed
        ).format(count=text.number(page.changed))
    return _("The plan applies: no person moves") if page.planned else _("No plan is in force")


@register.filter
def relief_tone(page: ReliefPage) -> str:
    """Return the tone of the page."""
    if page.counts.unaddressed or page.counts.exhausted:
        return "missed"
    if page.counts.waiting:
        return "thin"
    return "held" if page.planned else "unknown"


@register.filter
def lost_names(page: ReliefPage) -> str:
    """Return what is lost on the day shown."""
    names = [page.names.get(place, place) for place in page.lost]
    return text_now(page.time_zone).list(names) or _("nothing is lost")


@register.filter
def post_shift(post: ShiftPost, page: ReliefPage) -> str:
    """Return the times of a shift by the clocks of its place, and its programme."""
    text = text_now(page.time_zone).at_site(post.time_zone)
    programme = page.names.get(post.programme, post.programme)
    return f"{text.span(post.start, post.end)}, {programme}"


@register.filter("answer_state")
def describe_state(row: NotifiedAgent) -> str:
    """Return what became of a person's message, with who recorded a spoken answer."""
    if row.answered_to:
        return _("has answered by voice, recorded by {who}").format(who=row.answered_to)
    return str(_STATES[row.state])


@register.filter
def answer_ring(counts: MessageCounts) -> tuple[tuple[str, int, int], ...]:
    """Return the parts of the ring of acknowledgements: tone, people, and people before it."""
    beyond = counts.unaddressed + counts.exhausted
    reached = counts.notified - beyond
    return (
        ("held", counts.acknowledged, 0),
        ("thin", reached - counts.acknowledged, counts.acknowledged),
        ("missed", beyond, reached),
    )


@register.filter
def ring_words(page: ReliefPage) -> str:
    """Return the ring of acknowledgements in a sentence."""
    counts, text = page.counts, text_now(page.time_zone)
    return _("{answered} of {all} have answered; {beyond} are out of reach.").format(
        answered=text.number(counts.acknowledged),
        all=text.number(counts.notified),
        beyond=text.number(counts.unaddressed + counts.exhausted),
    )


@register.filter
def gantts(page: ReliefPage) -> tuple[Gantt, ...]:
    """Return the drawing of the changing shifts, for a wide and a narrow screen."""
    if not page.places:
        return ()
    return draw_gantt(page.places, "wide", 960, 2), draw_gantt(page.places, "narrow", 360, 4)


@register.filter
def flow_drawings(page: ReliefPage) -> tuple[FlowDrawing, ...]:
    """Return the flow of people between places, for a wide and a narrow screen."""
    if not page.moving:
        return ()
    places = {place for row in page.flows for place in (row.origin, row.target)}
    words = {place: name_place(place, page) for place in places}
    return (
        draw_flows(page.flows, words, "wide", 960, 200),
        draw_flows(page.flows, words, "narrow", 360, 112),
    )


@register.filter
def flow_words(page: ReliefPage) -> str:
    """Return the flows between different places as a sentence."""
    return "; ".join(flow_line(row, page) for row in page.moving)


@register.filter
def flow_line(row: PeopleFlow, page: ReliefPage) -> str:
    """Return how many people go from a place to a place."""
    ends = {"origin": name_place(row.origin, page), "target": name_place(row.target, page)}
    return _("{origin} → {target}: {count}").format(**ends, count=row.people)


@register.filter
def ride_words(ride: NotifiedRide) -> str:
    """Return the vehicle of a ride, with its hours at the stop and at the site."""
    text = text_now(ride.time_zone)
    if ride.leg == TO_SITE:
        said = _("Shuttle {vehicle}: {stop} {at}, {site} {at_site}")
    else:
        said = _("Way home, shuttle {vehicle}: {site} {at_site}, {stop} {at}")
    hours = {"at": text.clock(ride.at), "at_site": text.clock(ride.at_site)}
    return said.format(vehicle=ride.vehicle, stop=ride.stop, site=ride.site, **hours)
