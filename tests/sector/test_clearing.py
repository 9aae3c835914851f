"""The clearing: sealed offers, random openings, recalls, and who sees what of it."""

from __future__ import annotations

import csv
import itertools
import json
import random
import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from releve.cli import main
from releve.plugins.sector.engine import matches
from releve.plugins.sector.engine.disclosure import (
    compute_clearing_digest,
    disclose_to_auditor,
    disclose_to_member,
    rerun,
)
from releve.plugins.sector.engine.gate_orders import OfferRefusal, SealedOffer, SectorGate, open_offers, seal_offer
from releve.plugins.sector.engine.matches import (
    SHARES,
    Clearing,
    ReliefMatch,
    check_clearing,
    clear,
    count_alone,
    fill_progressively,
    recall,
    settle,
)
from releve.plugins.sector.engine.needs import Openings, SectorError, SectorOffer, SectorRequest, read_openings

SEED = b"day"


def make_openings(seed: int, hours: int = 3) -> Openings:
    """Random openings: four givers in two destinations, two skills, three requests."""
    rng = random.Random(seed)
    offers = tuple(
        SectorOffer(
            f"o{i}", f"g{rng.randrange(4)}", rng.choice("MT"), rng.choice("fe"),
            rng.choice((1, 1, 3)), rng.randrange(5, 15),
            tuple((h, rng.randrange(9)) for h in range(hours)),
        )
        for i in range(6)
    )  # fmt: skip
    requests = tuple(
        SectorRequest(
            f"r{i}", f"g{rng.randrange(4)}", rng.choice("fe"), rng.randrange(6, 20),
            tuple((h, rng.randrange(12)) for h in range(hours)),
        )
        for i in range(3)
    )  # fmt: skip
    approvals = frozenset(
        key for key in itertools.product(("r0", "r1", "r2"), ("g0", "g1", "g2", "g3"), "MT") if rng.random() < 0.6
    )
    return Openings(offers, requests, approvals)


def test_no_match_lacks_an_approval_a_price_a_skill_or_agents() -> None:
    matched = 0
    for seed in range(25):
        openings = make_openings(seed)
        offers = {one.offer: one for one in openings.offers}
        requests = {one.request: one for one in openings.requests}
        for one in clear(openings, SEED).matches:
            offer, request = offers[one.offer], requests[one.request]
            assert (one.request, offer.giver, offer.destination) in openings.approvals
            assert offer.skill == request.skill
            assert offer.price_cents <= request.ceiling_cents
            assert offer.giver != request.asker
            matched += 1
    assert matched > 25


def test_no_request_lacks_a_block_that_an_offer_for_it_has_left() -> None:
    """So a giver that has agents left learns the need of each request that it may serve."""
    left = 0
    for seed in range(25):
        openings = make_openings(seed)
        taken, got = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
        for one in clear(openings, SEED).matches:
            taken[one.offer, one.half_hour] += one.agents
            got[one.request, one.half_hour] += one.agents
        for offer, request in itertools.product(openings.offers, openings.requests):
            if not openings.allows(offer, request):
                continue
            need = dict(request.agents)
            for half_hour, agents in offer.agents:
                spare = agents - taken[offer.offer, half_hour]
                lacking = need[half_hour] - got[request.request, half_hour]
                assert min(spare, lacking) < offer.block
                left += spare >= offer.block
    assert left > 25


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    first = write_folder(tmp_path / "a", make_openings(4))
    second = write_folder(tmp_path / "b", make_openings(4), backwards=True)
    printed = [run("clear", folder) for folder in (first, second, first)]
    assert json.loads(printed[0])["matches"]
    assert printed[0] == printed[1] == printed[2]


def test_goals_come_in_their_order_as_brute_force_finds_them() -> None:
    for seed in range(12):
        openings = make_openings(seed, hours=1)
        small = Openings(
            tuple(
                SectorOffer(o.offer, o.giver, o.destination, "f", 1, o.price_cents, ((0, o.agents[0][1] % 4),))
                for o in openings.offers[:3]
            ),
            tuple(
                SectorRequest(r.request, "asker", "f", 20, ((0, 1 + r.agents[0][1] % 4),))
                for r in openings.requests[:2]
            ),
            openings.approvals,
        )
        cleared = clear(small, SEED)
        found = {(one.offer, one.request): one.agents for one in cleared.matches}
        assert rank(small, cleared, found) == min(enumerate_ranks(small, cleared))


