"""The sample operator: the same to the byte for a seed, free of faults, within the ranges of the field."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from math import cos, hypot, radians

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from releve.network import Operator, find_faults, is_holiday, parse_opening, sample_operator, write_operator, zone
from releve.network.sample.contracts import count_agents_needed, count_default_programmes
from releve.network.sample.countries import CITIES
from releve.network.sample.places import Draws, count_peak_presence, split_by_weight

SHA = """
from hashlib import sha256
from releve.network import sample_operator, write_operator
files = write_operator(sample_operator(60, 2, 5, weeks_of_history=2))
print(sha256(b"".join(files[name] for name in sorted(files))).hexdigest())
"""


def small(seed: int = 1, **asked: object) -> Operator:
    return sample_operator(60, 2, seed, **{"weeks_of_history": 2, **asked})  # type: ignore[arg-type]


def test_a_seed_gives_the_same_bytes() -> None:
    assert write_operator(small(7)) == write_operator(small(7))


@pytest.mark.slow
def test_a_seed_gives_the_same_bytes_in_another_process() -> None:
    """Whatever order that process keeps its sets in."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", SHA], env={**os.environ, "PYTHONHASHSEED": number}, capture_output=True, check=True
        ).stdout
        for number in ("1", "2")
    }
    assert len(digests) == 1


def test_another_seed_gives_another_operator() -> None:
    first, second = small(1), small(2)
    assert first.programmes != second.programmes
    assert first.agents != second.agents
    assert first.history != second.history


@pytest.mark.parametrize(
    ("agents", "sites", "programmes"),
    [(50, 1, None), (50, 2, 5), (120, 6, 12), (600, 6, None), (600, 1, 1), (2000, 24, None)],
)
def test_the_sample_passes_every_check(agents: int, sites: int, programmes: int | None) -> None:
    operator = sample_operator(agents, sites, 3, programmes=programmes, weeks_of_history=3)
    back, faults = find_faults(write_operator(operator))
    assert faults == ()
    assert back == operator
    assert (len(operator.agents), len(operator.sites)) == (agents, sites)
    assert len(operator.programmes) == (programmes or count_default_programmes(agents))
    assert operator.row.synthetic


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6 if os.environ.get("RELEVE_ALL_DRAWS") else 3))
def test_no_seed_gives_a_faulty_operator(seed: int) -> None:
    start = (date(2026, 11, 30), date(2026, 10, 22), date(2027, 3, 24))[seed % 3]
    for agents, sites in ((50, 1), (100, 4), (600, 6), (1500, 3), *([(5000, 15)] if seed % 3 == 2 else [])):
        operator = sample_operator(agents, sites, seed, start=start, weeks_of_history=2)
        assert find_faults(write_operator(operator))[1] == ()


@pytest.mark.slow
def test_the_whole_sector_is_made_without_fault() -> None:
    operator = sample_operator(70_000, 200, 1, weeks_of_history=1)
    assert (len(operator.agents), len(operator.sites)) == (70_000, 200)
    assert 550 <= len(operator.programmes) <= 650
    assert {agent.home_site for agent in operator.agents} == {site.id for site in operator.sites}
    assert find_faults(write_operator(operator))[1] == ()


def test_the_number_of_programmes_follows_the_size() -> None:
    assert [count_default_programmes(n) for n in (50, 500, 600, 5_000, 70_000)] == [2, 8, 8, 60, 600]


@pytest.mark.parametrize(
    ("agents", "sites", "seed", "asked", "condition"),
    [
        (49, 1, 1, {}, "50 <= agents <= 70000 does not hold, got 49"),
        (70_001, 1, 1, {}, "50 <= agents <= 70000 does not hold"),
        (600, 0, 1, {}, "1 <= sites <= 200 does not hold, got 0"),
        (5000, 201, 1, {}, "1 <= sites <= 200 does not hold, got 201"),
        (60, 4, 1, {}, r"agents >= 20 \* sites does not hold, got 60 agents, 4 sites"),
        (600, 6, -1, {}, "seed >= 0 does not hold, got -1"),
        (600, 6, 1, {"programmes": 61}, "1 <= programmes <= agents // 10 does not hold, got 61"),
        (600, 6, 1, {"weeks_of_history": -1}, "0 <= weeks_of_history <= 520 does not hold"),
    ],
)
def test_bad_arguments_are_refused_with_the_condition(
    agents: int, sites: int, seed: int, asked: dict[str, int], condition: str
) -> None:
    with pytest.raises(ValueError, match=condition):
        sample_operator(agents, sites, seed, **asked)  # type: ignore[arg-type]


