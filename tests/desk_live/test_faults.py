"""A full disk, a full outbox, an answer that comes twice: nothing lost or done twice, and seen."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from releve.accounts.permissions import Role
from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live.models import Effect, IdempotencyKey
from releve.live.worker import run_until_idle
from tests.desk_live.conftest import Browsers
from tests.desk_live.test_record import sent
from tests.live.scenario import Scenario

pytestmark = pytest.mark.database


@contextmanager
def no_room() -> Iterator[None]:
    """Let the database not grow by a page; what it says is SQLite's own."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA max_page_count")
        (most,) = cursor.fetchone()
        cursor.execute("PRAGMA max_page_count = 1")  # as many as it has already
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA max_page_count = {most}")


def fill_free_pages(scenario: Scenario) -> None:
    """Use up what room the pages in use still have, with entries as they come."""
    for number in range(200):
        try:
            scenario.act("agents.present", site=scenario.site, day=scenario.plans[0].day, count=number)
        except live.DiskFull:
            return
    raise AssertionError("the database still grows")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a limit of pages is SQLite's")
@pytest.mark.django_db(transaction=True)
def test_a_full_disk_is_said_nothing_is_lost_and_all_goes_on_once_there_is_room(
    browsers: Browsers, scenario: Scenario
) -> None:
    agent = scenario.agents_at(scenario.site)[0]
    scenario.work()
    with no_room():
        fill_free_pages(scenario)
        before = ledger.read_head().seq
        with pytest.raises(live.DiskFull, match="free some space"):
            scenario.close(key="form-1")
        assert ledger.read_head().seq == before
        answer = sent(browsers.sign_in(Role.HEALTH), "/record/case", site=scenario.site, agent=agent)
        assert answer.status_code == 503
        assert "Le disque de la base de données est plein" in answer.content.decode()
        assert agent in answer.content.decode(), "nothing typed is lost"
        assert ledger.read_head().seq == before
    done = scenario.close(key="form-1")
    assert not done.before
    assert scenario.close(key="form-1") == live.RecordResult(done.seq, done.answers, before=True)
    assert IdempotencyKey.objects.filter(key="form-1").count() == 1
    scenario.work()
    assert live.list_reliefs(scenario.stream)[0].published_at is not None
    assert live.list_effects_aside() == live.list_late_effects() == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a limit of pages is SQLite's")
@pytest.mark.django_db(transaction=True)
def test_effects_that_meet_a_full_disk_wait_and_are_each_done_once(scenario: Scenario) -> None:
    scenario.work()
    scenario.two_positives()
    with no_room():
        fill_free_pages(scenario)
        run_until_idle()
        assert not live.list_reliefs(scenario.stream), "nothing was stored"
    Effect.objects.exclude(state=Effect.DONE).update(state=Effect.QUEUED, next_at=live.real_now(), claimed_until=None)
    scenario.work()
    kinds = [row.kind for row in ledger.iter_entries(scenario.stream)]
    assert kinds.count("relief.made") == 1
    assert kinds.count("people.notified") == 1
    assert set(Effect.objects.values_list("state", flat=True)) == {Effect.DONE}


@pytest.mark.django_db
def test_files_without_room_are_tried_again_seen_on_now_and_each_letter_goes_out_once(
    browsers: Browsers, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario.work()
    scenario.close()
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def no_space(*args: Any) -> None:
        raise full

    with monkeypatch.context() as patch:
        patch.setattr("releve.files.atomic.os.replace", no_space)
        for _ in range(4):
            Effect.objects.filter(state=Effect.QUEUED).update(next_at=live.real_now())
            scenario.work()
    late = live.list_late_effects(scenario.stream)
    assert {row.kind for row in late} == {"publish", "send"}
    letters = sum(row.kind == "send" for row in late)
    assert live.list_effects_aside() == []
    page = browsers.sign_in(Role.CONTINUITY).get("/now").content.decode()
    assert f"sont tentées à nouveau\N{NARROW NO-BREAK SPACE}: {len(late)}" in page
    assert scenario.outbox == []
    Effect.objects.filter(state=Effect.QUEUED).update(next_at=live.real_now())
    scenario.work()
    assert len(scenario.outbox) == letters
    done = [row for row in ledger.iter_entries(scenario.stream) if row.kind == "message.written"]
    assert len(done) == letters
    assert live.list_late_effects(scenario.stream) == []


@pytest.mark.django_db
def test_an_answer_that_the_gateway_hands_on_twice_counts_once(browsers: Browsers, scenario: Scenario) -> None:
    scenario.work()
    scenario.close()
    scenario.work()
    message, *_ = scenario.messages
    for _ in range(2):
        assert Client().post(f"/ack/{message.token}").status_code == 200
    rows = [row for row in ledger.iter_entries(scenario.stream) if row.kind == "message.acknowledged"]
    assert len(rows) == 1
    assert live.count_messages(scenario.stream).acknowledged == 1
    page = browsers.sign_in(Role.CONTINUITY).get("/now").content.decode()
    assert '<dd id="notified-answered">1</dd>' in page
