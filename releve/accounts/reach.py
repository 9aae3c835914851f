"""What of each entry and client a user may see.

An entry about one agent is shown to users who may see the cases of a site. The entries of a site or
client are shown to users whose access reaches it, those of neither to users whose access reaches
all. Of the others a user sees the place in the chain and the hash. Values follow
:mod:`releve.ledger.disclosure`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from releve.accounts.scopes import ProofState, Scope, can, scope_for
from releve.ledger.account_names import restore_names
from releve.ledger.chain import read_head
from releve.ledger.digests import parse_canonical
from releve.ledger.disclosure import (
    KIND_LABELS,
    PERSON_KINDS,
    DisclosedField,
    disclose_fields,
    find_person_entries,
    holds_health_in_clear,
    list_entries,
    load_personal_values,
)
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import load_last_root

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

_MOST_ENTRIES, _MOST_OF_A_FEED = 50, 500
_LARGEST_NUMBER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class EntryAccess:
    """What a reader may see of the ledger's entries, and whether they may have proofs of them."""

    personal: bool
    counts: bool
    proves: bool
    scope: Scope

    @classmethod
    def for_user(cls, user: AnyUser) -> EntryAccess:
        return cls(
            can(user, "health.cases"), can(user, "health.see"), can(user, "ledger.prove"), scope_for(user, "ledger.see")
        )

    @property
    def exports(self) -> bool:
        """Whether the whole may be handed out: not to a reader who is here for some."""
        return self.proves and self.scope.is_whole

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds whose entries the reader may see."""
        return tuple(kind for kind in KIND_LABELS if self.counts or kind not in PERSON_KINDS)

    def sees(self, body: Mapping[str, Any]) -> bool:
        """Return whether an entry may be read; one of no site and no client takes all of them."""
        return self.scope.covers(site=_text(body, "site"), client=_text(body, "client"))


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry as one reader sees it; ``concealed``: of what is not theirs.

    ``about_person``: it is concealed because it is about one agent; ``kind`` is empty and
    ``recorded_at`` None for a reader who may not see the cases of a site. ``happened`` is when it
    happened or was seen, and ``day`` the day that it is about, as its body says.
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
    happened: str = ""
    day: str = ""
    fields: tuple[DisclosedField, ...] = ()


@dataclass(frozen=True, slots=True)
class EntryList:
    """Entries, the newest first; ``older``: ask with it as ``before`` for the next of them."""

    entries: tuple[EntryView, ...]
    older: int | None


def load_entries(
    eyes: EntryAccess, *, stream: str = "", kind: str = "", before: int | None = None, most: int = _MOST_ENTRIES
) -> EntryList:
    """Return entries of every stream or kind or of one, as a reader sees them."""
    rows = list_entries(most + 1, persons=eyes.counts, stream=stream, kind=kind, before=before)
    older = rows[most - 1].seq if len(rows) > most else None
    return EntryList(_view_entries(rows[:most], eyes), older)


@dataclass(frozen=True, slots=True)
class EntryFeed:
    """Entries in the order in which they were written; ask with ``last`` as ``after`` for what comes next."""

    entries: tuple[EntryView, ...]
    last: int


def load_entries_after(
    eyes: EntryAccess, after: int, *, stream: str = "", kind: str = "", most: int = _MOST_OF_A_FEED
) -> EntryFeed | None:
    """Return the first entries after a number, as a reader sees them; None where the ledger ends before it.

    Numbers are given under the lock of the ledger's head and stored in their order: no entry comes to
    stand before ``last`` later.
    """
    head = read_head().seq
    if after > head:
        return None
    rows = list_entries(most, persons=eyes.counts, stream=stream, kind=kind, after=after)
    last = rows[-1].seq if len(rows) == most else max([head, *(row.seq for row in rows)])
    return EntryFeed(_view_entries(rows, eyes), last)


def load_entry(seq: int, eyes: EntryAccess) -> EntryView | None:
    """Return one entry as a reader sees it; None where there is none of this number."""
    row = LedgerEntry.objects.filter(seq=seq).first() if seq <= _LARGEST_NUMBER else None
    return None if row is None else _view_entries([row], eyes)[0]


def find_proof_state(entry: EntryView, eyes: EntryAccess) -> ProofState:
    """Return whether a reader can have the proof of an entry now, under the next root, or not."""
    if not eyes.proves or entry.concealed or holds_health_in_clear(entry.seq):
        return ""
    root = load_last_root()
    return "now" if root is not None and entry.seq <= root.size else "next"


def _view_entries(rows: Sequence[LedgerEntry], eyes: EntryAccess) -> tuple[EntryView, ...]:
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
    return EntryView(row.seq, row.stream, row.hash, row.prev, **shown)


def _view(row: LedgerEntry, body: Mapping[str, Any], kept: Mapping[str, str], eyes: EntryAccess) -> EntryView:
    shown = {"about_person": False, "kind": row.kind, "recorded_at": row.recorded_at}
    if not eyes.sees(body):
        return _conceal(row, **shown)
    return _conceal(
        row,
        **shown,
        concealed=False,
        site=_text(body, "site"),
        actor=_text(body, "actor") or _text(body, "by"),
        happened=_text(body, "seen_at") or _text(body, "happened_at"),
        day=_text(body, "day"),
        fields=tuple(disclose_fields(row.kind, body, kept, counts=eyes.counts, personal=eyes.personal)),
    )


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""
