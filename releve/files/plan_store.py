"""The plans of the folder in memory, read again when their file changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Lock

from releve.files.plan_folder import PlanFolderError, list_plan_files
from releve.plan.plan_json import PlanFormatError, plan_from_json
from releve.plan.result import Plan

__all__ = ["PlanStore", "StoredPlan", "digest_plans", "open_plan_store"]


@dataclass(frozen=True)
class StoredPlan:
    """A plan with its digest, the days planned beside it, and the one shown by default."""

    plan: Plan
    digest: str
    days: tuple[date, ...]
    default: date


@dataclass(frozen=True)
class _Read:
    signature: tuple[int, int, int]
    digest: str
    plan: Plan


class PlanStore:
    """Reads each day once and again when its file is another one (inode, time, size)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._read: dict[date, _Read] = {}

    def days(self) -> tuple[date, ...]:
        """Return the days that the folder holds now."""
        return tuple(list_plan_files(self._folder))

    def get(self, day: date | None = None) -> StoredPlan | None:
        """Return the plan of a day (the first one by default); None when there is no such day.

        PlanFolderError when the folder or the file cannot be read.
        """
        files = list_plan_files(self._folder)
        chosen = next(iter(files)) if day is None else day
        if chosen not in files:
            return None
        with self._lock:
            read = self._fresh(chosen, files[chosen])
        return StoredPlan(read.plan, read.digest, tuple(files), next(iter(files)))

    def get_all(self) -> tuple[StoredPlan, ...]:
        """Return every plan of the folder, by day; PlanFolderError as for one."""
        found = (self.get(day) for day in self.days())
        return tuple(item for item in found if item is not None)

    def _fresh(self, day: date, path: Path) -> _Read:
        try:
            status = path.stat()
            signature = (status.st_ino, status.st_mtime_ns, status.st_size)
            known = self._read.get(day)
            if known is not None and known.signature == signature:
                return known
            content = path.read_bytes()
            plan = plan_from_json(content.decode("utf-8"))
        except OSError as error:
            raise PlanFolderError(f"{path}: {error.strerror}") from error
        except (PlanFormatError, UnicodeDecodeError) as error:
            raise PlanFolderError(f"{path}: {error}") from error
        digest = hashlib.sha256(content).hexdigest()
        self._read[day] = _Read(signature, digest, plan)
        return self._read[day]


def digest_plans(plans: Iterable[StoredPlan]) -> str:
    """Return what identifies some plans of a folder together; empty for none."""
    digests = "".join(item.digest for item in plans)
    return hashlib.sha256(digests.encode()).hexdigest() if digests else ""


_stores: dict[Path, PlanStore] = {}


def open_plan_store(folder: Path | None) -> PlanStore:
    """Return the store of a folder, one per folder and process."""
    if folder is None:
        raise PlanFolderError("RELEVE_PLAN_FOLDER is not set")
    return _stores.setdefault(folder, PlanStore(folder))
