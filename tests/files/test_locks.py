"""A lock is held by one process at a time and released when its file is closed."""

from __future__ import annotations

from pathlib import Path
from threading import Event, Thread

from releve.files.atomic import lock, try_lock


def test_a_held_lock_is_not_given_twice(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = try_lock(path)
    assert held is not None
    assert try_lock(path) is None
    held.close()
    again = try_lock(path)
    assert again is not None
    again.close()


def test_a_second_holder_waits_for_the_first(tmp_path: Path) -> None:
    path, entered = tmp_path / "lock", Event()

    def wait() -> None:
        with lock(path):
            entered.set()

    with lock(path):
        assert try_lock(path) is None
        second = Thread(target=wait)
        second.start()
        assert not entered.wait(0.1)
    second.join(5)
    assert entered.is_set()
