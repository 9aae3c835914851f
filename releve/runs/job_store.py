"""Jobs of an installation: long work that users order, each a folder under the home.

==================  ==========================================================================
``desk.json``       the order: who asked for what, and when
``inputs/``         the operator, plans and rules, while they are needed
``lock``            held by the process of the job, and by the one that does the work
``asked``           touched when a process is started
``began``           touched when its turn has come
``stop``            a user asked to stop it
``failed.json``     why it could not go on
==================  ==========================================================================

Results are those of the job's kind. The state of a job is read from its folder alone, so it
survives the web process.

ReleveError, ValueError
└── RunError              what was asked for cannot be run; the text says why and the fix
    ├── StillReading      an uploaded file has not been read yet (a state of it)
    └── TooManyJobs       a user has as many jobs waiting or at work as one may have
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from releve.errors import Phrase, ReleveError, decode_phrase
from releve.files.atomic import try_lock, write_file

PATIENCE_S = 60.0
"""How long a process may take to appear before the job counts as broken off."""
DEADLINE = "deadline"
"""Reason of a job that was ended because it took too long."""
MOST_ACTIVE = 3
"""Jobs of a kind that a user may have waiting or at work: one runs at a time, for all."""
ACTIVE_STATES = frozenset({"waiting", "running", "stopping"})


class RunError(ReleveError, ValueError):
    """What was asked for cannot be run; the text says why and the fix."""


class StillReading(RunError):  # noqa: N818 (a state of the file)
    """An uploaded file is being read, for ``seconds`` now."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class TooManyJobs(RunError):  # noqa: N818 (what a user is refused)
    """A user has as many jobs waiting or at work as one may have."""


class Order(Protocol):
    """What a job is asked for: a dataclass of JSON values, ``at`` in UTC as ISO 8601."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def at(self) -> str: ...


O = TypeVar("O", bound=Order)  # noqa: E741 (the order of a kind)


@dataclass(frozen=True)
class JobKind(Generic[O]):
    """One kind of long work.

    ``folder`` of its jobs under the home; ``result`` the file that is there once a job is done.
    ``execute`` does the work; RunError says why it cannot go on, in a sentence that users read.
    Jobs that ``take_turns`` run one at a time. Of a ``confidential`` job nothing but its order and
    its result stays, however it ends. One that works for more than ``most_seconds`` is ended, and
    has failed with the reason DEADLINE.
    """

    folder: str
    result: str
    order: type[O]
    execute: Callable[[Job[O]], None]
    take_turns: bool = False
    confidential: bool = False
    most_seconds: float | None = None


@dataclass(frozen=True)
class Job(Generic[O]):
    """A job as its folder shows it.

    ``state`` is waiting, running, stopping, stopped, broken, failed or done; ``reason`` why it
    failed; ``seconds`` it has been at work, as far as they are known.
    """

    id: str
    folder: Path
    order: O
    state: str
    reason: str = ""
    seconds: float = 0.0

    @property
    def active(self) -> bool:
        """Whether it is at work, or waits for its turn."""
        return self.state in ACTIVE_STATES

    @property
    def may_stop(self) -> bool:
        return self.state in ("waiting", "running")

    @property
    def may_resume(self) -> bool:
        """Whether it can go on: it was stopped, broke off or failed."""
        return self.state in ("stopped", "broken", "failed")

    @property
    def run_folder(self) -> Path:
        return self.folder / "run"


@dataclass(frozen=True)
class JobStore(Generic[O]):
    """The jobs of one kind in the home folder of an installation."""

    home: Path
    kind: JobKind[O]
    root: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.home / self.kind.folder)

    def add(self, order: O, inputs: Mapping[str, Mapping[str, bytes]]) -> Path:
        """Make the folder of a new job with the files of its inputs; return it.

        It is made beside its place and renamed, so that a reader never sees half of it.
        """
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        stamp = order.at[:19].replace("-", "").replace(":", "").replace("T", "-")
        name = f"{stamp}-{secrets.token_hex(3)}"
        draft = self.root / f".{name}"
        draft.mkdir(mode=0o700)
        for part, files in inputs.items():
            (draft / "inputs" / part).mkdir(parents=True)
            for file, content in files.items():
                (draft / "inputs" / part / file).write_bytes(content)
        text = json.dumps(asdict(order), ensure_ascii=False, indent=1)
        write_file(draft / "desk.json", text, durable=False)
        draft.rename(self.root / name)
        return self.root / name

    def require_room(self, by: str) -> None:
        """Raise TooManyJobs where a user has MOST_ACTIVE jobs of this kind waiting or at work."""
        if not self.has_room(by):
            raise TooManyJobs(
                Phrase(
                    "{0} runs of yours wait or are at work, and a user may have no more: wait until"
                    " one ends, or stop one",
                    MOST_ACTIVE,
                )
            )

    def has_room(self, by: str) -> bool:
        """Return whether a user has fewer than MOST_ACTIVE jobs of this kind waiting or at work."""
        own = [job for job in self.list_jobs() if getattr(job.order, "by", None) == by]
        return sum(job.active for job in own) < MOST_ACTIVE

    def remove(self, job: Job[O]) -> bool:
        """Remove a job, whole; return False while a process is at work on it."""
        lock = try_lock(job.folder / "lock")
        if lock is None:
            return False
        with lock:
            gone = self.root / f".{job.id}"
            job.folder.rename(gone)
        shutil.rmtree(gone)
        return True

    def list_jobs(self) -> list[Job[O]]:
        """Return every job, the newest first."""
        names = sorted(os.listdir(self.root), reverse=True) if self.root.is_dir() else []
        found = (self.get(name) for name in names)
        return [job for job in found if job is not None]

    def get(self, name: str) -> Job[O] | None:
        if name.startswith(".") or "/" in name:
            return None
        folder = self.root / name
        try:
            tree = json.loads((folder / "desk.json").read_text(encoding="utf-8"))
            order = self.kind.order(**_freeze_lists(tree))
        except (OSError, ValueError, TypeError, AttributeError):
            return None
        state, reason = self._read_state(folder)
        return Job(name, folder, order, state, reason, self._measure_seconds(folder, state))

    def _read_state(self, folder: Path) -> tuple[str, str]:
        if (folder / self.kind.result).exists():
            return "done", ""
        if _is_locked(folder):
            if (folder / "stop").exists():
                return "stopping", ""
            return ("running" if (folder / "began").exists() else "waiting"), ""
        if (folder / "failed.json").exists():
            tree = json.loads((folder / "failed.json").read_text(encoding="utf-8"))
            return "failed", decode_phrase(tree["reason"])
        if (folder / "stop").exists():
            return "stopped", ""
        return ("waiting" if _is_asked_lately(folder) else "broken"), ""

    def _measure_seconds(self, folder: Path, state: str) -> float:
        began = _read_time(folder / "began")
        end = time.time() if state == "running" else _read_time(folder / self.kind.result)
        return 0.0 if began is None or end is None else max(0.0, end - began)


def _freeze_lists(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in tree.items()}


def _read_time(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def note_asked(folder: Path) -> None:
    """Note that the process of a job is started now.

    The instant is written: the time of a file is that of the disk's clock, which may be another.
    """
    (folder / "asked").write_text(f"{time.time()}\n", encoding="utf-8")


def _is_asked_lately(folder: Path) -> bool:
    try:
        asked = float((folder / "asked").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return time.time() - asked < PATIENCE_S


def _is_locked(folder: Path) -> bool:
    lock = try_lock(folder / "lock")
    if lock is None:
        return True
    lock.close()
    return False


def current_stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
