"""What the pages of the ledger show of entries, to whom: values, withheld, erased.

An entry about one agent, whether a case or an absence, is shown to those who may see the cases of
a site: other readers see its place in the chain. The entries of a site or client are shown to those
whose access reaches it, those of neither to those whose access reaches all; of the others there is
the place in the chain and the hash. :mod:`releve.ledger.disclosure` says whom values are shown to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from releve.accounts.scopes import Scope, can, scope_for
from releve.desk.page import PageModel
from releve.ledger.account_names import restore_names
from releve.ledger.digests import parse_canonical
from releve.ledger.disclosure import (
    DisclosedField,
    disclose_fields,
    find_person_entries,
    load_personal_values,
)
from releve.ledger.models import LedgerEntry

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser


@dataclass(frozen=True, slots=True)
class EntryAccess:
    """What a reader may see of the ledger's entries."""

    personal: bool
    counts: bool
    scope: Scope

    @classmethod
    def for_user(cls, user: AnyUser) -> EntryAccess:
        """Return what a user may see."""
        return cls(
            can(user, "health.cases"), can(user, "health.see"), scope_for(user, "ledger.see")
        )

    def sees(self, body: Mapping[str, Any]) -> bool:
        """Return whether an entry may be read; one of no site and no client takes all of them."""
        return self.scope.covers(site=_text(body, "site"), client=_text(body, "client"))


class EntryView(PageModel):
    """An entry as one reader sees it; ``concealed``: of what is not theirs.

    ``about_person``: it is concealed because it is about one agent; ``kind`` is empty and
    ``recorded_at`` null for a reader who may not see the cases of a site.
    """

    seq: int
    stream: str
    hash: str
    prev: str
    concealed: bool = True
    about_person: bool = True
    kind: str = ""
    recorded_at: str | None = None
    site: str = ""
    actor: str = ""
    fields: tuple[DisclosedField, ...] = ()


def build_entry_views(rows: Sequence[LedgerEntry], eyes: EntryAccess) -> tuple[EntryView, ...]:
    """Return entries as a reader sees them; one query for the personal values of all."""
    kept = load_personal_values([row.seq for row in rows])
    hidden = frozenset() if eyes.counts else find_person_entries(rows)
    bodies = [parse_canonical(row.body) for row in rows]
    restore_names(bodies)
    return tuple(
        _conceal(row) if row.seq in hidden else _view(row, body, kept.get(row.seq, {}), eyes)
        for row, body in zip(rows, bodies, strict=True)
    )


def _conceal(row: LedgerEntry, **shown: Any) -> EntryView:
    """Return the place of an entry in the chain, and no more of it than ``shown``."""
    return EntryView(seq=row.seq, stream=row.stream, hash=row.hash, prev=row.prev, **shown)


def _view(
    row: LedgerEntry, body: Mapping[str, Any], kept: Mapping[str, str], eyes: EntryAccess
) -> EntryView:
    shown = {"about_person": False, "kind": row.kind, "recorded_at": row.recorded_at}
    if not eyes.sees(body):
        return _conceal(row, **shown)
    return _conceal(
        row,
        **shown,
        concealed=False,
        site=_text(body, "site"),
        actor=_text(body, "actor") or _text(body, "by"),
        fields=tuple(
            disclose_fields(row.kind, body, kept, counts=eyes.counts, personal=eyes.personal)
        ),
    )


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
