"""Searches for agents to lend: made by the worker, once, and replaced when asked for again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils.translation import override

from releve.desk.text import translate_phrase
from releve.errors import Phrase
from releve.plugins.sector.association import spare_searches
from releve.plugins.sector.association.models import SpareSearch
from releve.plugins.sector.association.spare_searches import LEASE, LEND, describe_search, find_search, run_searches
from releve.plugins.sector.engine import SectorError

pytestmark = [pytest.mark.database, pytest.mark.django_db]
NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[str, ...]]:
    """Return who was named for each contract; the plan can spare two for any."""
    named: dict[str, tuple[str, ...]] = {}

    def note(contract: str, agents: tuple[str, ...], now: datetime, *, stream: str) -> None:
        named[contract] = agents

    set_search(monkeypatch, lambda contract, stream: ("a", "b"))
    monkeypatch.setattr(spare_searches, "lend_agents", note)
    monkeypatch.setattr(spare_searches, "require_giver", lambda contract, stream: None)
    return named


def set_search(monkeypatch: pytest.MonkeyPatch, search: Callable[..., Any]) -> None:
    monkeypatch.setattr(spare_searches, "find_agents_to_lend", search)


def ask(contract: str = "c-1", at: datetime = NOW) -> None:
    spare_searches.ask_for_agents(contract, at)


def read(contract: str = "c-1") -> SpareSearch:
    search = find_search(LEND, contract)
    assert search is not None
    return search


def test_the_worker_makes_every_search_that_waits_once(
    lent: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask("c-1")
    ask("c-2")
    assert lent == {}, "nothing is searched where it is asked for"
    waiting = describe_search(LEND, "c-1", LATER)
    assert waiting is not None
    assert (waiting.state, waiting.active) == ("waiting", True)
    assert describe_search(LEND, "c-3", LATER) is None
    run_searches(LATER)
    assert lent == {"c-1": ("a", "b"), "c-2": ("a", "b")}
    assert (read().begun_at, read().done_at, read().error) == (LATER, LATER, "")
    state = describe_search(LEND, "c-1", LATER)
    assert state is not None
    assert (state.state, state.active, state.seconds) == ("done", False, 0)
    set_search(monkeypatch, lambda contract, stream: pytest.fail("it was done"))
    run_searches(LATER)


def test_a_reason_is_stored_and_read_in_the_reader_s_language(
    lent: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(contract: str, stream: str) -> tuple[str, ...]:
        raise SectorError(Phrase("no plan in force has {0}: put one in force first", NOW.date()))

    set_search(monkeypatch, refuse)
    ask()
    run_searches(LATER)
    found = read()
    said = Phrase.restore(found.error, found.error_values)
    assert said == "no plan in force has 2026-11-27: put one in force first"
    with override("fr"):
        assert translate_phrase(said).startswith("aucun plan en vigueur ne couvre le 2026-11-27")
    assert lent == {}


def test_a_search_that_is_asked_for_again_while_it_runs_counts_no_more(
    lent: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []

    def ask_again(contract: str, stream: str) -> tuple[str, ...]:
        searched.append(contract)
        if len(searched) == 1:
            ask(at=LATER)
            return ("old",)
        return ("new",)

    set_search(monkeypatch, ask_again)
    ask()
    run_searches(LATER)
    assert len(searched) == 2
    assert lent == {"c-1": ("new",)}


def test_two_workers_do_not_search_at_once_and_a_killed_one_holds_up_nothing_for_long(
    lent: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_killed(contract: str, stream: str) -> tuple[str, ...]:
        run_searches(LATER)  # what another worker does meanwhile
        raise KeyboardInterrupt

    with monkeypatch.context() as first:
        set_search(first, be_killed)
        ask("c-1")
        ask("c-2", LATER)
        with pytest.raises(KeyboardInterrupt):
            run_searches(NOW)
    assert lent == {}
    run_searches(NOW + LEASE - timedelta(seconds=1))
    assert lent == {}
    run_searches(NOW + LEASE)
    assert set(lent) == {"c-1", "c-2"}


def test_a_search_that_breaks_is_set_aside_and_the_next_one_runs(
    lent: dict[str, tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_once(contract: str, stream: str) -> tuple[str, ...]:
        if contract == "c-1":
            raise ZeroDivisionError
        return ("a",)

    set_search(monkeypatch, break_once)
    ask("c-1")
    ask("c-2", LATER)
    run_searches(LATER)
    assert read("c-1").error == "the search failed: ask for it again"
    assert lent == {"c-2": ("a",)}
