"""Programmes whose calls come through a proxy."""

from __future__ import annotations

from releve.network import Programme

__all__ = ["make_programmes"]


def make_programmes() -> dict[str, Programme]:
    """Return two programmes that are dialled, and one of calls out, by id."""
    rows = [
        Programme("sav", "azur", "SAV", "inbound", "Mon-Sun 00:00-24:00", 300.0, numbers=("+33162000001",)),
        Programme("ventes", "azur", "Ventes", "inbound", "Mon-Sun 00:00-24:00", 300.0, numbers=("+33162000002",)),
        Programme("rappels", "azur", "Rappels", "outbound", "Mon-Sun 00:00-24:00", 300.0, numbers=("+33162000003",)),
    ]
    return {row.id: row for row in rows}
