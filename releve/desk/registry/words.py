"""What the tables, their columns and their values are called on a page."""

from __future__ import annotations

from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as lazy

from releve.desk.text import NO_BREAK, Text
from releve.network import TableColumn

__all__ = [
    "UNITS",
    "describe_counts",
    "translate_column",
    "translate_doc",
    "translate_option",
    "translate_table",
    "translate_unit",
]

UNITS = {
    "": "",
    "m": "m",
    "degrees": "°",
    "m3": "m³",
    "1/h": "1/h",
    "s": "s",
    "share": lazy("share from 0 to 1"),
    "EUR": "€",
    "ratio": lazy("ratio"),
    "h": "h",
    "min": "min",
    "Mbit/s": "Mbit/s",
}

_OPTIONS = {
    "true": lazy("yes"),
    "false": lazy("no"),
    "inbound": lazy("inbound"),
    "outbound": lazy("outbound"),
    "back_office": lazy("back office"),
    "site_only": lazy("on site only"),
    "home_allowed": lazy("home allowed"),
    "none": lazy("none"),
    "adsl": "ADSL",
    "fibre": lazy("fibre"),
    "4g": "4G",
    "5g": "5G",
    "cable": lazy("cable"),
    "satellite": lazy("satellite"),
    "site": lazy("site"),
    "vehicle": lazy("vehicle"),
    "agent": lazy("agent"),
    "distance_m": lazy("distance between seats (m)"),
    "max_people": lazy("people on site at once"),
}


def translate_table(table: str) -> str:
    """Return what a table is called; its own name where the desk has none for it."""
    names = {
        "operator": pgettext("table", "Operator"),
        "sites": pgettext("table", "Sites"),
        "floors": pgettext("table", "Floors"),
        "zones": pgettext("table", "Zones"),
        "seats": pgettext("table", "Seats"),
        "clients": pgettext("table", "Clients"),
        "programmes": pgettext("table", "Programmes"),
        "stops": pgettext("table", "Stops"),
        "shuttles": pgettext("table", "Shuttles"),
        "agents": pgettext("table", "Agents"),
        "shifts": pgettext("table", "Roster"),
        "history": pgettext("table", "Call history"),
        "authorisations": pgettext("table", "Authorisations"),
        "measures": pgettext("table", "Measures"),
        "contingencies": pgettext("table", "Named contingencies"),
    }
    return names.get(table, table)


def translate_doc(doc: str) -> str:
    """Return a sentence of the tables' declarations in the reader's language."""
    return gettext(doc).replace("`", "")


def translate_column(column: TableColumn) -> str:
    """Return what a column is called, without the explanation that follows."""
    return translate_doc(column.doc).split(";")[0].split(":")[0].rstrip(f" .{NO_BREAK}\u202f")


def translate_unit(column: TableColumn) -> str:
    """Return the unit of a column's values; empty where there is none."""
    return str(UNITS[column.unit])


def translate_option(value: str) -> str:
    """Return what an allowed value is called; the value where the desk has no name for it."""
    return str(_OPTIONS.get(value, value))


def describe_counts(counts: dict[str, int], text: Text) -> str:
    """Return what happened to a table in words: ``2 added, 1 changed``."""
    words = {
        "added": ngettext("{n} added", "{n} added", counts.get("added", 0)),
        "removed": ngettext("{n} removed", "{n} removed", counts.get("removed", 0)),
        "changed": ngettext("{n} changed", "{n} changed", counts.get("changed", 0)),
        "moved": pgettext("rows", "in another order"),
    }
    return ", ".join(
        word.format(n=text.number(counts[kind])) for kind, word in words.items() if kind in counts
    )
