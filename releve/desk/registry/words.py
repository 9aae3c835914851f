"""What the tables, their columns and their values are called on a page."""

from __future__ import annotations

from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation import gettext_lazy as lazy

from releve.desk.presenters.text import NO_BREAK, Text
from releve.network import TableColumn

__all__ = [
    "DOCS",
    "UNITS",
    "describe_counts",
    "translate_column",
    "translate_doc",
    "translate_option",
    "translate_table",
    "translate_unit",
]

DOCS = (
    lazy("The operator itself: exactly one row."),
    lazy("Name of the operator"),
    lazy("Time zone in which planning days are counted"),
    lazy("Least distance between two occupied seats; 0 = no rule"),
    lazy("Made up for trials"),
    lazy("A place of work."),
    lazy("Site id"),
    lazy("Name"),
    lazy("Country, ISO 3166 alpha-2"),
    lazy("City"),
    lazy("IANA time zone"),
    lazy("Latitude"),
    lazy("Longitude"),
    lazy("A floor of a site."),
    lazy("Floor id"),
    lazy("Site"),
    lazy("An air volume of a floor."),
    lazy("Zone id"),
    lazy("Floor"),
    lazy("Air volume"),
    lazy("Air changes by fresh air"),
    lazy("A desk; x and y are of the chair, on the floor of its zone."),
    lazy("Seat id"),
    lazy("Zone"),
    lazy("Across"),
    lazy("Along"),
    lazy("Who orders the service (donneur d'ordre)."),
    lazy("Client id"),
    lazy("One queue or campaign of one client."),
    lazy("Programme id"),
    lazy("Client"),
    lazy("Kind of work"),
    lazy("Opening hours: day ranges and times in the programme's time zone, `;` between ranges"),
    lazy("Average handling time where the history has none"),
    lazy("Languages, ISO 639-1"),
    lazy("Time zone of the opening hours"),
    lazy("Country whose public holidays close the programme; empty = open on holidays"),
    lazy(
        "Public holidays on which it is open all the same, as their calendar names them; of the"
        " others the history says which were open"
    ),
    lazy("Service level to hold"),
    lazy("Within how long"),
    lazy(
        "What is divided by what: offered = served within T / offered; answered = served within"
        " T / answered; without_short = served within T / (offered - abandoned within T);"
        " with_short = (served + abandoned within T) / offered"
    ),
    lazy("Least share of offered calls that are answered"),
    lazy("Mean patience of callers; empty = unknown (nobody is assumed to hang up)"),
    lazy("Highest share of time an agent may be on calls"),
    lazy("Share of rostered time not available (training, meetings, absence)"),
    lazy("Where the work may be done"),
    lazy("Countries the contract allows; empty = all"),
    lazy("Contract penalty for a call not answered"),
    lazy(
        "Largest share of the client's agents that one site may hold (the strictest of the"
        " client's programmes counts)"
    ),
    lazy("Work done at home for the same time, against on site"),
    lazy("Back office only: within how many opening hours an item is done"),
    lazy("A shuttle stop."),
    lazy("Stop id"),
    lazy("A stop served from a site: agents of the stop can be brought there."),
    lazy("Stop"),
    lazy("Ride"),
    lazy("A contact-centre worker, under a pseudonym."),
    lazy("Pseudonym id"),
    lazy("Site the agent belongs to"),
    lazy("Programmes the agent can work on, the main one first"),
    lazy("Has line, equipment, room and consent to work at home"),
    lazy("Line at home"),
    lazy("Measured rate of the line"),
    lazy("Carrier of the line at home"),
    lazy("Shuttle stop; empty = none"),
    lazy("Comes by own transport"),
    lazy("Weekly hours"),
    lazy(
        "The roster. A time without offset is in the time zone of the agent's home site; with an"
        " offset it is taken as it stands. Kept in UTC."
    ),
    lazy("Agent"),
    lazy("Start"),
    lazy("End"),
    lazy("Meal break inside the shift"),
    lazy(
        "What happened per programme and interval (30 minutes or a divisor of it). A time without"
        " offset is in the time zone of the programme."
    ),
    lazy("Programme"),
    lazy("Start of the interval"),
    lazy("Calls offered (or items received)"),
    lazy("Calls answered; empty = not known"),
    lazy("Average handling time of the answered; empty = not known"),
    lazy(
        "A dated permit. Where a folder holds a permit for any site, a site without one valid on"
        " the day is not planned."
    ),
    lazy("Authorisation id"),
    lazy("Of what"),
    lazy("Id of the site, vehicle or agent"),
    lazy("First day"),
    lazy("Last day"),
    lazy("A measure in force at a site that changes what it can hold."),
    lazy("Measure id"),
    lazy("distance_m = least distance between occupied seats; max_people = people on site at once"),
    lazy("Value, in the unit of the kind"),
    lazy("A set of places that may be lost together, beside each site, destination and carrier."),
    lazy("Contingency id"),
    lazy("Sites lost"),
    lazy("Carriers of home lines lost"),
)
"""Every sentence of the tables' own declarations, so that it has a translation."""

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
