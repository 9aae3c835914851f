"""The facts that a list needs, taken out of registers that may be larger than memory.

A register is a table, perhaps one that is only scanned. For each part of a list its people are
looked up and nothing else is kept, so that memory grows with the list and not with the registers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

import polars as pl

from releve.outbound.calls import Call
from releve.outbound.fact_tables import build_facts
from releve.outbound.facts import EVERY_CLIENT, SAID, Alias, Facts
from releve.outbound.lazy_tables import tidy_table
from releve.outbound.legal_rows import LegalRow, LegalRules, to_legal_day
from releve.outbound.number_frames import normalize_sayer, normalize_shown_numbers

__all__ = [
    "ABOUT_PEOPLE", "FactRegister", "at_instant", "mark_counted_refusals", "select_last_versions",
]  # fmt: skip

ABOUT_PEOPLE = ("consents", "withdrawals", "contracts", "callbacks", "refusals", "attempts")
_BY_NUMBER = ("people", "listings")
_UNREAD = ("wording", "collector", "channel")
"""Columns that no rule reads."""


class FactRegister:
    """All tables of facts for one call's client, as known at an instant."""

    def __init__(
        self,
        call: Call,
        frames: Mapping[str, pl.DataFrame | pl.LazyFrame],
        rules: LegalRules,
        known_at: datetime,
    ) -> None:
        self._rules, self._day = rules, to_legal_day(call.at)
        mine_too = Facts(aliases=_read_aliases(frames["clients"]))
        self._tables: dict[str, pl.LazyFrame] = {
            name: _select_known(frame.lazy(), known_at) for name, frame in frames.items()
        }
        for name in ABOUT_PEOPLE:
            names = self._tables[name].select("client").unique().collect()["client"].to_list()
            wanted = (call.client, EVERY_CLIENT) if name in SAID else (call.client,)
            own = [one for one in names if any(mine_too.is_same_client(one, w) for w in wanted)]
            mine = self._tables[name].filter(pl.col("client").is_in(own))
            self._tables[name] = mine.drop(_UNREAD, strict=False)
        for name in SAID:
            said = normalize_sayer(rules.numbers, self._day)
            self._tables[name] = self._tables[name].with_columns(said)
        for name in (*_BY_NUMBER, "mandates"):
            self._tables[name] = self._tables[name].with_columns(self._shown())
        self._bind_holders()
        about = (*ABOUT_PEOPLE, *_BY_NUMBER)
        self._common = {
            name: (table.limit(0) if name in about else table).collect()
            for name, table in self._tables.items()
        }
        self.of_client: Facts = build_facts(self._common)
        at_hand = [name for name in about if isinstance(frames[name], pl.DataFrame)]
        read = pl.collect_all([self._tables.pop(name) for name in at_hand])
        self._at_hand = dict(zip(at_hand, map(tidy_table, at_hand, read), strict=True))

    def _bind_holders(self) -> None:
        """Add what was said by number as said by each person who holds the number."""
        by_number = [
            self._tables[name].filter(pl.col("person").str.starts_with("+")) for name in SAID
        ]
        numbers = pl.concat([said.select("person") for said in by_number]).unique()
        found = numbers.collect(engine="streaming")["person"]
        if not found.len():
            return
        people = self._tables["people"].filter(pl.col("number").is_in(found.implode()))
        holders = people.select("number", holder="person").unique().collect(engine="streaming")
        for name, said in zip(SAID, by_number, strict=True):
            heard = said.join(holders.lazy(), left_on="person", right_on="number")
            heard = heard.with_columns(person="holder").drop("holder")
            self._tables[name] = pl.concat([self._tables[name], heard])

    def _shown(self) -> pl.Expr:
        table, day = self._rules.numbers, self._day
        return pl.col("number").map_batches(
            lambda numbers: normalize_shown_numbers(numbers, table, day).alias(numbers.name),
            return_dtype=pl.String,
            is_elementwise=True,
        )

    def with_people(self, people: pl.DataFrame) -> Facts:
        """Return the client's own facts, and who holds some numbers."""
        return build_facts({**self._common, "people": people})

    def holders(self, numbers: pl.Series) -> pl.DataFrame:
        """Return who holds some numbers: the last word on each, in the order they were known."""
        held = self._look_up("people", "number", numbers)
        return select_last_versions(held, "number", "person")

    def about(self, people: pl.Series, numbers: pl.Series) -> dict[str, pl.DataFrame]:
        """Return every table of the client, of these people and numbers alone."""
        sayers = pl.concat([people.rename("person"), numbers.rename("person")])
        found = dict(self._common)
        for name in ABOUT_PEOPLE:
            found[name] = self._look_up(name, "person", sayers if name in SAID else people)
        found["listings"] = self._look_up("listings", "number", numbers)
        return found

    def _look_up(self, name: str, key: str, wanted: pl.Series) -> pl.DataFrame:
        """Return the rows of a table with one of the wanted keys, in its order."""
        keys = wanted.rename(key).to_frame().unique()
        table = self._at_hand.get(name)
        if table is not None:
            return table.join(keys, on=key, how="semi", maintain_order="left")
        scan = self._tables[name].join(keys.lazy(), on=key, how="semi", maintain_order="left")
        return tidy_table(name, scan.collect(engine="streaming"))


def _read_aliases(frame: pl.DataFrame | pl.LazyFrame) -> list[Alias]:
    return [Alias(*row) for row in frame.lazy().select("client", "alias").collect().iter_rows()]


def _select_known(table: pl.LazyFrame, known_at: datetime) -> pl.LazyFrame:
    """Return the facts known by an instant."""
    names = table.collect_schema().names()
    when = next((name for name in ("known_at", "read_at") if name in names), None)
    return table if when is None else table.filter(pl.col(when) <= known_at)


@lru_cache(maxsize=4096)
def at_instant(at: datetime) -> pl.Expr:
    """Return an instant as a literal; making one takes as long as comparing it with a column."""
    return pl.lit(at, dtype=pl.Datetime("us", "UTC"))


def mark_counted_refusals(row: LegalRow) -> pl.Expr:
    """Return whether a silence counts a refusal, as ``checks_history.counts_refusal`` does."""
    counted = ~pl.col("kind").is_in(sorted(row.parameters["not_counted"]))
    only = row.parameters.get("only")
    return counted if only is None else counted & pl.col("kind").is_in(sorted(only))


def select_last_versions(frame: pl.DataFrame, *key: str) -> pl.DataFrame:
    """Return the last version known of each fact, in the order in which they were first known."""
    frame = frame.sort("known_at", maintain_order=True)
    if any(frame[name].n_unique() == frame.height for name in key):
        return frame
    if not frame.select(pl.struct(key).is_duplicated().any()).item():
        return frame
    first = pl.int_range(pl.len()).min().over(key)
    last = frame.with_columns(_first=first).unique(key, keep="last", maintain_order=True)
    return last.sort("_first").drop("_first")
