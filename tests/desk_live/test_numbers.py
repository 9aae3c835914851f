"""One scene, two places and a carrier lost, and every page of it: figures of the same name are the same.

Every address of the desk and its API is asked for JSON, and the pages that people look at are read as HTML;
a page that computes a figure on its own is found by its difference.
"""

from __future__ import annotations

import html
import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import polars
import pytest
from click.testing import CliRunner
from django.test import Client
from django.utils.translation import override

from releve.accounts.permissions import Role
from releve.cli.live import status as print_status
from releve.desk.client_status import client_word, people_words
from releve.desk.live.page import ShownStream
from releve.desk.text import Text
from releve.ledger import chain as ledger
from releve.live import api as live
from releve.live.api import ClientStanding
from releve.live.coverage import ClientCoverage
from releve.live.message_texts import write_message
from releve.live.models import Message
from releve.live.notifications import describe_client
from releve.plan.work_changes import WorkKind
from tests.desk.access.addresses import ROWS
from tests.desk_live.conftest import Browsers
from tests.live.scenario import Scenario

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

FIGURES = ("state", "tone", "now", "worst", "worst_at", "missing", "known", "need_kind", "need_now", "people_now")
"""Names of what pages say of a client."""
ENGLISH = Text("en", "Europe/Paris")
Figures = dict[tuple[str, str], dict[str, set[str]]]
"""(client, name) -> value -> addresses that say so."""


@pytest.fixture
def scene(browsers: Browsers, scenario: Scenario) -> Scenario:
    """The first site closed by two cases, the second one without power, a carrier down."""
    rows = "".join(f"agent,{row.id},file,x,en\n" for row in scenario.operator.agents)
    live.import_contacts(f"role,who,channel,address,language\n{rows}".encode(), by="tests")
    scenario.work()
    scenario.two_positives()
    scenario.work()
    return scenario


def lose_more(scenario: Scenario) -> None:
    scenario.power(scenario.operator.sites[1].id)
    scenario.work()
    scenario.carrier("Maroc Telecom")
    scenario.work()
    live.open_incident(scenario.stream, "Power cut", scenario.operator.sites[1].id, "room", by="tests")


def list_addresses(scenario: Scenario) -> Iterator[str]:
    """Yield every address that a continuity manager may open, with each place and client of the scene."""
    operator = scenario.operator
    values = {
        "client": [row.id for row in operator.clients],
        "site": [row.id for row in operator.sites],
        "contingency": [f"site:{row.id}" for row in operator.sites],
        "incident": [row.id for row in live.list_incidents(live.situation_now(scenario.stream), scenario.stream)],
    }
    for row in ROWS:
        names = re.findall(r"<(?:\w+:)?(\w+)>", row.route)
        if "c" not in row.opens or not set(names) <= set(values):
            continue
        parts = re.split(r"<[^>]+>", row.route)
        for chosen in product(*(values[name] for name in names)):
            yield "/" + "".join(part + value for part, value in zip(parts, (*chosen, ""), strict=True))


def collect(node: Any, where: str, found: Figures) -> None:
    """Collect what a document says of each client, at any depth."""
    if isinstance(node, Mapping):
        if isinstance(node.get("client"), str) and {"now", "worst"} <= set(node):
            for name in FIGURES:
                if name in node:
                    found[node["client"], name][json.dumps(node[name])].add(where)
        elif isinstance(node.get("client"), str) and {"before", "unrelieved"} <= set(node):
            found[node["client"], "worst"][json.dumps(node["before"])].add(where)
        for value in node.values():
            collect(value, where, found)
    elif isinstance(node, list):
        for value in node:
            collect(value, where, found)


def read_all(web: Client, scenario: Scenario) -> tuple[Figures, set[str]]:
    found: Figures = defaultdict(lambda: defaultdict(set))
    answered = set()
    for address in list_addresses(scenario):
        answer = web.get(f"{address}?format=json&stream={scenario.stream}")
        if answer.status_code == 200 and "json" in answer.get("Content-Type", "") and "/ledger" not in address:
            answered.add(address)
            collect(json.loads(answer.content), address, found)
    return found, answered


def find_differences(found: Figures) -> dict[tuple[str, str], dict[str, set[str]]]:
    return {key: dict(values) for key, values in found.items() if len(values) > 1}


