"""Random edits of an operator are read back unchanged, and an undo restores the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from releve.network import Operator
from releve.registry import storage
from releve.registry.changes import TableChanges
from releve.registry.models import Version
from releve.registry.service import (
    apply_changes,
    get_current_version,
    load_changes,
    load_operator,
    preview_changes,
    undo_version,
)
from releve.registry.tables import KINDS, build_key, get_rows

pytestmark = [pytest.mark.database, pytest.mark.django_db]

EDITED = ("sites", "seats", "agents", "shifts", "history", "contingencies", "operator")
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
Act = tuple[str, str, int, str]
ACTS = st.tuples(
    st.sampled_from(("drop", "copy", "swap", "change", "drop many")),
    st.sampled_from(EDITED),
    st.integers(0, 10_000),
    TEXTS,
)


def edited(operator: Operator, act: Act) -> Operator:
    """The operator after one act; what cannot be done to a table is left."""
    what, table, number, text = act
    rows = list(get_rows(operator, table))
    if table == "operator":
        return replace(operator, row=replace(operator.row, name=text))
    if not rows:
        return operator
    at = number % len(rows)
    if what == "drop":
        del rows[at]
    elif what == "drop many":
        del rows[at : at + 700]
    elif what == "swap":
        rows[at], rows[-1] = rows[-1], rows[at]
    elif what == "change":
        rows[at] = change_cell(rows[at], number, text)
    else:
        rows.insert(number % (len(rows) + 1), copied(rows[at], text, rows))
    return replace(operator, **{table: tuple(rows)})


def change_cell(row: Any, number: int, text: str) -> Any:
    values = {
        "sites": {"name": text, "lat": number / 1000},
        "seats": {"x_m": number % 1000 / 7},
        "agents": {"carrier": text, "skills": (text,), "contract_hours": 1 + number % 50},
        "shifts": {"break_minutes": float(number % 100)},
        "history": {"answered": None, "offered": number / 3},
        "contingencies": {"name": text, "sites": ()},
    }
    return replace(row, **values[row.table])


def copied(row: Any, text: str, rows: list[Any]) -> Any:
    """A row like another one with a key of its own; the same row where it would be taken."""
    names = {"shifts": "agent", "history": "programme"}
    new = replace(row, **{names.get(row.table, "id"): text})
    if build_key(new) in {build_key(other) for other in rows}:
        rows.remove(next(other for other in rows if build_key(other) == build_key(new)))
    return new


def plain_counts(before: Operator, after: Operator, table: str) -> dict[str, int]:
    """The counts of a change, the slow way."""
    old = {build_key(row): row for row in get_rows(before, table)}
    new = {build_key(row): row for row in get_rows(after, table)}
    counts = {
        "added": sum(key not in old for key in new),
        "removed": sum(key not in new for key in old),
        "changed": sum(key in old and old[key] != row for key, row in new.items()),
    }
    found = {kind: count for kind, count in counts.items() if count}
    return found or {"moved": 1}


@pytest.mark.slow
@pytest.mark.postgresql
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, min_size=1, max_size=4))
def test_an_undo_gives_back_the_same_operator(first: Version, small: Operator, acts: list[Act]) -> None:
    wanted = small
    for act in acts:
        wanted = edited(wanted, act)
    changes = preview_changes(wanted)
    assert changes.counts() == {
        table: plain_counts(small, wanted, table)
        for table in KINDS
        if get_rows(small, table) != get_rows(wanted, table)
    }
    if not changes:
        return
    made = apply_changes(changes, "amina")
    storage.clear_cache()
    assert load_operator(made) == wanted
    assert same(load_changes(made), dict(changes.tables))
    back = undo_version(made, "bilal")
    storage.clear_cache()
    assert load_operator(back) == small
    again = undo_version(back, "bilal")
    assert (again.digest, back.digest) == (made.digest, first.digest)
    assert load_operator(again) == wanted
    undo_version(again, "bilal")
    assert get_current_version() != made


def same(one: dict[str, TableChanges], other: dict[str, TableChanges]) -> bool:
    """Whether two lists of changes hold the same rows, in whatever order."""
    return {table: rows(found) for table, found in one.items()} == {
        table: rows(found) for table, found in other.items()
    }


def rows(found: TableChanges) -> set[Any]:
    return {(change.key, change.before, change.after) for change in found.rows()}
