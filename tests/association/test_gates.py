"""A clearing over HTTP: sealed, closed, opened, cleared, each result to its member alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test import Client

from releve.accounts.permissions import Role
from releve.files.atomic import try_lock
from releve.ledger.models import LedgerEntry
from releve.network import sample_operator
from releve.plugins.sector import clearing_job
from releve.plugins.sector.association import gate_member, gates
from releve.plugins.sector.association.bulletin import describe_clerk_day
from releve.plugins.sector.association.clerk import revoke_member
from releve.plugins.sector.association.exchange import fetch_gates, run_member_gates, send_order
from releve.plugins.sector.association.gates import (
    announce_gate,
    check_clearings,
    clear_gate,
    describe_gate,
    list_gate_summaries,
    run_clearings,
    show_to_auditor,
    summarise_gate,
    take_order,
    wrap_result,
)
from releve.plugins.sector.association.keys import AssociationError, Envelope, load_clearing_secret, open_envelope
from releve.plugins.sector.association.models import OwnOrder, ReceivedOrder, ReliefGate
from releve.plugins.sector.clearing_job import CLEARINGS, ClearingJob
from releve.plugins.sector.engine.contribution import ContributionError, sign_text
from releve.plugins.sector.engine.disclosure import rerun
from releve.plugins.sector.engine.gate_orders import GateOrder, hash_secret, parse_gate, parse_order, seal_offer
from releve.plugins.sector.engine.needs import Openings, SectorOffer, SectorRequest
from releve.runs.job_process import execute_job, run_job
from releve.runs.job_store import JobStore
from releve.upkeep.findings import Examination
from tests.accounts.people import look_as
from tests.association.sector_of_seven import OTHERS, OWN, SectorOfSeven, sign_key

pytestmark = pytest.mark.database
START = datetime(2026, 11, 27, 8, tzinfo=UTC)
CLOSES = START + timedelta(minutes=30)
OPENS = CLOSES + timedelta(minutes=5)
CLEARS = CLOSES + timedelta(minutes=15)
GIVER, THIRD = OTHERS[0], OTHERS[1]
KEY = Ed25519PrivateKey.generate().public_key().public_bytes_raw().hex()
NONCE = b"0123456789abcdef"
SetClock = Callable[[datetime], None]


def make_offer(member: str = GIVER, price: int = 900) -> SectorOffer:
    return SectorOffer(f"{member}/p1", member, "TN", "inbound:fr:home", 1, price, ((20, 5), (21, 5)))


REQUEST = SectorRequest(f"{OWN}/azur-sinistres", OWN, "inbound:fr", 1200, ((20, 4), (21, 9)))
APPROVALS = frozenset({(REQUEST.request, GIVER, "TN")})


def make_order(kind: str, at: datetime, member: str = GIVER, **content: Any) -> GateOrder:
    return GateOrder(kind, "g-1", "sp2c", member, at, "0.0.9", KEY, **content)


def wrap(order: GateOrder) -> Envelope:
    return Envelope("order", order.text, sign_text(order.text, sign_key(order.member)))


def make_commit(offer: SectorOffer, at: datetime = START, **more: Any) -> GateOrder:
    notice = parse_gate(ReliefGate.objects.get(name="g-1").text)
    sealed = {offer.offer: seal_offer(notice.sector_gate, offer, NONCE)}
    return make_order("commit", at, offer.giver, commitments=sealed, **more)


def make_opening(offer: SectorOffer) -> GateOrder:
    return make_order("open", OPENS, offer.giver, offers=(offer,), nonces={offer.offer: NONCE.hex()})


@pytest.fixture
def gate(sector: SectorOfSeven, set_clock: SetClock) -> ReliefGate:
    set_clock(START)
    return announce_gate("g-1", date(2026, 11, 27), CLOSES, START)


def list_kinds() -> list[str]:
    return list(LedgerEntry.objects.order_by("seq").values_list("kind", flat=True))


def refuse(order: GateOrder | Envelope, now: datetime, by: str = "") -> str:
    with pytest.raises(ContributionError) as caught:
        take_order(order if isinstance(order, Envelope) else wrap(order), now, by=by)
    return caught.value.code


def offer_and_ask(offer: SectorOffer | None = None) -> None:
    """Have a giver's offer committed to and opened, and the own request taken."""
    chosen = offer or make_offer()
    take_order(wrap(make_commit(chosen)), START)
    row = gate_member.prepare_request("g-1", [REQUEST], APPROVALS, START)
    take_order(Envelope("order", row.text, row.signature), START)
    take_order(wrap(make_opening(chosen)), OPENS)


