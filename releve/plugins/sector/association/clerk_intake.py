"""The clerk's desk: members with their keys, and contributions taken or refused with a reason."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from releve.errors import Phrase
from releve.ledger.chain import append, lock_head
from releve.plugins.sector.association.envelopes import AssociationError, Envelope
from releve.plugins.sector.association.models import AssociationMember, DayBulletin, MonthlyDesign, ReceivedContribution
from releve.plugins.sector.association.rules import find_day
from releve.plugins.sector.engine import (
    BulletinDesign,
    Contribution,
    ContributionError,
    PanelMember,
    check_contribution,
    hash_contribution,
    parse_contribution,
    parse_design,
    verify_text,
)

STREAM = "association"
CLOCKS_DIFFER = timedelta(hours=1)
"""A contribution dated further ahead than this comes from a clock that is wrong."""


def require_clerk() -> str:
    """Return the association that this installation is the clerk of; AssociationError if none."""
    association: str = settings.CLERK_OF
    if not association:
        raise AssociationError(
            Phrase("this installation is not the clerk of an association: set RELEVE_CLERK_OF to its name")
        )
    return association


@transaction.atomic
def register_member(member: str, key: str, mask_key: str, now: datetime) -> str:
    """Register a member, or the new keys of one; return the secret that its software shows.

    The secret is shown once; of it the clerk stores the SHA-256. It joins the next month's panel.
    """
    require_clerk()
    PanelMember(member, key, mask_key)
    secret = "releve_" + secrets.token_urlsafe(32)
    values = {"key": key, "mask_key": mask_key, "token_digest": _hash_token(secret),
              "registered_at": now, "revoked_at": None}  # fmt: skip
    AssociationMember.objects.update_or_create(member=member, defaults=values)
    append("member.registered", {"key": key, "mask_key": mask_key, "member": member}, recorded_at=now, stream=STREAM)
    return secret


@transaction.atomic
def revoke_member(member: str, now: datetime) -> None:
    """Revoke the keys of a member: it contributes no more, and its cells are withheld."""
    require_clerk()
    if not AssociationMember.objects.filter(member=member, revoked_at=None).update(revoked_at=now):
        raise AssociationError(Phrase("no member {0} with a valid key: see releve sector clerk state", repr(member)))
    append("member.revoked", {"member": member}, recorded_at=now, stream=STREAM)


def authenticate_member(secret: str) -> str | None:
    """Return the member that a secret identifies; None where it identifies none."""
    rows = AssociationMember.objects.filter(token_digest=_hash_token(secret), revoked_at=None)
    return rows.values_list("member", flat=True).first()


def take_contribution(sent: Envelope, now: datetime, *, by: str = "", by_file: bool = False) -> ReceivedContribution:
    """Take a contribution; ContributionError, with a code, where it is refused.

    ``by`` is the member whose secret was shown. The same bytes again are taken as the first time.
    """
    require_clerk()
    read = parse_contribution(sent.text)
    digest = hash_contribution(sent.text)
    if by and by != read.member:
        raise ContributionError("member", Phrase("the secret is that of {0}, the contribution of {1}", by, read.member))
    with transaction.atomic():
        lock_head()
        known = ReceivedContribution.objects.filter(digest=digest).first()
        if known is not None:
            return known
        design = _find_design(read)
        _check_sender(sent, read, design)
        check_contribution(read, design)
        late = _check_day(read, design, now)
        rows = ReceivedContribution.objects.filter(day=read.day, member=read.member, current=True)
        _check_double(read, rows.first(), late=late)
        rows.update(current=False)
        row = ReceivedContribution.objects.create(
            member=read.member, day=read.day, digest=digest, text=sent.text,
            signature=sent.signature, received_at=now, by_file=by_file, late=late,
        )  # fmt: skip
        append("contribution.received", {"day": read.day.isoformat(), "digest": digest,
                                         "late": late, "member": read.member},
               recorded_at=now, stream=STREAM)  # fmt: skip
    return row


def _find_design(read: Contribution) -> BulletinDesign:
    row = MonthlyDesign.objects.filter(month=f"{read.day:%Y-%m}").first()
    if row is None:
        raise ContributionError(
            "panel", Phrase("there is no design of {0} yet: wait for the clerk’s", f"{read.day:%Y-%m}")
        )
    return parse_design(row.text)


def _check_sender(sent: Envelope, read: Contribution, design: BulletinDesign) -> None:
    """Check the signature by the key of the panel, unless it was revoked since."""
    known = {member.id: member.key for member in design.members}
    check_signature(sent, read.member, known.get(read.member, ""))


def check_signature(sent: Envelope, member: str, key: str = "") -> None:
    """Check the signature by ``key`` or the member's registered one, unless that was revoked."""
    registered = AssociationMember.objects.filter(member=member).first()
    if registered is not None and registered.revoked_at is not None:
        raise ContributionError(
            "revoked", Phrase("the key of {0} was revoked: register a new one with the clerk", member)
        )
    key = key or (registered.key if registered else "")
    if not verify_text(sent.text, sent.signature, key):
        raise ContributionError(
            "signature",
            Phrase("the signature is not by the registered key of {0}: register the key in use with the clerk", member),
        )


def _check_day(read: Contribution, design: BulletinDesign, now: datetime) -> bool:
    """Return whether the day's bulletin was published; refuse a day or an instant to come."""
    today = find_day(now, design.rule)
    if read.day > today or read.made_at > now + CLOCKS_DIFFER:
        made, here = (f"{at:%Y-%m-%d %H:%M}" for at in (read.made_at, now))
        raise ContributionError(
            "clock",
            Phrase(
                "the contribution is of {0}, made at {1}; here it is {2} UTC: set the clock of the member’s machine",
                read.day,
                made,
                here,
            ),
        )
    late = DayBulletin.objects.filter(day=read.day).exists()
    if late and read.day < today - timedelta(days=design.rule.disclosure.history):
        raise ContributionError("late", Phrase("the bulletin of {0} is too old to be corrected", read.day))
    return late


def _check_double(read: Contribution, before: ReceivedContribution | None, *, late: bool) -> None:
    """Refuse a second contribution that corrects none, and a first one that is late."""
    if before is None and late:
        raise ContributionError(
            "late",
            Phrase(
                "the bulletin of {0} was published: the contribution came too late, and the day stays without it",
                read.day,
            ),
        )
    if read.corrects != ("" if before is None else before.digest):
        raise ContributionError(
            "double",
            Phrase(
                "{0} has contributed for {1}: a second contribution corrects the first and names its digest",
                read.member,
                read.day,
            ),
        )


def _hash_token(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