def test_more_history_changes_nothing_else() -> None:
    """Every subject has its own stream of random numbers."""
    short, long = small(weeks_of_history=1), small(weeks_of_history=5)
    assert short.agents == long.agents
    assert short.shifts == long.shifts
    assert short.seats == long.seats
    assert len(short.history) < len(long.history)


def test_without_weeks_there_is_no_history() -> None:
    assert small(weeks_of_history=0).history == ()


def test_roster_and_history_meet_at_the_day_asked_for() -> None:
    start = date(2026, 12, 3)
    operator = small(start=start)
    paris = zone("Europe/Paris")
    worked = {shift.start.astimezone(paris).date() for shift in operator.shifts}
    called = {row.start.astimezone(paris).date() for row in operator.history}
    assert min(worked) == start
    assert max(worked) <= start + timedelta(days=6)
    assert min(called) >= start - timedelta(days=14)
    assert max(called) == start - timedelta(days=1)


def test_a_change_of_the_clocks_keeps_local_hours() -> None:
    """Paris leaves summer time on 25 October 2026: 09:00 there is an hour later in UTC."""
    operator = small(start=date(2026, 10, 22))
    paris = zone("Europe/Paris")
    by_agent: dict[str, set[str]] = {}
    for shift in operator.shifts:
        by_agent.setdefault(shift.agent, set()).add(f"{shift.start.astimezone(paris):%H:%M}")
    assert all(len(hours) == 1 for hours in by_agent.values())
    assert len({shift.start.hour for shift in operator.shifts}) > 1


def test_nobody_is_rostered_on_a_holiday_of_the_programme() -> None:
    operator = sample_operator(300, 2, 1, start=date(2026, 12, 21), weeks_of_history=1)
    closed = {p.id for p in operator.programmes if p.holidays == "FR"}
    main = {agent.id: agent.skills[0] for agent in operator.agents}
    christmas = {main[s.agent] for s in operator.shifts if s.start.date() == date(2026, 12, 25)}
    assert closed
    assert not christmas & closed


def test_a_stream_is_named_by_all_its_keys() -> None:
    assert Draws(1, "a", 2).uniform() == Draws(1, "a", 2).uniform()
    named = [Draws(1, "a", 2), Draws(2, "a", 2), Draws(1, "b", 2), Draws(1, "a", 3), Draws(1, "a")]
    assert len({draws.uniform() for draws in named}) == len(named)


def test_the_first_numbers_of_a_stream_never_change() -> None:
    """PCG64 is fixed; a change here changes every sample."""
    drawn = Draws(1, "frozen").uniforms(3)
    assert np.round(drawn, 6).tolist() == [0.518005, 0.075137, 0.688964]


@pytest.mark.parametrize("mean", [0.0, 0.3, 4.0, 19.9, 20.0, 60.0, 400.0])
def test_counts_are_poisson(mean: float) -> None:
    drawn = Draws(1, "counts", str(mean)).counts(np.full(40_000, mean))
    assert drawn.mean() == pytest.approx(mean, rel=0.02, abs=0.001)
    assert drawn.var() == pytest.approx(mean, rel=0.05, abs=0.001)
    low, high = (mean * 0.8, mean * 1.2)
    below = poisson.cdf(np.floor(low), mean) if mean else 1.0
    assert (drawn <= np.floor(low)).mean() == pytest.approx(below, abs=0.01)
    assert (drawn <= np.floor(high)).mean() == pytest.approx(
        poisson.cdf(np.floor(high), mean) if mean else 1.0, abs=0.01
    )


@pytest.mark.parametrize("cv", [0.08, 0.2])
def test_factors_have_mean_one_and_their_cv(cv: float) -> None:
    drawn = Draws(1, "factors").factors(40_000, cv)
    assert drawn.mean() == pytest.approx(1, abs=0.005)
    assert drawn.std() == pytest.approx(cv, rel=0.03)
    assert (Draws(1, "factors").factors(3, 0.0) == 1).all()


def test_indices_are_drawn_by_weight() -> None:
    drawn = Draws(1, "indices").indices(20_000, [1.0, 0.0, 3.0])
    counts = np.bincount(drawn, minlength=3) / 20_000
    assert counts[1] == 0
    assert counts[2] == pytest.approx(0.75, abs=0.02)


