"""No slip in a folder of facts turns a refusal into an allowance.

Folders whose verdict is a refusal are drawn and each is damaged once: an unknown word, another case
of letters, a cell too many or too few, a table that is missing or misnamed, a column that is
renamed or gone, a person, number or client in another spelling or in none. The damaged folder must
be faulty, or its verdict must still be a refusal.
"""

from __future__ import annotations

import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import polars as pl
import pytest

from releve.network import folder_reader
from releve.plugins.outbound.engine import fact_references, fact_tables, numbers
from releve.plugins.outbound.engine.errors import FactFaults
from releve.plugins.outbound.engine.fact_files import NEEDED, TABLES, list_columns
from releve.plugins.outbound.engine.fact_references import FORBIDDING
from releve.plugins.outbound.engine.fact_tables import build_facts_on, read_tables
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.legal_rows import to_legal_day
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.engine.verdict import judge_call
from releve.plugins.outbound.engine.vocabulary import find_sector, get_vocabulary, list_word_columns
from tests.outbound.table import CALLER, CLIENT, NUMBER, PERSON

RULES = built_in_rules()
DAY = datetime.fromisoformat("2026-11-24T10:30:00+01:00")
BEFORE = datetime.fromisoformat("2026-08-10T10:30:00+02:00")
FOLDERS_EACH = 122 if os.environ.get("RELEVE_ALL_DRAWS") else 1
"""Folders drawn for each reason in the slow test."""
DAMAGES_EACH = 5
"""Folders made of each folder by each kind of damage."""
ITEMS = "identity|choice|period|withdrawal|proof_access"
Folder = dict[str, list[list[str]]]
"""Each table as its lines of cells, the first line first."""


@dataclass(frozen=True)
class Drawn:
    """A folder whose verdict is a refusal, and the call."""

    why: str
    call: Call
    folder: Folder


def line(*cells: object) -> list[str]:
    return [cell.isoformat() if isinstance(cell, date) else str(cell) for cell in cells]


def allowed_folder(at: datetime, dice: random.Random) -> Folder:
    """Return a folder on which the call is allowed."""
    given = at - timedelta(days=dice.randint(5, 60))
    read = at - timedelta(minutes=dice.randint(0, 14))
    object_ = "electricity"
    return {
        "people": [["person", "number", "kind", "address"],
                   line(PERSON, NUMBER, dice.choice(["consumer", "particulier", ""]), "75001")],
        "consents": [["id", "client", "person", "collected_at", "objects", "items", "proof", "act"],
                     line("C1", CLIENT, PERSON, given, object_, ITEMS, "sha256:1", "ticked-box")],
        "withdrawals": [["client", "person", "at", "consent", "channel"]],
        "contracts": [["id", "client", "person", "first", "last", "objects"]],
        "callbacks": [["id", "client", "person", "requested_at", "objects", "proof"]],
        "refusals": [["client", "person", "at", "kind", "basis"]],
        "attempts": [["id", "client", "person", "at", "outcome", "purpose"]],
        "listings": [["list", "number", "at", "until"],
                     line("robinson", "+34911222333", at - timedelta(days=300), "")],
        "scrubs": [["list", "client", "at"], line("bloctel", CLIENT, at - timedelta(days=9))],
        "mandates": [["id", "client", "number", "first"], line("M1", CLIENT, CALLER, "2020-01-01")],
        "abandoned": [["campaign", "day", "abandoned", "handled", "known_at"]],
        "feeds": [["feed", "read_at"],
                  *(line(feed, read) for feed in get_vocabulary("feed").ids)],
        "clients": [["client", "alias"], [CLIENT, ""], ["CLIENT-B", "Beta"]],
    }  # fmt: skip


def draw(why: str, dice: random.Random) -> Drawn:
    """Return a folder in which one thing refuses the call."""
    at = BEFORE if why in ("listed", "scrub") else DAY
    folder = allowed_folder(at, dice)
    entry = {"object": "electricity", "caller": CALLER, "campaign": "spring", "mode": "manual"}
    REASONS[why](folder, at, dice, entry)
    for rows in folder.values():
        body = rows[1:]
        dice.shuffle(body)
        rows[1:] = body
    call = Call(CLIENT, NUMBER, entry.pop("at", at), sector=find_sector(entry["object"]), **entry)
    return Drawn(why, call, folder)


