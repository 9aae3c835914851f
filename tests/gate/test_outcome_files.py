"""Lines of a proxy's records: which are read, what a reply code means, which line counts."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest

from releve.live.clock import read_clock
from releve.plugins.outbound.engine import Attempt
from releve.plugins.outbound.gate.attempt_outcomes import COLUMNS, mark_unknown, read_outcomes, write_outcomes
from releve.plugins.outbound.gate.errors import OutcomeFault
from releve.plugins.outbound.gate.fact_import import load_facts
from releve.plugins.outbound.gate.models import AttemptRow, Load
from tests.gate.sample_campaign import CLIENT, PROVIDER, record_people

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two attempts, of two persons, and an empty folder of records."""
    record_people(range(2))
    at = read_clock() - timedelta(hours=1)
    calls = [Attempt(f"{call}/1", CLIENT, f"P{n}", at, at, provider=PROVIDER, purpose="service")
             for n, call in enumerate(("call", "other"))]  # fmt: skip
    load_facts(calls, source="tests", by="tests")
    (found := tmp_path / "acc").mkdir()
    return found


def line(call: str = "call", code: str = "200", cseq: str = "1", **more: str) -> str:
    """A line of as many columns as ``more`` asks for, else of the first eight."""
    cells = {"method": "INVITE", "from_tag": "f", "to_tag": "t", "callid": call, "sip_code": code,
             "sip_reason": "r", "time": "now", "cseq": cseq}  # fmt: skip
    if more:
        cells |= {name: more.get(name, "") for name in COLUMNS[8:]}
        cells |= {name: more[name] for name in more if name in cells}
    return "|".join(cells.values()) + "\n"


def read(folder: Path, *lines: str, columns: tuple[str, ...] = COLUMNS) -> tuple[int, ...]:
    (folder / "acc.log").write_text("".join(lines), encoding="utf-8")
    return dataclasses.astuple(read_outcomes(folder, columns))


def test_the_columns_are_those_of_the_page_about_the_proxy() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "proxy.md"
    assert f"`{'|'.join(COLUMNS)}`" in page.read_text(encoding="utf-8")


def outcomes() -> dict[str, str]:
    """The outcome of each attempt, as its last version says."""
    return dict(AttemptRow.objects.order_by("pk").values_list("ref", "outcome"))


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [
        (("200", "202"), "answered"),
        (("486", "600"), "busy"),
        (("408", "480", "487"), "no-answer"),
        (("404", "410", "604"), "unallocated"),
        (("603",), "declined"),
        (("400", "403", "500", "503", "302"), "failed"),
    ],
)
def test_a_reply_code_has_its_outcome(folder: Path, codes: tuple[str, ...], outcome: str) -> None:
    filed = list(AttemptRow.objects.filter(ref="call/1"))
    for number, code in enumerate(codes):
        write_outcomes(filed, ["voicemail" if outcome != "answered" else ""], "between")
        (folder / f"{number}.log").write_text(line(code=code) + f"{number}\n", encoding="utf-8")
        assert read_outcomes(folder).filed == 1, code
        assert outcomes() == {"call/1": outcome, "other/1": ""}


def test_the_further_version_is_the_attempt_with_its_outcome(folder: Path) -> None:
    assert read(folder, line()) == (1, 0, 0, 0, 0)
    names = ("client", "person", "ref", "at", "provider", "purpose", "began", "erase_on")
    first, second = AttemptRow.objects.filter(ref="call/1").order_by("pk").values(*names)
    assert first == second
    assert AttemptRow.objects.latest("pk").digest == ""
    load = Load.objects.latest("pk")
    assert (load.source, load.by, load.rows) == ("outcomes acc.log", "outcomes", 1)
    assert load.known_at is not None


def test_the_last_line_of_a_call_counts_whatever_came_before(folder: Path) -> None:
    assert read(folder, line(code="486"), line("other"), line(code="200")) == (2, 0, 0, 0, 0)
    assert outcomes() == {"call/1": "answered", "other/1": "answered"}


def test_a_call_is_named_by_its_number_whatever_the_zeros_before_it(folder: Path) -> None:
    assert read(folder, line(cseq="01"), line("other", cseq="2")) == (1, 1, 0, 0, 0)


