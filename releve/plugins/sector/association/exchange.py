"""What a member sends to the clerk and fetches from it by HTTP, and its daily job."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import httpx
from django.conf import settings

from releve.errors import NumberPhrase, Phrase, decode_phrase
from releve.ledger.digests import canonical_json
from releve.plugins.sector.association.contract_exchange import list_own_messages, receive_answer
from releve.plugins.sector.association.figures import find_last_day, find_publication
from releve.plugins.sector.association.gate_member import (
    keep_gate,
    keep_result,
    load_gate,
    note_order_sent,
    prepare_opening,
    wrap_order,
)
from releve.plugins.sector.association.keys import MOST_BYTES, AssociationError, Envelope, open_envelope
from releve.plugins.sector.association.membership import (
    find_due_day,
    find_membership,
    keep_bulletin,
    keep_design,
    note_sent,
    prepare_contribution,
    require_membership,
    wrap_contribution,
)
from releve.plugins.sector.association.models import MonthlyDesign, OwnContribution, OwnOrder, ReliefGate
from releve.plugins.sector.engine.gate_orders import GateNotice
from releve.plugins.sector.engine.panel import parse_design

_TIMEOUT = httpx.Timeout(20.0, connect=5.0)
ANSWER_SECONDS = 60.0
"""How long a whole answer may take to come, however slowly its bytes come."""
_PATHS = {
    "bulletin": "bulletins",
    "contribution": "contributions",
    "design": "designs",
    "gate": "gates",
    "messages": "messages",
    "order": "orders",
    "result": "results",
}
_MOST_REFUSAL = 5_000
"""Bytes of a refusal; more than any sentence with its values."""
_CLERK_NEEDS = timedelta(minutes=1)
"""How long after the last opening the clerk is asked for the result."""


def send_contribution(row: OwnContribution, now: datetime) -> None:
    """Send a contribution as it was stored; AssociationError with the clerk's reason if refused."""
    if row.sent_at is None:
        answer = _ask("POST", "contribution", "", wrap_contribution(row).content)
        note_sent(row, answer.decode("utf-8", "replace"), now)


def fetch_design(month: str, now: datetime) -> None:
    keep_design(_fetch("design", month), now)


def run_member_day(now: datetime) -> None:
    """Send yesterday's contribution, then fetch the bulletins that have appeared; when switched on.

    What fails is tried again later, see :func:`releve.live.due_jobs.run_due_jobs`.
    """
    membership = find_membership()
    if membership is None or membership.sends_since is None or not membership.clerk_url:
        return
    _fetch_missing_design(now)
    day = find_due_day(now)
    if day is not None:
        send_contribution(prepare_contribution(day, now), now)
    _fetch_due_bulletins(now)


def fetch_published(now: datetime) -> None:
    """Fetch what the clerk has published since: the month's design, bulletins contributed to.

    AssociationError where it does not answer, or has not published what is due.
    """
    _fetch_missing_design(now)
    _fetch_due_bulletins(now)


def _fetch_missing_design(now: datetime) -> None:
    month = f"{find_last_day(now):%Y-%m}"
    if not MonthlyDesign.objects.filter(month=month).exists():
        fetch_design(month, now)


def _fetch_due_bulletins(now: datetime) -> None:
    for row in OwnContribution.objects.filter(found="").exclude(sent_at=None):
        design = MonthlyDesign.objects.get(month=f"{row.day:%Y-%m}")
        if find_publication(row.day, parse_design(design.text).rule) < now:
            keep_bulletin(_fetch("bulletin", row.day.isoformat()), now)


def send_order(row: OwnOrder, now: datetime) -> None:
    """Send an order as it was stored; AssociationError with the clerk's reason if refused."""
    if row.sent_at is None:
        answer = _ask("POST", "order", "", wrap_order(row).content)
        note_order_sent(row, answer.decode("utf-8", "replace"), now)