def test_an_order_holds_each_number_once() -> None:
    assert sorted(Draws(1, "order").order(50).tolist()) == list(range(50))


def test_whole_numbers_reach_both_ends() -> None:
    draws = Draws(1, "whole")
    assert {draws.whole(2, 4) for _ in range(200)} == {2, 3, 4}


@given(st.integers(0, 500), st.lists(st.floats(0.01, 50), min_size=1, max_size=20), st.integers(0, 5))
def test_shares_sum_to_the_whole_and_keep_the_least(extra: int, weights: list[float], least: int) -> None:
    total = extra + least * len(weights)
    out = split_by_weight(total, weights, least)
    assert out.sum() == total
    assert out.min() >= least
    exact = least + extra * np.array(weights) / sum(weights)
    assert np.abs(out - exact).max() <= 1 + 1e-6


MONDAY = date(2026, 11, 30)


@pytest.fixture(scope="module")
def operator() -> Operator:
    return sample_operator(5_000, 15, 1)


def mean(values: object) -> float:
    return float(np.mean(list(values)))  # type: ignore[call-overload]


def test_sites_stand_in_real_cities_of_several_countries(operator: Operator) -> None:
    cities = {city.name: city for city in CITIES}
    for site in operator.sites:
        city = cities[site.city]
        north = site.lat - city.lat
        east = (site.lon - city.lon) * cos(radians(city.lat))
        assert hypot(north, east) * 111.2 <= 7.0
        assert site.destination == city.country
    assert len({site.destination for site in operator.sites}) == 5
    assert len({site.time_zone for site in operator.sites}) == 5
    assert 3 <= Counter(site.city for site in operator.sites)["Casablanca"] <= 4


def test_one_destination_holds_a_single_site(operator: Operator) -> None:
    for number in (4, 6, 15, 40):
        few = sample_operator(20 * number, number, 1, weeks_of_history=0)
        assert 1 in Counter(site.destination for site in few.sites).values()


def test_clients_have_one_to_four_programmes_of_heavy_tailed_size(operator: Operator) -> None:
    assert set(Counter(p.client for p in operator.programmes).values()) <= {1, 2, 3, 4}
    sizes = np.array(sorted(Counter(a.skills[0] for a in operator.agents).values()))
    assert sizes.min() >= 10
    assert sizes.max() >= 4 * np.median(sizes)


def test_kinds_and_contracts_have_their_shares(operator: Operator) -> None:
    rows = operator.programmes
    assert 0.10 <= mean(p.kind == "outbound" for p in rows) <= 0.14
    assert 0.06 <= mean(p.kind == "back_office" for p in rows) <= 0.10
    assert 0.14 <= mean(p.place == "site_only" for p in rows) <= 0.21
    assert 0.20 <= mean(bool(p.allowed_destinations) for p in rows) <= 0.30
    capped = {p.client: p.max_site_share for p in rows}
    assert 0.35 <= mean(cap < 1 for cap in capped.values()) <= 0.6
    assert all(cap == 1 or 0.5 <= cap <= 0.8 for cap in capped.values())


def test_the_figures_of_programmes_are_of_the_field(operator: Operator) -> None:
    for row in operator.programmes:
        assert 180 <= row.aht_s <= 600
        assert row.patience_s is None or 60 <= row.patience_s <= 300
        assert 0.5 <= row.penalty_per_missed_call <= 8
        assert 0.9 <= row.home_efficiency <= 1.0
        assert 0.08 <= row.shrinkage <= 0.15
    inbound = [p for p in operator.programmes if p.kind == "inbound"]
    assert any(p.patience_s is None for p in inbound)
    assert mean(p.patience_s is None for p in inbound) <= 0.2
    assert mean(p.holidays == "FR" for p in operator.programmes) >= 0.7


def test_one_or_two_clients_are_beyond_protection_and_small(operator: Operator) -> None:
    """Site-only work bound to the one site of a destination: the contract is the problem."""
    sites = Counter(site.destination for site in operator.sites)
    bound = {
        p.client
        for p in operator.programmes
        if p.place == "site_only" and len(p.allowed_destinations) == 1 and sites[p.allowed_destinations[0]] == 1
    }
    assert 1 <= len(bound) <= 2
    held = mean(operator.programme[a.skills[0]].client in bound for a in operator.agents)
    assert held <= 0.06


