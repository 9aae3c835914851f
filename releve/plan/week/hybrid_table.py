"""A hybrid week as a table for a spreadsheet, and back.

A row per agent: ``agent``, ``team``, ``site``, then a column per day named by its date, with
``home``, ``site``, ``meeting`` (on site, the team meets) or nothing. French words are read too.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import date

import polars as pl

from releve.errors import Phrase
from releve.network import Operator
from releve.network.spellings import fold
from releve.plan.roster import select_shifts
from releve.plan.week.hybrid_week import HybridWeek

__all__ = ["format_week", "read_week_table", "write_week_table"]

_HOME, _SITE, _MEETING = "home", "site", "meeting"
_WORDS: Mapping[str, str] = {
    fold(word): meant
    for meant, words in (
        (_HOME, ("home", "télétravail", "tt", "maison", "domicile")),
        (_SITE, ("site", "sur site")),
        (_MEETING, ("meeting", "équipe", "réunion", "réunion d’équipe")),
    )
    for word in words
}
_FRENCH: Mapping[str, str] = {_HOME: "télétravail", _SITE: "site", _MEETING: "réunion"}


def format_week(operator: Operator, week: HybridWeek, *, french: bool = False) -> str:
    """Return a week as the text of a CSV file, with semicolons where ``french``."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";" if french else ",", lineterminator="\r\n")
    writer.writerows(write_week_table(operator, week, french=french))
    return text.getvalue()


def write_week_table(
    operator: Operator, week: HybridWeek, *, french: bool = False
) -> tuple[tuple[str, ...], ...]:
    """Return the rows of a week, the header first; agents in the order of teams and ids.

    An agent whose every cell is empty does not work in the week.
    """
    led = ("agent", "équipe" if french else "team", "site")
    at_work = {day: select_shifts(operator, day) for day in week.days}
    rows = []
    for agent, home in sorted(
        week.home.items(), key=lambda item: (operator.agent[item[0]].team, item[0])
    ):
        row = operator.agent[agent]
        cells = []
        for day in week.days:
            word = _MEETING if day in week.meetings.get(row.team, ()) else _SITE
            word = _HOME if day in home else word
            cells.append((_FRENCH[word] if french else word) if agent in at_work[day] else "")
        rows.append((agent, row.team, row.home_site, *cells))
    return ((*led, *(day.isoformat() for day in week.days)), *rows)


def read_week_table(operator: Operator, frame: pl.DataFrame) -> HybridWeek:
    """Return the week of a table as :func:`write_week_table` writes it, edited or not.

    ValueError names the column, or the row and day, that cannot be read.
    """
    names = {fold(name): name for name in frame.columns}
    if "agent" not in names:
        raise ValueError(Phrase("the column {0} is missing", "agent"))
    days = {}
    for name in frame.columns:
        try:
            days[date.fromisoformat(name.strip()[:10])] = name
        except ValueError:
            continue
    if not days:
        raise ValueError(Phrase("no column is named by a day like {0}", "2026-11-30"))
    home: dict[str, frozenset[date]] = {}
    meetings: dict[str, set[date]] = {}
    for number, row in enumerate(frame.cast(pl.String).iter_rows(named=True), start=2):
        agent = (row[names["agent"]] or "").strip()
        if agent not in operator.agent:
            raise ValueError(Phrase("row {0}: {1!r} is not the id of an agent", number, agent))
        if agent in home:
            raise ValueError(Phrase("row {0}: {1} stands in an earlier row too", number, agent))
        held = set()
        for day, name in days.items():
            text = (row[name] or "").strip()
            word = _WORDS.get(fold(text)) if text else ""
            if word is None:
                raise ValueError(
                    Phrase(
                        "row {0}, {1}: {2!r} is not home, site, meeting or empty",
                        number, day.isoformat(), text,
                    )
                )  # fmt: skip
            if word == _HOME:
                held.add(day)
            if word == _MEETING:
                meetings.setdefault(operator.agent[agent].team, set()).add(day)
        home[agent] = frozenset(held)
    return HybridWeek(
        tuple(sorted(days)),
        home,
        {team: tuple(sorted(held)) for team, held in sorted(meetings.items()) if team},
    )
