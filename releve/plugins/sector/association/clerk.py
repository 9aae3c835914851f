"""The clerk: registers members, takes contributions, publishes designs and each day's bulletin.

An installation is the clerk of the association that ``RELEVE_CLERK_OF`` names. Each act is an entry
of its ledger; a bulletin leaves with the checkpoint that the entry of its digest stands under. A
contribution is taken, or refused with a reason.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction

from releve.errors import Phrase, encode_phrase
from releve.ledger.chain import append, lock_head
from releve.ledger.digests import canonical_json
from releve.ledger.disclosure import prove_entry
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import build_checkpoint, sign_root
from releve.plugins.sector.association.figures import find_day, find_publication, load_shipped_bulletin_rules
from releve.plugins.sector.association.keys import AssociationError, Envelope, load_signing_key
from releve.plugins.sector.association.models import AssociationMember, DayBulletin, MonthlyDesign, ReceivedContribution
from releve.plugins.sector.engine.bulletin import (
    Bulletin,
    ClosedDay,
    build_bulletin,
    check_contribution,
    hash_closing,
    parse_bulletin,
)
from releve.plugins.sector.engine.contribution import (
    Contribution,
    ContributionError,
    hash_contribution,
    parse_contribution,
    sign_text,
    verify_text,
)
from releve.plugins.sector.engine.needs import SectorError
from releve.plugins.sector.engine.panel import BulletinDesign, PanelMember, find_rule, merge_destinations, parse_design

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


_log = logging.getLogger("releve.plugins.sector.association")


@dataclass(frozen=True, slots=True)
class MemberState:
    """A member of the panel on a day: ``in``, ``corrected`` or ``missing``; when it came."""

    member: str
    state: str
    received_at: datetime | None
    by_file: bool


@transaction.atomic
def publish_design(
    month: str, mode: str, now: datetime, groups: Mapping[str, Sequence[str]] | None = None
) -> BulletinDesign:
    """Publish the design of a month: its panel, groups of destinations and rules; once.

    Without ``groups`` they are made from the figures of the last day, or stay those of the month
    before where its figures were masked.
    """
    association = require_clerk()
    lock_head()
    if MonthlyDesign.objects.filter(month=month).exists():
        raise AssociationError(Phrase("the design of {0} is published, and frozen for the month", month))
    try:
        rule = find_rule(load_shipped_bulletin_rules(), date.fromisoformat(f"{month}-01"))
    except ValueError as error:
        raise AssociationError(
            Phrase("month must be written as 2026-11, got {0}: {1}", repr(month), str(error))
        ) from error
    rows = AssociationMember.objects.filter(revoked_at=None)
    members = tuple(PanelMember(row.member, row.key, row.mask_key) for row in rows)
    chosen = {name: tuple(group) for name, group in (groups or _choose_groups()).items()}
    design = BulletinDesign(association, month, mode, members, chosen, rule)
    signature = sign_text(design.text, load_signing_key())
    MonthlyDesign.objects.create(month=month, digest=design.digest, text=design.text, signature=signature, at=now)
    append("design.published", {"design": design.digest, "members": len(members), "mode": mode,
                                "month": month}, recorded_at=now, stream=STREAM)  # fmt: skip
    return design


def list_states(day: date) -> list[MemberState]:
    """Return the state of each member of the day's panel; empty without a design."""
    found = MonthlyDesign.objects.filter(month=f"{day:%Y-%m}").first()
    if found is None:
        return []
    rows: dict[str, list[ReceivedContribution]] = {}
    for row in ReceivedContribution.objects.filter(day=day):
        rows.setdefault(row.member, []).append(row)
    states = []
    for member in parse_design(found.text).members:
        mine = rows.get(member.id, [])
        state = "missing" if not mine else "in" if len(mine) == 1 else "corrected"
        last = mine[-1] if mine else None
        states.append(MemberState(member.id, state, last.received_at if last else None, bool(last and last.by_file)))
    return states


def list_due_days(now: datetime) -> list[date]:
    """Return the days whose bulletin may appear now and has not, the oldest first."""
    days = ReceivedContribution.objects.filter(late=False).values_list("day", flat=True)
    published = set(DayBulletin.objects.values_list("day", flat=True))
    return [day for day in sorted(set(days) - published) if find_publication(day, _load_design(day).rule) <= now]


def publish_due(now: datetime) -> None:
    """Publish every bulletin that is due; the clerk's daily job."""
    if settings.CLERK_OF:
        for day in list_due_days(now):
            try:
                publish_bulletin(day, now)
            except SectorError as error:
                _log.warning("the bulletin of %s waits: %s", day, error)


def publish_bulletin(day: date, now: datetime) -> DayBulletin:
    """Publish the bulletin of a day, once; the one that is there where it was published.

    AssociationError before its time; SectorError where masks do not open. A clerk that is stopped
    halfway publishes the same bytes later.
    """
    require_clerk()
    with transaction.atomic():
        lock_head()
        row = DayBulletin.objects.filter(day=day).first()
        if row is None:
            row = _publish(day, now)
    if not row.proof:
        root = sign_root(now)
        found = LedgerEntry.objects.filter(
            stream=STREAM, kind="bulletin.published", body__contains=row.digest
        ).values_list("seq", flat=True)
        seq = int(found[0])
        row.checkpoint = build_checkpoint(root)
        row.proof = canonical_json(prove_entry(seq, root))
        row.save(update_fields=["checkpoint", "proof"])
    return row


