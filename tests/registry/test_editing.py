"""One row added, changed, removed: checked as a whole, refused with every fault, never lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from releve.network import Operator, OperatorFaults
from releve.registry import storage
from releve.registry.edits import add_row, edit_row, remove_row
from releve.registry.models import Version
from releve.registry.row_text import complete_texts, format_row
from releve.registry.service import apply_changes, get_current_version, load_operator, preview_changes
from releve.registry.tables import KINDS, Conflict, NothingChanged, NotThere, build_key, get_rows

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def now() -> Operator:
    found = get_current_version()
    assert found is not None
    return load_operator(found)


def list_faults(error: pytest.ExceptionInfo[OperatorFaults]) -> list[tuple[str, int, str]]:
    return [(fault.table, fault.row, fault.column) for fault in error.value.faults]


def test_a_value_is_changed_and_the_rest_stays(first: Version, small: Operator) -> None:
    site = small.sites[0]
    made = edit_row("sites", site.id, {"name": " Casablanca Étoile "}, "amina", "a new name")
    assert made.summary == {"sites": {"changed": 1}}
    assert now().sites == (replace(site, name="Casablanca Étoile"), *small.sites[1:])
    assert replace(now(), sites=small.sites) == small
    assert (made.number, made.made_by, made.comment) == (2, "amina", "a new name")


def test_the_texts_of_every_row_give_the_same_row_again(small: Operator) -> None:
    for table in KINDS:
        for row in get_rows(small, table)[:3]:
            texts = format_row(row, small)
            assert complete_texts(table, {}, texts) == texts


@pytest.mark.parametrize("table", list(KINDS))
def test_a_row_sent_back_as_it_was_changes_nothing(first: Version, small: Operator, table: str) -> None:
    for row in get_rows(small, table)[:1]:
        with pytest.raises(NothingChanged):
            edit_row(table, build_key(row), format_row(row, small), "amina")


def test_a_row_is_added_at_the_end_and_removed_again(first: Version, small: Operator) -> None:
    agent = small.agents[0]
    texts = {**format_row(agent, small), "id": "nouveau", "contract_hours": ""}
    add_row("agents", texts, "amina")
    assert now().agents[-1] == replace(agent, id="nouveau", contract_hours=40.0)
    made = remove_row("agents", "nouveau", "amina")
    assert made.summary == {"agents": {"removed": 1}}
    storage.clear_cache()
    assert now() == small


def test_a_shift_and_a_row_of_history_are_changed_in_local_time(first: Version, small: Operator) -> None:
    shift = small.shifts[4]
    local = format_row(shift, small)["end"]
    later = f"{local[:11]}23:59{local[16:]}"
    edit_row("shifts", build_key(shift), {"end": later[:16]}, "amina")
    assert format_row(now().shifts[4], small)["end"] == later
    row = small.history[9]
    edit_row("history", build_key(row), {"offered": "9999", "answered": ""}, "amina")
    assert (now().history[9].offered, now().history[9].answered) == (9999.0, None)


def test_every_fault_of_a_row_is_named_and_nothing_is_stored(first: Version, small: Operator) -> None:
    site = small.sites[1]
    with pytest.raises(OperatorFaults) as error:
        edit_row("sites", site.id, {"lat": "north", "time_zone": "Mars/Base", "name": ""}, "amina")
    assert list_faults(error) == [("sites", 3, "lat"), ("sites", 3, "name"), ("sites", 3, "time_zone")]
    assert get_current_version() == first


def test_a_row_that_others_need_is_not_removed(first: Version, small: Operator) -> None:
    with pytest.raises(OperatorFaults) as error:
        remove_row("sites", small.sites[0].id, "amina")
    assert {fault.table for fault in error.value.faults} >= {"floors", "agents"}
    with pytest.raises(OperatorFaults) as error:
        remove_row("agents", small.agents[0].id, "amina")
    assert {fault.table for fault in error.value.faults} == {"shifts", "teams"}
    with pytest.raises(OperatorFaults) as error:
        remove_row("programmes", small.programmes[0].id, "amina")
    assert {fault.table for fault in error.value.faults} >= {"agents", "history"}
    with pytest.raises(OperatorFaults) as error:
        remove_row("operator", "operator", "amina")
    assert [fault.reason for fault in error.value.faults] == ["there is no row at all"]


def test_an_id_that_is_taken_is_refused(first: Version, small: Operator) -> None:
    with pytest.raises(OperatorFaults, match="the id is already that of row 2"):
        add_row("agents", format_row(small.agents[0], small), "amina")


def test_a_row_without_any_value_is_refused(first: Version, small: Operator) -> None:
    with pytest.raises(OperatorFaults) as error:
        edit_row("clients", small.clients[0].id, {"id": " ", "name": ""}, "amina")
    assert list_faults(error) == [("clients", 2, "id"), ("clients", 2, "name")]
    with pytest.raises(OperatorFaults):
        add_row("measures", {}, "amina")


def test_a_first_row_of_an_optional_table_is_added_and_the_last_one_removed(first: Version, small: Operator) -> None:
    assert not small.measures
    days = {"valid_from": "2026-12-01", "valid_to": "24/12/2026"}
    site = small.sites[0].id
    add_row("measures", {"id": "m1", "site": site, "kind": "max_people", "value": "12"} | days, "amina")
    assert now().measures[0].valid_to.isoformat() == "2026-12-24"
    remove_row("measures", "m1", "amina")
    assert now() == small


def test_what_is_not_there_is_said(first: Version) -> None:
    with pytest.raises(NotThere, match="there is no table 'seat'; the tables are operator"):
        edit_row("seat", "x", {}, "amina")
    with pytest.raises(NotThere, match="no row 'x' in the table seats"):
        edit_row("seats", "x", {"x_m": "1"}, "amina")
    with pytest.raises(NotThere, match="has no column 'z_m'; its columns are id, zone"):
        add_row("seats", {"z_m": "1"}, "amina")


def test_an_empty_registry_has_nothing_to_edit(db: None) -> None:
    with pytest.raises(NotThere, match="the registry is empty"):
        add_row("clients", {"id": "x", "name": "X"}, "amina")


def test_a_row_changed_by_another_user_meanwhile_is_not_overwritten(first: Version, small: Operator) -> None:
    site, other = small.sites[0].id, small.sites[1].id
    edit_row("sites", other, {"name": "Elsewhere"}, "bilal")
    edit_row("sites", site, {"name": "Mine"}, "amina", seen=1)
    with pytest.raises(Conflict, match=r"was changed after version 1.*by amina"):
        edit_row("sites", site, {"city": "Fès"}, "chloe", seen=1)
    assert now().site[other].name == "Elsewhere", "another row's change is kept"
    assert now().site[site].name == "Mine"
    remove_and_back = format_row(small.agents[0], small) | {"id": "z9"}
    add_row("agents", remove_and_back, "amina")
    remove_row("agents", "z9", "amina")
    with pytest.raises(Conflict):
        edit_row("agents", "z9", {"carrier": "x"}, "bilal", seen=4)


def test_an_import_between_check_and_store_is_not_reverted(
    first: Version, small: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    from releve.registry import edits

    def meanwhile(operator: Operator) -> object:
        monkeypatch.setattr(edits, "preview_changes", preview_changes)
        apply_changes(preview_changes(replace(small, stops=small.stops[::-1])), "bilal")
        return preview_changes(operator)

    monkeypatch.setattr(edits, "preview_changes", meanwhile)
    with pytest.raises(Conflict, match="the registry changed while this was checked"):
        edit_row("sites", small.sites[0].id, {"name": "Mine"}, "amina")
    assert now().stops == small.stops[::-1]
