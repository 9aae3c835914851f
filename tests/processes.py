"""Processes forked from one that has loaded the program: milliseconds instead of two seconds each.

``start("releve", "ledger", "seal", environ=environ)`` runs what ``python -m releve ledger seal``
would run, with that environment. It is a process of its own, to be waited for or killed; settings
are read again, no connection is shared. Start with ``subprocess`` where the start itself is tested.

One server for each process of pytest forks a keeper for each request, which forks the program,
sends its process id, waits for it and sends its exit status.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import secrets
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

__all__ = ["ROOT", "Process", "open_to_scripts", "run", "start"]

ROOT = Path(__file__).parents[1]
_NUMBERS = struct.Struct("!i")


class Process:
    """A running program; the part of ``subprocess.Popen`` that tests need, always of text."""

    def __init__(self, pid: int, status: socket.socket, out: IO[str], error: IO[str]) -> None:
        self.pid, self._status = pid, status
        self.stdout, self.stderr = out, error
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status, negative for a signal; TimeoutError after ``timeout`` seconds."""
        if self.returncode is None:
            self._status.settimeout(timeout)
            self.returncode = _receive_number(self._status)
            self._status.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Return all that is still to be read, once the program has ended."""
        errors: list[str] = []
        reader = threading.Thread(target=lambda: errors.append(self.stderr.read()))
        guard = threading.Timer(timeout or 0, self.kill)
        reader.start()
        if timeout:
            guard.start()
        out = self.stdout.read()
        reader.join()
        self.wait()
        guard.cancel()
        self._close()
        return out, errors[0]

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the program, unless it has ended."""
        if self.returncode is None:
            with suppress(ProcessLookupError):  # its keeper knows already that it has ended
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the program."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the program to end."""
        self.send_signal(signal.SIGTERM)

    def _close(self) -> None:
        for stream in (self.stdout, self.stderr):
            stream.close()

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self.wait()


def start(
    module: str,
    *arguments: str,
    environ: Mapping[str, str],
    folder: Path = ROOT,
    quiet: bool = False,
    shown: bool = False,
) -> Process:
    """Start a module as a program in ``folder``; a ``quiet`` one has nowhere to write its errors.

    What is not quiet is to be read: it waits where a pipe is full. One that is ``shown`` writes where this
    process writes its errors, and there is nothing to read.
    """
    request = {"module": module, "arguments": arguments, "environ": dict(environ), "folder": str(folder)}
    mine, theirs = socket.socketpair()
    out, out_end = os.pipe()
    error, error_end = os.pipe()
    with theirs, open(os.devnull, "wb") as nowhere, os.fdopen(out_end), os.fdopen(error_end):
        chosen = (2, 2) if shown else (out_end, nowhere.fileno() if quiet else error_end)
        _server().send(request, [theirs.fileno(), *chosen])
    streams = [os.fdopen(number, encoding="utf-8") for number in (out, error)]
    return Process(_receive_number(mine), mine, *streams)