def _add(table: str, make: Callable[[datetime, random.Random], list[str]]) -> Callable[..., None]:
    def add(folder: Folder, at: datetime, dice: random.Random, entry: dict[str, str]) -> None:
        folder[table].append(make(at, dice))

    return add


def _ago(at: datetime, dice: random.Random, days: int) -> datetime:
    return at - timedelta(days=dice.randint(1, days), minutes=dice.randint(0, 600))


def _attempts(folder: Folder, at: datetime, dice: random.Random, entry: dict[str, str]) -> None:
    for k in range(4):
        outcome, purpose = dice.choice(["", "busy", "no-answer"]), dice.choice(["", "prospecting"])
        when = at - timedelta(days=3 + k)
        folder["attempts"].append(line(f"A{k}", CLIENT, PERSON, when, outcome, purpose))


def _ban(folder: Folder, at: datetime, dice: random.Random, entry: dict[str, str]) -> None:
    entry["object"] = dice.choice(["heat-pump", "insulation", "cpf-training", "stairlift"])
    folder["consents"][1][4] = entry["object"]


def _hours(folder: Folder, at: datetime, dice: random.Random, entry: dict[str, str]) -> None:
    entry["at"] = at.replace(hour=dice.choice([9, 13, 20, 22]))  # type: ignore[assignment]
    for row in folder["feeds"][1:]:
        row[1] = entry["at"].isoformat()  # type: ignore[attr-defined]


def _act(folder: Folder, at: datetime, dice: random.Random, entry: dict[str, str]) -> None:
    folder["consents"][1][7] = dice.choice(["pre-ticked-box", "continued-browsing", "", "case"])
    if folder["consents"][1][7] == "case":
        folder["consents"][1][7] = "case pré-cochée"


def _items(folder: Folder, at: datetime, dice: random.Random, entry: dict[str, str]) -> None:
    folder["consents"][1][5] = dice.choice(["identity|choice", "", "durée|identité|choix|preuve"])


def _conversation(folder: Folder, at: datetime, dice: random.Random, entry: dict[str, str]) -> None:
    entry["object"] = "insurance"
    folder["consents"][1][4] = "insurance"
    folder["attempts"].append(line("A1", CLIENT, PERSON, at - timedelta(hours=9), "conversation", "prospecting"))


def _place(folder: Folder, at: datetime, dice: random.Random, entry: dict[str, str]) -> None:
    folder["people"][1][3] = dice.choice(["97100", "97300", "nowhere"])


def _abandoned(folder: Folder, at: datetime, dice: random.Random, entry: dict[str, str]) -> None:
    entry["mode"], entry["caller"] = "predictive", "+33162000001"
    folder["abandoned"].append(line("spring", at.date(), 9, 60, at))


def _objection(folder: Folder, at: datetime, dice: random.Random, entry: dict[str, str]) -> None:
    """An objection so long ago that no refusal would hold, against a contract."""
    kind = dice.choice(["objection", "stop", "Ne plus appeler", "do not call me"])
    said = line(dice.choice([CLIENT, ""]), dice.choice([PERSON, NUMBER]),
                at - timedelta(days=dice.randint(61, 300)), kind, "")  # fmt: skip
    folder["refusals"].append(said)
    folder["contracts"].append(line("K1", CLIENT, PERSON, "2020-01-01", "", "electricity"))
    folder["consents"] = folder["consents"][:1]


def _two(folder: Folder, at: datetime, dice: random.Random, entry: dict[str, str]) -> None:
    folder["people"].append(line("another", NUMBER, "consumer", "75001"))


