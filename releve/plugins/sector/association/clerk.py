"""The clerk: publishes the month's design and each day's bulletin, and answers members' software.

An installation is the clerk of the association that ``RELEVE_CLERK_OF`` names. Each act is an entry
of its ledger; a bulletin leaves with the checkpoint that the entry of its digest stands under.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction

from releve.errors import Phrase, encode_phrase
from releve.ledger.chain import append, lock_head
from releve.ledger.digests import canonical_json
from releve.ledger.models import LedgerEntry
from releve.ledger.proofs import prove_entry
from releve.ledger.roots import build_checkpoint, sign_root
from releve.plugins.sector.association.clerk_intake import STREAM, require_clerk
from releve.plugins.sector.association.envelopes import AssociationError, Envelope
from releve.plugins.sector.association.gates import CLEARED, wrap_result
from releve.plugins.sector.association.keys import load_signing_key
from releve.plugins.sector.association.models import (
    AssociationMember,
    DayBulletin,
    MonthlyDesign,
    ReceivedContribution,
    ReliefGate,
)
from releve.plugins.sector.association.rules import find_publication, load_shipped_bulletin_rules
from releve.plugins.sector.engine import (
    Bulletin,
    BulletinDesign,
    ClosedDay,
    PanelMember,
    SectorError,
    build_bulletin,
    find_rule,
    hash_closing,
    merge_destinations,
    parse_bulletin,
    parse_contribution,
    parse_design,
    sign_text,
)

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
        seq = _find_entry(row)
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


def _find_entry(row: DayBulletin) -> int:
    found = LedgerEntry.objects.filter(stream=STREAM, kind="bulletin.published", body__contains=row.digest).values_list(
        "seq", flat=True
    )
    return int(found[0])


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


def wrap_own_result(gate: str, member: str) -> Envelope:
    """Return the signed result of a gate as far as it is a member's; NotPublished before it is."""
    row = ReliefGate.objects.filter(name=gate, state=CLEARED).first()
    if row is None:
        raise NotPublished(Phrase("the clearing {0} is not cleared yet", gate))
    return wrap_result(row, member)


def describe_refusal(code: str, said: str | Exception) -> dict[str, object]:
    """Return a refusal as it travels: its code, its sentence, and that as it can be translated."""
    if isinstance(said, Exception):
        first = said.args[0] if said.args else None
        said = first if isinstance(first, str) else str(said)
    return {"code": code, "message": said, "phrase": encode_phrase(said)}
