"""An operator's own rows of working time, checked in its files: they tighten the law, never loosen it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from releve.errors import Phrase
from releve.network.checks_places import list_country_codes
from releve.network.columns import list_columns
from releve.network.faults import Fault
from releve.network.parsed_tables import ParsedTables
from releve.network.rows import WorkingTimeRow
from releve.network.worktime.rows import ANY, OWN, WorkRow, WorkRules, find_looser, load_shipped_rows, parse_window

_COLUMNS = tuple(column.name for column in list_columns(WorkingTimeRow))


def build_own_row(row: WorkingTimeRow) -> WorkRow:
    """Return a row of the table ``working_time`` as one that binds."""
    return WorkRow(
        id=row.id,
        country=row.country or ANY,
        parameter=row.parameter,
        value=row.value,
        strength=row.strength,
        confidence=OWN,
        source=row.source,
        text=Phrase("The operator's own row."),
        first=row.valid_from,
        last=row.valid_to,
        rolling=row.rolling,
        window=row.window,
        after_hours=row.after_hours,
        decides=Phrase("A named manager of the operator, as its own rule or agreement says."),
    )


@cache
def build_rules(country: str, own: tuple[WorkingTimeRow, ...] = ()) -> WorkRules:
    """Return the rows of a country, with an operator's own."""
    return WorkRules(country, (*load_shipped_rows(), *map(build_own_row, own)))


def check_working_time(book: ParsedTables) -> Iterator[Fault]:
    """An own row has a name of its own, a country and dates that exist, and allows nothing that the law forbids."""
    table = book.tables.get("working_time")
    if table is None:
        return
    shipped = load_shipped_rows()
    known = {row.id for row in shipped}
    countries = {code for _, code in book.usable("sites", "destination")}
    for i, *cells in book.usable("working_time", *_COLUMNS):
        own = WorkingTimeRow(**dict(zip(_COLUMNS, cells, strict=True)))
        if own.id in known:
            reason = Phrase("is the id of a row of the law or of house policy")
            yield table.fault(i, "id", reason, Phrase("give the row another id"))
        if own.country and own.country not in list_country_codes():
            reason = Phrase("is not a country code of ISO 3166 (two capital letters)")
            yield table.fault(i, "country", reason, Phrase("write a code like MA"))
        if own.valid_from and own.valid_to and own.valid_to < own.valid_from:
            reason = Phrase("ends before it starts ({0})", own.valid_from.isoformat())
            yield table.fault(i, "valid_to", reason, Phrase("write the last day, not before the first one"))
        if own.parameter == "night_hours" and parse_window(own.window) is None:
            reason = Phrase("a limit of night work needs the hours of the night")
            yield table.fault(i, "window", reason, Phrase("write hours like {0}", "22:00-05:00"))
            continue
        law = find_looser(build_own_row(own), shipped, countries)
        if law is not None:
            reason = Phrase(
                "allows what the law forbids: {0} has {1} ({2}); an own row tightens, it never loosens",
                law.id, f"{law.value:g}", law.source,
            )  # fmt: skip
            most = Phrase("write {0} at most", f"{law.value:g}")
            least = Phrase("write {0} at least", f"{law.value:g}")
            yield table.fault(i, "value", reason, most if law.kind.most else least)
