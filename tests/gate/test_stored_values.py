"""What stands for numbers, persons and proofs, until when it is kept, and what a load may hold."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from django.apps import apps
from django.db.models import CharField

from releve.live.clock import read_clock
from releve.plugins.outbound.engine import Attempt, Withdrawal
from releve.plugins.outbound.engine.fact_tables import build_empty_frames
from releve.plugins.outbound.gate.attempt_outcomes import read_outcomes
from releve.plugins.outbound.gate.campaigns import (
    RegisterState,
    read_register_ages,
    read_register_minutes,
    read_register_state,
    record_campaign,
)
from releve.plugins.outbound.gate.db_clock import MAX_CLOCK_SKEW
from releve.plugins.outbound.gate.erasure import NewPersonalValue, read_value, store_values
from releve.plugins.outbound.gate.errors import LoadRefused
from releve.plugins.outbound.gate.fact_import import find_row_faults, load_facts
from releve.plugins.outbound.gate.models import (
    ConsentRow,
    Cursor,
    FeedFaultRow,
    Load,
    PseudonymValue,
    WatermarkRow,
    WithdrawalRow,
)
from releve.plugins.outbound.gate.pseudonyms import (
    commit_proof,
    is_subscriber,
    number_pseudonym,
    number_text,
    person_pseudonym,
)
from releve.plugins.outbound.gate.request_feeds import take_files
from tests.gate.sample_campaign import CLIENT, build_consent, campaign_terms, phone, record_people

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
    rows = PseudonymValue.objects.order_by("-what").values_list("value", "salt", "erase_on")
    assert list(rows) == [("P1", "", kept), ("+331", "salt", SOON)]
    assert (read_value("person", "p"), read_value("proof", "p")) == ("P1", None)


@pytest.mark.parametrize("form", ["{}", "sha256:{}"])
def test_a_hash_stands_for_itself_and_a_proof_behind_its_salt(form: str) -> None:
    digest = form.format("aB" * 32)
    assert commit_proof(digest) == (digest.lower(), "")
    assert commit_proof("") == ("", "")
    for text in (f"{digest}0", digest[:-1], f"{form.format('')}the recording"):
        name, salt = commit_proof(text)
        tagged = b"releve gate proof 1\n" + bytes.fromhex(salt) + text.encode()
        assert name == f"salted:{hashlib.sha256(tagged).hexdigest()}"
        assert (len(salt), name != commit_proof(text)[0]) == (64, True)


def test_a_number_has_one_pseudonym_and_no_other_text_has_it() -> None:
    forms = (phone(1), "0" + phone(1)[3:], "00" + phone(1)[1:], " +33 1.44-50(0)00 01 ")
    assert len({number_pseudonym(one) for one in forms}) == 1
    assert person_pseudonym(phone(1)) == number_pseudonym(phone(1))
    assert person_pseudonym("P1") != number_pseudonym("P1")
    assert person_pseudonym("") == ""
    assert len(person_pseudonym("P1")) == len(number_pseudonym("3631")) == 32
    assert number_text("36 31") == "3631"
    lengths = [n for n in range(20) if is_subscriber("+" + "1" * n)]
    assert lengths == list(range(7, 16))
    assert not is_subscriber("1" * 10)


def test_a_register_is_what_its_closed_loads_hold() -> None:
    record_people(range(3))
    given = read_clock() - timedelta(hours=3)
    load_facts([build_consent(9, given)], source="tests", by="tests")
    row = ConsentRow.objects.get(ref="C9")
    assert read_register_state("consents") == RegisterState("consents", 4, row.collected_at)
    row.pk, row.collected_at = None, read_clock()
    row.load = Load.objects.create(source="killed", by="tests", opened_at=read_clock())
    row.save()
    WatermarkRow.objects.create(load=row.load, feed="consents", read_at=read_clock(), digest="")
    assert read_register_state("consents") == RegisterState("consents", 4, given)
    assert read_register_state("callbacks") == RegisterState("callbacks", 0, None)
    read_at = WatermarkRow.objects.filter(feed="consents").earliest("pk").read_at
    later = read_at + timedelta(hours=5)
    ages = read_register_ages(later)
    assert (len(ages), ages["consents"]) == (4, timedelta(hours=5))
    WatermarkRow.objects.create(feed="consents", read_at=later, digest="")
    assert read_register_ages(later)["consents"] == timedelta(0)
    WatermarkRow.objects.filter(feed="refusals").delete()
    minutes = read_register_minutes(later + timedelta(seconds=61))
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
    assert WithdrawalRow.objects.get().channel == "x" * 64


def test_what_happened_within_the_skew_of_clocks_is_taken() -> None:
    for ahead in (MAX_CLOCK_SKEW / 2, timedelta(0)):
        at = read_clock() + ahead
        load_facts([Withdrawal(CLIENT, "P1", at, at)], source="tests", by="tests")
    assert WithdrawalRow.objects.count() == 2


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
    record_campaign("c" * 128, campaign_terms(), by="tests")
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
    filed = set(Load.objects.values_list("source", flat=True))
    assert {f"feed {name}"[:200], f"outcomes {name}"[:200]} <= filed
    assert set(Cursor.objects.values_list("file", flat=True)) == {name[:200]}
    assert set(FeedFaultRow.objects.values_list("file", flat=True)) == {name[:200]}
    for model in apps.get_app_config("gate").get_models():
        for field in model._meta.get_fields():
            if isinstance(field, CharField) and field.max_length:
                texts = model._default_manager.values_list(field.name, flat=True)
                long = [one for one in texts if one and len(one) > field.max_length]
                assert not long, f"{model.__name__}.{field.name}"
