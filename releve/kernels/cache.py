"""The folder of compiled kernels: one for each state of the files that they are made from.

numba's own cache checks the file of a kernel alone: a kernel that calls one of another file would
keep the old one after a change there, and silently give wrong figures. The folder is therefore
named by the digest of all these files, and any change begins a new one. Within it a kernel is found
by its place in the package: a folder filled by one copy serves every other of the same files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
_FOLDERS = ("plugins/crashtest/engine", "demand/erlang", "demand/queue", "kernels")
_FILES = ("network/max_independent_set.py", "plan/local_search.py", "plan/rounding.py")


def kernel_files(package: Path = PACKAGE) -> Iterator[Path]:
    """Yield the files that decide what the kernels do, in a fixed order."""
    for folder in _FOLDERS:
        yield from sorted((package / folder).rglob("*.py"))
    for name in _FILES:
        yield package / name


def compute_kernel_digest(package: Path = PACKAGE) -> str:
    """Return the digest of the files that decide what the kernels do."""
    digest = hashlib.sha256()
    for path in kernel_files(package):
        digest.update(f"{path.relative_to(package).as_posix()}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_folder(environ: Mapping[str, str] | None = None, package: Path = PACKAGE) -> Path:
    """Return the folder of the kernels for the files as they are now.

    In ``RELEVE_CACHE_DIR``; else in the folder that systemd gives for caches; else beside the files
    of a checkout, as Python keeps its own; else in the user's folder for caches. An installed
    package is never written to, and may be read-only.
    """
    return _find_caches(environ or {}, package) / f"kernels-{compute_kernel_digest(package)}"


def _find_caches(environ: Mapping[str, str], package: Path) -> Path:
    for name in ("RELEVE_CACHE_DIR", "CACHE_DIRECTORY"):
        given = environ.get(name, "").strip().partition(":")[0]
        if given:
            return Path(given)
    if (package.parent / "pyproject.toml").is_file():
        return package / "__pycache__"
    user = environ.get("XDG_CACHE_HOME", "")
    return (Path(user) if user.startswith("/") else Path.home() / ".cache") / "releve"
