"""Tallies: each seal lists what is new, hidden but for those that a pack shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from releve.ledger import seal
from releve.ledger.chain import Draft, append_all
from releve.ledger.export import export_lines
from releve.ledger.guards import NothingToSealError
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry, PersonalValue
from releve.ledger.roots import SignedRoot
from releve.ledger.seal import TALLIED_KINDS, seal_ledger, tally_quarter
from releve.ledger.verify import Export, Keys
from tests.ledger.sample_entries import at, draft_case, draft_closure

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def grow(*drafts: Draft, minute: int) -> SignedRoot:
    with transaction.atomic():
        append_all(drafts)
    return seal_ledger(at(minute))


def draft_relief(client: str, happened: str = "") -> Draft:
    body = {"client": client, **({"happened_at": happened} if happened else {})}
    return Draft("relief.covered", body, at(3))


def read_tally(seq: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the body of a tally, and the values that it commits to."""
    values = PersonalValue.objects.filter(entry=seq).values_list("path", "value")
    body = json.loads(LedgerEntry.objects.get(seq=seq).body)
    return body, {path: json.loads(value) for path, value in values}


def find_faults(*, values: bool = True) -> list[str]:
    export = Export(Keys([public_key()]), [])
    export.read(f"{line}\n".encode() for line in export_lines(values=values))
    return export.faults


def test_a_seal_lists_what_is_new_by_kind_time_client_and_site() -> None:
    early = "2026-11-22T08:20:00Z"
    root = grow(draft_closure(1), draft_case(2), draft_relief("rive", early),
                draft_relief("azur", early), draft_relief("rive", early), minute=9)  # fmt: skip
    assert root.size == 6, "the tally is the last entry under the root"
    body, values = read_tally(6)
    assert body["after"] == 0
    assert values["clients.0"] == "azur"
    assert values["sites.0"] == "casa-1"
    quarter = tally_quarter(at(1))
    assert values["counts.site/closed"] == [{"at": quarter, "client": None, "entries": [1], "site": 0}]
    assert values["counts.relief/covered"] == [
        {"at": "2026-11-22T08:15Z", "client": 0, "entries": [4], "site": None},
        {"at": "2026-11-22T08:15Z", "client": 1, "entries": [3, 5], "site": None},
    ]
    assert seal_ledger(at(10)) == root, "nothing was added: no tally of its own"
    second = grow(draft_closure(7), minute=20)
    body, values = read_tally(second.size)
    assert (body["after"], values["counts.site/closed"][0]["entries"]) == (6, [7])
    assert find_faults() == find_faults(values=False) == []


def test_a_tally_says_nothing_of_what_happened_to_who_sees_the_entry_alone() -> None:
    """The same names stand in each, all values are commitments, and persons are in none."""
    quiet = grow(Draft("pack.made", {}, at(1), stream="evidence"), minute=2).size
    loud = grow(draft_closure(1), draft_case(2), minute=9).size
    for seq in (quiet, loud):
        body, _values = read_tally(seq)
        assert set(body["counts"]) == {kind.replace(".", "/") for kind in TALLIED_KINDS}
        for commitments in (body["counts"], body["clients"], body["sites"]):
            assert all(set(one) == {"commitment"} for one in commitments.values())
    assert not {"case.declared", "agent.unavailable", "agent.back"} & set(TALLIED_KINDS)


def test_a_false_tally_is_found_in_the_whole_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    count = seal._count
    monkeypatch.setattr(seal, "_count", lambda rows: count(list(rows)[:-1]))
    size = grow(draft_closure(1), draft_closure(2), minute=9).size
    (fault,) = find_faults()
    assert f"entry {size}: the tally lists other entries of site.closed than there are" in fault
    assert find_faults(values=False) == [], "its lists are not shown there"


def test_a_tally_that_is_left_out_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    grow(draft_closure(1), minute=2)
    monkeypatch.setattr("releve.ledger.seal.TALLY_KIND", "ledger.other")
    grow(draft_closure(2), minute=4)
    monkeypatch.undo()
    monkeypatch.setattr(
        seal, "append_tally", lambda now: append_all([Draft("ledger.tallied", {**empty_body(), "after": 4}, now)])
    )
    monkeypatch.setattr("releve.ledger.seal.append_tally", seal.append_tally)
    grow(draft_closure(3), minute=6)
    assert any("does not begin after the tally at entry 2" in fault for fault in find_faults())


def empty_body() -> dict[str, Any]:
    return {"clients": {}, "counts": {}, "sites": {}}


def test_an_empty_ledger_has_neither_tally_nor_root() -> None:
    with pytest.raises(NothingToSealError):
        seal_ledger(datetime(2026, 11, 24, tzinfo=UTC))
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize("minutes", [0, 14, 15, 59])
def test_quarters_are_those_of_any_time_zone_of_today(minutes: int) -> None:
    moment = datetime(2026, 3, 29, 5, tzinfo=UTC) + timedelta(minutes=minutes)
    assert tally_quarter(moment) == f"2026-03-29T05:{minutes // 15 * 15:02d}Z"
