"""Completeness: an issuer with the key leaves an entry out, a ledger is restored without its last; both are named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from pytest_django.plugin import DjangoDbBlocker

from releve.ledger import verify
from releve.ledger.chain import append, append_all
from releve.ledger.export import export_lines
from releve.ledger.keys import public_key
from releve.ledger.models import PersonalValue
from releve.ledger.roots import format_checkpoint, load_last_root, sign_root
from releve.ledger.seal import seal_ledger
from releve.ledger.verify import Export, Keys
from releve.plugins.evidence.pack import build_pack
from releve.plugins.evidence.sources import PackRequest
from releve.plugins.evidence.store import compare_remade, list_packs
from releve.registry import storage
from tests.evidence.pack_house import FIRST, LAST, SEALED, SITE, fill_house, issue, record_event
from tests.homes import make_test_home
from tests.ledger.conftest import KEY
from tests.ledger.sample_entries import at
from tests.ledger.witness_server import KEY as WITNESS_KEY
from tests.ledger.witness_server import NAME, cosign

pytestmark = [pytest.mark.django_db, pytest.mark.database]

Document = dict[str, Any]


@dataclass(frozen=True)
class Packs:
    """Packs of a house that was sealed twice before the period, and thrice within it."""

    texts: dict[str, str]
    key: str
    cosigned: tuple[bytes, str]
    """A file and its note."""
    remade: tuple[bool, str]

    def read(self, kind: str) -> Document:
        found: Document = json.loads(self.texts[kind])
        return found

    def check(self, document: Document) -> list[str]:
        """Return the faults of a document, whatever note its issuer signed for it."""
        return verify.check_pack(document, verify.Keys([self.key]), [], None, "en")[0]


@pytest.fixture(scope="module")
def packs(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Packs]:
    storage.clear_cache()
    home = make_test_home(tmp_path_factory.mktemp("packs"))
    with django_db_blocker.unblock(), override_settings(LEDGER_KEY=KEY, HOME=home), transaction.atomic():
        for day in (1, 3):
            seal_after("power.down", day)
        operator, _root = fill_house()
        seal_after("power.up", 30, SEALED + timedelta(hours=1))
        recipients = {"client": operator.clients[0].id, "inspection": SITE}
        texts = {
            kind: build_pack(PackRequest(kind, recipients.get(kind, ""), FIRST, LAST)).document.decode()
            for kind in ("client", "inspection", "audit", "association")
        }
        root = load_last_root()
        assert root is not None
        line = cosign(format_checkpoint(root))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("releve.plugins.evidence.pack.list_cosignatures", lambda root: line)
            cosigned = issue("association", language="en")
        remade = compare_remade(cosigned)
        made = Packs(texts, public_key(), (cosigned, list_packs()[0].note), remade)
        transaction.set_rollback(True)
    yield made
    storage.clear_cache()


def seal_after(kind: str, day: int, at: datetime | None = None) -> None:
    moment = f"2026-11-{day:02d}T05:00+00:00"
    append_all([record_event(kind, moment, site=SITE)])
    seal_ledger(at or datetime(2026, 11, day, 6, tzinfo=UTC))


def drop(document: Document, kind: str) -> int:
    """Take an entry out of a pack, and out of the figures made of it; return its number."""
    pack = document
    seq: int = next(one["entry"]["seq"] for one in pack["entries"] if one["entry"]["kind"] == kind)
    pack["entries"] = [one for one in pack["entries"] if one["entry"]["seq"] != seq]
    by_number = {one["entry"]["seq"]: one for one in pack["entries"]}
    for said in pack["statements"]:
        if seq in said["of"]:
            said["of"] = [one for one in said["of"] if one != seq]
            values = [verify.entry_value(by_number[one], said["path"]) for one in said["of"]]
            said["value"] = verify.compute_figure(said["how"], values)
    return seq


@pytest.mark.parametrize(
    ("kind", "dropped"),
    [("client", "relief.covered"), ("client", "site.reopened"), ("inspection", "tests.done"),
     ("audit", "link.down"), ("association", "check.done")],
)  # fmt: skip
def test_an_entry_that_the_issuer_leaves_out_is_named(packs: Packs, kind: str, dropped: str) -> None:
    document = packs.read(kind)
    assert packs.check(document) == []
    seq = drop(document, dropped)
    tally = next(one["entry"]["seq"] for one in document["tallies"] if one["entry"]["seq"] > seq)
    assert packs.check(document) == [f"entry {seq}: it is missing; the tally at entry {tally} lists it under {dropped}"]


def cut_tally(pack: Document, place: int) -> None:
    del pack["tallies"][place]


def hide_list(pack: Document) -> None:
    tally = pack["tallies"][-1]
    tally["values"] = [one for one in tally["values"] if one["path"] != "counts.tests/done"]


def move_start(pack: Document) -> None:
    pack["start"] = "2026-11-02T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda pack: cut_tally(pack, 0), "tally: the tally at entry"),
        (lambda pack: cut_tally(pack, 1), "tally: the tally at entry"),
        (lambda pack: cut_tally(pack, -1), "tally: the tally that ends root 4 is missing"),
        (hide_list, "does not show its list of tests.done"),
        (lambda pack: pack["tallies"][-1]["entry"].update(nonce="0" * 32), "hash was changed"),
        (lambda pack: pack["tallies"].append(pack["entries"][0]), "is not a tally"),
        (lambda pack: pack["selections"][0].update(kinds=["agents.present"]), "does not show"),
    ],
)
def test_tallies_that_do_not_show_all_are_named(
    packs: Packs, change: Callable[[Document], object], expected: str
) -> None:
    document = packs.read("inspection")
    change(document)
    faults = packs.check(document)
    assert any(fault.startswith("tally: ") and expected in fault for fault in faults), faults


def test_tallies_from_before_the_period_are_left_out_but_for_one(packs: Packs) -> None:
    tallies = packs.read("audit")["tallies"]
    assert [one["entry"]["body"]["after"] > 0 for one in tallies] == [True, True, True]
    assert tallies[0]["values"] == []
    assert tallies[0]["entry"]["recorded_at"] < "2026-11-16"


def test_a_clients_pack_names_no_other_client_in_its_tallies(packs: Packs) -> None:
    pack = packs.read("client")
    named = {
        value["value"] for tally in pack["tallies"] for value in tally["values"] if value["path"].startswith("clients.")
    }
    assert named == {pack["for"]}
    counts = {value["path"] for tally in pack["tallies"] for value in tally["values"]}
    assert "counts.tests/done" not in counts
    assert '"another"' not in packs.texts["client"]


def test_witnesses_that_cosigned_are_checked_where_their_keys_are_given(
    packs: Packs, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pack.pdf"
    content, note = packs.cosigned
    path.write_bytes(content)
    path.with_name("pack.pdf.note").write_text(note, encoding="utf-8")
    line = [str(path), "--key", packs.key]
    origin = note.splitlines()[4].split(" ")[1]
    cosigned = [*line, "--witness", WITNESS_KEY, "--origin", origin]
    assert verify.main([*cosigned, "--quorum", "1"]) == 0
    assert f"cosigned by the witness {NAME} at 2026-09-21T14:13:20Z" in capsys.readouterr().out
    assert verify.main(line) == 0
    assert f"a cosignature of {NAME} was not checked" in capsys.readouterr().out
    other = WITNESS_KEY.replace(NAME, "other.example/w")
    assert verify.main([*line, "--witness", other]) == 2
    assert "is not a verifier key of a witness" in capsys.readouterr().err
    assert verify.main([*cosigned, "--quorum", "2"]) == 2
    capsys.readouterr()
    assert verify.main([*line, "--witness", WITNESS_KEY]) == 2
    assert "witnesses take --origin as well" in capsys.readouterr().err
    # the witness cosigns a fork too that is shown to it under another name of the ledger
    assert verify.main([*line, "--witness", WITNESS_KEY, "--origin", "x/ledger"]) == 1
    assert f"names the ledger '{origin}', expected 'x/ledger'" in capsys.readouterr().out
    assert packs.remade[0], "the cosignatures are taken from the file"

    document = packs.read("client")
    keys = verify.Keys([packs.key], [WITNESS_KEY], origin=origin)
    assert verify.check_pack(document, keys, [], None, "en")[0] == [
        "0 of the witnesses given cosigned root 4, expected at least 1"
    ]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("\n\n", "\n-\n\n", "the checkpoint is not that of root 4"),
        ("— ", "— x", "the checkpoint is not signed by the key of root 4"),
        ("— ", "- ", "a line under the note is not a signature"),
    ],
)
def test_a_checkpoint_of_something_else_is_named(packs: Packs, old: str, new: str, fault: str) -> None:
    document = packs.read("client")
    document["checkpoint"] = document["checkpoint"].replace(old, new)
    assert packs.check(document) == [fault]


def build_audit() -> Document:
    found: Document = json.loads(build_pack(PackRequest("audit", "", FIRST, LAST)).document)
    return found


def test_a_root_without_a_tally_claims_no_completeness(own_house: None) -> None:
    fill_house()
    append_all([record_event("power.down", "2026-11-30T06:01+00:00", site=SITE, expected_until=None)])
    sign_root(SEALED + timedelta(hours=2))
    pack = build_audit()
    assert (pack["selections"], pack["tallies"]) == ([], [])


def test_lists_that_a_restore_lost_are_not_claimed(own_house: None) -> None:
    """The entries come back from the journal, the values beside them do not."""
    _operator, root = fill_house()
    PersonalValue.objects.filter(entry=root.size).delete()
    pack = build_audit()
    assert (pack["selections"], pack["tallies"]) == ([], [])
    export = verify.Export(verify.Keys([public_key()]), [])
    export.read(f"{line}\n".encode() for line in export_lines(values=True))
    assert not any("tally" in fault for fault in export.faults)


def test_a_clock_that_was_ahead_and_set_back_hides_nothing(own_house: None) -> None:
    """A seal dated into the next year, then the period with the right clock."""
    ahead = datetime(2027, 1, 5, tzinfo=UTC)
    append_all([record_event("power.down", "2026-11-02T05:00+00:00", site=SITE, expected_until=None)])
    seal_ledger(ahead)
    fill_house()
    pack = build_audit()
    assert [one["entry"]["body"]["after"] for one in pack["tallies"]] == [0, 2]
    assert {"power.down", "site.closed"} <= set(pack["selections"][0]["kinds"])


class House:
    """Four entries under root 1, and three more under roots 2 and 3, which are lost."""

    def __init__(self) -> None:
        self.record(4, "kept")
        self.roots = [self.seal()]
        try:
            with transaction.atomic():
                self.record(2, "lost")
                self.roots.append(self.seal())
                self.record(1, "lost")
                self.roots.append(self.seal())
                raise FireError
        except FireError:
            pass

    def record(self, count: int, text: str) -> None:
        with transaction.atomic():
            for number in range(count):
                append("note", {"text": f"{text} {number}"}, recorded_at=at(number))

    def seal(self) -> dict[str, Any]:
        root = sign_root(at(9))
        return dict(json.loads(root.statement))

    def restore(self, **changed: Any) -> None:
        """Write the entry of a restore, as ``releve.upkeep.restore`` does."""
        lost = {name: self.roots[2][name] for name in ("number", "size", "head", "tree")}
        body = {"lost_entries": 3, "lost_root": {**lost, **changed}}
        with transaction.atomic():
            append("ledger.restored", body, recorded_at=at(10))
        self.record(5, "since")

    def check(self, *outside: int) -> Export:
        """Return what the verifier finds, given some of the roots."""
        export = Export(Keys([public_key()]), [self.roots[number - 1] for number in outside])
        export.read(f"{line}\n".encode() for line in export_lines(values=True))
        return export


class FireError(Exception):
    """The disk is gone."""


@pytest.fixture
def house() -> Any:
    with override_settings(LEDGER_KEY=KEY):
        yield House()


def test_a_restored_ledger_is_reported_with_the_entries_that_were_lost(house: House) -> None:
    house.restore()
    house.seal()
    checked = house.check(1, 2, 3)
    assert checked.faults == []
    said = checked.summary()
    assert "restored from a backup at entry 5: entries 5 to 7 as root 3 had them are lost" in said
    assert "root 2 from outside is over entries that were lost" in said
    assert "root 3 from outside is over entries that were lost" in said
    assert "entries 1 to 4: as a root from outside has them" in said


def test_it_is_so_where_fewer_entries_follow_than_were_lost(house: House) -> None:
    lost = {name: house.roots[2][name] for name in ("number", "size", "head", "tree")}
    with transaction.atomic():
        append("ledger.restored", {"lost_root": lost}, recorded_at=at(10))
    house.seal()
    assert house.check(1, 2, 3).faults == []


def test_without_an_entry_that_says_so_it_is_tampering(house: House) -> None:
    house.record(5, "since")
    house.seal()
    (fault,) = house.check(1, 2, 3).faults
    assert "entries 5 to 6: one or more are not what root 2 from outside was made of" in fault


def test_a_restore_that_names_another_root_excuses_nothing(house: House) -> None:
    house.restore(tree="0" * 64)
    house.seal()
    faults = house.check(1, 3).faults
    assert ["not what root 3 from outside was made of" in fault for fault in faults] == [True]


def test_a_restore_excuses_nothing_that_came_before_it(house: House) -> None:
    house.record(3, "instead")
    house.restore()
    house.seal()
    faults = house.check(1, 3).faults
    assert ["not what root 3 from outside was made of" in fault for fault in faults] == [True]


def test_what_stands_before_the_restore_is_held_to_its_roots(house: House) -> None:
    house.restore()
    house.seal()
    house.roots[0] = {**house.roots[0], "tree": "0" * 64}
    faults = house.check(1, 3).faults
    assert "not what root 1 from outside was made of" in faults[0]


def test_a_restore_under_no_root_may_be_anybodys(house: House) -> None:
    house.restore()
    (fault,) = house.check(1, 3).faults
    assert "entry 5 says that a restore lost entries, and is under no root yet" in fault


def test_a_later_root_from_outside_is_no_loss_of_that_restore(house: House) -> None:
    house.restore()
    later = {**house.roots[2], "number": 4, "size": 20}
    house.roots.append(later)
    house.seal()
    faults = house.check(3, 4).faults
    assert ["cut short: root 4 from outside" in fault for fault in faults] == [True]


def test_a_loss_that_is_not_of_its_shape_is_a_fault(house: House) -> None:
    with transaction.atomic():
        append("ledger.restored", {"lost_root": {"number": 3}}, recorded_at=at(10))
    house.seal()
    assert any("the lost root must have exactly" in fault for fault in house.check().faults)
