"""Checks of the work: operator, clients, programmes, agents, permits, contingencies."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import holidays

from releve.errors import Phrase
from releve.network.checks_places import check_time_zones, list_country_codes
from releve.network.faults import Fault, find_nearest, suggest_fix
from releve.network.opening_hours import list_calendar_names, parse_opening
from releve.network.opening_text import normalize_opening
from releve.network.parsed_tables import ParsedTables
from releve.network.parsing import BAD

__all__ = [
    "check_agents",
    "check_clients",
    "check_contingencies",
    "check_dates",
    "check_operator_row",
    "check_programmes",
]

_LANGUAGE_CODES = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv "
    "cy da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho "
    "hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku "
    "kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn "
    "no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm "
    "sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi "
    "vo wa wo xh yi yo za zh zu"
)
_LANGUAGES = frozenset(_LANGUAGE_CODES.split())
"""ISO 639-1."""
_CALENDAR_YEARS = range(2015, 2036)
"""Years whose public holidays may be named."""


@cache
def _list_holiday_countries() -> frozenset[str]:
    return frozenset(holidays.list_supported_countries())


def check_operator_row(book: ParsedTables) -> Iterator[Fault]:
    """The operator's time zone exists."""
    yield from check_time_zones(book, "operator")


def check_clients(book: ParsedTables) -> Iterator[Fault]:
    """A client has a programme."""
    named = book.list_likely_ids("programmes", "client")
    if named is None or "clients" not in book.tables:
        return
    served = {name for names in named for name in names}
    for i, client in book.usable("clients", "id"):
        if client not in served:
            fix = Phrase("add its programmes, or delete the client")
            yield book.tables["clients"].fault(i, "id", Phrase("the client has no programme"), fix)


def check_programmes(book: ParsedTables) -> Iterator[Fault]:
    """A programme has hours, languages and holidays that exist, and a site that may do its work."""
    if "programmes" not in book.tables:
        return
    yield from check_time_zones(book, "programmes")
    yield from _check_opening(book)
    yield from _check_languages(book)
    yield from _check_holidays(book)
    yield from _check_destinations(book)
    yield from _check_home_efficiency(book)


def _check_home_efficiency(book: ParsedTables) -> Iterator[Fault]:
    """Check that an interval has both ends, and holds the value that it is of."""
    table = book.tables["programmes"]
    names = ("home_efficiency", "home_efficiency_low", "home_efficiency_high")
    for i, value, low, high in book.usable("programmes", *names):
        if (low is None) != (high is None):
            column = names[2] if high is None else names[1]
            fix = Phrase("give both ends of the interval, or neither")
            yield table.fault(i, column, Phrase("the other end of the interval is given"), fix)
        elif low is not None and not low <= value <= high:
            reason = Phrase("is not within its interval ({0} to {1})", f"{low:g}", f"{high:g}")
            yield table.fault(i, names[0], reason, Phrase("correct one of the three"))


def _check_opening(book: ParsedTables) -> Iterator[Fault]:
    table = book.tables["programmes"]
    for i, text in book.usable("programmes", "opening"):
        try:
            parse_opening(text)
            table.values["opening"][i] = normalize_opening(text)
        except ValueError as error:
            fix = Phrase("write hours like Mon-Fri 08:00-20:00; Sat 09:00-18:00")
            why = error.args[0]
            if why.params and why.params[0] not in text and normalize_opening(text) != text:
                why = why.with_params(text, *why.params[1:])  # as it was written
            yield table.fault(i, "opening", Phrase("cannot be understood: {0}", why), fix)
            table.values["opening"][i] = BAD


def _check_languages(book: ParsedTables) -> Iterator[Fault]:
    table = book.tables["programmes"]
    for i, codes in book.usable("programmes", "languages"):
        unknown = [code for code in codes if code not in _LANGUAGES]
        if unknown:
            reason = Phrase(
                "{0!r} is not a language code of ISO 639-1 (two small letters)", unknown[0]
            )
            yield table.fault(i, "languages", reason, Phrase("write codes like fr|en"))