def test_contracts_hold_where_people_work(operator: Operator) -> None:
    for agent in operator.agents:
        destination = operator.site[agent.home_site].destination
        for skill in agent.skills:
            allowed = operator.programme[skill].allowed_destinations
            assert not allowed or destination in allowed


def test_caps_are_met_by_the_home_sites(operator: Operator) -> None:
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for agent in operator.agents:
        held[operator.programme[agent.skills[0]].client][agent.home_site] += 1
    for row in operator.programmes:
        heads = held[row.client]
        assert max(heads.values()) <= row.max_site_share * sum(heads.values())


def test_programmes_are_staffed_from_a_few_sites(operator: Operator) -> None:
    sites: dict[str, set[str]] = defaultdict(set)
    for agent in operator.agents:
        sites[agent.skills[0]].add(agent.home_site)
    counts = Counter(len(own) for own in sites.values())
    assert set(counts) <= set(range(1, 9))
    assert sum(counts[n] for n in (1, 2, 3, 4)) >= 0.9 * len(operator.programmes)


def test_two_agents_in_five_are_cross_trained(operator: Operator) -> None:
    assert 0.35 <= mean(len(a.skills) > 1 for a in operator.agents) <= 0.45
    assert max(len(a.skills) for a in operator.agents) == 3
    trained = [a for a in operator.agents if len(a.skills) > 1]
    client = {p.id: p.client for p in operator.programmes}
    same = mean(client[a.skills[0]] == client[a.skills[1]] for a in trained)
    assert 0.2 <= same <= 0.9


def test_home_readiness_follows_the_lines_of_the_country(operator: Operator) -> None:
    ready: dict[str, list[bool]] = defaultdict(list)
    for agent in operator.agents:
        ready[operator.site[agent.home_site].destination].append(agent.home_ready)
        assert agent.line_mbps >= 8 or not agent.home_ready
        assert (agent.line_type == "none") == (agent.carrier == "") == (agent.line_mbps == 0)
    for country in ("MA", "TN", "FR"):
        assert 0.55 <= mean(ready[country]) <= 0.68
    for country in ("MG", "SN"):
        assert 0.2 <= mean(ready[country]) <= 0.45
    assert 12 <= len({a.carrier for a in operator.agents} - {""}) <= 14


def test_most_agents_come_by_shuttle_and_their_stop_serves_their_site(operator: Operator) -> None:
    assert 0.6 <= mean(not a.own_transport for a in operator.agents) <= 0.78
    rides = {(row.stop, row.site): row.ride_minutes for row in operator.shuttles}
    assert all(10 <= ride <= 70 for ride in rides.values())
    for agent in operator.agents:
        assert agent.own_transport == (agent.stop == "")
        assert agent.own_transport or rides[agent.stop, agent.home_site] <= 60
    city_of = {row.stop: operator.site[row.site].city for row in operator.shuttles}
    assert all(5 <= n <= 10 for n in Counter(city_of.values()).values())


def test_floors_have_zones_of_air_and_seats_above_the_busiest_half_hour(operator: Operator) -> None:
    peak = count_peak_presence(operator.agents, operator.shifts)
    seats = Counter(operator.site_of_zone[seat.zone] for seat in operator.seats)
    assert all(1.05 <= seats[site] / peak[site] <= 1.26 for site in peak)
    assert all(1 <= n <= 4 for n in Counter(floor.site for floor in operator.floors).values())
    desks = Counter(seat.zone for seat in operator.seats)
    assert all(24 <= desks[row.id] <= 80 for row in operator.zones)
    assert all(2 <= row.air_changes_per_hour <= 5 for row in operator.zones)
    assert all(4.4 <= row.volume_m3 / 3 / desks[row.id] <= 12 for row in operator.zones)


def test_few_floor_layouts_are_reused(operator: Operator) -> None:
    floor_of = {row.id: row.floor for row in operator.zones}
    places: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for seat in operator.seats:
        places[floor_of[seat.zone]].append((seat.x_m, seat.y_m))
    assert len({tuple(own) for own in places.values()}) <= 15 < len(operator.floors)


