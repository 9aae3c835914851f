"""Pages that many readers keep open: made once for all of the same roles while nothing changes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Event

import pytest

from releve.accounts.models import User
from releve.accounts.permissions import Role
from releve.desk import page
from releve.desk.access.guard import build_visitor
from releve.desk.page import share_page
from tests.processes import wait_until


@pytest.fixture
def planner() -> User:
    return build_visitor(Role.PLANNER)


def test_readers_with_the_same_roles_share_what_was_made_of_one_state(
    planner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, made = "first", count()
    monkeypatch.setattr(page, "read_state", lambda: state)
    monkeypatch.setattr(page.time, "monotonic", lambda: 1000.0)

    def ask(user: User, key: str = "now") -> int:
        return share_page(key, user, lambda: next(made))

    assert [ask(planner), ask(build_visitor(Role.PLANNER))] == [0, 0]
    assert ask(build_visitor(Role.SITE, "casa-1")) == 1, "another role may see other things"
    assert ask(build_visitor(Role.SITE, "rabat-1")) == 2, "so may the same one, held for another site"
    assert ask(planner, "wall") == 3
    state = "second"
    assert [ask(planner), ask(planner)] == [4, 4], "what is new is shown at once"
    state = "first"
    assert ask(planner) == 5, "nothing of an older state is kept"


def test_the_clock_alone_asks_for_it_again(planner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    made, at = count(), 2000.0
    monkeypatch.setattr(page, "read_state", lambda: "same")
    monkeypatch.setattr(page.time, "monotonic", lambda: at)
    assert share_page("now", planner, lambda: next(made)) == 0
    at += page.SHARED_SECONDS
    assert share_page("now", planner, lambda: next(made)) == 1


def test_those_who_wait_for_a_page_share_one_that_was_begun_after_they_asked(
    planner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each state is a new one here, as while much is recorded."""
    states, made, may_end, began = list[int](), count(), Event(), Event()
    monkeypatch.setattr(page, "read_state", lambda: states.append(len(states)) or len(states))

    def build() -> int:
        began.set()
        assert may_end.wait(20)
        return next(made)

    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(share_page, "busy", planner, build)
        assert began.wait(20)
        others = [pool.submit(share_page, "busy", planner, build) for _ in range(3)]
        wait_until(lambda: len(states) == 5, 20, "not all have asked")
        may_end.set()
        assert first.result(20) == 0
        assert [row.result(20) for row in others] == [1, 1, 1]


def test_without_a_state_every_reader_gets_an_own_one(planner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    made = count()
    monkeypatch.setattr(page, "read_state", lambda: None)
    assert [share_page("now", planner, lambda: next(made)) for _ in range(2)] == [0, 1]
