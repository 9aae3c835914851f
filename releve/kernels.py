"""Where compiled kernels are kept: one folder for each state of the files they are made from.

numba's cache on disk looks at the file of a kernel alone. A kernel that calls one of another file
would go on with the old one after a change there, and give wrong figures without a word. So the
folder is named by what stands in all these files: any change begins a new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["cache_folder", "kernel_files"]

PACKAGE = Path(__file__).resolve().parent
_FOLDERS = ("crashtest", "demand/erlang", "demand/queue")
_FILES = ("plan/rounding.py", "plan/local_search.py")
"""Where kernels call those of other files, or take their constants."""


def kernel_files(package: Path = PACKAGE) -> Iterator[Path]:
    """Yield the files that decide what the kernels do, in one order."""
    for folder in _FOLDERS:
        yield from sorted((package / folder).rglob("*.py"))
    for name in _FILES:
        yield package / name


def cache_folder(package: Path = PACKAGE) -> Path:
    """Return the folder of the kernels as they stand."""
    digest = hashlib.sha256()
    for path in kernel_files(package):
        digest.update(f"{path.relative_to(package).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return package / "__pycache__" / f"kernels-{digest.hexdigest()[:16]}"
