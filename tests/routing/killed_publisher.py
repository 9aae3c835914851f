"""A program that publishes without end, killed at random instants by the one that forks it.

``python -m tests.routing.killed_publisher URL FILE KILLS`` prints how many generations there were.
It is a program of its own, since only a process without threads may fork.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

from releve.routing import Generation, compute_shares, list_addresses, list_dialled
from releve.routing.kamailio import KamailioProxy
from releve.routing.kamailio.dispatcher_list import build_targets, compute_list_digest, read_number
from tests.routing.generations import NOON, small_operator

__all__ = ["OPERATOR", "numbered"]

OPERATOR = small_operator(("casa-1", "rabat-1"), "127.0.0.1:9")
SECRET = "a-secret-of-the-tests-of-routing-32"


def numbered(number: int) -> Generation:
    """Return a generation whose shares and closed site follow from its number."""
    people = {"casa-1": 1.0 + number % 7, "rabat-1": 2.0 + number % 5}
    closed = frozenset({"rabat-1"}) if number % 3 == 0 else frozenset[str]()
    dialled = list_dialled(OPERATOR)
    routes = {name: compute_shares(people, closed) for name in dialled}
    return Generation("live", number, NOON, routes, list_addresses(OPERATOR), dialled)


def publish(adapter: KamailioProxy, number: int) -> None:
    generation = numbered(number)
    adapter.apply(adapter.plan(generation, None), key=f"k{number}")


def publish_and_die(adapter: KamailioProxy, number: int, seconds: float) -> None:
    """Publish from a number on in a child, and kill it that long after its first publication."""
    child = os.fork()
    if child == 0:
        while True:
            publish(adapter, number)
            number += 1
    while adapter.observe().number < number:  # type: ignore[union-attr]
        time.sleep(0.001)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def main(url: str, file: str, kills: int) -> None:
    adapter, chance, number = KamailioProxy("paris", url, SECRET, Path(file)), random.Random(21), 1
    between = 0
    for _ in range(kills):
        publish_and_die(adapter, number, chance.random() / 20)
        seen = adapter.observe()
        assert seen is not None
        assert seen.whole, "the proxy holds part of a list"
        assert seen.digest == compute_list_digest(build_targets(numbered(seen.number)))
        newest = read_number(Path(file).read_text(encoding="utf-8"))
        assert newest >= seen.number
        between += newest > seen.number
        number = newest + 1
        publish(adapter, number)
        converged = adapter.observe()
        assert converged is not None
        assert (converged.number, converged.whole) == (number, True)
        number += 1
    print(f"{number - 1} generations, {between} kills between the file and its reload")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
