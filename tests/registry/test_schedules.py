"""Schedules of workforce suites, by the layouts that public documentation shows: read as roster, or asked about."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.demand.log_table import read_log
from releve.demand.report_recognition import UnrecognizedReportError
from releve.demand.schedule_file import Schedule, guess_kind, read_schedule, recognize_schedule
from releve.network import Operator, PlannedAbsence, Shift
from releve.registry.models import FileLayout, Upload, Version
from releve.registry.rosters import build_roster, match_agents
from releve.registry.service import get_current_version, load_operator
from tests.accounts.people import look_as

MONDAY = datetime(2026, 12, 14)  # noqa: DTZ001 (a local time)


@dataclass(frozen=True)
class Part:
    """What an agent does: the truth that each export writes in its own way."""

    agent: str
    activity: str
    start: datetime
    end: datetime

    @property
    def minutes(self) -> int:
        return round((self.end - self.start) / timedelta(minutes=1))


def day_of(agent: str, day: int, *, night: bool = False) -> list[Part]:
    """Return a day of work with lunch and a meeting: eight and a half hours, by night from 21:00."""
    begin = MONDAY + timedelta(days=day, hours=21 if night else 8)
    cuts = [(0, 240, "Calls"), (240, 270, "Lunch"), (270, 330, "Meeting"), (330, 510, "Calls")]
    return [
        Part(agent, name, begin + timedelta(minutes=low), begin + timedelta(minutes=high)) for low, high, name in cuts
    ]


def truth(first: str, second: str) -> list[Part]:
    parts = [part for day in range(5) for part in day_of(first, day)] + day_of(second, 0, night=True)
    leave = MONDAY + timedelta(days=1)
    return [*parts, Part(second, "Annual leave", leave, leave + timedelta(hours=23))]


def write(header: str, row: Callable[[Part], str], parts: list[Part]) -> str:
    return "\n".join((header, *map(row, parts))) + "\n"


LAYOUTS: dict[str, Callable[[list[Part]], str]] = {
    "NICE IEX, Agent Schedule Detail": lambda parts: write(
        "#fields|custID|muID|tvID|schedDate|excCode|startTime|stopTime".removeprefix("#fields|"),
        lambda p: f"1|2|{p.agent}|{p.start:%m%d%Y}|{p.activity}|{p.start:%H:%M}|{p.end:%H:%M}", parts,
    ),
    "Genesys Cloud": lambda parts: write(
        "Agent Id,Activity Code,Start Date,Length In Minutes",
        lambda p: f"{p.agent},{p.activity},{p.start:%Y-%m-%dT%H:%M:%S},{p.minutes}", parts,
    ),
    "Calabrio Teleopti": lambda parts: write(
        "Person;FirstName;LastName;SiteName;TeamName;Activity;StartDate;EndDate",
        lambda p: f"{p.agent};x;y;z;t;{p.activity};{p.start:%Y-%m-%d %H:%M};{p.end:%Y-%m-%d %H:%M}", parts,
    ),
    "Verint": lambda parts: write(
        "Employee ID,Activity,Start Time,End Time",
        lambda p: f"{p.agent},{p.activity},{p.start:%m/%d/%Y %I:%M %p},{p.end:%m/%d/%Y %I:%M %p}", parts,
    ),
    "Deputy": lambda parts: write(
        "Employee,Start Date,Start Time,End Date,End Time,Area",
        lambda p: f"{p.agent},{p.start:%Y-%m-%d},{p.start:%H:%M:%S},{p.end:%Y-%m-%d},{p.end:%H:%M:%S},{p.activity}",
        parts,
    ),
    "French spreadsheet": lambda parts: write(
        "Matricule;Date;Activité;Début;Fin",
        lambda p: f"{p.agent};{p.start:%d/%m/%Y};{p.activity};{p.start:%Hh%M};{p.end:%Hh%M}", parts,
    ),
}  # fmt: skip


def read(text: str, answers: dict[str, str] | None = None) -> Schedule:
    log = read_log("schedule.txt", text.encode(), report=True)
    mapping = recognize_schedule(log.frame, answers)
    assert mapping.questions == ()
    return read_schedule(log, mapping, "Europe/Paris")


def summarize(schedule: Schedule) -> list[tuple[str, str, datetime, datetime]]:
    return sorted((one.agent, one.activity, one.start, one.end) for one in schedule.entries)


@pytest.mark.parametrize("name", LAYOUTS)
def test_each_documented_layout_is_read_row_by_row(name: str) -> None:
    parts = truth("a1", "a2")
    answers = {"agent": "Employee", "day": "Start Date", "start": "Start Time", "end_day": "End Date",
               "end": "End Time", "activity": "Area"} if name == "Deputy" else None  # fmt: skip
    schedule = read(LAYOUTS[name](parts), answers)
    assert schedule.faults == ()
    offset = timedelta(hours=1)  # Paris in December
    wanted = sorted((p.agent, p.activity, p.start - offset, p.end - offset) for p in parts)
    assert [(a, b, c.replace(tzinfo=None), d.replace(tzinfo=None)) for a, b, c, d in summarize(schedule)] == wanted


def test_a_schedule_becomes_shifts_breaks_and_absences(small: Operator) -> None:
    one, two = (agent.id for agent in small.agents[:2])
    schedule = read(LAYOUTS["Genesys Cloud"](truth(one, two)))
    kinds = {name: guess_kind(name) for name in schedule.activities}
    assert kinds == {"Calls": "work", "Lunch": "meal", "Meeting": "meeting", "Annual leave": "leave"}
    agents = match_agents(schedule, small)
    built = build_roster(schedule, small, agents, kinds, "Europe/Paris")
    mine = [row for row in built.operator.shifts if row.agent in (one, two) and row.start.month == 12]
    new = [row for row in mine if row.start.day >= 14]
    assert [(row.break_minutes, (row.end - row.start) / timedelta(hours=1)) for row in new] == [(30, 8.5)] * 6
    away = [row for row in built.operator.absences if row.agent in (one, two) and row.start.day >= 14]
    assert sorted({row.kind for row in away}) == ["leave", "meeting"]
    others = [row for row in small.shifts if row.agent not in (one, two)]
    assert [row for row in built.operator.shifts if row.agent not in (one, two)] == others
    assert [(day.agents, day.hours) for day in built.days] == [(2, 17.0)] + [(1, 8.5)] * 4
    assert build_roster(schedule, built.operator, agents, kinds, "Europe/Paris").operator == built.operator


def test_an_absence_inside_a_shift_leaves_one_shift(small: Operator) -> None:
    agent = small.agents[0].id
    rows = [("Calls", 8, 10), ("Absence", 10, 12), ("Calls", 12, 16)]
    text = "Agent;Activity;Start;End\n" + "\n".join(
        f"{agent};{name};2026-12-14 {low:02}:00;2026-12-14 {high:02}:00" for name, low, high in rows
    )
    schedule = read(text)
    kinds = {"Calls": "work", "Absence": "absent"}
    built = build_roster(schedule, small, {agent: agent}, kinds, "Europe/Paris").operator
    (shift,) = [row for row in built.shifts if row.agent == agent and row.start.day == 14 and row.start.month == 12]
    assert (shift.end - shift.start, shift.break_minutes) == (
        timedelta(hours=8),
        Shift.__dataclass_fields__["break_minutes"].default,
    )
    assert PlannedAbsence(agent, shift.start + timedelta(hours=2), shift.start + timedelta(hours=4), "absent") in (
        built.absences
    )


def test_illness_and_unknown_words_are_never_guessed() -> None:
    assert [guess_kind(word) for word in ("Maladie", "Sick", "Vacation", "X27", "")] == ["", "", "", "", "work"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a;b\n1;2\n3;4\n", "no column of the agent"),
        ("Agent;Activity\nx;y\nx;z\n", "no column of the start"),
        ("Agent;Start\nx;2026-12-14 08:00\nx;2026-12-15 08:00\n", "no column of the end or length"),
        ("Agent;Start;End\nx;08:00;16:00\nx;09:00;17:00\n", "day and time of day of the start"),
    ],
)
def test_a_file_that_does_not_say_who_or_when_is_refused(text: str, words: str) -> None:
    with pytest.raises(UnrecognizedReportError, match=words):
        read(text)


def test_days_that_two_forms_read_are_asked_for() -> None:
    text = "Agent;Start;End\n" + "".join(
        f"x;0{day}/0{day + 1}/2026 08:00;0{day}/0{day + 1}/2026 16:00\n" for day in (1, 5)
    )
    log = read_log("s.csv", text.encode(), report=True)
    (question,) = recognize_schedule(log.frame).questions
    assert question.choices == ("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M")


def test_rows_without_agent_or_length_are_named() -> None:
    schedule = read("Agent;Start;End\n;2026-12-14 08:00;2026-12-14 16:00\nx;2026-12-14 08:00;2026-12-14 08:00\n")
    assert schedule.entries == ()
    assert sorted(fault.row for fault in schedule.faults) == [2, 3]


@pytest.mark.parametrize(
    ("header", "ids", "column"),
    [
        ("tvID|logonID", ("a1", "a2"), "logonID"),
        ("logonID|tvID", ("a1", "a2"), "tvID"),
        ("tvID|badge", ("a1", "a2"), "badge"),
        ("tvID|logonID", (), "logonID"),
    ],
)
def test_the_column_that_holds_known_agents_is_the_agents(header: str, ids: tuple[str, ...], column: str) -> None:
    rows = [f"900{number}|a{number}|2026-12-14|08:00|12:00|Calls" for number in (1, 2)]
    text = "\n".join((f"{header}|schedDate|startTime|stopTime|activity", *rows))
    log = read_log("iex.txt", text.encode(), report=True)
    assert recognize_schedule(log.frame, {}, ids).chosen["agent"] == column


def test_a_schedule_is_summed_by_activity() -> None:
    schedule = read(LAYOUTS["Verint"](day_of("a1", 0)))
    assert schedule.sum_hours() == {"Calls": 7.0, "Lunch": 0.5, "Meeting": 1.0}


def test_the_words_of_french_suites_are_known() -> None:
    words = ("Appels entrants", "Au téléphone", "Congé payé", "Brief équipe")
    assert [guess_kind(word) for word in words] == ["work", "work", "leave", "meeting"]


def test_a_row_without_length_shows_its_end_and_not_its_agent() -> None:
    (fault,) = read("Agent;Début;Fin\na1;30/11/2026 09:00;30/11/2026 09:00\n").faults
    assert (fault.column, fault.value) == ("Fin", "30/11/2026 09:00")


@pytest.mark.parametrize("word", ["Lunch", "meal", "Déjeuner", "repas"])
def test_a_meal_and_a_break_are_apart(word: str) -> None:
    assert (guess_kind(word), guess_kind("Pause")) == ("meal", "break")


@pytest.mark.database
def test_a_schedule_is_shown_with_its_differences_and_stored(
    first: Version, small: Operator, settings: Settings
) -> None:
    settings.OPEN_DESK = settings.OPEN_DESK_ACTS = True
    web: Client = look_as(Role.PLANNER)
    web.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    agent = small.agents[0].id
    text = LAYOUTS["Verint"](truth(agent, "Dupont, Anne")).replace("Dupont, Anne", '"Dupont, Anne"')
    text = text.replace("Annual leave", "Maladie")
    sent = web.post("/registry/schedules", {"file": SimpleUploadedFile("wfm.csv", text.encode())})
    assert sent.status_code == 302
    where = sent["Location"]
    page = web.get(where).content.decode()
    assert "Dupont, Anne" in page
    sums = web.get(f"{where}?format=json").json()
    assert (sums["agents"], sums["hours"]) == (2, {"Calls": 42.0, "Lunch": 3.0, "Meeting": 6.0, "Maladie": 23.0})
    assert 'name="import"' not in page, "what an activity is, is not guessed"
    hidden = dict(re.findall(r'<input type="hidden" name="(sheet|fields)" value="([^"]*)"', page))
    kinds = {"a0": "work", "a1": "break", "a2": "meeting", "a3": "absent"}
    wrong = web.post(where, {**hidden, **kinds, "g0": "no-such", "check": "yes"})
    assert wrong.status_code == 422
    assert "There is no agent no-such." in wrong.content.decode()
    other = small.agents[1].id
    shown = web.post(where, {**hidden, **kinds, "g0": other, "check": "yes"}).content.decode()
    assert "Import this schedule" in shown
    assert "T08:00" not in shown, "no key of a row is shown as it is stored"
    assert get_current_version() == first, "nothing is stored before it is confirmed"
    done = web.post(where, {**hidden, **kinds, "g0": other, "import": "yes"})
    assert done.status_code == 302, done.content.decode()
    version = get_current_version()
    assert version is not None
    kept = {row.kind for row in load_operator(version).absences if row.agent == other and row.start.day == 14}
    assert "absent" in {row.kind for row in load_operator(version).absences if row.agent == other}, kept
    layout = FileLayout.objects.get()
    assert "Maladie : absent, the reason is not stored" in web.get(f"/registry/layouts/{layout.pk}").content.decode()
    assert layout.queues["Maladie"] == "absent"
    assert "Dupont" not in str(layout.queues) + str(layout.answers)
    assert Upload.objects.count() == 0
    again = web.post("/registry/schedules", {"file": SimpleUploadedFile("wfm.csv", text.encode())})
    twin = web.get(f"{again['Location']}?format=json").json()
    assert (twin["questions"], twin["unknown"], twin["left_out"]) == ([], 1, 1)


@pytest.mark.database
def test_after_a_row_is_saved_the_search_is_still_there(first: Version, small: Operator, settings: Settings) -> None:
    settings.OPEN_DESK = settings.OPEN_DESK_ACTS = True
    web: Client = look_as(Role.PLANNER)
    web.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    site = small.sites[0]
    shown = web.get("/registry/tables/sites", {"q": site.city}).content.decode()
    found = re.search(rf'href="(/registry/tables/sites/rows/{site.id}[^"]*)"', shown)
    assert found is not None
    where = found[1].replace("&amp;", "&")
    row = web.get(where).context["form"].initial
    sent = {name: value for name, value in row.items() if value is not None} | {"name": "Tour Nord"}
    saved = web.post(where, sent)
    assert saved.status_code == 302, saved.content.decode()
    assert saved["Location"].startswith("/registry/tables/sites?q=")
    assert "Tour Nord" in web.get(saved["Location"]).content.decode()