@pytest.mark.parametrize(
    "broken",
    [line(""), line(cseq="x"), line(cseq=""), line(cseq="-1"), line()[:-1] + "|in\n",
     "INVITE|f|t|call|200|r|now\n", line(call="other", direction="in")[:-1] + "|\n", "\n"],
)  # fmt: skip
def test_a_line_that_names_no_call_is_counted_and_files_nothing(folder: Path, broken: str) -> None:
    assert read(folder, broken, line()) == (1, 0, 1, 0, 0)


@pytest.mark.parametrize("left", [line(direction="in"), line(direction="out", method="BYE"), line(method="ACK")])
def test_what_is_no_call_out_is_passed_over(folder: Path, left: str) -> None:
    assert read(folder, left, line("other", direction="out")) == (1, 0, 0, 0, 0)
    assert outcomes() == {"call/1": "", "other/1": "answered"}


def test_a_line_without_its_end_is_left_and_a_longer_column_order_is_read(folder: Path) -> None:
    assert read(folder, line()[:-1]) == (0, 0, 0, 0, 0)
    assert read(folder, "call|1|486\n", columns=("callid", "cseq", "sip_code")) == (1, 0, 0, 0, 0)
    assert outcomes()["call/1"] == "busy"
    with pytest.raises(OutcomeFault, match=r"the columns lack sip_code$"):
        read_outcomes(folder, ("cseq", "callid"))


def test_a_line_is_read_whatever_its_bytes_and_a_first_one_of_any_length_to_64_kib(folder: Path) -> None:
    (folder / "a.log").write_bytes(line().encode().replace(b"|r|", b"|r\xe9|"))
    (folder / "long.log").write_bytes(b"x" * 65535 + b"\n")
    (folder / "longer.log").write_bytes(b"x" * 65536 + b"\n")
    assert dataclasses.astuple(read_outcomes(folder)) == (1, 0, 1, 0, 0)


@pytest.mark.parametrize("columns", range(14))
def test_a_line_has_the_columns_of_one_of_three_proxies(folder: Path, columns: int) -> None:
    cells = line(direction="out").rstrip("\n").split("|")[:columns]
    assert read(folder, "|".join(cells) + "\n")[:3] == ((1, 0, 0) if columns in (8, 11, 13) else (0, 0, 1))


@pytest.mark.parametrize(("to_tag", "code", "refused"), [("", "603", 1), ("", "503", 1),
                         ("", "486", 0), ("t", "603", 0), ("t", "503", 0)])  # fmt: skip
def test_a_call_is_refused_by_the_proxy_itself_where_no_one_answered(
    folder: Path, to_tag: str, code: str, refused: int
) -> None:
    one = line("unknown", code).replace("|t|", f"|{to_tag}|")
    assert read(folder, one) == (0, 1 - refused, 0, refused, 0)
    later = one + line("unknown")
    assert read(folder, later) == (0, 1, 0, 0, 0)


def test_a_call_that_was_refused_and_then_let_through_is_not_a_refused_one(folder: Path) -> None:
    refused = line("unknown", "603").replace("|t|", "||")
    assert read(folder, refused, line("unknown")) == (0, 1, 0, 0, 0)
    (folder / "b.log").write_text(line("new") + refused.replace("unknown", "new"), encoding="utf-8")
    assert dataclasses.astuple(read_outcomes(folder)) == (0, 0, 0, 1, 0)


def test_attempts_from_before_an_instant_that_have_no_outcome_are_unknown(folder: Path) -> None:
    gates = [AttemptRow(client=CLIENT, person="p", ref=f"g{n}/1", outcome="", provider=PROVIDER,
                        at=read_clock() + timedelta(minutes=n), digest="", erase_on=None)
             for n in range(3)]  # fmt: skip
    AttemptRow.objects.bulk_create(gates)
    write_outcomes(gates[:1], ["busy"], "agent")
    assert mark_unknown(gates[2].at) == 1
    found = {ref: outcome for ref, outcome in outcomes().items() if ref[0] == "g"}
    assert found == {"g0/1": "busy", "g1/1": "unknown", "g2/1": ""}
    assert Load.objects.latest("pk").source == "outcomes not reported"
