"""The pages of the ledger: what each reader is shown, what is handed out, and that it verifies."""

from __future__ import annotations

import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releve.accounts.permissions import Role
from releve.ledger import guards
from releve.ledger.chain import append
from releve.ledger.keys import public_key
from releve.ledger.models import LedgerEntry
from releve.ledger.roots import load_last_root, sign_root
from tests.accounts.people import give, person, read_page, sign_in, signed_in
from tests.desk_ledger.conftest import AT, EVENT

pytestmark = [pytest.mark.database, pytest.mark.django_db]

PSEUDONYMS = ("a00041", "a00042")


def fields(web: Client, seq: int) -> dict[str, dict[str, object]]:
    twin = web.get(f"/ledger/{seq}?format=json").json()
    return {field["name"]: field for field in twin["entry"]["fields"]}


def test_the_newest_entry_stands_first_in_words(filled: None) -> None:
    shown = read_page(signed_in(Role.CONTINUITY), "/ledger/").partition('class="entries"')[2]
    assert shown.index("Exercice démarré") < shown.index("Site fermé") < shown.index("Cas déclaré")
    assert "30 novembre 2026 à 8\u00a0h\u00a012" in shown


def test_one_kind_and_one_stream_can_be_looked_at(filled: None) -> None:
    web = signed_in(Role.CONTINUITY)
    found = web.get("/ledger/?kind=case.declared&format=json").json()["entries"]
    assert [row["seq"] for row in found] == [2, 1]
    found = web.get("/ledger/?stream=drill:7&format=json").json()["entries"]
    assert [row["kind"] for row in found] == ["drill.started"]


def test_an_act_that_is_no_drill_is_not_called_one(filled: None) -> None:
    for stream, kind in (("outbound", "outbound.facts"), ("access", "access.given")):
        with transaction.atomic():
            append(kind, {"actor": "amina"}, recorded_at=AT, stream=stream)
    web = signed_in(Role.AUDITOR)
    rows = web.get("/ledger/?format=json").json()["entries"]
    assert [row["stream"] for row in rows[:2]] == ["access", "outbound"]
    assert rows[2]["stream"].startswith("drill:")
    shown = read_page(web, "/ledger/").partition('class="entries"')[2]
    tags = re.findall(r'<span class="tag">([^<]+)</span>', shown)
    assert tags[:2] == ["Accès et noms", "Appels sortants"]
    assert tags[2].startswith("Exercice")
    found = web.get("/ledger/?stream=outbound&format=json").json()["entries"]
    assert [row["kind"] for row in found] == ["outbound.facts"]


def test_a_personal_value_is_shown_to_the_health_officer_alone(filled: None) -> None:
    assert fields(signed_in(Role.HEALTH), 2)["agent"]["value"] == "a00042"
    web = signed_in(Role.CONTINUITY)
    agent = fields(web, 2)["agent"]
    assert agent["state"] == "withheld"
    assert agent["value"] is None
    shown = read_page(web, "/ledger/2") + read_page(web, "/ledger/")
    assert "non montré à votre rôle" in shown
    assert not any(name in shown for name in PSEUDONYMS)


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.INSPECTOR, Role.AUDITOR])
def test_a_role_without_the_counts_of_cases_sees_the_hash_of_an_entry_about_one_agent(role: Role, filled: None) -> None:
    with transaction.atomic():
        for number, corrects in (("e8", "e-2"), ("e9", "e4")):
            body = EVENT | {"id": number, "actor": f"by-{number}", "corrects": corrects}
            append("event.corrected", body, recorded_at=AT)
    sign_root(AT)
    web = signed_in(role)
    for seq in (1, 2, 7):
        for path in (f"/ledger/{seq}?format=json", f"/api/v1/ledger/{seq}"):
            found = web.get(path).json()
            row = found.get("entry", found)
            assert (row["kind"], row["recorded_at"], row["fields"]) == ("", None, [])
        for path in (f"/ledger/{seq}/proof.json", f"/api/v1/ledger/{seq}/proof"):
            assert web.get(path).status_code == 404
    listed = read_page(web, "/ledger/") + read_page(web, "/ledger/2") + read_page(web, "/ledger/7")
    assert "Cas déclaré" not in listed.replace("<option", "")
    assert "samira" not in listed
    assert "by-e8" not in listed
    assert "by-e9" in listed
    for kind, seqs in (("case.declared", []), ("event.corrected", [8])):
        for face in ("/ledger/?format=json&", "/api/v1/ledger?"):
            found = web.get(f"{face}kind={kind}").json()["entries"]
            assert [row["seq"] for row in found] == seqs
    export = b"".join(web.get("/ledger/export.jsonl").streaming_content).decode()
    assert "samira" not in export
    assert "by-e8" not in export
    assert "case.declared" not in export


