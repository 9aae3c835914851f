"""What a status, a kind of contingency, a contingency and a country are called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.desk.plan.page import PlannedCell, PlannedPage
from releve.desk.text import text_now
from releve.plan.result import BASE


class NamedLoss(Protocol):
    """A contingency by its kind and what is lost."""

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str: ...


_STATUS = {
    "missed": lazy("missed"),
    "contract": lazy("contract problem"),
    "unknown": lazy("unknown"),
    "thin": lazy("held, thin"),
    "held": lazy("held"),
}
KIND_TITLES = {
    BASE: lazy("Base"),
    "site": lazy("Sites"),
    "destination": lazy("Beyond N-1: destinations"),
    "carrier": lazy("Carriers of home lines"),
    "named": lazy("Beyond N-1: named"),
}
_COUNTRIES = {
    "BE": lazy("Belgium"),
    "BG": lazy("Bulgaria"),
    "BJ": lazy("Benin"),
    "CA": lazy("Canada"),
    "CH": lazy("Switzerland"),
    "CI": lazy("Ivory Coast"),
    "CM": lazy("Cameroon"),
    "DZ": lazy("Algeria"),
    "ES": lazy("Spain"),
    "FR": lazy("France"),
    "GB": lazy("United Kingdom"),
    "GP": lazy("Guadeloupe"),
    "IE": lazy("Ireland"),
    "LU": lazy("Luxembourg"),
    "MA": lazy("Morocco"),
    "MG": lazy("Madagascar"),
    "MQ": lazy("Martinique"),
    "MU": lazy("Mauritius"),
    "PL": lazy("Poland"),
    "PT": lazy("Portugal"),
    "RE": lazy("Réunion"),
    "RO": lazy("Romania"),
    "SN": lazy("Senegal"),
    "TG": lazy("Togo"),
    "TN": lazy("Tunisia"),
    "TR": lazy("Turkey"),
}


def cell_word(cell: PlannedCell) -> str:
    """Return the word for a cell; closed where nothing is required on that day."""
    return _("closed that day") if cell.idle else status_word(cell.status)


def status_word(status: str) -> str:
    """Return the word for a status of a cell or a client."""
    return str(_STATUS[status])


def country(code: str) -> str:
    """Return the name of a country, or its code where the desk has no name for it."""
    return str(_COUNTRIES.get(code, code))


def contingency_name(key: str, page: PlannedPage) -> str:
    """Return the short name of a contingency, as at the head of a column."""
    if key == BASE:
        return _("Nothing lost")
    return _name_loss(page.loss_by_id[key])


def _name_loss(loss: NamedLoss) -> str:
    return country(loss.name) if loss.kind == "destination" else loss.name


def loss_words(key: str, page: PlannedPage) -> str:
    """Return what happens under a contingency, as in the middle of a sentence."""
    return _("nothing is lost") if key == BASE else describe_loss(page.loss_by_id[key])


def describe_loss(loss: NamedLoss) -> str:
    """Return what the loss of places is, as in the middle of a sentence."""
    templates = {
        "site": _("{name} closes"),
        "destination": _("all sites of {name} close"),
        "carrier": _("{name} home lines fail"),
    }
    return templates.get(loss.kind, _("“{name}” occurs")).format(name=_name_loss(loss))


def conditions(keys: Iterable[str], page: PlannedPage) -> str:
    """Return ``if A closes, if B closes or if C occurs``."""
    losses = [_("if {loss}").format(loss=loss_words(key, page)) for key in keys]
    return text_now(page.plan.time_zone).either(losses)