def _offer(name: str, giver: str, agents: int, price: int = 10) -> SectorOffer:
    return SectorOffer(name, giver, "M", "f", 1, price, ((0, agents),))


def test_one_giver_serves_where_two_would_cost_the_same() -> None:
    offers = (_offer("o1", "g1", 3), _offer("o2", "g2", 4), _offer("o3", "g3", 3))
    request = SectorRequest("r1", "asker", "f", 20, ((0, 4),))
    approvals = frozenset(("r1", giver, "M") for giver in ("g1", "g2", "g3"))
    for seed in range(8):
        cleared = clear(Openings(offers, (request,), approvals), bytes([seed]))
        assert [one.offer for one in cleared.matches] == ["o2"]


def test_what_is_left_equal_is_decided_by_the_seed() -> None:
    offers = (_offer("o1", "g1", 4), _offer("o2", "g2", 4))
    request = SectorRequest("r1", "asker", "f", 20, ((0, 4),))
    approvals = frozenset(("r1", giver, "M") for giver in ("g1", "g2"))
    chosen = [clear(Openings(offers, (request,), approvals), bytes([seed])).matches[0].offer for seed in range(12)]
    assert set(chosen) == {"o1", "o2"}


def rank(openings: Openings, cleared: Clearing, taken: dict[tuple[str, str], int]) -> tuple[float, ...]:
    alone, offers = dict(cleared.alone), {one.offer: one for one in openings.offers}
    worst = max(
        (alone[r.request] - sum(n for (_, name), n in taken.items() if name == r.request)) / r.agents[0][1]
        for r in openings.requests
    )
    cost = sum(n * offers[name].price_cents for (name, _), n in taken.items())
    pairs = {(offers[name].giver, request) for (name, request), n in taken.items() if n}
    return (round(worst, 9), -sum(taken.values()), cost, len(pairs))


def enumerate_ranks(openings: Openings, cleared: Clearing) -> list[tuple[float, ...]]:
    pairs = [(o, r) for o in openings.offers for r in openings.requests if openings.allows(o, r)]
    found = []
    for counts in itertools.product(*(range(o.agents[0][1] + 1) for o, _ in pairs)):
        taken = {(o.offer, r.request): n for (o, r), n in zip(pairs, counts, strict=True)}
        fits = all(
            sum(n for (name, _), n in taken.items() if name == o.offer) <= o.agents[0][1] for o in openings.offers
        ) and all(
            sum(n for (_, name), n in taken.items() if name == r.request) <= r.agents[0][1] for r in openings.requests
        )
        if fits:
            found.append(rank(openings, cleared, taken))
    return found


