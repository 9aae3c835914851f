"""Template filters that say what is missing from a plan, and how good the plan is known to be."""

from __future__ import annotations

import math

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.desk.plan.page import PlanPage
from releve.desk.text import text_now
from releve.plan.result import Purchase

register = Library()


@register.filter
def missing_remark(page: PlanPage) -> str:
    """Return what the list of purchases achieves, or why there is none."""
    found = page.missing
    if found is None:
        secure = page.verdict.secure == page.verdict.clients
        if secure:
            return _("Nothing is missing: every client is held whatever place is lost.")
        return _("Not computed for this plan.")
    if not found.checked:
        if found.purchases:
            return _("The best set found. It does not hold every client that can be held.")
        return _("In whole people some targets are missed, and no purchase was found that helps.")
    if not found.purchases:
        return _("No purchase is needed to hold what can be held.")
    return _("The cheapest set that makes every client that can be held, held.")


@register.filter
def purchase_words(item: Purchase, page: PlanPage) -> str:
    """Return what is bought."""
    if item.kind == "laptop":
        return ngettext(
            "Laptop and line, to work at home", "Laptops and lines, to work at home", item.count
        )
    if item.kind == "skill":
        return _("Training for {programme}").format(programme=_work(item.programme, page))
    if item.kind == "seat":
        return ngettext("Usable seat", "Usable seats", item.count)
    if item.kind == "vehicle":
        return ngettext(
            "Vehicle with driver, like this one", "Vehicles with drivers, like this one", item.count
        )
    return item.kind


def _work(programme: str, page: PlanPage) -> str:
    """Return a programme with its client: ``Sinistres auto (Azur Assurances)``."""
    for row in page.programmes:
        if row.id == programme:
            return f"{row.name} ({page.client_names[row.client]})"
    return programme


@register.filter
def purchase_place(item: Purchase, page: PlanPage) -> str:
    """Return where a purchase is for."""
    places = page.proof.places if page.proof else ()
    return next((row.name or _("Home") for row in places if row.id == item.where), item.where)


@register.filter
def gap(share: float) -> str:
    """Return the gap between the plan and what is proved."""
    return _("no bound") if math.isnan(share) else text_now("UTC").missing(share, 2)


@register.filter
def setting_value(value: float | str) -> str:
    """Return the value of a setting of the plan."""
    return value if isinstance(value, str) else text_now("UTC").plain(value)