def test_a_member_asks_another_offers_and_each_has_its_own_result_alone(
    gate: ReliefGate, sent_bytes: list[httpx.Request], set_clock: SetClock
) -> None:
    assert [notice.gate for notice in fetch_gates(START)] == ["g-1"]
    send_order(gate_member.prepare_request("g-1", [REQUEST], APPROVALS, START), START)
    take_order(wrap(make_commit(make_offer())), START)
    run_member_gates(START + timedelta(minutes=1))
    set_clock(OPENS)
    take_order(wrap(make_opening(make_offer())), OPENS)
    set_clock(CLEARS)
    run_clearings(CLEARS)
    run_member_gates(CLEARS + timedelta(minutes=1))

    result = gate_member.read_gate_result("g-1")
    assert result is not None
    assert {(one["half_hour"], one["agents"]) for one in result["matches"]} == {(20, 4), (21, 5)}
    assert result["keys"] == {GIVER: KEY}
    (reference,) = {one["request"] for one in result["matches"]}
    assert gate_member.find_programme(reference) == "azur-sinistres"
    (pair,) = gate_member.merge_matches(result)
    assert (pair["half_hours"], pair["gives"], pair["giver"]) == (9, False, GIVER)
    ((name, wanted, matched, _reason),) = gate_member.list_outcomes(result)
    assert (name, wanted, matched) == (reference, 13, 9)
    (row,) = gate_member.list_order_rows(OwnOrder.objects.get(kind="request"))
    assert (row.name, row.half_hours, row.cents) == (reference, 13, REQUEST.ceiling_cents)
    details = describe_gate("g-1", sample_operator(50, 2, 1, weeks_of_history=1))
    assert details.asks
    assert details.names[reference] == "azur-sinistres", "this operator has no such programme"
    assert [(one.kind, one.sent_at) for one in details.orders] == [("request", START)]
    assert reference in details.orders[0].content
    third = json.loads(wrap_result(ReliefGate.objects.get(), THIRD).text)
    assert (third["matches"], third["offers"], third["requests"], third["keys"]) == ([], [], [], {})
    kinds = list_kinds()
    for kind in ("gate.announced", "order.received", "order.sent", "gate.closed", "gate.cleared", "result.received"):
        assert kind in kinds
    assert not any(b"azur" in request.content for request in sent_bytes)


def test_a_clearing_is_open_then_closed_then_its_result_is_awaited(gate: ReliefGate) -> None:
    instants = (START, CLOSES, gate.opens_until)
    assert [summarise_gate(gate, at).state for at in instants] == ["open", "closed", "awaited"]
    gate.result = "{}"
    assert summarise_gate(gate, CLEARS).state == "cleared"
    (row,) = list_gate_summaries(START)
    assert (row.gate, row.closes_at) == ("g-1", CLOSES)


def test_what_was_committed_is_opened_by_the_worker_once_the_gate_is_closed(
    gate: ReliefGate, sent_bytes: list[httpx.Request], set_clock: SetClock
) -> None:
    offer = make_offer(OWN)
    send_order(gate_member.prepare_commit("g-1", [offer], START), START)
    assert not any(b'"price_cents"' in request.content for request in sent_bytes), "sealed"
    (row,) = gate_member.list_order_rows(OwnOrder.objects.get(kind="commit"))
    assert (row.name, row.half_hours, row.cents) == (offer.offer, 10, 900), "its owner reads it"
    run_member_gates(CLOSES - timedelta(seconds=1))
    assert not OwnOrder.objects.filter(kind="open").exists()
    set_clock(OPENS)
    run_member_gates(OPENS)
    run_member_gates(OPENS + timedelta(seconds=5))
    assert OwnOrder.objects.get(kind="open").sent_at == OPENS
    run_clearings(CLEARS)
    assert show_to_auditor("g-1")["offers"][0]["offer"] == offer.offer