def test_what_was_erased_is_shown_as_erased(filled: None) -> None:
    for role in (Role.HEALTH, Role.CONTINUITY):
        web = signed_in(role)
        assert fields(web, 1)["agent"]["state"] == "erased"
        assert "<em>effacé</em>" in read_page(web, "/ledger/1")


def test_a_count_of_health_is_shown_to_those_who_may_see_it(filled: None) -> None:
    assert fields(signed_in(Role.CONTINUITY), 3)["symptomatic"]["value"] == 17
    assert fields(signed_in(Role.AUDITOR), 3)["symptomatic"]["state"] == "withheld"


def test_an_inspector_of_one_site_does_not_read_of_another(filled: None) -> None:
    user = person("inspector")
    grant = give(user, Role.INSPECTOR)
    grant.sites = ["casa-1"]
    grant.save()
    web = sign_in(user)
    assert web.get("/ledger/3?format=json").json()["entry"]["concealed"] is True
    assert "rabat-1" not in read_page(web, "/ledger/3") + read_page(web, "/ledger/")
    assert web.get("/ledger/3/proof.json").status_code == 404
    assert web.get("/ledger/2/proof.json").status_code == 404
    assert web.get("/ledger/5/proof.json").status_code == 409, "its own site, but no root yet"
    assert web.get("/ledger/export.jsonl").status_code == 404


def test_a_script_in_a_name_is_text(filled: None) -> None:
    shown = read_page(signed_in(Role.CONTINUITY), "/ledger/5")
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert" in shown


