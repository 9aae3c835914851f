"""The operator with all keys tries to have the commission's machine give a link away too early."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from releve.plugins.inspection import verify_draw
from tests.inspection.draw_story import DAY, EVENING, FOLLOWING, Draws, judge
from tests.inspection.test_draw_attacks import append

pytestmark = pytest.mark.database


def say(draw: verify_draw.Draw, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what the command prints of a draw."""
    capsys.readouterr()
    verify_draw.report(Path("draw.json"), draw)
    return capsys.readouterr().out


def test_a_second_plan_under_the_anchor_takes_no_secret_from_the_chain(
    draws: Draws, capsys: pytest.CaptureFixture[str]
) -> None:
    """A plan whose last day is today: its link of today would be the first one of the chain.

    Both plans stand under the root that the commission was sent, so no root shows anything.
    """
    anchor = draws.do("chain", draws.folder / "x.json", "--days", 30)
    draws.clock.at = datetime(2026, 11, 1, 19, tzinfo=UTC)
    draws.do("plan", "x", "--first-day", "2026-11-02", "--days", 30, "--visits", 1,
             "--least", 100, "--operator-anchor", anchor)  # fmt: skip
    draws.clock.at = EVENING
    draws.plan()
    first = draws.seal()
    draws.join(first)
    root = json.loads(first.read_text())["root"]
    at = "2026-11-30T19:00:00.000000Z"
    append("draw.joined", {
        "id": "j", "actor": "x", "happened_at": at, "recorded_at": at, "plan": "x",
        "commission_anchor": draws.anchor, "root_number": root["number"],
        "root_size": root["size"], "root_tree": root["tree"],
    }, draws.clock.now())  # fmt: skip
    draws.frame()
    draws.do("frame", "x")
    evening = draws.seal()
    draws.clock.at = datetime(2026, 12, 1, 7, tzinfo=UTC)
    draws.reveal("operator")
    draws.do("reveal", "x", "--day", DAY, "--party", "operator", "--chain", draws.folder / "x.json")
    draws.seal()
    secret = json.loads(draws.chain.read_text())["first"]
    genuine = judge(draws.pack(DAY), first, evening, chain=draws.chain)
    assert "your link of 2026-12-01, to reveal after" in say(genuine, capsys)
    forged = Draws(draws.folder, draws.clock, "x").pack(DAY, "x-draw.json")
    found = judge(forged, first, evening, chain=draws.chain)
    assert secret not in say(found, capsys)
    assert any("your chain was not made for" in fault for fault in found.faults)


def test_a_file_of_another_day_draws_nothing_today(draws: Draws, capsys: pytest.CaptureFixture[str]) -> None:
    """A link of tomorrow tells that of today; the visits of yesterday are known."""
    draws.prepare()
    draws.do("frame", "p1", "--day", FOLLOWING)
    evening = draws.seal()
    pack = draws.pack(FOLLOWING)
    found = judge(pack, evening, chain=draws.chain)
    assert found.faults[0].startswith("the file is of 2026-12-02, and you draw for 2026-12-01")
    said = say(found, capsys)
    assert "to visit" not in said
    assert "your link is not shown" in said
    on_its_day = judge(pack, evening, chain=draws.chain, day=FOLLOWING)
    assert "your link of 2026-12-02" in say(on_its_day, capsys)
