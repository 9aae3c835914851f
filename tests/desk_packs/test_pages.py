"""The pages of evidence packs: made in two clicks, handed to whom they are for, and verified."""

from __future__ import annotations

import html
import io
import re
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.ledger import verify
from releve.ledger.chain import append, append_all
from releve.ledger.rollback import roots_folder
from releve.ledger.roots import load_last_root
from releve.ledger.witnesses import ask_witness
from releve.network.moments import zone
from releve.plugins.evidence.records import PackError
from releve.plugins.evidence.store import compare_remade, list_packs, list_receipts, load_pack_file, read_data
from releve.registry import storage
from releve.registry.service import apply_changes, preview_changes
from tests.accounts.people import give, person, read_page, sign_in, signed_in
from tests.evidence.pack_house import SITE, build_operator, fill_house, record_event
from tests.homes import make_test_home
from tests.ledger.witness_server import KEY as WITNESS_KEY
from tests.ledger.witness_server import NAME, WitnessServer
from tests.local_server import serve_locally

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _own_home(settings: Settings, tmp_path: Path) -> None:
    settings.HOME = make_test_home(tmp_path / "home")
    storage.clear_cache()


def make(web: Client, what: str) -> str:
    """Send the form as it stands, but for what to make; return the address of the pack."""
    shown = read_page(web, "/packs/")
    values = dict(re.findall(r'name="(first|last)" value="([^"]+)"', shown))
    answer = web.post("/packs/", {"what": what, "language": "fr", **values})
    assert answer.status_code == 302, answer.content.decode()
    return answer["Location"]


def take_pack(web: Client, address: str, folder: Path) -> None:
    """Take the .zip of a pack and the verifier as the page offers them, and unpack."""
    with zipfile.ZipFile(io.BytesIO(web.get(f"{address}/pack.zip").content)) as packed:
        assert len(packed.namelist()) == 2
        packed.extractall(folder)
    (folder / "verify.py").write_bytes(web.get("/packs/verify.py").content)


