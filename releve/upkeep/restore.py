"""Restore a backup into a new home and an empty database of either kind; losses, declared by two.

What may have taken effect since the backup is not done twice: queued effects are set aside for a
person to check, and no answer to an old message is awaited. The gate refuses every call until the
registers have been read again. The entry ``ledger.restored`` says what was put back and what is
lost. A database that was put back by other means catches up likewise.

Before anything else is written, two people declare a loss. Each is an administrator, signs with
password and second factor, and had no hand in the other's account; where no two administrators
count as two people yet, the declaration also declares the two different people, as `releve desk
user declare` would. The ledger records who, why, and the last root over what is lost. Numbers of
lost roots and journal parts are never given again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

import pyrage
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from releve.accounts.confirmations import are_two_administrators, check_declaration, declare_administrators
from releve.accounts.grants import AccessError
from releve.accounts.models import Grant, User
from releve.accounts.permissions import Role
from releve.accounts.two_people import find_tie, list_acts
from releve.files.atomic import create_file
from releve.ledger.chain import append, lock_head, read_head
from releve.ledger.guards import LossRefused
from releve.ledger.models import LedgerEntry, OutgoingDocument, Restoration
from releve.ledger.rollback import (
    DECLARED,
    RESTORED,
    LedgerMark,
    LedgerStanding,
    allow_writing,
    compare_with_marks,
    find_received,
    find_recorded_loss,
)
from releve.live.api import LIVE
from releve.live.effect_queue import OUTSIDE, NewEffect, queue_effects
from releve.live.models import Effect, Message
from releve.live.statement import erase_due_data
from releve.upkeep.archive import NAMES, BackupFault, Manifest
from releve.upkeep.backup import load_rows, open_lines, prepare_tables
from releve.upkeep.migrations import apply_migrations
from releve.upkeep.replay import Outside, publish_roots, repeat_acts, resume_ledger, settle_values

ASIDE = "the database was restored: this may have been done since the backup; check, then retry"
_LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class LostRoot:
    """The last published root over entries that are lost."""

    number: int
    size: int
    head: str
    tree: str


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was put back, taken from the journal, repeated, set aside, and what is lost.

    ``lost_entries``: under the last published root, whose number is ``lost_root`` (0: none).
    ``entry`` records it; 0 where nothing lacked that was not on record already.
    """

    rows: int
    entries: int
    acts: Mapping[str, int]
    aside: int
    lost_entries: int
    lost_root: int
    entry: int


def restore_database(
    path: Path, manifest: Manifest, identities: Sequence[pyrage.x25519.Identity], outside: Outside, now: datetime
) -> RestoreReport:
    """Put the rows back into an empty database, and what was published since on top of them.

    The rows come all or none, and what left since likewise.
    """
    file = connection.settings_dict["NAME"]
    if isinstance(file, Path):  # of SQLite, which would make it readable for others
        create_file(file, "", mode=0o600)
    if connection.introspection.table_names():
        raise BackupFault("the database is not empty: give an empty one, nothing is overwritten")
    outside.parts_after(int(manifest["journal"]))  # a missing one is said before anything is done
    apps = prepare_tables(manifest["migrations"])
    with open_lines(path, identities, Path(settings.HOME)) as lines:
        counts = load_rows(lines, apps)
    if counts != manifest["rows"]:
        raise BackupFault("the rows are not those that the manifest names")
    apply_migrations()
    report = _go_on(manifest, outside, now, put_back=True)
    return replace(report, rows=sum(counts.values()))


def catch_up(outside: Outside, now: datetime) -> RestoreReport:
    """Put what left since into the database as it stands, an older copy of itself: all or nothing.

    Repeated, it changes nothing.
    """
    head = read_head()
    at = LedgerEntry.objects.filter(seq=head.seq).values_list("recorded_at", flat=True).first()
    last = OutgoingDocument.objects.filter(name__startswith="journal-").order_by("-name").first()
    before = {
        "made_at": at,
        "entries": head.seq,
        "journal": 0 if last is None else int(last.name[len("journal-") : -len(".age")]),
    }
    return _go_on(before, outside, now, put_back=False)


