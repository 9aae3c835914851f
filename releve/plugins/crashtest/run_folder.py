"""A run folder: a crash test on the disk, whole or on its way.

==============================  ==============================================================
``run.json``                    what is run: the settings, the cases, the version, the digests of
                                the inputs
``cases/N/part-FIRST.npz``      the rows of a part of case N, from quarter FIRST on; written beside
                                and renamed, so that a killed run leaves whole parts only
``cases/N/without-FIRST.npz``   quarters of case N from FIRST on, rerun without each cause
``cases/N/result.json``         the result of a case whose parts are all there
``doing.json``                  while it is made: at which case, and what is done there
``comparison.json``             the cases beside the first, quarter by quarter
``certificate.json``            ``run.json`` and the digests of the results
==============================  ==============================================================
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from releve.files.atomic import write_file
from releve.plugins.crashtest.engine import CrashResult, Quarters, result_from_json, result_to_json
from releve.plugins.crashtest.engine.ablation import Ablation
from releve.runs.job_store import RunError

RUN_FORMAT = "releve-crashtest-run/1"
_DOING = "doing.json"


class RunFolderError(RunError):
    """A run folder that cannot be used as asked; the message says why and the fix."""


def digest_parts(parts: Iterable[bytes]) -> str:
    """Return the SHA-256 of several texts, each with its length before it."""
    found = hashlib.sha256()
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


def begin_run(folder: Path, inputs: Mapping[str, Any], *, resume: bool) -> None:
    """Make a run folder for some inputs, or find that it holds a run of the same.

    RunFolderError when it holds another run, or holds one and ``resume`` is not asked for.
    """
    tree = {"format": RUN_FORMAT, **inputs}
    path = folder / "run.json"
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise RunFolderError(f"{folder} holds other files: name a new or an empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, tree)
        return
    other = list_differences(read_run(folder), json.loads(json.dumps(tree)))
    if other:
        raise RunFolderError(f"{folder} holds another run ({'; '.join(other[:3])}): name another folder")
    if not resume:
        raise RunFolderError(f"{folder} holds this run already: --resume goes on with it")


def read_run(folder: Path) -> dict[str, Any]:
    path = folder / "run.json" if folder.is_dir() else folder
    try:
        tree: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise RunFolderError(f"{path} is not a run of a crash test: {error}") from None
    if not isinstance(tree, dict) or tree.get("format") != RUN_FORMAT:
        raise RunFolderError(f"{path} is not a run of this version: run the test again")
    return tree


def list_differences(one: Mapping[str, Any], other: Mapping[str, Any], where: str = "") -> list[str]:
    """Return the entries in which two trees differ, like ``settings.seed: 1, now 2``."""
    found: list[str] = []
    for name in sorted({*one, *other}):
        left, right = one.get(name), other.get(name)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            found += list_differences(left, right, f"{where}{name}.")
        elif left != right:
            found.append(f"{where}{name}: {left}, now {right}")
    return found


def _find_case(folder: Path, case: int) -> Path:
    return folder / "cases" / str(case)


def write_part(folder: Path, case: int, part: Quarters | Ablation) -> None:
    """Write the rows of a part; a reader never sees half of it."""
    room = io.BytesIO()
    np.savez_compressed(room, **{item.name: getattr(part, item.name) for item in fields(part)})
    stem = "part" if isinstance(part, Quarters) else "without"
    _write(_find_case(folder, case) / f"{stem}-{part.first:08}.npz", room.getvalue())


def read_parts(folder: Path, case: int) -> list[Quarters]:
    paths = sorted(_find_case(folder, case).glob("part-*.npz"))
    return [Quarters(**_read_rows(path, Quarters)) for path in paths]


def read_ablations(folder: Path, case: int) -> list[Ablation]:
    """Return the saved parts of a case rerun without each cause, in order."""
    paths = sorted(_find_case(folder, case).glob("without-*.npz"))
    return [Ablation(**_read_rows(path, Ablation)) for path in paths]


def _read_rows(path: Path, kind: type[Quarters | Ablation]) -> dict[str, Any]:
    with np.load(path) as held:
        rows: dict[str, Any] = {item.name: held[item.name] for item in fields(kind)}
    return {**rows, "first": int(rows["first"])}


def write_step(folder: Path, case: int, what: str) -> None:
    """Say in a run folder what is done now: ``preparing``, ``running`` or ``without``."""
    write_json(folder / _DOING, {"case": case, "what": what})


def clear_step(folder: Path) -> None:
    """Say that nothing is done any more."""
    (folder / _DOING).unlink(missing_ok=True)


def read_step(folder: Path) -> tuple[int, str] | None:
    """Return the case that is at work and what is done there; None when it was not said."""
    try:
        tree = json.loads((folder / _DOING).read_text(encoding="utf-8"))
        return int(tree["case"]), str(tree["what"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_result(folder: Path, case: int, result: CrashResult) -> str:
    text = result_to_json(result).encode()
    _write(_find_case(folder, case) / "result.json", text)
    return digest_parts([text])


def read_result(folder: Path, case: int) -> CrashResult:
    """Return the result of a case; RunFolderError while it is not there."""
    path = _find_case(folder, case) / "result.json"
    if not path.exists():
        raise RunFolderError(f"{path} is not there: the run is on its way, or was stopped")
    return result_from_json(path.read_text(encoding="utf-8"))


def write_json(path: Path, tree: Mapping[str, Any]) -> None:
    """Write a tree as JSON; a reader never sees half of it."""
    _write(path, json.dumps(tree, ensure_ascii=False, sort_keys=True, indent=1).encode())


def build_certificate(inputs: Mapping[str, Any], results: Mapping[str, str]) -> dict[str, Any]:
    """Return a certificate: what was run, and the digest of the result of each case by label."""
    return {"format": RUN_FORMAT, **inputs, "results": dict(results)}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, content)
