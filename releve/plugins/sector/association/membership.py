"""The member: makes its contribution, shows it, sends it, checks the bulletin; agents lent, erased.

Nothing leaves before the daily contribution is switched on. A day's contribution is made once and
stored before it is sent, so that what was shown goes out, to the byte, and a mask is used once.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction

from releve import __version__
from releve.erasure import Findings
from releve.errors import Phrase
from releve.ledger.chain import append
from releve.ledger.verify import Keys, VerifyError, check_proof
from releve.plugins.sector.association.clerk import STREAM
from releve.plugins.sector.association.contracts import DRILL, RELIEF, list_contracts
from releve.plugins.sector.association.figures import STATED, count_figures, count_seats_by_destination, find_last_day
from releve.plugins.sector.association.keys import AssociationError, Envelope, load_mask_key, load_signing_key
from releve.plugins.sector.association.models import DayBulletin, LentAgent, Membership, MonthlyDesign, OwnContribution
from releve.plugins.sector.engine.bulletin import (
    Bulletin,
    check_contribution,
    check_one_closing,
    hash_closing,
    mask_figures,
    parse_bulletin,
    sum_groups,
)
from releve.plugins.sector.engine.contribution import (
    Contribution,
    hash_contribution,
    parse_contribution,
    sign_text,
    verify_text,
)
from releve.plugins.sector.engine.panel import BulletinDesign, parse_design


def find_membership() -> Membership | None:
    """Return the association that this operator is a member of, if any."""
    return Membership.objects.first()


def require_membership() -> Membership:
    """Return the membership; AssociationError where there is none."""
    found = find_membership()
    if found is None:
        raise AssociationError(
            Phrase("this operator is not a member of an association: see releve sector contribute join")
        )
    return found


@transaction.atomic
def join_association(association: str, member: str, clerk_key: str, clerk_url: str, now: datetime) -> Membership:
    """Store the association, the clerk's public key and its address; nothing is sent yet."""
    Membership.objects.all().delete()
    append("association.joined", {"association": association, "key": clerk_key, "member": member},
           recorded_at=now, stream=STREAM)  # fmt: skip
    return Membership.objects.create(
        association=association, member=member, clerk_key=clerk_key, clerk_url=clerk_url.rstrip("/")
    )


@transaction.atomic
def switch_sending(on: bool, by: str, now: datetime) -> None:
    """Switch the daily contribution on or off, in the name of an account."""
    row = require_membership()
    if (row.sends_since is not None) == on:
        return
    row.sends_since = now if on else None
    row.save(update_fields=["sends_since"])
    kind = "contribution.switched_on" if on else "contribution.switched_off"
    append(kind, {"actor": by, "association": row.association}, recorded_at=now, stream=STREAM)


def state_relief(stated: Mapping[str, Mapping[str, int]]) -> None:
    """Store what the planner states by destination: relief spare and wanted; zero is a figure."""
    row = require_membership()
    row.stated = {name: dict(stated.get(name, {})) for name in STATED}
    row.save(update_fields=["stated"])


def keep_design(sent: Envelope, now: datetime) -> BulletinDesign:
    """Store a design of the clerk's; AssociationError where it is unsigned or a second one."""
    row = require_membership()
    if sent.what != "design" or not verify_text(sent.text, sent.signature, row.clerk_key):
        raise AssociationError(Phrase("the design is not signed by the clerk’s key: nothing is stored"))
    design = parse_design(sent.text)
    if design.association != row.association:
        raise AssociationError(Phrase("the design is of {0}, not of {1}", design.association, row.association))
    known = MonthlyDesign.objects.filter(month=design.month).first()
    if known is not None and known.digest != design.digest:
        raise AssociationError(
            Phrase("a second design of {0}: the panel is frozen for the month; ask the clerk", design.month)
        )
    if known is None:
        MonthlyDesign.objects.create(
            month=design.month, digest=design.digest, text=sent.text, signature=sent.signature, at=now
        )
    return design


def load_own_design(day: date) -> BulletinDesign:
    """Return the design of a day's month, as the clerk sent it."""
    row = MonthlyDesign.objects.filter(month=f"{day:%Y-%m}").first()
    if row is None:
        raise AssociationError(Phrase("the design of {0} has not come yet: fetch it first", f"{day:%Y-%m}"))
    return parse_design(row.text)


