"""The pages of the charter and of the draws: the label's day, the picture, the plan of visits."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from releve.accounts.permissions import Role
from releve.ledger.seal import seal_ledger
from releve.live import api
from releve.plugins.inspection import draws
from releve.situation import DrawJoined, DrawPlanned, DrawRevealed, Event, MeasureFinding, event_from_json
from tests.desk_charter.conftest import Act, Clock
from tests.desk_charter.test_audits import browser
from tests.situation.draw_rows import DAY, JOINED, PLAN, link
from tests.situation.rule_chain import START

pytestmark = [pytest.mark.database, pytest.mark.django_db]
SITES = ("casa", "rabat", "lille")


def find_measures(*, daily: bool) -> tuple[str, ...]:
    charter = api.rules_now().charter(START.date())
    assert charter is not None
    return tuple(row.id for row in charter.measures if row.daily is daily)


def say_kept(measures: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(MeasureFinding(measure=measure, verdict="kept") for measure in measures)


def record(kind: type[Event], values: dict[str, Any]) -> None:
    """Record an event of a draw without the signed roots that it needs otherwise."""
    name, at = uuid.uuid4().hex, api.now(api.LIVE)
    own = {"id": name, "happened_at": at, "recorded_at": at, "actor": "samira"}
    api.record(event_from_json(kind.kind, values | own), key=name)


def plan_draws() -> None:
    """Plan thirty days and record the frame of tomorrow."""
    draws.record_draw_event(DrawPlanned, PLAN, by="samira")
    record(DrawJoined, JOINED)
    draws.record_frame("p1", DAY, by="samira")


def reveal(party: str) -> None:
    values = {"plan": "p1", "day": DAY, "party": party, "link": link(party)}
    record(DrawRevealed, values)


def has_label(act: Act, clock: Clock) -> None:
    """Have a drawn visit, an audit and the daily checks of every site."""
    plan_draws()
    clock.move(days=1)
    reveal("operator")
    reveal("commission")
    (site,) = draws.hold_draw("p1", DAY, by="samira")
    act("inspection.held", site=site, authority="Commission", findings=say_kept(find_measures(daily=False)))
    for measure in find_measures(daily=False):
        act("audit.verdict", measure=measure, verdict="met", valid_to=DAY + timedelta(days=300))
    for name in SITES:
        act("check.done", site=name, day=DAY, findings=say_kept(find_measures(daily=True)))


def look(web: Client, path: str = "/charter/") -> dict[str, Any]:
    answer = web.get(f"{path}?format=json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_the_page_says_the_day_on_which_the_label_falls_and_now_says_it_before(act: Act, clock: Clock) -> None:
    has_label(act, clock)
    web = browser("omar", Role.CONTINUITY)
    label = look(web)["label"]
    falls = DAY + timedelta(days=4)
    assert label == {"day": DAY.isoformat(), "reasons": [], "falls_on": falls.isoformat(),
                     "because": ["major", "minor"]}  # fmt: skip
    said = "Le label est tenu. Il tombe le samedi 5 décembre 2026 si rien n’est fait"
    assert said in web.get("/charter/").content.decode()
    clock.move(days=3)
    web = browser("nadia", Role.CONTINUITY)
    ending = {row["code"] for row in look(web)["ending"]}
    assert {"label.falling", "measure.expiring"} <= ending, "as Now lists them"
    clock.move(days=1)
    web = browser("amine", Role.CONTINUITY)
    assert look(web)["label"]["reasons"] == ["major", "minor"]
    row = look(web)["sites"][0]
    assert set(row["values"]) == {"expired", "kept"}
    assert row["kept"][-1] < row["kept"][-2]


def test_a_late_record_changes_a_past_day_and_the_page_of_the_site_says_so(act: Act, clock: Clock) -> None:
    clock.move(days=2)
    act("check.done", site="casa", day=START.date(), findings=say_kept(("masks",)))
    web = browser("omar", Role.CONTINUITY)
    answer = web.get("/charter/sites/casa", {"day": START.date().isoformat()})
    (line,) = (row for row in answer.context["page"].measures if row.measure.id == "masks")
    assert (line.value, line.before, line.late, line.after) == ("unknown", "unknown", 1, 1)
    said = "1 enregistrement est venu plus tard\u202f; connu ce jour-là\u202f: inconnue"
    assert said.split(" ;")[0][:30] in answer.content.decode()


def test_the_inspector_alone_sees_the_plan_of_visits(act: Act, clock: Clock) -> None:
    plan_draws()
    clock.move(days=1)
    inspector, officer = browser("lea", Role.INSPECTOR), browser("nour", Role.HEALTH)
    values = {"plan": "p1", "link": link("commission")}
    assert inspector.post("/draws/preview", values).status_code == 422, "no link of the operator"
    reveal("operator")
    early = inspector.post("/draws/preview", values)
    assert early.status_code == 422, "the commission cannot hold a root over the frame yet"
    assert early.context["previewed"].get("names") is None
    seal_ledger(api.now(api.LIVE))
    wrong = inspector.post("/draws/preview", values | {"link": "0" * 64})
    assert "ne mène pas à l’ancre" in wrong.content.decode()
    answer = inspector.post("/draws/preview", values)
    (name,) = answer.context["previewed"]["names"]
    assert answer["Cache-Control"] == "private, no-store"
    assert officer.post("/draws/preview", values).status_code == 403
    (card,) = look(inspector, "/draws/")["cards"]
    assert card["state"] == "framed", "nothing is recorded"
    assert card["commission_anchor"] == JOINED["commission_anchor"]
    assert card["plan_hash"] in inspector.get("/draws/").content.decode()
    assert link("commission") not in answer.content.decode()
    reveal("commission")
    (site,) = draws.hold_draw("p1", DAY, by="samira")
    assert api.operator_now().site[site].name == name
    (hidden,) = look(officer, "/draws/")["cards"]
    assert (hidden["visits"], hidden["waiting"]) == ([], 1)
    (shown,) = look(inspector, "/draws/")["cards"]
    assert [row["state"] for row in shown["visits"]] == ["waiting"]


def test_drawn_visits_meet_the_records_of_inspections_and_tests(act: Act, clock: Clock) -> None:
    plan_draws()
    clock.move(days=1)
    (site,) = preview_visits()
    act("draw.present", plan="p1", day=DAY, site=site, count=6, tests=4, list_hash="0" * 64)
    reveal("commission")
    draws.hold_draw("p1", DAY, by="samira")
    visit = act("inspection.held", site=site, authority="Commission")
    act("tests.done", site=site, tested=4, positive=0, inspection=visit)
    officer = browser("nour", Role.HEALTH)
    (card,) = look(officer, "/draws/")["cards"]
    (row,) = card["visits"]
    assert (row["state"], row["present"], row["to_test"], row["tested"]) == ("held", 6, 4, 4)
    assert sum(unit["probability"] for unit in card["frame"]) == pytest.approx(1)
    said = officer.get("/draws/").content.decode()
    assert "Si 4 personnes sur 6 étaient porteuses, 4 tests" in said
    assert look(officer, "/draws/")["day"] == DAY.isoformat()
    assert officer.get("/draws/", {"day": "2026-11-29"}).context["page"].cards == ()


def preview_visits() -> tuple[str, ...]:
    """Reveal the operator's link and return the visits that both links give."""
    reveal("operator")
    seal_ledger(api.now(api.LIVE))
    return draws.preview_draw("p1", DAY, link("commission"))
