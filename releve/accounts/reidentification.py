"""The name behind a pseudonym: two named roles, a reason, a time limit, every look recorded.

Names are not in the database. They stand in an encrypted file at another place
(``RELEVE_IDENTITY_FILE``), its key at a third (``RELEVE_IDENTITY_KEY``); without both there are
pseudonyms only. A health officer asks with a reason; an administrator who is not tied to that
officer's account allows it for an hour; every health officer is notified of both. Each look is an
entry of the ledger, written before the name is read. At the roll call of a lost site its lead reads
the names of those who were there alone, and each reading is an entry too.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from releve.accounts.grants import STREAM, AccessError
from releve.accounts.models import IdentityRequest, User
from releve.accounts.notices import announce_roll, notify_officers
from releve.accounts.scopes import can
from releve.accounts.two_people import find_tie, list_acts, phrase_tie
from releve.errors import Phrase
from releve.files.atomic import write_file
from releve.ledger.chain import append

if TYPE_CHECKING:
    from releve.accounts.scopes import AnyUser

OPEN = timedelta(hours=1)
ANSWERED_WITHIN = timedelta(days=1)
KEPT_DAYS = 365
"""A log of who looked is kept a year (LAW.md, section 6), then its values are erased."""
_SHORTEST_REASON = 10


def has_names() -> bool:
    return bool(settings.IDENTITY_KEY) and _names_path().is_file()


def check_names() -> None:
    """Refuse names that cannot be read; AccessError says why."""
    if not settings.IDENTITY_KEY and _names_path().is_file():
        raise AccessError(Phrase("there are names in {0} and RELEVE_IDENTITY_KEY is not set", _names_path()))
    _load_names()


def has_name(pseudonym: str) -> bool:
    """Return whether there is a name behind a pseudonym; it is not read out."""
    return pseudonym in _load_names()


@transaction.atomic
def import_names(text: str, user: User) -> int:
    """Replace the names by those of a CSV (``pseudonym``, ``name``); return how many.

    AccessError names a missing column, an empty cell or a double pseudonym by its line; nothing is
    stored then.
    """
    if not can(user, "users.manage"):
        raise AccessError(Phrase("only an administrator brings names in"))
    if not settings.IDENTITY_KEY:
        raise AccessError(Phrase("RELEVE_IDENTITY_KEY is not set: names cannot be kept"))
    names = _parse_names(text)
    append(
        "identity.imported",
        {"count": len(names), "actor": user.get_username()},
        stream=STREAM,
        recorded_at=timezone.now(),
    )
    _store_names(names)
    return len(names)


@transaction.atomic
def request_identity(user: User, pseudonym: str, reason: str) -> IdentityRequest:
    """Request the name behind a pseudonym; another person has to approve the request."""
    if not can(user, "health.reidentify"):
        raise AccessError(Phrase("only a health officer asks who stands behind a pseudonym"))
    reason = reason.strip()
    if len(reason) < _SHORTEST_REASON:
        raise AccessError(Phrase("reason must have at least {0} characters", _SHORTEST_REASON))
    look = IdentityRequest.objects.create(
        asked_by=user.get_username(), pseudonym=pseudonym, reason=reason, asked_at=timezone.now()
    )
    _record("identity.asked", look, user)
    notify_officers(look, "asked", user.get_username())
    return look


@transaction.atomic
def approve_request(user: User, look: IdentityRequest) -> IdentityRequest:
    """Allow what another person has asked, for an hour from now."""
    now = timezone.now()
    look = IdentityRequest.objects.select_for_update().get(pk=look.pk)
    if not can(user, "health.approve"):
        raise AccessError(Phrase("only an administrator allows it"))
    if user.get_username() == look.asked_by:
        raise AccessError(Phrase("it takes two people: another person has to allow it"))
    tie = find_tie(list_acts(), user.get_username(), look.asked_by, other_acted_at=look.asked_at)
    if tie is not None:
        raise AccessError(phrase_tie(tie))
    if look.open_until is not None:
        raise AccessError(Phrase("it has been allowed already"))
    if now - look.asked_at > ANSWERED_WITHIN:
        raise AccessError(Phrase("it was asked more than a day ago: it has to be asked again"))
    look.allowed_by, look.open_until = user.get_username(), now + OPEN
    look.save(update_fields=["allowed_by", "open_until"])
    _record("identity.allowed", look, user)
    notify_officers(look, "allowed", user.get_username())
    return look


def reveal_name(user: User, look: IdentityRequest) -> str:
    """Return the name behind a pseudonym; that it is looked at is recorded first, each time."""
    now = timezone.now()
    if user.get_username() != look.asked_by or not can(user, "health.reidentify"):
        raise AccessError(Phrase("only the person who asked may look"))
    if look.open_until is None:
        raise AccessError(Phrase("it has not been allowed yet"))
    if now >= look.open_until:
        raise AccessError(Phrase("the hour is over: ask again"))
    with transaction.atomic():
        _record("identity.seen", look, user)
    name = _load_names().get(look.pseudonym)
    if name is None:
        raise AccessError(Phrase("there is no name for this pseudonym"))
    return name


@transaction.atomic
def reveal_roll(user: AnyUser, site: str, people: Collection[str], *, stream: str, by: str) -> dict[str, str]:
    """Return the names of the people at the roll call of a lost site, by pseudonym; who has none is left out.

    One person may read them, since people may be in danger; that they were read is recorded first, by the site and not
    by the agents: the log is kept longer than what is known of them. The health officers, who guard the names, are
    notified afterwards.
    """
    if not can(user, "roll.names", site=site):
        raise AccessError(Phrase("only the lead of a lost site and the continuity manager read names at its roll call"))
    body = {"site": site, "of": stream, "count": len(people), "actor": by}
    append("roll.seen", body, stream=STREAM, recorded_at=timezone.now())
    announce_roll(site, by)
    names = _load_names()
    return {pseudonym: names[pseudonym] for pseudonym in people if pseudonym in names}


def erase_identity(pseudonym: str) -> None:
    """Remove a person's name and what was asked about them; the ledger erases its own values."""
    IdentityRequest.objects.filter(pseudonym=pseudonym).delete()
    names = dict(_load_names())
    if names.pop(pseudonym, None) is not None:
        _store_names(names)


