"""Feeds of files: what is complete, kept, held, refused or missing; a night of a group by each way in; kills."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.registry import storage
from releve.registry.models import Upload, Version
from releve.registry.service import apply_changes, get_current_version, load_operator, preview_changes
from releve.runs import feeds
from releve.runs.models import FeedFile
from tests import processes
from tests.accounts.people import give, person, sign_in
from tests.desk_api.conftest import Program, program
from tests.homes import make_home_with_tables
from tests.local_server import serve_locally
from tests.runs.feed_night import (
    HEADER,
    JOINS,
    LEAVERS,
    MOVERS,
    ROSTER,
    change_people,
    drop,
    list_leavers,
    make_feeds,
    remember_roster,
    set_up,
    write_people,
    write_roster,
)

pytestmark = [pytest.mark.database, pytest.mark.django_db]
NOW = datetime(2026, 12, 2, 4, 30, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.fixture(scope="module")
def group() -> Operator:
    """1,800 agents on 8 sites."""
    return read_operator(write_operator(sample_operator(1800, 8, 1, weeks_of_history=1)))


@pytest.fixture
def folder(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of two feeds, whose files count as complete at once."""
    settings.HOME = tmp_path
    monkeypatch.setenv("RELEVE_FEEDS", str(tmp_path / "feeds"))
    monkeypatch.setattr(feeds, "SETTLED_SECONDS", 0.0)
    storage.clear_cache()
    yield set_up(tmp_path)
    for row in FeedFile.objects.all():
        print(row.feed, row.name, row.state, row.reason, row.changes)  # shown where a test fails
    for path in tmp_path.glob("feeds/*/*/*.txt"):
        print(path.name, path.read_text(encoding="utf-8")[:400])
    storage.clear_cache()


def store(operator: Operator) -> Version:
    made = apply_changes(preview_changes(operator), "amina", "first import")
    remember_roster()
    return made


def current() -> Operator:
    found = get_current_version()
    assert found is not None
    return load_operator(found)


def planner() -> Client:
    """Return the browser of a planner who signed in just now."""
    user = person("pilar")
    give(user, Role.PLANNER)
    return sign_in(user, lately=True)


def states(feed: str) -> list[str]:
    return list(FeedFile.objects.filter(feed=feed).order_by("pk").values_list("state", flat=True))


def names(place: Path) -> list[str]:
    return sorted(path.name.split("-", 2)[2] for path in place.glob("*"))


def test_the_columns_that_a_file_lacks_keep_what_they_hold(folder: Path, small: Operator) -> None:
    store(small)
    drop(folder / "hr", "people.csv", write_people(small.agents))
    assert not feeds.follow_feeds(NOW)
    assert current() == small
    assert states("hr") == ["same"]
    assert names(folder / "hr" / "done") == ["people.csv"]


def test_one_who_leaves_goes_with_the_roster_and_is_named_in_the_version(folder: Path, small: Operator) -> None:
    store(small)
    (gone,) = list_leavers(small)[:1]
    drop(folder / "hr", "people.csv", write_people(row for row in small.agents if row != gone))
    feeds.follow_feeds(NOW)
    now, version = current(), get_current_version()
    assert version is not None
    assert gone.id not in now.agent
    assert [row for row in small.shifts if row.agent != gone.id] == list(now.shifts)
    assert (version.made_by, version.comment, version.source) == ("feed:hr", "feed hr", "people.csv")
    assert version.summary["agents"] == {"removed": 1}
    assert FeedFile.objects.get().version == version.number == 2