def _check_holidays(book: ParsedTables) -> Iterator[Fault]:
    table = book.tables["programmes"]
    for i, code in book.usable("programmes", "holidays"):
        if code and code not in _list_holiday_countries():
            reason = Phrase("is not a country whose public holidays are known")
            fix = Phrase("write a code like FR, or leave it empty (open on holidays)")
            yield table.fault(i, "holidays", reason, fix)
            table.values["holidays"][i] = BAD
    for i, code, named in book.usable("programmes", "holidays", "open_holidays"):
        known = list_calendar_names(code, _CALENDAR_YEARS) if code else frozenset()
        strange = [name for name in named if name not in known]
        if strange:
            reason = Phrase(
                "{0!r} is not a public holiday of {1}", strange[0], code or "the programme"
            )
            fix = Phrase("write the country in holidays; without one no holiday closes it")
            if known:
                names = Phrase("write a name of its calendar: {0}", ", ".join(sorted(known)))
                fix = suggest_fix(find_nearest(strange[0], known), names)
            yield table.fault(i, "open_holidays", reason, fix)
            table.values["open_holidays"][i] = BAD


def _check_destinations(book: ParsedTables) -> Iterator[Fault]:
    """Check that the contract allows at least one country with a site."""
    table = book.tables["programmes"]
    held = _list_held_countries(book)
    for i, allowed in book.usable("programmes", "allowed_destinations"):
        wrong = [code for code in allowed if code not in list_country_codes()]
        if wrong:
            reason = Phrase(
                "{0!r} is not a country code of ISO 3166 (two capital letters)", wrong[0]
            )
            yield table.fault(i, "allowed_destinations", reason, Phrase("write codes like MA|TN"))
        elif allowed and held and not held.intersection(allowed):
            reason = Phrase("no site of the operator is in an allowed destination")
            fix = Phrase(
                "add one of {0}, or a site there, or leave it empty (all)", ", ".join(sorted(held))
            )
            yield table.fault(i, "allowed_destinations", reason, fix)


def _list_held_countries(book: ParsedTables) -> frozenset[str]:
    """Return the countries that have a site; empty when a site does not say its own."""
    codes = set()
    for i, code in enumerate(book.column("sites", "destination")):
        written = book.tables["sites"].text("destination", i)
        if not written or "sites" in book.unreadable:
            return frozenset()
        codes.add(written.upper() if code is BAD else code)
    return frozenset(codes)


def check_agents(book: ParsedTables) -> Iterator[Fault]:
    """An agent who is ready to work at home has a line and its carrier."""
    for i, ready, line, carrier in book.usable("agents", "home_ready", "line_type", "carrier"):
        if not ready:
            continue
        table = book.tables["agents"]
        if line == "none":
            reason = Phrase("the agent is home-ready but has no line")
            yield table.fault(i, "line_type", reason, Phrase("write the line, or home_ready false"))
        elif not carrier:
            reason = Phrase("the agent is home-ready but the carrier of the line is not given")
            fix = Phrase("write the carrier: its outage takes the line away")
            yield table.fault(i, "carrier", reason, fix)


def check_dates(book: ParsedTables) -> Iterator[Fault]:
    """A permit or measure ends after it starts; a permit is of something that exists."""
    for name in ("authorisations", "measures"):
        for i, first, last in book.usable(name, "valid_from", "valid_to"):
            if last < first:
                reason = Phrase("ends before it starts ({0})", first.isoformat())
                fix = Phrase("write the last day, not before the first one")
                yield book.tables[name].fault(i, "valid_to", reason, fix)
    tables = {"site": "sites", "agent": "agents"}
    if "vehicles" in book.tables:
        tables["vehicle"] = "vehicles"
    for i, kind, subject in book.usable("authorisations", "kind", "subject"):
        known = book.find_ids(tables[kind]) if kind in tables else None
        if known is None or subject in known:
            continue
        if book.count_without_id(tables[kind]):
            continue
        fix = suggest_fix(
            find_nearest(subject, known), Phrase("write an id of the table {0}", tables[kind])
        )
        reason = Phrase("is not an id of the table {0}", tables[kind])
        yield book.tables["authorisations"].fault(i, "subject", reason, fix)


def check_contingencies(book: ParsedTables) -> Iterator[Fault]:
    """A named contingency names a place, and carriers of at least one agent's line."""
    table = book.tables.get("contingencies")
    if table is None:
        return
    carriers = frozenset(name for name in book.column("agents", "carrier") if name)
    for i, sites, lost in book.usable("contingencies", "sites", "carriers"):
        unknown = [name for name in lost if name not in carriers]
        if not sites and not lost:
            reason = Phrase("the contingency names neither a site nor a carrier")
            yield table.fault(i, "sites", reason, Phrase("name what is lost"))
        elif unknown and "agents" not in book.unreadable:
            fix = suggest_fix(
                find_nearest(unknown[0], carriers),
                Phrase("write a carrier of the table agents"),
            )
            yield table.fault(
                i, "carriers", Phrase("no agent has the carrier {0!r}", unknown[0]), fix
            )