REASONS: dict[str, Callable[..., None]] = {
    "withdrawn": _add("withdrawals", lambda at, dice: line(
        CLIENT, PERSON, _ago(at, dice, 4), dice.choice(["", "C1"]), "oral")),
    "withdrawn by another name": _add("withdrawals", lambda at, dice: line(
        dice.choice(["client a", "Client_A"]), PERSON, _ago(at, dice, 4), "", "oral")),
    "refused": _add("refusals", lambda at, dice: line(
        CLIENT, PERSON, _ago(at, dice, 4), dice.choice(["refusal", "refus", "Refusé"]),
        dice.choice(["", "consent:C1", "consentement"]))),
    "withdrawn by number": _add("withdrawals", lambda at, dice: line(
        dice.choice([CLIENT, ""]), NUMBER, _ago(at, dice, 4), "", "oral")),
    "objected": _objection,
    "listed": _add("listings", lambda at, dice: line(
        dice.choice(["bloctel", "Bloctel"]), NUMBER, _ago(at, dice, 300), "")),
    "cap": _attempts,
    "ban": _ban,
    "hours": _hours,
    "act": _act,
    "items": _items,
    "conversation": _conversation,
    "place": _place,
    "abandoned": _abandoned,
    "two people": _two,
}  # fmt: skip


def damage(one: Drawn, kind: str, dice: random.Random) -> dict[str, bytes]:
    """Return the folder as files, damaged once."""
    folder = {name: [list(row) for row in rows] for name, rows in one.folder.items()}
    names = {name: f"{name}.csv" for name in folder}
    DAMAGES[kind](folder, names, dice)
    files = {names[name]: "\n".join(",".join(row) for row in rows) for name, rows in folder.items()}
    return {name: text.encode() for name, text in files.items()}


def _cell(folder: Folder, dice: random.Random, columns: Callable[[str], list[str]]) -> tuple[list[str], int] | None:
    """Return a drawn cell of a drawn table: its row and its place."""
    places = [
        (row, rows[0].index(column))
        for name, rows in folder.items()
        for row in rows[1:]
        for column in columns(name)
        if column in rows[0]
    ]
    return dice.choice(places) if places else None


def _words(table: str) -> list[str]:
    return list(list_word_columns().get(table, {}))


def _unknown_word(folder: Folder, names: dict[str, str], dice: random.Random) -> None:
    row, place = _cell(folder, dice, _words)  # type: ignore[misc]
    row[place] = _slip(row[place], dice) if dice.random() < 0.5 else dice.choice(["xyzzy", "?", "0"])


def _slip(text: str, dice: random.Random) -> str:
    if len(text) < 2:
        return "x"
    at = dice.randrange(len(text))
    return dice.choice([text[:at] + text[at + 1 :], text[:at] + "x" + text[at:], text + "s",
                        text[:at] + text[at:][::-1]])  # fmt: skip


def _other_case(folder: Folder, names: dict[str, str], dice: random.Random) -> None:
    row, place = _cell(folder, dice, lambda table: [*_words(table), "client", "person", "campaign"])  # type: ignore[misc]
    row[place] = dice.choice([str.upper, str.lower, str.title, str.swapcase])(row[place])


def _other_case_of_a_name(folder: Folder, names: dict[str, str], dice: random.Random) -> None:
    table = dice.choice(list(folder))
    if dice.random() < 0.5:
        names[table] = dice.choice([str.upper, str.title])(names[table])
    else:
        place = dice.randrange(len(folder[table][0]))
        folder[table][0][place] = folder[table][0][place].upper()


def _surplus_cell(folder: Folder, names: dict[str, str], dice: random.Random) -> None:
    row, place = _cell(folder, dice, lambda table: folder[table][0])  # type: ignore[misc]
    if dice.random() < 0.5:
        row.insert(place, dice.choice(["", "x", *row]))
    else:
        row[place] += ",x"


def _missing_cell(folder: Folder, names: dict[str, str], dice: random.Random) -> None:
    row, place = _cell(folder, dice, lambda table: folder[table][0])  # type: ignore[misc]
    del row[place]