def test_a_clerk_restarted_in_the_middle_of_a_clearing_has_the_same_result(
    gate: ReliefGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_and_ask()

    def stop(folder: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as halfway:
        halfway.setattr(gates, "start_job", stop)
        with pytest.raises(KeyboardInterrupt):
            run_clearings(CLEARS)
    assert ReliefGate.objects.get().state == "closed"
    late = make_commit(make_offer(THIRD), CLEARS)
    assert refuse(late, CLEARS) == "late"
    revoke_member(GIVER, CLEARS)  # what is closed stands
    run_clearings(CLEARS + timedelta(hours=1))
    shown = show_to_auditor("g-1")
    assert len(shown["clearing"]["matches"]) == 2
    openings = Openings(
        tuple(SectorOffer(**one) for one in shown["offers"]),
        tuple(SectorRequest(**one) for one in shown["requests"]),
        frozenset(map(tuple, shown["approvals"])),
    )
    rerun(openings, bytes.fromhex(shown["seed"]), shown["digest"])
    once = wrap_result(ReliefGate.objects.get(), OWN).content
    clear_gate("g-1", CLEARS + timedelta(hours=2))
    assert wrap_result(ReliefGate.objects.get(), OWN).content == once
    assert [list_kinds().count(kind) for kind in ("gate.closed", "gate.cleared")] == [1, 1]


def list_jobs() -> list[ClearingJob]:
    return JobStore(Path(settings.HOME), CLEARINGS).list_jobs()


def hold(folder: Path) -> IO[bytes]:
    """Take the lock of a job."""
    lock = try_lock(folder / "lock")
    assert lock is not None
    return lock


def test_a_clearing_is_computed_beside_the_worker_and_one_started_again_finds_it(
    gate: ReliefGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_and_ask()
    started: list[Path] = []
    monkeypatch.setattr(gates, "start_job", started.append)
    run_clearings(CLEARS)
    assert ReliefGate.objects.get().state == "closed"
    (folder,) = started
    with hold(folder):  # as its process does
        run_clearings(CLEARS + timedelta(seconds=1))
        assert ReliefGate.objects.get().state == "closed", "it is not waited for"
    execute_job(folder)
    with hold(folder):  # as one that is ending
        run_clearings(CLEARS + timedelta(seconds=2))
    assert started == [folder]
    assert ReliefGate.objects.get().state == "cleared"
    run_clearings(CLEARS + timedelta(seconds=3))
    assert not folder.exists(), "prices and names of the job do not stay"


def test_a_clearing_whose_process_was_killed_begins_again(gate: ReliefGate, monkeypatch: pytest.MonkeyPatch) -> None:
    offer_and_ask()
    with monkeypatch.context() as halfway:
        halfway.setattr(gates, "start_job", lambda folder: None)
        run_clearings(CLEARS)
    run_clearings(CLEARS + timedelta(seconds=1))
    assert len(show_to_auditor("g-1")["clearing"]["matches"]) == 2


def test_a_clearing_that_takes_too_long_is_an_alarm_and_is_left_undone_never_different(
    gate: ReliefGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_and_ask()
    kind = replace(CLEARINGS, most_seconds=0.0)
    with monkeypatch.context() as slow:
        slow.setattr(clearing_job, "CLEARINGS", kind)
        slow.setattr(gates, "start_job", run_job)
        run_clearings(CLEARS)
    row = ReliefGate.objects.get()
    assert (row.state, row.failure) == ("closed", "it took more than 15 minutes")
    assert list_kinds().count("gate.failed") == 1
    (finding,) = check_clearings(Examination(Path(settings.HOME), CLEARS))
    assert "the clearing g-1 could not be computed: it took more than 15 minutes" in str(finding)
    shown = describe_clerk_day(None, CLEARS).failed
    assert [(one.gate, one.at) for one in shown] == [("g-1", CLEARS)]
    monkeypatch.setattr(settings, "OPEN_DESK", True)
    page = look_as(Role.CONTINUITY).get("/association/clerk").content.decode()
    assert "it took more than 15 minutes" in page
    run_clearings(CLEARS + timedelta(minutes=59))
    assert ReliefGate.objects.get().state == "closed", "it is tried again in an hour"
    run_clearings(CLEARS + timedelta(hours=1))
    assert len(show_to_auditor("g-1")["clearing"]["matches"]) == 2
    assert list(check_clearings(Examination(Path(settings.HOME), CLEARS))) == []


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"matches": [], "alone": 1, "served": []}'])
def test_a_result_that_cannot_be_read_is_an_alarm_and_is_computed_again_in_an_hour(
    gate: ReliefGate, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    offer_and_ask()
    announce_gate("g-2", date(2026, 11, 27), CLOSES, START)
    with monkeypatch.context() as halfway:
        halfway.setattr(gates, "start_job", lambda folder: None)
        run_clearings(CLEARS)
    (job,) = (job for job in list_jobs() if job.order.gate == "g-1")
    (job.folder / CLEARINGS.result).write_text(text)
    run_clearings(CLEARS + timedelta(seconds=1))
    row = ReliefGate.objects.get(name="g-1")
    assert row.failure.startswith("its result cannot be read (")
    assert ReliefGate.objects.get(name="g-2").state == "cleared"
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(gates, "lock_head", None)  # nothing waits for the head
        run_clearings(CLEARS + timedelta(minutes=59))
    assert list_kinds().count("gate.failed") == 1
    assert list_jobs() == []


def test_a_clearing_that_begins_again_waits_for_a_process_that_is_ending(
    gate: ReliefGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_and_ask()
    started: list[Path] = []
    with monkeypatch.context() as ending:
        ending.setattr(gates, "start_job", started.append)
        run_clearings(CLEARS)
        ending.setattr(JobStore, "remove", lambda store, job: False)
        run_clearings(CLEARS + timedelta(seconds=1))
    assert len(started) == 1
    run_clearings(CLEARS + timedelta(seconds=2))
    assert ReliefGate.objects.get().state == "cleared"


def test_a_gate_whose_secret_is_gone_does_not_hold_up_the_others(gate: ReliefGate, tmp_path: Path) -> None:
    announce_gate("g-2", date(2026, 11, 27), CLOSES, START)
    (tmp_path / "clearing-g-1.key").unlink()
    with pytest.raises(AssociationError, match="clearing-g-1"):
        run_clearings(CLEARS)
    assert ReliefGate.objects.get(name="g-2").state == "cleared"


@pytest.mark.parametrize(
    ("agents", "count", "says"),
    [
        (((20, 4),), 201, "at most 200 requests, this one 201"),
        (((50, 4),), 1, "half hours are numbered from 0 to 49"),
        (((20, 10_001),), 1, "at most 10000 agents each"),
    ],
)
def test_an_order_that_would_hold_up_a_clearing_is_refused_with_its_limit(
    gate: ReliefGate, agents: tuple[tuple[int, int], ...], count: int, says: str
) -> None:
    rows = tuple(SectorRequest(f"{OWN}/r-{number:03}", OWN, "inbound:fr", 1200, agents) for number in range(count))
    with pytest.raises(ContributionError, match=says) as caught:
        take_order(wrap(make_order("request", START, OWN, requests=rows)), START)
    assert caught.value.code == "size"
    with pytest.raises(ContributionError, match=says):
        gate_member.prepare_request("g-1", rows, (), START)


def test_an_order_taken_before_a_limit_was_lowered_is_cleared_and_read(
    gate: ReliefGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer_and_ask()
    (sent,) = ReceivedOrder.objects.filter(kind="request")
    monkeypatch.setattr("releve.plugins.sector.engine.gate_orders.MOST_ROWS", 0)
    assert gate_member.list_order_rows(OwnOrder.objects.get(kind="request"))
    assert take_order(Envelope("order", sent.text, sent.signature), START).pk == sent.pk
    run_clearings(CLEARS)
    assert len(show_to_auditor("g-1")["clearing"]["matches"]) == 2


def test_a_flood_of_requests_is_limited(gate: ReliefGate, client: Client, sector: SectorOfSeven) -> None:
    headers = {"Authorization": f"Bearer {sector.secrets[GIVER]}"}
    answers = [client.get("/association/gates", headers=headers).status_code for _ in range(40)]
    assert answers[0] == 200
    assert set(answers[30:]) == {429}
    sent = wrap(make_commit(make_offer())).content
    taken = client.post("/association/orders", sent, content_type="application/json", headers=headers)
    assert taken.status_code == 429
    assert not ReceivedOrder.objects.exists()


def test_a_revoked_key_is_refused_and_what_it_sent_before_does_not_count(
    gate: ReliefGate, client: Client, sector: SectorOfSeven
) -> None:
    offer_and_ask()
    revoke_member(GIVER, OPENS)
    assert refuse(make_order("request", OPENS), OPENS) == "revoked"
    headers = {"Authorization": f"Bearer {sector.secrets[GIVER]}"}
    assert client.get("/association/gates", headers=headers).status_code == 401
    run_clearings(CLEARS)
    assert show_to_auditor("g-1")["offers"] == []


@pytest.mark.parametrize("days", [-1, 1])
def test_a_member_whose_clock_is_a_day_off_is_told_so(gate: ReliefGate, days: int) -> None:
    wrong = make_commit(make_offer(), START + timedelta(days=days))
    assert refuse(wrong, START) == "clock"
    take_order(wrap(make_commit(make_offer(), START + timedelta(minutes=40))), START)


def test_two_versions_of_the_software_understand_each_other_or_say_which_is_older(gate: ReliefGate) -> None:
    order = replace(make_commit(make_offer()), software="7.1")
    newer = order.text.replace("sector order 1", "sector order 2")
    sent = Envelope("order", newer, sign_text(newer, sign_key(GIVER)))
    assert refuse(sent, START) == "version"
    more = json.dumps({**json.loads(order.text), "colour": "red"})
    assert refuse(Envelope("order", more, sign_text(more, sign_key(GIVER))), START) == "format"
    assert take_order(wrap(order), START).member == GIVER


def test_orders_out_of_their_time_or_of_others_are_refused_by_name(gate: ReliefGate) -> None:
    offer = make_offer()
    commit = make_commit(offer)
    forged = Envelope("order", commit.text, "0" * 128)
    assert refuse(forged, START) == "signature"
    assert refuse(commit, START, by=THIRD) == "member"
    assert refuse(replace(commit, gate="g-2"), START) == "gate"
    assert refuse(make_commit(offer, CLOSES), CLOSES) == "late"
    assert refuse(replace(make_opening(offer), made_at=START), START) == "early"
    first = take_order(wrap(commit), START)
    assert take_order(wrap(commit), START).pk == first.pk
    assert refuse(make_commit(make_offer(price=1)), START) == "double"
    with pytest.raises(ContributionError, match="own offers"):
        make_order("open", OPENS, GIVER, offers=(replace(offer, giver=THIRD),))


def test_an_offer_that_was_changed_does_not_open_and_its_giver_alone_reads_why(gate: ReliefGate) -> None:
    take_order(wrap(make_commit(make_offer())), START)
    take_order(wrap(make_commit(make_offer(THIRD))), START)
    take_order(wrap(make_opening(make_offer(price=100))), OPENS)
    take_order(wrap(make_opening(make_offer(THIRD))), OPENS)
    run_clearings(CLEARS)
    assert [one["offer"] for one in show_to_auditor("g-1")["offers"]] == [f"{THIRD}/p1"]
    row = ReliefGate.objects.get()
    (why,) = json.loads(wrap_result(row, GIVER).text)["refused"]
    assert why == {"offer": f"{GIVER}/p1", "code": "changed", "params": []}
    assert json.loads(wrap_result(row, THIRD).text)["refused"] == []


def test_a_result_that_is_not_the_clerk_s_or_another_member_s_is_not_stored(gate: ReliefGate) -> None:
    offer_and_ask()
    run_clearings(CLEARS)
    row = ReliefGate.objects.get()
    result = wrap_result(row, OWN)
    forged = Envelope("result", result.text.replace('"agents":4', '"agents":3'), result.signature)
    for bad in (forged, wrap_result(row, GIVER)):
        with pytest.raises(AssociationError):
            gate_member.keep_result("g-1", bad, CLEARS)
    assert gate_member.read_gate_result("g-1") is None
    gate_member.keep_result("g-1", open_envelope(result.content), CLEARS)
    assert parse_order(OwnOrder.objects.get().text).kind == "request"


def test_the_clerk_s_secret_is_in_a_file_of_its_owner_and_in_no_table(gate: ReliefGate) -> None:
    offer_and_ask()
    run_clearings(CLEARS)
    file = Path(settings.HOME) / "clearing-g-1.key"
    assert file.stat().st_mode & 0o777 == 0o600
    secret = file.read_text().strip()
    notice = parse_gate(ReliefGate.objects.get().text)
    assert notice.seed_digest == hash_secret(bytes.fromhex(secret))
    rows = [row for model in apps.get_models() for row in model.objects.values()]
    assert len(rows) > 10
    assert not any(secret in str(row) for row in rows)
    assert secret not in json.dumps(show_to_auditor("g-1"))


def test_a_clearing_waits_for_a_secret_that_is_missing_and_takes_no_other(gate: ReliefGate) -> None:
    offer_and_ask()
    file = Path(settings.HOME) / "clearing-g-1.key"
    secret = file.read_text()
    file.unlink()
    with pytest.raises(AssociationError, match=r"restore clearing-g-1\.key from its copy"):
        run_clearings(CLEARS)
    file.write_text("0" * 64)
    with pytest.raises(AssociationError, match="not the one that was announced"):
        run_clearings(CLEARS)
    file.write_text(secret)
    run_clearings(CLEARS)
    assert ReliefGate.objects.get().state == "cleared"


@pytest.mark.django_db(transaction=True)
def test_a_migration_moves_secrets_from_the_database_to_files() -> None:
    def migrate(name: str | None) -> Any:
        executor = MigrationExecutor(connection)
        targets = [("association", name)] if name else executor.loader.graph.leaf_nodes()
        executor.migrate(targets)
        return MigrationExecutor(connection).loader.project_state(targets).apps

    older = migrate("0004_statistics").get_model("association", "ReliefGate")
    try:
        for name, secret in (("g-1", "ab" * 32), ("g-2", "")):
            older.objects.create(name=name, text="{}", signature="", secret=secret,
                                 closes_at=CLOSES, opens_until=OPENS, at=START)  # fmt: skip
    finally:
        migrate(None)
    assert load_clearing_secret("g-1") == b"\xab" * 32
    assert (Path(settings.HOME) / "clearing-g-1.key").stat().st_mode & 0o777 == 0o600
    assert not (Path(settings.HOME) / "clearing-g-2.key").exists()
    assert ReliefGate.objects.count() == 2


def test_two_closings_or_a_clearing_before_its_time_are_refused(gate: ReliefGate) -> None:
    with pytest.raises(AssociationError, match="opened until"):
        clear_gate("g-1", OPENS)
    with pytest.raises(AssociationError, match="another name"):
        announce_gate("g-1", date(2026, 11, 27), CLOSES, START)
    assert clear_gate("g-1", CLEARS).clearing == clear_gate("g-1", CLEARS).clearing
