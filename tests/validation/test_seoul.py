"""The Seoul call centre: a floor made up for the machinery, the real one for the figures."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner

from bench.validate.__main__ import validate as command
from bench.validate.seoul import Desk, compute_join_count_z, draw_seoul, seat_building, validate_outbreak
from releve.plugins.crashtest.engine.outbreak import OutbreakError


def made_floor() -> list[Desk]:
    """Return a floor of 137 and 63 desks in rows, cases spread over the first wing."""
    north = [Desk(at % 12, at // 12, "north_wing", at % 5 < 3) for at in range(137)]
    south = [Desk(at % 12, 30 + at // 12, "south_wing", at < 4) for at in range(63)]
    return north + south


def test_the_building_seats_everybody_by_floor_and_wing() -> None:
    population = seat_building(made_floor())
    sizes = {group.zone: group.end - group.first for group in population.groups}
    assert sum(size for zone, size in sizes.items() if zone.startswith("f11")) == 216
    assert sum(sizes.values()) - 216 == 595
    assert sizes["f11-north_wing"] == 148


def test_clustered_cases_have_a_high_join_count_and_spread_ones_none() -> None:
    xy = np.array([(x, y) for y in range(12) for x in range(12)], dtype=float)
    together = xy[:, 1] < 6
    spread = (xy[:, 0] + xy[:, 1]) % 2 == 0
    assert compute_join_count_z(xy, together) > 5
    assert -3 < compute_join_count_z(xy, spread) < 3
    assert compute_join_count_z(xy, np.zeros(len(xy), dtype=bool)) == 0


@pytest.mark.slow
def test_a_fit_is_reproducible_and_draws_a_picture() -> None:
    desks, onsets = made_floor(), [1, 0, 2, 3, 5, 8, 12, 14, 16, 12, 8, 4]
    one, two = (validate_outbreak(desks, onsets, draws=60, runs=16, seed=3) for _ in range(2))
    assert len(one.reproduction) > 3
    assert one.figures == two.figures
    assert {figure.name for figure in one.figures if figure.fitted} == {
        "cases of the 11th floor (of 216)",
        "south wing (of 62 desks)",
    }
    root = ET.fromstring(draw_seoul(desks, onsets, one))
    assert len(root.findall("{http://www.w3.org/2000/svg}circle")) == 200
    assert root.find("{http://www.w3.org/2000/svg}desc") is not None


def test_a_fit_that_accepts_nothing_says_so() -> None:
    with pytest.raises(OutbreakError, match="no run was near"):
        validate_outbreak(made_floor(), [1], draws=1, runs=1, seed=1)


def test_the_command_names_a_missing_file(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["seoul", str(tmp_path)])
    assert result.exit_code == 1
    assert "park2020_seoul_seats.csv" in result.output


@pytest.mark.realdata
@pytest.mark.slow
def test_the_call_centre_of_seoul_lies_within_what_the_model_predicts(shared_data: Path, tmp_path: Path) -> None:
    picture = tmp_path / "seoul.svg"
    arguments = ["seoul", str(shared_data / "outbreaks"), "--draws", "600", "--json", "--svg", str(picture)]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["accepted"] > 200
    missed = [one["name"] for one in document["figures"] if not one["covered"]]
    assert missed == []
    assert document["fitted"]["between"][1] < 0.2  # the median
    assert picture.read_text().count("<circle") == 200
