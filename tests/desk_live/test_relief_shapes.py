"""The drawing of who goes where: its labels on the page and on a phone."""

from __future__ import annotations

import pytest

from releve.desk.relief import draw_flows
from releve.live.api import PeopleFlow

NAMES = {"casa-1": "Casablanca Nord 1", "casa-2": "Casablanca Gare 2", "tana": "Antananarivo", "home": "à domicile"}


@pytest.mark.parametrize(("width", "side"), [(960, 200), (360, 112)])
def test_sites_of_one_city_are_told_apart(width: float, side: float) -> None:
    flows = [PeopleFlow("casa-1", "casa-2", 117), PeopleFlow("casa-2", "home", 3), PeopleFlow("tana", "tana", 12)]
    drawn = draw_flows(flows, NAMES, "narrow", width, side)
    said = {place: " ".join(lines) for place, _y, _height, lines in (*drawn.left, *drawn.right)}
    assert said["casa-1"] == "Casablanca Nord 1 (117)"
    assert said["casa-2"] == "Casablanca Gare 2 (117)"
    assert said["home"] == "à domicile (3)"
    tops = [y for _place, y, _height, _lines in drawn.left]
    deepest = [len(lines) * 14.0 for _place, _y, _height, lines in drawn.left]
    assert all(low >= y + deep for y, low, deep in zip(tops, tops[1:], deepest, strict=False))
