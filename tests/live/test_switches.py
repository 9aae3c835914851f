"""Prepared switches: the routes of a loss, published by a person before anything is recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live.models import PreparedSwitch, Routes
from releve.routing import Rejected
from releve.routing.file_csv import FileCsv
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def ready(scenario: Scenario) -> Scenario:
    """A drill with routes in the morning."""
    scenario.work()
    return scenario


def press(scenario: Scenario, client: str = "") -> Routes:
    name = f"site:{scenario.site}"
    shown = live.preview_switch(name, client, scenario.stream)
    return live.press_switch(name, client, content=shown.content, minutes=30, by="zoe", stream=scenario.stream)


def test_a_closure_publishes_what_its_switch_held(ready: Scenario) -> None:
    assert live.prepare_switches(ready.stream)
    kept = {row.contingency: row for row in live.list_switches(ready.stream)}
    assert set(kept) == {f"site:{row.id}" for row in ready.operator.sites}
    before = kept[f"site:{ready.site}"]
    ready.close(home_only=True)
    ready.work()
    assert Routes.objects.filter(stream=ready.stream)[0].body == before.body
    assert before.source == "planned"
    assert before.moved == live.list_reliefs(ready.stream)[0].moved


def test_switches_are_worked_out_again_only_when_something_has_changed(ready: Scenario) -> None:
    assert live.prepare_switches(ready.stream)
    assert not live.prepare_switches(ready.stream)
    ready.power(ready.operator.sites[1].id)
    ready.work()
    assert live.prepare_switches(ready.stream)
    rows = {row.contingency: row for row in live.list_switches(ready.stream)}
    other = ready.operator.sites[1].id
    shares = [one for body in rows[f"site:{ready.site}"].body.values() for one in body]
    assert not [one for one in shares if one[0] in (ready.site, other) and one[1]], "both are lost"
    live.stop_drill(ready.stream, by="zoe")
    assert not live.list_switches(ready.stream)


def test_each_system_plans_each_switch_beforehand(ready: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    live.prepare_switches(ready.stream)
    (name, changes, error), *_ = live.list_switches(ready.stream)[0].rehearsals
    assert (name, error) == ("file_csv", "")
    assert changes is None or changes > 0

    def refuse(*_: object) -> None:
        raise Rejected("casa-1 has no SIP address")

    monkeypatch.setattr(FileCsv, "plan", refuse)
    PreparedSwitch.objects.all().delete()
    live.prepare_switches(ready.stream)
    assert live.list_switches(ready.stream)[0].rehearsals == [["file_csv", None, "casa-1 has no SIP address"]]


def test_one_press_closes_the_site_to_calls_and_one_undoes_it(ready: Scenario) -> None:
    was = Routes.objects.filter(stream=ready.stream)[0]
    number = press(ready).number
    ready.work()
    file = Path(settings.HOME) / "drills" / ready.stream.partition(":")[2] / "routes.csv"
    assert f"{ready.site};closed" in file.read_text().replace(",", ";")
    assert not [share for (_, place), share in ready.shares.items() if place == ready.site and share]
    assert not live.situation_now(ready.stream).site(ready.site).closed, "nothing is recorded"
    entry = LedgerEntry.objects.filter(kind="routing.switched").get()
    assert entry.stream == ready.stream
    pressed = live.find_pressed_switch(ready.stream)
    assert pressed is not None
    assert (pressed.number, pressed.switch) == (number, f"site:{ready.site}")
    back = live.undo_switch(by="zoe", stream=ready.stream)
    assert back.body == was.body
    assert live.find_pressed_switch(ready.stream) is None
    with pytest.raises(live.NoSuch):
        live.undo_switch(by="zoe", stream=ready.stream)


def test_a_switch_of_one_client_leaves_the_calls_of_the_others(ready: Scenario) -> None:
    was = Routes.objects.filter(stream=ready.stream)[0].body
    client = ready.operator.clients[0].id
    found = press(ready, client).body
    for programme in ready.operator.programmes:
        there = [row for row in found[programme.id] if row[0] == ready.site and row[1]]
        if programme.client == client:
            assert not there
        else:
            assert found[programme.id] == was[programme.id]


def test_a_switch_that_has_changed_since_it_was_shown_is_not_published(ready: Scenario) -> None:
    shown = live.preview_switch(f"site:{ready.site}", stream=ready.stream)
    ready.power(ready.operator.sites[1].id)
    ready.work()
    count = Routes.objects.count()
    with pytest.raises(live.SwitchChanged):
        live.press_switch(f"site:{ready.site}", content=shown.content, minutes=30, by="zoe", stream=ready.stream)
    assert Routes.objects.count() == count


def test_the_closure_recorded_after_a_press_takes_the_routes_over(ready: Scenario) -> None:
    number = press(ready).number
    ready.close(home_only=True)
    ready.work()
    last = Routes.objects.filter(stream=ready.stream)[0]
    assert (last.number, last.held_until, last.switch) == (number, None, "")
    assert live.list_reliefs(ready.stream)[0].published_at is not None


def test_the_consequences_are_those_of_the_routes_shown(ready: Scenario) -> None:
    shown = live.preview_switch(f"site:{ready.site}", stream=ready.stream)
    calls = {row.place: row for row in shown.calls}
    assert calls[ready.site].before > 0
    assert calls[ready.site].after == 0
    total = sum(row.before for row in shown.calls), sum(row.after for row in shown.calls)
    assert total[1] == pytest.approx(total[0]) or shown.unserved
    missing = {
        name: sum(row.missing for row in getattr(shown, name).clients) for name in ("before", "unrelieved", "after")
    }
    assert missing["before"] <= missing["after"] < missing["unrelieved"]
    with pytest.raises(live.NoSuch, match="no contingency"):
        live.preview_switch("site:nowhere", stream=ready.stream)
