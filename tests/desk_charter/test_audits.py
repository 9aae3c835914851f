"""An audit through the pages: the auditor observes and concludes, others answer and verify."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from releve.accounts.models import AccountAct, Grant, User
from releve.accounts.permissions import Role
from releve.ledger.models import LedgerEntry
from releve.live import api
from releve.live.photos import erase_photos
from releve.situation import CharterAudit
from tests.accounts.people import give, person, sign_in
from tests.desk_charter.conftest import Act, Clock
from tests.live.test_photo_metadata import jpeg
from tests.situation.audit_rows import OPENED
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
