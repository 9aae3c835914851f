"""A house whose ledger tells of two weeks, for packs: closures, checks, tests, cases, coverage."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from django.db import transaction

from releve.ledger.chain import Draft, append_all
from releve.ledger.roots import SignedRoot
from releve.ledger.seal import seal_ledger
from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.plugins.evidence.sources import PackRequest
from releve.plugins.evidence.store import issue_pack, load_pack_file
from releve.registry.service import apply_changes, preview_changes
from releve.situation import health_fields, personal_fields

__all__ = ["FIRST", "LAST", "SITE", "build_operator", "fill_house", "issue", "record_event", "say_covered"]

FIRST, LAST = date(2026, 11, 16), date(2026, 11, 29)
SEALED = datetime(2026, 11, 30, 6, tzinfo=UTC)
ACTOR = "account-00112233445566aa"


@cache
def build_operator() -> Operator:
    return read_operator(write_operator(sample_operator(60, 2, 5, weeks_of_history=2)))


SITE = "casa-1"


def record_event(kind: str, at: str, recorded: str = "", **fields: Any) -> Draft:
    """Return an event as the live chain writes it, recorded when it happened or at an instant."""
    happened = datetime.fromisoformat(at).astimezone(UTC)
    recorded_at = datetime.fromisoformat(recorded or at).astimezone(UTC)
    body = {
        "id": uuid.uuid4().hex, "happened_at": f"{happened:%Y-%m-%dT%H:%M:%SZ}",
        "recorded_at": f"{recorded_at:%Y-%m-%dT%H:%M:%SZ}", "actor": ACTOR, **fields,
    }  # fmt: skip
    personal = {name: body[name] for name in personal_fields(kind) if body.get(name)}
    withheld = set(health_fields(kind)) - set(personal_fields(kind))
    return Draft(
        kind, body, recorded_at, personal,
        subject=str(fields.get("agent", "")) if personal else "",
        withheld={name: body.get(name) for name in sorted(withheld)},
    )  # fmt: skip


def issue(kind: str, recipient: str = "", language: str = "fr") -> bytes:
    """Issue a pack of the two weeks into the home folder; return its file."""
    request = PackRequest(kind, recipient, FIRST, LAST, language)
    content = load_pack_file(issue_pack(request, "tests", SEALED))
    assert content is not None
    return content


def say_covered(at: str, client: str, worst: float, missing: float) -> Draft:
    """Return what a relief gave a client."""
    body = {"client": client, "generation": 1, "cause": 1, "worst": worst, "missing": missing, "state": "thin"}
    return Draft("relief.covered", body, datetime.fromisoformat(at).astimezone(UTC))


def fill_house(*more: Draft) -> tuple[Operator, SignedRoot]:
    """Store the operator and two weeks of entries, and seal them."""
    operator = build_operator()
    apply_changes(preview_changes(operator), "tests")
    site, other = (row.id for row in operator.sites[:2])
    client = operator.clients[0].id
    drafts = [
        record_event("authorisation.granted", "2026-11-02T08:00+00:00", authorisation="w-1",
                     of="site", site=site, valid_from="2026-11-02", valid_to="2026-12-31",
                     authority="Wilaya", agent=""),
        *(record_event("check.done", f"2026-11-{day}T09:00+00:00", site=site, day=f"2026-11-{day}",
                       commission=["K. Bennani"], transport_fill=0.5, symptomatic=day - 16, note="",
                       findings=[{"measure": "ventilation", "verdict": "kept", "note": ""}])
          for day in range(16, 22)),
        record_event("case.declared", "2026-11-22T07:00+00:00", site=site, agent="a00001",
                     status="declared_case"),
        record_event("case.declared", "2026-11-22T08:00+00:00", site=site, agent="a00002",
                     status="declared_case"),
        record_event("site.closed", "2026-11-22T08:00+00:00", site=site, cause="rule",
                     rule="MA-COVID-CLOSE", authority="", reference="", reason="",
                     earliest_reopening="2026-11-24T08:00:00Z", home_only=True),
        say_covered("2026-11-22T08:01+00:00", client, 0.875, 0.031),
        say_covered("2026-11-22T08:01+00:00", "another", 0.5, 0.2),
        record_event("inspection.held", "2026-11-23T09:00+00:00", site=site, authority="CMP",
                     unannounced=True, inspectors=["M. Alaoui"], findings=[], photos=[], note=""),
        record_event("tests.done", "2026-11-23T11:00+00:00", site=site, tested=40, positive=1,
                     inspection=""),
        record_event("reopening.approved", "2026-11-24T09:00+00:00", site=site),
        record_event("site.reopened", "2026-11-24T10:30+00:00", site=site),
        record_event("link.down", "2026-11-25T10:00+00:00", site=other, carrier="",
                     expected_until=None),
        record_event("link.up", "2026-11-25T11:00+00:00", site=other, carrier=""),
        *more,
    ]  # fmt: skip
    with transaction.atomic():
        append_all(drafts)
    return operator, seal_ledger(SEALED)
