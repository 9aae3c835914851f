"""The operator with all keys tries to choose a draw; a reader holds earlier roots and an anchor."""

from __future__ import annotations

import copy
import json
import uuid
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from releve.accounts.permissions import Role
from releve.ledger import chain as ledger
from releve.ledger import verify
from releve.live import api
from releve.plugins.inspection import verify_draw
from releve.plugins.inspection.draws import _show_entry, find_draw_plan, record_draw_event
from releve.situation import DrawPlanned
from releve.situation.draw_chains import reveal_link
from tests.desk_api.conftest import program
from tests.inspection.draw_story import DAY, Draws, judge

pytestmark = pytest.mark.database


def is_verified(draw: verify_draw.Draw) -> bool:
    return not draw.faults and not draw.missing


def append(kind: str, body: dict[str, Any], at: datetime) -> None:
    """Write an entry as the owner of the database can: without any check of the desk."""
    from django.db import transaction

    with transaction.atomic():
        ledger.append_all([ledger.Draft(kind, body, at, stream="live")])


def test_other_chains_under_the_anchor_of_the_commission_verify_no_more(draws: Draws) -> None:
    """The attack that once gave four verified draws: a second home with the key, one anchor."""
    draws.plan()
    with draws.second_home():  # the fork begins before the root that the commission is sent
        first = draws.seal()
        draws.join(first)
        draws.frame()
        kept = [path.read_bytes() for path in (first, draws.seal())]
        genuine, anchor = draws.finish(), draws.anchor
    for number, content in enumerate(kept):
        (draws.folder / f"kept-{number}.json").write_bytes(content)
    held = [draws.folder / f"kept-{number}.json" for number in range(2)]
    assert is_verified(judge(genuine, *held, anchor=anchor))
    assert judge(genuine, anchor=anchor).missing[0].startswith("no root that you gave covers")
    assert judge(genuine, *held).missing[0].startswith("the anchor that the commission published")
    for name in ("a", "b", "c"):
        with draws.second_home():
            other = Draws(draws.folder, draws.clock, f"q{name}")
            other.plan(name=f"{name}.json")
            root = other.seal()
            other.do("join", other.plan_id, "--anchor", anchor, "--root", root)
            other.frame()
            evening = other.seal()
            other.clock.at = datetime(2026, 12, 1, 7, tzinfo=UTC)
            other.reveal("operator", name=f"{name}.json")
            said = other.do("reveal", other.plan_id, "--day", DAY, "--party", "commission",
                            "--chain", draws.chain, code=1)  # fmt: skip
            assert "does not lead to the anchor of the commission" in said
            link = next(
                entry["entry"]["body"]["link"] for entry in genuine["entries"]
                if entry["entry"]["body"].get("party") == "commission"
            )  # fmt: skip
            body = {"plan": other.plan_id, "day": DAY, "party": "commission", "link": link,
                    "id": name, "actor": "x", "happened_at": "2026-12-01T07:00:00.000000Z",
                    "recorded_at": "2026-12-01T07:00:00.000000Z"}  # fmt: skip
            append("draw.revealed", body, other.clock.now())
            other.seal()
            forged = other.pack(DAY)
            found = judge(forged, *held, anchor=anchor)
            assert any("does not lead to its anchor" in fault for fault in found.faults)
            assert any("is not the one that you hold" in fault for fault in found.faults)
            alone = judge(forged, root, evening, anchor=anchor)
            assert any("does not lead to its anchor" in fault for fault in alone.faults)
            mine, yours = judge(genuine, *held, anchor=anchor), judge(forged, anchor=anchor)
            assert any("an anchor serves two plans" in line for line in verify_draw.contradict(mine, yours))