@pytest.mark.parametrize("name", ["MOST_BRANCHES", "MOST_EXACT_COLUMNS"])
def test_a_search_that_is_cut_short_leaves_only_partners_and_ties_open(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Regret, volume and cost are as of the whole search, and the same openings give the same."""
    cases = [make_openings(seed, hours=4) for seed in range(12)]
    whole = [clear(openings, SEED) for openings in cases]
    monkeypatch.setattr(matches, name, 0)
    for openings, best in zip(cases, whole, strict=True):
        found = clear(openings, SEED)
        check_clearing(openings, found.matches)
        assert measure(openings, found) == measure(openings, best)
        assert count_pairs(openings, found) >= count_pairs(openings, best)
        turned = Openings(openings.offers[::-1], openings.requests[::-1], openings.approvals)
        assert clear(turned, SEED).matches == found.matches


def make_large(offers: int, requests: int, hours: int, block: int) -> Openings:
    """Openings in which each offer may serve each request, in blocks that seldom fit."""
    rng = random.Random(offers)
    return Openings(
        tuple(
            SectorOffer(f"o{i:03}", "giver", "M", "f", rng.randint(1, block), rng.randint(5, 15),
                        tuple((h, rng.randint(1, 30)) for h in range(hours)))
            for i in range(offers)
        ),
        tuple(
            SectorRequest(f"r{i:03}", "asker", "f", 20,
                          tuple((h, rng.randint(1, 30)) for h in range(hours)))
            for i in range(requests)
        ),
        frozenset((f"r{i:03}", "giver", "M") for i in range(requests)),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("openings", "seconds"),
    [(make_large(200, 200, 4, 1), 30), (make_large(60, 60, 4, 6), 15)],
    ids=["one by one", "in blocks"],
)
def test_openings_that_take_too_much_work_are_shared_out_and_the_clearing_says_so(
    openings: Openings, seconds: float
) -> None:
    """200 offers and 200 requests took 94 s; 40 and 40 in blocks had not ended after 200 s."""
    began = time.process_time()
    cleared = clear(openings, SEED)
    assert time.process_time() - began < seconds
    assert cleared.rule == SHARES
    check_clearing(openings, cleared.matches)
    turned = Openings(openings.offers[::-1], openings.requests[::-1], openings.approvals)
    assert clear(turned, SEED) == cleared
    assert rerun(openings, SEED, compute_clearing_digest(cleared)) == cleared


def test_a_search_of_the_goals_that_ends_at_its_limit_is_shared_out_too(monkeypatch: pytest.MonkeyPatch) -> None:
    openings = make_large(10, 10, 2, 6)
    monkeypatch.setattr(matches, "MOST_GOAL_BRANCHES", 1)
    assert clear(openings, SEED).rule == SHARES


@pytest.mark.parametrize("looks", [1, 10**9])
def test_shares_keep_every_law_and_leave_no_block_that_would_fit(monkeypatch: pytest.MonkeyPatch, looks: int) -> None:
    monkeypatch.setattr(matches, "MOST_STEPS", looks)
    filled, regrets = 0, []
    for seed in range(40):
        openings = make_openings(seed)
        found = fill_progressively(openings, SEED)
        found_matches = [ReliefMatch(*key, agents) for key, agents in found.items()]
        check_clearing(openings, found_matches)
        left = {(one.offer, at): n for one in openings.offers for at, n in one.agents}
        need = {(one.request, at): n for one in openings.requests for at, n in one.agents}
        for (offer, request, at), agents in found.items():
            left[offer, at] -= agents
            need[request, at] -= agents
        for one, other in itertools.product(openings.offers, openings.requests):
            if openings.allows(one, other):
                assert not any(left[one.offer, at] >= one.block <= need[other.request, at] for at, _ in other.agents)
        best = clear(openings, SEED)
        got = {one.request: 0 for one in openings.requests}
        for (_, request, _), agents in found.items():
            got[request] += agents
        shared = replace(best, served=tuple(got.items()), matches=tuple(found_matches))
        if any(alone for _, alone in best.alone):
            regrets.append(measure(openings, shared)[0] - measure(openings, best)[0])
        filled += sum(found.values())
    assert filled > 400
    assert min(regrets) >= 0, "the goals have the least"


def test_requests_that_meet_at_one_offer_have_equal_shares() -> None:
    requests = tuple(SectorRequest(f"r{i}", "asker", "f", 20, ((0, 40),)) for i in range(4))
    approvals = frozenset((one.request, "g", "M") for one in requests)
    openings = Openings((_offer("o1", "g", 80),), requests, approvals)
    assert sorted(fill_progressively(openings, SEED).values()) == [20, 20, 20, 20]


def test_few_pairs_serve_where_one_giver_can_serve_a_request_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """One giver can serve each request whole, or many can serve a little of each."""
    offers = tuple(SectorOffer(f"o{i}", f"g{i}", "M", "f", 1, 10, tuple((h, 6) for h in range(8))) for i in range(6))
    requests = tuple(SectorRequest(f"r{i}", f"asker{i}", "f", 20, tuple((h, 6) for h in range(8))) for i in range(5))
    names = itertools.product((f"r{i}" for i in range(5)), (f"g{i}" for i in range(6)), "M")
    openings = Openings(offers, requests, frozenset(names))
    monkeypatch.setattr(matches, "MOST_EXACT_COLUMNS", 0)
    for seed in range(5):
        assert count_pairs(openings, clear(openings, bytes([seed]))) <= 10, "of 30; 5 are needed"


def count_own(openings: Openings, request: SectorRequest) -> int:
    return count_alone([one for one in openings.offers if openings.allows(one, request)], request)


def test_what_a_request_has_alone_is_what_the_programme_finds_in_whole_blocks() -> None:
    found = set()
    for seed in range(40):
        rng, openings = random.Random(seed), make_openings(seed, hours=4)
        offers = tuple(replace(one, block=rng.choice((1, 2, 3, 5))) for one in openings.offers)
        openings = replace(openings, offers=offers)
        for one in openings.requests:
            single = matches._Model(replace(openings, requests=(one,)))
            goal = {at: -block for at, block in single.served[one.request].items()}
            best = single.count_served(one.request, single.minimise(goal)) if goal else 0
            assert count_own(openings, one) == best
            found.add(best)
    assert len(found) > 10


def test_the_flow_of_agents_gives_the_regret_of_the_programme() -> None:
    regrets = set()
    for seed in range(30):
        openings = make_openings(seed, hours=4)
        openings = replace(openings, offers=tuple(replace(o, block=1) for o in openings.offers))
        model = matches._Model(openings)
        needs = {one.request: sum(n for _, n in one.agents) for one in openings.requests}
        alone = {one.request: count_own(openings, one) for one in openings.requests}
        if not model.columns:
            continue
        by_programme = model._find_worst_by_branches(needs, alone)
        found = model._find_worst_by_flow(needs, alone)
        assert found == by_programme
        regrets.add(found)
    assert len(regrets) > 3


def count_pairs(openings: Openings, cleared: Clearing) -> int:
    giver = {one.offer: one.giver for one in openings.offers}
    return len({(giver[one.offer], one.request) for one in cleared.matches})


def measure(openings: Openings, cleared: Clearing) -> tuple[float, int, int]:
    """Return the worst regret, the agent half hours served and their cost."""
    served, price = dict(cleared.served), {one.offer: one.price_cents for one in openings.offers}
    need = {one.request: sum(n for _, n in one.agents) for one in openings.requests}
    regret = max((alone - served[r]) / need[r] for r, alone in cleared.alone if alone)
    cost = sum(one.agents * price[one.offer] for one in cleared.matches)
    return regret, sum(served.values()), cost


def test_a_recall_frees_the_giver_and_moves_no_other_match() -> None:
    recalled = 0
    for seed in range(12):
        openings = make_openings(seed)
        before = clear(openings, SEED)
        givers = {one.offer: one.giver for one in openings.offers}
        for giver in sorted({givers[one.offer] for one in before.matches}):
            after = recall(openings, before, giver, 1, SEED)
            got = {(m.offer, m.request, m.half_hour): m.agents for m in after.matches}
            assert not any(givers[m.offer] == giver and m.half_hour >= 1 for m in after.matches)
            for m in before.matches:
                if givers[m.offer] != giver or m.half_hour < 1:
                    assert got[m.offer, m.request, m.half_hour] >= m.agents
            recalled += 1
    assert recalled > 5


def test_the_check_refuses_a_match_without_approval() -> None:
    openings = make_openings(4)
    matches = clear(openings, SEED).matches
    with pytest.raises(SectorError, match="may not serve"):
        check_clearing(Openings(openings.offers, openings.requests, frozenset()), matches)


def test_payments_are_the_delivered_agents_at_the_offers_price() -> None:
    openings = make_openings(4)
    matches = clear(openings, SEED).matches
    price = {one.offer: one.price_cents for one in openings.offers}
    payments = settle(openings, matches)
    assert sum(one.cents for one in payments) == sum(m.agents * price[m.offer] for m in matches)


def test_delivered_beyond_the_match_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", make_openings(4))
    match = json.loads(run("clear", folder))["matches"][0]
    row = {**match, "agents": match["agents"] + 1}
    write_table(folder / "delivered.csv", [row])
    printed = CliRunner().invoke(main, ["sector", "settle", str(folder), "--seed", "day"])
    assert printed.exit_code == 1
    assert "delivered.csv, row 2: agents must be at most" in printed.output
    write_table(folder / "delivered.csv", [match])
    assert json.loads(run("settle", folder))[0]["delivered"] == match["agents"]


def test_all_faults_of_the_rows_are_named() -> None:
    offer = {
        "offer": "o", "giver": "g", "destination": "M", "skill": "f", "block": "0",
        "price_cents": "9", "half_hour": "1", "agents": "x",
    }  # fmt: skip
    with pytest.raises(SectorError) as caught:
        read_openings([offer, {**offer, "block": "1"}], [], [{"request": "r", "operator": "g"}])
    for text in (
        "offers.csv, row 2: block must be a whole number from 1",
        "offers.csv, row 3: offer o has half hour 1 twice",
        "approvals.csv, row 2: destination is empty",
        "approvals.csv, row 2: request r is not in requests.csv",
    ):
        assert text in str(caught.value)


def run(command: str, folder: Path) -> str:
    result = CliRunner().invoke(main, ["sector", command, str(folder), "--seed", "day"])
    assert result.exit_code == 0, result.output
    return result.output


def write_folder(folder: Path, openings: Openings, *, backwards: bool = False) -> Path:
    folder.mkdir()
    offers = [
        {"offer": o.offer, "giver": o.giver, "destination": o.destination, "skill": o.skill,
         "block": o.block, "price_cents": o.price_cents, "half_hour": h, "agents": n}
        for o in openings.offers for h, n in o.agents
    ]  # fmt: skip
    requests = [
        {"request": r.request, "asker": r.asker, "skill": r.skill,
         "ceiling_cents": r.ceiling_cents, "half_hour": h, "agents": n}
        for r in openings.requests for h, n in r.agents
    ]  # fmt: skip
    names = ("request", "operator", "destination")
    approvals = [dict(zip(names, one, strict=True)) for one in sorted(openings.approvals)]
    for name, rows in (("offers", offers), ("requests", requests), ("approvals", approvals)):
        write_table(folder / f"{name}.csv", rows[::-1] if backwards else rows)
    return folder


def write_table(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


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


CLOSES = datetime(2026, 12, 1, 8, tzinfo=UTC)
GATE = SectorGate("2026-12-01", "association", CLOSES, "Europe/Paris")
NONCE = bytes(range(16))
OFFER = SectorOffer("o1", "rif", "TN", "inbound:fr:home", 1, 900, ((18, 4),))


def seal(offer: SectorOffer = OFFER, **other: object) -> SealedOffer:
    sealed = SealedOffer(
        GATE.id, offer.giver, offer.offer, seal_offer(GATE, offer, NONCE), CLOSES - timedelta(minutes=1)
    )
    return replace(sealed, **other)  # type: ignore[arg-type]


def test_an_offer_sealed_in_time_opens() -> None:
    found = open_offers(GATE, [seal()], {"o1": (OFFER, NONCE)})
    assert (found.offers, found.refused) == ((OFFER,), ())


@pytest.mark.parametrize(
    ("sealed", "opening", "code", "params"),
    [
        (seal(), (replace(OFFER, price_cents=800), NONCE), "changed", ()),
        (seal(), (OFFER, bytes(16)), "changed", ()),
        (seal(), (OFFER, b"short"), "changed", ()),
        (seal(), (replace(OFFER, giver="sous"), NONCE), "other", ("o1", "sous")),
        (seal(received_at=CLOSES), (OFFER, NONCE), "late", (CLOSES.isoformat(),) * 2),
        (seal(gate="yesterday"), (OFFER, NONCE), "gate", ("yesterday", GATE.id)),
    ],
)
def test_an_offer_that_does_not_open_is_named_and_the_others_stand(
    sealed: SealedOffer, opening: tuple[SectorOffer, bytes], code: str, params: tuple[str, ...]
) -> None:
    other = replace(OFFER, offer="o2", giver="sous")
    found = open_offers(GATE, [sealed, seal(other)], {"o1": opening, "o2": (other, NONCE)})
    assert found.offers == (other,)
    assert found.refused == (OfferRefusal("o1", OFFER.giver, code, params),)


def test_an_offer_never_opened_or_never_sealed_is_named() -> None:
    found = open_offers(GATE, [seal()], {"o9": (replace(OFFER, offer="o9"), NONCE)})
    assert found.offers == ()
    assert [(one.offer, one.code) for one in found.refused] == [("o1", "not_opened"), ("o9", "not_committed")]


def test_two_clerks_cannot_open_one_commitment() -> None:
    other = replace(GATE, clerk="another clerk")
    (refused,) = open_offers(other, [seal()], {"o1": (OFFER, NONCE)}).refused
    assert refused.code == "changed"


def test_of_two_commitments_to_one_offer_the_first_counts() -> None:
    cheaper = replace(OFFER, price_cents=1)
    later = seal(cheaper, received_at=CLOSES - timedelta(seconds=1))
    found = open_offers(GATE, [later, seal()], {"o1": (OFFER, NONCE)})
    assert found.offers == (OFFER,)
    assert [one.code for one in found.refused] == ["twice"]


def test_a_commitment_hides_the_offer_behind_its_nonce() -> None:
    assert seal_offer(GATE, OFFER, NONCE) != seal_offer(GATE, OFFER, bytes(16))
    with pytest.raises(ValueError, match="nonce must be 16 bytes"):
        seal_offer(GATE, OFFER, b"")
