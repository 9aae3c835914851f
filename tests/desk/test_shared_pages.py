"""Pages that many readers keep open: made once for all of the same roles while nothing changes."""

from __future__ import annotations

from itertools import count

import pytest

from releve.accounts.models import User
from releve.accounts.permissions import Role
from releve.desk import page
from releve.desk.access.guard import build_visitor
from releve.desk.page import share_page


@pytest.fixture
def planner() -> User:
    return build_visitor(Role.PLANNER)


def test_readers_with_the_same_roles_share_what_was_made_of_one_state(
    planner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, made = "first", count()
    monkeypatch.setattr(page, "read_state", lambda: state)
    monkeypatch.setattr(page.time, "time", lambda: 1000.0)

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
    made, at = count(), 1000.0
    monkeypatch.setattr(page, "read_state", lambda: "same")
    monkeypatch.setattr(page.time, "time", lambda: at)
    assert share_page("now", planner, lambda: next(made)) == 0
    at += page.SHARED_SECONDS
    assert share_page("now", planner, lambda: next(made)) == 1


def test_without_a_state_every_reader_gets_an_own_one(planner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    made = count()
    monkeypatch.setattr(page, "read_state", lambda: None)
    assert [share_page("now", planner, lambda: next(made)) for _ in range(2)] == [0, 1]
