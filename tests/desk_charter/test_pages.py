"""The pages of the charter, of draws and of audits."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from releve.accounts.models import AccountAct, Grant, User
from releve.accounts.permissions import Role
from releve.ledger.models import LedgerEntry
from releve.ledger.seal import seal_ledger
from releve.live import api
from releve.live.photos import erase_photos
from releve.plugins.inspection import draws
from releve.situation import CharterAudit, DrawJoined, DrawPlanned, DrawRevealed, Event, MeasureFinding, event_from_json
from tests.accounts.people import give, person, sign_in
from tests.desk_charter.conftest import Act, Clock
from tests.live.test_parts import jpeg
from tests.situation.control_rows import DRAW_ROWS_DAY, JOINED, OPENED, PLAN, link
from tests.situation.rule_chain import START

pytestmark = [pytest.mark.database, pytest.mark.django_db]

AUDIT = "/charter/audits/x1"


def browser(name: str, role: Role, **limits: Any) -> Client:
    """Return the browser of a person of that name who just proved who they are."""
    user = person(name)
    give(user, role, **limits)
    Grant.objects.filter(user=user).update(
        starts_at=START, ends_at=timezone.now().replace(year=2027), given_by=f"admin-{name}"
    )
    return sign_in(user, lately=True)


def audit() -> CharterAudit:
    return api.situation_now().charter_audits["x1"]


def send(web: Client, path: str, **values: Any) -> Any:
    return web.post(path, values)


def faults(answer: Any) -> set[str]:
    return set(answer.context["form"].errors)


def open_audit(act: Act) -> None:
    act("audit.opened", actor="ines", **OPENED)


def test_the_auditor_observes_and_concludes_and_the_site_answers(act: Act) -> None:
    check = act("check.done", site="casa", day=START.date(), symptomatic=0)
    seq = LedgerEntry.objects.get(kind="check.done").seq
    auditor = browser("ines", Role.AUDITOR)
    opened = send(auditor, "/charter/audits/open", audit="x1", body="Bureau", basis="Largest", sites=["casa", "rabat"])
    assert opened["Location"] == AUDIT
    seen = {"site": "casa", "measure": "masks", "verdict": "not_kept", "method": "test"}
    assert faults(send(auditor, f"{AUDIT}/observe", **seen, evidence="999")) == {"evidence"}
    assert faults(send(auditor, f"{AUDIT}/observe", **seen | {"site": "lille"})) == {"site"}
    assert send(auditor, f"{AUDIT}/observe", **seen, evidence=str(seq))["Location"] == AUDIT
    assert audit().observations[0].evidence == (check,)
    raised = send(auditor, f"{AUDIT}/raise", subject="casa masks", severity="major",
                  due="2026-12-20", note="No fresh masks")  # fmt: skip
    assert raised["Location"] == AUDIT
    early = send(auditor, f"{AUDIT}/conclude", conclusion="conforms")
    assert faults(early) == {"conclusion"}

    lead = browser("karim", Role.SITE, sites=["casa"])
    assert "finding_answer" not in AUDIT
    shown = lead.get(AUDIT).content.decode()
    assert f"{AUDIT}/findings/f1/answer" in shown
    assert f"{AUDIT}/observe" not in shown
    answered = send(lead, f"{AUDIT}/findings/f1/answer", cause="Late", action="Second supplier",
                    owner="site", due="2026-12-10")  # fmt: skip
    assert answered["Location"] == AUDIT
    verified = send(auditor, f"{AUDIT}/findings/f1/verify", effective="yes", note="Seen")
    assert verified["Location"] == AUDIT
    assert send(auditor, f"{AUDIT}/conclude", conclusion="conforms")["Location"] == AUDIT
    assert (audit().findings[0].state, audit().concluded.conclusion) == ("closed", "conforms")  # type: ignore[union-attr]
    assert auditor.get(f"{AUDIT}/observe").status_code == 200
    page = auditor.get(f"{AUDIT}?format=json").json()
    assert (page["observes"], page["seen"], page["verifies"]) == (False, 1, [])


def test_who_answered_does_not_verify_nor_does_one_who_gave_the_other_access(act: Act) -> None:
    open_audit(act)
    act("audit.observed", actor="ines", audit="x1", site="casa", measure="masks", method="test",
        seen_at=api.now(api.LIVE), verdict="not_kept")  # fmt: skip
    act("finding.raised", actor="ines", audit="x1", finding="f1", site="casa", measure="masks",
        severity="minor", due=START.date(), note="Torn")  # fmt: skip
    leader = browser("omar", Role.CONTINUITY)
    send(leader, f"{AUDIT}/findings/f1/answer", cause="Old", action="New", owner="site", due="2026-12-01")
    path = f"{AUDIT}/findings/f1/verify"
    assert path not in leader.get(AUDIT).content.decode()
    own = send(leader, path, effective="yes")
    assert "omar a répondu au constat" in own.content.decode()
    tied = browser("zoe", Role.CONTINUITY)
    zoe = User.objects.get(username="zoe")
    AccountAct.objects.create(user=zoe, kind=AccountAct.LINK, by="omar")
    page = send(tied, path, effective="yes").content.decode()
    assert "omar" in page
    assert audit().findings[0].state == "answered"
    assert send(browser("ines", Role.AUDITOR), path, effective="no").status_code == 302
    assert audit().findings[0].state == "refused"


def test_an_auditor_of_one_site_sees_and_observes_that_one_alone(act: Act) -> None:
    open_audit(act)
    auditor = browser("ali", Role.AUDITOR)
    Grant.objects.update(sites=["casa"])
    page = auditor.get(f"{AUDIT}?format=json").json()
    assert {line["site"] for line in page["lines"]} == {"casa"}
    assert page["concludes"] is False
    assert auditor.get(f"{AUDIT}/conclude").status_code == 404
    seen = {"measure": "masks", "verdict": "kept", "method": "test"}
    assert faults(send(auditor, f"{AUDIT}/observe", **seen, site="rabat")) == {"site"}
    assert auditor.get("/charter/sites/rabat").status_code == 404
    assert auditor.get("/charter/").context["page"].label is None


def test_a_finding_is_offered_for_the_sites_that_its_auditor_audits(act: Act) -> None:
    open_audit(act)
    auditor = browser("ali", Role.AUDITOR)
    Grant.objects.update(sites=["casa"])
    give(User.objects.get(username="ali"), Role.INSPECTOR, sites=["casa", "rabat"])
    for site, offered in (("rabat", False), ("casa", True)):
        act("audit.observed", actor="ines", audit="x1", site=site, measure="masks", method="test",
            seen_at=api.now(api.LIVE), verdict="not_kept")  # fmt: skip
        page = auditor.get(f"{AUDIT}?format=json").json()
        assert site in {line["site"] for line in page["lines"] if line["verdict"]}
        assert page["raises"] is offered


def test_a_photo_of_an_audit_is_shown_to_its_sites_and_stays_as_long_as_one_of_a_visit(act: Act) -> None:
    open_audit(act)
    auditor = browser("ines", Role.AUDITOR)
    photo = SimpleUploadedFile("salle.jpg", jpeg(), "image/jpeg")
    values = {"site": "casa", "measure": "masks", "verdict": "kept", "method": "test"}
    assert send(auditor, f"{AUDIT}/observe", **values, photos=photo)["Location"] == AUDIT
    (digest,) = audit().observations[0].photos
    assert auditor.get(f"/photos/{digest}").status_code == 200
    lead = browser("karim", Role.SITE, sites=["rabat"])
    assert lead.get(f"/photos/{digest}").status_code == 404
    day = api.now(api.LIVE)
    assert [erase_photos(day + timedelta(days=days)) for days in (366, 367)] == [0, 1]


def upload(web: Client, text: str) -> Any:
    saved = text.replace("\u202f", " ").encode("cp1252")  # as a French spreadsheet saves it
    file = SimpleUploadedFile("audit.csv", saved, "text/csv")
    return web.post(f"{AUDIT}/sheet/import", {"sheet": file})


def test_a_sheet_filled_in_off_line_comes_back_whole_or_not_at_all(act: Act, clock: Clock) -> None:
    open_audit(act)
    auditor = browser("ines", Role.AUDITOR)
    sheet = auditor.get(f"{AUDIT}/sheet.csv").content.decode("utf-8-sig")
    lines = sheet.splitlines()
    assert len(lines) == 1 + 2 * 21
    assert "masks" in auditor.get(f"{AUDIT}?format=json").content.decode()
    assert auditor.get(f"{AUDIT}/sheet").status_code == 200
    clock.move(hours=2)
    filled = [line.replace(";;;;", ";respectée;essai;2026-11-30 10:30;Vu", 1) if "masks" in line
              else line for line in lines]  # fmt: skip
    wrong = [*filled, "x1;casa;singing;T;kept;test;2026-11-30 10:30;", "x1;lille;masks;T;bad;;x;"]
    answer = upload(auditor, "\r\n".join(wrong))
    assert answer.status_code == 422
    said = answer.content.decode()
    assert "Ligne 45, site" in said
    assert "bad" in said
    assert audit().observations == ()
    answer = upload(auditor, "\r\n".join(wrong[:-1]))
    assert "Ligne 44, measure" in answer.content.decode()
    assert audit().observations == ()
    assert upload(auditor, "\r\n".join(filled)).status_code == 302
    assert {(row.site, row.verdict, row.method) for row in audit().observations} == {
        ("casa", "kept", "test"), ("rabat", "kept", "test"),
    }  # fmt: skip
    again = auditor.post(
        f"{AUDIT}/sheet/import", {"sheet": SimpleUploadedFile("a.csv", "\r\n".join(filled).encode())}, follow=True
    )
    assert "Déjà enregistrées\u202f: 2" in again.content.decode()
    assert len(audit().observations) == 2


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
    draws.record_frame("p1", DRAW_ROWS_DAY, by="samira")


def reveal(party: str) -> None:
    values = {"plan": "p1", "day": DRAW_ROWS_DAY, "party": party, "link": link(party)}
    record(DrawRevealed, values)


def has_label(act: Act, clock: Clock) -> None:
    """Have a drawn visit, an audit and the daily checks of every site."""
    plan_draws()
    clock.move(days=1)
    reveal("operator")
    reveal("commission")
    (site,) = draws.hold_draw("p1", DRAW_ROWS_DAY, by="samira")
    act("inspection.held", site=site, authority="Commission", findings=say_kept(find_measures(daily=False)))
    for measure in find_measures(daily=False):
        act("audit.verdict", measure=measure, verdict="met", valid_to=DRAW_ROWS_DAY + timedelta(days=300))
    for name in SITES:
        act("check.done", site=name, day=DRAW_ROWS_DAY, findings=say_kept(find_measures(daily=True)))


def look(web: Client, path: str = "/charter/") -> dict[str, Any]:
    answer = web.get(f"{path}?format=json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_the_page_says_the_day_on_which_the_label_falls_and_now_says_it_before(act: Act, clock: Clock) -> None:
    has_label(act, clock)
    web = browser("omar", Role.CONTINUITY)
    label = look(web)["label"]
    falls = DRAW_ROWS_DAY + timedelta(days=4)
    assert label == {"day": DRAW_ROWS_DAY.isoformat(), "reasons": [], "falls_on": falls.isoformat(),
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
    assert "demandez au responsable de la continuité" in early.content.decode(), "and no command"
    assert "releve ledger seal" not in early.content.decode()
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
    (site,) = draws.hold_draw("p1", DRAW_ROWS_DAY, by="samira")
    assert api.operator_now().site[site].name == name
    (hidden,) = look(officer, "/draws/")["cards"]
    assert (hidden["visits"], hidden["waiting"]) == ([], 1)
    (shown,) = look(inspector, "/draws/")["cards"]
    assert [row["state"] for row in shown["visits"]] == ["waiting"]


def test_drawn_visits_meet_the_records_of_inspections_and_tests(act: Act, clock: Clock) -> None:
    plan_draws()
    clock.move(days=1)
    (site,) = preview_visits()
    act("draw.present", plan="p1", day=DRAW_ROWS_DAY, site=site, count=6, tests=4, list_hash="0" * 64)
    reveal("commission")
    draws.hold_draw("p1", DRAW_ROWS_DAY, by="samira")
    visit = act("inspection.held", site=site, authority="Commission")
    act("tests.done", site=site, tested=4, positive=0, inspection=visit)
    officer = browser("nour", Role.HEALTH)
    (card,) = look(officer, "/draws/")["cards"]
    (row,) = card["visits"]
    assert (row["state"], row["present"], row["to_test"], row["tested"]) == ("held", 6, 4, 4)
    assert sum(unit["probability"] for unit in card["frame"]) == pytest.approx(1)
    said = officer.get("/draws/").content.decode()
    assert "Si 4 personnes sur 6 étaient porteuses, 4 tests" in said
    assert look(officer, "/draws/")["day"] == DRAW_ROWS_DAY.isoformat()
    assert officer.get("/draws/", {"day": "2026-11-29"}).context["page"].cards == ()


def preview_visits() -> tuple[str, ...]:
    """Reveal the operator's link and return the visits that both links give."""
    reveal("operator")
    seal_ledger(api.now(api.LIVE))
    return draws.preview_draw("p1", DRAW_ROWS_DAY, link("commission"))
