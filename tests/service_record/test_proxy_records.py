"""Records that a real proxy writes: waits, talks, and calls that no place took."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from releve.service_record.call_records import read_call_records
from releve.service_record.models import CallRecord, IntervalReport
from tests.routing.generations import small_operator
from tests.routing.sip_bench import ProxyProcess, needs_sip, telephony, wait_until
from tests.routing.test_kamailio_calls import call, publish

pytestmark = [pytest.mark.slow, pytest.mark.database, pytest.mark.postgresql, pytest.mark.django_db, needs_sip]


def read(proxy: ProxyProcess, now: datetime) -> int:
    found = read_call_records([proxy.folder / "acc"], proxy.operator.programme, now)
    assert (found.broken, found.ahead) == (0, 0)
    return found.filed


def test_calls_through_a_proxy_are_counted_with_their_waits_and_talks(tmp_path: Path) -> None:
    with telephony(tmp_path, small_operator(), ("casa-1", "rabat-1", "home")) as (proxy, _):
        publish(proxy, 1, {"casa-1": 5.0, "rabat-1": 3.0, "home": 2.0})
        assert call(proxy, tmp_path, 40, 100, 600).wait() == 0
        wait_until(lambda: not read(proxy, datetime.now(UTC)))
        calls = list(CallRecord.objects.all())
    assert len(calls) == 40
    for row in calls:
        assert (row.code, row.programme, row.direction) == (200, "azur", "in")
        assert row.began is not None
        assert row.set_up_at is not None
        assert row.ended_at is not None
        assert timedelta(0) <= row.set_up_at - row.began < timedelta(seconds=5)
        assert timedelta(seconds=0.5) < row.ended_at - row.set_up_at < timedelta(seconds=9)
    totals = IntervalReport.objects.values_list("offered", "answered", "abandoned", "in_time")
    assert [sum(column) for column in zip(*totals, strict=True)] == [40, 40, 0, 40]


def test_a_call_for_which_no_place_is_open_is_offered_and_not_answered(tmp_path: Path) -> None:
    proxy = ProxyProcess(tmp_path, small_operator(address="127.0.0.9:9"))
    routes = tmp_path / "dispatcher.list"
    routes.write_text(routes.read_text().replace("127.0.0.9:9 0 ", "127.0.0.9:9 4 "))
    try:
        proxy.start()
        call(proxy, tmp_path, 2, 10, 100).wait()
        wait_until(lambda: read(proxy, datetime.now(UTC)) > 0)
    finally:
        proxy.kill()
    assert set(CallRecord.objects.values_list("code", "programme")) == {(480, "azur")}
    (report,) = IntervalReport.objects.all()
    assert (report.offered, report.answered, report.abandoned) == (2, 0, 0)
