"""The calls of today on *Now*, on the wall and in the API; a client's statement and its proof."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.demand.history import build_histories
from releve.demand.intraday import Morning, dump_morning, forecast_morning, load_morning, merge_mornings
from releve.ledger import chain as ledger
from releve.ledger.models import LedgerEntry
from releve.live import api as live
from releve.live import service_day
from releve.live.service_day import follow_calls
from releve.live.statement import SEALED, build_statement, seal_days
from releve.network import Operator, sample_operator
from releve.network.sample import FIRST_DAY
from releve.plan import Plan
from releve.plugin import Plugin
from releve.registry.service import apply_changes, preview_changes
from releve.service_record.models import DayForecast, IntervalReport, PresenceReport, SealedDay
from releve.service_record.statistics import PROXY
from tests.accounts.people import look_as
from tests.plan.tiny_operators import operator_of, site

pytestmark = [pytest.mark.django_db, pytest.mark.database]

NOON = datetime.combine(FIRST_DAY, time(11), UTC)
Planned = tuple[Operator, Sequence[Plan]]


@pytest.fixture(scope="module")
def morning(planned: Planned) -> Morning:
    operator, _ = planned
    return forecast_morning(build_histories(operator), operator.programmes, FIRST_DAY, operator.row.time_zone)


@pytest.fixture
def operator(
    db: None, known_times: None, planned: Planned, morning: Morning, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Operator:
    """The plan in force at noon of its first day, forecast that morning."""
    shift, real = NOON - timezone.now(), timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + shift)
    for cache in (service_day._known_mornings, service_day._known):
        cache._rows.clear()
    settings.OPEN_DESK = True
    found, plans = planned
    apply_changes(preview_changes(found), "tests")
    live.put_in_force(plans, by="tests")
    for column, row in enumerate(found.programmes):
        part = dump_morning(Morning(_pick(morning, column), dict(_laws(morning, row.id))))
        made_of = service_day._digest(row, found)
        DayForecast.objects.create(
            day=FIRST_DAY, programme=row.id, digest=made_of, made_at=timezone.now(), content=part
        )
    return found


def _laws(morning: Morning, name: str) -> list[tuple[str, object]]:
    return [(key, law) for key, law in morning.laws.items() if key == name]


def _pick(morning: Morning, column: int) -> object:
    said, one = morning.forecast, slice(column, column + 1)
    return replace(
        said, programmes=said.programmes[one], open=said.open[:, one], mean=said.mean[:, one],
        quantiles={level: values[:, one] for level, values in said.quantiles.items()},
        aht_s=said.aht_s[:, one], day_factor_cv=said.day_factor_cv[one], unknown={}, assumed={},
    )  # fmt: skip


def report(operator: Operator, morning: Morning, factor: float, in_time: float = 0.9, until: datetime = NOON) -> float:
    """Report the half hours so far as a multiple of their forecast; return the calls of the first
    inbound programme."""
    rows = []
    for column, row in enumerate(operator.programmes):
        for start, mean in zip(morning.forecast.starts, morning.forecast.mean[:, column], strict=True):
            if start + timedelta(minutes=30) <= until:
                calls = float(np.round(factor * mean))
                rows.append(
                    IntervalReport(
                        programme=row.id, source="acd", start=start, minutes=30, offered=calls,
                        answered=calls * 0.95, abandoned=calls * 0.05, in_time=calls * in_time,
                        short=0.0, handled_s=calls * 300, waited_s=calls * 10,
                        recorded_at=start + timedelta(minutes=31),
                    )
                )  # fmt: skip
    IntervalReport.objects.bulk_create(rows)
    first = next(row.id for row in operator.programmes if row.kind == "inbound")
    return sum(row.offered for row in rows if row.programme == first)


def first_inbound(service: dict, operator: Operator) -> dict:
    wanted = next(row.id for row in operator.programmes if row.kind == "inbound")
    rows = [row for client in service["clients"] for row in client["programmes"]]
    return next(row for row in rows if row["programme"] == wanted)


def read(role: Role = Role.CONTINUITY, place: str = "") -> dict:
    answer = look_as(role, place).get("/now.json")
    assert answer.status_code == 200
    return answer.json()["service"]


def test_a_day_closed_in_the_forecast_is_open_again_once_calls_came(operator: Operator, morning: Morning) -> None:
    report(operator, morning, 1.0)
    name = next(row.id for row in operator.programmes if row.kind == "inbound")
    kept = DayForecast.objects.get(day=FIRST_DAY, programme=name)
    said = load_morning(bytes(kept.content))
    nothing = replace(
        said.forecast, open=np.zeros_like(said.forecast.open), mean=np.zeros_like(said.forecast.mean),
        quantiles={level: np.zeros_like(values) for level, values in said.forecast.quantiles.items()},
    )  # fmt: skip
    kept.content = dump_morning(Morning(nothing, said.laws, said.forecast))
    kept.save()
    row = first_inbound(read(), operator)
    assert row["reopened"]
    assert row["rest_morning"] == 0
    assert row["rest"] > 0.8 * said.forecast.mean[22:].sum()
    assert row["required"] > 0
    page = look_as(Role.CONTINUITY).get("/now").content.decode()
    assert f'id="reopened-{name}">Prévu fermé pour un jour férié' in page


def test_what_came_stands_beside_the_forecast_of_the_same_half_hours(operator: Operator, morning: Morning) -> None:
    offered = report(operator, morning, 1.4)
    row = first_inbound(read(), operator)
    assert row["offered"] == offered
    assert row["expected"] == pytest.approx(offered / 1.4, rel=0.05)
    assert row["answered"] == pytest.approx(0.95 * offered)
    assert row["level"] == pytest.approx(0.9, abs=0.01)
    assert row["level_last"] == pytest.approx(0.9, abs=0.01)
    assert row["last"] == "2026-11-30T10:30:00Z"
    assert row["rest"] > 1.1 * row["rest_morning"], "the surge is taken to go on"
    assert row["required"] > 0
    assert row["placed"] > 0
    assert row["present"] is None, "no source counted"


def test_the_running_half_hour_is_told_so_far_and_not_counted_in_the_day(operator: Operator, morning: Morning) -> None:
    offered = report(operator, morning, 1.0)
    nothing = first_inbound(read(), operator)
    assert [nothing[f"{name}_now"] for name in ("offered", "answered", "abandoned")] == [None] * 3
    name = nothing["programme"]
    so_far = {"programme": name, "start": NOON, "source": PROXY, "minutes": 30, "waited_s": 92.0}
    rows = IntervalReport.objects
    rows.create(**so_far, offered=7.0, answered=4.0, abandoned=3.0, recorded_at=NOON + timedelta(seconds=20))
    row = first_inbound(read(), operator)
    assert [row[f"{one}_now"] for one in ("offered", "answered", "abandoned")] == [7.0, 4.0, 3.0]
    assert (nothing["wait_now_s"], row["wait_now_s"]) == (None, 23.0), "the mean wait of those answered"
    assert (row["offered"], row["answered"]) == (offered, nothing["answered"]), "the day counts it once it is over"
    page = re.sub(r"\s+", " ", look_as(Role.CONTINUITY).get("/now").content.decode())
    assert re.search(rf'id="now-{name}">7 / 4 / 3, 23 s<', page)
    assert "7 / 4 / 3" in look_as(Role.FLOW).get("/wall").content.decode()
    for start, calls in ((NOON, 5.0), (NOON + timedelta(minutes=15), 2.0)):  # an exchange knows more than a proxy
        acd = {"programme": name, "source": "acd", "minutes": 15, "recorded_at": NOON + timedelta(seconds=30)}
        rows.create(**acd, start=start, offered=calls, answered=calls, abandoned=None)
    row = first_inbound(read(), operator)
    assert [row[f"{one}_now"] for one in ("offered", "answered", "abandoned")] == [7.0, 7.0, None]


def test_a_day_of_late_answers_counts_down_to_its_lost_target(operator: Operator, morning: Morning) -> None:
    report(operator, morning, 1.0, in_time=0.80)
    held = first_inbound(read(), operator)
    IntervalReport.objects.update(in_time=0.0, recorded_at=NOON)
    lost = first_inbound(read(), operator)
    assert held["state"] in ("held", "losing", "below")
    assert (lost["level"], lost["below_minutes"]) == (0.0, 0)
    assert lost["state"] in ("losing", "lost")
    shown = re.sub(r"\s+", " ", look_as(Role.CONTINUITY).get("/now").content.decode())
    assert "objectif" in shown.lower()


def test_agents_missing_now_are_missing_for_the_rest_of_the_day(operator: Operator, morning: Morning) -> None:
    report(operator, morning, 1.0)
    before = first_inbound(read(), operator)
    PresenceReport.objects.create(
        programme=before["programme"], place=operator.sites[0].id, source="acd", agents=1.0,
        at=NOON - timedelta(minutes=5), recorded_at=NOON,
    )  # fmt: skip
    after = first_inbound(read(), operator)
    assert (before["present"], after["present"]) == (None, 1.0)
    assert after["placed"] == before["placed"] > 1
    assert after["level_at_end"] < before["level_at_end"]
    PresenceReport.objects.update(at=NOON - timedelta(hours=1))
    assert first_inbound(read(), operator)["present"] is None, "that count is too old"


def test_as_many_are_expected_later_as_are_there_of_those_placed_and_no_more() -> None:
    starts = [NOON + timedelta(minutes=30 * at) for at in range(-1, 2)]
    placed = np.full((3, 3), 10.0)
    found = service_day._foresee_agents(placed, starts, NOON, [4.0, 12.0, None])
    np.testing.assert_array_equal(found, [[10, 10, 10], [4, 12, 10], [4, 10, 10]])


def test_without_a_report_nothing_is_known_and_nothing_is_zero(operator: Operator) -> None:
    row = first_inbound(read(), operator)
    assert [row[name] for name in ("offered", "answered", "level", "last", "present")] == [None] * 5
    assert row["rest"] == pytest.approx(row["rest_morning"])
    assert "Appels du jour" not in look_as(Role.CONTINUITY).get("/now").content.decode()
    assert "Aucune source" in look_as(Role.FLOW).get("/wall").content.decode()


def test_a_client_sees_its_own_programmes_and_others_none(operator: Operator, morning: Morning) -> None:
    report(operator, morning, 1.0)
    client = operator.clients[0].id
    own = read(Role.CLIENT, client)
    assert [row["client"] for row in own["clients"]] == [client]
    assert own["faults"] == []
    assert read(Role.SITE, operator.sites[0].id) is None
    assert read(Role.HEALTH) is None


def test_the_wall_shows_large_figures_and_no_person(operator: Operator, morning: Morning) -> None:
    report(operator, morning, 1.0)
    web: Client = look_as(Role.FLOW)
    page = web.get("/wall").content.decode()
    for row in operator.programmes:
        assert (f"wall-{row.id}" in page) == (row.kind == "inbound")
    assert not any(agent.id in page for agent in operator.agents)
    part = web.get("/wall?part=live")
    again = web.get("/wall?part=live", headers={"if-none-match": part["ETag"]})
    assert (part.status_code, again.status_code) == (200, 304)
    assert web.get("/wall?format=json").json()["clients"]


def test_a_longer_record_takes_no_more_queries(operator: Operator, morning: Morning) -> None:
    web = look_as(Role.CONTINUITY)
    web.get("/now")

    def count() -> int:
        with CaptureQueriesContext(connection) as found:
            assert web.get("/now").status_code == 200
        return len(found)

    empty = count()
    report(operator, morning, 1.0, until=NOON - timedelta(hours=2))
    one = [count(), count()]
    IntervalReport.objects.bulk_create(
        IntervalReport(
            programme=row.id, source="acd", start=NOON - timedelta(days=day, hours=hour),
            minutes=30, offered=9.0, recorded_at=NOON,
        )
        for row in operator.programmes for day in range(1, 60) for hour in range(8)
    )  # fmt: skip
    assert max(one[1], count()) <= empty + 1
    assert one[0] <= empty + 2, "the reports of a day are one query, when one is new"


def test_the_worker_forecasts_the_day_once_and_again_for_a_changed_programme(
    operator: Operator, morning: Morning
) -> None:
    stamps = set(DayForecast.objects.values_list("programme", "made_at"))
    assert follow_calls() == 0
    first = operator.programmes[0].id
    DayForecast.objects.filter(programme=first).update(digest="other")
    assert follow_calls(lambda: True) == 0, "a worker that stops makes none"
    assert follow_calls() == 1
    again = set(DayForecast.objects.values_list("programme", "made_at"))
    assert {name for name, _ in stamps ^ again} == {first}
    made = service_day.find_morning(FIRST_DAY, operator.programme)
    assert made is not None
    column = made.forecast.programmes.index(first)
    wanted = morning.forecast.programmes.index(first)
    np.testing.assert_array_equal(made.forecast.mean[:, column], morning.forecast.mean[:, wanted], "to the last bit")


def test_a_folder_that_cannot_be_read_keeps_no_forecast_from_being_made(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*given: object) -> int:
        raise PermissionError("no right")

    def guard(step: Callable[[], int]) -> int:
        with suppress(PermissionError):
            return step()
        return 0

    monkeypatch.setenv("RELEVE_CALL_RECORDS", str(tmp_path))
    monkeypatch.setattr(service_day, "read_call_records", fail)
    DayForecast.objects.filter(programme=operator.programmes[0].id).delete()
    assert follow_calls(do=guard) == 1


def file_three(folder: Path) -> int:
    assert (folder / "calls.csv").exists()
    return 3


def test_a_plug_in_files_what_it_reads_in_the_folders_of_call_records(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "calls.csv").touch()
    monkeypatch.setenv("RELEVE_CALL_RECORDS", str(tmp_path))
    added = Plugin("acme", call_records=(f"{__name__}.file_three",))
    monkeypatch.setattr(service_day, "list_plugins", lambda: (added,))
    assert follow_calls() == 3


def test_a_programme_that_is_no_more_leaves_the_page_standing(operator: Operator, morning: Morning) -> None:
    """Its reports and its forecast are of this morning, and it is not of the operator's tables."""
    report(operator, morning, 1.0)
    gone = DayForecast.objects.first()
    assert gone is not None
    gone.pk, old = None, gone.programme
    part = load_morning(bytes(gone.content))
    named = replace(part.forecast, programmes=("gone",))
    gone.programme, gone.content = "gone", dump_morning(Morning(named, {}))
    gone.save()
    for row in list(IntervalReport.objects.filter(programme=old)):
        row.pk, row.programme = None, "gone"
        row.save()
    assert first_inbound(read(), operator)["offered"]


