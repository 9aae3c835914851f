"""What the pages of the ledger show of entries, to whom: values, withheld, erased.

A personal value stands in an entry as a salted commitment. It is shown to the health officer
alone; other readers see that there is one, or that it was erased. A health field about no person is
a commitment too, shown to those who may see the cases of a site. An entry about one agent, whether
a case or an absence, is shown to these alone: other readers see its place in the chain. The
entries of a site or client are shown to those whose access reaches it, those of neither to those
whose access reaches all; of the others there is the place in the chain and the hash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from releve.accounts.scopes import Scope, can, scope_for
from releve.desk.ledger.words import (
    translate_actor,
    translate_field,
    translate_kind,
)
from releve.desk.page import pick_fields
from releve.desk.places.stream_context import when
from releve.desk.text import Text
from releve.ledger.account_names import restore_names
from releve.ledger.digests import parse_canonical
from releve.ledger.disclosure import PERSON_KINDS, find_person_entries
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.situation import KINDS, health_fields, personal_fields

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

PAGE = 50
_SHOWN, _WITHHELD, _ERASED = "shown", "withheld", "erased"


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
        return self.scope.covers(site=_id(body, "site"), client=_id(body, "client"))


@dataclass(frozen=True, slots=True)
class EntryField:
    """One value of an entry, in words and as it is; ``commitment``: it is personal.

    ``state`` is shown, withheld or erased.
    """

    name: str
    label: str
    value: str
    raw: Any
    state: str
    commitment: str


@dataclass(frozen=True, slots=True)
class EntryView:
    """An entry as one reader sees it; ``concealed``: of what is not theirs.

    ``about_person``: it is concealed because it is about one agent; its kind and time are empty.
    """

    seq: int
    stream: str
    hash: str
    prev: str
    concealed: bool = True
    about_person: bool = True
    kind: str = ""
    recorded_at: str = ""
    site: str = ""
    actor: str = ""
    fields: tuple[EntryField, ...] = ()

    @property
    def word(self) -> str:
        """What happened, as far as it is shown."""
        return _("Entry about a person") if self.about_person else translate_kind(self.kind)


def list_entries(
    eyes: EntryAccess, *, stream: str = "", kind: str = "", before: int | None = None
) -> list[LedgerEntry]:
    """Return a page of entries, the newest first, and one more if there are more.

    Asked for a kind, a reader gets no entry whose kind is concealed from them.
    """
    rows = LedgerEntry.objects.order_by("-seq")
    if kind in PERSON_KINDS and not eyes.counts:
        return []
    if stream:
        rows = rows.filter(stream=stream)
    if kind:
        rows = rows.filter(kind=kind)
    if before is not None:
        rows = rows.filter(seq__lt=before)
    if not kind or eyes.counts:
        return list(rows[: PAGE + 1])
    found: list[LedgerEntry] = []
    rest = rows
    while len(found) <= PAGE and (page := list(rest[: PAGE + 1])):
        hidden = find_person_entries(page)
        found += [row for row in page if row.seq not in hidden]
        rest = rows.filter(seq__lt=page[-1].seq)
    return found[: PAGE + 1]


def build_entry_views(
    rows: Sequence[LedgerEntry], eyes: EntryAccess, text: Text
) -> tuple[EntryView, ...]:
    """Return entries as a reader sees them; one query for the personal values of all."""
    kept: dict[int, dict[str, str]] = {}
    found = PersonalValue.objects.filter(entry__in=[row.seq for row in rows])
    for seq, path, value in found.values_list("entry", "path", "value"):
        kept.setdefault(seq, {})[path] = value
    hidden = frozenset() if eyes.counts else find_person_entries(rows)
    bodies = [parse_canonical(row.body) for row in rows]
    restore_names(bodies)
    return tuple(
        _conceal(row) if row.seq in hidden else _view(row, body, kept.get(row.seq, {}), eyes, text)
        for row, body in zip(rows, bodies, strict=True)
    )


def _conceal(row: LedgerEntry) -> EntryView:
    """Return what is shown of an entry about one agent: its place in the chain."""
    return EntryView(row.seq, row.stream, row.hash, row.prev)


def _view(
    row: LedgerEntry,
    body: Mapping[str, Any],
    kept: Mapping[str, str],
    eyes: EntryAccess,
    text: Text,
) -> EntryView:
    named = _id(body, "site")
    concealed = not eyes.sees(body)
    actor = body.get("actor") or body.get("by") or ""
    fields = () if concealed else tuple(_fields(row.kind, body, kept, eyes, text))
    return EntryView(
        row.seq,
        row.stream,
        row.hash,
        row.prev,
        concealed=concealed,
        about_person=False,
        kind=row.kind,
        recorded_at=row.recorded_at,
        site="" if concealed else named,
        actor="" if concealed or not isinstance(actor, str) else translate_actor(actor),
        fields=fields,
    )


def _id(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    return value if isinstance(value, str) else ""


def _fields(
    kind: str, body: Mapping[str, Any], kept: Mapping[str, str], eyes: EntryAccess, text: Text
) -> Iterator[EntryField]:
    health = set(health_fields(kind)) if kind in KINDS else set()
    counts = health - set(personal_fields(kind)) if kind in KINDS else set()
    for path, value in _flat(body):
        made = value.get("commitment", "") if isinstance(value, dict) else ""
        state, raw = _SHOWN, value
        if made:
            sees = eyes.counts if path in counts else eyes.personal
            state = _ERASED if path not in kept else _SHOWN if sees else _WITHHELD
            raw = parse_canonical(kept[path]) if state == _SHOWN else None
        elif path in health and not eyes.counts:
            state, raw = _WITHHELD, None
        shown = _written(raw, text) if state == _SHOWN else ""
        yield EntryField(path, translate_field(path), shown, raw, state, made)


def _flat(body: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a body by path; a commitment is one value."""
    for name, value in sorted(body.items()):
        if isinstance(value, dict) and set(value) != {"commitment"}:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _written(value: Any, text: Text) -> str:
    if value is None or value == "" or value == []:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list):
        return " · ".join(_written(item, text) for item in value)
    if isinstance(value, dict):
        return ", ".join(
            f"{translate_field(path)} {_written(item, text)}" for path, item in _flat(value)
        )
    if isinstance(value, int | float):
        return text.plain(value) if isinstance(value, float) else str(value)
    return _time(str(value), text)


def _time(value: str, text: Text) -> str:
    """Return an instant in the reader's words, any other text as it is."""
    if len(value) >= 20 and value[4:5] == "-" and value.endswith(("Z", "+00:00")):
        try:
            return when(datetime.fromisoformat(value), text)
        except ValueError:
            return value
    return value


def build_entry_twin(view: EntryView) -> dict[str, Any]:
    """Return an entry as JSON: what is withheld or erased is named, not guessed."""
    return {
        **pick_fields(view, "seq", "stream", "kind", "concealed", "hash", "prev"),
        "recorded_at": view.recorded_at or None,
        "fields": [
            {"name": field.name, "state": field.state}
            | ({"value": field.raw} if field.state == _SHOWN else {})
            | ({"commitment": field.commitment} if field.commitment else {})
            for field in view.fields
        ],
    }