def test_a_file_that_still_grows_or_has_another_name_is_left_alone(
    folder: Path, small: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(small)
    clock = [100.0]
    monkeypatch.setattr(feeds, "SETTLED_SECONDS", 60.0)
    monkeypatch.setattr(feeds.time, "monotonic", lambda: clock[0])
    path = drop(folder / "hr", "people.csv", HEADER + "\n")
    for name in (".people.csv", "people.csv.filepart", "people.csv.tmp"):
        (folder / "hr" / name).write_text("x", encoding="utf-8")
    (folder / "hr" / "link.csv").symlink_to(folder / "hr" / "feed.toml")
    with pytest.raises(OSError, match="symbolic links"):
        feeds._take_path(feeds.load_feed("hr"), folder / "hr" / "link.csv", NOW)  # it became one after the look
    assert feeds.follow_feeds(NOW), "look again soon"
    clock[0] += 59
    path.write_text(write_people(small.agents), encoding="utf-8")
    assert feeds.follow_feeds(NOW)
    clock[0] += 59
    assert feeds.follow_feeds(NOW)
    assert states("hr") == []
    clock[0] += 1
    assert not feeds.follow_feeds(NOW)
    assert states("hr") == ["same"]
    assert len(list((folder / "hr").glob(".people.csv"))) == 1


@pytest.mark.parametrize(("kept", "state"), [(55, "kept"), (53, "held"), (0, "refused")])
def test_a_file_that_would_empty_a_table_waits_for_a_person(
    folder: Path, small: Operator, kept: int, state: str, mailoutbox: list[Any]
) -> None:
    store(small)
    give(person("amina"), Role.PLANNER)
    leads = {team.supervisor for team in small.teams}
    rows = sorted(small.agents, key=lambda row: row.id not in leads)[:kept]
    drop(folder / "hr", "people.csv", write_people(rows))
    feeds.follow_feeds(NOW)
    assert states("hr") == [state]
    row = FeedFile.objects.get()
    if state == "kept":
        assert len(current().agents) == kept
        return
    assert current() == small, "yesterday's data stay"
    assert names(folder / "hr" / state) == ["people.csv", "people.csv.txt"]
    assert row.open
    if state == "held":
        assert row.reason["template"] == "{0}: {1} of {2} rows would go"
        assert row.reason["params"][1:] == [60 - kept, 60]
        assert row.changes["agents"] == {"removed": 60 - kept}


def test_a_feed_may_remove_what_its_source_says_but_never_all(folder: Path, small: Operator) -> None:
    store(small)
    make_feeds(
        folder, breaks='holds = "breaks"\nmost_removed = 1\n', absences='holds = "absences"\nmost_removed = 1.0\n'
    )
    day = f"{small.shifts[0].start:%Y-%m-%d}"
    whole = "agent,start,end,kind\n" + "".join(f"{row.id},{day}T00:00Z,{day}T20:00Z,leave\n" for row in small.agents)
    drop(folder / "absences", "a.csv", whole)
    feeds.follow_feeds(NOW)
    assert len(current().absences) == 60
    drop(folder / "absences", "b.csv", "\n".join(whole.splitlines()[:2]) + "\n")
    feeds.follow_feeds(NOW)
    assert len(current().absences) == 1
    drop(folder / "absences", "c.csv", "agent,start,end,kind\n")
    feeds.follow_feeds(NOW)
    assert len(current().absences) == 1
    assert states("absences") == ["kept", "kept", "held"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [(f"{HEADER}\na00001;nowhere;x;35;;\n", "nowhere"), (f"{HEADER}\na00001;casa-1\n", "ligne 2"), ("", "est vide")],
)
def test_a_broken_file_is_refused_with_its_faults_beside_it(
    folder: Path, small: Operator, text: str, fault: str, settings: Settings, mailoutbox: list[mail.EmailMessage]
) -> None:
    store(small)
    drop(folder / "hr", "people.csv", text)
    feeds.follow_feeds(NOW)
    assert (states("hr"), current()) == (["refused"], small)
    (beside,) = (folder / "hr" / "refused").glob("*.txt")
    assert fault in beside.read_text(encoding="utf-8")
    assert [path.name for path in folder.glob("hr/*") if path.is_file()] == ["feed.toml"]
    feeds.follow_feeds(NOW + timedelta(minutes=5))
    assert states("hr") == ["refused"]


def test_a_roster_is_asked_about_once_and_then_read_by_itself(
    folder: Path, small: Operator, settings: Settings
) -> None:
    made = apply_changes(preview_changes(small), "amina")
    text = write_roster(small, small.agents, WEEK)
    drop(folder / "roster", "roster-2026-12-02.csv", text)
    feeds.follow_feeds(NOW)
    assert (states("roster"), get_current_version()) == (["held"], made)
    web = planner()
    row = FeedFile.objects.get()
    answer = web.post(f"/registry/feeds/{row.pk}")
    upload = Upload.objects.get()
    assert answer["Location"] == f"/registry/schedules/{upload.token}"
    assert web.get(answer["Location"]).status_code == 200
    row.refresh_from_db()
    assert (row.open, row.closed_by) == (False, upload.made_by)
    remember_roster()
    drop(folder / "roster", "roster-2026-12-03.csv", text)
    feeds.follow_feeds(NOW)
    assert states("roster") == ["held", "kept"]
    assert len(current().shifts) == 2 * len(small.shifts)


def test_agents_and_activities_that_are_not_known_are_said(folder: Path, small: Operator) -> None:
    store(small)
    text = write_roster(small, small.agents, WEEK)
    drop(folder / "roster", "roster.csv", f"{text}x999;Calls;2026-12-07T08:00:00Z;2026-12-07T16:00:00Z\n")
    feeds.follow_feeds(NOW)
    row = FeedFile.objects.get()
    assert (row.state, row.reason) == ("kept", {"template": "rows set aside: {0}", "params": [1]})
    assert "x999" in next((folder / "roster" / "done").glob("*.txt")).read_text(encoding="utf-8")
    drop(folder / "roster", "roster2.csv", f"{ROSTER}\na00001;Siesta;2026-12-07T08:00:00Z;2026-12-07T16:00:00Z\n")
    feeds.follow_feeds(NOW)
    assert FeedFile.objects.first().reason["params"] == ["Siesta"]  # type: ignore[union-attr]
    strangers = "\n".join(line.replace(";", "x;", 1) for line in text.splitlines()[1:])
    drop(folder / "roster", "roster3.csv", f"{ROSTER}\n{strangers}\n")
    feeds.follow_feeds(NOW)
    assert states("roster") == ["kept", "held", "held"]


def test_a_feed_that_does_not_come_is_said_once_and_rests_when_it_comes(
    folder: Path, small: Operator, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    store(small)
    give(person("amina"), Role.PLANNER)
    give(person("pilot"), Role.HEALTH)
    os.utime(folder / "hr" / "feed.toml", (0, 0))
    feeds.follow_feeds(datetime(2026, 12, 2, 4, 30, tzinfo=UTC))
    feeds.follow_feeds(datetime(2026, 12, 2, 5, 5, tzinfo=UTC))
    assert states("hr") == ["missing"], "of the day before, which it was set up for"
    mail.outbox.clear()
    with django_capture_on_commit_callbacks(execute=True):
        feeds.follow_feeds(datetime(2026, 12, 2, 5, 11, tzinfo=UTC))
        feeds.follow_feeds(datetime(2026, 12, 2, 6, 0, tzinfo=UTC))
    assert states("hr") == ["missing", "missing"]
    (sent,) = mail.outbox
    assert sent.to == ["amina@example.org"]
    assert "/registry/feeds" in sent.body
    web = planner()
    assert feeds.count_open_files() == 2
    assert "did not come" in web.get("/registry/feeds", headers={"accept-language": "en"}).content.decode()
    drop(folder / "hr", "people.csv", write_people(small.agents))
    feeds.follow_feeds(datetime(2026, 12, 2, 7, 0, tzinfo=UTC))
    assert feeds.count_open_files() == 0


def test_a_wrong_source_is_a_failure_of_its_feed_alone(folder: Path, small: Operator) -> None:
    store(small)
    make_feeds(folder, other='holds = "people"\n', third="most_removed = 2\n", fourth='holds = "agents"\nwhen = 1\n')
    drop(folder / "hr", "people.csv", write_people(small.agents))
    feeds.follow_feeds(NOW)
    feeds.follow_feeds(NOW)
    assert [states(name) for name in ("hr", "other", "third", "fourth")] == [
        ["same"],
        ["refused"],
        ["refused"],
        ["refused"],
    ]
    page = planner().get("/registry/feeds?format=json", headers={"accept-language": "en"}).json()
    assert "holds must be one of" in next(row["reason"] for row in page["files"] if row["feed"] == "other")


def test_a_held_table_is_looked_at_as_a_file_that_was_sent(folder: Path, small: Operator) -> None:
    store(small)
    leads = {team.supervisor for team in small.teams}
    rows = sorted(small.agents, key=lambda row: row.id not in leads)[:40]
    drop(folder / "hr", "people.csv", write_people(rows))
    feeds.follow_feeds(NOW)
    web, row = planner(), FeedFile.objects.get()
    shown = web.get("/registry/feeds").content.decode()
    assert "people.csv" in shown
    where = web.post(f"/registry/feeds/{row.pk}")["Location"]
    proposal = web.get(f"{where}?format=json").json()
    assert {one["table"]: one["counts"] for one in proposal["tables"]}["agents"] == {"removed": 20}
    assert web.post(where).status_code == 302
    assert len(current().agents) == 40
    assert web.post(f"/registry/feeds/{row.pk}", {"close": "1"}).status_code == 302


def test_an_erasure_and_the_days_remove_the_files_that_were_read(folder: Path, small: Operator) -> None:
    store(small)
    drop(folder / "hr", "people.csv", write_people(small.agents))
    feeds.follow_feeds(NOW)
    data, agent = feeds.FeedData(), small.agents[0].id
    assert data.find(agent).erased == {"files": 1}
    assert data.export("x999") == {"files": []}
    assert (
        data.erase_due(datetime.now(UTC)) == 0 if FeedFile.objects.filter(at__gt=datetime.now(UTC)).exists() else True
    )
    assert data.erase(agent, "token", NOW) == {"files": 1}
    assert data.find(agent).erased == {"files": 0}
    data.erase_due(NOW + timedelta(days=31))
    assert not FeedFile.objects.exists()


def people(operator: Operator) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {row.id: (row.home_site, row.skills) for row in operator.agents}


class _Ways:
    """The ways by which a file comes in: what became of it."""

    def __init__(self, folder: Path, asks: Program) -> None:
        self.folder, self.asks = folder, asks

    def by_folder(self, feed: str, name: str, text: str) -> str:
        drop(self.folder / feed, name, text)
        feeds.follow_feeds(NOW)
        return FeedFile.objects.filter(feed=feed).values_list("state", flat=True)[0]

    def by_file(self, feed: str, name: str, text: str) -> str:
        answers = [
            self.asks.web.post(
                f"/api/v1/feeds/{feed}/files?name={name}",
                text.encode(),
                content_type="application/octet-stream",
                headers={**self.asks.headers, "Idempotency-Key": f"{feed}-{name}-{len(text)}"},
            )
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [201, 200], answers[0].content
        assert [answer.json()["before"] for answer in answers] == [False, True]
        return str(answers[0].json()["state"])


@pytest.mark.slow
@pytest.mark.parametrize("way", ["by_folder", "by_file"])
def test_a_night_of_a_group_by_files(folder: Path, group: Operator, way: str) -> None:
    store(group)
    send = getattr(_Ways(folder, program(Role.PLANNER)), way)
    after = change_people(group)
    assert send("hr", "people.csv", write_people(after)) == "kept"
    assert send("roster", "roster.csv", write_roster(group, after, WEEK)) == "kept"
    version, now = get_current_version(), current()
    assert version is not None
    assert version.number == 3
    summary = Version.objects.get(number=2).summary
    assert summary["agents"] == {"added": JOINS, "removed": LEAVERS, "changed": MOVERS}
    assert people(now) == {row.id: (row.home_site, row.skills) for row in after}
    gone = {row.id for row in list_leavers(group)}
    stayed = {(row.agent, row.start) for row in group.shifts if row.agent not in gone}
    first = group.shifts[0].agent
    joined = {(f"new{at:03d}", row.start + WEEK) for at in range(JOINS) for row in group.shifts if row.agent == first}
    assert {(row.agent, row.start) for row in now.shifts} == (
        stayed | {(agent, start + WEEK) for agent, start in stayed} | joined
    )
    assert len(now.shifts) == len(stayed) * 2 + len(joined), "nothing doubled"
    known = {row.id: row for row in group.agents}
    assert all(row.line_type == known[row.id].line_type for row in now.agents if row.id in known)
    broken = write_people(after).replace(after[5].home_site, "nowhere", 1)
    assert send("hr", "broken.csv", broken) == "refused"
    assert send("hr", "cut.csv", write_people(after)[:-9]) == "refused"
    assert send("hr", "empty.csv", HEADER + "\n") == "refused"
    assert send("hr", "none.csv", "") == "refused"
    assert send("hr", "half.csv", write_people(after[: len(after) // 2])) in ("held", "refused")
    assert send("roster", "empty.csv", ROSTER + "\n") == "refused"
    assert send("roster", "none.csv", "") == "refused"
    assert get_current_version() == version, "yesterday's data stay"
    assert feeds.count_open_files() == 7


@pytest.mark.slow
def test_a_night_of_a_group_row_by_row(folder: Path, group: Operator) -> None:
    store(group)
    asks, before = program(Role.PLANNER), people(group)
    after = {row.id: row for row in change_people(group)}
    changed = [row for row in after.values() if before.get(row.id) != (row.home_site, row.skills)]
    gone = [agent for agent in before if agent not in after]
    assert (len(changed), len(gone)) == (JOINS + MOVERS, LEAVERS)
    for row in (*changed, changed[0], changed[-1]):
        body = {"home_site": row.home_site, "skills": list(row.skills), "team": row.team, "stop": row.stop or None}
        answer = put(asks, row.id, body)
        assert answer.status_code in (200, 201), answer.content
    made = Version.objects.count()
    assert made == 1 + len(changed), "sent again, nothing is doubled"
    assert put(asks, "new999", {"home_site": "nowhere", "skills": []}).status_code == 422
    assert put(asks, "new999", {}).status_code == 422
    for agent in gone:
        assert delete(asks, agent).json()["kind"] == "left"
    assert delete(asks, gone[0]).status_code == 404
    now = current()
    assert people(now) == {row.id: (row.home_site, row.skills) for row in after.values()}
    assert {row.agent for row in now.shifts} == {row.agent for row in group.shifts} - set(gone)
    assert Version.objects.count() == made + LEAVERS


def put(asks: Program, agent: str, body: object, query: str = "", **headers: str) -> Any:
    return asks.web.put(
        f"/api/v1/people/{agent}{query}",
        json.dumps(body),
        content_type="application/json",
        headers={**asks.headers, **headers},
    )


def delete(asks: Program, agent: str, query: str = "", **headers: str) -> Any:
    return asks.web.delete(f"/api/v1/people/{agent}{query}", headers={**asks.headers, **headers})


@pytest.mark.slow
def test_a_night_that_is_killed_anywhere_is_there_once(tmp_path: Path) -> None:
    variables = {
        name: value for name, value in os.environ.items() if name not in ("RELEVE_DATABASE_URL", "RELEVE_FEEDS")
    }
    variables["RELEVE_HOME"] = str(make_home_with_tables(tmp_path))
    done = processes.run("tests.runs.feed_programs", environ=variables, timeout=300)
    assert done.returncode == 0, done.stderr
    *kills, last = done.stdout.splitlines()
    assert [line.split()[:2] for line in kills] == [[stage, "9"] for stage in ("read", "version", "row", "move") * 2]
    assert last == "versions 3, files kept kept, waiting 0, doubled 0, lost 0"


PAGE = Path(__file__).parents[2] / "docs" / "feeds.md"


def test_the_blocks_of_the_page_do_what_it_says(folder: Path, small: Operator, tmp_path: Path) -> None:
    """The real curl sends to a server that notes its requests; the desk gets the same ones."""
    store(small)
    asks, noted = program(Role.PLANNER), []

    class Notes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            noted.append(
                (self.command, self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(200)
            self.end_headers()

        do_PUT = do_POST  # noqa: N815 (the name that the server asks for)

    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    make, leave, sftp, send, put_one = blocks
    put_one = put_one.replace("banque-rive-1", small.programmes[0].id)  # the operator of the tests has others
    assert sftp.startswith("sftp -b - "), "no server of it can be installed here: it is not run"
    (tmp_path / "people.csv").write_text(write_people(small.agents), encoding="utf-8")
    (folder / "hr" / "feed.toml").unlink()
    with serve_locally(Notes) as address:
        names = {**os.environ, "RELEVE_FEEDS": str(folder), "TOKEN": asks.secret, "DESK": f"http://{address}"}
        for block in (make, leave, send, put_one):
            subprocess.run(["sh", "-eu", "-c", block], check=True, cwd=tmp_path, env=names, timeout=60)
    assert feeds.load_feed("hr").most_removed == 0.05
    feeds.follow_feeds(NOW)
    assert states("hr") == ["same"]
    answers = []
    for method, path, headers, body in noted:
        kept = {name: headers[name] for name in ("Authorization", "Idempotency-Key") if name in headers}
        answers.append(asks.web.generic(method, path, body, headers["Content-Type"], headers=kept))
    assert [(answer.status_code, answer.json().get("state", answer.json().get("kind"))) for answer in answers] == [
        (201, "same"),
        (200, "joined"),
    ], answers[1].content
    assert "a99999" not in current().agent


def test_one_agent_is_read_put_and_removed_as_the_sender_saw_it(folder: Path, small: Operator) -> None:
    store(small)
    asks, agent = program(Role.PLANNER), list_leavers(small)[0].id
    seen = asks.get(f"/people/{agent}")
    assert seen.json()["id"] == agent
    preview = put(asks, agent, {"contract_hours": 30, "carrier": None}, "?preview=1")
    assert preview.json()["kind"] == "changed"
    assert {"column": "contract_hours", "before": small.agent[agent].contract_hours, "after": 30.0} in (
        preview.json()["changes"]
    )
    assert (preview.json()["version"], Version.objects.count()) == (None, 1)
    done = put(asks, agent, {"contract_hours": 30}, **{"If-Match": seen["ETag"]})
    assert (done.status_code, done.json()["version"]) == (200, 2)
    late = put(asks, agent, {"contract_hours": 31}, **{"If-Match": seen["ETag"]})
    assert late.status_code == 412
    assert delete(asks, agent, **{"If-Match": seen["ETag"]}).status_code == 412
    assert put(asks, agent, {"contract_hours": 31}, **{"If-None-Match": "*"}).status_code == 412
    again = put(asks, agent, {"contract_hours": 30})
    assert (again.json()["kind"], Version.objects.count()) == ("same", 2)
    for field, value in (("salary", 3), ("contract_hours", "x"), ("home_site", "x")):
        answer = put(asks, agent, {field: value})
        assert (answer.status_code, answer.json()["error"]["faults"][0]["field"]) == (422, field)
    lead = small.teams[0].supervisor
    assert delete(asks, lead).status_code == 422, "a team still needs this agent"
    left = delete(asks, agent, "?preview=1").json()
    assert (left["kind"], left["removed"]["shifts"]) == ("left", sum(row.agent == agent for row in small.shifts))
    assert Version.objects.count() == 2
    assert program(Role.FLOW).get(f"/people/{agent}").status_code == 200
    assert put(program(Role.FLOW), agent, {}).status_code == 403