def test_a_morning_comes_back_to_the_last_bit(morning: Morning) -> None:
    read_back = load_morning(dump_morning(morning))
    np.testing.assert_array_equal(read_back.forecast.mean, morning.forecast.mean)
    np.testing.assert_array_equal(read_back.forecast.quantiles[0.9], morning.forecast.quantiles[0.9])
    assert read_back.forecast.starts == morning.forecast.starts
    for name, law in morning.laws.items():
        np.testing.assert_array_equal(read_back.laws[name].covariance, law.covariance)
    later = replace(morning, forecast=replace(morning.forecast, starts=()))
    with pytest.raises(ValueError, match="same half hours"):
        merge_mornings([morning, later])


def test_a_relief_is_proposed_for_the_calls_as_foreseen(operator: Operator, morning: Morning) -> None:
    web = look_as(Role.FLOW)
    assert "Aucun appel" in web.get("/surge/?percent=").content.decode()
    report(operator, morning, 1.6, in_time=0.2)
    service = web.get("/now.json").json()["service"]
    assert service["relief_url"] == "/surge/?percent="
    page = web.get("/surge/?percent=&format=json").json()
    first = first_inbound(service, operator)
    assert page["foreseen"][first["programme"]] > 110
    foreseen = live.foresee_factors()
    assert foreseen == {name: percent / 100 for name, percent in page["foreseen"].items()}
    proposal = page["proposal"]
    assert proposal["missing_after"] <= proposal["missing_before"]
    assert proposal["missing_before"] > live.propose_surge_relief({}).missing_before
    relief = live.order_surge_relief(foreseen, digest=proposal["digest"], by="zoe")
    assert relief.source == "surge"


