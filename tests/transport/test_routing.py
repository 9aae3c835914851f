"""The runs of a day: proved fewest, within the fleet; and ``releve transport``."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from math import ceil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from releve.cli import main
from releve.files.operator_folder import TransportFolderError, read_runs, write_operator_files
from releve.files.plan_folder import write_plans
from releve.network import Agent, Authorisation, Curfew, Stop, TravelTime, sample_operator, write_operator
from releve.network.sample import FIRST_DAY
from releve.plan import plan_day
from releve.plan.week import require_day
from releve.transport import (
    FROM_SITE,
    TO_SITE,
    Fleet,
    TransportSettings,
    Wave,
    build_fleet,
    check_runs,
    explain_left_behind,
    list_routes,
    route_riders,
)
from tests.transport.small_fleet import DAY, PLACES, at, build_town, build_town_fleet, list_day_riders, list_town_riders

LEGS = (TO_SITE, FROM_SITE)


def partition(stops: list[str]) -> list[list[list[str]]]:
    """Return every way to part stops into sets."""
    if not stops:
        return [[]]
    first, rest = stops[0], stops[1:]
    out = []
    for parts in partition(rest):
        out.append([[first], *parts])
        out += [[*parts[:i], [first, *parts[i]], *parts[i + 1 :]] for i in range(len(parts))]
    return out


def fits(fleet: Fleet, counts: dict[str, int], part: list[str], cap: int) -> bool:
    """Return whether some order of driving serves a set within the longest ride, the slow way."""
    if sum(counts[stop] for stop in part) > cap:
        return False
    room = fleet.settings.max_ride_minutes - fleet.settings.boarding_minutes
    return any(
        sum(max(1, abs(PLACES[a] - PLACES[b])) for a, b in zip(order, (*order[1:], "one"), strict=True)) <= room
        for order in permutations(part)
    )


@pytest.mark.parametrize("seed", range(12))
def test_one_wave_has_the_fewest_runs_of_all_partitions(seed: int) -> None:
    draw = random.Random(seed)
    counts = {stop: draw.randint(1, 4) for stop in ("near", "mid", "far")}
    fleet = build_town_fleet(build_town(9))
    riders = list_town_riders(counts)
    found = route_riders(fleet, riders)
    least = min(len(parts) for parts in partition(list(counts)) if all(fits(fleet, counts, part, 4) for part in parts))
    assert (len(found.runs), found.left_behind) == (least, ())
    assert found.trip_bound == ceil(sum(counts.values()) / 4) <= least
    assert check_runs(fleet, found.runs, riders) == ()


def test_a_vehicle_makes_several_runs_where_shifts_allow_it() -> None:
    fleet = build_town_fleet(build_town(3))
    riders = list_town_riders({"near": 4}) + tuple(
        replace(rider, agent=f"{rider.agent}-late") for rider in list_town_riders({"near": 4}, at(9, 30))
    )
    found = route_riders(fleet, riders)
    assert (len(found.runs), found.vehicles, found.left_behind) == (2, 1, ())
    assert check_runs(fleet, found.runs, riders) == ()


def test_a_fleet_that_is_too_small_leaves_riders_behind_and_says_who() -> None:
    fleet = build_town_fleet(build_town(1))
    riders = list_town_riders({"near": 4, "far": 3})
    found = route_riders(fleet, riders)
    assert [run.stops for run in found.runs] == [("near",)]
    assert {rider.stop for rider in found.left_behind} == {"far"}
    assert check_runs(fleet, found.runs, riders, found.left_behind) == ()


def test_a_stop_beyond_the_longest_ride_is_left_behind() -> None:
    fleet = build_town_fleet(build_town())
    riders = list_town_riders({"out": 1, "near": 1})
    assert {rider.stop for rider in route_riders(fleet, riders).left_behind} == {"out"}


def test_a_fill_cap_bounds_the_riders_of_a_vehicle() -> None:
    town = build_town(5)
    half = tuple(replace(one, fill_cap=0.5) for one in town.vehicles[1:])
    fleet = build_town_fleet(replace(town, vehicles=(town.vehicles[0], *half)))
    assert [(pool.cap, pool.seats) for pool in fleet.pools] == [(4, 4), (2, 4)]


def test_smaller_vehicles_take_what_the_larger_ones_leave() -> None:
    town = build_town(4)
    mixed = replace(town, vehicles=(town.vehicles[0], *(replace(v, seats=2) for v in town.vehicles[1:])))
    fleet = build_town_fleet(mixed)
    riders = list_town_riders({"near": 8})
    found = route_riders(fleet, riders)
    assert sorted(run.count for run in found.runs) == [2, 2, 4]
    assert found.left_behind == ()
    assert check_runs(fleet, found.runs, riders) == ()


def test_running_hours_permits_and_curfews_bind_runs() -> None:
    riders = list_town_riders({"near": 4})
    late = build_town_fleet(build_town(hours="Mon-Sun 08:00-20:00"))
    assert route_riders(late, riders).runs == ()
    town = build_town()
    days = (date(2026, 11, 1), date(2026, 12, 31))
    held = Authorisation("w1", "vehicle", "v1", *days)
    permitted = build_town_fleet(replace(town, authorisations=(held,)))
    assert {run.vehicle for run in route_riders(permitted, riders).runs} == {"v1"}
    night = replace(town, curfews=(Curfew("n", "one", "20:00", "8:30", *days),))
    assert route_riders(build_town_fleet(night), riders).runs == ()
    both = (held, *(Authorisation(f"r{n}", "agent", f"near-{n}", *days) for n in range(4)))
    assert len(route_riders(build_town_fleet(replace(night, authorisations=both)), riders).runs) == 1


def test_an_operator_without_vehicles_has_no_fleet_and_one_that_carries_nobody_no_pool() -> None:
    assert build_fleet(replace(build_town(), vehicles=()), DAY) is None
    town = build_town()
    small = tuple(replace(one, fill_cap=0.1) for one in town.vehicles)
    fleet = build_town_fleet(replace(town, vehicles=small))
    riders = list_town_riders({"near": 2})
    found = route_riders(fleet, riders)
    assert (fleet.pools, found.runs, len(found.left_behind)) == ((), (), 2)


def test_the_same_riders_in_any_order_give_the_same_runs() -> None:
    fleet = build_town_fleet(build_town(4))
    riders = list(list_day_riders({"near": 5, "mid": 2, "far": 3}))
    first = route_riders(fleet, riders)
    random.Random(3).shuffle(riders)
    assert route_riders(fleet, riders) == first
    assert check_runs(fleet, first.runs, riders, first.left_behind) == ()


def test_a_drive_that_is_not_given_is_taken_back_to_front_then_estimated_and_marked() -> None:
    town = build_town()
    town = replace(town, travel=(TravelTime("one", "near", 17.0, 3.0),))
    fleet = build_town_fleet(town)
    wave = Wave("one", TO_SITE, at(8))
    (given,) = list_routes(fleet, wave, {"near": 1}, 4)
    assert (given.minutes, given.km, given.estimated) == ((17.0,), 3.0, False)
    (guess,) = list_routes(fleet, wave, {"far": 1}, 4)
    assert guess.estimated


def test_every_fault_planted_into_runs_is_named() -> None:
    fleet = build_town_fleet(build_town(4))
    riders = list_day_riders({"near": 4, "mid": 3})
    found = route_riders(fleet, riders)
    assert (found.left_behind, check_runs(fleet, found.runs, riders)) == ((), ())
    found = replace(found, runs=found.runs[::-1])
    run = found.runs[0]
    minute = timedelta(minutes=1)
    faults = {
        "does not run": replace(run, vehicle="v9"),
        "may carry 4": replace(run, agents=(run.agents[0] * 2, *run.agents[1:])),
        "the drive takes": replace(run, at_site=run.at_site - 9 * minute),
        "from the shift": replace(
            run, at_site=run.at_site - 40 * minute, times=tuple(t - 40 * minute for t in run.times)
        ),
        "a ride of": replace(run, times=(run.times[0] - 60 * minute, *run.times[1:])),
        "states": replace(run, cap=run.cap + 1),
        "do not go together": replace(run, times=()),
        "does not serve": replace(run, wave=Wave("three", run.wave.leg, run.wave.at)),
    }
    town = replace(fleet.operator, sites=(*fleet.operator.sites, replace(fleet.operator.sites[0], id="three")))
    wide = replace(fleet, operator=town)
    for words, planted in faults.items():
        said = check_runs(wide, (planted, *found.runs[1:]), riders)
        assert any(words in sentence for sentence in said), (words, said)
    double = replace(found.runs[1], vehicle=run.vehicle)
    said = check_runs(fleet, (run, double, *found.runs[2:]), riders)
    assert any("cannot be at" in sentence for sentence in said)
    said = check_runs(fleet, found.runs[1:], riders)
    assert any("rides missing" in sentence for sentence in said)
    said = check_runs(fleet, found.runs, riders[1:])
    assert any("too many" in sentence for sentence in said)


def test_settings_refuse_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="max_ride_minutes > 0"):
        TransportSettings(max_ride_minutes=0)
    with pytest.raises(ValueError, match="alight_minutes <= earliest_minutes"):
        TransportSettings(alight_minutes=40)
    with pytest.raises(ValueError, match="slots >= 1"):
        TransportSettings(slots=0)
    assert TransportSettings(slots=1).list_margins() == (5.0,)


def test_a_rider_left_behind_has_a_reason_with_its_mend() -> None:
    days = (date(2026, 11, 1), date(2026, 12, 31))
    town = build_town(1)
    cases = {
        "serves site": (replace(town, depots=(replace(town.depots[0], sites=("two",)),)), "near"),
        "longest ride of 60": (town, "out"),
        "full or on the road": (town, "near"),
        "widen the running hours": (build_town(1, hours="Mon-Sun 09:00-20:00"), "near"),
        "get a permit": (replace(town, curfews=(Curfew("n", "one", "20:00", "08:30", *days),)), "near"),
    }
    for words, (operator, stop) in cases.items():
        fleet = build_town_fleet(operator)
        left = route_riders(fleet, list_town_riders({stop: 9})).left_behind
        assert words in explain_left_behind(fleet, left[0]), words


@pytest.mark.parametrize("seed", range(6))
def test_no_rider_is_brought_who_cannot_be_taken_home(seed: int) -> None:
    draw = random.Random(seed)
    fleet = build_town_fleet(build_town(1))
    riders = []
    for stop in ("near", "mid", "far"):
        home = at(16, draw.choice((0, 30)))
        start = at(8, draw.choice((0, 30)))
        for rider in list_town_riders({stop: draw.randint(2, 4)}, start):
            riders += [rider, replace(rider, wave=Wave("one", FROM_SITE, home))]
    found = route_riders(fleet, riders)
    left = {leg: {one.agent for one in found.left_behind if one.wave.leg == leg} for leg in LEGS}
    assert left[TO_SITE] == left[FROM_SITE]
    assert found.runs
    assert check_runs(fleet, found.runs, riders, found.left_behind) == ()


def test_an_agents_longest_ride_holds_for_all_who_board_at_the_stop() -> None:
    town = build_town()
    west = tuple(
        TravelTime(*ends, float(abs(PLACES[place] + 15)), 1.0)
        for place in PLACES
        for ends in ((place, "west"), ("west", place))
    )
    town = replace(
        town,
        stops=(*town.stops, Stop("west", "West", 34.0, -6.8)),
        travel=(*town.travel, *west),
        agents=(Agent("west-0", "one", ("p",), stop="west"),),
    )
    riders = list_town_riders({"near": 1, "west": 1})
    (quick,) = route_riders(build_town_fleet(town), riders).runs
    assert quick.stops == ("west", "near"), "35 min, the other order takes 40"
    fleet = build_town_fleet(replace(town, agents=(replace(town.agents[0], max_ride=25.0),)))
    found = route_riders(fleet, riders)
    assert [run.stops for run in found.runs] == [("near", "west")]
    assert check_runs(fleet, found.runs, riders) == ()
    assert any("longest ride is 25" in text for text in check_runs(fleet, [quick], riders))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A sample operator with minibuses, and its plan."""
    root = tmp_path_factory.mktemp("transport")
    operator = sample_operator(60, 2, 1, vehicles=20, weeks_of_history=4)
    write_operator_files(root / "operator", write_operator(operator))
    plan = plan_day(operator, require_day(operator, FIRST_DAY))
    assert plan.violations == ()
    write_plans(root / "plan", (plan,), stamp=datetime(2026, 11, 28, tzinfo=UTC))
    bare = replace(operator, vehicles=(), depots=())
    write_operator_files(root / "bare", write_operator(bare))
    return root / "operator", root / "plan"


