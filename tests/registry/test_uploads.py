"""Uploaded files: unpacked with care, kept until confirmed or refused."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest

from releve.network import Operator, OperatorFaults, read_operator, size_limits, write_operator
from releve.registry import blocks
from releve.registry.blocks import unpack_upload
from releve.registry.models import Upload, Version
from releve.registry.service import apply_changes, get_current_version, load_operator, preview_changes
from releve.registry.tables import Conflict, NotAnUpload, NothingChanged, NotThere
from releve.registry.uploads import apply_upload, discard_upload, find_upload, store_upload
from tests.network.clean_tables import as_csv, as_workbook, clean_tables

pytestmark = [pytest.mark.database, pytest.mark.django_db]


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
    return store_upload("atlas.zip", data, by, preview_changes(operator).base)


def read_upload(upload: Upload) -> Operator:
    return read_operator(unpack_upload(upload.name, bytes(upload.data)))


def test_an_upload_is_applied_once(first: Version, small: Operator) -> None:
    upload = sent(replace(small, stops=small.stops[::-1]))
    assert read_upload(upload).stops == small.stops[::-1]
    kept = find_upload(upload.token, "amina")
    made = apply_upload(kept, read_upload(kept), "amina", "new stops")
    assert (made.number, made.source, made.comment) == (2, "atlas.zip", "new stops")
    assert load_operator(made).stops == small.stops[::-1]
    with pytest.raises(NotThere, match="send the file again"):
        find_upload(upload.token, "amina")


def test_an_upload_is_its_senders_alone(first: Version, small: Operator) -> None:
    upload = sent(replace(small, stops=small.stops[::-1]))
    with pytest.raises(NotThere):
        find_upload(upload.token, "bilal")
    discard_upload(find_upload(upload.token, "amina"))
    assert not Upload.objects.exists()
    assert get_current_version() == first


def test_an_upload_shown_against_another_version_is_refused_and_kept(first: Version, small: Operator) -> None:
    upload = sent(replace(small, stops=small.stops[::-1]))
    apply_changes(preview_changes(replace(small, seats=small.seats[::-1])), "bilal")
    with pytest.raises(Conflict, match="shown against version 1, but version 2 is current"):
        apply_upload(upload, read_upload(upload), "amina")
    assert find_upload(upload.token, "amina") == upload


def test_an_upload_that_changes_nothing_any_more_is_said(first: Version, small: Operator) -> None:
    with pytest.raises(NothingChanged):
        apply_upload(sent(small), small, "amina")


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