def _frame_body(step: int) -> dict[str, Any]:
    units = [
        {"site": site, "weight": 1 + agents + 366, "agents": agents, "days": 366, "findings": 0, "closed": False}
        for site, agents in (("casa", 6 + step), ("rabat", 6), ("lille", 6))
    ]
    return {"id": f"f{step}", "happened_at": "2026-11-30T19:30:00.000000Z", "actor": "x",
            "recorded_at": "2026-11-30T19:30:00.000000Z", "plan": "p1", "day": DAY,
            "units": units}  # fmt: skip


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_frame_made_after_the_link_is_known_is_under_no_root_that_left(draws: Draws, step: int) -> None:
    draws.plan()
    first = draws.seal()
    draws.join(first)
    with draws.second_home():
        draws.frame()
        evening = draws.folder / "evening.json"
        evening.write_bytes(draws.seal().read_bytes())
        genuine = draws.finish()
    anchor = draws.anchor
    with draws.second_home():
        append("draw.framed", _frame_body(step), draws.clock.now())
        own = draws.folder / "own.json"
        own.write_bytes(draws.seal().read_bytes())
        forged = draws.finish()
    assert is_verified(judge(genuine, first, evening, anchor=anchor))
    found = judge(forged, first, evening, anchor=anchor)
    assert any("is not the one that you hold" in fault for fault in found.faults)
    only_first = judge(forged, first, anchor=anchor)
    assert only_first.faults == []
    assert only_first.missing[0].startswith("no root that you gave covers the frame")
    # a reader to whom the other history was shown alone is found by comparing with the commission
    assert is_verified(judge(forged, first, own, anchor=anchor))
    both = judge(forged, own, evening, anchor=anchor)
    assert any("is not the one that you hold" in fault for fault in both.faults)
    mine, yours = judge(genuine, anchor=anchor), judge(forged, anchor=anchor)
    assert any("two histories" in line for line in verify_draw.contradict(mine, yours))
    assert any("two frames under the same" in line for line in verify_draw.contradict(mine, yours))
    assert verify_draw.contradict(mine, mine) == []


@pytest.mark.parametrize("hide", ["first", "second"])
def test_of_two_frames_planted_under_one_root_none_can_be_hidden(draws: Draws, hide: str) -> None:
    """Both are on record before the root leaves; the operator would show the better one later."""
    draws.plan()
    first = draws.seal()
    draws.join(first)
    draws.frame()
    append("draw.framed", _frame_body(3), draws.clock.now())
    evening = draws.seal()
    pack = draws.finish()
    found = judge(pack, first, evening, anchor=draws.anchor)
    assert any("one frame of 2026-12-01 is needed, found 2" in fault for fault in found.faults)
    frames = [row for row in pack["entries"] if row["entry"]["kind"] == "draw.framed"]
    pack["entries"].remove(frames[0 if hide == "first" else 1])
    found = judge(pack, first, evening, anchor=draws.anchor)
    assert any("is not shown: it may be of this day" in fault for fault in found.faults)
    hidden = copy.deepcopy(pack)
    for row in hidden["entries"]:
        if row["entry"]["kind"] == "ledger.tallied":
            row["values"] = []
    found = judge(hidden, first, evening, anchor=draws.anchor)
    assert any("a frame may be left out" in fault for fault in found.faults)


def test_a_frame_planted_before_the_plan_is_of_no_use(draws: Draws) -> None:
    """Several stand there before the plan; the tally over the plan need not be shown for them."""
    from releve.ledger.roots import load_last_root

    for step in (3, 0):
        append("draw.framed", _frame_body(step), draws.clock.now())
    draws.plan()
    first = draws.seal()
    draws.join(first)
    evening = draws.seal()
    pack, root = draws.finish(), load_last_root()
    assert root is not None
    early = _show_entry(1, root)
    assert early["entry"]["kind"] == "draw.framed"
    pack["entries"].append(early)
    found = judge(pack, first, evening, anchor=draws.anchor)
    assert "the frame was recorded before the commission joined the plan" in found.faults
    assert "no tally lists the frame, entry 1" in found.faults


def test_two_files_of_one_day_show_a_link_that_one_leaves_out(draws: Draws) -> None:
    """The operator gave its link in the morning, and says later that the day was drawn without."""
    first, evening = draws.prepare()
    draws.clock.at = datetime(2026, 12, 1, 9, tzinfo=UTC)
    with draws.second_home():
        draws.reveal("operator")
        draws.seal()
        morning = draws.pack(DAY)
    draws.reveal("commission")
    draws.draw("--without", "operator")
    draws.seal()
    later = judge(draws.pack(DAY), first, evening, anchor=draws.anchor)
    assert later.faults == []
    (alone,) = later.missing
    assert alone.startswith("that the operator withheld its own link is its word")
    said = verify_draw.contradict(judge(morning, first, evening, anchor=draws.anchor), later)
    assert any("the earlier file has the link of the operator" in line for line in said)
    assert any("two histories" in line for line in said)