def test_agents_work_five_days_in_shifts_of_their_programme(operator: Operator) -> None:
    shifts: dict[str, list[datetime]] = defaultdict(list)
    for shift in operator.shifts:
        hours = (shift.end - shift.start) / timedelta(hours=1)
        assert hours in (6.5, 8.5)
        assert operator.agent[shift.agent].contract_hours == 5 * (hours - 0.5)
        assert shift.start.minute in (0, 30)
        assert shift.start.tzinfo is not None
        shifts[shift.agent].append(shift.start)
    assert {len(own) for own in shifts.values()} == {5}
    assert len(shifts) == len(operator.agents)
    for agent in operator.agents:
        programme = operator.programme[agent.skills[0]]
        opening, local = parse_opening(programme.opening), zone(programme.time_zone)
        for start in shifts[agent.id]:
            at = start.astimezone(local)
            assert opening.is_open(at.weekday(), at.hour * 60 + at.minute)
    assert len({start.time() for own in shifts.values() for start in own}) <= 14


def test_groups_are_far_fewer_than_agents(operator: Operator) -> None:
    """Teams share skills and shifts, so that the planning problem stays small."""
    tuesday = {s.agent: s for s in operator.shifts if s.start.date() == MONDAY + timedelta(1)}
    groups = {
        (a.home_site, a.skills, a.home_ready and a.carrier, a.own_transport, tuesday[a.id].start)
        for a in operator.agents
        if a.id in tuesday
    }
    assert len(groups) <= 2300
    rostered = {(a.home_site, a.skills) for a in operator.agents}
    assert len(rostered) <= 400


def test_history_has_no_closed_half_hours_and_answers_at_most_the_offered(operator: Operator) -> None:
    closed = {p.id for p in operator.programmes if p.holidays == "FR"}
    days: dict[str, set[date]] = defaultdict(set)
    for row in operator.history:
        assert row.answered is None or row.answered <= row.offered
        assert row.offered == int(row.offered)
        days[row.programme].add(row.start.date())
    assert set(days) == {p.id for p in operator.programmes}
    assert is_holiday("FR", date(2026, 11, 11))
    assert not any(date(2026, 11, 11) in days[p] for p in closed)
    first = min(row.start for row in operator.history)
    assert datetime(2026, 9, 20, tzinfo=UTC) < first < datetime(2026, 9, 23, tzinfo=UTC)


def test_days_differ_by_more_than_chance(operator: Operator) -> None:
    """Over-dispersed: the days of one weekday vary by 5 to 35 % in most programmes."""
    totals: dict[tuple[str, date], float] = defaultdict(float)
    for row in operator.history:
        totals[row.programme, row.start.date()] += row.offered
    spread = []
    for programme in operator.programmes:
        own = [n for (p, day), n in totals.items() if p == programme.id and day.weekday() == 1]
        if np.mean(own) > 200:
            spread.append(np.std(own) / np.mean(own))
    assert len(spread) > 20
    assert 0.06 <= np.median(spread) <= 0.3


def test_the_roster_nearly_suffices_at_the_peak(operator: Operator) -> None:
    """Mean Monday calls by the square-root rule need 80 to 100 % of those at work at the peak."""
    starts = [datetime(2026, 11, 30, 6, tzinfo=UTC) + timedelta(minutes=30 * i) for i in range(32)]
    calls: dict[tuple[str, datetime], list[float]] = defaultdict(list)
    for row in operator.history:
        if row.start.weekday() == 0:
            clock = row.start.astimezone(zone("Europe/Paris")).time()
            calls[row.programme, datetime.combine(MONDAY, clock)].append(row.offered)
    need = np.zeros(len(starts))
    for i, start in enumerate(starts):
        local = start.astimezone(zone("Europe/Paris")).replace(tzinfo=None)
        for programme in operator.programmes:
            seen = np.array(calls[programme.id, local])
            if len(seen):
                load = np.array([np.median(seen) * programme.aht_s / 1800])
                need[i] += count_agents_needed(load, programme)[0]
    seconds = np.array([start.timestamp() for start in starts])
    present = np.zeros(len(starts))
    for shift in operator.shifts:
        present += (seconds >= shift.start.timestamp()) & (seconds < shift.end.timestamp())
    peak = int(need.argmax())
    assert 0.8 <= need[peak] / present[peak] <= 1.0
    assert 0.75 <= need.sum() / (present.sum() * 16 / 17) <= 1.0


def test_contingencies_name_two_sites_of_one_city(operator: Operator) -> None:
    power = operator.contingencies[0]
    assert len(power.sites) == 2
    assert len({operator.site[site].city for site in power.sites}) == 1
    assert 1 <= len(operator.contingencies) <= 2
    assert operator.authorisations == ()
    assert operator.measures == ()
