"""What the engines say in English, said in the reader's language.

The checks of an operator and the registry write their sentences in English, with values inside.
Each sentence stands here once, with ``{0}`` where a value stands; what a sentence was made from is
found by its shape, and said again from the translation. A sentence that is not here stays English.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import get_language, gettext, override
from django.utils.translation import gettext_lazy as lazy

__all__ = ["SENTENCES", "said", "shape_of"]

SENTENCES = (
    lazy("export intervals of {0} minutes"),
    lazy("is empty"),
    lazy("is not a number"),
    lazy("is not a whole number"),
    lazy("is neither true nor false"),
    lazy("is not a date"),
    lazy("is not a date and time"),
    lazy("has no time of day"),
    lazy("has a time of day where a date is expected"),
    lazy("is a time without a day"),
    lazy("does not exist ({0})"),
    lazy("has a year outside {0}"),
    lazy("is a formula error"),
    lazy("has a decimal comma where a point is expected"),
    lazy("has a point where the table writes decimals with a comma"),
    lazy("has an empty item"),
    lazy("names '{0}' twice"),
    lazy("holds a | or a line break, which an id may not"),
    lazy("must be one of {0}"),
    lazy("must be a finite number"),
    lazy("must be at least {0}"),
    lazy("must be more than {0}"),
    lazy("must be at most {0}"),
    lazy("write a text like {0}"),
    lazy("write true or false"),
    lazy("write true or false, like {0}"),
    lazy("write a number like {0}"),
    lazy("write a whole number like {0}"),
    lazy("write a date like {0}"),
    lazy("write a date and time like {0}"),
    lazy("write names with | between them, like {0}"),
    lazy("write items with one | between, like {0}"),
    lazy("write a day and a time of the calendar"),
    lazy("write the day as well"),
    lazy("write the year in four digits"),
    lazy("mend the formula in the workbook it comes from"),
    lazy("name it once"),
    lazy("write a value like {0}"),
    lazy("write '{0}'"),
    lazy("write the one meant, perhaps {0}"),
    lazy("write {0}"),
    lazy("there is no {0} at all"),
    lazy("add at least one row"),
    lazy("is one row too many"),
    lazy("keep one row"),
    lazy("the id is already that of row {0}"),
    lazy("give each row an id of its own, or delete one"),
    lazy("'{0}' is not an id of the table {1} (so in {2} rows, to row {3})"),
    lazy("'{0}' is not an id of the table {1}"),
    lazy("add it to {0} or write another"),
    lazy("the table is missing, but {0} rows of {1} refer to it"),
    lazy("add it, or empty {0} (row {1} has '{2}')"),
    lazy("the table is missing"),
    lazy("add it; its required columns are {0}"),
    lazy("the table is given twice"),
    lazy("keep one file"),
    lazy("is not a table of an operator"),
    lazy("name it {0}"),
    lazy("remove it; the tables are {0}"),
    lazy("remove this row first, or change it"),
    lazy("is not a column of the table"),
    lazy("delete it; the columns are {0}"),
    lazy("the column stands twice"),
    lazy("keep one"),
    lazy("the required column is missing"),
    lazy("add it ({0}), like {1}"),
    lazy("the header of column {0} is empty but the column is not"),
    lazy("name the column or delete it"),
    lazy("has {0} cells where the header has {1} (so do {2} more rows)"),
    lazy("has {0} cells where the header has {1}"),
    lazy("give every column a cell; quote a cell that holds the separator"),
    lazy("is empty: it has no header"),
    lazy("write the columns {0} in its first row"),
    lazy("merged cells at the top; the header stands in row {0}"),
    lazy("unmerge them and delete the rows above the header"),
    lazy("the header stands in row {0}, not in the first one"),
    lazy("delete the rows above the header"),
    lazy("the first row is not a header: no cell is the name of a column"),
    lazy("write the columns {0} there"),
    lazy("the header is not in the first row: empty rows stand above it"),
    lazy("the header has merged cells"),
    lazy("unmerge them; each column has its own name"),
    lazy("is neither CSV nor Parquet nor a workbook (XLSX)"),
    lazy("save it as CSV UTF-8"),
    lazy("a workbook stands beside other files, so it is not clear which one counts"),
    lazy("keep either one workbook or one file a table"),
    lazy("is not a Parquet file that can be read"),
    lazy("export it again"),
    lazy("is not a workbook that can be read"),
    lazy("save it again as XLSX, without a password"),
    lazy("save it again as CSV UTF-8"),
    lazy("the file is in the wrong encoding: neither UTF-8 nor Windows (cp1252)"),
    lazy("the file is in the wrong encoding: it looks like DOS or Macintosh text"),
    lazy("the file is in the wrong encoding: UTF-8 was read as Windows text and saved again"),
    lazy("the file is in the wrong encoding: letters were lost when it was saved"),
    lazy("the file is in the wrong encoding (UTF-16)"),
    lazy("the quotes cannot be understood ({0})"),
    lazy('close every quote, and write a quote inside a cell as ""'),
    lazy("is not a time zone"),
    lazy("write an IANA name like Africa/Casablanca"),
    lazy("'home' is the place of agents who work at home, not a site's id"),
    lazy("give the site another id, also where it is used"),
    lazy("is not a country code of ISO 3166 (two capital letters)"),
    lazy("'{0}' is not a country code of ISO 3166 (two capital letters)"),
    lazy("write a code like MA"),
    lazy("write codes like MA|TN"),
    lazy("latitude 0, longitude 0 is in the Gulf of Guinea, not a place of work"),
    lazy("write the coordinates of the place in degrees"),
    lazy("({0}) is more than {1} km from the other sites in {2}"),
    lazy("write latitude and longitude in degrees, not swapped, or mend the destination"),
    lazy("write latitude and longitude in degrees, not swapped"),
    lazy("the site has no seat, but agents who cannot work at home belong to it"),
    lazy("add its floors, zones and seats, or move its agents"),
    lazy("is {0} m from the seat of row {1} on its floor"),
    lazy("give each seat a place of its own, {0} m or more apart"),
    lazy("the stop is {0} km from the nearest site it is served from"),
    lazy("the same stop and site stand in row {0}"),
    lazy("keep one of the rows"),
    lazy("the client has no programme"),
    lazy("add its programmes, or delete the client"),
    lazy("cannot be understood: {0}"),
    lazy("write hours like Mon-Fri 08:00-20:00; Sat 09:00-18:00"),
    lazy("'{0}' is not a language code of ISO 639-1 (two small letters)"),
    lazy("write codes like fr|en"),
    lazy("is not a country whose public holidays are known"),
    lazy("write a code like FR, or leave it empty (open on holidays)"),
    lazy("'{0}' is not a public holiday of {1}"),
    lazy("write the country in holidays; without one no holiday closes it"),
    lazy("write a name of its calendar: {0}"),
    lazy("no site of the operator is in an allowed destination"),
    lazy("add one of {0}, or a site there, or leave it empty (all)"),
    lazy("the agent is home-ready but has no line"),
    lazy("write the line, or home_ready false"),
    lazy("the agent is home-ready but the carrier of the line is not given"),
    lazy("write the carrier: its outage takes the line away"),
    lazy("ends before it starts ({0})"),
    lazy("write the last day, not before the first one"),
    lazy("is not an id of the table {0}"),
    lazy("write an id of the table {0}"),
    lazy("the contingency names neither a site nor a carrier"),
    lazy("name what is lost"),
    lazy("no agent has the carrier '{0}'"),
    lazy("write a carrier of the table agents"),
    lazy("the shift does not end after it starts"),
    lazy("write the end with its own day: a night shift ends on the next one"),
    lazy("the shift lasts {0} h, more than {1} h"),
    lazy("mend its day or time, or write two shifts"),
    lazy("the break is as long as the shift ({0} min) or longer"),
    lazy("write the minutes of the meal break"),
    lazy("the clocks change in {0} during the shift"),
    lazy("write the offsets: {0}"),
    lazy("overlaps the shift of row {0} of the same agent"),
    lazy("mend one of the two, or delete it"),
    lazy("exists twice in {0}: the clocks go back"),
    lazy("write the offset: {0}"),
    lazy("does not exist in {0}: the clocks go forward"),
    lazy("write the time meant, perhaps {0}"),
    lazy("more calls are answered than offered ({0})"),
    lazy("mend one of the two; empty = not known"),
    lazy("the same programme and interval stand in row {0}"),
    lazy("keep one row an interval; where the clocks go back, write offsets"),
    lazy("its rows are {0} minutes apart"),
    lazy("its intervals of {0} minutes do not start at the half hour"),
    lazy("write the start of each interval"),
    lazy("is not the start of an interval of {0} minutes"),
    lazy("write the start of the interval that the calls came in"),
    lazy("{0}% of the calls lie outside the opening hours: the times are {1} h too early for {2}"),
    lazy("{0}% of the calls lie outside the opening hours: the times are {1} h too late for {2}"),
    lazy("{0}% of the calls lie outside the opening hours"),
    lazy("mend the opening hours or the time zone of the programme, or write offsets"),
    lazy("write the offset with each time, like {0}"),
    lazy("days of the history lack open intervals: {0}"),
    lazy("export these days again (0 where nobody called), or delete their rows"),
    lazy("no rows from {0} to {1} ({2} open days)"),
    lazy("no rows from {0} to {1} ({2} open days), and {3} more such holes"),
    lazy("export these days as well, or keep only the rows after the hole"),
    lazy("the file is larger than {0} MB"),
    lazy("'{0}' is neither a workbook (.xlsx) nor a zip of tables (.zip)"),
    lazy("the file is damaged: it cannot be unpacked"),
    lazy("the file unpacks to more than {0} MB or {1} files"),
    lazy("the zip holds {0} twice, in two folders"),
    lazy("{0} cannot be unpacked: {1}"),
    lazy("the zip holds no CSV, Parquet or XLSX file"),
    lazy("this upload is no longer there: send the file again"),
    lazy("there is no version {0} of the registry"),
    lazy("there is no table '{0}'; the tables are {1}"),
    lazy("there is no row '{0}' in the table {1}"),
    lazy("the registry is empty: import an operator first"),
    lazy("nothing would change: the operator is the current one already"),
    lazy("nothing would change: version {0} is equal to the current one"),
    lazy("version 1 is the first one: there is none before it to go back to"),
    lazy(
        "version {0} was current when this was prepared, but version {1} is now, made by "
        "{2}; nothing was stored: look at what changed and start again"
    ),
    lazy(
        "the registry was empty when this was prepared, but version {0} is now, made by {1}; "
        "nothing was stored: look at what changed and start again"
    ),
    lazy(
        "these changes were shown against version {0}, but version {1} is current now; "
        "nothing was stored: look at them again"
    ),
    lazy(
        "{0} of {1} was changed after version {2}, which was looked at; the last change is "
        "by {3}; nothing was stored: look again"
    ),
    lazy("the registry changed while this was checked; nothing was stored: try again"),
)


def said(sentence: str) -> str:
    """Return a sentence of an engine in the reader's language."""
    if (get_language() or "en").startswith("en"):
        return sentence
    found = shape_of(sentence)
    if found is None:
        return sentence
    shape, values = found
    return gettext(shape).format(*values)


def shape_of(sentence: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the sentence's shape and the values in it; None when it is not one of ours."""
    for shape, pattern in _patterns():
        match = pattern.fullmatch(sentence)
        if match is not None:
            return shape, match.groups()
    return None


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Return the shapes with their patterns, those that say most themselves first."""
    shapes = [_source(sentence) for sentence in SENTENCES]
    shapes.sort(key=lambda shape: -len(re.sub(r"\{\d\}", "", shape)))
    return tuple((shape, _pattern(shape)) for shape in shapes)


def _pattern(shape: str) -> re.Pattern[str]:
    parts = re.split(r"\{\d\}", shape)
    return re.compile("(.+?)".join(re.escape(part) for part in parts), re.DOTALL)


def _source(sentence: object) -> str:
    """Return the English of a lazy sentence."""
    with override("en"):
        return str(sentence)