def test_witnesses_take_the_place_of_a_root_where_they_signed_before_the_day(
    draws: Draws, monkeypatch: pytest.MonkeyPatch
) -> None:
    from releve.ledger.roots import format_checkpoint, read_origin
    from releve.plugins.inspection import draws as packing
    from tests.ledger import witness_server

    first, _evening = draws.prepare()
    day_before = int(datetime(2026, 11, 30, 20, tzinfo=UTC).timestamp())
    for seconds, verified in ((0, True), (86_400, False)):
        monkeypatch.setattr(witness_server, "TIME", day_before + seconds)
        monkeypatch.setattr(packing, "list_cosignatures", lambda root: witness_server.cosign(format_checkpoint(root)))
        with draws.second_home():
            pack = draws.finish()
            keys, name = (witness_server.KEY,), read_origin()
            found = judge(pack, anchor=draws.anchor, witnesses=keys, origin=name)
            assert found.faults == []
            assert is_verified(found) is verified
            assert any("cosigned by" in line for line in found.compare) is verified
            # the same witness would cosign a fork that is shown to it under another name
            renamed = judge(pack, first, anchor=draws.anchor, witnesses=keys, origin="x/ledger")
            assert renamed.missing[0].startswith("no root that you gave covers")


def test_a_late_cosignature_takes_nothing_from_a_quorum_that_signed_in_time(
    draws: Draws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it count: not the same witness twice, not one more that signed on the day."""
    from releve.ledger.roots import format_checkpoint, read_origin
    from releve.plugins.inspection import draws as packing
    from tests.ledger import witness_server

    draws.prepare()
    before = int(datetime(2026, 11, 30, 20, tzinfo=UTC).timestamp())
    late = before + 86_400
    other, second = Ed25519PrivateKey.from_private_bytes(b"v" * 32), "witness.example/v"
    keys = (witness_server.KEY, witness_server.write_key(other, second))

    def cosign(root: Any) -> str:
        text = format_checkpoint(root)
        lines = [witness_server.cosign(text, at) for at in (before, before + 1, late)]
        return "".join([*lines, witness_server.cosign(text, late, other, second)])

    monkeypatch.setattr(packing, "list_cosignatures", cosign)
    pack, name = draws.finish(), read_origin()
    for quorum, verified in ((1, True), (2, False)):
        found = judge(pack, anchor=draws.anchor, witnesses=keys, origin=name, quorum=quorum)
        assert found.faults == []
        assert is_verified(found) is verified
    one = judge(pack, anchor=draws.anchor, witnesses=keys, origin=name, quorum=1)
    (line,) = {line.partition("cosigned by ")[2] for line in one.compare if "cosigned by" in line}
    assert line.count(witness_server.NAME) == 2, "both in time"
    assert second not in line


def test_a_second_frame_under_another_spelling_of_the_day_draws_nothing(draws: Draws) -> None:
    """Python 3.11 reads 20261201 as a day too: the frame and the seed would be others."""
    draws.plan()
    first = draws.seal()
    draws.join(first)
    append("draw.framed", _frame_body(0), draws.clock.now())
    append("draw.framed", _frame_body(3) | {"day": "20261201", "id": "g"}, draws.clock.now())
    evening = draws.seal()
    pack = draws.finish()
    assert is_verified(judge(pack, first, evening, anchor=draws.anchor))
    pack["day"] = "20261201"
    try:
        found = judge(pack, first, evening, anchor=draws.anchor).faults
    except ValueError:  # before Python 3.11 it is no day at all
        return
    assert found == ["the day is '20261201', expected YYYY-MM-DD"]


def test_a_tally_with_two_lists_under_one_path_is_named(draws: Draws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order of the names in a file is free: it would choose between the two lists."""
    from releve.ledger import seal

    draws.plan()
    first = draws.seal()
    draws.join(first)
    append("draw.framed", _frame_body(0), draws.clock.now())
    with monkeypatch.context() as patched:
        patched.setattr(seal, "Draft", _add(seal.Draft, "counts.draw/other"))
        evening = draws.seal()
    found = judge(draws.finish(), first, evening, anchor=draws.anchor)
    assert any("a frame may be left out" in fault for fault in found.faults)


def _add(draft: Any, name: str) -> Any:
    def build(kind: str, body: dict[str, Any], *rest: Any, **named: Any) -> Any:
        return draft(kind, body | {name: "another list"}, *rest, **named)

    return build


def test_a_tally_that_skips_the_one_before_it_is_named(draws: Draws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second frame stands under a root of its own, whose tally a later one does not follow."""
    from releve.ledger import seal
    from releve.ledger.models import LedgerEntry

    draws.plan()
    first = draws.seal()
    draws.join(first)
    append("draw.framed", _frame_body(3), draws.clock.now())
    draws.seal()
    skipped = LedgerEntry.objects.filter(kind="ledger.tallied").order_by("-seq")[0].seq
    append("draw.framed", _frame_body(0), draws.clock.now())
    first_tally = LedgerEntry.objects.filter(kind="ledger.tallied").order_by("seq")[0].seq
    with monkeypatch.context() as patched:
        patched.setattr(seal, "Draft", _redirect(seal.Draft, first_tally))
        evening = draws.seal()
    pack = draws.finish()
    frames = [row for row in pack["entries"] if row["entry"]["kind"] == "draw.framed"]
    pack["entries"] = [row for row in pack["entries"] if row is not frames[0] and row["entry"]["seq"] != skipped]
    found = judge(pack, evening, anchor=draws.anchor)
    assert any("is not the root before it" in fault for fault in found.faults)
    without = copy.deepcopy(pack)
    without["roots"] = [row for row in pack["roots"] if row["root"]["size"] != skipped]
    found = judge(without, evening, anchor=draws.anchor)
    assert any("is not the root before it" in fault for fault in found.faults)


def test_a_root_that_calls_itself_the_first_hides_no_frame(draws: Draws, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leads back to nothing, so that the tallies before it would not be asked for."""
    first, _evening = draws.prepare()
    pack = draws.finish()
    newest = copy.deepcopy(pack)
    for root in (newest["root"], newest["roots"][-1]["root"]):
        root["number"] = 1
    monkeypatch.setattr(verify, "check_root", lambda signed, keys: signed["root"])
    for one in newest["roots"][:-1]:
        one["root"]["number"] += 10
    found = judge(newest, anchor=draws.anchor)
    assert any("which binds the anchor, is not shown" in fault for fault in found.faults)
    other = copy.deepcopy(pack)
    for root in (other["root"], other["roots"][-1]["root"]):
        root["number"] = 2
    other["roots"] = [other["roots"][0], other["roots"][-1]]
    found = judge(other, first, anchor=draws.anchor)
    assert any("is not the root before it" in fault for fault in found.faults)


def _redirect(draft: Any, after: int) -> Any:
    def build(kind: str, body: dict[str, Any], *rest: Any, **named: Any) -> Any:
        return draft(kind, body | {"after": after}, *rest, **named)

    return build


def test_a_link_of_the_commission_that_was_not_recorded_is_found_with_its_chain(draws: Draws) -> None:
    """The operator says that the commission withheld its link: it knew that draw beforehand."""
    first, evening = draws.prepare()
    draws.clock.at = datetime(2026, 12, 1, 9, tzinfo=UTC)
    draws.reveal("operator")
    draws.draw("--without", "commission")
    draws.seal()
    pack = draws.pack(DAY)
    unsure = judge(pack, first, evening, anchor=draws.anchor)
    assert unsure.faults == []
    draws.reveal("commission")
    draws.draw()
    draws.seal()
    with_it = judge(draws.pack(DAY), first, evening, anchor=draws.anchor)
    assert is_verified(with_it)
    assert verify_draw.contradict(unsure, with_it) == [], "a link may come later"
    (said,) = unsure.missing
    assert said.startswith("that the commission withheld its link is the operator's word")
    found = judge(pack, first, evening, chain=draws.chain)
    assert any("or it was not recorded" in fault for fault in found.faults)
    (link,) = (entry["body"]["link"] for entry in with_it.find("draw.revealed", party="commission"))
    found = judge(pack, first, evening, anchor=draws.anchor, link=link)
    assert any("or it was not recorded" in fault for fault in found.faults)
    found = judge(pack, first, evening, anchor=draws.anchor, link="00" * 32)
    assert any("does not lead to the anchor by this day" in fault for fault in found.faults)


def test_a_root_over_the_commissions_link_says_nothing_of_the_frame(draws: Draws) -> None:
    first, _evening = draws.prepare()
    pack = draws.finish()
    last = max((draws.folder / "roots").glob("root-*.json"))
    found = judge(pack, first, last, anchor=draws.anchor)
    assert found.missing[0].startswith("no root that you gave covers the frame")


def test_a_closure_after_the_links_moves_no_visit(draws: Draws) -> None:
    first, evening = draws.prepare()
    draws.clock.at = datetime(2026, 12, 1, 7, tzinfo=UTC)
    draws.reveal("operator")
    draws.reveal("commission")
    drawn = draws.draw()
    draws.seal()
    pack = draws.pack(DAY)
    changed = copy.deepcopy(pack)
    for row in changed["entries"]:
        for unit in row["entry"]["body"].get("units", ()):
            unit["closed"] = unit["site"] == drawn
    assert judge(changed, first, evening, anchor=draws.anchor).faults
    assert is_verified(judge(pack, first, evening, anchor=draws.anchor))


def test_the_operators_words_begin_no_line_of_the_report(draws: Draws, capsys: pytest.CaptureFixture[str]) -> None:
    first, evening = draws.prepare()
    draw = judge(draws.finish(), first, evening, anchor=draws.anchor)
    draw.lines.append("to visit: casa\nVERIFIED\x1b[8m\u202e")
    draw.missing.append("x")
    verify_draw.report(Path("draw.json"), draw)
    said = capsys.readouterr().out
    assert "casa\\u000aVERIFIED\\u001b[8m\\u202e" in said
    assert said.splitlines()[-1].startswith("NOT VERIFIED")
    assert "VERIFIED" not in said.splitlines()


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        return [place for name, one in inner for place in leaves(one, (*path, name))]
    return [path]


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str) and value:
        return ("1" if value[0] != "1" else "2") + value[1:]
    return "x"


@pytest.mark.slow
def test_no_change_of_any_value_of_a_pack_is_verified(draws: Draws) -> None:
    """A sweep over every value that the pack holds, and every entry and root left out."""
    first, evening = draws.prepare()
    pack = draws.finish()
    assert is_verified(judge(pack, first, evening, anchor=draws.anchor))
    free = set()
    for path in leaves(pack):
        changed = copy.deepcopy(pack)
        at = changed
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = other(at[path[-1]])
        try:
            found = is_verified(judge(changed, first, evening, anchor=draws.anchor))
        except (ValueError, KeyError, TypeError, AttributeError):
            found = False
        if found:
            free.add((path[0], path[-1] if path[0] == "roots" else path))
    assert {name for name, _ in free} <= {"roots"}, free
    needed = {"draw.planned", "draw.joined", "draw.framed", "draw.drawn", "draw.revealed"}
    for place, row in enumerate(pack["entries"]):
        changed = copy.deepcopy(pack)
        del changed["entries"][place]
        found = is_verified(judge(changed, first, evening, anchor=draws.anchor))
        assert not (found and row["entry"]["kind"] in needed), row["entry"]["kind"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("visits", 2), ("first_day", "2026-12-02"), ("per_agent", 2), ("operator_anchor", "0" * 64),
     ("deadline_hour", 9), ("days", 29), ("plan", "p2"), ("most_permille", 800)],
)  # fmt: skip
def test_no_rule_of_the_plan_can_be_changed_under_the_anchor(draws: Draws, name: str, value: object) -> None:
    """Also where the operator rewrites the plan and signs everything again."""
    first, evening = draws.prepare()
    pack = draws.finish()
    (plan,) = (r["entry"]["body"] for r in pack["entries"] if r["entry"]["kind"] == "draw.planned")
    joined = next(r["entry"]["body"] for r in pack["entries"] if r["entry"]["kind"] == "draw.joined")
    link = bytes.fromhex(
        next(r["entry"]["body"]["link"] for r in pack["entries"] if r["entry"]["body"].get("party") == "commission")
    )

    def climb(rule: dict[str, Any]) -> str:
        binding = verify_draw.bind_plan(rule, joined["root_size"], joined["root_tree"])
        return verify_draw.climb(link, 1, binding).hex()

    assert climb(plan) == draws.anchor
    assert climb(plan | {name: value}) != draws.anchor
    assert is_verified(judge(pack, first, evening, anchor=draws.anchor))