def find_due_day(now: datetime) -> date | None:
    """Return the last day that is over, unless it was sent; None without its month's design."""
    day = find_last_day(now)
    if not MonthlyDesign.objects.filter(month=f"{day:%Y-%m}").exists():
        return None
    sent = OwnContribution.objects.filter(day=day).exclude(sent_at=None).exists()
    return None if sent else day


@transaction.atomic
def prepare_contribution(day: date, now: datetime, *, again: bool = False) -> OwnContribution:
    """Return the contribution of a day, made now unless it was made before.

    With ``again`` one that was not sent is made again, with the figures of now.
    """
    membership = require_membership()
    if again:
        OwnContribution.objects.filter(day=day, sent_at=None).delete()
    known = OwnContribution.objects.filter(day=day).order_by("-pk").first()
    if known is not None:
        return known
    return _store(membership, day, now, count_figures(day, membership.stated), "")


@transaction.atomic
def correct_contribution(day: date, now: datetime) -> OwnContribution:
    """Return a contribution that corrects the one sent for a day, with the figures of now.

    AssociationError in masked mode: a second one under the same mask would show what changed.
    """
    membership = require_membership()
    last = OwnContribution.objects.filter(day=day).exclude(sent_at=None).order_by("-pk").first()
    if last is None:
        raise AssociationError(Phrase("nothing was sent for {0}: there is nothing to correct", day))
    if last.closing:
        raise AssociationError(Phrase("a masked contribution cannot be corrected: its mask is used once"))
    return _store(membership, day, now, count_figures(day, membership.stated), last.digest)


def wrap_contribution(row: OwnContribution) -> Envelope:
    return Envelope("contribution", row.text, row.signature)


@transaction.atomic
def note_sent(row: OwnContribution, answer: str, now: datetime) -> None:
    """Note that the clerk took a contribution; its digest becomes an entry of the ledger."""
    OwnContribution.objects.filter(pk=row.pk).update(sent_at=now, answer=answer[:300])
    append("contribution.sent", {"day": row.day.isoformat(), "digest": row.digest}, recorded_at=now, stream=STREAM)


def list_contributions() -> list[OwnContribution]:
    return list(OwnContribution.objects.order_by("-day", "-pk"))


def keep_bulletin(sent: Envelope, now: datetime) -> DayBulletin:
    """Store a bulletin, and note of the own contribution what was found in it.

    ``in``: its digest is among the contributions. ``absent``: it is not. ``second``: another
    bulletin of the day came before, which is kept. AssociationError where it is unsigned, where its
    proof does not verify, or of another panel.
    """
    membership = require_membership()
    if sent.what != "bulletin" or not verify_text(sent.text, sent.signature, membership.clerk_key):
        raise AssociationError(Phrase("the bulletin is not signed by the clerk’s key: nothing is stored"))
    bulletin = parse_bulletin(sent.text)
    design = load_own_design(bulletin.day)
    if bulletin.design != design.digest:
        raise AssociationError(Phrase("the bulletin of {0} is not of the month’s panel", bulletin.day))
    known = DayBulletin.objects.filter(day=bulletin.day).first()
    if known is not None and known.digest != bulletin.digest:
        _note_found(bulletin, "second", now)
        raise AssociationError(
            Phrase(
                "a second bulletin of {0} with other contributions: one of the two closings"
                " would show a member’s figures; ask the clerk",
                bulletin.day,
            )
        )
    closing = hash_closing(str(bulletin.day), design.digest, [one.id for one in design.members])
    _check_proof(sent, bulletin, closing)
    if known is None:
        known = DayBulletin.objects.create(
            day=bulletin.day, digest=bulletin.digest, text=sent.text, signature=sent.signature,
            closing=closing, checkpoint=str(sent.beside.get("checkpoint", "")), at=now,
        )  # fmt: skip
    own = OwnContribution.objects.filter(day=bulletin.day, digest__in=bulletin.contributions)
    _note_found(bulletin, "in" if own.exists() else "absent", now)
    return known


