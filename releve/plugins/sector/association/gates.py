"""The clerk's clearings: announced, closed, cleared, results sent; and as members see them.

The input of a clearing is fixed in the entry ``gate.closed`` before anything is computed, so a
clerk that is stopped in the middle comes to the same result. It is computed in a process of its
own, which a restarted worker finds. An auditor gets all openings from :func:`show_to_auditor` and
clears again.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from releve.errors import Phrase, ReleveError
from releve.ledger.chain import append, lock_head
from releve.ledger.digests import canonical_json
from releve.ledger.keys import public_key
from releve.network import Operator
from releve.plugins.sector.association.clerk import CLOCKS_DIFFER, STREAM, NotPublished, check_signature, require_clerk
from releve.plugins.sector.association.gate_member import (
    OrderRow,
    list_order_rows,
    list_outcomes,
    merge_matches,
    read_gate_result,
    wrap_order,
)
from releve.plugins.sector.association.keys import (
    AssociationError,
    Envelope,
    load_clearing_secret,
    load_signing_key,
    store_clearing_secret,
)
from releve.plugins.sector.association.models import AssociationMember, OwnOrder, ReceivedOrder, ReliefGate
from releve.plugins.sector.clearing_job import (
    CLEARING_DEADLINE,
    CLEARINGS,
    ClearingJob,
    ClearingOrder,
    find_clearing,
    pack_openings,
    parse_clearing,
    read_result,
)
from releve.plugins.sector.engine.contribution import ContributionError, sign_text
from releve.plugins.sector.engine.disclosure import compute_clearing_digest, disclose_to_auditor, disclose_to_member
from releve.plugins.sector.engine.gate_orders import (
    COMMIT,
    OPEN,
    REQUEST,
    RESULT_FORMAT,
    GateNotice,
    GateOrder,
    OpenedOffers,
    SealedOffer,
    derive_seed,
    hash_secret,
    open_offers,
    parse_gate,
    parse_order,
)
from releve.plugins.sector.engine.matches import SHARES, Clearing, describe_clearing
from releve.plugins.sector.engine.needs import Openings, SectorError
from releve.runs.job_process import start_job
from releve.runs.job_store import DEADLINE, JobStore, current_stamp
from releve.upkeep.findings import Examination, Finding, fault


def wrap_own_result(gate: str, member: str) -> Envelope:
    """Return the signed result of a gate as far as it is a member's; NotPublished before it is."""
    row = ReliefGate.objects.filter(name=gate, state=CLEARED).first()
    if row is None:
        raise NotPublished(Phrase("the clearing {0} is not cleared yet", gate))
    return wrap_result(row, member)


OPENED, CLOSED, CLEARED = "open", "closed", "cleared"
_KINDS = {COMMIT: Phrase("sealed offer"), REQUEST: Phrase("request"), OPEN: Phrase("opening of offers")}
RETRY_AFTER = timedelta(hours=1)
"""A clearing that failed is tried again after so long; the alarm stands until it is there."""
_log = logging.getLogger("releve.plugins.sector.association")


@transaction.atomic
def announce_gate(
    name: str, day: date, closes_at: datetime, now: datetime, *, minutes: int = 15, time_zone: str = "Europe/Paris"
) -> ReliefGate:
    """Announce a clearing: orders until ``closes_at``, openings for some minutes after it."""
    association = require_clerk()
    lock_head()
    if ReliefGate.objects.filter(name=name).exists():
        raise AssociationError(Phrase("the gate {0} is announced: choose another name", name))
    if closes_at <= now:
        raise AssociationError(Phrase("the gate must close in time to come"))
    secret = secrets.token_bytes(32)
    notice = GateNotice(
        name, association, day, time_zone, closes_at.replace(microsecond=0),
        closes_at.replace(microsecond=0) + timedelta(minutes=minutes), hash_secret(secret),
        public_key(),
    )  # fmt: skip
    store_clearing_secret(name, secret)
    row = ReliefGate.objects.create(
        name=name, text=notice.text, signature=sign_text(notice.text, load_signing_key()),
        closes_at=notice.closes_at, opens_until=notice.opens_until, state=OPENED, at=now,
    )  # fmt: skip
    append("gate.announced", {"gate": name, "digest": _hash(row.text)}, recorded_at=now, stream=STREAM)
    return row


def list_gates(now: datetime) -> list[ReliefGate]:
    """Return the gates whose orders or openings are awaited, or that closed in the last week."""
    return list(ReliefGate.objects.filter(opens_until__gte=now - timedelta(days=7)))