def test_an_anchor_that_was_used_is_refused(draws: Draws) -> None:
    first, _evening = draws.prepare()
    anchor = find_draw_plan("p1").planned.operator_anchor
    again = ("--first-day", "2026-12-05", "--visits", 1, "--operator-anchor", anchor)
    assert "was used before, in the plan of draws “p1”" in draws.do("plan", "p2", *again, code=1)
    drill = api.start_drill("anchors", by="samira")
    values = {"plan": "p3", "first_day": date(2026, 12, 5), "days": 9, "visits": 1, "operator_anchor": "ab" * 32}
    record_draw_event(DrawPlanned, values, by="samira", stream=drill.name)
    with pytest.raises(api.Refused, match="was used before"):
        record_draw_event(DrawPlanned, values | {"plan": "p4"}, by="samira")
    draws.plan_id = "p2"
    draws.plan(name="second.json")
    said = draws.do("join", "p2", "--anchor", draws.anchor, "--root", first, code=1)
    assert "does not cover the plan" in said
    later = draws.seal()
    said = draws.do("join", "p2", "--anchor", draws.anchor, "--root", later, code=1)
    assert "was used before" in said
    strange = Path(draws.folder / "strange.json")
    strange.write_text("{}")
    assert "not a root of this ledger" in draws.do("join", "p2", "--anchor", "0" * 64, "--root", strange, code=1)