def _record(kind: str, look: IdentityRequest, user: User) -> None:
    now = timezone.now()
    append(
        kind,
        {"look": look.pk, "actor": user.get_username()},
        personal={"agent": look.pseudonym, "reason": look.reason},
        subject=look.pseudonym,
        erase_on=(now + timedelta(days=KEPT_DAYS)).date(),
        stream=STREAM,
        recorded_at=now,
    )


def _names_path() -> Path:
    return Path(settings.IDENTITY_FILE)


def _load_names() -> Mapping[str, str]:
    if not has_names():
        return {}
    try:
        clear = Fernet(settings.IDENTITY_KEY).decrypt(_names_path().read_bytes())
    except InvalidToken:
        raise AccessError(Phrase("RELEVE_IDENTITY_KEY is not the key of the names")) from None
    names: dict[str, str] = json.loads(clear)
    return names


def _store_names(names: Mapping[str, str]) -> None:
    """Replace the file as a whole, readable by this user alone."""
    path = _names_path()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = Fernet(settings.IDENTITY_KEY).encrypt(json.dumps(names).encode())
    write_file(path, content, mode=0o600)


def _parse_names(text: str) -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = {"pseudonym", "name"} - set(rows.fieldnames or ())
    if missing:
        raise AccessError(f"column {', '.join(sorted(missing))} is missing")
    names: dict[str, str] = {}
    for row in rows:
        key, name = (row["pseudonym"] or "").strip(), (row["name"] or "").strip()
        if not key or not name:
            raise AccessError(f"line {rows.line_num}: pseudonym and name must not be empty")
        if key in names:
            raise AccessError(f"line {rows.line_num}: the pseudonym {key!r} is there twice")
        names[key] = name
    return names