def _emptied_word(folder: Folder, names: dict[str, str], dice: random.Random) -> None:
    columns = {"people": ["kind"], "refusals": ["kind", "basis", "client"], "listings": ["list"],
               "attempts": ["purpose"], "consents": ["act", "items", "objects"],
               "scrubs": ["list"], "feeds": ["feed"],
               "withdrawals": ["consent", "client"]}  # fmt: skip
    row, place = _cell(folder, dice, lambda table: columns.get(table, []))  # type: ignore[misc]
    row[place] = dice.choice(["", " "])


def _missing_table(folder: Folder, names: dict[str, str], dice: random.Random) -> None:
    del folder[dice.choice(list(folder))]


def _misnamed_table(folder: Folder, names: dict[str, str], dice: random.Random) -> None:
    table = dice.choice(list(folder))
    word = get_vocabulary("table").by_id[table]
    stem = dice.choice([word.label.fr, *word.also, table[:-1], f"{table} (1)", f"{table}-old"])
    names[table] = dice.choice([f"{stem}.csv", f"{table}.txt", f"{table}.csv.bak", table])


def _missing_column(folder: Folder, names: dict[str, str], dice: random.Random) -> None:
    table = dice.choice([name for name in folder if folder[name][1:]])
    must = [name for name, (_, must) in list_columns(table).items() if must]
    place = folder[table][0].index(dice.choice(must))
    for row in folder[table]:
        del row[place]


def _renamed_column(folder: Folder, names: dict[str, str], dice: random.Random) -> None:
    table = dice.choice(list(folder))
    place = dice.randrange(len(folder[table][0]))
    folder[table][0][place] = dice.choice(["x", folder[table][0][0], folder[table][0][place] + "s"])


def _respelt(folder: Folder, names: dict[str, str], dice: random.Random) -> None:
    """Write who is meant in another way that people write it, or in one that means no one."""
    columns = {table: ["person", "client"] for table in FORBIDDING}
    columns |= {"listings": ["number"], "people": ["number"]}
    row, place = _cell(folder, dice, lambda table: columns.get(table, []))  # type: ignore[misc]
    text = row[place]
    if text.startswith("+33") or (text == PERSON and dice.random() < 0.6):
        digits = (text if text.startswith("+33") else NUMBER)[3:]
        row[place] = dice.choice([
            f"0{digits}", re.sub("(..)", r" \1", f"0{digits}"),
            f"0033{digits}", f"33{digits}", f"+33 (0){digits}", f"+33.{digits[0]}-{digits[1:]}",
            digits, f"0{digits[:-1]}", f"+33{digits[1:]}", f"+33{digits}7", f"{digits[0]}.44E+08",
            f"+33{digits[:4]}O{digits[5:]}",
        ])  # fmt: skip
    else:
        row[place] = dice.choice([
            _slip(text, dice), f"Mme {text}", text.replace("-", " "), text.upper() + ".",
            text.replace("1", "l"), text[::-1], f"{text} {text}",
        ])  # fmt: skip


DAMAGES: dict[str, Callable[[Folder, dict[str, str], random.Random], None]] = {
    "unknown word": _unknown_word,
    "other case": _other_case,
    "other case of a name": _other_case_of_a_name,
    "surplus cell": _surplus_cell,
    "missing cell": _missing_cell,
    "emptied word": _emptied_word,
    "missing table": _missing_table,
    "misnamed table": _misnamed_table,
    "missing column": _missing_column,
    "renamed column": _renamed_column,
    "respelt": _respelt,
}


def answer(files: dict[str, bytes], call: Call) -> str:
    """Return what becomes of a folder: fault, refused or allowed."""
    try:
        frames = read_tables(files, whole=True)
    except FactFaults:
        return "fault"
    facts = build_facts_on(frames, RULES.numbers, to_legal_day(call.at))
    allowed = judge_call(call, facts, RULES, call.at, timed=False).allowed
    return "allowed" if allowed else "refused"


def _plain(folder: Folder) -> dict[str, bytes]:
    return {f"{name}.csv": "\n".join(map(",".join, rows)).encode() for name, rows in folder.items()}