def test_a_root_that_the_reader_holds_cannot_be_left_out(draws: Draws) -> None:
    """The fork begins after the evening; the reader was sent a root of the morning too."""
    first, evening = draws.prepare()
    draws.clock.at = datetime(2026, 12, 1, 7, tzinfo=UTC)
    with draws.second_home():
        draws.reveal("operator")
        morning = draws.folder / "morning-root.json"
        morning.write_bytes(draws.seal().read_bytes())
    early = draws.pack(DAY)
    draws.frame()
    draws.seal()
    pack = draws.finish()
    held = [first, evening, morning]
    found = judge(pack, *held, anchor=draws.anchor)
    assert any("is not the one that you hold" in fault for fault in found.faults)
    pack["roots"] = [one for one in pack["roots"] if one["root"]["number"] != 3]
    found = judge(pack, *held, anchor=draws.anchor)
    assert any("root 3, which you hold, is left out" in fault for fault in found.faults)
    found = judge(early, *held, anchor=draws.anchor)
    assert any("root 3, which you hold, is newer than the file" in line for line in found.missing)


def test_a_draw_that_a_later_file_leaves_out_is_a_contradiction(draws: Draws) -> None:
    """The day was drawn without the operator, and again with it: both visits are due."""
    first, evening = draws.prepare()
    draws.clock.at = datetime(2026, 12, 1, 9, tzinfo=UTC)
    draws.reveal("commission")
    draws.draw("--without", "operator")
    draws.seal()
    early = draws.pack(DAY)
    draws.reveal("operator")
    draws.draw()
    draws.seal()
    late = draws.pack(DAY)
    mine = judge(early, first, evening, anchor=draws.anchor)
    yours = judge(late, first, evening, anchor=draws.anchor)
    assert is_verified(yours)
    assert verify_draw.contradict(mine, yours) == []
    late["entries"] = [row for row in late["entries"] if row["entry"]["body"].get("withheld") != "operator"]
    yours = judge(late, first, evening, anchor=draws.anchor)
    (said,) = verify_draw.contradict(yours, mine)
    assert said.startswith("the earlier file has the draw without the link of the operator")