@pytest.mark.usefixtures("db")
def test_an_operator_without_a_programme_has_a_day_without_calls() -> None:
    apply_changes(preview_changes(operator_of([site("a")], {"a": (1, 2.0)}, [], [], [])), "tests")
    day = live.compute_service_day(NOON, None)
    assert day is not None
    assert day.programmes == ()
    assert day.clients == ()


def test_a_client_s_calls_are_summed_and_the_worst_target_stands_first(operator: Operator, morning: Morning) -> None:
    report(operator, morning, 1.4, in_time=0.1)
    day = live.compute_service_day(NOON, None)
    assert day is not None
    assert {row.client for row in day.clients} == {row.id for row in operator.clients}
    calling = [row for row in day.clients if any(one.kind == "inbound" for one in row.programmes)]
    for row in calling:
        own = [one.offered for one in row.programmes if one.kind == "inbound"]
        assert row.offered == pytest.approx(sum(own))
        assert row.state in {one.state for one in row.programmes}
    assert day.clients[0].state in ("lost", "losing", "below")
    assert day.clients[-1].state in ("unknown", "held", day.clients[0].state)


MORNING = datetime(2026, 11, 24, 7, tzinfo=UTC)
DAY = MORNING.date()
LATER = MORNING + timedelta(days=2)
HALF = timedelta(minutes=30)