def fetch_gates(now: datetime) -> list[GateNotice]:
    try:
        rows = json.loads(_ask("GET", "gate", ""))["gates"]
        sent = [open_envelope(canonical_json(row).encode()) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise AssociationError(Phrase("the clerk’s gates are not what was expected: {0}", str(error))) from error
    return [keep_gate(one, now) for one in sent]


def fetch_result(gate: str, now: datetime) -> None:
    """Fetch, check and store the own result of a gate."""
    keep_result(gate, _fetch("result", gate), now)


def sync_contracts(now: datetime, *, drill: bool = False) -> int:
    """Take over what the clerk has, then send it what it has not; return how many it has.

    A contract that stands at the clerk as it does here is not sent again. AssociationError with the
    clerk's reason where it refuses one; SectorError for what is wrong in an answer.
    """
    name = "drill" if drill else "real"
    came = list(_fetch_messages(name))
    found = {receive_answer(message, now, drill=drill).contract.terms.contract for message in came}
    for message in list_own_messages(drill=drill):
        if message not in came:
            answer = _ask("POST", "messages", name, message.encode()).decode()
            found.add(receive_answer(answer, now, drill=drill).contract.terms.contract)
    return len(found)


def run_member_gates(now: datetime) -> None:
    """Open what was offered once its gate is closed, then fetch the results; the worker's job.

    Contracts are exchanged by hand: a person takes each step.
    """
    membership = find_membership()
    if membership is None or not membership.clerk_url:
        return
    sent = OwnOrder.objects.exclude(sent_at=None)
    for row in sent.filter(kind="commit"):
        notice = load_gate(row.gate)
        if notice.closes_at <= now < notice.opens_until:
            send_order(prepare_opening(row, now), now)
    due = ReliefGate.objects.filter(result="", opens_until__lte=now - _CLERK_NEEDS)
    for name in due.filter(name__in=sent.values("gate")).values_list("name", flat=True):
        fetch_result(name, now)


def _fetch_messages(kind: str) -> Iterator[str]:
    """Yield what the clerk has of the own contracts, a part a request."""
    after = ""
    while True:
        try:
            part = json.loads(_ask("GET", "messages", kind, after=after))
            messages, following = [str(one) for one in part["messages"]], str(part.get("next", ""))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if isinstance(error, AssociationError):
                raise
            raise AssociationError(Phrase("the clerk’s messages are not what was expected: {0}", str(error))) from error
        yield from messages
        if not following:
            return
        if following <= after:
            raise AssociationError(Phrase("the clerk’s messages do not end: ask the clerk"))
        after = following


def _fetch(what: str, name: str) -> Envelope:
    found = open_envelope(_ask("GET", what, name))
    if found.what != what:
        raise AssociationError(Phrase("the clerk answered a {0} instead of a {1}", found.what, what))
    return found


def _ask(method: str, what: str, name: str, content: bytes = b"", *, after: str = "") -> bytes:
    """Return the clerk's answer; AssociationError where it refuses or does not answer.

    ``after``: where the part before this one ended, see :func:`_fetch_messages`.
    """
    membership = require_membership()
    if not membership.clerk_url:
        raise AssociationError(Phrase("the clerk has no address here: send by file, or join with --url"))
    path = "/".join(part for part in (_PATHS[what], name) if part)
    headers = {
        "Authorization": f"Bearer {settings.CLERK_TOKEN}",
        "User-Agent": "releve",
        "Accept-Encoding": "identity",  # what is packed may unpack to more than is read
    }
    if content:
        headers["Content-Type"] = "application/json"
    until = time.monotonic() + ANSWER_SECONDS
    try:
        with (
            open_client() as client,
            client.stream(
                method,
                f"{membership.clerk_url}/association/{path}",
                content=content,
                headers=headers,
                params={"after": after} if after else None,
            ) as answer,
        ):
            found = _read_answer(answer, until)
    except httpx.HTTPError as error:
        raise AssociationError(Phrase("the clerk does not answer: {0}", type(error).__name__)) from error
    if answer.status_code >= 400:
        raise _read_refusal(answer.status_code, found)
    return found


def _read_answer(answer: httpx.Response, until: float) -> bytes:
    """Return the bytes of an answer; AssociationError where they are too many or too slow."""
    found = bytearray()
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise AssociationError(Phrase("the clerk’s answer is compressed, which was not asked for: ask the clerk"))
    for part in answer.iter_bytes():
        found += part
        if len(found) > MOST_BYTES:
            raise AssociationError(Phrase(
                "the clerk’s answer has more than {0} bytes: nothing of it was taken; ask the"
                " clerk", NumberPhrase(MOST_BYTES),
            ))  # fmt: skip
        if time.monotonic() > until:
            raise AssociationError(Phrase(
                "the clerk’s answer took more than {0} seconds: nothing of it was taken; try again"
                " later, or ask the clerk", int(ANSWER_SECONDS),
            ))  # fmt: skip
    return bytes(found)


def _read_refusal(status: int, content: bytes) -> AssociationError:
    """Return why the clerk refused, in words that can be translated where it sent such."""
    try:
        found = json.loads(content[:_MOST_REFUSAL])
        said = decode_phrase(found.get("phrase", found["message"]))
    except (AttributeError, KeyError, ValueError):
        return AssociationError(Phrase("the clerk answered with status {0}: try again later, or ask the clerk", status))
    return AssociationError(Phrase("the clerk refused: {0}", said))


def _make_client() -> httpx.Client:
    return httpx.Client(timeout=_TIMEOUT, follow_redirects=False)


open_client: Callable[[], httpx.Client] = _make_client
"""Opens the client; tests put the clerk's own views in its place."""