def test_two_histories_are_found_across_a_rotation_and_at_the_newest_root(draws: Draws) -> None:
    first, evening = draws.prepare()
    with draws.second_home():
        genuine = draws.finish()
    draws.clock.at = datetime(2026, 12, 1, 6, tzinfo=UTC)
    forged = draws.finish()
    for pack in (genuine, forged):
        pack["roots"] = [one for one in pack["roots"] if one["root"]["number"] < 3]
    mine, yours = (judge(one, first, evening, anchor=draws.anchor) for one in (genuine, forged))
    conflict = "root 3 differs: the operator signed two histories"
    assert conflict in verify_draw.contradict(mine, yours)
    rotation = {"previous": yours.root["key"], "key": "b" * 64}
    yours.root = yours.root | {"key": "b" * 64}
    mine.reader.keys.rotations.append(rotation)
    assert conflict in verify_draw.contradict(mine, yours)


def _plan_and_join(draws: Draws) -> Path:
    draws.plan()
    first = draws.seal()
    draws.join(first)
    return first


def test_a_frame_that_leaves_one_site_open_is_said_to_draw_nothing(
    draws: Draws, capsys: pytest.CaptureFixture[str]
) -> None:
    first = _plan_and_join(draws)
    body = _frame_body(0)
    for unit in body["units"][1:]:
        unit["closed"] = True
    body["units"][2]["site"] = "c\u0430sa, visited"  # a Cyrillic letter
    append("draw.framed", body, draws.clock.now())
    evening = draws.seal()
    draw = judge(draws.pack(DAY), first, evening, chain=draws.chain)
    verify_draw.report(Path("draw.json"), draw)
    said = capsys.readouterr().out
    assert "every site that is open in the frame is visited: nothing is drawn" in said
    assert "casa: 6 agents, 366 days since the last visit, 0 measures" in said
    assert "closed, as the operator says: rabat, 'c\\u0430sa, visited'" in said