@transaction.atomic
def _note_found(bulletin: Bulletin, found: str, now: datetime) -> None:
    """Note what was found of the contribution of a day, where one was sent and it is new."""
    rows = OwnContribution.objects.filter(day=bulletin.day).exclude(sent_at=None)
    if rows.exclude(found=found).update(found=found):
        append("bulletin.checked", {"day": bulletin.day.isoformat(), "digest": bulletin.digest,
                                    "found": found}, recorded_at=now, stream=STREAM)  # fmt: skip


def _check_proof(sent: Envelope, bulletin: Bulletin, closing: str) -> None:
    """Check that the clerk's ledger holds this bulletin as the one closing of its day."""
    proof: Any = sent.beside.get("proof")
    try:
        body = proof["entry"]["body"]
        check_proof(proof, Keys([proof["root"]["key"]]), [])
    except (TypeError, KeyError, VerifyError) as error:
        raise AssociationError(Phrase("the proof of the bulletin does not verify: {0}", str(error))) from error
    if (body.get("digest"), body.get("closing")) != (bulletin.digest, closing):
        raise AssociationError(Phrase("the proof is of another bulletin: ask the clerk for this one’s"))


def _store(
    membership: Membership, day: date, now: datetime, figures: Mapping[tuple[str, str], int], corrects: str
) -> OwnContribution:
    design = load_own_design(day)
    inside = {cell: n for cell, n in figures.items() if design.find_group(cell) is not None}
    plain = Contribution(
        association=design.association, member=membership.member, day=day, design=design.digest,
        figures=inside, seats=count_seats_by_destination(), made_at=now.replace(microsecond=0),
        nonce=secrets.token_hex(32), software=__version__, corrects=corrects,
    )  # fmt: skip
    made, closing = (plain, "") if design.mode == "plain" else _mask(plain, design)
    check_contribution(made, design)
    return OwnContribution.objects.create(
        day=day, digest=hash_contribution(made.text), text=made.text, closing=closing, made_at=now,
        signature=sign_text(made.text, load_signing_key()),
    )  # fmt: skip


def _mask(plain: Contribution, design: BulletinDesign) -> tuple[Contribution, str]:
    """Return a contribution masked for the whole panel, and the closing that it is masked for."""
    panel = {member.id: member.mask_key for member in design.members}
    closing = hash_closing(str(plain.day), design.digest, list(panel))
    for earlier in OwnContribution.objects.filter(day=plain.day):
        check_one_closing(earlier.closing, closing)
    masked = mask_figures(sum_groups(plain, design), plain.member, load_mask_key(), panel, closing)
    text = Contribution(
        association=plain.association, member=plain.member, day=plain.day, design=plain.design,
        figures={}, seats={}, made_at=plain.made_at, nonce=plain.nonce, software=plain.software,
        masked=tuple(masked),
    ).text  # fmt: skip
    return parse_contribution(text), closing


KEPT_DAYS = 30
"""Who was lent is kept for so long after the contract's end, for the hours that are paid."""


class AssociationData:
    """Names of those lent; the contract's counts stay."""

    name = "association"
    tables: Sequence[str] = ("association_lentagent",)

    def find(self, agent: str) -> Findings:
        return Findings({"lent": LentAgent.objects.filter(agent=agent).count()})

    def export(self, agent: str) -> Mapping[str, list[Any]]:
        return {"lent": list(LentAgent.objects.filter(agent=agent).values("contract", "drill"))}

    def erase(self, agent: str, token: str, now: datetime) -> Mapping[str, Any]:
        return {"lent": LentAgent.objects.filter(agent=agent).delete()[0]}

    def erase_due(self, now: datetime) -> int:
        """Erase who was lent under contracts that ended long enough ago."""
        count = 0
        for drill, stream in ((False, RELIEF), (True, DRILL)):
            rows = LentAgent.objects.filter(drill=drill)
            over = [
                name
                for name, one in (list_contracts(stream) if rows.exists() else {}).items()
                if one.contract.terms.ends_at < now - timedelta(days=KEPT_DAYS)
            ]
            count += rows.filter(contract__in=over).delete()[0]
        return count