@pytest.fixture(scope="module")
def made() -> Operator:
    return sample_operator(50, 2, 1, weeks_of_history=2)


@pytest.fixture
def statement_operator(db: None, made: Operator, settings: Settings) -> Operator:
    settings.OPEN_DESK = True
    apply_changes(preview_changes(made), "tests")
    return made


def first_client(operator: Operator) -> str:
    return next(row.client for row in operator.programmes if row.kind == "inbound")


def statement_report(operator: Operator, answered: tuple[float, ...], client: str = "") -> None:
    """Report half hours of ten calls of the first inbound programme of a client."""
    name = client or first_client(operator)
    programme = next(row for row in operator.programmes if row.client == name and row.kind == "inbound")
    IntervalReport.objects.bulk_create(
        IntervalReport(
            programme=programme.id, source="acd", start=MORNING + at * HALF, minutes=30, offered=10,
            answered=calls, abandoned=10 - calls, in_time=calls, short=0, recorded_at=LATER,
        )
        for at, calls in enumerate(answered)
    )  # fmt: skip


def record(kind: str, site: str, at: datetime, **fields: str) -> int:
    from django.db import transaction

    with transaction.atomic():
        body = {"id": uuid.uuid4().hex, "actor": "samira", "site": site,
                "happened_at": at.isoformat(),
                "recorded_at": LATER.isoformat(), **fields}  # fmt: skip
        return ledger.append(kind, body, recorded_at=LATER).seq


