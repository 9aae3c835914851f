"""What a load writes: corrections count, repetitions do not, and campaigns are loads of one row."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from releve.live.clock import read_clock
from releve.plugins.outbound.engine import Abandoned, Attempt, Contract, Person, Watermark, Withdrawal
from releve.plugins.outbound.engine.fact_tables import read_tables
from releve.plugins.outbound.gate.campaigns import load_campaigns, record_campaign
from releve.plugins.outbound.gate.clients import register_aliases, resolve_client
from releve.plugins.outbound.gate.errors import LoadRefused
from releve.plugins.outbound.gate.fact_import import load_facts, load_frames
from releve.plugins.outbound.gate.models import AbandonedRow, CampaignRow, ClientName, ConsentRow, Load, WatermarkRow
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
        loads = Load.objects.count()
        assert write(one) == (1, 0)
        assert write(one) == (0, 1)
        assert Load.objects.count() == loads + 1, "a load without a row leaves nothing"


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
    assert (Load.objects.get().known_at is not None, Load.objects.get().digest) == (True, "")
    assert list(ConsentRow.objects.order_by("pk").values_list("wording", flat=True)) == ["", "another", ""]


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
    closed = Load.objects.get(pk=found.load.pk)
    assert (closed.known_at is not None, closed.rows) == (True, 1)


def test_a_load_left_open_corrects_nothing_until_it_is_closed() -> None:
    left, _ = (Load.objects.create(source="killed", by="tests", opened_at=read_clock(), digest="d") for _ in range(2))
    write(build_consent(1, AT))
    ConsentRow.objects.update(load=left)
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
    assert WatermarkRow.objects.latest("pk").known_from == then
    load_frames({"people": frames["people"]}, source="a", by="b")
    assert load_facts([Watermark("attempts", then)], source="a", by="b").load.rows == 1
    assert WatermarkRow.objects.latest("pk").known_from is None


def test_every_client_has_no_name_of_its_own() -> None:
    write(Withdrawal("", "P1", AT, AT))
    assert not ClientName.objects.exists()


def test_a_client_without_another_name_does_not_stand_for_every_client() -> None:
    for _ in range(2):
        register_aliases([("CLIENT-B", ""), ("CLIENT-B", "Beta")])
    assert (resolve_client(""), resolve_client("beta")) == ("", "CLIENT-B")
    assert ClientName.objects.count() == 2


def test_a_campaign_is_a_load_of_one_row_and_its_last_terms_count() -> None:
    terms = campaign_terms()
    assert record_campaign("autumn", terms, by="ines")
    load = Load.objects.get(source="campaign autumn")
    assert (load.by, load.rows, load.known_at is not None) == ("ines", 1, True)
    assert not record_campaign("autumn", dataclasses.replace(terms, client="client_a"), by="x")
    assert record_campaign("autumn", dataclasses.replace(terms, site="RABAT"), by="x")
    assert record_campaign("autumn", terms, by="x")
    assert record_campaign("winter", terms, by="x")
    assert CampaignRow.objects.count() == 4
    assert {ref: row.site for ref, row in load_campaigns().items()} == {"autumn": "CASA", "winter": "CASA"}
    CampaignRow.objects.filter(ref="winter").update(load=Load.objects.create(
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
    assert (Load.objects.count(), set(load_campaigns())) == (1, {"autumn"})
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
    kept = AbandonedRow.objects.values_list("campaign", flat=True)
    assert list(kept.distinct()) == ["Printemps Été"]
    with pytest.raises(LoadRefused, match="printemps été is written Printemps Été where"):
        record_campaign("printemps été", campaign_terms(), by="tests")
    assert record_campaign("Printemps Été", campaign_terms(), by="tests")
    with pytest.raises(LoadRefused, match="PRINTEMPS_ÉTÉ is written Printemps Été where"):
        record_campaign("PRINTEMPS_ÉTÉ", campaign_terms(), by="tests")
    assert list(load_campaigns()) == ["Printemps Été"]
