"""Changes of the operator: rows edited one by one or at random, files and call logs uploaded."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.demand.log_table import read_log
from releve.network import Operator, OperatorFaults, read_operator, size_limits, write_operator
from releve.registry import blocks, storage, uploads
from releve.registry.blocks import unpack_upload
from releve.registry.changes import TableChanges
from releve.registry.edits import add_row, edit_row, remove_row
from releve.registry.models import Upload, Version
from releve.registry.row_text import complete_texts, format_row
from releve.registry.service import (
    apply_changes,
    get_current_version,
    load_changes,
    load_operator,
    preview_changes,
    undo_version,
)
from releve.registry.tables import KINDS, Conflict, NotAnUpload, NothingChanged, NotThere, build_key, get_rows
from tests.accounts.people import look_as
from tests.network.clean_tables import as_csv, as_workbook, clean_tables
from tests.registry.conftest import read_current

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def list_faults(error: pytest.ExceptionInfo[OperatorFaults]) -> list[tuple[str, int, str]]:
    return [(fault.table, fault.row, fault.column) for fault in error.value.faults]


def test_a_value_is_changed_and_the_rest_stays(first: Version, small: Operator) -> None:
    site = small.sites[0]
    made = edit_row("sites", site.id, {"name": " Casablanca Étoile "}, "amina", "a new name")
    assert made.summary == {"sites": {"changed": 1}}
    assert read_current().sites == (replace(site, name="Casablanca Étoile"), *small.sites[1:])
    assert replace(read_current(), sites=small.sites) == small
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
    assert read_current().agents[-1] == replace(agent, id="nouveau", contract_hours=40.0)
    made = remove_row("agents", "nouveau", "amina")
    assert made.summary == {"agents": {"removed": 1}}
    storage.clear_cache()
    assert read_current() == small


def test_a_shift_and_a_row_of_history_are_changed_in_local_time(first: Version, small: Operator) -> None:
    shift = small.shifts[4]
    local = format_row(shift, small)["end"]
    later = f"{local[:11]}23:59{local[16:]}"
    edit_row("shifts", build_key(shift), {"end": later[:16]}, "amina")
    assert format_row(read_current().shifts[4], small)["end"] == later
    row = small.history[9]
    edit_row("history", build_key(row), {"offered": "9999", "answered": ""}, "amina")
    assert (read_current().history[9].offered, read_current().history[9].answered) == (9999.0, None)


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
    assert read_current().measures[0].valid_to.isoformat() == "2026-12-24"
    remove_row("measures", "m1", "amina")
    assert read_current() == small


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
    assert read_current().site[other].name == "Elsewhere", "another row's change is kept"
    assert read_current().site[site].name == "Mine"
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
    assert read_current().stops == small.stops[::-1]


EDITED = ("sites", "seats", "agents", "shifts", "history", "contingencies", "operator")
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8)
Act = tuple[str, str, int, str]
ACTS = st.tuples(
    st.sampled_from(("drop", "copy", "swap", "change", "drop many")),
    st.sampled_from(EDITED),
    st.integers(0, 10_000),
    TEXTS,
)


def edited(operator: Operator, act: Act) -> Operator:
    """The operator after one act; what cannot be done to a table is left."""
    what, table, number, text = act
    rows = list(get_rows(operator, table))
    if table == "operator":
        return replace(operator, row=replace(operator.row, name=text))
    if not rows:
        return operator
    at = number % len(rows)
    if what == "drop":
        del rows[at]
    elif what == "drop many":
        del rows[at : at + 700]
    elif what == "swap":
        rows[at], rows[-1] = rows[-1], rows[at]
    elif what == "change":
        rows[at] = change_cell(rows[at], number, text)
    else:
        rows.insert(number % (len(rows) + 1), copied(rows[at], text, rows))
    return replace(operator, **{table: tuple(rows)})


def change_cell(row: Any, number: int, text: str) -> Any:
    values = {
        "sites": {"name": text, "lat": number / 1000},
        "seats": {"x_m": number % 1000 / 7},
        "agents": {"carrier": text, "skills": (text,), "contract_hours": 1 + number % 50},
        "shifts": {"break_minutes": float(number % 100)},
        "history": {"answered": None, "offered": number / 3},
        "contingencies": {"name": text, "sites": ()},
    }
    return replace(row, **values[row.table])


def copied(row: Any, text: str, rows: list[Any]) -> Any:
    """A row like another one with a key of its own; the same row where it would be taken."""
    names = {"shifts": "agent", "history": "programme"}
    new = replace(row, **{names.get(row.table, "id"): text})
    if build_key(new) in {build_key(other) for other in rows}:
        rows.remove(next(other for other in rows if build_key(other) == build_key(new)))
    return new


def plain_counts(before: Operator, after: Operator, table: str) -> dict[str, int]:
    """The counts of a change, the slow way."""
    old = {build_key(row): row for row in get_rows(before, table)}
    new = {build_key(row): row for row in get_rows(after, table)}
    counts = {
        "added": sum(key not in old for key in new),
        "removed": sum(key not in new for key in old),
        "changed": sum(key in old and old[key] != row for key, row in new.items()),
    }
    found = {kind: count for kind, count in counts.items() if count}
    return found or {"moved": 1}


@pytest.mark.slow
@pytest.mark.postgresql
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, min_size=1, max_size=4))
def test_an_undo_gives_back_the_same_operator(first: Version, small: Operator, acts: list[Act]) -> None:
    wanted = small
    for act in acts:
        wanted = edited(wanted, act)
    changes = preview_changes(wanted)
    assert changes.counts() == {
        table: plain_counts(small, wanted, table)
        for table in KINDS
        if get_rows(small, table) != get_rows(wanted, table)
    }
    if not changes:
        return
    made = apply_changes(changes, "amina")
    storage.clear_cache()
    assert load_operator(made) == wanted
    assert same(load_changes(made), dict(changes.tables))
    back = undo_version(made, "bilal")
    storage.clear_cache()
    assert load_operator(back) == small
    again = undo_version(back, "bilal")
    assert (again.digest, back.digest) == (made.digest, first.digest)
    assert load_operator(again) == wanted
    undo_version(again, "bilal")
    assert get_current_version() != made


def same(one: dict[str, TableChanges], other: dict[str, TableChanges]) -> bool:
    """Whether two lists of changes hold the same rows, in whatever order."""
    return {table: rows(found) for table, found in one.items()} == {
        table: rows(found) for table, found in other.items()
    }


def rows(found: TableChanges) -> set[Any]:
    return {(change.key, change.before, change.after) for change in found.rows()}


def zipped(files: dict[str, bytes], folder: str = "") -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(folder + name, data)
    return out.getvalue()


def test_a_zip_of_tables_and_a_workbook_give_the_same_operator() -> None:
    tables = clean_tables()
    (book,) = as_workbook(tables).values()
    archive = zipped(as_csv(tables) | {"README.md": b"#", ".x.csv": b"1"}, "operator/")
    assert read_operator(unpack_upload("Atlas.XLSX", book)) == read_operator(unpack_upload("a.zip", archive))


def test_a_workbook_in_a_zip_counts_as_what_it_unpacks_to(monkeypatch: pytest.MonkeyPatch) -> None:
    book = zipped({"xl/worksheets/sheet1.xml": b"0" * 900_000})
    outer = zipped({"operator.xlsx": book})
    assert len(outer) < 2000
    monkeypatch.setattr(size_limits, "MAX_UNPACKED_BYTES", 900_000)
    with pytest.raises(NotAnUpload, match="unpacks to more than"):
        unpack_upload("a.zip", outer)


def test_what_is_no_upload_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = zipped({"sites.csv": b"id,name\n" + b"x" * 5000})
    cases = [
        ("sites.csv", b"id\n", "neither a workbook"),
        ("a.zip", b"PK nonsense", "cannot be unpacked"),
        ("a.xlsx", b"nonsense", "cannot be unpacked"),
        ("a.zip", zipped({"notes.txt": b""}), "holds no CSV"),
        ("a.zip", zipped({"a/sites.csv": b"", "b/sites.csv": b""}), "holds sites.csv twice"),
        ("a.zip", bad[:60] + b"\xff\xff" + bad[62:], "cannot be unpacked"),
    ]
    for name, data, reason in cases:
        with pytest.raises(NotAnUpload, match=reason):
            unpack_upload(name, data)
    monkeypatch.setattr(size_limits, "MAX_UNPACKED_BYTES", 5000)
    with pytest.raises(NotAnUpload, match="unpacks to more than"):
        unpack_upload("a.zip", bad)
    with pytest.raises(NotAnUpload, match="unpacks to more than"):
        unpack_upload("a.zip", zipped({f"{n}.csv": b"" for n in range(101)}))
    monkeypatch.setattr(blocks, "MOST_BYTES", 10)
    with pytest.raises(NotAnUpload, match="larger than"):
        unpack_upload("a.zip", bad)


def sent(operator: Operator, by: str = "amina") -> Upload:
    data = zipped(write_operator(operator))
    return uploads.store_upload("atlas.zip", data, by, preview_changes(operator).base)


def read_upload(upload: Upload) -> Operator:
    return read_operator(unpack_upload(upload.name, bytes(upload.data)))


def test_an_upload_is_applied_once(first: Version, small: Operator) -> None:
    upload = sent(replace(small, stops=small.stops[::-1]))
    assert read_upload(upload).stops == small.stops[::-1]
    kept = uploads.find_upload(upload.token, "amina")
    made = uploads.apply_upload(kept, read_upload(kept), "amina", "new stops")
    assert (made.number, made.source, made.comment) == (2, "atlas.zip", "new stops")
    assert load_operator(made).stops == small.stops[::-1]
    with pytest.raises(NotThere, match="send the file again"):
        uploads.find_upload(upload.token, "amina")


def test_an_upload_is_its_senders_alone(first: Version, small: Operator) -> None:
    upload = sent(replace(small, stops=small.stops[::-1]))
    with pytest.raises(NotThere):
        uploads.find_upload(upload.token, "bilal")
    uploads.discard_upload(uploads.find_upload(upload.token, "amina"))
    assert not Upload.objects.exists()
    assert get_current_version() == first


def test_an_upload_shown_against_another_version_is_refused_and_kept(first: Version, small: Operator) -> None:
    upload = sent(replace(small, stops=small.stops[::-1]))
    apply_changes(preview_changes(replace(small, seats=small.seats[::-1])), "bilal")
    with pytest.raises(Conflict, match="shown against version 1, but version 2 is current"):
        uploads.apply_upload(upload, read_upload(upload), "amina")
    assert uploads.find_upload(upload.token, "amina") == upload


def test_an_upload_that_changes_nothing_any_more_is_said(first: Version, small: Operator) -> None:
    with pytest.raises(NothingChanged):
        uploads.apply_upload(sent(small), small, "amina")


def test_a_bad_upload_names_every_fault(first: Version, small: Operator) -> None:
    files = write_operator(small)
    files["clients.csv"] += b"c9,\nc8,Unused\n"
    upload = Upload(name="a.zip", data=zipped(files))
    with pytest.raises(OperatorFaults) as error:
        read_upload(upload)
    found = [(fault.table, fault.row, fault.column) for fault in error.value.faults]
    assert found == [("clients", 3, "id"), ("clients", 3, "name"), ("clients", 4, "id")]


def test_uploads_left_unanswered_are_deleted_after_a_day(first: Version, small: Operator) -> None:
    old = sent(replace(small, stops=small.stops[::-1]))
    Upload.objects.filter(pk=old.pk).update(made_at=old.made_at - timedelta(hours=25))
    sent(replace(small, seats=small.seats[::-1]))
    assert not Upload.objects.filter(pk=old.pk).exists()
    assert Upload.objects.count() == 1


DAY = datetime(2026, 9, 14, 8, tzinfo=UTC)


def export_of(operator: Operator, other: str = "Accueil") -> bytes:
    """Return half-hourly statistics of two days as a French ACD exports them."""
    queue = operator.programmes[0].name
    lines = ["Date;Tranche horaire;File d'attente;Appels reçus;Appels traités;DMT"]
    for day in range(2):
        for half in range(20):
            at = DAY + timedelta(days=day, minutes=30 * half)
            lines.append(f"{at:%d/%m/%Y};{at:%H:%M};{queue};{10 + half};{9 + half};312")
            lines.append(f"{at:%d/%m/%Y};{at:%H:%M};{other};5;5;100")
    return "\r\n".join(lines).encode("cp1252")


def recognize(name: str, data: bytes, operator: Operator) -> uploads.RecognizedLog:
    return uploads.recognize_calls(name, read_log(name, data, report=True), operator)


def test_the_days_of_a_log_replace_those_of_its_programme(small: Operator) -> None:
    found = recognize("acd.csv", export_of(small), small)
    programme = small.programmes[0].id
    assert found.queues == {small.programmes[0].name: programme, "Accueil": ""}
    assert found.columns["start"] == ("Date", "Tranche horaire")
    read = uploads.import_calls(found, small, found.queues)
    assert (read.summary.added, read.summary.others) == (40, ("Accueil",))
    again = uploads.import_calls(found, read.operator, found.queues)
    assert again.summary.replaced == 40, "a log imported twice counts once"
    assert len(again.operator.history) == len(read.operator.history)


def test_headers_that_are_not_recognised_are_refused_with_the_fix(small: Operator) -> None:
    with pytest.raises(NotAnUpload, match="no column of dates and times of day is recognised among a, b: "):
        recognize("a.csv", b"a;b\n1;2\n", small)


def test_a_log_is_sent_shown_confirmed_and_stored(first: Version, small: Operator, settings: Settings) -> None:
    settings.OPEN_DESK = settings.OPEN_DESK_ACTS = True
    web: Client = look_as(Role.PLANNER)
    web.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    file = SimpleUploadedFile("acd.csv", export_of(small))
    sent = web.post("/registry/calls", {"file": file})
    assert sent.status_code == 302
    shown = web.get(sent["Location"]).content.decode()
    assert re.findall("<code>(.*?)</code>", shown)[:2] == ["Date", "Tranche horaire"]
    assert "Queues left out: Accueil." in shown
    assert "40 half hours from 14 September 2026 to 15 September 2026" in shown
    assert get_current_version() == first, "nothing is stored before it is confirmed"
    twin = web.get(f"{sent['Location']}?format=json").json()
    assert (twin["read"]["added"], twin["queues"]["Accueil"]) == (40, "")
    one, two = (row.id for row in small.programmes[:2])
    checked = web.post(sent["Location"], {"q0": one, "q1": two, "check": "yes"})
    assert "80 half hours" in checked.content.decode()
    assert f"{small.programmes[0].name}: 40, {small.programmes[1].name}: 40" in checked.content.decode()
    none = web.post(sent["Location"], {"q0": "", "q1": "", "check": "yes"}).content.decode()
    assert "80 rows read: no half hour would be stored." in " ".join(none.split())
    assert "Choose the programme of each queue above" in none
    assert "80 used" not in none
    done = web.post(sent["Location"], {"q0": one, "q1": two, "whole": "yes", "import": "yes"})
    assert done.status_code == 302
    version = get_current_version()
    assert version is not None
    rows = [row for row in load_operator(version).history if row.start.month == 9]
    assert {row.programme for row in rows if row.offered == 5} >= {two}
    assert Upload.objects.count() == 0
    strange = web.post("/registry/calls", {"file": SimpleUploadedFile("a.csv", b"a;b\n1;2\n")})
    refused = web.get(strange["Location"]).content.decode()
    assert "a.csv: no column of dates and times of day is recognised" in refused
    assert 'name="import"' not in refused


def test_what_a_log_leaves_open_is_asked_for_and_its_totals_are_shown(
    first: Version, small: Operator, settings: Settings
) -> None:
    settings.OPEN_DESK = settings.OPEN_DESK_ACTS = True
    web: Client = look_as(Role.PLANNER)
    web.defaults["HTTP_ACCEPT_LANGUAGE"] = "fr"
    minutes = export_of(small).decode("cp1252").replace(";312", ";45,5").replace(";100", ";45,5")
    sent = web.post("/registry/calls", {"file": SimpleUploadedFile("acd.csv", minutes.encode("cp1252"))})
    assert sent.status_code == 302
    shown = web.get(sent["Location"]).content.decode()
    assert "Le fichier ne dit pas tout de sa lecture" in shown
    assert "L’unité de DMT" in shown
    assert 'name="import"' not in shown, "nothing can be imported before it is answered"
    one = small.programmes[0].id
    again = web.post(sent["Location"], {"q0": one, "q1": "", "aht_unit": "", "import": "yes"})
    assert again.status_code == 422
    assert get_current_version() == first
    checked = web.post(sent["Location"], {"q0": one, "q1": "", "aht_unit": "min", "check": "yes"}).content.decode()
    assert "Comparez avec la source avant d’importer" in checked
    assert "2\u202f730 s" in checked, "45.5 minutes"
    assert ">780<" in checked, "calls offered: two days of 10 to 29 a half hour"
    done = web.post(sent["Location"], {"q0": one, "q1": "", "aht_unit": "min", "whole": "yes", "import": "yes"})
    assert done.status_code == 302
    version = get_current_version()
    assert version is not None
    (aht_s,) = {row.aht_s for row in load_operator(version).history if row.start.month == 9 and row.programme == one}
    assert aht_s == 2730
