"""An installation is ready once its kernels are compiled, and says so.

That its first closure compiles none is held by ``tests/plan/test_same_bits.py``, which needs what it compiles.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.utils import timezone

from releve.cli import main
from releve.files import kernel_cache
from releve.live.worker_health import Readiness, check_readiness, note_beat, read_worker_health
from releve.plan import warm_up
from tests.processes import wait_until


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process that has compiled nothing yet, with a folder of its own."""
    monkeypatch.setattr(kernel_cache, "_begun", threading.Event())
    monkeypatch.setattr(kernel_cache, "_done", threading.Event())
    monkeypatch.setattr(kernel_cache, "RETRY_SECONDS", 0.01)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kernels"))


def compile_as(monkeypatch: pytest.MonkeyPatch, compile_kernels: Callable[..., None]) -> None:
    monkeypatch.setattr(warm_up, "compile_kernels", compile_kernels)


@pytest.mark.usefixtures("fresh")
def test_a_process_compiles_until_it_is_done_and_begins_once(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on, calls = threading.Event(), threading.Event(), []

    def compile_kernels(progress: object) -> None:
        calls.append(progress)
        begun.set()
        assert go_on.wait(60)

    compile_as(monkeypatch, compile_kernels)
    assert not kernel_cache.is_compiling()
    kernel_cache.fill_in_background()
    kernel_cache.fill_in_background()
    assert begun.wait(60)
    assert kernel_cache.is_compiling()
    go_on.set()
    wait_until(lambda: not kernel_cache.is_compiling(), 60, "it still compiles")
    kernel_cache.fill_in_background()
    assert len(calls) == 1


@pytest.mark.usefixtures("fresh")
def test_what_cannot_be_compiled_is_logged_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries = []

    def compile_kernels(progress: object) -> None:
        tries.append(kernel_cache.is_compiling())
        if len(tries) < 3:
            raise OSError(28, "No space left on device")

    compile_as(monkeypatch, compile_kernels)
    kernel_cache.fill_in_background()
    wait_until(lambda: not kernel_cache.is_compiling(), 60, "it was not tried again")
    assert tries == [True] * 3
    assert [row.levelname for row in caplog.records if "could not be compiled" in row.message] == ["ERROR"] * 2


@pytest.mark.usefixtures("fresh")
def test_processes_that_share_a_folder_compile_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun, calls = threading.Event(), []
    compile_as(monkeypatch, lambda progress: calls.append(progress))
    (tmp_path / "kernels").mkdir()
    with kernel_cache.lock(tmp_path / "kernels" / ".lock"):
        waiting = threading.Thread(target=lambda: (begun.set(), kernel_cache.fill_kernel_cache()))
        waiting.start()
        assert begun.wait(60)
        waiting.join(0.2)
        assert not calls
    waiting.join(60)
    assert len(calls) == 1


@pytest.mark.usefixtures("fresh")
def test_a_folder_that_cannot_be_made_keeps_no_process_from_compiling(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls: list[object] = []
    compile_as(monkeypatch, lambda progress: calls.append(progress))
    (tmp_path / "kernels").write_text("a file")
    kernel_cache.fill_kernel_cache()
    assert len(calls) == 1


@pytest.mark.usefixtures("fresh")
def test_the_command_says_what_it_compiles_and_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compile_as(monkeypatch, lambda progress: progress("Erlang C, staffing"))
    done = CliRunner().invoke(main, ["warm"])
    assert done.exit_code == 0, done.output
    assert "0 s  Erlang C, staffing" in done.stderr
    assert str(tmp_path / "kernels") in done.stdout


@pytest.mark.django_db
def test_workers_that_compile_are_not_ready_until_one_has_done() -> None:
    now = timezone.now()
    note_beat("one", started_at=now, decided_at=now - timedelta(hours=1), compiling=True)
    note_beat("two", started_at=now - timedelta(minutes=2), decided_at=now, compiling=True)
    found = read_worker_health()
    assert (found.alarm, found.since) == ("compiling", now - timedelta(minutes=2))
    assert check_readiness().status == "compiling"
    note_beat("two", started_at=now - timedelta(minutes=2), decided_at=now)
    assert read_worker_health().alarm == ""
    assert check_readiness().ready


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (Readiness(True, ""), "ready"),
        (Readiness(True, "clock"), "ready"),
        (Readiness(True, "compiling"), "compiling"),
        (Readiness(True, "", compiling=True), "compiling"),
        (Readiness(True, "silent", compiling=True), "not ready"),
        (Readiness(False, None, compiling=True), "not ready"),
    ],
)
def test_compiling_is_said_where_nothing_else_is_wrong(found: Readiness, status: str) -> None:
    assert found.status == status
    assert found.ready == (status == "ready")
