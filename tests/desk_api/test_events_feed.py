"""Programs that follow what is recorded: each entry once, in order, as far as they may see it."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from releve.accounts.permissions import Role
from releve.accounts.reach import load_entries_after
from releve.desk.api import events
from releve.ledger.chain import read_head
from releve.ledger.models import LedgerEntry
from tests.desk_api.conftest import Program, program
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.database, pytest.mark.django_db]


class Stopping:
    """Stands for the wait between two looks: counts, and does what happens meanwhile."""

    def __init__(self, *meanwhile: Any) -> None:
        self.looks, self._meanwhile = 0, list(meanwhile)

    def wait(self, seconds: float) -> bool:
        self.looks += 1
        if self._meanwhile:
            self._meanwhile.pop(0)()
        return not self._meanwhile


def numbers() -> list[int]:
    return list(LedgerEntry.objects.order_by("seq").values_list("seq", flat=True))


def test_a_reader_that_is_killed_fifty_times_has_each_entry_once(
    manager: Program, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "load_entries_after", _a_few_at_a_time)
    random, stored, last, kills = Random(7), [], 0, 0
    site = scenario.site
    while kills < 50 or last < read_head().seq:
        if kills < 50 and random.random() < 0.5:
            kind = "power.up" if manager.get("/sites").json()["sites"][0].get("power") else "power.down"
            manager.record(kind, f"key-{kills}-{len(stored)}", site=site)
        answer = manager.get(f"/events?after={last}").json()
        if kills < 50 and random.random() < 0.4:
            kills += 1  # before it stored anything: it asks again with the number that it has
            continue
        stored += [row["seq"] for row in answer["entries"]]
        last = answer["last"]
    assert stored == numbers()
    assert last == read_head().seq


def _a_few_at_a_time(*args: Any, **chosen: Any) -> Any:
    return load_entries_after(*args, **chosen, most=3)


def test_an_answer_waits_for_the_next_entry(
    manager: Program, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = manager.get("/events?after=0").json()["last"]
    stopping = Stopping(lambda: None, lambda: manager.record("power.down", site=scenario.site), lambda: None)
    monkeypatch.setattr(events, "STOPPING", stopping)
    found = manager.get(f"/events?after={last}&wait=20&kind=power.down").json()
    assert [row["kind"] for row in found["entries"]] == ["power.down"]
    assert (stopping.looks, found["last"]) == (2, read_head().seq)
    assert manager.get(f"/events?after={found['last']}").json() == {"entries": [], "last": found["last"]}


def test_a_desk_that_stops_answers_what_waits_and_too_many_do_not_wait(
    manager: Program, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = read_head().seq
    monkeypatch.setattr(events, "STOPPING", stopping := Stopping())
    assert manager.get(f"/events?after={last}&wait=20").json() == {"entries": [], "last": last}
    assert stopping.looks == 1
    while events._WAITING.acquire(blocking=False):
        stopping.looks += 1
    try:
        assert manager.get(f"/events?after={last}&wait=20").json() == {"entries": [], "last": last}
        assert stopping.looks == 1 + 4, "four seats, and no look while none is free"
    finally:
        for _seat in range(4):
            events._WAITING.release()


def test_a_number_beyond_the_ledger_is_refused(manager: Program) -> None:
    answer = manager.get(f"/events?after={read_head().seq + 1}")
    assert answer.status_code == 409
    assert answer.json()["error"]["message"].startswith("The ledger ends before")


def test_the_feed_shows_what_the_pages_show_and_no_more(manager: Program, scenario: Scenario) -> None:
    scenario.stream = "live"
    scenario.two_positives()
    for reader in (manager, program(Role.HEALTH), program(Role.INSPECTOR)):
        for chosen in ("", "&kind=case.declared", "&stream=live"):
            forward = reader.get(f"/events?after=0{chosen}").json()["entries"]
            back = reader.get(f"/ledger?{chosen[1:]}").json()
            assert forward[-50:] == back["entries"][::-1], chosen
            if len(forward) <= 50:
                assert back["count"] in (len(forward), None)
    assert program(Role.HEALTH).get("/ledger?kind=case.declared").json()["count"] == 2
    hidden = program(Role.INSPECTOR).get("/ledger?kind=case.declared").json()
    assert hidden == {"count": None, "entries": [], "older": None}