def take_order(sent: Envelope, now: datetime, *, by: str = "") -> ReceivedOrder:
    """Take an order; ContributionError, with a code, where it is refused.

    ``by`` is the member whose secret was shown. The same bytes again are taken as the first time.
    """
    association = require_clerk()
    read = parse_order(sent.text)
    if by and by != read.member:
        raise ContributionError("member", Phrase("the secret is that of {0}, the order of {1}", by, read.member))
    with transaction.atomic():
        lock_head()
        known = ReceivedOrder.objects.filter(digest=_hash(sent.text)).first()
        if known is not None:
            return known
        read.check_size()
        row = ReliefGate.objects.filter(name=read.gate).first()
        if row is None or read.association != association:
            raise ContributionError("gate", Phrase("there is no gate {0} here", read.gate))
        check_signature(sent, read.member)
        _check_time(read, row, now)
        if ReceivedOrder.objects.filter(gate=read.gate, member=read.member, kind=read.kind).exists():
            raise ContributionError(
                "double",
                Phrase("{0} has sent its {1} for {2}: the first one counts", read.member, _KINDS[read.kind], read.gate),
            )
        taken = ReceivedOrder.objects.create(
            gate=read.gate, member=read.member, kind=read.kind, digest=_hash(sent.text),
            text=sent.text, signature=sent.signature, received_at=now,
        )  # fmt: skip
        body = {"digest": taken.digest, "gate": read.gate, "kind": read.kind, "member": read.member}
        append("order.received", body, recorded_at=now, stream=STREAM)
    return taken


def run_clearings(now: datetime) -> bool:
    """Close what is due, start its clearing or store what came of it; return whether one goes on. A job of every round.

    It never waits for a clearing. AssociationError names one that could not be begun; the others
    go on.
    """
    if not settings.CLERK_OF:
        return False
    errors = []
    rows = ReliefGate.objects.exclude(state=CLEARED).filter(opens_until__lte=now)
    for name in rows.values_list("name", flat=True):
        try:
            clear_gate(name, now)
        except ReleveError as error:
            errors.append(error)
    store = JobStore(settings.HOME, CLEARINGS)
    for job in store.list_jobs():  # one whose process was ending when its result was stored
        if ReliefGate.objects.filter(name=job.order.gate, state=CLEARED).exists():
            store.remove(job)
    if errors:
        raise errors[0]
    return rows.exists()


def clear_gate(name: str, now: datetime) -> ReliefGate:
    """Close a gate, and start its clearing or store what came of it; the gate as it stands then.

    AssociationError before the time for openings is over.
    """
    require_clerk()
    known = ReliefGate.objects.filter(name=name).exclude(state=OPENED).first()
    if known is not None and (known.state == CLEARED or _waits(known, now)):
        return known  # without the head's lock: it is asked for in every round
    row = known or _close(name, now)
    if row.state == CLEARED:
        return row
    store = JobStore(settings.HOME, CLEARINGS)
    job = find_clearing(store, name)
    if job is not None and (job.state == "broken" or (job.state == "failed" and row.failed_at)):
        if not store.remove(job):
            return row  # its process is at work after all, or ending
        job = None  # it was killed, or an hour has gone by: begin again
    if job is None:
        inputs = pack_openings(*_read_openings(row))
        start_job(store.add(ClearingOrder(name, current_stamp()), inputs))
        job = find_clearing(store, name)
    if job is not None and job.state == "done":
        row = _take_result(row, job, now)
        store.remove(job)
    elif job is not None and job.state == "failed":
        _note_failure(row, job.reason, now)
    return row


def _waits(row: ReliefGate, now: datetime) -> bool:
    """Return whether the clearing of a gate failed less than RETRY_AFTER ago."""
    return row.failed_at is not None and row.failed_at <= now < row.failed_at + RETRY_AFTER


