"""Do 200 slow clients hold up the others? The desk's server and the gate, each beside itself alone.

    python -m bench.slow_clients [--clients N] [--requests R] [--json]

A slow client sends a byte of its request a second: half of them of the header, half of a body that
was announced. Meanwhile one client at a time asks for /healthz (the desk, whole) or /health (the
gate, which looks into its database). ``pass``: each was answered, and their p99 is at most twice
the one without slow clients.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import numpy as np

__all__ = ["ask_many", "main", "slow_clients", "started"]

SLOW = 200
REQUESTS = 300
MOST_RATIO = 2.0
_BEGUN = (
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
    b"POST /language HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n",
)


@contextmanager
def slow_clients(port: int, count: int = SLOW) -> Iterator[None]:
    """Keep so many clients at a server, each sending a byte a second; one cut off comes back."""
    stopping = threading.Event()
    clients = [_connect(port, at) for at in range(count)]

    def trickle() -> None:
        while not stopping.wait(1.0):
            for at, client in enumerate(clients):
                try:
                    client.send(b"a")
                except OSError:
                    client.close()
                    clients[at] = _connect(port, at)

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        for client in clients:
            client.close()


def _connect(port: int, at: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    try:
        client.sendall(_BEGUN[at % 2])
    except OSError:
        client.close()
        raise
    client.setblocking(False)
    return client


def ask_many(port: int, path: str, requests: int = REQUESTS) -> tuple[float, int]:
    """Ask for a page again and again; return the p99 in s, and how many answers were not 200."""
    seconds, failed = [], 0
    for _ in range(requests):
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            failed += answer.status != 200
        except OSError:
            failed += 1
        finally:
            connection.close()
        seconds.append(time.perf_counter() - began)
    return float(np.quantile(seconds, 0.99)), failed


@contextmanager
def started(home: Path) -> Iterator[dict[str, int]]:
    """Make an installation and serve its desk and gate; yield the port of each."""
    environ = {**os.environ, "RELEVE_HOME": str(home)}
    releve = [sys.executable, "-m", "releve"]
    subprocess.run([*releve, "init"], env=environ, check=True, stdout=subprocess.DEVNULL)
    ports = {"desk": _find_free_port(), "gate": _find_free_port()}
    line = ["serve", "desk", "gate", "--port", str(ports["desk"])]
    line += ["--gate-port", str(ports["gate"])]
    with subprocess.Popen([*releve, *line], env=environ, stderr=subprocess.DEVNULL) as process:
        try:
            until = time.monotonic() + 120
            while any(ask_many(ports[name], path, 1)[1] for name, path in PATHS.items()):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError("the installation does not start")
                time.sleep(0.2)
            yield ports
        finally:
            process.terminate()
            process.wait(60)


PATHS = {"desk": "/healthz", "gate": "/health"}


def _find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def measure(port: int, path: str, clients: int, requests: int) -> dict[str, float]:
    """Return the p99 in ms alone (the larger of before and after), and beside slow clients."""
    before, lost = ask_many(port, path, requests)
    with slow_clients(port, clients):
        beside, failed = ask_many(port, path, requests)
    after, lost_after = ask_many(port, path, requests)
    return {
        "alone_p99_ms": round(1000 * max(before, after), 2),
        "beside_p99_ms": round(1000 * beside, 2),
        "failed": lost + failed + lost_after,
    }


@click.command()
@click.option("--clients", default=SLOW, show_default=True, type=click.IntRange(1, 600))
@click.option("--requests", default=1000, show_default=True, type=click.IntRange(100))
@click.option("--json", "as_json", is_flag=True)
def main(clients: int, requests: int, as_json: bool) -> None:
    """Start an installation, and ask both of its servers."""
    with tempfile.TemporaryDirectory(prefix="releve-bench-") as home, started(Path(home)) as ports:
        found = {name: measure(ports[name], PATHS[name], clients, requests) for name in ports}
    passed = all(
        not row["failed"] and row["beside_p99_ms"] <= MOST_RATIO * row["alone_p99_ms"] for row in found.values()
    )
    if as_json:
        click.echo(json.dumps({**found, "pass": passed}))
    else:
        for name, row in found.items():
            click.echo(f"{name}: p99 {row['alone_p99_ms']} ms alone, {row['beside_p99_ms']} ms "
                       f"beside {clients} slow clients, {row['failed']} not answered")  # fmt: skip
        click.echo("pass" if passed else "missed")
    sys.exit(not passed)


if __name__ == "__main__":
    main()