@pytest.mark.parametrize(("role", "withheld"), [(Role.AUDITOR, 2), (Role.CONTINUITY, 0)])
def test_what_is_handed_out_verifies_without_releve(role: Role, withheld: int, filled: None, tmp_path: Path) -> None:
    web = signed_in(role)
    export = web.get("/ledger/export.jsonl")
    (tmp_path / "ledger.jsonl").write_bytes(export.getvalue())
    for name, path in (
        ("verify.py", "/ledger/verify.py"),
        ("root.json", "/ledger/root.json"),
        ("proof.json", "/ledger/4/proof.json"),
    ):
        answer = web.get(path)
        assert "attachment" in answer["Content-Disposition"]
        (tmp_path / name).write_bytes(answer.content)
    assert not any(name in (tmp_path / "ledger.jsonl").read_text() for name in PSEUDONYMS)
    digest = sha256((tmp_path / "verify.py").read_bytes()).hexdigest()
    assert f"<code>{digest}</code>" in web.get("/ledger/verify").content.decode()
    for name in ("ledger.jsonl", "proof.json"):
        line = ["verify.py", name, "--key", public_key(), "--root", "root.json"]
        done = subprocess.run([sys.executable, "-I", *line], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        if name == "ledger.jsonl":
            assert (f"the hash alone is shown: {withheld}" in done.stdout) is bool(withheld)


def test_without_a_root_the_page_says_on_the_desk_how_one_is_signed() -> None:
    assert load_last_root() is None
    pages = [signed_in(role).get("/ledger/verify").content.decode() for role in (Role.CONTINUITY, Role.INSPECTOR)]
    assert ['href="/packs/"' in page.partition("<main")[2].partition("</main>")[0] for page in pages] == [True, False]
    assert "demandez-la au responsable de la continuité" in pages[1]
    assert not any("releve ledger seal" in page for page in pages)


def test_an_entry_after_the_last_root_has_no_proof_yet(filled: None) -> None:
    web = signed_in(Role.AUDITOR)
    assert web.get("/ledger/5/proof.json").status_code == 409
    assert "prochaine racine" in read_page(web, "/ledger/5")


def test_a_proof_that_would_tell_of_health_in_clear_does_not_leave_the_house(filled: None) -> None:
    web = signed_in(Role.CONTINUITY)
    answer = web.get("/ledger/3/proof.json")
    assert answer.status_code == 409
    assert "donnée de santé" in answer.json()["error"]["message"]
    assert "proof.json" not in read_page(web, "/ledger/3")


def test_the_check_of_the_whole_says_that_it_holds(filled: None) -> None:
    root = load_last_root()
    assert root is not None
    web = signed_in(Role.AUDITOR)
    assert web.get("/ledger/verify?format=json").json()["outcome"] is None, "only when asked for"
    answer = web.post("/ledger/verify", {"root": SimpleUploadedFile("r", root.text.encode())})
    assert answer.status_code == 200
    assert "Registre vérifié" in answer.content.decode()
    twin = web.post("/ledger/verify?format=json").json()
    assert twin["outcome"]["holds"] is True
    assert "personal values" not in twin["outcome"]["summary"], "a case has more than an absence"
    shown = signed_in(Role.CONTINUITY).post("/ledger/verify?format=json").json()
    assert "personal values: " in shown["outcome"]["summary"]


def test_a_changed_entry_is_named(filled: None) -> None:
    guards.remove_triggers(connection)
    try:
        row = LedgerEntry.objects.get(seq=2)
        with connection.cursor() as cursor:
            changed = row.body.replace("casa-1", "casa-2")
            cursor.execute("UPDATE ledger_entry SET body = %s WHERE seq = 2", [changed])
    finally:
        guards.install_triggers(connection)
    web = signed_in(Role.AUDITOR)
    twin = web.post("/ledger/verify?format=json").json()
    assert twin["outcome"]["holds"] is False
    assert any("entry 2" in fault for fault in twin["outcome"]["faults"])
    assert "La vérification du registre échoue" in web.post("/ledger/verify").content.decode()


@pytest.mark.parametrize("content", [b"nonsense", b"x" * 20_000, b"\xff\xfe"])
def test_a_file_that_is_no_root_is_refused_by_its_field(filled: None, content: bytes) -> None:
    answer = signed_in(Role.AUDITOR).post("/ledger/verify", {"root": SimpleUploadedFile("r", content)})
    assert answer.status_code == 422
    assert 'id="id_root_error"' in answer.content.decode()
    assert list(answer.context["form"].errors) == ["root"]


def test_numbers_that_are_none_are_not_there(filled: None) -> None:
    web = signed_in(Role.AUDITOR)
    for path in ("/ledger/99", "/ledger/99999999999999999999", "/ledger/?before=x", "/ledger/0"):
        assert web.get(path).status_code == 404, path


def test_the_queries_do_not_grow_with_the_entries_and_a_page_unchanged_is_304(filled: None) -> None:
    web = signed_in(Role.CONTINUITY)
    with CaptureQueriesContext(connection) as few:
        tag = web.get("/ledger/")["ETag"]
    assert web.get("/ledger/", headers={"if-none-match": tag}).status_code == 304
    with transaction.atomic():
        for number in range(120):
            append("power.up", {"site": "casa-1", "id": str(number)}, recorded_at=AT)
    with CaptureQueriesContext(connection) as many:
        answer = web.get("/ledger/", headers={"if-none-match": tag})
    assert answer.status_code == 200
    assert len(many) == len(few)
    seen = [row.seq for row in answer.context["page"].entries]
    older = answer.context["page"].older
    while older:
        answer = web.get(f"/ledger/?before={older}")
        seen += [row.seq for row in answer.context["page"].entries]
        older = answer.context["page"].older
    assert seen == list(range(126, 0, -1))
