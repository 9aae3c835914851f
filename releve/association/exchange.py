"""What a member sends to the clerk and fetches from it by HTTP, and its daily job."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import httpx
from django.conf import settings

from releve.association.envelopes import MOST_BYTES, Envelope, open_envelope
from releve.association.errors import AssociationError
from releve.association.membership import (
    find_due_day,
    find_membership,
    keep_bulletin,
    keep_design,
    note_sent,
    prepare_contribution,
    require_membership,
    wrap_contribution,
)
from releve.association.models import DayBulletin, MonthlyDesign, OwnContribution
from releve.association.rules import find_last_day, find_publication
from releve.sector import parse_design

__all__ = ["fetch_bulletin", "fetch_design", "run_member_day", "send_contribution"]

_TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_PATHS = {"bulletin": "bulletins", "contribution": "contributions", "design": "designs"}


def send_contribution(row: OwnContribution, now: datetime) -> None:
    """Send a contribution as it was stored; AssociationError with the clerk's reason if refused."""
    if row.sent_at is None:
        answer = _ask("POST", "contribution", "", wrap_contribution(row).content)
        note_sent(row, answer.decode("utf-8", "replace"), now)


def fetch_design(month: str, now: datetime) -> None:
    """Fetch and store the design of a month."""
    keep_design(_fetch("design", month), now)


def fetch_bulletin(day: date, now: datetime) -> DayBulletin:
    """Fetch, check and store the bulletin of a day."""
    return keep_bulletin(_fetch("bulletin", day.isoformat()), now)


def run_member_day(now: datetime) -> None:
    """Send yesterday's contribution, then fetch the bulletins that have appeared; when switched on.

    What fails is tried again later, see :func:`releve.live.due_jobs.run_due_jobs`.
    """
    membership = find_membership()
    if membership is None or membership.sends_since is None or not membership.clerk_url:
        return
    month = f"{find_last_day(now):%Y-%m}"
    if not MonthlyDesign.objects.filter(month=month).exists():
        fetch_design(month, now)
    day = find_due_day(now)
    if day is not None:
        send_contribution(prepare_contribution(day, now), now)
    for row in OwnContribution.objects.filter(found="").exclude(sent_at=None):
        design = MonthlyDesign.objects.get(month=f"{row.day:%Y-%m}")
        if find_publication(row.day, parse_design(design.text).rule) < now:
            fetch_bulletin(row.day, now)


def _fetch(what: str, name: str) -> Envelope:
    found = open_envelope(_ask("GET", what, name))
    if found.what != what:
        raise AssociationError(f"the clerk answered a {found.what} instead of a {what}")
    return found


def _ask(method: str, what: str, name: str, content: bytes = b"") -> bytes:
    """Return the clerk's answer; AssociationError where it refuses or does not answer."""
    membership = require_membership()
    if not membership.clerk_url:
        raise AssociationError("the clerk has no address here: send by file, or join with --url")
    path = "/".join(part for part in (_PATHS[what], name) if part)
    headers = {"Authorization": f"Bearer {settings.CLERK_TOKEN}", "User-Agent": "releve"}
    if content:
        headers["Content-Type"] = "application/json"
    try:
        with open_client() as client:
            answer = client.request(
                method,
                f"{membership.clerk_url}/association/{path}",
                content=content,
                headers=headers,
            )
    except httpx.HTTPError as error:
        raise AssociationError(f"the clerk does not answer: {type(error).__name__}") from error
    if answer.status_code >= 400:
        raise AssociationError(f"the clerk refused ({answer.status_code}): {answer.text[:300]}")
    return answer.content[:MOST_BYTES]


def _make_client() -> httpx.Client:
    return httpx.Client(timeout=_TIMEOUT, follow_redirects=False)


open_client: Callable[[], httpx.Client] = _make_client
"""Opens the client; tests put the clerk's own views in its place."""
