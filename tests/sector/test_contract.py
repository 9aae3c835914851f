"""Contracts of relief: who may do what when, and what a digest covers."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from releve.plugins.sector.engine import ContractStep, SectorError, apply_step, fold_steps, open_contract
from tests.sector.sector_case import CLERK, NOW, bring_to, make_terms, step

STATES = ("asked", "offered", "matched", "client agreed", "both signed", "started", "ended", "settled")


@pytest.mark.parametrize("state", STATES)
def test_the_usual_steps_lead_from_state_to_state(state: str) -> None:
    assert bring_to(state).state == state


@pytest.mark.parametrize(
    ("state", "kind", "by", "more", "words"),
    [
        ("asked", "match", CLERK, {}, "match follows offered"),
        ("matched", "sign", "rif", {}, "sign follows client agreed"),
        ("matched", "agree", "rif", {"reference": "x"}, "agree is for atlas, not rif"),
        ("offered", "match", "rif", {}, "match is for association"),
        ("matched", "agree", "atlas", {}, "name the client’s agreement"),
        ("ended", "settle", "atlas", {}, "settle needs the cents"),
        ("started", "recall", "rif", {"reason": "holiday"}, "loss or notice"),
        ("started", "recall", "rif", {"reason": "notice"}, "firm: only a loss"),
        ("started", "dance", "rif", {}, "dance is not one of"),
        ("asked", "offer", "rif", {"at": NOW - timedelta(days=1)}, "dated before ask"),
        ("asked", "offer", "rif", {"at": NOW.replace(tzinfo=None)}, "needs a time zone"),
    ],
)
def test_a_step_that_is_not_allowed_is_named_with_its_fix(
    state: str, kind: str, by: str, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(SectorError, match=words):
        step(bring_to(state), kind, by, **more)


def test_a_loss_recalls_a_firm_contract_at_once() -> None:
    for state in ("matched", "client agreed", "both signed", "started"):
        assert step(bring_to(state), "recall", "rif", reason="loss").state == "recalled"


def test_notice_counts_back_from_the_start() -> None:
    signed = bring_to("both signed", notice_hours=2)
    with pytest.raises(SectorError, match="notice is 2 h before the start"):
        step(signed, "recall", "rif", reason="notice")
    early = bring_to("both signed", notice_hours=1)
    assert step(early, "recall", "rif", reason="notice").state == "recalled"


def test_each_side_signs_once_and_both_make_it_signed() -> None:
    agreed = step(bring_to("client agreed"), "sign", "rif")
    assert agreed.state == "client agreed"
    with pytest.raises(SectorError, match="rif has signed already"):
        step(agreed, "sign", "rif")
    assert step(agreed, "sign", "atlas").state == "both signed"


def test_a_step_on_an_older_state_is_refused() -> None:
    asked, offered = bring_to("asked"), bring_to("offered")
    with pytest.raises(SectorError, match="take over the partner’s steps first"):
        apply_step(offered, ContractStep("match", CLERK, NOW, asked.digest))


AGREE: dict[str, Any] = {"reference": "lettre"}
LOSS = {"reason": "loss"}


@pytest.mark.parametrize(
    ("state", "asker", "giver", "holds"),
    [
        ("matched", [("agree", AGREE)], [("recall", LOSS)], "recalled"),
        ("matched", [("agree", AGREE), ("sign", {})], [("recall", LOSS)], "recalled"),
        ("matched", [("decline", {})], [("recall", LOSS)], "declined"),
        ("client agreed", [("sign", {})], [("sign", {})], "both signed"),
        ("client agreed", [("sign", {})], [("recall", LOSS)], "recalled"),
        ("client agreed", [("sign", {})], [("sign", {}), ("recall", LOSS)], "recalled"),
        ("started", [("end", {})], [("end", {})], "ended"),
        ("started", [("end", {})], [("recall", LOSS)], "recalled"),
        ("started", [("end", {}), ("settle", {"cents": 9})], [("end", {})], "settled"),
        ("started", [("end", {}), ("settle", {"cents": 9})], [("recall", LOSS)], "settled"),
    ],
)
def test_what_both_did_at_the_same_time_is_one_contract_in_any_order(
    state: str, asker: list[Any], giver: list[Any], holds: str
) -> None:
    """Clocks differ by an hour: what is judged is what each side knew."""
    base = ours = theirs = bring_to(state)
    for kind, more in asker:
        ours = step(ours, kind, "atlas", at=NOW + timedelta(hours=1), **more)
    for kind, more in giver:
        theirs = step(theirs, kind, "rif", **more)
    taken = [*ours.steps[len(base.steps) :], *theirs.steps[len(base.steps) :]]
    opened = open_contract(base.terms, CLERK)
    found = {fold_steps(opened, [*base.steps, *order]) for order in permutations(taken)}
    (joined,) = found
    assert joined.state == holds
    assert joined.steps == (*base.steps, *taken), "nothing is lost; the asker's come first"
    assert joined.signed == ours.signed | theirs.signed
    assert joined.digest not in {base.digest, ours.digest, theirs.digest}


def test_a_contract_goes_on_from_two_branches_and_no_branch_is_added_later() -> None:
    agreed = bring_to("client agreed")
    ours, theirs = step(agreed, "sign", "atlas"), step(agreed, "sign", "rif")
    joined = fold_steps(agreed, [ours.steps[-1], theirs.steps[-1]])
    started = step(joined, "start", "rif")
    opened = open_contract(agreed.terms, CLERK)
    assert fold_steps(opened, reversed(started.steps)) == started
    recalled = step(theirs, "recall", "rif", reason="loss")
    with pytest.raises(SectorError, match="take over the partner’s steps first"):
        fold_steps(opened, [*started.steps, recalled.steps[-1]])
    other = step(agreed, "sign", "rif", at=NOW + timedelta(hours=1))
    with pytest.raises(SectorError, match="one side takes one step"):
        fold_steps(opened, [*started.steps, other.steps[-1]])
    with pytest.raises(SectorError, match="take over the partner’s steps first"):
        fold_steps(opened, started.steps[1:])


def test_the_digest_covers_every_term_and_the_clerk() -> None:
    plain = open_contract(make_terms(), CLERK).digest
    others = [
        open_contract(make_terms(price_cents=901), CLERK).digest,
        open_contract(make_terms(agents=((18, 4), (19, 3))), CLERK).digest,
        open_contract(make_terms(), "another clerk").digest,
    ]
    assert len({plain, *others}) == 4


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"annex": ""}, "annex on data protection is missing"),
        ({"skill": "outbound:fr"}, "outbound_mandate"),
        ({"starts_at": NOW.replace(tzinfo=None)}, "starts_at needs a time zone"),
        ({"time_zone": "Mars/Base"}, "time_zone 'Mars/Base' is not known"),
        ({"sip_address": "somewhere"}, "sip_address 'somewhere' is not an IP address"),
        ({"quality_percent": 101}, "quality_percent must be from 0 to 100"),
    ],
)
def test_terms_without_what_the_law_asks_are_refused(other: dict[str, Any], words: str) -> None:
    with pytest.raises(SectorError, match=words):
        make_terms(**other)
