"""What stands for numbers, persons and proofs, facts read from the database, words at the gate."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from django.apps import apps
from django.db.models import CharField

from releve.live.clock import read_clock
from releve.plugins.outbound.engine.fact_tables import build_empty_frames, build_facts, read_tables
from releve.plugins.outbound.engine.facts import Attempt, Contract, Person, Withdrawal
from releve.plugins.outbound.engine.facts import SpokenRefusal as Fact
from releve.plugins.outbound.engine.facts import Withdrawal as Taken
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.engine.verdict import CallVerdict, judge_call
from releve.plugins.outbound.gate import campaigns, models, pseudonyms
from releve.plugins.outbound.gate.attempt_outcomes import read_outcomes
from releve.plugins.outbound.gate.connections import MAX_CLOCK_SKEW
from releve.plugins.outbound.gate.erasure import NewPersonalValue, read_value, store_values
from releve.plugins.outbound.gate.errors import LoadRefused
from releve.plugins.outbound.gate.fact_import import find_row_faults, load_facts, load_frames
from releve.plugins.outbound.gate.fact_reader import CampaignFacts, CampaignTerms, FactSet, read_facts, to_db_instant
from releve.plugins.outbound.gate.models import CampaignRow as Row
from releve.plugins.outbound.gate.pseudonyms import resolve_client
from releve.plugins.outbound.gate.request_feeds import take_files
from releve.plugins.outbound.gate.sql import TABLES, parse_day, parse_instant
from tests.gate.sample_campaign import CALLER as SAMPLE_CAMPAIGN_CALLER
from tests.gate.sample_campaign import (
    CAMPAIGN,
    CLIENT,
    GateDatabase,
    build_consent,
    campaign_terms,
    open_rules,
    phone,
    question,
    record_people,
)
from tests.gate.test_decision import ask
from tests.outbound.people import people_of
from tests.outbound.table import CALLER
from tests.outbound.table import CLIENT as TABLE_CLIENT

pytestmark = [pytest.mark.django_db, pytest.mark.database]

SOON, LATE = date(2030, 1, 1), date(2031, 1, 1)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [(SOON, LATE, LATE), (LATE, SOON, LATE), (SOON, None, None), (None, SOON, None), (None, None, None)],
)
def test_a_value_is_kept_once_until_the_latest_day(
    first: date | None, second: date | None, kept: date | None, at_once: bool
) -> None:
    values = [NewPersonalValue("person", "p", "P1", "", day) for day in (first, second)]
    other = NewPersonalValue("number", "p", "+331", "salt", SOON)
    if at_once:
        store_values([*values, other])
    else:
        for one in (values[0], other, values[1]):
            store_values([one])
    rows = models.PseudonymValue.objects.order_by("-what").values_list("value", "salt", "erase_on")
    assert list(rows) == [("P1", "", kept), ("+331", "salt", SOON)]
    assert (read_value("person", "p"), read_value("proof", "p")) == ("P1", None)


@pytest.mark.parametrize("form", ["{}", "sha256:{}"])
def test_a_hash_stands_for_itself_and_a_proof_behind_its_salt(form: str) -> None:
    digest = form.format("aB" * 32)
    assert pseudonyms.commit_proof(digest) == (digest.lower(), "")
    assert pseudonyms.commit_proof("") == ("", "")
    for text in (f"{digest}0", digest[:-1], f"{form.format('')}the recording"):
        name, salt = pseudonyms.commit_proof(text)
        tagged = b"releve gate proof 1\n" + bytes.fromhex(salt) + text.encode()
        assert name == f"salted:{hashlib.sha256(tagged).hexdigest()}"
        assert (len(salt), name != pseudonyms.commit_proof(text)[0]) == (64, True)


def test_a_number_has_one_pseudonym_and_no_other_text_has_it() -> None:
    forms = (phone(1), "0" + phone(1)[3:], "00" + phone(1)[1:], " +33 1.44-50(0)00 01 ")
    assert len({pseudonyms.number_pseudonym(one) for one in forms}) == 1
    assert pseudonyms.person_pseudonym(phone(1)) == pseudonyms.number_pseudonym(phone(1))
    assert pseudonyms.person_pseudonym("P1") != pseudonyms.number_pseudonym("P1")
    assert pseudonyms.person_pseudonym("") == ""
    assert len(pseudonyms.person_pseudonym("P1")) == len(pseudonyms.number_pseudonym("3631")) == 32
    assert pseudonyms.number_text("36 31") == "3631"
    lengths = [n for n in range(20) if pseudonyms.is_subscriber("+" + "1" * n)]
    assert lengths == list(range(7, 16))
    assert not pseudonyms.is_subscriber("1" * 10)


def test_a_register_is_what_its_closed_loads_hold() -> None:
    record_people(range(3))
    given = read_clock() - timedelta(hours=3)
    load_facts([build_consent(9, given)], source="tests", by="tests")
    row = models.ConsentRow.objects.get(ref="C9")
    assert campaigns.read_register_state("consents") == campaigns.RegisterState("consents", 4, row.collected_at)
    row.pk, row.collected_at = None, read_clock()
    row.load = models.Load.objects.create(source="killed", by="tests", opened_at=read_clock())
    row.save()
    models.WatermarkRow.objects.create(load=row.load, feed="consents", read_at=read_clock(), digest="")
    assert campaigns.read_register_state("consents") == campaigns.RegisterState("consents", 4, given)
    assert campaigns.read_register_state("callbacks") == campaigns.RegisterState("callbacks", 0, None)
    read_at = models.WatermarkRow.objects.filter(feed="consents").earliest("pk").read_at
    later = read_at + timedelta(hours=5)
    ages = campaigns.read_register_ages(later)
    assert (len(ages), ages["consents"]) == (4, timedelta(hours=5))
    models.WatermarkRow.objects.create(feed="consents", read_at=later, digest="")
    assert campaigns.read_register_ages(later)["consents"] == timedelta(0)
    models.WatermarkRow.objects.filter(feed="refusals").delete()
    minutes = campaigns.read_register_minutes(later + timedelta(seconds=61))
    assert (minutes["consents"], minutes["refusals"]) == (2, None), "rounded up; never read"


def _withdrawals(count: int, **change: str) -> list[Withdrawal]:
    at = datetime.fromisoformat("2026-09-15T11:00:00+02:00")
    cells = {"client": CLIENT, "person": "P1", "consent": "", "channel": ""} | change
    return [Withdrawal(at=at, known_at=at, **cells) for _ in range(count)]


@pytest.mark.parametrize(("count", "more"), [(50, ""), (51, "... and 1 more")])
def test_fifty_faulty_rows_are_shown_and_the_others_counted(count: int, more: str) -> None:
    with pytest.raises(LoadRefused) as caught:
        load_facts(_withdrawals(count, channel="x" * 65), source="tests", by="tests")
    lines = str(caught.value).split("\n")
    shown = "x" * 40
    assert lines[49] == (f"withdrawals row 51, channel '{shown}': longer than 64 characters; shorten it")
    assert lines[50:] == ([more] if more else [])


def test_a_zero_character_is_refused_and_a_hidden_cell_is_not_shown() -> None:
    for change, said in (({"person": "P1\0"}, "person"), ({"consent": "C\0"}, r"consent 'C\x00'")):
        with pytest.raises(LoadRefused) as caught:
            load_facts(_withdrawals(1, **change), source="tests", by="tests")
        reason = "holds a zero character; leave it out"
        assert str(caught.value) == f"withdrawals row 2, {said}: {reason}"
    consent = build_consent(1, read_clock(), objects=frozenset({"gas", "a\0"}))
    with pytest.raises(LoadRefused, match=r"row 2, objects 'a\\x00\|gas': holds a zero"):
        load_facts([consent], source="tests", by="tests")
    load_facts(_withdrawals(1, channel="x" * 64, person="P" * 500), source="tests", by="tests")
    assert models.WithdrawalRow.objects.get().channel == "x" * 64


def test_what_happened_within_the_skew_of_clocks_is_taken() -> None:
    for ahead in (MAX_CLOCK_SKEW / 2, timedelta(0)):
        at = read_clock() + ahead
        load_facts([Withdrawal(CLIENT, "P1", at, at)], source="tests", by="tests")
    assert models.WithdrawalRow.objects.count() == 2


@pytest.mark.parametrize("table", ["feeds", "withdrawals", "refusals", "attempts"])
def test_what_lies_further_ahead_than_clocks_may_is_refused(table: str) -> None:
    at = datetime(2026, 9, 15, 9, tzinfo=UTC)
    column = "read_at" if table == "feeds" else "at"
    empty = build_empty_frames()[table]
    late = at + MAX_CLOCK_SKEW + timedelta(microseconds=1)
    frame = pl.DataFrame({column: [at, at + MAX_CLOCK_SKEW, late]})
    frame = pl.concat([empty, frame.cast({column: empty.schema[column]})], how="diagonal")
    assert not find_row_faults({table: frame[:2]}, at)
    (fault,) = find_row_faults({table: frame}, at)
    assert (fault.table, fault.row, fault.column) == (table, 4, column)


def test_all_that_is_stored_fits_its_column_however_long_the_names_are(tmp_path: Path) -> None:
    record_people(range(2))
    campaigns.record_campaign("c" * 128, campaign_terms(), by="tests")
    drop, acc, name = tmp_path / "drop", tmp_path / "acc", "n" * 230
    drop.mkdir()
    acc.mkdir()
    at = read_clock() - timedelta(hours=1)
    load_facts([Attempt("call/1", CLIENT, "P1", at, at)], source="s" * 200, by="tests")
    rows = f"1;{phone(1)};stop;{CLIENT}\n2;12;stop;{CLIENT}\n3;{phone(1)};outcome;{CLIENT}\n"
    (drop / f"{name}.csv").write_text(f"id;number;said;client\n{rows}", encoding="utf-8")
    (drop / f"{name}b.csv").write_text("id\n", encoding="utf-8")
    (acc / name).write_text("INVITE|f|t|call|486|Busy|now|1\n", encoding="utf-8")
    assert take_files(drop, by="tests", settle=0).set_aside == 3
    assert read_outcomes(acc).filed == 1
    filed = set(models.Load.objects.values_list("source", flat=True))
    assert {f"feed {name}"[:200], f"outcomes {name}"[:200]} <= filed
    assert set(models.Cursor.objects.values_list("file", flat=True)) == {name[:200]}
    assert set(models.FeedFaultRow.objects.values_list("file", flat=True)) == {name[:200]}
    for model in apps.get_app_config("gate").get_models():
        for field in model._meta.get_fields():
            if isinstance(field, CharField) and field.max_length:
                texts = model._default_manager.values_list(field.name, flat=True)
                long = [one for one in texts if one and len(one) > field.max_length]
                assert not long, f"{model.__name__}.{field.name}"


DAYS = ("2026-08-10T10:30:00+02:00", "2026-11-24T10:30:00+01:00")


def without_person(found: CallVerdict) -> Any:
    """Return what a verdict says, without the name of the person."""
    return (
        found.legal, found.allowed, found.rules, found.basis, found.attempts, found.jurisdiction,
        found.until, found.next_allowed, [(row.row.id, row.by.id) for row in found.lifted],
        [mark.read_at for mark in found.watermarks],
    )  # fmt: skip


@pytest.mark.parametrize("day", DAYS)
def test_the_verdict_from_the_database_is_that_of_the_folder_of_facts(day: str) -> None:
    now = datetime.fromisoformat(day)
    people, frames = people_of(150, now, seed=7, slips=False)
    load_frames(frames, source="tests", by="tests", as_known=True)
    rules, facts = built_in_rules(), build_facts(frames)
    reasons: set[str] = set()
    for place, row in enumerate(people.iter_rows(named=True)):
        for known_at in (now, now - timedelta(days=20))[: 1 + (place % 4 == 0)]:
            call = Call(TABLE_CLIENT, row["number"], now, "electricity", CALLER, person=row["person"],
                        address=row["address"], callee=row["callee"], campaign="K",
                        sector="energy-supply")  # fmt: skip
            expected = judge_call(call, facts, rules, known_at)
            known = read_facts(TABLE_CLIENT, row["number"], known_at, person=row["person"], campaign="K")
            named = dataclasses.replace(call, person=pseudonyms.person_pseudonym(row["person"]))
            found = judge_call(named, _under(known, expected), rules, known_at)
            assert without_person(found) == without_person(expected), (call, found.rules, expected.rules)
            reasons |= set(expected.rules)
    assert len(reasons) >= 12


def _under(known: Any, expected: CallVerdict) -> Any:
    """The facts, the number written as the engine understands it."""
    for name in ("people", "listings"):
        for _, cells in known.tables[name]:
            if cells["number"] == known.number:
                cells["number"] = expected.number
    return known.facts()


def test_each_fact_is_read_once_whoever_is_named() -> None:
    now = datetime.fromisoformat(DAYS[1])
    people, frames = people_of(40, now, seed=7, slips=False)
    load_frames(frames, source="tests", by="tests", as_known=True)
    holders = 0
    for row in people.iter_rows(named=True):
        own = read_facts(TABLE_CLIENT, row["number"], now, campaign="K")
        named = read_facts(TABLE_CLIENT, row["number"], now, person=row["person"], campaign="K")
        if pseudonyms.person_pseudonym(row["person"]) in own.persons():
            assert named.serialize() == own.serialize()
            holders += 1
        for table, facts in named.own.items():
            texts = list(map(str, facts))
            assert len(set(texts)) == len(texts), table
            assert set(map(str, own.own[table])) <= set(texts)
    assert holders


def test_attempts_of_one_instant_keep_the_order_in_which_they_were_counted() -> None:
    known = datetime.fromisoformat(DAYS[1])
    facts = FactSet([("holder", "N", person, "[]") for person in ("PA", "PB")])
    fields = [column.field for column in TABLES["attempts"].columns]
    order = ["PB", "PA", "PB", "PA"]
    for number, person in enumerate(order):
        named = {"id": str(number), "client": TABLE_CLIENT, "person": person, "at": known}
        facts.add_attempt(dict.fromkeys(fields, "") | named, known)
    read = facts.known_facts("N", "", "", CampaignFacts([]), TABLE_CLIENT).own["attempts"]
    assert [(cells["id"], cells["person"]) for _, cells in read] == [
        (str(number), person) for number, person in enumerate(order)
    ]


def test_the_same_tables_again_write_nothing() -> None:
    now = datetime.fromisoformat(DAYS[1])
    _, frames = people_of(30, now, seed=3, slips=False)
    first = load_frames(frames, source="tests", by="tests")
    again = load_frames(frames, source="tests", by="tests")
    assert sum(first.written.values()) > 50
    assert sum(again.written.values()) == 0
    assert again.there == {name: frames[name].height for name in again.there}


def test_a_table_given_in_part_is_loaded_in_part() -> None:
    frame = pl.DataFrame()
    assert load_frames({"refusals": frame}, source="tests", by="tests").done("refusals") == 0


@pytest.mark.parametrize("text", ["2026-11-24T10:30:00+01:00", "2026-11-24T09:30:00+00:00", "2026-11-24 09:30:00"])
def test_an_instant_of_a_database_is_in_utc_with_and_without_its_offset(text: str) -> None:
    found = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    for given in (text, datetime.fromisoformat(text)):
        assert (parse_instant(given), parse_instant(given).tzinfo) == (found, UTC)
    assert to_db_instant("sqlite", found) == "2026-11-24 09:30:00"
    assert to_db_instant("postgresql", found) == found
    for day in ("2026-11-24", found.date()):
        assert parse_day(day) == found.date()


def head(load: str | None, decision: str | None, clock: str | None) -> tuple[str, ...]:
    return ("head", "", "", json.dumps([load, decision, clock]))


def test_the_newest_of_what_was_read_and_the_first_of_what_is_to_come() -> None:
    hours = [f"2026-11-24T{hour:02}:00:00+00:00" for hour in range(10)]
    instants = list(map(datetime.fromisoformat, hours))
    terms = [TABLE_CLIENT, "electricity", "manual", "prospecting", "", None, 0, "2026-11-01", None,
             "us", "CASA", "energy-supply"]  # fmt: skip
    campaign = ("campaign", "", "", json.dumps([*terms, hours[1]]))
    feed = ("feeds", "", "", json.dumps([1, hours[0], "consents", hours[2], None]))
    others = [("later", "", "", json.dumps([hour])) for hour in (hours[9], None, hours[8])]
    rows = [campaign, *others, head(hours[5], hours[7], None)]
    found = CampaignFacts(rows)
    assert (found.newest, found.later, found.load) == (instants[1], instants[8], instants[5])
    assert CampaignFacts([*rows, feed]).newest == instants[2]
    empty = CampaignFacts([head(None, None, None)])
    assert (empty.newest, empty.later, empty.load, empty.campaign) == (None,) * 4
    assert found.campaign == CampaignTerms(
        TABLE_CLIENT, "electricity", "manual", "prospecting", "", None, False, date(2026, 11, 1), None,
        "us", "CASA", "energy-supply",
    )  # fmt: skip
    for cell, meant in ((None, None), (0, False), (1, True)):
        flags = json.dumps([*terms[:5], cell, cell, *terms[7:], hours[1]])
        said = CampaignFacts([("campaign", "", "", flags)]).campaign
        assert said is not None
        assert (said.authenticated, said.mobile_terminal) == (meant, bool(meant))
    kept = CampaignTerms(**json.loads(found.call))
    assert kept == dataclasses.replace(found.campaign, first=None)
    before_sectors = {name: value for name, value in dataclasses.asdict(kept).items() if name != "sector"}
    assert CampaignTerms(**before_sectors) == dataclasses.replace(kept, sector="")
    withdrawal = json.dumps([1, hours[3], TABLE_CLIENT, "P", hours[0], "", ""])
    own = FactSet([("withdrawals", TABLE_CLIENT, "P", withdrawal), ("holder", "N", "P", "[]")])
    assert own.known_facts("N", "", "", found, TABLE_CLIENT).newest == instants[3]
    assert own.known_facts("N", "", "", CampaignFacts([]), "CLIENT-B").newest is None
    for loaded, decided, last in ((5, 7, 7), (7, 5, 7), (5, None, 5), (None, 5, 5)):
        given = [None if one is None else hours[one] for one in (loaded, decided)]
        read = FactSet([head(given[0], given[1], hours[9])])
        assert (read.last, read.clock) == (instants[last], instants[9])
        assert read.load == (None if loaded is None else instants[loaded])
    nothing = FactSet([head(None, None, None)])
    assert (nothing.load, nothing.last, nothing.clock) == (None,) * 3


LONG_AGO = datetime.fromisoformat("2026-11-02T11:00:00+01:00")
CAMPAIGN_ROW = CampaignTerms(
    "Client a", "Électricité", "manuel", "démarchage", "maroc", None, False, None, None, "us",
    "CASA", "Fourniture d'énergie",
)  # fmt: skip


def test_a_campaign_is_recorded_in_the_words_of_the_vocabularies() -> None:
    record_people([])
    assert campaigns.record_campaign("autumn", CAMPAIGN_ROW, by="tests")
    row = campaigns.load_campaigns()["autumn"]
    assert (row.client, row.object, row.sector) == (CLIENT, "electricity", "energy-supply")
    assert (row.mode, row.purpose, row.origin) == ("manual", "prospecting", "MA")
    again = dataclasses.replace(CAMPAIGN_ROW, client=CLIENT, object="electricity", origin="MA")
    assert not campaigns.record_campaign("autumn", again, by="tests")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sector": ""}, "an object and its sector"),
        ({"object": ""}, "an object and its sector"),
        ({"object": "electricty"}, "write 'electricity'"),
        ({"sector": "xyzzy"}, "releve outbound words sector"),
        ({"sector": "telecom"}, "not of the sector 'telecom' but of 'energy-supply'"),
        ({"mode": "telex"}, "one of manual, click-to-call"),
        ({"purpose": ""}, "one of prospecting, service, survey"),
        ({"origin": "Marocco"}, "write"),
    ],
)
def test_a_campaign_with_a_word_that_is_none_is_refused(change: dict[str, str], said: str) -> None:
    with pytest.raises(LoadRefused, match=said):
        campaigns.record_campaign("autumn", dataclasses.replace(CAMPAIGN_ROW, **change), by="tests")
    assert not Row.objects.exists()


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (Fact(CLIENT, "P0", LONG_AGO, LONG_AGO, "reffus"), "refusals row 2, kind 'reffus'"),
        (Fact(CLIENT, "P0", LONG_AGO, LONG_AGO, basis="consnt:C0"), "basis 'consnt'"),
        (Person("P0", phone(0), LONG_AGO, "custommer"), "people row 2, kind 'custommer'"),
        (Attempt("A", CLIENT, "P0", LONG_AGO, LONG_AGO, purpose="sel"), "purpose 'sel'"),
        (build_consent(0, LONG_AGO, objects=frozenset({"gass", "gas"})), "objects 'gass'"),
    ],
)
def test_a_fact_with_a_word_that_is_none_is_not_recorded(fact: object, said: str) -> None:
    with pytest.raises(LoadRefused, match=said):
        load_facts([fact], source="tests", by="tests")
    load_facts([Fact(CLIENT, "P0", read_clock(), read_clock(), "Refus", "Consentement")], source="tests", by="tests")
    assert models.RefusalRow.objects.values_list("kind", "basis").get() == ("refusal", "consent")


def test_only_a_cell_of_several_words_is_shown_how_to_join_them() -> None:
    joined = build_consent(0, LONG_AGO, items=frozenset({"identité, choix"}))
    with pytest.raises(LoadRefused, match=r"join words by \|: write 'identity\|choice'$"):
        load_facts([joined], source="tests", by="tests")
    one = Fact(CLIENT, "P0", LONG_AGO, LONG_AGO, "refus, objection")
    with pytest.raises(LoadRefused) as caught:
        load_facts([one], source="tests", by="tests")
    assert "join" not in str(caught.value)


def test_a_client_has_one_name_however_it_is_spelt_and_whatever_its_aliases() -> None:
    record_people(range(2))
    clients = b"client,alias\nclient-a,Alpha SA\nCLIENT-B,\n"
    now = read_clock().isoformat()
    rows = f"client,person,at\nALPHA_sa,P0,{now}\nclient a,P1,{now}\n".encode()
    load_frames(read_tables({"clients.csv": clients, "withdrawals.csv": rows}), source="tests", by="tests")
    assert set(models.WithdrawalRow.objects.values_list("client", flat=True)) == {CLIENT}
    assert resolve_client("Alpha  SA") == resolve_client("client_A") == CLIENT
    assert resolve_client("Unknown") == "Unknown"
    assert set(models.ClientName.objects.values_list("name", flat=True)) == {CLIENT, "CLIENT-B"}
    known = read_facts("alpha sa", phone(0), read_clock()).facts()
    (person,) = {row.person for row in known.find_persons(phone(0), read_clock())}
    assert known.select_known("Client A", person, phone(0), "", read_clock()).withdrawals


def test_an_alias_that_is_a_client_already_is_refused() -> None:
    record_people(range(1))
    load_facts([Taken("Beta", "P0", read_clock(), read_clock())], source="tests", by="tests")
    frame = pl.DataFrame({"client": [CLIENT], "alias": ["beta"]})
    with pytest.raises(LoadRefused, match="alias 'beta': stands for the client 'Beta' already"):
        load_frames({"clients": frame}, source="tests", by="tests")


@pytest.mark.django_db(transaction=True)
def test_a_service_call_is_counted_as_one_and_does_not_fill_the_cap(tmp_path: Path) -> None:
    record_people(range(2))
    care = dataclasses.replace(CAMPAIGN_ROW, client=CLIENT, purpose="service", origin="")
    campaigns.record_campaign("care", care, by="tests")
    ground = GateDatabase(tmp_path)
    ground.ready()
    for k in range(5):
        assert ask(ground, question(1, f"s{k}", camp="care")).status == 200
    statuses = [ask(ground, question(1, f"p{k}")).status for k in range(5)]
    assert set(ground.rows("SELECT DISTINCT purpose FROM gate_attempt")) == {("service",), ("prospecting",)}
    assert statuses == [200, 200, 200, 200, 403]


def test_a_campaign_of_before_sectors_is_refused() -> None:
    record_people(range(1))
    Row.objects.update(sector="")
    now = read_clock()
    known = read_facts(CLIENT, phone(0), now, campaign=CAMPAIGN)
    call = Call(CLIENT, phone(0), now, "electricity", SAMPLE_CAMPAIGN_CALLER, CAMPAIGN)
    assert "FR-DATA-SECTOR" in judge_call(call, known.facts(), open_rules(), now).rules


def test_a_contract_under_an_alias_carries_the_call() -> None:
    record_people(range(1))
    frame = pl.DataFrame({"client": [CLIENT], "alias": ["Alpha"]})
    load_frames({"clients": frame}, source="tests", by="tests")
    day = read_clock().date() - timedelta(days=400)
    contract = Contract("K", "ALPHA", "P0", day, None, read_clock(), frozenset({"électricité"}))
    load_facts([contract], source="tests", by="tests")
    now = read_clock()
    known = read_facts(CLIENT, phone(0), now, campaign=CAMPAIGN)
    call = Call(CLIENT, phone(0), now, "electricity", SAMPLE_CAMPAIGN_CALLER, CAMPAIGN, sector="energy-supply")
    assert judge_call(call, known.facts(), open_rules(), now).basis == "contract:K"


def test_a_campaign_is_found_however_a_table_spells_it() -> None:
    record_people(range(1))
    head, now = "campaign,day,abandoned,handled,known_at", read_clock().isoformat()
    text = f"{head}\nSPRING,2026-11-24,9,60,{now}\n"
    load_frames(read_tables({"abandoned.csv": text.encode()}), source="tests", by="tests")
    assert models.AbandonedRow.objects.get().campaign == CAMPAIGN
