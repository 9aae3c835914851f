"""Jobs in a home folder, and their work done in the test's own process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from releve.runs import job_process
from releve.runs.job_process import execute_job
from tests.desk_crashtest.conftest import maker

__all__ = ["maker", "work_here"]


class _Finished:
    """A process that did its work before it was returned."""

    def __init__(self, returncode: int) -> None:
        self.returncode = returncode

    def poll(self) -> int:
        """Return the status at once."""
        return self.returncode


@pytest.fixture
def work_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do the work of a job in this process, where a test can replace parts of it."""

    def start(arguments: list[str], **_options: Any) -> _Finished:
        folder, word = arguments
        assert word == "execute"
        return _Finished(0 if execute_job(Path(folder)) else 1)

    monkeypatch.setattr(job_process, "_start_process", start)
