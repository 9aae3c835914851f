"""What the sample operator looks like: figures within the ranges of the field."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from math import cos, hypot, radians

import numpy as np
import pytest

from releve.network import Operator, is_holiday, parse_opening, sample_operator, zone
from releve.network.sample.contracts import count_agents_needed
from releve.network.sample.countries import CITIES
from releve.network.sample.places import count_peak_presence

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
