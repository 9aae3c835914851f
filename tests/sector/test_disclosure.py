"""Who sees what of a clearing, and that an auditor's second run gives the same one."""

from __future__ import annotations

import json

import pytest

from releve.plugins.sector.engine import (
    SectorError,
    clear,
    compute_clearing_digest,
    disclose_to_auditor,
    disclose_to_member,
    rerun,
)
from tests.sector.test_clearing import SEED, make_openings


def test_nothing_of_a_pair_reaches_a_third() -> None:
    matched = 0
    for seed in range(40):
        openings = make_openings(seed)
        cleared = clear(openings, SEED)
        givers = {one.offer: one.giver for one in openings.offers}
        askers = {one.request: one.asker for one in openings.requests}
        for member in ("g0", "g1", "g2", "g3"):
            shown = disclose_to_member(openings, cleared, member)
            text = json.dumps(shown)
            partners = {member}
            for one in cleared.matches:
                pair = {givers[one.offer], askers[one.request]}
                if member in pair:
                    partners |= pair
                    matched += 1
            for offer, giver in givers.items():
                if giver not in partners:
                    assert f'"{offer}"' not in text
                    assert f'"{giver}"' not in text
            for request, asker in askers.items():
                if asker not in partners:
                    assert f'"{request}"' not in text
            for one in shown["matches"]:
                assert member in (one["giver"], one["asker"])
    assert matched > 50


def test_a_reason_is_the_first_hurdle_that_no_pair_takes() -> None:
    reasons = set()
    for seed in range(40):
        openings = make_openings(seed)
        cleared = clear(openings, SEED)
        for member in ("g0", "g1", "g2", "g3"):
            shown = disclose_to_member(openings, cleared, member)
            for row in (*shown["offers"], *shown["requests"]):
                reasons.add(row["reason"])
                got = row["taken"] if "taken" in row else row["served"]
                total = row["offered"] if "offered" in row else row["asked"]
                assert (row["reason"] == "full") == (got == total)
                assert got == 0 or row["reason"] in ("full", "others")
    assert reasons == {"full", "price", "approval", "skill", "others"}


def test_an_auditor_runs_the_clearing_again_and_gets_its_digest() -> None:
    openings = make_openings(4)
    cleared = clear(openings, SEED)
    shown = disclose_to_auditor(openings, cleared, SEED)
    assert rerun(openings, SEED, shown["digest"]) == cleared
    assert len(shown["offers"]) == len(openings.offers)
    with pytest.raises(SectorError, match="ask the clerk for the openings"):
        rerun(openings, SEED, compute_clearing_digest(clear(make_openings(5), SEED)))