def _go_on(before: Manifest, outside: Outside, now: datetime, *, put_back: bool) -> RestoreReport:
    """Put on top of a database what left since; ``before`` says where its ledger stood.

    It is recorded where the database was ``put_back`` from a backup, or lacked something.
    """
    parts = outside.parts_after(int(before["journal"]))
    publish_roots(outside)
    with allow_writing():
        with transaction.atomic():
            found = resume_ledger(outside, parts)
            lost = found.get("lost_root")
            size, number = found.get("lost_entries", 0), 0 if lost is None else int(lost["number"])
            is_new_loss = lost is not None and not found["recorded"]
            if not (put_back or parts or found["entries"] or found["roots"] or is_new_loss):
                return RestoreReport(0, 0, {}, 0, size, number, 0)
            entry, aside = record_restoration(
                now, made_at=before["made_at"], entries=before["entries"], found=found["entries"],
                lost=None if lost is None else LostRoot(
                    number, lost["size"], lost["head"], lost["tree"]
                ),
                lost_entries=size,
            )  # fmt: skip
            settle_values(parts, now)
            acts = repeat_acts(parts)
        erase_due_data(now)
    return RestoreReport(0, found["entries"], acts, aside, size, number, entry)


def needs_identity_key() -> bool:
    """Return whether there are names that could not be erased: their key is not set here."""
    return (Path(settings.HOME) / NAMES).is_file() and not settings.IDENTITY_KEY


def record_restoration(
    now: datetime, *, made_at: str | None, entries: int, found: int, lost: LostRoot | None, lost_entries: int
) -> tuple[int, int]:
    """Record what was put back, and set aside what may have been done since that was made.

    Returns the number of the entry, and how many effects were set aside.
    """
    with transaction.atomic():
        lock_head()
        body = {
            "backup_made_at": made_at,
            "backup_entries": entries,
            "entries_from_journal": found,
            "lost_entries": lost_entries,
            "lost_root": None if lost is None else asdict(lost),
        }
        entry = append(RESTORED, body, recorded_at=now)
        Restoration.objects.create(seq=entry.seq, at=timezone.now())
        waiting = Effect.objects.filter(state__in=(Effect.QUEUED, Effect.CLAIMED))
        aside = waiting.exclude(kind=_LEAVE).update(state=Effect.ASIDE, error=ASIDE)
        waiting.update(state=Effect.QUEUED, next_at=now, claimed_until=None)
        Message.objects.exclude(due_at=None).update(due_at=None)
    return entry.seq, aside


SHORTEST_REASON = 10
_JOURNAL = re.compile(r"journal-(\d{8})\.age")


@dataclass(frozen=True, slots=True)
class DeclaredLoss:
    """What was declared: the entry that says so, what is lost, and how many effects wait."""

    entry: int
    mark: LedgerMark
    aside: int


def find_loss() -> LedgerStanding:
    """Return what the database lacks; LossRefused where nothing is missing."""
    found = compare_with_marks()
    if not found.fault:
        raise LossRefused("nothing is missing from the database: there is no loss to declare")
    return found


def find_person(name: str, now: datetime) -> User:
    """Return an administrator by name; LossRefused where the account is not one now."""
    held = Grant.objects.select_related("user").filter(
        user__username=name, user__is_active=True, role=Role.ADMINISTRATOR
    )
    for grant in held:
        if grant.is_active_at(now):
            return grant.user
    raise LossRefused(f"{name} must be an administrator with an open account, and is not one now")


def find_code_factors(person: User) -> list[Authenticator]:
    """Return the second factors of a person that give a code to type in, recovery codes too.

    LossRefused for a person whose only factor is a passkey, which a terminal cannot ask for.
    """
    factors = Authenticator.objects.filter(user=person)
    found = list(factors.exclude(type=Authenticator.Type.WEBAUTHN))
    if not found and factors.exists():
        raise LossRefused(
            f"{person.get_username()} has a passkey as the only second factor, and no code to type"
            " in: another administrator declares it, with codes of an app or recovery codes"
        )
    return found


@transaction.atomic
def check_identity(person: User, password: str, code: str) -> None:
    """Refuse (LossRefused) a person who does not know the password, or the code."""
    factors = find_code_factors(person)
    known = person.check_password(password)
    if not known or (factors and not any(one.wrap().validate_code(code) for one in factors)):
        raise LossRefused(f"this is not the password of {person.get_username()}, or not the code")


