"""Template filters that say what is missing from a plan, and how good the plan is known to be."""

from __future__ import annotations

import math

from django.template import Library
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.desk.plan.names import kind_title, loss_words
from releve.desk.plan.page import PlanPage
from releve.desk.plan.proof import PlannedPlace, PlannedPurchases, UncuredTarget
from releve.desk.plan.words import Fact
from releve.desk.text import Text, text_now
from releve.network.model import HOME
from releve.plan.result import Bound, Purchase

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
    return next((place_name(row) for row in places if row.id == item.where), item.where)


@register.filter
def purchase_price(item: Purchase) -> str:
    """Return the price of all pieces of a purchase."""
    return text_now("UTC").euros(item.count * item.unit_price)


@register.filter
def purchases_proof(found: PlannedPurchases) -> str:
    """Return what is proved about the list, and what planning with it gave."""
    text = text_now("UTC")
    bound = _("No list can do it for less than {bound}.").format(
        bound=text.euros(found.lower_bound)
    )
    if found.checked:
        return f"{bound} " + _("Planned again with this list bought, every curable client held.")
    return f"{bound} " + ngettext(
        "Planned again with this list bought, {count} target is still missed.",
        "Planned again with this list bought, {count} targets are still missed.",
        len(found.left),
    ).format(count=len(found.left))


@register.filter
def uncured_words(target: UncuredTarget, page: PlanPage) -> str:
    """Return a target that stays missed, with its size where the list was planned with."""
    text = text_now("UTC")
    sentence = _("{client}, if {loss}")
    if target.share is not None:
        sentence = _(
            "{client}, if {loss}: {share} of its day beyond the target,"
            " or {half_hours} agent half hours"
        )
    return sentence.format(
        client=page.client_names.get(target.client, target.client),
        loss=loss_words(page, target.contingency),
        share=text.missing(target.share or 0.0, 2),
        half_hours=text.number(target.half_hours or 0.0, 1),
    )


@register.filter
def checker_words(violations: tuple[str, ...]) -> str:
    """Return what the independent checker found."""
    count = len(violations)
    if not count:
        return _("The independent checker found no rule broken.")
    return ngettext(
        "The independent checker found {count} rule broken.",
        "The independent checker found {count} rules broken.",
        count,
    ).format(count=text_now("UTC").number(count))


@register.filter
def bound_facts(bound: Bound) -> list[Fact]:
    """Return how good the plan is known to be."""
    text = text_now("UTC")
    known = _("objective {objective}, proved lower bound {bound} (weighted agent half hours)")
    if not bound.lower_bound > 0 and bound.objective > 0:
        known = _("objective {objective}; the solver ended without proving any bound")
    words = _("{rows} rows, {columns} columns, {entries} entries")
    if not bound.solved:
        words = _(
            "{rows} rows, {columns} columns, {entries} entries; the solver ended before its"
            " optimum: a better plan may exist, the bound stands"
        )
    return [
        Fact(
            _("Gap to the bound"),
            _gap(bound.penalty_gap, text),
            known.format(
                objective=text.number(bound.objective, 1), bound=text.number(bound.lower_bound, 1)
            ),
        ),
        Fact(
            _("Gap on the requirement"),
            _gap(bound.requirement_gap, text),
            _("the same difference, over the weighted requirement"),
        ),
        *(_regret(bound, kind, text) for kind in bound.regret),
        Fact(
            _("Penalty, nothing lost"),
            text.number(bound.penalty, 1),
            _("in whole people; {fractional} before rounding").format(
                fractional=text.number(bound.lp_penalty, 1)
            ),
        ),
        Fact(
            _("Linear programme"),
            _("optimal") if bound.solved else _("ended early"),
            words.format(
                rows=text.number(bound.rows),
                columns=text.number(bound.columns),
                entries=text.number(bound.nonzeros),
            ),
        ),
    ]


def _regret(bound: Bound, kind: str, text: Text) -> Fact:
    """Return the worst regret of a kind of loss in whole people, beside that in fractions."""
    meaning = _("of a client’s day, missing above the least possible")
    if kind in bound.lp_regret:
        meaning = _(
            "of a client’s day, missing above the least possible; {fractional} before rounding"
        ).format(fractional=text.missing(bound.lp_regret[kind], 2))
    name = _("Worst regret: {losses}").format(losses=kind_title(kind))
    return Fact(name, text.missing(bound.regret[kind], 2), meaning)


def _gap(gap: float, text: Text) -> str:
    return _("no bound") if math.isnan(gap) else text.missing(gap, 2)


@register.filter
def place_name(place: PlannedPlace) -> str:
    """Return the name of a site, or the word for home."""
    return _("Home") if place.id == HOME else place.name


@register.filter
def seat_note(place: PlannedPlace) -> str:
    """Return how good the number of usable seats is known to be; empty for home."""
    if not place.open:
        return _("no valid authorisation on the day")
    if place.usable_bound is None:
        return ""
    if place.usable == place.usable_bound:
        return _("proved largest")
    return _("at most {bound}").format(bound=text_now("UTC").number(place.usable_bound))


@register.filter
def setting_value(value: float | str) -> str:
    """Return the value of a setting of the plan."""
    return value if isinstance(value, str) else text_now("UTC").plain(value)