def run_as_shown(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command of a page as it stands there, on a bare Python."""
    words = html.unescape(command).split()
    assert words[0] == "python"
    return subprocess.run(
        [sys.executable, "-I", "-S", *words[1:]], cwd=folder, capture_output=True, text=True, check=False
    )


def test_a_client_opens_its_pack_and_verifies_it_as_the_page_says(tmp_path: Path) -> None:
    operator, _root = fill_house()
    own = operator.clients[0].id
    maker = signed_in(Role.CONTINUITY)
    address = make(maker, f"client:{own}")
    make(maker, "audit:")
    assert "Aucun compte" in read_page(maker, address)

    user = person("client")
    give(user, Role.CLIENT, clients=[own])
    web = sign_in(user)
    assert read_page(web, "/packs/").count("<tr>") == 2, "its own pack alone"
    shown = read_page(web, address)
    take_pack(web, address, tmp_path)
    digest = sha256((tmp_path / "verify.py").read_bytes()).hexdigest()
    assert f"<code>{digest}</code>" in shown, "the hash stands beside the link"
    (command,) = re.findall(r'<pre class="command">([^<]+)</pre>', shown)
    done = run_as_shown(command, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Fermetures de sites commencées dans la période\u202f: 1" in done.stdout
    alone = web.get(f"{address}/file.pdf")
    name = alone["Content-Disposition"].split('"')[1]
    assert alone.content == (tmp_path / name).read_bytes()
    note = web.get(f"{address}/file.pdf.note")
    assert note["Content-Disposition"].split('"')[1] == f"{name}.note"
    assert note.content == (tmp_path / f"{name}.note").read_bytes()
    assert web.get(f"{address}?format=json").json()["note"] == note.content.decode()
    assert [one.by for one in list_receipts()] == ["client"], "once, however often it is taken"
    assert "client, " in read_page(maker, address)
    assert [row["received"] for row in web.get("/packs/?format=json").json()["packs"]] == [None]
    rows = maker.get("/packs/?format=json").json()["packs"]
    assert {row["kind"]: row["received"] for row in rows} == {"client": 1, "audit": 0}


def test_a_pack_whose_root_was_cosigned_is_verified_with_its_witnesses(tmp_path: Path) -> None:
    operator, root = fill_house()
    WitnessServer.seen = {}
    with serve_locally(WitnessServer) as witness:
        ask_witness(f"http://{witness}", root, WITNESS_KEY)
    maker = signed_in(Role.CONTINUITY)
    address = make(maker, f"client:{operator.clients[0].id}")
    shown = read_page(maker, address)
    take_pack(maker, address, tmp_path)
    _plain, witnessed = re.findall(r'<pre class="command">([^<]+)</pre>', shown)
    assert witnessed.endswith("--quorum 1 --lang fr")
    done = run_as_shown(witnessed, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert NAME in done.stdout
    more = run_as_shown(witnessed.replace("--quorum 1", "--quorum 2"), tmp_path)
    assert more.returncode != 0, "fewer witnesses than are asked for"


def test_a_pack_whose_file_was_changed_is_as_one_whose_file_was_removed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_house()
    web = signed_in(Role.CONTINUITY)
    address = make(web, "audit:")
    opened: list[bytes] = []
    find = verify.find_packed

    def find_counted(data: bytes) -> object:
        opened.append(data)
        return find(data)

    monkeypatch.setattr(verify, "find_packed", find_counted)
    assert web.get(f"{address}?format=json").json()["missing"] is False
    assert len(opened) == 1, "the PDF is unpacked once"
    (path,) = (Path(settings.HOME) / "packs").glob("*.pdf")
    issued = path.read_bytes()
    for content in (issued[:2000], b"%PDF" + issued[4:-1] + b"#", b""):
        path.write_bytes(content)
        assert web.get(f"{address}?format=json").json()["missing"] is True
        assert "pack.zip" not in read_page(web, address)
        for name in ("pack.zip", "file.pdf"):
            assert web.get(f"{address}/{name}").status_code == 404
    assert list_receipts() == []
    assert make(web, "audit:") == address
    assert path.read_bytes() == issued, "making the pack again brings its file back"


def test_a_pack_of_an_earlier_version_is_listed_and_made_again(settings: Settings) -> None:
    """It was recorded without a note of its bytes, and is no obstacle to those made since."""
    _operator, root = fill_house()
    content = b"%PDF-1.7 of an earlier version"
    digest = sha256(content).hexdigest()
    body = {"by": "inès", "for": "", "from": "2026-11-16", "language": "fr", "pack": "audit",
            "root": root.number, "sha256": digest, "signed": False,
            "to": "2026-11-29"}  # fmt: skip
    with transaction.atomic():
        append("pack.made", body, stream="evidence", recorded_at=timezone.now())
    path = Path(settings.HOME) / "packs" / f"{digest}.pdf"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    web = signed_in(Role.CONTINUITY)
    read_page(web, "/packs/")
    (row,) = web.get("/packs/?format=json").json()["packs"]
    assert (row["sha256"], row["older"]) == (digest, True)
    shown = read_page(web, f"/packs/{digest}")
    assert "verify.py" not in shown
    assert "pack.zip" not in shown
    assert web.get(f"/packs/{digest}/file.pdf").content == content
    for name in ("pack.zip", "file.pdf.note"):
        assert web.get(f"/packs/{digest}/{name}").status_code == 404
    with pytest.raises(PackError, match="earlier version"):
        compare_remade(content)
    again = make(web, "audit:")
    assert "verify.py" in read_page(web, again)
    assert [pack.is_older for pack in list_packs()] == [False, True]


def test_each_reader_sees_and_makes_the_packs_of_their_own() -> None:
    operator, _root = fill_house()
    site, other = (row.id for row in operator.sites[:2])
    maker = signed_in(Role.CONTINUITY)
    made = {what: make(maker, what) for what in (f"inspection:{site}", "audit:", "association:")}
    lead = signed_in(Role.SITE)
    assert f"inspection:{site}" in read_page(lead, "/packs/")
    assert f"inspection:{other}" not in read_page(lead, "/packs/")
    assert "client:" not in read_page(lead, "/packs/")
    refused = lead.post("/packs/", {"what": f"inspection:{other}", "first": "2026-11-16",
                                    "last": "2026-11-29", "language": "fr"})  # fmt: skip
    assert refused.status_code == 422
    seen = {
        Role.SITE: {f"inspection:{site}"},
        Role.INSPECTOR: {f"inspection:{site}"},
        Role.AUDITOR: {"audit:"},
        Role.ADMINISTRATOR: {"audit:", "association:"},
        Role.CLIENT: set(),
    }
    for role, own in seen.items():
        web = signed_in(role)
        for what, address in made.items():
            expected = 200 if what in own else 404
            assert web.get(address).status_code == expected, (role, what)
            for name in ("pack.zip", "file.pdf", "file.pdf.note"):
                assert web.get(f"{address}/{name}").status_code == expected, (role, what)
        assert (web.post("/packs/", {}).status_code == 422) is (role in (Role.SITE, Role.ADMINISTRATOR))


def test_a_day_that_goes_on_is_sealed_from_the_page_and_told_until_then(monkeypatch: pytest.MonkeyPatch) -> None:
    fill_house()
    now = datetime(2026, 12, 2, 14, 30, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)
    web, sent = signed_in(Role.CONTINUITY), {"what": "audit:", "first": "2026-11-20", "language": "fr"}
    before = load_last_root()
    assert before is not None
    record = record_event("check.done", "2026-12-02T09:00+00:00", site=SITE, day="2026-12-02", commission=[], note="",
                          transport_fill=0.5, symptomatic=0, findings=[])  # fmt: skip
    with transaction.atomic():
        append_all([record])
    ahead = web.post("/packs/", {**sent, "last": "2026-12-03", "seal": "on"})
    assert ahead.status_code == 422
    assert "pas encore commencé" in ahead.content.decode()
    offered = web.post("/packs/", {**sent, "last": "2026-12-02"})
    assert offered.status_code == 422
    shown = html.unescape(offered.content.decode())
    assert "scellez d’abord ce qui est enregistré" in shown
    assert "releve ledger" not in shown, "no page asks for a command"
    assert load_last_root() == before
    assert list_packs() == []
    made = web.post("/packs/", {**sent, "last": "2026-12-02", "seal": "on"})
    assert made.status_code == 302, made.content.decode()
    root = load_last_root()
    assert root is not None
    assert (root.number, root.sealed_at) == (before.number + 1, now)
    assert (roots_folder() / root.file_name).is_file(), "the root leaves the house as each day's does"
    page = web.get(f"{made['Location']}?format=json").json()
    assert datetime.fromisoformat(page["until"]) == now
    assert "le dernier jour n’était pas terminé" in html.unescape(read_page(web, made["Location"]))
    (pack,) = list_packs()
    content = load_pack_file(pack)
    assert content is not None
    assert compare_remade(content)[0], "the same bytes on a later day"
    document = read_data(pack, content)
    assert [one["value"] for one in document["statements"] if one["id"] == "checks"] == [3]


def test_the_first_pack_of_a_house_can_be_made_where_nothing_is_sealed_yet() -> None:
    operator = build_operator()
    apply_changes(preview_changes(operator), "tests")
    with transaction.atomic():
        append_all([record_event("power.up", "2026-11-20T09:00+00:00", site=SITE)])
    web = signed_in(Role.CONTINUITY)
    shown = html.unescape(read_page(web, "/packs/"))
    assert "Rien n’est encore scellé" in shown
    assert "releve ledger" not in shown
    today = f"{timezone.now().astimezone(zone(operator.row.time_zone)):%Y-%m-%d}"
    made = web.post("/packs/", {"what": "audit:", "first": today, "last": today, "language": "fr", "seal": "on"})
    assert made.status_code == 302, made.content.decode()