def _take_result(row: ReliefGate, job: ClearingJob, now: datetime) -> ReliefGate:
    """Store the result of a job, or the failure where it is not a clearing of the gate."""
    openings, seed = _read_openings(row)
    try:
        cleared = read_result(job, openings)
    except (SectorError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("the result of the gate %s cannot be read: %s", row.name, error)
        # the ledger has the kind of error alone: its text may name members and prices
        _note_failure(row, f"its result cannot be read ({type(error).__name__})", now)
        return row
    return _store_clearing(row, openings, cleared, seed, now)


def list_failed_gates() -> list[ReliefGate]:
    """Return the gates whose clearing failed and is not there yet: each is an alarm."""
    return list(ReliefGate.objects.filter(state=CLOSED).exclude(failed_at=None))


def check_clearings(asked: Examination) -> Iterator[Finding]:
    """Every clearing of the association that is closed is computed, or at work: for `releve doctor`."""
    for row in list_failed_gates():
        yield fault(
            "clearings",
            f"the clearing {row.name} could not be computed: {row.failure}",
            "see that the machine has memory and processor to spare; it is tried again every hour",
        )


def read_clearing(row: ReliefGate) -> Clearing:
    return parse_clearing(row.clearing)


def show_to_auditor(name: str) -> dict[str, Any]:
    """Return all that a clearing was made from, and the digest that a second run must give."""
    row = ReliefGate.objects.filter(name=name, state=CLEARED).first()
    if row is None:
        raise AssociationError(Phrase("no gate {0} was cleared", name))
    openings, seed = _read_openings(row)
    return disclose_to_auditor(openings, read_clearing(row), seed)


def wrap_gate(row: ReliefGate) -> Envelope:
    return Envelope("gate", row.text, row.signature)


def wrap_result(row: ReliefGate, member: str) -> Envelope:
    """Return what a member may know of a clearing: its matches, and the keys of its partners."""
    orders = _list_frozen(row)
    openings, _ = _read_openings(row)
    cleared = read_clearing(row)
    shown = disclose_to_member(openings, cleared, member)
    partners = {one[side] for one in shown["matches"] for side in ("giver", "asker")} - {member}
    keys = {one.member: one.contract_key for one in orders if one.member in partners}
    refused = [
        {"offer": one.offer, "code": one.code, "params": list(one.params)}
        for one in _open(row, orders).refused
        if one.giver == member
    ]
    body = {"format": RESULT_FORMAT, "gate": row.name, "keys": keys, "refused": refused, **shown}
    if cleared.rule == SHARES:
        body["rule"] = SHARES
    text = canonical_json(body)
    return Envelope("result", text, sign_text(text, load_signing_key()))


def _check_time(read: GateOrder, row: ReliefGate, now: datetime) -> None:
    """Refuse an order from a clock that is wrong, or out of its time."""
    if abs(read.made_at - now) > CLOCKS_DIFFER:
        made, here = (f"{at:%Y-%m-%d %H:%M}" for at in (read.made_at, now))
        raise ContributionError(
            "clock",
            Phrase("the order was made at {0}; here it is {1} UTC: set the clock of the member’s machine", made, here),
        )
    begins, ends = (row.closes_at, row.opens_until) if read.kind == "open" else (row.at, row.closes_at)
    if row.state != OPENED or now >= ends:
        raise ContributionError(
            "late",
            Phrase("the {0} for {1} was awaited until {2} UTC", _KINDS[read.kind], row.name, f"{ends:%Y-%m-%d %H:%M}"),
        )
    if now < begins:
        raise ContributionError(
            "early", Phrase("offers of {0} are opened after {1} UTC", row.name, f"{begins:%Y-%m-%d %H:%M}")
        )


@transaction.atomic
def _close(name: str, now: datetime) -> ReliefGate:
    """Fix what a clearing is made from; the orders of members revoked by now are left out."""
    lock_head()
    row = ReliefGate.objects.filter(name=name).first()
    if row is None:
        raise AssociationError(Phrase("there is no gate {0}", name))
    if row.state != OPENED:
        return row
    if now < row.opens_until:
        raise AssociationError(Phrase("offers are opened until {0} UTC", f"{row.opens_until:%Y-%m-%d %H:%M}"))
    valid = AssociationMember.objects.filter(revoked_at=None).values("member")
    rows = ReceivedOrder.objects.filter(gate=name, member__in=valid)
    row.state, row.orders = CLOSED, sorted(rows.values_list("digest", flat=True))
    row.save(update_fields=["state", "orders"])
    append("gate.closed", {"gate": name, "orders": row.orders}, recorded_at=now, stream=STREAM)
    return row


@transaction.atomic
def _store_clearing(row: ReliefGate, openings: Openings, cleared: Clearing, seed: bytes, now: datetime) -> ReliefGate:
    lock_head()
    row.refresh_from_db()
    if row.state == CLEARED:
        return row
    row.state, row.clearing = CLEARED, canonical_json(describe_clearing(cleared))
    row.failed_at, row.failure = None, ""
    row.save(update_fields=["state", "clearing", "failed_at", "failure"])
    append("gate.cleared", {"digest": compute_clearing_digest(cleared), "gate": row.name,
                            "offers": len(openings.offers), "requests": len(openings.requests),
                            "rule": cleared.rule, "seed": seed.hex()},
           recorded_at=now, stream=STREAM)  # fmt: skip
    _log.info("the gate %s is cleared: %d matches", row.name, len(cleared.matches))
    return row


@transaction.atomic
def _note_failure(row: ReliefGate, reason: str, now: datetime) -> None:
    """Raise the alarm that a clearing failed: an entry of the ledger, and a line of the log."""
    if reason == DEADLINE:
        minutes = CLEARING_DEADLINE.total_seconds() / 60
        reason = f"it took more than {minutes:.0f} minutes"
    lock_head()
    row.failed_at, row.failure = now, reason[:300]
    row.save(update_fields=["failed_at", "failure"])
    append("gate.failed", {"gate": row.name, "reason": row.failure}, recorded_at=now, stream=STREAM)
    _log.error("the gate %s is not cleared: %s; it is tried again in an hour", row.name, reason)


def _read_openings(row: ReliefGate) -> tuple[Openings, bytes]:
    """Return the openings that were fixed when the gate closed, and the seed."""
    orders = _list_frozen(row)
    asked = [one for one in orders if one.kind == "request"]
    openings = Openings(
        _open(row, orders).offers,
        tuple(sorted(request for one in asked for request in one.requests)),
        frozenset(approval for one in asked for approval in one.approvals),
    )
    commitments = (text for one in orders for text in one.commitments.values())
    secret = load_clearing_secret(row.name)
    if hash_secret(secret) != parse_gate(row.text).seed_digest:
        raise AssociationError(
            Phrase(
                "the secret of the clearing {0} is not the one that was announced: restore"
                " clearing-{0}.key from its copy",
                row.name,
            )
        )
    return openings, derive_seed(secret, commitments)


def _open(row: ReliefGate, orders: Iterable[GateOrder]) -> OpenedOffers:
    orders = list(orders)
    times = dict(ReceivedOrder.objects.filter(gate=row.name, kind="commit").values_list("member", "received_at"))
    sealed = [
        SealedOffer(one.gate, one.member, offer, commitment, times[one.member])
        for one in orders if one.kind == "commit"
        for offer, commitment in one.commitments.items()
    ]  # fmt: skip
    opened = {
        offer.offer: (offer, bytes.fromhex(one.nonces.get(offer.offer, "")))
        for one in orders if one.kind == "open"
        for offer in one.offers
    }  # fmt: skip
    return open_offers(parse_gate(row.text).sector_gate, sealed, opened)


def _list_frozen(row: ReliefGate) -> list[GateOrder]:
    rows = ReceivedOrder.objects.filter(digest__in=row.orders).order_by("digest")
    return [parse_order(one.text) for one in rows]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class GateSummary:
    """A clearing; ``state``: open, closed (offers are opened), awaited or cleared."""

    gate: str
    day: date
    closes_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class PreparedOrder:
    kind: str
    digest: str
    content: str
    sent_at: datetime | None
    rows: tuple[OrderRow, ...]


@dataclass(frozen=True, slots=True)
class GateDetails:
    """What was prepared for a clearing, and the own part of its ``result`` once it has come.

    ``names`` of the own programmes behind references; ``matches`` as of :func:`merge_matches`,
    ``outcomes`` as of :func:`list_outcomes`; ``asks``: agents of a partner were matched with an own
    request.
    """

    orders: tuple[PreparedOrder, ...]
    names: Mapping[str, str]
    result: Mapping[str, Any] | None
    matches: tuple[Mapping[str, Any], ...]
    outcomes: tuple[tuple[str, int, int, str], ...]
    asks: bool


def list_gate_summaries(now: datetime) -> tuple[GateSummary, ...]:
    """Return the clearings that have come from the clerk, the one that closes last first."""
    rows = ReliefGate.objects.order_by("-closes_at")
    return tuple(summarise_gate(row, now) for row in rows)


def summarise_gate(row: ReliefGate, now: datetime) -> GateSummary:
    state = "open" if now < row.closes_at else "closed" if now < row.opens_until else "awaited"
    day = parse_gate(row.text).day
    return GateSummary(row.name, day, row.closes_at, "cleared" if row.result else state)


def describe_gate(gate: str, operator: Operator) -> GateDetails:
    """Return what was prepared for a clearing, and what came of it."""
    orders, result = list(OwnOrder.objects.filter(gate=gate).order_by("pk")), read_gate_result(gate)
    matches = () if result is None else tuple(merge_matches(result))
    return GateDetails(
        orders=tuple(
            PreparedOrder(one.kind, one.digest, wrap_order(one).content.decode(), one.sent_at, list_order_rows(one))
            for one in orders
        ),
        names={
            reference: operator.programme[name].name if name in operator.programme else name
            for order in orders
            for reference, name in order.private.get("programmes", {}).items()
        },
        result=result,
        matches=matches,
        outcomes=() if result is None else tuple(list_outcomes(result)),
        asks=any(not one["gives"] for one in matches),
    )