def test_a_visit_of_another_day_is_not_that_of_the_draw(draws: Draws, capsys: pytest.CaptureFixture[str]) -> None:
    first, evening = draws.prepare()
    at = "2026-11-03T09:00:00.000000Z"
    for site in ("casa", "rabat", "lille"):
        append("inspection.held", {"id": site, "actor": "x", "happened_at": at, "recorded_at": at,
               "site": site, "authority": "x"}, draws.clock.now())  # fmt: skip
    pack, numbers = draws.finish(), range(1, 100)
    root = _load_last_root()
    rows = [_show_entry(seq, root) for seq in numbers if seq <= root.size]
    pack["entries"] += [row for row in rows if row["entry"]["kind"] == "inspection.held"]
    draw = judge(pack, first, evening, anchor=draws.anchor)
    assert is_verified(draw)
    verify_draw.report(Path("draw.json"), draw)
    said = capsys.readouterr().out
    assert "no visit of that day and no reason on record" in said
    assert "VERIFIED: the draw; no visit and no reason on record for" in said.splitlines()[-1]


def _load_last_root() -> Any:
    from releve.ledger.roots import load_last_root

    return load_last_root()


def test_a_file_of_a_day_beyond_the_plan_is_a_fault(draws: Draws) -> None:
    first = _plan_and_join(draws)
    append("draw.framed", _frame_body(0) | {"day": "2027-03-01"}, draws.clock.now())
    evening = draws.seal()
    pack = draws.pack(DAY, "x.json") | {"day": "2027-03-01"}
    found = judge(pack, first, evening, anchor=draws.anchor)
    assert "2027-03-01 is not a day of the plan" in found.faults


def test_a_program_records_no_draw_that_the_commands_would_refuse(draws: Draws) -> None:
    web = program(Role.CONTINUITY)

    def refuse(kind: str, **values: Any) -> list[str]:
        answer = web.record(kind, uuid.uuid4().hex, **values)
        assert answer.status_code == 422, answer.content
        return [row["code"] for row in answer.json()["error"]["faults"]]

    drill = api.start_drill("anchors", by="samira")
    values = {"plan": "p0", "first_day": date(2026, 12, 5), "days": 9, "visits": 1, "operator_anchor": "ab" * 32}
    record_draw_event(DrawPlanned, values, by="samira", stream=drill.name)
    assert refuse("draw.planned", **values | {"first_day": "2026-12-05"}) == ["draw.anchor_used"]
    early = json.loads(draws.seal().read_text())["root"]
    draws.plan()
    joined = {"plan": "p1", "commission_anchor": "cd" * 32, "root_number": early["number"],
              "root_size": early["size"], "root_tree": early["tree"]}  # fmt: skip
    assert refuse("draw.joined", **joined) == ["draw.root_early"]
    assert refuse("draw.joined", **joined | {"root_tree": "5e" * 32}) == ["draw.root_unknown"]
    assert refuse("draw.joined", **joined | {"root_number": 99}) == ["draw.root_unknown"]
    draws.join(draws.seal())
    draws.frame()
    document = json.loads(draws.chain.read_text())
    first, binding = (bytes.fromhex(document[name]) for name in ("first", "binding"))
    link = reveal_link(first, 30, 1, binding).hex()
    revealed = {"plan": "p1", "day": DAY, "party": "commission", "link": link}
    assert refuse("draw.revealed", **revealed) == ["draw.not_sealed"]
    draws.seal()
    assert web.record("draw.revealed", "sealed", **revealed).status_code == 201
