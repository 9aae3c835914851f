"""How clients stand: by their names of today, those served worst first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from releve.demand.requirement import INTERVAL
from releve.live.coverage import (
    ClientCoverage,
    ClientStanding,
    Coverage,
    cover_client,
    describe_standing,
    find_plan_reach,
    find_worst_client,
    judge_operator,
    rank_clients,
)
from releve.network import Client
from releve.situation import empty_situation, list_site_statuses
from tests.situation.rule_chain import HEALTH_RULES, operator

AT = datetime(2026, 11, 30, 9, tzinfo=UTC)
STARTS = tuple(AT + at * INTERVAL for at in range(3))
NAMES = ("held", "late", "now", "idle")
OPERATOR = operator(clients=tuple(Client(name, f"Client {name}") for name in (*NAMES, "new")))


def cover(client: str, required: Sequence[float], covered: Sequence[float]) -> ClientCoverage:
    need, got = (np.array([values]).T for values in (required, covered))
    return cover_client(client, "old name", STARTS, need, got, begun=True, limits=(0.05, 0.8))


COVERAGE = Coverage(
    "live",
    AT,
    STARTS,
    (
        cover("held", (2, 2, 2), (2, 2, 2)),
        cover("late", (2, 2, 2), (2, 2, 1)),
        cover("now", (4, 2, 2), (3, 2, 2)),
        cover("idle", (0, 0, 0), (0, 0, 0)),
    ),
    STARTS[-1] + INTERVAL,
    1,
)


def test_those_served_worst_stand_first_and_those_out_of_reach_are_left_out() -> None:
    rows = rank_clients(OPERATOR, COVERAGE)
    assert [row.client for row in rows] == ["now", "late", "idle", "held"]
    assert {row.name for row in rows} == {f"Client {name}" for name in NAMES}
    assert rank_clients(OPERATOR, None) == ()


def test_the_worst_client_is_one_that_is_short_now_before_one_that_will_be() -> None:
    rows = rank_clients(OPERATOR, COVERAGE)
    worst = find_worst_client(rows)
    assert worst is not None
    assert (worst.client, worst.short_now) == ("now", True)
    ahead = find_worst_client([row for row in rows if row.client != "now"])
    assert ahead is not None
    assert (ahead.client, ahead.worst, ahead.worst_at) == ("late", 0.5, STARTS[2])
    assert find_worst_client([row for row in rows if not row.short]) is None


def test_the_list_begins_with_the_client_that_the_headline_names() -> None:
    three = Coverage(
        "live",
        AT,
        STARTS,
        (cover("held", (4, 2, 2), (3, 2, 2)), cover("late", (2, 2, 2), (0, 0, 0)), cover("now", (2, 2, 2), (2, 2, 1))),
        STARTS[-1] + INTERVAL,
        1,
    )
    rows = rank_clients(OPERATOR, three)
    assert [row.client for row in rows] == ["late", "held", "now"]
    assert find_worst_client(rows) == rows[0]


def test_a_client_that_no_plan_reaches_is_unknown() -> None:
    new = OPERATOR.client["new"]
    expected = ClientStanding(client="new", name="Client new", state="unknown")
    assert describe_standing(new, COVERAGE) == describe_standing(new, None) == expected


def test_a_client_is_idle_where_nothing_is_required_of_it() -> None:
    found = {row.client: (row.state, row.idle) for row in rank_clients(OPERATOR, COVERAGE)}
    assert found["idle"] == ("unknown", True)
    assert found["held"] == ("held", False)


def test_an_operator_stands_as_its_worst_client_that_needs_agents() -> None:
    rows, plan = rank_clients(OPERATOR, COVERAGE), find_plan_reach(COVERAGE)
    names = tuple(site.id for site in OPERATOR.sites)
    open_ = list_site_statuses(OPERATOR, empty_situation(names), HEALTH_RULES)
    lost = (replace(open_[0], state="cut_off"), *open_[1:])
    assert judge_operator(rows, open_, plan) == "short_now"
    later = [row for row in rows if not row.short_now]
    assert judge_operator(later, open_, plan) == "missed"
    assert judge_operator([row for row in rows if row.client == "held"], lost, plan) == "held"
    idle = [row for row in rows if row.idle]
    assert judge_operator(idle, open_, plan) == "unknown"
    assert judge_operator(idle, lost, plan) == judge_operator((), lost, plan) == "thin"
    assert judge_operator((), open_, plan) == "held"
    assert judge_operator((), open_, find_plan_reach(None)) == "unknown"
