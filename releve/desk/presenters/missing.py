"""What is missing: the purchases that make every curable cell hold, and what none cures."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from releve.desk.presenters.cells import Desk
from releve.plan.result import Purchase, WhatIsMissing

__all__ = ["Missing", "PurchaseView", "missing"]


@dataclass(frozen=True, slots=True)
class PurchaseView:
    """One line of the list: what, for whom or where, how many at which price."""

    what: str
    where: str
    count: str
    unit_price: str
    price: str
    agents: str


@dataclass(frozen=True, slots=True)
class Missing:
    """The list with its cost, what is proved about it, and the targets that it leaves missed."""

    remark: str
    purchases: tuple[PurchaseView, ...]
    cost: str
    proof: str
    left: tuple[str, ...]
    incurable: tuple[str, ...]


def missing(desk: Desk) -> Missing:
    """Return what is missing, or the sentence that says nothing is, or that nobody asked."""
    found = desk.plan.missing
    if found is None:
        secure = all(verdict.secure for verdict in desk.plan.verdicts)
        remark = (
            _("Nothing is missing: every client is held whatever place is lost.")
            if secure
            else _("Not computed for this plan.")
        )
        return Missing(remark, (), "", "", (), ())
    return Missing(
        _remark(found),
        tuple(_purchase(desk, item) for item in found.purchases),
        desk.text.euros(found.cost),
        _proof(desk, found) if found.purchases else "",
        tuple(_left(desk, *one) for one in found.left),
        tuple(_incurable(desk, *pair) for pair in found.incurable),
    )


def _remark(found: WhatIsMissing) -> str:
    if not found.checked:
        return (
            _("The best set found. It does not hold every client that can be held.")
            if found.purchases
            else _("In whole people some targets are missed, and no purchase was found that helps.")
        )
    if not found.purchases:
        return _("No purchase is needed to hold what can be held.")
    return _("The cheapest set that makes every client that can be held, held.")


def _purchase(desk: Desk, item: Purchase) -> PurchaseView:
    return PurchaseView(
        _what(desk, item),
        desk.names.place(item.where),
        desk.text.number(item.count),
        desk.text.euros(item.unit_price),
        desk.text.euros(item.count * item.unit_price),
        ", ".join(item.agents),
    )


def _what(desk: Desk, item: Purchase) -> str:
    if item.kind == "laptop":
        return ngettext(
            "Laptop and line, to work at home", "Laptops and lines, to work at home", item.count
        )
    if item.kind == "skill":
        name = desk.names.work(item.programme)
        return _("Training for {programme}").format(programme=name)
    if item.kind == "seat":
        return ngettext("Usable seat", "Usable seats", item.count)
    return item.kind


def _proof(desk: Desk, found: WhatIsMissing) -> str:
    bound = _("No list can do it for less than {bound}.").format(
        bound=desk.text.euros(found.lower_bound)
    )
    if found.checked:
        checked = _("Planned again with this list bought, every curable client held.")
    else:
        checked = ngettext(
            "Planned again with this list bought, {count} target is still missed.",
            "Planned again with this list bought, {count} targets are still missed.",
            len(found.left),
        ).format(count=len(found.left))
    return f"{bound} {checked}"


def _left(desk: Desk, contingency: str, client: str, share: float) -> str:
    return _(
        "{client}, if {loss}: {share} of its day beyond the target,"
        " or {half_hours} agent half hours"
    ).format(
        client=desk.names.clients.get(client, client),
        loss=desk.names.loss(contingency),
        share=desk.text.missing(share, 2),
        half_hours=desk.text.number(share * desk.plan.sum_required(client), 1),
    )


def _incurable(desk: Desk, contingency: str, client: str) -> str:
    return _("{client}, if {loss}").format(
        client=desk.names.clients.get(client, client), loss=desk.names.loss(contingency)
    )
