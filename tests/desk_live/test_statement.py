"""A client's statement: promised, delivered, lost to what, and its proof in the ledger."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.ledger import chain as ledger
from releve.ledger.models import LedgerEntry
from releve.live.statement import SEALED, build_statement, seal_days
from releve.network import Operator, sample_operator
from releve.registry.service import apply_changes, preview_changes
from releve.service_record.models import IntervalReport, SealedDay
from tests.accounts.people import look_as

pytestmark = [pytest.mark.django_db, pytest.mark.database]

MORNING = datetime(2026, 11, 24, 7, tzinfo=UTC)
DAY = MORNING.date()
LATER = MORNING + timedelta(days=2)
HALF = timedelta(minutes=30)


@pytest.fixture(scope="module")
def made() -> Operator:
    return sample_operator(50, 2, 1, weeks_of_history=2)


@pytest.fixture
def operator(db: None, made: Operator, settings: Settings) -> Operator:
    settings.OPEN_DESK = True
    apply_changes(preview_changes(made), "tests")
    return made


def first_client(operator: Operator) -> str:
    return next(row.client for row in operator.programmes if row.kind == "inbound")


def report(operator: Operator, answered: tuple[float, ...], client: str = "") -> None:
    """Report half hours of ten calls of the first inbound programme of a client."""
    name = client or first_client(operator)
    programme = next(row for row in operator.programmes if row.client == name and row.kind == "inbound")
    IntervalReport.objects.bulk_create(
        IntervalReport(
            programme=programme.id, source="acd", start=MORNING + at * HALF, minutes=30, offered=10,
            answered=calls, abandoned=10 - calls, in_time=calls, short=0, recorded_at=LATER,
        )
        for at, calls in enumerate(answered)
    )  # fmt: skip


def record(kind: str, site: str, at: datetime, **fields: str) -> int:
    from django.db import transaction

    with transaction.atomic():
        body = {"id": uuid.uuid4().hex, "actor": "samira", "site": site,
                "happened_at": at.isoformat(),
                "recorded_at": LATER.isoformat(), **fields}  # fmt: skip
        return ledger.append(kind, body, recorded_at=LATER).seq


def test_calls_not_answered_stand_with_the_events_that_lasted_then(operator: Operator) -> None:
    site = operator.agents[0].home_site
    report(operator, (9, 4, 3, 10))
    closed = record("site.closed", site, MORNING + timedelta(minutes=35), cause="operator")
    record("site.reopened", site, MORNING + timedelta(minutes=80))
    record("power.down", "elsewhere", MORNING)
    found = build_statement(operator, first_client(operator), DAY, DAY)
    line = next(row for row in found.lines if row.half_hours)
    assert (line.offered, line.answered, line.half_hours) == (40, 26, 4)
    assert line.level == pytest.approx(26 / 40)
    assert [(row.seqs, row.places, row.offered, row.missed) for row in found.losses] == [
        ((closed,), (site,), 20, 13),
        ((), (), 20, 1),
    ]


def test_outages_recorded_late_and_in_any_order_stand_in_their_place(operator: Operator) -> None:
    site = operator.agents[0].home_site
    report(operator, (9, 4, 3, 10))
    record("power.up", site, MORNING + timedelta(days=1, hours=1))
    record("power.down", site, MORNING + timedelta(days=1))
    record("power.up", site, MORNING + timedelta(minutes=80))
    down = record("power.down", site, MORNING + timedelta(minutes=35))
    found = build_statement(operator, first_client(operator), DAY, DAY)
    assert [(row.seqs, row.offered, row.missed, row.late) for row in found.losses] == [
        ((down,), 20, 13, 1),
        ((), 20, 1, 0),
    ]
    page = look_as(Role.CONTINUITY).get(
        f"/statements/{first_client(operator)}?day={DAY}", headers={"accept-language": "en"}
    )
    assert "1 of these events was recorded late." in page.content.decode()


def test_a_day_is_sealed_once_and_again_when_it_is_corrected(operator: Operator) -> None:
    report(operator, (9, 9))
    client = first_client(operator)
    assert seal_days(operator, MORNING + timedelta(hours=20)) == 0, "not over for six hours"
    assert seal_days(operator, LATER) == 1
    assert seal_days(operator, LATER) == 0
    (seal,) = build_statement(operator, client, DAY, DAY).seals
    entry = LedgerEntry.objects.get(seq=seal.seq, kind=SEALED)
    assert seal.agrees
    assert json.loads(entry.body) == {"client": client, "day": str(DAY), "digest": seal.digest}, (
        "no figure leaves by the ledger"
    )
    IntervalReport.objects.filter(start=MORNING).update(answered=8)
    assert not build_statement(operator, client, DAY, DAY).seals[0].agrees
    assert seal_days(operator, LATER) == 1
    assert build_statement(operator, client, DAY, DAY).seals[0].agrees
    assert SealedDay.objects.count() == 2


def test_the_page_shows_a_day_or_a_month_and_what_is_not_known(operator: Operator) -> None:
    report(operator, (9, 4))
    seal_days(operator, LATER)
    web, client = look_as(Role.CONTINUITY), first_client(operator)
    page = web.get(f"/statements/{client}?day={DAY}")
    shown = page.content.decode()
    assert page.status_code == 200
    assert "Ces chiffres sont ceux scellés au registre." in shown
    assert "non tenu" in shown
    twin = web.get(f"/statements/{client}?month=2026-11&format=json").json()
    assert (twin["first"], twin["last"], twin["unsealed"]) == ("2026-11-01", "2026-11-30", 29)
    line = next(row for row in twin["lines"] if row["half_hours"])
    assert (line["offered"], line["answered"], line["held"]) == (20, 13, False)
    empty = web.get(f"/statements/{client}?day=2026-11-20&format=json").json()
    assert {row["offered"] for row in empty["lines"]} == {None}
    assert web.get(f"/statements/{client}?day=yesterday").status_code == 400


def test_a_client_reads_its_own_statement_without_the_names_of_sites(operator: Operator) -> None:
    client = first_client(operator)
    report(operator, (9, 4))
    site = operator.agents[0].home_site
    record("site.closed", site, MORNING, cause="operator")
    web = look_as(Role.CLIENT, client)
    twin = web.get(f"/statements/{client}?day={DAY}&format=json").json()
    assert twin["losses"][0]["kinds"] == ["site.closed"]
    assert twin["losses"][0]["places"] == []
    assert site not in web.get(f"/statements/{client}?day={DAY}").content.decode()
    assert web.get("/statements/another").status_code == 404
