"""Persons and consents that an imported table names: bound as people write them, or refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from releve.live.clock import read_clock
from releve.plugins.outbound.engine import Person
from releve.plugins.outbound.engine.fact_tables import read_tables
from releve.plugins.outbound.gate.errors import LoadRefused
from releve.plugins.outbound.gate.fact_import import ImportResult, find_load_faults, load_facts, load_frames
from releve.plugins.outbound.gate.fact_reader import read_facts
from releve.plugins.outbound.gate.models import Load, PseudonymValue
from tests.gate.sample_campaign import CLIENT, phone, record_people

pytestmark = [pytest.mark.django_db, pytest.mark.database]
AT = "2026-09-15T11:00:00+02:00"
NATIONAL = "0" + phone(0)[3:]


def load(table: str, head: str, *rows: str, **more: str) -> ImportResult:
    """Load one table, and others given whole."""
    files = {f"{table}.csv": "\n".join((head, *rows)).encode()}
    files |= {f"{name}.csv": text.encode() for name, text in more.items()}
    frames = {name: frame for name, frame in read_tables(files).items() if frame.height}
    return load_frames(frames, source="tests", by="tests")


@pytest.mark.parametrize("table", ["withdrawals", "refusals"])
@pytest.mark.parametrize("text", [NATIONAL, f"{NATIONAL[:2]} {NATIONAL[2:]}", f"00{phone(0)[1:]}", phone(0)])
def test_a_number_binds_its_holder_in_every_spelling_of_people(table: str, text: str) -> None:
    record_people(range(1))
    assert load(table, "client,person,at", f"{CLIENT},{text},{AT}").written == {table: 1}
    known = read_facts(CLIENT, phone(0), read_clock()).facts()
    (holder,) = known.find_persons(phone(0), read_clock())
    found = known.select_known(CLIENT, holder.person, phone(0), "", read_clock())
    assert len(getattr(found, table)) == 1
    assert load(table, "client,person,at", f"{CLIENT},{text},{AT}").there == {table: 1}


def test_a_number_that_is_the_id_of_a_person_stands_for_that_person() -> None:
    record_people(range(1))
    load_facts([Person(NATIONAL, phone(7), read_clock())], source="tests", by="tests")
    load("withdrawals", "client,person,at", f"{CLIENT},{NATIONAL},{AT}")
    known = read_facts(CLIENT, phone(7), read_clock()).facts()
    (holder,) = known.find_persons(phone(7), read_clock())
    assert known.select_known(CLIENT, holder.person, phone(7), "", read_clock()).withdrawals


@pytest.mark.parametrize(
    ("table", "person", "said"),
    [
        ("withdrawals", "P00", "no row of people, consents or contracts knows this person"),
        ("refusals", "P00", "no row of people, consents or contracts knows this person"),
        ("attempts", "P00", "no row of people, consents or contracts knows this person"),
        ("attempts", NATIONAL, "a number in place of a person; write 'P0'"),
        ("withdrawals", phone(0)[1:], f"not a telephone number; write '{phone(0)}'"),
        ("refusals", NATIONAL[:-1], "not a telephone number"),
    ],
)
def test_a_person_whom_nothing_knows_refuses_the_load(table: str, person: str, said: str) -> None:
    record_people(range(1))
    loads = Load.objects.count()
    own = ("id,", "A1,") if table == "attempts" else ("", "")
    with pytest.raises(LoadRefused, match=re.escape(f"{table} row 2, person '{person}': {said}")):
        load(table, f"{own[0]}client,person,at", f"{own[1]}{CLIENT},{person},{AT}")
    assert Load.objects.count() == loads


def test_every_row_about_an_unknown_person_is_named() -> None:
    rows = [f"{CLIENT},P00,{AT}"] * 60
    with pytest.raises(LoadRefused) as caught:
        load("withdrawals", "client,person,at", *rows)
    assert [fault.row for fault in caught.value.faults] == list(range(2, 62))
    assert str(caught.value).split("\n")[-1] == "... and 10 more"


def test_a_person_of_the_same_load_is_known_and_resembles_a_slip() -> None:
    people = f"person,number\nMme Dupont,{phone(3)}\n"
    head = "client,person,at"
    with pytest.raises(LoadRefused, match=r"'Mme Dupond'.*write 'Mme Dupont'"):
        load("refusals", head, f"{CLIENT},Mme Dupond,{AT}", people=people)
    assert load("refusals", head, f"{CLIENT},Mme Dupont,{AT}", people=people).written["people"] == 1


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (f"{CLIENT},P1,{AT},C0", "person 'P1': the consent C0 was given by another person; write 'P0'"),
        (f"{CLIENT},{phone(1)},{AT},C0", "the consent C0 was given by another person"),
        (f"Beta,P0,{AT},C0", "client 'Beta': the consent C0 was given to another client; write "),
        (f"{CLIENT},P0,{AT},C00", "consent 'C00': no consent has this id"),
    ],
)
def test_a_withdrawal_of_a_consent_of_another_refuses_the_load(cells: str, said: str) -> None:
    record_people(range(2))
    with pytest.raises(LoadRefused, match=said):
        load("withdrawals", "client,person,at,consent", cells)


def test_a_giver_whose_id_was_erased_is_not_named() -> None:
    record_people(range(2))
    PseudonymValue.objects.filter(value="P0").delete()
    with pytest.raises(LoadRefused) as caught:
        load("withdrawals", "client,person,at,consent", f"{CLIENT},P1,{AT},C0")
    assert str(caught.value) == (
        "withdrawals row 2, person 'P1': the consent C0 was given by another person; "
        "write the id of the person who gave it"
    )


@pytest.mark.parametrize("who", ["P0", NATIONAL])
@pytest.mark.parametrize("client", ["client a", ""])
def test_a_withdrawal_of_a_consent_by_its_giver_is_taken(client: str, who: str) -> None:
    record_people(range(2))
    head = "client,person,at,consent"
    assert load("withdrawals", head, f"{client},{who},{AT},C0").written == {"withdrawals": 1}


def test_a_number_stands_for_its_holder_in_the_same_load_and_for_no_one_else() -> None:
    people = f"person,number\nP3,{phone(3)}\nP4,{phone(4)}\n"
    consents = f"id,client,person,collected_at,objects\nC3,{CLIENT},P3,{AT},electricity\n"
    head = "client,person,at,consent"

    def withdraw(number: str) -> ImportResult:
        row = f"{CLIENT},{number},{AT},C3"
        return load("withdrawals", head, row, people=people, consents=consents)

    with pytest.raises(LoadRefused, match="the consent C3 was given by another person"):
        withdraw(phone(4))
    assert withdraw(phone(3)).written == {"people": 2, "consents": 1, "withdrawals": 1}


@pytest.mark.parametrize(
    ("table", "head", "row"),
    [
        ("attempts", "id,client,person,at", f"K{{0}},{CLIENT},01990{{0:05d}},{AT}"),
        ("withdrawals", "client,person,at,consent", f"{CLIENT},01990{{0:05d}},{AT},C0"),
    ],
)
def test_a_column_that_is_wrong_as_a_whole_needs_no_query_for_each_row(
    table: str, head: str, row: str, django_assert_max_num_queries: Any
) -> None:
    record_people(range(1))
    rows = [row.format(n) for n in range(200)]
    files = {f"{table}.csv": "\n".join((head, *rows)).encode()}
    frames = {name: frame for name, frame in read_tables(files).items() if frame.height}
    with django_assert_max_num_queries(60):
        assert len(find_load_faults(frames)) == 200
