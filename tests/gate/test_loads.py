"""What a load writes: rows and corrections, persons named, attempts of other providers, proofs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner, Result
from django.utils import timezone

from releve.cli import main
from releve.ledger import verify
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import SignedRoot, sign_root
from releve.live.clock import read_clock
from releve.plugins.outbound.engine.fact_tables import read_tables
from releve.plugins.outbound.engine.facts import Abandoned, Attempt, Contract, Person, Watermark, Withdrawal
from releve.plugins.outbound.engine.facts import Withdrawal as Taken
from releve.plugins.outbound.engine.judged_call import fill_provider, is_own_provider
from releve.plugins.outbound.gate import models, proofs
from releve.plugins.outbound.gate.campaigns import load_campaigns, record_campaign
from releve.plugins.outbound.gate.errors import LoadRefused
from releve.plugins.outbound.gate.fact_import import ImportResult, find_load_faults, load_facts, load_frames
from releve.plugins.outbound.gate.fact_reader import read_facts
from releve.plugins.outbound.gate.proofs import FactProver, seal_facts, serialize_fact
from releve.plugins.outbound.gate.pseudonyms import register_aliases, resolve_client
from tests.gate.sample_campaign import CLIENT, build_consent, campaign_terms, phone, record_people

pytestmark = [pytest.mark.django_db, pytest.mark.database]

AT = datetime.fromisoformat("2026-09-15T11:00:00+02:00")
DAY = AT.date()
CORRECTED: list[tuple[Any, dict[str, Any]]] = [
    (Person("P1", phone(1), AT), {"kind": "business"}),
    (build_consent(1, AT), {"wording": "another"}),
    (build_consent(1, AT), {"objects": frozenset({"gas"})}),
    (Contract("K1", CLIENT, "P1", DAY, None, AT), {"last": DAY}),
    (Attempt("A1", CLIENT, "P1", AT, AT, provider="us"), {"outcome": "busy"}),
    (Abandoned("spring", DAY, 4, 96, AT), {"handled": 97}),
]
OTHERS: list[tuple[Any, dict[str, Any]]] = [
    (Person("P1", phone(1), AT), {"number": phone(2)}),
    (Person("P1", phone(1), AT), {"person": "P2"}),
    (build_consent(1, AT), {"person": "P2"}),
    (build_consent(1, AT), {"client": "CLIENT-B"}),
    (Attempt("A1", CLIENT, "P1", AT, AT, provider="us"), {"provider": "them"}),
    (Abandoned("spring", DAY, 4, 96, AT), {"day": date(2026, 9, 16)}),
    (Withdrawal(CLIENT, "P1", AT, AT), {"channel": "letter"}),
    (Withdrawal(CLIENT, "P1", AT, AT), {"consent": "one that nothing knows"}),
]


def write(fact: Any) -> tuple[int, int]:
    """The rows written and the rows that were there, of one fact."""
    found = load_facts([fact], source="tests", by="tests")
    return sum(found.written.values()), sum(found.there.values())


@pytest.mark.parametrize(("fact", "change"), CORRECTED)
def test_a_correction_counts_also_where_it_is_corrected_back(fact: Any, change: dict[str, Any]) -> None:
    for one in (fact, dataclasses.replace(fact, **change), fact):
        loads = models.Load.objects.count()
        assert write(one) == (1, 0)
        assert write(one) == (0, 1)
        assert models.Load.objects.count() == loads + 1, "a load without a row leaves nothing"


@pytest.mark.parametrize(("fact", "change"), OTHERS)
def test_facts_about_others_correct_none(fact: Any, change: dict[str, Any]) -> None:
    other = dataclasses.replace(fact, **change)
    assert (write(fact), write(other)) == ((1, 0), (1, 0))
    assert (write(fact), write(other)) == ((0, 1), (0, 1))
    both = load_facts([fact, other, fact], source="tests", by="tests")
    assert (sum(both.written.values()), sum(both.there.values())) == (0, 3)


def test_a_repetition_within_a_load_is_written_once() -> None:
    first, second = build_consent(1, AT), build_consent(1, AT, wording="another")
    found = load_facts([first, first, second, first], source="tests", by="tests")
    assert (found.written, found.there) == ({"consents": 3}, {"consents": 1})
    assert found.load.rows == 3
    assert (models.Load.objects.get().known_at is not None, models.Load.objects.get().digest) == (True, "")
    assert list(models.ConsentRow.objects.order_by("pk").values_list("wording", flat=True)) == ["", "another", ""]


def test_a_repetition_within_a_load_is_known_again_in_its_next_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("releve.plugins.outbound.gate.fact_import._CHUNK", 1)
    first, second = build_consent(1, AT), build_consent(1, AT, wording="another")
    assert write(first) == (1, 0)
    found = load_facts([second, second, first, first], source="tests", by="tests")
    assert (found.written, found.there) == ({"consents": 2}, {"consents": 2})


def test_a_history_read_later_corrects_nothing_that_was_known_after_it() -> None:
    def read(kind: str, days: int) -> int:
        """The rows written of a history in which P1 became known some days ago."""
        known = (read_clock() - timedelta(days=days)).isoformat()
        rows = f"person,number,kind,known_at\nP1,{phone(1)},{kind},{known}\n"
        frames = {"people": read_tables({"people.csv": rows.encode()})["people"]}
        return load_frames(frames, source="a", by="b", as_known=True).written["people"]

    assert (read("consumer", 7), read("business", 9), read("consumer", 7)) == (1, 1, 0)
    now = Person("P1", phone(1), read_clock(), "business")
    assert write(now) == (1, 0)
    assert read("consumer", 5) == 1
    assert write(now) == (0, 1)


def test_a_load_that_was_killed_after_its_last_row_is_closed_by_the_same_again() -> None:
    data = b"person,number\nP1," + phone(1).encode() + b"\n"
    frames = {"people": read_tables({"people.csv": data})["people"]}

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_frames(frames, source="a", by="b", digest="d", progress=killed)
    found = load_frames(frames, source="a", by="b", digest="d")
    assert (found.written, found.there) == ({"people": 0}, {"people": 1})
    closed = models.Load.objects.get(pk=found.load.pk)
    assert (closed.known_at is not None, closed.rows) == (True, 1)


def test_a_load_left_open_corrects_nothing_until_it_is_closed() -> None:
    left, _ = (
        models.Load.objects.create(source="killed", by="tests", opened_at=read_clock(), digest="d") for _ in range(2)
    )
    write(build_consent(1, AT))
    models.ConsentRow.objects.update(load=left)
    assert write(build_consent(1, AT)) == (1, 0)
    frames = read_tables({"people.csv": b"person,number\nP1," + phone(1).encode() + b"\n"})
    found = load_frames({"people": frames["people"]}, source="a", by="b", digest="d")
    assert (found.load.pk, found.written) == (left.pk, {"people": 1})


def test_own_dates_count_where_they_are_asked_for() -> None:
    record_people([])
    then = read_clock() - timedelta(days=9)
    rows = f"feed,read_at\nconsents,{then.isoformat()}\n".encode()
    frames = read_tables({"feeds.csv": rows, "people.csv": b"person,number,known_at\nP1,"
                          + f"{phone(1)},{then.isoformat()}\n".encode()})  # fmt: skip
    seen: list[tuple[str, int, int]] = []
    given = {name: frames[name] for name in ("feeds", "people")}
    load_frames(given, source="a", by="b", as_known=True, progress=lambda *one: seen.append(one))
    assert seen == [("feeds", 1, 1), ("people", 1, 1)]
    load_frames(given, source="a", by="b", progress=lambda *one: seen.append(one))
    assert seen[2:] == seen[:2]
    assert models.WatermarkRow.objects.latest("pk").known_from == then
    load_frames({"people": frames["people"]}, source="a", by="b")
    assert load_facts([Watermark("attempts", then)], source="a", by="b").load.rows == 1
    assert models.WatermarkRow.objects.latest("pk").known_from is None


def test_every_client_has_no_name_of_its_own() -> None:
    write(Withdrawal("", "P1", AT, AT))
    assert not models.ClientName.objects.exists()


def test_a_client_without_another_name_does_not_stand_for_every_client() -> None:
    for _ in range(2):
        register_aliases([("CLIENT-B", ""), ("CLIENT-B", "Beta")])
    assert (resolve_client(""), resolve_client("beta")) == ("", "CLIENT-B")
    assert models.ClientName.objects.count() == 2


def test_a_campaign_is_a_load_of_one_row_and_its_last_terms_count() -> None:
    terms = campaign_terms()
    assert record_campaign("autumn", terms, by="ines")
    load = models.Load.objects.get(source="campaign autumn")
    assert (load.by, load.rows, load.known_at is not None) == ("ines", 1, True)
    assert not record_campaign("autumn", dataclasses.replace(terms, client="client_a"), by="x")
    assert record_campaign("autumn", dataclasses.replace(terms, site="RABAT"), by="x")
    assert record_campaign("autumn", terms, by="x")
    assert record_campaign("winter", terms, by="x")
    assert models.CampaignRow.objects.count() == 4
    assert {ref: row.site for ref, row in load_campaigns().items()} == {"autumn": "CASA", "winter": "CASA"}
    models.CampaignRow.objects.filter(ref="winter").update(load=models.Load.objects.create(
        source="open", by="x", opened_at=read_clock()))  # fmt: skip
    assert set(load_campaigns()) == {"autumn"}


@pytest.mark.parametrize(
    ("ref", "client", "said"),
    [
        ("", CLIENT, "^a campaign needs a name, a client, an object and its sector$"),
        ("spring", "", "a campaign needs a name"),
        ("-spring", CLIENT, "does not begin with a letter or a digit"),
        ("autumn", "CLIENT-B", "autumn is a campaign of another client"),
        ("c" * 129, CLIENT, "^the campaign's name is longer than 128 characters; shorten it$"),
        ("winter", "c" * 129, "^the campaign's client is longer than 128 characters; shorten it$"),
    ],
)
def test_a_campaign_that_is_refused_leaves_no_load(ref: str, client: str, said: str) -> None:
    record_campaign("autumn", campaign_terms(), by="tests")
    with pytest.raises(LoadRefused, match=said):
        record_campaign(ref, campaign_terms(client), by="tests")
    assert (models.Load.objects.count(), set(load_campaigns())) == (1, {"autumn"})
    assert record_campaign("2027", campaign_terms(), by="tests")
    assert record_campaign("c" * 128, campaign_terms("k" * 128), by="tests")


def test_a_campaign_in_another_spelling_is_refused_and_a_fact_of_it_counts_for_it() -> None:
    frames = read_tables(
        {
            "abandoned.csv": b"campaign,day,abandoned,handled,known_at\n"
            b"Printemps \xc3\x89t\xc3\xa9,2026-09-14,4,96,2026-09-15T11:00:00+02:00\n"
            b"PRINTEMPS-ETE,2026-09-15,5,95,2026-09-15T11:00:00+02:00\n"
        }
    )
    load_frames({"abandoned": frames["abandoned"]}, source="tests", by="tests")
    kept = models.AbandonedRow.objects.values_list("campaign", flat=True)
    assert list(kept.distinct()) == ["Printemps Été"]
    with pytest.raises(LoadRefused, match="printemps été is written Printemps Été where"):
        record_campaign("printemps été", campaign_terms(), by="tests")
    assert record_campaign("Printemps Été", campaign_terms(), by="tests")
    with pytest.raises(LoadRefused, match="PRINTEMPS_ÉTÉ is written Printemps Été where"):
        record_campaign("PRINTEMPS_ÉTÉ", campaign_terms(), by="tests")
    assert list(load_campaigns()) == ["Printemps Été"]


FACT_PERSONS_AT = "2026-09-15T11:00:00+02:00"
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
    assert load(table, "client,person,at", f"{CLIENT},{text},{FACT_PERSONS_AT}").written == {table: 1}
    known = read_facts(CLIENT, phone(0), read_clock()).facts()
    (holder,) = known.find_persons(phone(0), read_clock())
    found = known.select_known(CLIENT, holder.person, phone(0), "", read_clock())
    assert len(getattr(found, table)) == 1
    assert load(table, "client,person,at", f"{CLIENT},{text},{FACT_PERSONS_AT}").there == {table: 1}


def test_a_number_that_is_the_id_of_a_person_stands_for_that_person() -> None:
    record_people(range(1))
    load_facts([Person(NATIONAL, phone(7), read_clock())], source="tests", by="tests")
    load("withdrawals", "client,person,at", f"{CLIENT},{NATIONAL},{FACT_PERSONS_AT}")
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
    loads = models.Load.objects.count()
    own = ("id,", "A1,") if table == "attempts" else ("", "")
    with pytest.raises(LoadRefused, match=re.escape(f"{table} row 2, person '{person}': {said}")):
        load(table, f"{own[0]}client,person,at", f"{own[1]}{CLIENT},{person},{FACT_PERSONS_AT}")
    assert models.Load.objects.count() == loads


def test_every_row_about_an_unknown_person_is_named() -> None:
    rows = [f"{CLIENT},P00,{FACT_PERSONS_AT}"] * 60
    with pytest.raises(LoadRefused) as caught:
        load("withdrawals", "client,person,at", *rows)
    assert [fault.row for fault in caught.value.faults] == list(range(2, 62))
    assert str(caught.value).split("\n")[-1] == "... and 10 more"


def test_a_person_of_the_same_load_is_known_and_resembles_a_slip() -> None:
    people = f"person,number\nMme Dupont,{phone(3)}\n"
    head = "client,person,at"
    with pytest.raises(LoadRefused, match=r"'Mme Dupond'.*write 'Mme Dupont'"):
        load("refusals", head, f"{CLIENT},Mme Dupond,{FACT_PERSONS_AT}", people=people)
    assert load("refusals", head, f"{CLIENT},Mme Dupont,{FACT_PERSONS_AT}", people=people).written["people"] == 1


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (f"{CLIENT},P1,{FACT_PERSONS_AT},C0", "person 'P1': the consent C0 was given by another person; write 'P0'"),
        (f"{CLIENT},{phone(1)},{FACT_PERSONS_AT},C0", "the consent C0 was given by another person"),
        (f"Beta,P0,{FACT_PERSONS_AT},C0", "client 'Beta': the consent C0 was given to another client; write "),
        (f"{CLIENT},P0,{FACT_PERSONS_AT},C00", "consent 'C00': no consent has this id"),
    ],
)
def test_a_withdrawal_of_a_consent_of_another_refuses_the_load(cells: str, said: str) -> None:
    record_people(range(2))
    with pytest.raises(LoadRefused, match=said):
        load("withdrawals", "client,person,at,consent", cells)


def test_a_giver_whose_id_was_erased_is_not_named() -> None:
    record_people(range(2))
    models.PseudonymValue.objects.filter(value="P0").delete()
    with pytest.raises(LoadRefused) as caught:
        load("withdrawals", "client,person,at,consent", f"{CLIENT},P1,{FACT_PERSONS_AT},C0")
    assert str(caught.value) == (
        "withdrawals row 2, person 'P1': the consent C0 was given by another person; "
        "write the id of the person who gave it"
    )


@pytest.mark.parametrize("who", ["P0", NATIONAL])
@pytest.mark.parametrize("client", ["client a", ""])
def test_a_withdrawal_of_a_consent_by_its_giver_is_taken(client: str, who: str) -> None:
    record_people(range(2))
    head = "client,person,at,consent"
    assert load("withdrawals", head, f"{client},{who},{FACT_PERSONS_AT},C0").written == {"withdrawals": 1}


def test_a_number_stands_for_its_holder_in_the_same_load_and_for_no_one_else() -> None:
    people = f"person,number\nP3,{phone(3)}\nP4,{phone(4)}\n"
    consents = f"id,client,person,collected_at,objects\nC3,{CLIENT},P3,{FACT_PERSONS_AT},electricity\n"
    head = "client,person,at,consent"

    def withdraw(number: str) -> ImportResult:
        row = f"{CLIENT},{number},{FACT_PERSONS_AT},C3"
        return load("withdrawals", head, row, people=people, consents=consents)

    with pytest.raises(LoadRefused, match="the consent C3 was given by another person"):
        withdraw(phone(4))
    assert withdraw(phone(3)).written == {"people": 2, "consents": 1, "withdrawals": 1}


@pytest.mark.parametrize(
    ("table", "head", "row"),
    [
        ("attempts", "id,client,person,at", f"K{{0}},{CLIENT},01990{{0:05d}},{FACT_PERSONS_AT}"),
        ("withdrawals", "client,person,at,consent", f"{CLIENT},01990{{0:05d}},{FACT_PERSONS_AT},C0"),
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


WHEN = (timezone.now() - timedelta(days=2)).replace(microsecond=0).isoformat()


def write_folder(path: Path, rows: str, head: str = "id;client;person;at") -> Path:
    path.mkdir()
    (path / "attempts.csv").write_text(f"{head}\n{rows}", encoding="utf-8")
    return path


def imported(folder: Path, *more: str) -> Result:
    command = ["outbound", "facts", "import", str(folder), "--by", "ines", *more]
    found = CliRunner().invoke(main, command)
    assert found.exit_code == 0, found.output
    return found


def counted() -> int:
    """Return how many attempts on the first person are known now."""
    known = read_facts(CLIENT, phone(0), read_clock()).facts()
    (holder,) = known.find_persons(phone(0), read_clock())
    return len(known.select_known(CLIENT, holder.person, phone(0), "", read_clock()).attempts)


def test_two_providers_with_one_id_in_one_second_count_both_and_a_table_twice_counts_once(tmp_path: Path) -> None:
    record_people(range(1))
    row = f"1;{CLIENT};P0;{WHEN}\n"
    first = write_folder(tmp_path / "a", row + f"2;{CLIENT};P0;{WHEN}\n")
    second = write_folder(tmp_path / "b", row)
    assert "attempts: 2 written" in imported(first).output
    assert "attempts: 1 written" in imported(second).output
    assert counted() == 3
    assert "attempts: 0 written, 2 there already" in imported(first).output
    turned = write_folder(tmp_path / "c", f"2;{CLIENT};P0;{WHEN}\n" + row)
    assert "attempts: 0 written, 2 there already" in imported(turned).output
    assert counted() == 3


def test_a_table_that_stands_for_its_provider_is_told_from_a_provider_by_name() -> None:
    rows = f"id;client;person;at;provider\n1;{CLIENT};P0;{WHEN};\n2;{CLIENT};P0;{WHEN};Voix Sud\n"
    frame = fill_provider(read_tables({"attempts.csv": rows.encode()})["attempts"])
    assert list(map(is_own_provider, frame["provider"])) == [True, False]


def test_a_provider_that_is_named_may_send_its_table_longer(tmp_path: Path) -> None:
    record_people(range(1))
    row = f"1;{CLIENT};P0;{WHEN}\n"
    imported(write_folder(tmp_path / "a", row), "--provider", "OTHER")
    longer = write_folder(tmp_path / "b", row + f"2;{CLIENT};P0;{WHEN}\n")
    assert "attempts: 1 written, 1 there already" in imported(longer, "--provider", "OTHER").output
    assert counted() == 2


def test_what_the_table_says_of_the_provider_goes_first() -> None:
    text = f"id;client;person;at;provider\n1;{CLIENT};P0;{WHEN};OWN\n2;{CLIENT};P0;{WHEN};\n"
    attempts = read_tables({"attempts.csv": text.encode()})["attempts"]
    assert fill_provider(attempts, "OTHER")["provider"].to_list() == ["OWN", "OTHER"]
    own, table = fill_provider(attempts)["provider"].to_list()
    assert (own, table.startswith("table:")) == ("OWN", True)
    assert isinstance(fill_provider(attempts.clear()), pl.DataFrame)


def holds(proof: dict[str, object]) -> bool:
    """Return whether a proof holds, by the verifier that stands alone."""
    verify.check_proof(proof["entry"], verify.Keys([verify.read_key(public_key())]), [])
    row = hashlib.sha256(b"releve gate row 1\n" + str(proof["text"]).encode()).hexdigest()
    root = proof["entry"]["entry"]["body"]["root"]
    return verify.is_included(row, proof["place"] + 1, proof["size"], proof["path"], root)


def withdrawn(person: int) -> None:
    now = read_clock()
    load_facts([Taken(CLIENT, f"P{person}", now, now)], source="tests", by="tests")


def sealed_now() -> SignedRoot:
    seal_facts(timezone.now())
    return sign_root(timezone.now())


def test_every_fact_is_proved_alone_and_once() -> None:
    record_people(range(7))
    withdrawn(0)
    root = sealed_now()
    assert seal_facts(timezone.now()) == 0
    prover = FactProver(root)
    for model in (models.ConsentRow, models.WithdrawalRow, models.MandateRow):
        for row in model.objects.all():
            proof = prover.proof(row)
            assert proof is not None
            assert holds(dict(proof))
            assert json.loads(proof["text"])["id"] == row.pk
    assert LedgerEntry.objects.filter(kind=proofs.FACTS_KIND, body__contains="gate_consent").count() == 1


def test_what_comes_later_comes_into_later_trees_also_within_one_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "MAX_BATCH_ROWS", 3)
    record_people(range(7))
    early = sealed_now()
    assert [b.rows for b in models.FactBatch.objects.filter(table="gate_consent")] == [3, 3, 1]
    load_facts([build_consent(8, read_clock() - timedelta(days=1))], source="tests", by="tests")
    later = models.ConsentRow.objects.order_by("pk").last()
    assert later is not None
    assert FactProver(early).proof(later) is None
    root = sealed_now()
    assert all(holds(dict(FactProver(root).proof(row) or {})) for row in models.ConsentRow.objects.all())
    assert FactProver(early).proof(later) is None


def test_a_load_that_is_not_closed_is_not_proved() -> None:
    record_people(range(1))
    load = models.Load.objects.create(source="killed", by="tests", opened_at=read_clock())
    first = models.ConsentRow.objects.get()
    first.pk, first.load = None, load
    first.save()
    assert seal_facts(timezone.now()) > 0
    assert [b.rows for b in models.FactBatch.objects.filter(table="gate_consent")] == [1]


def test_a_fact_that_was_changed_has_no_proof_and_one_that_was_erased_spoils_no_other() -> None:
    record_people(range(3))
    root = sealed_now()
    changed, gone, kept = models.ConsentRow.objects.order_by("pk")
    changed.wording = "other words"
    assert FactProver(root).proof(changed) is None
    gone.delete()
    proof = FactProver(root).proof(kept)
    assert proof is not None
    assert holds(dict(proof))


def test_the_text_of_a_fact_holds_pseudonyms_and_when_it_was_known() -> None:
    record_people(range(1))
    columns = json.loads(serialize_fact(models.ConsentRow.objects.get()))
    assert columns["ref"] == "C0"
    assert columns["recorded_at"] == columns["known_at"]
    assert "P0" not in columns["person"]
    assert {"digest", "erase_on"}.isdisjoint(columns)