def test_calls_not_answered_stand_with_the_events_that_lasted_then(statement_operator: Operator) -> None:
    site = statement_operator.agents[0].home_site
    statement_report(statement_operator, (9, 4, 3, 10))
    closed = record("site.closed", site, MORNING + timedelta(minutes=35), cause="operator")
    record("site.reopened", site, MORNING + timedelta(minutes=80))
    record("power.down", "elsewhere", MORNING)
    found = build_statement(statement_operator, first_client(statement_operator), DAY, DAY)
    line = next(row for row in found.lines if row.half_hours)
    assert (line.offered, line.answered, line.half_hours) == (40, 26, 4)
    assert line.level == pytest.approx(26 / 40)
    assert [(row.seqs, row.places, row.offered, row.missed) for row in found.losses] == [
        ((closed,), (site,), 20, 13),
        ((), (), 20, 1),
    ]


def test_a_closure_on_a_wrong_record_lasted_until_it_was_lifted(statement_operator: Operator) -> None:
    """A closure that never was, by a correction of its order alone, takes no calls away."""
    site = statement_operator.agents[0].home_site
    statement_report(statement_operator, (9, 4, 3, 10))
    began, ended = MORNING + timedelta(minutes=35), MORNING + timedelta(minutes=80)
    closed = record("site.closed", site, began, id="order", cause="rule", rule="MA-COVID-CLOSE")
    record("event.corrected", "", ended, id="wrong", corrects="case", reason="Another person")
    record("event.corrected", site, ended, corrects="order", reason="Another person", because="wrong")
    record("site.closed", site, began, id="typed", cause="operator")
    record("event.corrected", site, ended, corrects="typed", reason="Another site")
    found = build_statement(statement_operator, first_client(statement_operator), DAY, DAY)
    assert [(row.seqs, row.offered, row.missed) for row in found.losses] == [((closed,), 20, 13), ((), 20, 1)]