def cover(scenario: Scenario) -> dict[str, ClientCoverage]:
    coverage = live.compute_coverage(scenario.stream)
    assert coverage is not None
    return {row.client: row for row in coverage.clients}


def strip(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def cut(page: str, start: str, end: str) -> str:
    """Return the text of a page between two marks."""
    return strip(page.split(start, 1)[1].split(end, 1)[0])


def test_every_page_says_the_same_of_a_client(browsers: Browsers, scene: Scenario) -> None:
    lose_more(scene)
    web = browsers.sign_in(Role.CONTINUITY)
    found, answered = read_all(web, scene)
    assert len(answered) > 40, "the walk reads the desk and its API"
    assert find_differences(found) == {}
    for client, own in cover(scene).items():
        for name in ("now", "worst", "missing", "need_now", "people_now"):
            (said,) = found[client, name]
            value = getattr(own, name)
            assert json.loads(said) == (None if value is None else pytest.approx(value))
        (pages,) = found[client, "now"].values()
        assert {"/now", "/wall", "/clients", f"/clients/{client}", "/api/v1/now"} <= pages
        if own.now is not None:
            assert own.people_now is not None
            assert own.need_now
            assert own.now == pytest.approx(own.people_now / own.need_now), "the share is of the need beside it"
    assert min(row.now or 1.0 for row in cover(scene).values()) < 0.9, "the scene is one that hurts"


def test_a_page_that_computes_on_its_own_is_found(
    browsers: Browsers, scene: Scenario, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the walk compares would differ if one page had another coverage."""
    web = browsers.sign_in(Role.CONTINUITY)
    real = live.describe_standing

    def guess(*args: Any) -> ClientStanding:
        row = real(*args)
        return ClientStanding(**{name: getattr(row, name) for name in ("client", "name", "state")}, now=1.0)

    monkeypatch.setattr(live, "describe_standing", guess)
    differences = find_differences(read_all(web, scene)[0])
    assert any(name == "now" for _client, name in differences)


def test_the_wall_says_what_now_says(browsers: Browsers, scene: Scenario) -> None:
    lose_more(scene)
    web = browsers.sign_in(Role.CONTINUITY)
    now, wall = (web.get(f"{path}?format=json").json() for path in ("/now", "/wall"))
    for name in ("state", "tone", "plan", "sites", "carriers", "clients"):
        assert wall[name] == now[name]
    assert [row["standing"] for row in wall["tiles"]] == now["clients"]
    assert {row["state"] for row in now["sites"]} >= {"closed", "cut_off"}
    assert now["carriers"]
    with override("en"):
        pages = {path: web.get(path, headers={"accept-language": "en"}).content.decode() for path in ("/now", "/wall")}
    heads = {cut(page, "<h1", "</h1>").partition(">")[2] for page in pages.values()}
    assert all(scene.operator.site[scene.site].name in head for head in heads)
    assert "held" not in strip(pages["/wall"]).split("within 48 hours")[0]


def test_what_people_read_is_what_the_figures_are(browsers: Browsers, scene: Scenario) -> None:
    lose_more(scene)
    web = browsers.sign_in(Role.CONTINUITY)
    pages = {
        path: web.get(path, headers={"accept-language": "en"}).content.decode()
        for path in ("/now", "/wall", "/clients", *(f"/clients/{row.id}" for row in scene.operator.clients))
    }
    coverage = live.compute_coverage(scene.stream)
    assert coverage is not None
    letters = {}
    for row in coverage.clients:
        about = json.loads(json.dumps(describe_client(row, coverage)))
        letters[row.client] = write_message("client", about, "en", "http://x", drill=False)[1]
    for client, own in cover(scene).items():
        with override("en"):
            now, worst = ("–" if share is None else ENGLISH.coverage(share) for share in (own.now, own.worst))
            word, people = client_word(own), people_words(own)
        read = {
            "/now": cut(pages["/now"], f'id="client-{client}"', "</li>"),
            "/wall": cut(pages["/wall"], f'id="wall-client-{client}"', "</section>"),
            "/clients": cut(pages["/clients"], f'/clients/{client}"', "</dl>"),
            f"/clients/{client}": cut(pages[f"/clients/{client}"], 'id="state-title"', "<svg"),
        }
        read[f"/clients/{client}"] = strip(pages[f"/clients/{client}"].split('id="state-title"')[1])
        for path, said in read.items():
            assert now in said, (path, said)
            assert worst in said, (path, said)
            assert word in said, (path, said)
            assert people in said, (path, said)
        for path in ("/now", "/wall", "/clients"):
            assert f"is-{own.tone}" in pages[path]
        if own.short:
            assert worst in letters[client]


def test_the_command_and_the_journal_say_what_the_pages_say(browsers: Browsers, scene: Scenario) -> None:
    lose_more(scene)
    newest = live.list_reliefs(scene.stream)[0]
    covered = [row for row in ledger.iter_entries(scene.stream) if row.kind == "relief.covered"]
    last = {row.body["client"]: row.body for row in covered if row.body["generation"] == newest.generation}
    own = cover(scene)
    assert set(last) == set(own)
    for client, body in last.items():
        assert (body["state"], body["now"], body["worst"]) == (own[client].state, own[client].now, own[client].worst)
    printed = CliRunner().invoke(print_status, ["--stream", scene.stream])
    document = json.loads(printed.stdout)
    assert document["state"] == {client: str(row.state) for client, row in own.items()}
    for client, row in own.items():
        assert document["coverage_now"][client] == (None if row.now is None else round(row.now, 4))


def test_a_relief_counts_the_same_people_everywhere(browsers: Browsers, scene: Scenario) -> None:
    web = browsers.sign_in(Role.CONTINUITY)
    page = web.get("/relief?format=json").json()
    kinds = {row["kind"]: row["people"] for row in page["kinds"]}
    assert sum(kinds.values()) > 0
    asked = sum(people for kind, people in kinds.items() if WorkKind(kind).asks_answer)
    assert page["changed"] == asked
    with override("en"):
        text = strip(web.get("/relief", headers={"accept-language": "en"}).content.decode())
    assert re.search(rf"\b{asked}\b", text)
    assert kinds == count_workbooks(web, page["days"])
    (notified,) = [row for row in ledger.iter_entries(scene.stream) if row.kind == "people.notified"]
    assert dict(notified.body["kinds"]) == kinds
    assert count_letters(scene) == kinds
    reliefs = web.get("/reliefs?format=json").json()["reliefs"]
    made = [row for row in ledger.iter_entries(scene.stream) if row.kind == "relief.made"]
    last = made[-1].body
    assert reliefs[0]["moved"] == last["moved"] == live.list_reliefs(scene.stream)[0].moved


def count_people(kinds: Mapping[str, set[WorkKind]]) -> dict[str, int]:
    """Count people by the first of their kinds."""
    order = list(WorkKind)
    return dict(Counter(str(min(own, key=order.index)) for own in kinds.values()))


def count_workbooks(web: Client, days: list[str]) -> dict[str, int]:
    """Count the people of the Excel files of every day by kind."""
    labels = {str(kind.label): kind for kind in WorkKind}
    found: dict[str, set[WorkKind]] = defaultdict(set)
    for day in days:
        content = web.get(f"/relief.xlsx?day={day}", headers={"accept-language": "en"}).content
        _calls, moves, breaks = polars.read_excel(io.BytesIO(content), sheet_id=0).values()
        for agent, _site, change, *_rest in moves.iter_rows():
            found[agent].add(labels[change])
        for agent, *_rest in breaks.iter_rows():
            found[agent].add(WorkKind.BREAK)
    return count_people(found)


def count_letters(scenario: Scenario) -> dict[str, int]:
    """Count the people of the messages by kind."""
    found: dict[str, set[WorkKind]] = defaultdict(set)
    for row in Message.objects.filter(stream=scenario.stream, role="agent"):
        for shift in row.about["shifts"]:
            if shift.get("kind"):
                found[row.who].add(WorkKind(shift["kind"]))
    return count_people(found)


def test_the_reader_of_a_drill_sees_it_on_the_wall(browsers: Browsers, scene: Scenario) -> None:
    web = browsers.sign_in(Role.CONTINUITY)
    page = web.get("/wall?format=json").json()
    assert (page["stream"], page["service"]) == (scene.stream, None)
    assert page["drill"] == ShownStream(scene.stream, "Exercice").title
