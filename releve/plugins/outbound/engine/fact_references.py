"""References between tables of facts that match nothing: who, whose and which consent is meant.

A withdrawal, refusal, attempt or listing whose person, number or consent matches nothing would
forbid nothing, so it is a fault. Tables may be scanned only, so the distinct values of a column are
looked up first, and rows only where one is in doubt.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache, partial
from typing import Literal, TypeVar, cast

import polars as pl

from releve.errors import Phrase
from releve.network.faults import Fault, NearestNames, suggest_fix
from releve.plugins.outbound.engine.facts import EVERY_CLIENT, SAID, Alias, Facts, fold_client_name
from releve.plugins.outbound.engine.numbers import (
    NumberTable,
    mark_miswritten_numbers,
    normalize_shown_numbers,
    strip_separators,
)
from releve.plugins.outbound.engine.rule_files import built_in_rules

FORBIDDING = (*SAID, "attempts")
"""Tables about persons that can forbid a call."""
KNOWING = ("people", "consents", "contracts", "callbacks")
"""Tables by which a person is known."""
_ABOUT_PEOPLE = (*KNOWING[1:], *FORBIDDING)
_WITH_CLIENTS = (*_ABOUT_PEOPLE, "scrubs", "mandates")
_NUMBERED = ("people", "listings", "mandates")
_MISWRITTEN = {
    "foreign-digits": Phrase("not a telephone number: it has digits of a script other than 0 to 9"),
    "leading-zero-lost": Phrase("not a telephone number: its first zero is lost"),
    "spreadsheet-figure": Phrase("not a telephone number: a spreadsheet made a figure of it"),
    "wrong-length": Phrase("not a telephone number: it has a digit too few or too many"),
}
Frame = pl.DataFrame | pl.LazyFrame
F = TypeVar("F", bound=Frame)
Explain = Callable[[str], tuple[Phrase, Phrase]]
"""Takes the text of a cell and returns what is wrong with it, and the fix."""


def find_doubtful_references(frames: Mapping[str, Frame], *, whole: bool) -> Iterator[Fault]:
    """Yield the rows whose client, number, person or consent is none that is known.

    ``whole``: the tables are all that is known, so a person or a consent that they lack is none.
    """
    yield from _find_unknown_clients(frames)
    for name, frame in _list_filled(frames, (*_NUMBERED, *SAID)):
        yield from _list_miswritten_cells(name, frame)
    yield from _find_misspelt_persons(frames)
    if whole:
        yield from _find_unknown_persons(frames)
        yield from _find_unknown_consents(frames)


def normalize_said_numbers(frames: Mapping[str, F]) -> dict[str, F]:
    """Return tables with the numbers of statements in international form.

    A text that is the id of a person stands for that person.
    """
    found = dict(frames)
    for name, frame in _list_filled(frames, SAID):
        found[name], _ = normalize_numbers_among(_list_unknown_persons(frames, name), frame)
    return found


def normalize_numbers_among(persons: Collection[str], frame: F) -> tuple[F, list[str]]:
    """Return a table with the numbers among some persons in international form, and the others."""
    texts = pl.Series("person", list(persons), pl.String)
    wrong = mark_miswritten_numbers(texts, _plan())
    numbers = texts.filter(~wrong)
    meant = normalize_shown_numbers(numbers, _plan(), date.max)
    changed = frame.with_columns(pl.col("person").replace(numbers, meant)) if len(meant) else frame
    return cast("F", changed), texts.filter(wrong).to_list()


def describe_number_fault(text: str, *, shown: bool = False) -> tuple[Phrase, Phrase]:
    """Return what is wrong with how a number is written, and the fix."""
    fault = _plan().find_form_fault(text, shown=shown)
    reason = _MISWRITTEN.get(fault, Phrase("not a telephone number"))
    if fault == "spreadsheet-figure":
        return reason, Phrase(
            "format the column as text in the spreadsheet, then enter the number again: its last digits may be lost"
        )
    otherwise = Phrase("write it like {0}", "+33144556677, 01 44 55 66 77")
    return reason, suggest_fix(_list_meant_numbers(text), otherwise)


def _list_meant_numbers(text: str) -> list[str]:
    """Return the number that a miswritten one may stand for, also in digits of another script."""
    digits = strip_separators(text)
    if not digits.isdecimal():
        return []
    return _plan().list_meant("".join(str(unicodedata.digit(one)) for one in digits))


def mend_postcodes(people: pl.DataFrame) -> tuple[pl.DataFrame, list[Fault]]:
    """Return people whose postcodes have five digits: without spaces, and with a lost first zero.

    Four digits may be a postcode of another country: they are one of France where the number is
    French, else a fault.
    """
    bare = pl.col("address").str.replace_all(r"[ \u00a0\u202f]", "")
    short = people.select(bare.str.contains(r"^[0-9]{4}$").fill_null(False))["address"]
    whole = pl.when(bare.str.contains(r"^[0-9]{5}$")).then(bare).otherwise("address")
    people = people.with_columns(whole.alias("address"))
    if not short.any():
        return people, []
    numbers = normalize_shown_numbers(people["number"], _plan(), date.max)
    french = short & numbers.str.starts_with("+33")
    doubtful = short & ~french & ~mark_miswritten_numbers(people["number"], _plan())
    zero = pl.concat_str(pl.lit("0"), bare)
    mended = people.with_columns(pl.when(french).then(zero).otherwise("address").alias("address"))
    return mended, [_doubt_postcode(row, people["address"][row]) for row in doubtful.arg_true()]


def _doubt_postcode(index: int, text: str) -> Fault:
    reason = Phrase("not a French postcode: it has four digits")
    french = "0" + text.replace(" ", "")
    fix = Phrase("write {0} where its first zero is lost, else the territory, like BE", french)
    return Fault("people", index + 2, "address", text, reason, fix)


def _plan() -> NumberTable:
    return built_in_rules().numbers


def _list_filled(frames: Mapping[str, F], names: Iterable[str]) -> Iterator[tuple[str, F]]:
    """Yield the tables that may hold rows."""
    for name in names:
        frame = frames[name]
        if isinstance(frame, pl.LazyFrame) or frame.height:
            yield name, frame


def _choose_engine(frame: Frame) -> Literal["in-memory", "streaming"]:
    """Return how polars works: through a scanned table in parts, through one at hand at once."""
    return "streaming" if isinstance(frame, pl.LazyFrame) else "in-memory"


def _list_values(frame: Frame, column: str) -> pl.Series:
    if isinstance(frame, pl.DataFrame):
        return frame[column].unique()
    return frame.lazy().select(column).unique().collect(engine="streaming")[column]


def _report_cells(table: str, column: str, frame: Frame, wrong: pl.Expr, explain: Explain) -> Iterator[Fault]:
    """Yield the cells of a column that are wrong, by row; each text is explained once."""
    rows = frame.select(column).with_row_index("row").filter(wrong)
    if isinstance(rows, pl.LazyFrame):
        rows = rows.collect(engine="streaming")
    explain = cache(explain)
    for row, text in rows.iter_rows():
        yield Fault(table, row + 2, column, text, *explain(text))


def _find_unknown_clients(frames: Mapping[str, Frame]) -> Iterator[Fault]:
    """Yield the rows of clients that the table of clients, where there is one, does not name."""
    table = frames["clients"].lazy().collect()
    if not table.height:
        return
    names = [name for name in (*table["client"], *table["alias"]) if name]
    keys = {fold_client_name(name) for name in names}
    keys.add(fold_client_name(EVERY_CLIENT))
    nearest = NearestNames(names)

    def explain(text: str) -> tuple[Phrase, Phrase]:
        fix = suggest_fix(nearest.find(text), Phrase("add it to the table clients"))
        return Phrase("not in the table clients"), fix

    for name, frame in _list_filled(frames, _WITH_CLIENTS):
        texts = _list_values(frame, "client").to_list()
        strange = [one for one in texts if fold_client_name(one) not in keys]
        if strange:
            wrong = pl.col("client").is_in(strange)
            yield from _report_cells(name, "client", frame, wrong, explain)


def _list_miswritten_cells(name: str, frame: Frame) -> list[Fault]:
    shown = name == "mandates"
    column = "person" if name in SAID else "number"
    wrong = pl.col(column).map_batches(
        partial(mark_miswritten_numbers, table=_plan(), shown=shown), return_dtype=pl.Boolean, is_elementwise=True
    )
    if name in SAID:
        wrong &= pl.col(column).str.starts_with("+")
    explain = partial(describe_number_fault, shown=shown)
    return list(_report_cells(name, column, frame, wrong, explain))


def _find_misspelt_persons(frames: Mapping[str, Frame]) -> Iterator[Fault]:
    """Yield the rows whose person stands in the table of people in another letter case."""
    for name, frame in _list_filled(frames, _ABOUT_PEOPLE):
        absent = _exclude_persons(_list_values(frame, "person"), [frames["people"]])
        if not absent.len():
            continue
        lower = {one.lower() for one in absent}
        people = frames["people"].lazy().select("person", lower=pl.col("person").str.to_lowercase())
        near = people.filter(pl.col("lower").is_in(list(lower))).select("lower", "person").unique()
        by_lower = dict(near.collect(engine=_choose_engine(frames["people"])).iter_rows())
        meant = {one: by_lower[key] for one in absent if (key := one.lower()) in by_lower}
        if meant:
            wrong = pl.col("person").is_in(list(meant))
            yield from _report_cells(name, "person", frame, wrong, partial(_name_person, meant))


def _name_person(meant: Mapping[str, str], text: str) -> tuple[Phrase, Phrase]:
    return Phrase("not in the table people"), Phrase("write {0!r}", meant[text])


def _exclude_persons(persons: pl.Series, tables: Collection[Frame]) -> pl.Series:
    """Return the persons that no table names, in order."""
    wanted = persons.rename("person").to_frame().lazy()
    for table in tables:
        if not persons.len():
            break
        if isinstance(table, pl.DataFrame):
            met = table["person"]
        else:
            known = table.select("person").join(wanted, on="person", how="semi").unique()
            met = known.collect(engine="streaming")["person"]
        persons = persons.filter(~persons.is_in(met.implode()))
    return persons.sort()


def _list_unknown_persons(frames: Mapping[str, Frame], name: str) -> pl.Series:
    persons = _list_values(frames[name], "person")
    return _exclude_persons(persons, [frames[table] for table in KNOWING])


def _find_unknown_persons(frames: Mapping[str, Frame]) -> Iterator[Fault]:
    """Yield rows that forbid calls to an unknown person; a number may stand for a person."""
    for name, frame in _list_filled(frames, FORBIDDING):
        absent = _list_unknown_persons(frames, name)
        if name in SAID:
            absent = absent.filter(mark_miswritten_numbers(absent, _plan()))
        if not absent.len():
            continue
        known = {one for table in KNOWING for one in _list_values(frames[table], "person")}
        wrong = pl.col("person").is_in(absent.implode())
        explain = partial(
            _explain_person,
            nearest=NearestNames(known),
            holders=_list_holders(frames, absent.to_list()),
            said=name in SAID,
        )
        yield from _report_cells(name, "person", frame, wrong, explain)


def _explain_person(
    text: str, *, nearest: NearestNames, holders: Mapping[str, set[str]], said: bool
) -> tuple[Phrase, Phrase]:
    return describe_unknown_person(text, nearest, sorted(holders[text]), said=said)


def describe_unknown_person(
    text: str, nearest: NearestNames, holders: list[str], *, said: bool
) -> tuple[Phrase, Phrase]:
    """Return the fault of an unknown person, and the fix.

    ``holders`` of the number, where the text is one; ``said``: a number may stand for a person.
    """
    if not _plan().find_form_fault(text):
        fix = Phrase("write the person's id, and add the person to people")
        return Phrase("a number in place of a person"), suggest_fix(holders, fix)
    near = nearest.find(text)
    if said and not near and not any(character.isalpha() for character in text):
        return describe_number_fault(text)
    reason = Phrase("no row of people, consents or contracts knows this person")
    return reason, suggest_fix(near, Phrase("add the person to people"))


def _list_holders(frames: Mapping[str, Frame], numbers: Collection[str]) -> dict[str, set[str]]:
    """Return the persons who hold each of some numbers, however they are written."""
    texts = pl.Series("number", list(numbers), pl.String)
    meant = normalize_shown_numbers(texts, _plan(), date.max)
    asked = dict(zip(texts, meant, strict=True))
    held = frames["people"].lazy().select("person", pl.col("number").map_batches(
        lambda cells: normalize_shown_numbers(cells, _plan(), date.max).alias(cells.name),
        return_dtype=pl.String, is_elementwise=True,
    )).filter(pl.col("number").is_in(meant.implode())).collect(engine="streaming")  # fmt: skip
    holders: dict[str, set[str]] = {}
    for person, number in held.iter_rows():
        holders.setdefault(number, set()).add(person)
    return {text: holders.get(number, set()) for text, number in asked.items()}


def _find_unknown_consents(frames: Mapping[str, Frame]) -> Iterator[Fault]:
    """Yield the withdrawals of a consent that is not there, or that another person gave."""
    if not any(_list_filled(frames, ("withdrawals",))):
        return
    ids = _list_values(frames["consents"], "id")
    if not ids.len():
        return
    key = ("id", "client", "person")
    rows = frames["withdrawals"].lazy().select("client", "person", id="consent")
    rows = rows.with_row_index("row").filter(pl.col("id") != "")
    given = frames["consents"].lazy().select(key)
    engine = _choose_engine(frames["consents"])
    doubtful = rows.join(given, on=key, how="anti").collect(engine=engine).sort("row")
    if not doubtful.height:
        return
    near = given.join(doubtful.lazy(), on="id", how="semi").unique().sort(key)
    givers: dict[str, list[tuple[str, str]]] = {}
    for id_, client, person in near.collect(engine=engine).iter_rows():
        givers.setdefault(id_, []).append((client, person))
    aliases = frames["clients"].lazy().select("client", "alias").collect()
    is_same_client = Facts(aliases=[Alias(*row) for row in aliases.iter_rows()]).is_same_client
    holders = _list_holders(frames, doubtful["person"].unique().to_list())
    nearest = NearestNames(ids.to_list())
    for row, client, person, consent in doubtful.iter_rows():
        known = givers.get(consent, [])
        mine = [p for c, p in known if client == EVERY_CLIENT or is_same_client(c, client)]
        if {person, *holders[person]}.isdisjoint(mine):
            likely = () if known else nearest.find(consent)
            yield build_consent_fault(row + 2, client, person, consent, known, mine or None, likely)


def build_consent_fault(
    row: int,
    client: str,
    person: str,
    consent: str,
    known: Sequence[tuple[str, str]],
    givers: list[str] | None,
    near: Sequence[str] = (),
) -> Fault:
    """Return the fault of a withdrawal whose consent is not there, or another's.

    ``known``: client and person of each consent of this id; ``givers``: those who gave it to the
    client, None where there are none.
    """
    if not known:
        fix = Phrase("write the id of a consent, or leave it empty for all of them")
        fix = suggest_fix(list(near), fix)
        reason = Phrase("no consent has this id")
        return Fault("withdrawals", row, "consent", consent, reason, fix)
    if givers is None:
        clients = {c for c, _ in known}
        reason = Phrase("the consent {0} was given to another client", consent)
        fix = suggest_fix(sorted(clients), Phrase("write the client to whom it was given"))
        return Fault("withdrawals", row, "client", client, reason, fix)
    reason = Phrase("the consent {0} was given by another person", consent)
    fix = suggest_fix(givers, Phrase("write the id of the person who gave it"))
    return Fault("withdrawals", row, "person", person, reason, fix)
