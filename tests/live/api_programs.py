"""Programs that record events through the API and try again after lost connections."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.live.killed_processes import PROGRAM

__all__ = ["Programs", "Sent", "key_in_the_ledger"]

LONGEST_SECONDS = 120.0
_PASSING = (0, 503)
"""What is tried again: a connection that broke, and a server that says it is kept waiting."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One event to record; ``again`` = until it is acknowledged, else once."""

    key: str
    kind: str
    fields: Mapping[str, object]
    again: bool


@dataclass
class Programs:
    """One program a site, each in a thread of its own, which take turns by a common allowance."""

    port: int
    token: str
    sites: Sequence[str]
    agents: Sequence[str]
    day: str
    allowed: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    acknowledged: dict[str, int] = field(default_factory=dict)
    """Acknowledged events: key -> number of the entry."""
    given_up: list[str] = field(default_factory=list)
    broken: int = 0
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    threads: list[threading.Thread] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def start(self, events: int) -> None:
        """Share the events out and start to send them."""
        for place in range(len(self.sites)):
            mine = list(self._events(place, len(range(place, events, len(self.sites)))))
            thread = threading.Thread(target=self._send_all, args=(mine,))
            thread.start()
            self.threads.append(thread)

    def lose_a_link(self) -> None:
        """Record an outage that lasts, so that people are notified at the end."""
        self._send(Sent("last", "link.down", {"site": self.sites[0]}, again=True))

    def compare(self, found: Mapping[str, Any]) -> None:
        """Hold what ``killed_processes.check`` found to what was acknowledged.

        What was not acknowledged, and not sent again, is there once or not at all.
        """
        acknowledged = {key_in_the_ledger(key): seq for key, seq in self.acknowledged.items()}
        given_up = {key_in_the_ledger(key) for key in self.given_up}
        acts = found["acts"]
        assert len(acknowledged) + len(given_up) == self.sent
        assert {key: acts.get(key) for key in acknowledged} == acknowledged, "each is the entry it was said to be"
        assert set(acts) <= {*acknowledged, *given_up}
        assert len(set(acts.values())) == len(acts), "each event is an entry of its own"
        kinds = ("link.down", "power.down", "power.up", "agent.unavailable", "agent.back", "agents.present")
        assert sum(found["events"].get(kind, 0) for kind in kinds) == len(acts), "and none is more"

    @property
    def settled(self) -> int:
        return len(self.acknowledged) + len(self.given_up)

    @property
    def under_way(self) -> bool:
        return any(thread.is_alive() for thread in self.threads)

    def _events(self, place: int, count: int) -> Iterator[Sent]:
        """Yield the events of a site: power down, an agent away, both back, and a head count.

        The head count is sent once only: no later event depends on it.
        """
        site = self.sites[place]
        mine = self.agents[place :: len(self.sites)]
        for number in range(count):
            turn, step = divmod(number, 5)
            agent = mine[turn % len(mine)]
            kind, fields = (
                ("power.down", {"site": site}),
                ("agent.unavailable", {"agent": agent}),
                ("power.up", {"site": site}),
                ("agent.back", {"agent": agent}),
                ("agents.present", {"site": site, "day": self.day, "count": number}),
            )[step]
            yield Sent(f"{site}-{number}", kind, fields, again=step != 4)

    def _send_all(self, events: Sequence[Sent]) -> None:
        try:
            for event in events:
                self.allowed.acquire()
                self._send(event)
        except AssertionError as error:
            self.faults.append(str(error))

    def _send(self, event: Sent) -> None:
        with self.lock:
            self.sent += 1
        until = time.monotonic() + LONGEST_SECONDS
        while True:
            status, answer = self._post(event)
            if status not in _PASSING:
                break
            self.broken += status == 0
            if not event.again and status == 0:
                self.given_up.append(event.key)
                return
            assert time.monotonic() < until, f"{event.key}: no answer but {status}"
            time.sleep(0.05)
        assert status in (200, 201), f"{event.key}: {status} {answer}"
        self.acknowledged[event.key] = answer["seq"]

    def _post(self, event: Sent) -> tuple[int, Any]:
        """Send an event once; 0 where the connection broke, before the answer was read whole."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": event.key,
        }
        try:
            body = json.dumps(event.fields)
            connection.request("POST", f"/api/v1/events/{event.kind}", body, headers)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()


def key_in_the_ledger(key: str) -> str:
    """Return how the key of a program's event stands in the database."""
    return hashlib.sha256(f"token:{PROGRAM}\n{key}".encode()).hexdigest()
