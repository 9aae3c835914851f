"""A ledger restored without its last entries: reported as restored, and as nothing less."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings

from releve.ledger.chain import append
from releve.ledger.export import export_lines
from releve.ledger.keys import public_key
from releve.ledger.roots import sign_root
from releve.ledger.verify import Export, Keys
from tests.ledger.conftest import KEY
from tests.ledger.sample_entries import at

pytestmark = [pytest.mark.django_db, pytest.mark.database]


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