def test_outages_recorded_late_and_in_any_order_stand_in_their_place(statement_operator: Operator) -> None:
    site = statement_operator.agents[0].home_site
    statement_report(statement_operator, (9, 4, 3, 10))
    record("power.up", site, MORNING + timedelta(days=1, hours=1))
    record("power.down", site, MORNING + timedelta(days=1))
    record("power.up", site, MORNING + timedelta(minutes=80))
    down = record("power.down", site, MORNING + timedelta(minutes=35))
    found = build_statement(statement_operator, first_client(statement_operator), DAY, DAY)
    assert [(row.seqs, row.offered, row.missed, row.late) for row in found.losses] == [
        ((down,), 20, 13, 1),
        ((), 20, 1, 0),
    ]
    page = look_as(Role.CONTINUITY).get(
        f"/statements/{first_client(statement_operator)}?day={DAY}", headers={"accept-language": "en"}
    )
    assert "1 of these events was recorded late." in page.content.decode()


def test_a_day_is_sealed_once_and_again_when_it_is_corrected(statement_operator: Operator) -> None:
    statement_report(statement_operator, (9, 9))
    client = first_client(statement_operator)
    assert seal_days(statement_operator, MORNING + timedelta(hours=20)) == 0, "not over for six hours"
    assert seal_days(statement_operator, LATER) == 1
    assert seal_days(statement_operator, LATER) == 0
    (seal,) = build_statement(statement_operator, client, DAY, DAY).seals
    entry = LedgerEntry.objects.get(seq=seal.seq, kind=SEALED)
    assert seal.agrees
    assert json.loads(entry.body) == {"client": client, "day": str(DAY), "digest": seal.digest}, (
        "no figure leaves by the ledger"
    )
    IntervalReport.objects.filter(start=MORNING).update(answered=8)
    assert not build_statement(statement_operator, client, DAY, DAY).seals[0].agrees
    assert seal_days(statement_operator, LATER) == 1
    assert build_statement(statement_operator, client, DAY, DAY).seals[0].agrees
    assert SealedDay.objects.count() == 2


def test_the_page_shows_a_day_or_a_month_and_what_is_not_known(statement_operator: Operator) -> None:
    statement_report(statement_operator, (9, 4))
    seal_days(statement_operator, LATER)
    web, client = look_as(Role.CONTINUITY), first_client(statement_operator)
    page = web.get(f"/statements/{client}?day={DAY}")
    shown = page.content.decode()
    assert page.status_code == 200
    assert "Ces chiffres sont ceux scellés au registre." in shown
    assert "non tenu" in shown
    twin = web.get(f"/statements/{client}?month=2026-11&format=json").json()
    assert (twin["first"], twin["last"], twin["unsealed"]) == ("2026-11-01", "2026-11-30", 29)
    line = next(row for row in twin["lines"] if row["half_hours"])
    assert (line["offered"], line["answered"], line["held"]) == (20, 13, False)
    empty = web.get(f"/statements/{client}?day=2026-11-20&format=json").json()
    assert {row["offered"] for row in empty["lines"]} == {None}
    assert web.get(f"/statements/{client}?day=yesterday").status_code == 400


def test_a_client_reads_its_own_statement_without_the_names_of_sites(statement_operator: Operator) -> None:
    client = first_client(statement_operator)
    statement_report(statement_operator, (9, 4))
    site = statement_operator.agents[0].home_site
    record("site.closed", site, MORNING, cause="operator")
    web = look_as(Role.CLIENT, client)
    twin = web.get(f"/statements/{client}?day={DAY}&format=json").json()
    assert twin["losses"][0]["kinds"] == ["site.closed"]
    assert twin["losses"][0]["places"] == []
    assert site not in web.get(f"/statements/{client}?day={DAY}").content.decode()
    assert web.get("/statements/another").status_code == 404