def run(
    module: str, *arguments: str, environ: Mapping[str, str], folder: Path = ROOT, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a module as a program to its end; after ``timeout`` seconds it is killed."""
    process = start(module, *arguments, environ=environ, folder=folder)
    out, error = process.communicate(timeout)
    return subprocess.CompletedProcess([module, *arguments], process.wait(), out, error)


@contextmanager
def open_to_scripts(path: Path) -> Iterator[None]:
    """Fork what ``tests.forked_program``, started by a script, asks for on a socket at ``path``."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        relay = threading.Thread(target=_relay, args=[listener])
        relay.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            relay.join()


def _relay(listener: socket.socket) -> None:
    """Hand each request on; its keeper answers on the connection that it came by."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # it is shut
            return
        with connection:
            size, streams, _, _ = socket.recv_fds(connection, _NUMBERS.size, 2)
            request = json.loads(_receive(connection, _NUMBERS.unpack(size)[0]))
            _server().send(request, [connection.fileno(), *streams])
        for number in streams:
            os.close(number)


def _receive_number(connection: socket.socket) -> int:
    return int(_NUMBERS.unpack(_receive(connection, _NUMBERS.size))[0])


def _receive(connection: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        part = connection.recv(size - len(content))
        if not part:
            raise EOFError("the server of processes is gone")
        content += part
    return content


class _Server:
    """The process that has loaded the program; it ends with the process that started it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection, theirs = socket.socketpair()
        environ = {k: v for k, v in os.environ.items() if not k.startswith("RELEVE_")}
        environ |= {
            "DJANGO_SETTINGS_MODULE": "releve.settings",
            "RELEVE_HOME": tempfile.gettempdir(),  # nothing is read or written there
            "RELEVE_SECRET_KEY": secrets.token_urlsafe(48),
        }
        line = [sys.executable, "-m", "tests.processes"]
        self._process = subprocess.Popen(line, cwd=ROOT, env=environ, stdin=theirs)
        theirs.close()
        atexit.register(self.end)

    def end(self) -> None:
        self._connection.close()
        self._process.wait()

    def send(self, request: Mapping[str, Any], descriptors: list[int]) -> None:
        content = json.dumps(request).encode()
        with self._lock:
            socket.send_fds(self._connection, [_NUMBERS.pack(len(content))], descriptors)
            self._connection.sendall(content)


@cache
def _server() -> _Server:
    return _Server()


def _serve() -> None:
    """Fork what is asked for until the tests are gone."""
    _load()
    signal.signal(signal.SIGCHLD, _collect_keepers)
    connection = socket.socket(fileno=os.dup(0))
    gc.collect()
    gc.freeze()  # a collection in a child would else copy every page
    while True:
        size, descriptors, _, _ = socket.recv_fds(connection, _NUMBERS.size, 3)
        if not size:
            return None
        request = json.loads(_receive(connection, _NUMBERS.unpack(size)[0]))
        if not _fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            connection.close()
            if _keep(descriptors):
                return _become(request, descriptors)
        for number in descriptors:
            os.close(number)


def _collect_keepers(*_given: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _fork() -> int:
    with warnings.catch_warnings():  # threads of polars and its memory wait for work
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _keep(descriptors: list[int]) -> bool:
    """Fork, and return True in the program to be; tell of it in its keeper, which ends here."""
    program = _fork()
    if not program:
        return True
    status = socket.socket(fileno=descriptors[0])
    for number in (0, 1, 2, *descriptors[1:]):
        os.close(number)  # who reads what the program writes waits for it alone
    try:
        status.sendall(_NUMBERS.pack(program))
        _, ended = os.waitpid(program, 0)
        status.sendall(_NUMBERS.pack(os.waitstatus_to_exitcode(ended)))
    finally:
        os._exit(0)


def _load() -> None:
    """Import what commands do, by settings that each process reads again."""
    import django

    django.setup()
    import releve.cli
    import releve.desk.urls
    import releve.live.worker
    import releve.upkeep.restore  # noqa: F401


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Run a module as a program, as a new interpreter would."""
    status, out, error = descriptors
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, taken in enumerate((nothing, out, error)):
        os.dup2(taken, number)
    for number in (nothing, status, out, error):
        os.close(number)
    environ = request["environ"]
    environ.setdefault("NUMBA_CACHE_DIR", os.environ["NUMBA_CACHE_DIR"])
    environ.setdefault("DJANGO_SETTINGS_MODULE", os.environ["DJANGO_SETTINGS_MODULE"])
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(request["folder"])
    sys.path[:] = [request["folder"], *environ.get("PYTHONPATH", "").split(os.pathsep), *sys.path]
    if environ.get("PYTHONUNBUFFERED"):
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    _forget_settings()
    sys.argv = [request["module"], *request["arguments"]]
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


def _forget_settings() -> None:
    """Let Django read the settings when they are next asked for."""
    from django.conf import settings
    from django.core.cache import caches
    from django.db import connections
    from django.utils.functional import empty

    assert all(found.connection is None for found in connections.all(initialized_only=True))
    sys.modules.pop("releve.settings", None)
    cast(Any, settings)._wrapped = empty
    for handler in (connections, caches):
        cast(Any, handler).__init__()
        handler.__dict__.pop("settings", None)


if __name__ == "__main__":
    _serve()


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> float:
    """Return after how many seconds a condition held; fail where it did not in time."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, what
        time.sleep(0.1)
    return time.monotonic() - begun