def declare_loss(people: Sequence[User], reason: str, now: datetime) -> DeclaredLoss:
    """Record that two people declare lost what the database lacks; the ledger goes on after it.

    LossRefused where nothing is missing, or the two do not count as two.
    """
    first, second = (person.get_username() for person in people)
    if first == second:
        raise LossRefused(f"it takes two people: {first} was given twice")
    tied = _is_to_be_declared(first, second)
    if len(reason.strip()) < SHORTEST_REASON:
        raise LossRefused(f"reason must have at least {SHORTEST_REASON} characters")
    found = find_loss()
    root = next((mark for mark in found.marks if mark.number), None)
    with allow_writing(), transaction.atomic():
        place = lock_head()
        upto = max(mark.size for mark in found.marks)
        seq, aside, recorded = 0, 0, find_recorded_loss()
        if root is not None and recorded is not None and recorded["lost_root"]["head"] == root.head:
            seq = recorded["seq"]
        else:
            lost = None if root is None else LostRoot(root.number, root.size, root.head, root.tree)
            seq, aside = record_restoration(
                now, made_at=None, entries=place.seq, found=0, lost=lost, lost_entries=max(0, upto - place.seq)
            )
        if tied:
            declare_administrators((first, second))
        heads = sorted({mark.head for mark in found.marks})
        body = {"actor": first, "by": second, "entry": seq, "reason": reason.strip(), "upto": upto, "heads": heads}
        entry = append(DECLARED, body, recorded_at=now)
        _pass_numbers(now)
    return DeclaredLoss(entry.seq, found.marks[0], aside)


def _is_to_be_declared(first: str, second: str) -> bool:
    """Return whether the two count as two only once declared; LossRefused where they cannot be."""
    tie = find_tie(list_acts(), first, second)
    if tie is None:
        return False
    refusal = f"it takes two people, and one person could act as both: {tie}"
    if are_two_administrators():
        raise LossRefused(f"{refusal}; an administrator whom neither gave access declares it")
    try:
        check_declaration((first, second))
    except AccessError as error:
        raise LossRefused(f"{refusal}; {error}") from error
    return True


def _pass_numbers(now: datetime) -> None:
    """Go on after the numbers of what stands outside; what waits under such a number moves on.

    With one part of the journal all that wait move, after the last own one, and keep their order.
    """
    where = Path(settings.OUTSIDE) if str(settings.OUTSIDE).startswith("/") else None
    names = [path.name for path in where.iterdir()] if where and where.is_dir() else []
    names.append(find_received("journal"))
    waiting = OutgoingDocument.objects.filter(received_at=None).order_by("name")
    for row in waiting.filter(name__in=names, name__startswith="root-"):
        _settle(row, now, "another root stands under this name: not sent")
    number = max(map(_read_number, names), default=0)
    if not number:
        return
    parts = OutgoingDocument.objects.filter(name__startswith="journal-").order_by("-name")
    sent = parts.exclude(received_at=None).values_list("upto", flat=True).first()
    after = max(number, *map(_read_number, parts.values_list("name", flat=True)[:1]), 0)
    moved = list(waiting.filter(name__startswith="journal-"))
    if moved and _read_number(moved[0].name) > number:
        moved = []
    OutgoingDocument.objects.get_or_create(
        name=_name_part(number),
        defaults={"content": b"", "digest": "", "upto": sent or 0, "made_at": now,
                  "received_at": now, "receipt": "stood outside when a loss was declared"},
    )  # fmt: skip
    for count, row in enumerate(moved, after + 1):
        name = _name_part(count)
        OutgoingDocument.objects.create(name=name, content=row.content, digest=row.digest, upto=row.upto, made_at=now)
        queue_effects([NewEffect(LIVE, OUTSIDE, "leave", f"leave:{name}", {"name": name})])
        _settle(row, now, f"sent as {name}")


def _settle(row: OutgoingDocument, now: datetime, receipt: str) -> None:
    row.received_at, row.content, row.receipt = now, b"", receipt
    row.save()


def _read_number(name: str) -> int:
    """Return the number of a part of the journal; 0 for another document."""
    found = _JOURNAL.fullmatch(name)
    return int(found[1]) if found else 0


def _name_part(number: int) -> str:
    return f"journal-{number:08}.age"