def remake_bulletin(day: date) -> Bulletin:
    """Return the bulletin of a published day made again from what is stored; the same bytes."""
    row = DayBulletin.objects.filter(day=day).first()
    if row is None:
        raise AssociationError(Phrase("no bulletin of {0} was published", day))
    return _make(day, ReceivedContribution.objects.filter(corrected_in=day))


def wrap_design(row: MonthlyDesign) -> Envelope:
    return Envelope("design", row.text, row.signature)


def wrap_bulletin(row: DayBulletin) -> Envelope:
    """Return a bulletin as it travels, with the checkpoint and the proof of its entry."""
    beside = {"checkpoint": row.checkpoint, "proof": json.loads(row.proof or "null")}
    return Envelope("bulletin", row.text, row.signature, beside)


def _publish(day: date, now: datetime) -> DayBulletin:
    design = _load_design(day)
    due = find_publication(day, design.rule)
    if now < due:
        raise AssociationError(Phrase("the bulletin of {0} appears at {1} UTC", day, f"{due:%Y-%m-%d %H:%M}"))
    corrections = ReceivedContribution.objects.filter(late=True, corrected_in=None)
    bulletin = _make(day, corrections)
    corrections.update(corrected_in=day)
    closing = hash_closing(str(day), design.digest, [member.id for member in design.members])
    append("bulletin.published", {"closing": closing, "contributions": len(bulletin.contributions),
                                  "day": day.isoformat(), "digest": bulletin.digest},
           recorded_at=now, stream=STREAM)  # fmt: skip
    return DayBulletin.objects.create(
        day=day, digest=bulletin.digest, text=bulletin.text, closing=closing, at=now,
        signature=sign_text(bulletin.text, load_signing_key()),
    )  # fmt: skip


def _make(day: date, corrections: Iterable[ReceivedContribution]) -> Bulletin:
    design = _load_design(day)
    first = day - timedelta(days=design.rule.disclosure.history)
    history = []
    for row in DayBulletin.objects.filter(day__gte=first, day__lt=day):
        bulletin = parse_bulletin(row.text)
        sent = ReceivedContribution.objects.filter(digest__in=bulletin.contributions)
        read = tuple(parse_contribution(one.text) for one in sent)
        history.append(ClosedDay(_load_design(row.day), read, bulletin))
    published = DayBulletin.objects.filter(day=day).first()
    rows = ReceivedContribution.objects.filter(day=day, late=False)
    if published is None:
        rows = rows.filter(current=True)
    else:
        rows = rows.filter(digest__in=parse_bulletin(published.text).contributions)
    late = [parse_contribution(row.text) for row in corrections]
    return build_bulletin(design, day, [parse_contribution(row.text) for row in rows], history,
                          [one for one in late if one.day >= first])  # fmt: skip


def _load_design(day: date) -> BulletinDesign:
    row = MonthlyDesign.objects.filter(month=f"{day:%Y-%m}").first()
    if row is None:
        raise AssociationError(
            Phrase("there is no design of {0}: publish it with releve sector clerk design", f"{day:%Y-%m}")
        )
    return parse_design(row.text)


def _choose_groups() -> Mapping[str, Sequence[str]]:
    last = ReceivedContribution.objects.filter(current=True).order_by("-day").first()
    if last is None:
        raise AssociationError(
            Phrase(
                "no contribution says which destinations there are: name the groups of the"
                " first month, such as --group MA=MA --group other=SN,MG"
            )
        )
    before = _load_design(last.day)
    if before.mode == "masked":
        return before.groups
    rows = ReceivedContribution.objects.filter(day=last.day, current=True)
    figures = [parse_contribution(row.text).figures for row in rows]
    return merge_destinations(figures, before.rule.disclosure)


class NotPublished(AssociationError):  # noqa: N818 (a state of the clerk)
    """What was asked for has not been published, or not yet."""


def wrap_month_design(month: str) -> Envelope:
    """Return the signed design of a month; NotPublished where there is none."""
    row = MonthlyDesign.objects.filter(month=month).first()
    if row is None:
        raise NotPublished(Phrase("there is no design of {0} yet", month))
    return wrap_design(row)


def wrap_day_bulletin(day: str) -> Envelope:
    """Return the signed bulletin of a day, with the checkpoint; NotPublished where it has none."""
    try:
        row = DayBulletin.objects.filter(day=date.fromisoformat(day)).first()
    except ValueError:
        row = None
    if row is None:
        raise NotPublished(Phrase("there is no bulletin of {0} yet", day))
    return wrap_bulletin(row)


def describe_refusal(code: str, said: str | Exception) -> dict[str, object]:
    """Return a refusal as it travels: its code, its sentence, and that as it can be translated."""
    if isinstance(said, Exception):
        first = said.args[0] if said.args else None
        said = first if isinstance(first, str) else str(said)
    return {"code": code, "message": said, "phrase": encode_phrase(said)}
