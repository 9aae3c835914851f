"""After the call: its outcome filed from a proxy's records, its row proved, replayed, erased."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from releve.ledger import verify
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import sign_root
from releve.live.clock import read_clock
from releve.plugins.outbound.engine.fact_tables import read_tables
from releve.plugins.outbound.engine.facts import Attempt, Contract, Person, SpokenRefusal, Withdrawal
from releve.plugins.outbound.gate import models
from releve.plugins.outbound.gate.attempt_outcomes import COLUMNS, mark_unknown, read_outcomes, write_outcomes
from releve.plugins.outbound.gate.campaigns import record_campaign
from releve.plugins.outbound.gate.erasure import erase_due, erase_person, read_value
from releve.plugins.outbound.gate.errors import LoadRefused, NotAvailable, OutcomeFault
from releve.plugins.outbound.gate.fact_import import load_facts, load_frames
from releve.plugins.outbound.gate.fact_reader import CampaignTerms
from releve.plugins.outbound.gate.models import RefusalRow as Refusals
from releve.plugins.outbound.gate.proofs import close_batches, prove_row, replay_decision
from releve.plugins.outbound.gate.pseudonyms import number_pseudonym, person_pseudonym
from tests.gate.sample_campaign import CLIENT, PROVIDER, build_consent, open_rules, phone, question, record_people
from tests.gate.sync_decisions import DjangoStore, decide

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture
def asked() -> list[str]:
    """Ten calls to three people, over Django's own connection; returns the answers."""
    record_people(range(3))
    store, rules = DjangoStore(), open_rules()
    replies = [decide(store, question(n % 3 + n // 9, f"call-{n}"), rules, time.monotonic() + 5) for n in range(10)]
    return [reply.text for reply in replies]


def test_a_row_is_proved_against_a_signed_root_without_showing_another(asked: list[str]) -> None:
    (batch,) = close_batches(timezone.now())
    assert (batch.decisions, batch.attempts) == (10, models.AttemptRow.objects.count())
    root = sign_root(timezone.now())
    for row in (models.Decision.objects.get(call_id="call-4"), models.AttemptRow.objects.first()):
        assert row is not None
        proof = prove_row(row, root.number)
        assert holds(proof)
        assert not holds(proof, proof["text"].replace("CLIENT-A", "CLIENT-B"))
        assert len(set(re.findall("call-[0-9]", json.dumps(proof)))) == 1
    assert close_batches(timezone.now()) == []


def holds(proof: Any, text: str | None = None) -> bool:
    """Whether a row's text is under the root in the ledger's entry, by the stand-alone verifier."""
    row = hashlib.sha256(b"releve gate row 1\n" + (text or proof["text"]).encode()).hexdigest()
    root = proof["entry"]["entry"]["body"]["root"]
    return verify.is_included(row, proof["place"] + 1, proof["size"], proof["path"], root)


def test_what_is_not_in_a_batch_cannot_be_proved(asked: list[str]) -> None:
    row = models.Decision.objects.first()
    assert row is not None
    with pytest.raises(NotAvailable, match="releve outbound close"):
        prove_row(row, 1)


def test_a_decision_replayed_as_known_then_is_the_same_whatever_was_learnt_since(asked: list[str]) -> None:
    now, rules = timezone.now(), open_rules()
    load_facts(
        [Withdrawal(CLIENT, "P0", now, now), SpokenRefusal(CLIENT, "P1", now, now),
         build_consent(2, now, id="C2", objects=frozenset({"gas"}))],
        source="later", by="tests",
    )  # fmt: skip
    mark_unknown(now + timedelta(minutes=1))
    decisions = list(models.Decision.objects.order_by("pk"))
    assert len(decisions) == 10
    for decision in decisions:
        found = replay_decision(decision, rules)
        assert found.agrees(decision), (decision, found.verdicts[0].rules, decision.rules)
        assert "P0" not in found.evidence
    other = models.Decision.objects.latest("pk")
    other.rules_version = "another"
    with pytest.raises(NotAvailable, match="judged by the rules"):
        replay_decision(other, rules)


def line(call: str, code: str, cseq: int = 1) -> str:
    return f"INVITE|from|to|{call}|{code}|reason|2026-11-24 10:00:00|{cseq}\n"


def test_outcomes_are_filed_once_wherever_the_reading_stops(asked: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "acc"
    folder.mkdir()
    file = folder / "acc_1.log"
    file.write_text(line("call-0", "200") + line("call-1", "486") + line("call-2", "200")[:-9])
    assert dataclasses.astuple(read_outcomes(folder)) == (2, 0, 0, 0, 0)
    assert dataclasses.astuple(read_outcomes(folder)) == (0, 0, 0, 0, 0)
    whole = line("call-0", "200") + line("call-1", "486") + line("call-2", "200")
    file.write_text(whole + "nonsense\n" + line("elsewhere", "200"))
    assert dataclasses.astuple(read_outcomes(folder)) == (1, 1, 1, 0, 0)
    os.rename(file, folder / "acc_1.log.1")
    assert dataclasses.astuple(read_outcomes(folder)) == (0, 0, 0, 0, 0)
    outcomes = models.AttemptRow.objects.exclude(outcome="").order_by("ref").values_list("ref", "outcome")
    assert list(outcomes) == [("call-0/1", "answered"), ("call-1/1", "busy"), ("call-2/1", "answered")]
    assert models.Cursor.objects.count() == 1


@pytest.mark.parametrize("said", ["conversation", "abandoned", "voicemail"])
def test_what_an_agent_reported_of_an_answered_call_stays(said: str, asked: list[str], tmp_path: Path) -> None:
    reported = models.AttemptRow.objects.filter(ref="call-0/1")
    write_outcomes(list(reported), [said], "agent")
    (tmp_path / "acc_1.log").write_text(line("call-0", "200") + line("call-1", "200"))
    assert read_outcomes(tmp_path).filed == 1
    assert reported.order_by("-pk")[0].outcome == said


@pytest.mark.parametrize(("code", "reasons"), [("200", "FR-INS-1"), ("486", "")])
def test_the_pause_of_insurance_starts_from_what_the_proxy_files(code: str, reasons: str, tmp_path: Path) -> None:
    record_people(range(1))
    row = CampaignTerms(CLIENT, "insurance", "manual", "prospecting", "", None, False,
                   None, None, PROVIDER, "CASA", "insurance")  # fmt: skip
    record_campaign("cover", row, by="tests")
    given = timezone.now() - timedelta(days=1)
    own = build_consent(0, given, id="CI", objects=frozenset({"insurance"}))
    load_facts([own], source="tests", by="tests")

    def ask(call: str) -> str:
        one = question(0, call, camp="cover")
        return decide(DjangoStore(), one, open_rules(), time.monotonic() + 5).reasons

    assert ask("first") == ""
    (tmp_path / "acc_1.log").write_text(line("first", code))
    assert read_outcomes(tmp_path).filed == 1
    assert ask("second") == reasons


def test_a_call_refused_by_the_proxy_itself_bypassed_no_gate(asked: list[str], tmp_path: Path) -> None:
    alone = [line("first", "603"), line("second", "503"), line("out", "408")]
    alone.append(line("call-0", "503"))  # allowed, but the answer came too late
    called = line("called", "603")  # the person called declined: the call went out
    folder = tmp_path / "acc"
    folder.mkdir()
    (folder / "acc_1.log").write_text("".join(alone).replace("|to|", "||") + called)
    assert dataclasses.astuple(read_outcomes(folder)) == (1, 2, 0, 2, 0)
    assert models.AttemptRow.objects.exclude(outcome="").get().outcome == "failed"


def test_the_cursor_stays_where_filing_fails(asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "acc"
    folder.mkdir()
    (folder / "acc_1.log").write_text(line("call-0", "200"))
    with monkeypatch.context() as patch:
        patch.setattr("releve.plugins.outbound.gate.attempt_outcomes.next_known_at", lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            read_outcomes(folder)
    assert not models.AttemptRow.objects.exclude(outcome="").exists()
    assert read_outcomes(folder).filed == 1


def test_an_attempt_without_a_report_is_unknown_until_one_comes(asked: list[str], tmp_path: Path) -> None:
    count = models.AttemptRow.objects.count()
    assert mark_unknown(timezone.now()) == count
    assert mark_unknown(timezone.now()) == 0
    (tmp_path / "acc_1.log").write_text(line("call-0", "200"))
    assert read_outcomes(tmp_path).filed == 1


def test_a_person_is_forgotten_and_still_not_called(asked: list[str]) -> None:
    now = timezone.now()
    load_facts([Withdrawal(CLIENT, "P0", now, now)], source="tests", by="tests")
    assert read_value("number", number_pseudonym(phone(0))) == phone(0)
    assert read_value("person", person_pseudonym("P0")) == "P0"
    assert erase_person("P0", now) == 2
    assert read_value("number", number_pseudonym(phone(0))) is None
    assert read_value("person", person_pseudonym("P1")) == "P1"
    assert erase_person("P0", now) == 0
    reply = decide(DjangoStore(), question(0, "after"), open_rules(), time.monotonic() + 5)
    assert "FR-OPTIN-6" in reply.reasons
    assert LedgerEntry.objects.filter(kind="outbound.erased").count() == 1


def test_no_number_or_name_stands_in_clear_outside_the_table_of_values(asked: list[str]) -> None:
    close_batches(timezone.now())
    tables = [name for name in connection.introspection.table_names() if name.startswith("gate_")]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")
            text = repr(cursor.fetchall())
            if table == "gate_personal":
                assert phone(1) in text
            else:
                assert phone(1)[4:] not in text, table
                assert "'P1'" not in text, table


def test_rows_go_on_their_day_and_the_others_can_still_be_proved(asked: list[str]) -> None:
    close_batches(timezone.now())
    root = sign_root(timezone.now())
    first, second = models.Decision.objects.order_by("pk")[:2]
    models.Decision.objects.filter(pk=first.pk).update(erase_on=timezone.now().date())
    assert erase_due(timezone.now().date(), timezone.now()) == 1
    proof = prove_row(second, root.number)
    assert holds(proof)
    assert erase_due(timezone.now().date() + timedelta(days=4 * 366), timezone.now()) > 10
    assert not models.ConsentRow.objects.exists()
    assert not models.PseudonymValue.objects.filter(what="proof").exists()


def test_consents_whose_dates_cannot_be_trusted_are_kept_and_refuse() -> None:
    ahead = (timezone.now() + timedelta(days=3)).isoformat()
    lines = ["id;client;person;collected_at;objects;items;proof;wording"]
    for place, date in enumerate(("2026-09-15 11:00", "46280.5", ahead)):
        lines.append(f"D{place};{CLIENT};P{place};{date};electricity;{ITEMS};x;déjà coché")
    frames = read_tables({"consents.csv": "\n".join(lines).encode("cp1252")})
    record_people(())
    people = [fact for n in range(3) for fact in _person(n)]
    load_facts(people, source="tests", by="tests")
    load_frames({"consents": frames["consents"]}, source="tests", by="tests")
    store, rules = DjangoStore(), open_rules()
    for n in range(3):
        reply = decide(store, question(n, f"c{n}"), rules, time.monotonic() + 5)
        assert "FR-DATA-CONSENT" in reply.reasons or "ANY-DATA-CONSENT" in reply.reasons, n
    kept = models.ConsentRow.objects.order_by("ref").first()
    assert kept is not None
    assert kept.wording == "déjà coché"
    whys = models.ConsentRow.objects.order_by("ref").values_list("unreadable", flat=True)
    assert list(whys[:2]) == ["no-offset", "spreadsheet-serial"]
    assert kept.proof.startswith("salted:")


ITEMS = "identity|choice|period|withdrawal|proof_access"


def _person(n: int) -> list[Any]:
    return [Person(f"P{n}", phone(n), timezone.now())]


def test_what_no_column_holds_is_refused_by_row_and_nothing_is_loaded() -> None:
    rows = f"client,person,at,channel\n{CLIENT},P1,2026-09-15T11:00:00+02:00,oral\n"
    rows += f"{CLIENT},P2,2026-09-15T11:00:00+02:00,{'x' * 65}\n"
    frames = read_tables({"withdrawals.csv": rows.encode()})
    with pytest.raises(LoadRefused, match=r"withdrawals row 3, channel .*longer than 64"):
        load_frames({"withdrawals": frames["withdrawals"]}, source="tests", by="tests")
    assert not models.Load.objects.exists()
    soon = (timezone.now() + timedelta(hours=1)).isoformat()
    feeds = read_tables({"feeds.csv": f"feed,read_at\nconsents,{soon}\n".encode()})
    with pytest.raises(LoadRefused, match=r"; leave the row out, and run `releve outbound "
                       r"facts read` after the import$"):  # fmt: skip
        load_frames({"feeds": feeds["feeds"]}, source="tests", by="tests")


@pytest.mark.parametrize("table", ["withdrawals", "refusals", "attempts"])
def test_what_happened_later_than_now_is_refused_as_it_would_forbid_nothing_yet(table: str) -> None:
    soon = (timezone.now() + timedelta(hours=2)).isoformat()
    name, cell = ("id,", "A1,") if table == "attempts" else ("", "")
    text = f"{name}client,person,at\n{cell}{CLIENT},P1,{soon}\n"
    frames = read_tables({f"{table}.csv": text.encode()})
    with pytest.raises(LoadRefused, match=f"{table} row 2, at .*: lies in the future; "
                       "give the instant at which it was$"):  # fmt: skip
        load_frames({table: frames[table]}, source="tests", by="tests")
    assert not models.Load.objects.exists()


def test_a_killed_load_counts_for_no_call_and_is_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    record_people(range(5))
    loads = models.Load.objects.count()
    rows = "".join(f"{CLIENT},P{n},2026-09-15T11:00:00+02:00\n" for n in range(5))
    frames = read_tables({"withdrawals.csv": b"client,person,at\n" + rows.encode()})
    killed_frames = {"withdrawals": frames["withdrawals"]}

    def killed(table: str, done: int, rows: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr("releve.plugins.outbound.gate.fact_import._CHUNK", 2)
    with pytest.raises(KeyboardInterrupt):
        load_frames(killed_frames, source="a", by="tests", digest="d", progress=killed)
    assert models.Load.objects.filter(known_at=None).count() == 1
    found = load_frames(killed_frames, source="a", by="tests", digest="d")
    assert (found.written, found.there) == ({"withdrawals": 1}, {"withdrawals": 4})
    assert models.Load.objects.filter(known_at__isnull=False).count() == loads + 1


def test_a_history_cannot_be_slipped_under_decisions(asked: list[str]) -> None:
    at = "2026-09-15T11:00:00+02:00"
    later = "2099-01-01T00:00:00+00:00"
    rows = f"client,person,at,known_at\n{CLIENT},P1,{at},\n{CLIENT},P1,{at},{later}\n"
    frames = read_tables({"withdrawals.csv": rows.encode()})
    with pytest.raises(LoadRefused, match="lies before a decision"):
        load_frames({"withdrawals": frames["withdrawals"]}, source="a", by="tests", as_known=True)


@pytest.mark.parametrize("table", ["withdrawals", "feeds"])
def test_a_history_may_begin_right_after_the_last_decision(asked: list[str], table: str) -> None:
    decided = models.Decision.objects.latest("at").at
    about = f"{CLIENT},P1,{decided.isoformat()}"
    head, cells = {"withdrawals": ("client,person,at,known_at", about), "feeds": ("feed,read_at", "consents")}[table]
    for at in (decided, decided + timedelta(microseconds=1)):
        text = f"{head}\n{cells},{at.isoformat()}\n"
        frame = read_tables({f"{table}.csv": text.encode()})[table]
        if at > decided:
            found = load_frames({table: frame}, source="a", by="tests", as_known=True)
            assert found.written == {table: 1}
            continue
        with pytest.raises(LoadRefused) as caught:
            load_frames({table: frame}, source="a", by="tests", as_known=True)
        assert str(caught.value) == (
            f"{table}: known_at {at.isoformat()} lies before a decision of the gate "
            f"({decided.isoformat()}); load it without its own dates"
        )


def test_the_key_is_made_once_and_a_wrong_one_is_refused() -> None:
    from releve.plugins.outbound.gate import pseudonyms
    from releve.plugins.outbound.gate.connections import ensure_gate_key
    from releve.plugins.outbound.gate.errors import KeyFault

    settings.GATE_KEY = ""
    with pytest.raises(KeyFault, match=r"is missing: restore gate\.key"):
        number_pseudonym("01 44 55 66 77")
    ensure_gate_key()
    first = number_pseudonym("01 44 55 66 77")
    pseudonyms.forget_key()
    assert number_pseudonym("+33144556677") == first
    assert (settings.HOME / "gate.key").stat().st_mode & 0o777 == 0o600
    settings.GATE_KEY = "short"
    with pytest.raises(KeyFault, match="64 hex digits"):
        number_pseudonym("+33144556677")
    settings.GATE_KEY = ""
    pseudonyms.forget_key()
    (settings.HOME / "gate.key").write_bytes(b"\xff" * 64)
    with pytest.raises(KeyFault, match=r"gate\.key cannot be used"):
        number_pseudonym("+33144556677")


@pytest.mark.parametrize("kind", ["refusal", "not-interested"])
def test_values_stay_while_a_contract_runs_and_go_on_their_day_after_it(kind: str) -> None:
    now = timezone.now()
    record_people((0, 1))
    first = now.date() - timedelta(days=400)
    running = Contract("K1", CLIENT, "P0", first, None, now)
    load_facts([running, SpokenRefusal(CLIENT, "P1", now, now, kind),
                SpokenRefusal(CLIENT, "P1", now, now, "not-now")],
               source="tests", by="tests")  # fmt: skip
    far = now + timedelta(days=4 * 366)
    erase_due(far.date(), far)
    assert read_value("number", number_pseudonym(phone(0))) == phone(0)
    assert read_value("number", number_pseudonym(phone(1))) is None
    (kept,) = Refusals.objects.values_list("kind", flat=True)
    assert kept == kind, "it forbids for good, by the pseudonym alone"
    ended = dataclasses.replace(running, last=now.date())
    load_facts([ended], source="tests", by="tests")
    erase_due(far.date(), far)
    erase_due((far + timedelta(days=4 * 366)).date(), far)
    assert not models.PseudonymValue.objects.filter(pseudonym=person_pseudonym("P0")).exists()
    assert models.PersonRow.objects.filter(person=person_pseudonym("P1")).exists()
    assert not models.PersonRow.objects.filter(person=person_pseudonym("P0")).exists()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two attempts, of two persons, and an empty folder of records."""
    record_people(range(2))
    at = read_clock() - timedelta(hours=1)
    calls = [Attempt(f"{call}/1", CLIENT, f"P{n}", at, at, provider=PROVIDER, purpose="service")
             for n, call in enumerate(("call", "other"))]  # fmt: skip
    load_facts(calls, source="tests", by="tests")
    (found := tmp_path / "acc").mkdir()
    return found


def record_line(call: str = "call", code: str = "200", cseq: str = "1", **more: str) -> str:
    """A line of as many columns as ``more`` asks for, else of the first eight."""
    cells = {"method": "INVITE", "from_tag": "f", "to_tag": "t", "callid": call, "sip_code": code,
             "sip_reason": "r", "time": "now", "cseq": cseq}  # fmt: skip
    if more:
        cells |= {name: more.get(name, "") for name in COLUMNS[8:]}
        cells |= {name: more[name] for name in more if name in cells}
    return "|".join(cells.values()) + "\n"


def read(folder: Path, *lines: str, columns: tuple[str, ...] = COLUMNS) -> tuple[int, ...]:
    (folder / "acc.log").write_text("".join(lines), encoding="utf-8")
    return dataclasses.astuple(read_outcomes(folder, columns))


def test_the_columns_are_those_of_the_page_about_the_proxy() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "proxy.md"
    assert f"`{'|'.join(COLUMNS)}`" in page.read_text(encoding="utf-8")


def outcomes() -> dict[str, str]:
    """The outcome of each attempt, as its last version says."""
    return dict(models.AttemptRow.objects.order_by("pk").values_list("ref", "outcome"))


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [
        (("200", "202"), "answered"),
        (("486", "600"), "busy"),
        (("408", "480", "487"), "no-answer"),
        (("404", "410", "604"), "unallocated"),
        (("603",), "declined"),
        (("400", "403", "500", "503", "302"), "failed"),
    ],
)
def test_a_reply_code_has_its_outcome(folder: Path, codes: tuple[str, ...], outcome: str) -> None:
    filed = list(models.AttemptRow.objects.filter(ref="call/1"))
    for number, code in enumerate(codes):
        write_outcomes(filed, ["voicemail" if outcome != "answered" else ""], "between")
        (folder / f"{number}.log").write_text(record_line(code=code) + f"{number}\n", encoding="utf-8")
        assert read_outcomes(folder).filed == 1, code
        assert outcomes() == {"call/1": outcome, "other/1": ""}


def test_the_further_version_is_the_attempt_with_its_outcome(folder: Path) -> None:
    assert read(folder, record_line()) == (1, 0, 0, 0, 0)
    names = ("client", "person", "ref", "at", "provider", "purpose", "began", "erase_on")
    first, second = models.AttemptRow.objects.filter(ref="call/1").order_by("pk").values(*names)
    assert first == second
    assert models.AttemptRow.objects.latest("pk").digest == ""
    load = models.Load.objects.latest("pk")
    assert (load.source, load.by, load.rows) == ("outcomes acc.log", "outcomes", 1)
    assert load.known_at is not None


def test_the_last_line_of_a_call_counts_whatever_came_before(folder: Path) -> None:
    assert read(folder, record_line(code="486"), record_line("other"), record_line(code="200")) == (2, 0, 0, 0, 0)
    assert outcomes() == {"call/1": "answered", "other/1": "answered"}


def test_a_call_is_named_by_its_number_whatever_the_zeros_before_it(folder: Path) -> None:
    assert read(folder, record_line(cseq="01"), record_line("other", cseq="2")) == (1, 1, 0, 0, 0)


@pytest.mark.parametrize(
    "broken",
    [record_line(""), record_line(cseq="x"), record_line(cseq=""), record_line(cseq="-1"), record_line()[:-1] + "|in\n",
     "INVITE|f|t|call|200|r|now\n", record_line(call="other", direction="in")[:-1] + "|\n", "\n"],
)  # fmt: skip
def test_a_line_that_names_no_call_is_counted_and_files_nothing(folder: Path, broken: str) -> None:
    assert read(folder, broken, record_line()) == (1, 0, 1, 0, 0)


@pytest.mark.parametrize(
    "left", [record_line(direction="in"), record_line(direction="out", method="BYE"), record_line(method="ACK")]
)
def test_what_is_no_call_out_is_passed_over(folder: Path, left: str) -> None:
    assert read(folder, left, record_line("other", direction="out")) == (1, 0, 0, 0, 0)
    assert outcomes() == {"call/1": "", "other/1": "answered"}


def test_a_line_without_its_end_is_left_and_a_longer_column_order_is_read(folder: Path) -> None:
    assert read(folder, record_line()[:-1]) == (0, 0, 0, 0, 0)
    assert read(folder, "call|1|486\n", columns=("callid", "cseq", "sip_code")) == (1, 0, 0, 0, 0)
    assert outcomes()["call/1"] == "busy"
    with pytest.raises(OutcomeFault, match=r"the columns lack sip_code$"):
        read_outcomes(folder, ("cseq", "callid"))


def test_a_line_is_read_whatever_its_bytes_and_a_first_one_of_any_length_to_64_kib(folder: Path) -> None:
    (folder / "a.log").write_bytes(record_line().encode().replace(b"|r|", b"|r\xe9|"))
    (folder / "long.log").write_bytes(b"x" * 65535 + b"\n")
    (folder / "longer.log").write_bytes(b"x" * 65536 + b"\n")
    assert dataclasses.astuple(read_outcomes(folder)) == (1, 0, 1, 0, 0)


@pytest.mark.parametrize("columns", range(14))
def test_a_line_has_the_columns_of_one_of_three_proxies(folder: Path, columns: int) -> None:
    cells = record_line(direction="out").rstrip("\n").split("|")[:columns]
    assert read(folder, "|".join(cells) + "\n")[:3] == ((1, 0, 0) if columns in (8, 11, 13) else (0, 0, 1))


@pytest.mark.parametrize(("to_tag", "code", "refused"), [("", "603", 1), ("", "503", 1),
                         ("", "486", 0), ("t", "603", 0), ("t", "503", 0)])  # fmt: skip
def test_a_call_is_refused_by_the_proxy_itself_where_no_one_answered(
    folder: Path, to_tag: str, code: str, refused: int
) -> None:
    one = record_line("unknown", code).replace("|t|", f"|{to_tag}|")
    assert read(folder, one) == (0, 1 - refused, 0, refused, 0)
    later = one + record_line("unknown")
    assert read(folder, later) == (0, 1, 0, 0, 0)


def test_a_call_that_was_refused_and_then_let_through_is_not_a_refused_one(folder: Path) -> None:
    refused = record_line("unknown", "603").replace("|t|", "||")
    assert read(folder, refused, record_line("unknown")) == (0, 1, 0, 0, 0)
    (folder / "b.log").write_text(record_line("new") + refused.replace("unknown", "new"), encoding="utf-8")
    assert dataclasses.astuple(read_outcomes(folder)) == (0, 0, 0, 1, 0)


def test_attempts_from_before_an_instant_that_have_no_outcome_are_unknown(folder: Path) -> None:
    gates = [models.AttemptRow(client=CLIENT, person="p", ref=f"g{n}/1", outcome="", provider=PROVIDER,
                        at=read_clock() + timedelta(minutes=n), digest="", erase_on=None)
             for n in range(3)]  # fmt: skip
    models.AttemptRow.objects.bulk_create(gates)
    write_outcomes(gates[:1], ["busy"], "agent")
    assert mark_unknown(gates[2].at) == 1
    found = {ref: outcome for ref, outcome in outcomes().items() if ref[0] == "g"}
    assert found == {"g0/1": "busy", "g1/1": "unknown", "g2/1": ""}
    assert models.Load.objects.latest("pk").source == "outcomes not reported"
