"""The desk's own words: what a status, a kind, a reason and a country are called."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from releve.network.model import HOME
from releve.plan.contingency import Contingency
from releve.plan.result import BASE, SINGLE, ClientVerdict, Plan

__all__ = [
    "KINDS",
    "SEVERITY",
    "Names",
    "client_status",
    "country",
    "kind_title",
    "status_word",
]

SEVERITY = ("missed", "contract", "unknown", "thin", "held")
"""Statuses of a client or a cell, the gravest first."""
KINDS = (*SINGLE, "destination", "named")
"""Kinds of contingency in the order of the columns: the loss of one place, then larger losses."""

_STATUS = {
    "missed": lazy("missed"),
    "contract": lazy("contract problem"),
    "unknown": lazy("unknown"),
    "thin": lazy("held, thin"),
    "held": lazy("held"),
}
_KIND_TITLES = {
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


def status_word(status: str) -> str:
    """Return the word for a status of a cell or a client."""
    return str(_STATUS[status])


def kind_title(kind: str) -> str:
    """Return the heading of a kind of contingency."""
    return str(_KIND_TITLES[kind])


def country(code: str) -> str:
    """Return the name of a country, or its code where the desk has no name for it."""
    return str(_COUNTRIES.get(code, code))


def client_status(verdict: ClientVerdict) -> str:
    """Return the gravest status of a client when one place is lost, or none."""
    if verdict.missed:
        return "missed"
    if verdict.contract:
        return "contract"
    if verdict.unknown:
        return "unknown"
    return "thin" if verdict.thin else "held"


class Names:
    """What the ids of one plan are called on a page."""

    def __init__(self, plan: Plan) -> None:
        self.clients = dict(plan.clients)
        self.programmes = {key: name for key, _client, name in plan.programmes}
        self._work = {
            key: f"{name} ({self.clients[client]})" for key, client, name in plan.programmes
        }
        self._places = {site.id: site.name for site in plan.sites}
        self._contingencies = {item.id: item for item in plan.contingencies}

    def work(self, programme: str) -> str:
        """Return a programme with its client: ``Sinistres auto (Azur Assurances)``."""
        return self._work.get(programme, programme)

    def place(self, place: str) -> str:
        """Return the name of a site, or the word for home."""
        return _("Home") if place == HOME else self._places.get(place, place)

    def contingency(self, key: str) -> str:
        """Return the short name of a contingency, as at the head of a column."""
        if key == BASE:
            return _("Nothing lost")
        item = self._contingencies[key]
        return country(item.name) if item.kind == "destination" else item.name

    def loss(self, key: str) -> str:
        """Return what happens under a contingency, as in the middle of a sentence."""
        if key == BASE:
            return _("nothing is lost")
        return _loss(self._contingencies[key], self.contingency(key))


def _loss(item: Contingency, name: str) -> str:
    templates = {
        "site": _("{name} closes"),
        "destination": _("all sites of {name} close"),
        "carrier": _("{name} home lines fail"),
    }
    return templates.get(item.kind, _("“{name}” occurs")).format(name=name)