def transport(command: str, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["transport", command, *map(str, arguments)])


def test_runs_of_a_plan_are_written_checked_and_refused_when_edited(folders: tuple[Path, Path], tmp_path: Path) -> None:
    operator, plan = folders
    out = tmp_path / "runs"
    made = transport("runs", operator, "--plan", plan, "--out", out)
    assert made.exit_code == 0, made.output
    assert "0 rides without a seat" in made.output
    again = transport("check", operator, "--plan", plan, out)
    assert (again.exit_code, again.output.split(", ")[-1]) == (0, "0 faults\n")
    held = read_runs(out)
    sheets = sorted(file.name for file in (out / "sheets").iterdir())
    assert sheets == sorted({f"{run.vehicle}.txt" for run in held})
    assert all(name not in (out / "sheets" / sheets[0]).read_text() for name in ("a000",))
    manifest = out / "manifests.csv"
    lines = manifest.read_text(encoding="utf-8").splitlines(keepends=True)
    manifest.write_text("".join(lines[:-1]), encoding="utf-8")
    edited = transport("check", operator, "--plan", plan, out)
    assert edited.exit_code == 1
    assert "rides missing" in edited.output
    manifest.write_text("".join((*lines, "r9999,a00001,x,2026-11-30T06:00:00+00:00\n")))
    with pytest.raises(TransportFolderError, match="run r9999 is not in"):
        read_runs(out)


def test_runs_are_the_same_each_time_and_of_every_relief(folders: tuple[Path, Path]) -> None:
    operator, plan = folders
    texts = {transport("runs", operator, "--plan", plan, "--json").output for _ in range(2)}
    (text,) = texts
    assert json.loads(text)["runs"]
    relief = transport("runs", operator, "--plan", plan, "--under", "site:casa-1", "--json")
    assert relief.exit_code == 0, relief.output
    assert all(run["site"] != "casa-1" for run in json.loads(relief.output)["runs"])


def test_what_cannot_be_run_is_refused_with_the_mend(folders: tuple[Path, Path], tmp_path: Path) -> None:
    operator, plan = folders
    unknown = transport("runs", operator, "--plan", plan, "--under", "site:nowhere")
    assert "it has base" in unknown.output
    other_day = transport("runs", operator, "--plan", plan, "--day", "2026-12-24")
    assert "it holds 2026-11-30" in other_day.output
    bare = transport("runs", operator.parent / "bare", "--plan", plan)
    assert "add the tables depots and vehicles" in bare.output
    (tmp_path / "mine.txt").write_text("mine")
    full = transport("runs", operator, "--plan", plan, "--out", tmp_path)
    assert "holds other files" in full.output
