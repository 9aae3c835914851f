"""Statements of a pack: a sentence, a value, and how the value is computed from entries.

The computing is the verifier's own, so that what is printed is what a stranger computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from releve.errors import Phrase
from releve.evidence import verify
from releve.evidence.language import Wording

__all__ = ["Statement", "compute_statement"]

How = Literal["count", "distinct", "sum", "min", "max", "last", "span", "document", "stated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A figure of a pack, before it is computed.

    ``kinds`` and ``where`` say which entries of the period it counts: all of them. Without
    ``kinds`` it is of the entries ``of``. ``path`` names the value that is taken from each, or from
    the ``document``. A figure that is ``stated`` has its value here: no entry shows it.
    """

    id: str
    text: Phrase
    how: How
    unit: Literal["", "share", "min", "s"] = ""
    path: str = ""
    kinds: tuple[str, ...] = ()
    where: Mapping[str, Any] = field(default_factory=dict)
    of: tuple[int, ...] = ()
    document: str = ""
    value: Any = None


def compute_statement(
    one: Statement,
    pack: dict[str, Any],
    records: dict[int, dict[str, Any]],
    corrected: set[str],
    documents: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a statement as a pack holds it, with its value.

    ``pack`` needs the instants ``start`` and ``end`` and its ``day_ends``; ``records`` are the
    pack's entries by number, ``corrected`` the ids of those that no longer count.
    """
    found: dict[str, Any] = {
        "document": one.document,
        "en": Wording("en").say(one.text),
        "fr": Wording("fr").say(one.text),
        "how": one.how,
        "id": one.id,
        "kinds": list(one.kinds),
        "late": 0,
        "of": list(one.of),
        "path": one.path,
        "unit": one.unit,
        "value": one.value,
        "where": dict(one.where),
    }
    if one.how == "document":
        found["value"] = verify.read_path(documents[one.document], one.path)
    elif one.how != "stated":
        if one.kinds:
            found["of"] = [
                seq
                for seq, record in records.items()
                if verify.belongs(record, found, pack, corrected)
            ]
        found["late"] = sum(verify.late_minutes(records[seq], pack) > 0 for seq in found["of"])
        values = [verify.entry_value(records[seq], one.path) for seq in found["of"]]
        found["value"] = verify.compute_figure(one.how, values)
    return found
