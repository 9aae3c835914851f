"""Template filters that say the steps of a rehearsal."""

from __future__ import annotations

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.filters import add_words
from releve.desk.rehearsal.page import GuidePage, GuideStep

register = Library()

_TITLES = {
    "matrix": lazy("See the plan"),
    "start": lazy("Start the rehearsal"),
    "case": lazy("Declare one more case"),
    "close": lazy("Close the site"),
    "now": lazy("Look at Now"),
    "relief": lazy("See who goes where"),
    "incident": lazy("Open the incident room"),
    "reopening": lazy("Prepare the reopening"),
    "crashtest": lazy("Try the plan on many quarters"),
}
_LOOK = {
    "matrix": lazy(
        "Clients down, lost places across: each cell is the coverage of the worst half hour if "
        "that place is lost. Open a cell: the day, and who moves."
    ),
    "start": lazy(
        "A drill on the next planned day: same pages, another clock, and no real message. All but "
        "one of the cases that close a site are declared in it."
    ),
    "now": lazy(
        "The closed site, until when, and the worst coverage of each client: before and after the "
        "relief that the worker publishes within seconds."
    ),
    "relief": lazy(
        "Every agent who moves, from where to where and when; who has answered, and whom to call."
    ),
    "incident": lazy(
        "The roles, and the tasks of the usual checklist with their times; each act enters the "
        "ledger. At the end, the review has the time of every step."
    ),
    "reopening": lazy(
        "The checklist and two people who approve; only after the earliest time. On the page of "
        "drills the clock can be moved forward by 48 hours."
    ),
    "crashtest": lazy(
        "A thousand simulated quarters of outbreaks, outages and calls against this plan: what "
        "each client loses, and from which cause."
    ),
}
add_words(register, "step_title", _TITLES)


@register.filter
def step_look(step: GuideStep, page: GuidePage) -> str:
    """Return what to do in a step, and what to look at."""
    if step.code == "case" and page.agent:
        return _(
            "{site} has one case less than its rule bears. Declare {agent} positive: before"
            " anything is recorded, the page shows in numbers what the closure does."
        ).format(site=page.site_name, agent=page.agent)
    if step.code in ("case", "close"):
        return _("{site} closes: its consequences are shown in numbers first.").format(
            site=page.site_name
        )
    return str(_LOOK[step.code])