def _remember_by_table(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of tables that works out the same ones, which are held, once."""
    found: dict[tuple[object, ...], tuple[Any, tuple[object, ...]]] = {}

    def remembered(*given: Any) -> Any:
        key = tuple(one if isinstance(one, str) else id(one) for one in given)
        if key not in found:
            found[key] = function(*given), given
        return found[key][0]

    return remembered


def _remember(function: Callable[..., pl.Series]) -> Callable[..., pl.Series]:
    """Return a function of numbers that works out the same ones once."""
    found: dict[tuple[object, ...], pl.Series] = {}

    def remembered(numbers: pl.Series, *others: Any, **named: Any) -> pl.Series:
        key = (numbers.name, *numbers, *others, *sorted(named.items()))
        if key not in found:
            found[key] = function(numbers, *others, **named)
        return found[key]

    return remembered


@pytest.fixture(autouse=True)
def _read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the same bytes and numbers once: most of a damaged folder is as it was."""
    read = lru_cache(maxsize=None)(folder_reader.read_csv)
    monkeypatch.setattr(folder_reader, "read_csv", read)
    shown = _remember(numbers.normalize_shown_numbers)
    for module in (numbers, fact_references, fact_tables):
        monkeypatch.setattr(module, "normalize_shown_numbers", shown)
    written = _remember(numbers.mark_miswritten_numbers)
    monkeypatch.setattr(fact_references, "mark_miswritten_numbers", written)
    for name in ("_list_values", "_list_miswritten_cells"):
        monkeypatch.setattr(fact_references, name, _remember_by_table(getattr(fact_references, name)))


def hold(one: Drawn, kinds: Iterable[str], count: int, dice: random.Random) -> Counter[tuple[str, str]]:
    """Damage a folder ``count`` times in each way; return what became of it."""
    found = Counter[tuple[str, str]]()
    for kind in kinds:
        for _ in range(count):
            files = damage(one, kind, dice)
            entry = answer(files, one.call)
            assert entry != "allowed", (one.why, kind, files)
            found[kind, entry] += 1
    return found


def test_the_folder_before_anything_refuses_is_allowed() -> None:
    dice = random.Random(1)
    call = Call(CLIENT, NUMBER, DAY, "electricity", CALLER, "spring", sector="energy-supply")
    assert answer(_plain(allowed_folder(DAY, dice)), call) == "allowed"
    before = Call(CLIENT, NUMBER, BEFORE, "electricity", CALLER, "spring", sector="energy-supply")
    assert answer(_plain(allowed_folder(BEFORE, dice)), before) == "allowed"
    assert set(NEEDED) <= set(TABLES)


@pytest.mark.parametrize("why", REASONS)
def test_each_reason_refuses_by_itself_and_with_a_little_damage(why: str) -> None:
    for seed in range(5):
        dice = random.Random(seed)
        one = draw(why, dice)
        assert answer(_plain(one.folder), one.call) == "refused", one
    hold(one, DAMAGES, 1, dice)


@pytest.mark.parametrize("why", ["withdrawn", "withdrawn by number", "refused", "objected", "cap",
                                 "listed", "two people"])  # fmt: skip
def test_who_is_meant_in_another_spelling_is_still_bound(why: str) -> None:
    dice = random.Random(7)
    found = sum((hold(draw(why, dice), ["respelt"], 10, dice) for _ in range(3)), Counter[tuple[str, str]]())
    assert {entry for _, entry in found} >= {"fault"}


@pytest.mark.slow
def test_no_damaged_folder_opens_anything() -> None:
    """Each reason with each kind of damage."""
    dice, found = random.Random(100), Counter[tuple[str, str]]()
    for why in REASONS:
        for _ in range(FOLDERS_EACH):
            found += hold(draw(why, dice), DAMAGES, DAMAGES_EACH, dice)
    assert sum(found.values()) == len(REASONS) * len(DAMAGES) * FOLDERS_EACH * DAMAGES_EACH
    assert {entry for _, entry in found} == {"fault", "refused"}
