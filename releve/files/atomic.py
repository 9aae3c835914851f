"""Write a file or folder whole or not at all, and locks between processes of one machine.

The content goes to a hidden draft in the same folder and is renamed into place, so readers see the
old content or the new one. A failed write removes its draft; a killed process leaves one, whose
name begins with a dot. Locks are files; a process that ends gives up its own.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_PRIVATE = 0o600
_NO_HARD_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""What a mounted share or a disk of another system answers that knows one name for a file."""


def write_file(path: Path, content: str | bytes, *, mode: int | None = None, durable: bool = True) -> None:
    """Write a file at once, replacing the one that is there; text is written as UTF-8.

    ``mode`` sets the permissions; None leaves them to the umask. ``durable`` files are on the disk
    when the call returns; without it, a power cut may lose the file but never leaves half of it.
    """
    with replace_file(path, mode=mode, durable=durable) as stream:
        stream.write(_encode(content))


@contextmanager
def replace_file(path: Path, *, mode: int | None = None, durable: bool = True) -> Iterator[IO[bytes]]:
    """Open the draft of a file for writing; it takes the file's place when the block ends well."""
    with _write_draft(path, os.replace, mode, durable) as stream:
        yield stream


def create_file(path: Path, content: str | bytes, *, mode: int | None = _PRIVATE) -> bool:
    """Write a file unless one is there; return whether this call wrote it.

    Of several processes that create the file at once, on several hosts too, exactly one returns
    True. ``mode`` None leaves the permissions to the umask.
    """
    try:
        with _write_draft(path, _link, mode, durable=True) as stream:
            stream.write(_encode(content))
    except FileExistsError:
        return False
    return True


def _link(draft: Path, path: Path) -> None:
    """Give a draft its name unless that is taken; by a copy where the disk has no hard links.

    A process killed while it copies leaves a part of the file, which is never written over.
    """
    try:
        os.link(draft, path)
        return
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
    with path.open("xb") as stream:
        try:
            stream.write(draft.read_bytes())
            stream.flush()
            os.fsync(stream.fileno())
            os.fchmod(stream.fileno(), draft.stat().st_mode & 0o777)
        except OSError:
            path.unlink()
            raise


@contextmanager
def _write_draft(
    path: Path, place: Callable[[Path, Path], None], mode: int | None, durable: bool
) -> Iterator[IO[bytes]]:
    draft = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    descriptor = os.open(draft, flags, 0o666 if mode is None else _PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if mode is not None:
                os.fchmod(descriptor, mode)
            yield stream
            if durable:
                stream.flush()
                os.fsync(descriptor)
        place(draft, path)
    except OSError as error:
        if error.filename is None:  # a disk that is full does not say for which file
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        draft.unlink(missing_ok=True)
    if durable:
        _sync_folder(path.parent)


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Yield an empty draft folder that takes the place of ``path`` when the block ends well.

    A folder that is there is removed, or put back where the renaming fails. The files are as
    durable as the caller writes them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        draft = staged / "new"
        draft.mkdir()
        yield draft
        _swap(draft, path, staged / "old")
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _swap(draft: Path, path: Path, aside: Path) -> None:
    """Rename a folder to its place; the one that is there steps aside, and back on an error."""
    held = path.exists()
    if held:
        os.replace(path, aside)
    try:
        os.replace(draft, path)
    except OSError:
        if held:
            os.replace(aside, path)
        raise


def make_folder(folder: Path, *, mode: int = 0o777) -> None:
    """Make a folder, and those above it that are missing, so that they outlive a power cut.

    A durable file in a folder that is lost is lost with it.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(mode=mode, parents=True, exist_ok=True)
    for one in missing:
        _sync_folder(one.parent)


def _encode(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _sync_folder(folder: Path) -> None:
    """Write a folder's list of names to the disk, so that a renaming outlives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a lock, after waiting for the process that holds it."""
    with path.open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def try_lock(path: Path) -> IO[bytes] | None:
    """Take a lock and return the open file that holds it until closed; None when it is taken."""
    stream = path.open("ab")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        return None
    return stream
