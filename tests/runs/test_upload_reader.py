"""Uploaded files are read by a process of their own, once, within a deadline."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.utils.module_loading import import_string
from pytest_django.fixtures import Settings

from releve.errors import Phrase
from releve.live import due_jobs
from releve.network import Operator, OperatorFaults, read_operator, sample_operator, write_operator
from releve.registry.models import Upload
from releve.registry.tables import NotAnUpload
from releve.registry.uploads import store_upload
from releve.runs import upload_reader
from releve.runs.job_process import execute_job, run_job, start_job
from releve.runs.job_store import JobStore, StillReading, TooManyJobs, note_asked
from releve.runs.orders import open_readings
from releve.runs.upload_reader import READINGS, ReadingOrder, forget_reading, read_log_upload, read_operator_upload
from tests.registry.test_uploads import zipped

LOG = b"Date;File;Offerts\n14/09/2026;a;3\n"


@pytest.fixture
def store(tmp_path: Path) -> JobStore[ReadingOrder]:
    return JobStore(tmp_path, READINGS)


@pytest.fixture(scope="module")
def operator() -> Operator:
    return read_operator(write_operator(sample_operator(60, 2, 1, weeks_of_history=1)))


def test_what_was_read_is_what_the_file_holds_and_is_read_once(
    store: JobStore[ReadingOrder], operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []

    def start(folder: Path) -> None:
        started.append(folder)
        execute_job(folder)

    monkeypatch.setattr(upload_reader, "start_reading", start)
    data = zipped(write_operator(operator))
    for _page in range(3):
        assert read_operator_upload(store, "atlas.zip", data, "amina") == operator
    assert len(started) == 1
    forget_reading(store, "atlas.zip", data)
    assert store.list_jobs() == []


def test_the_faults_of_a_file_and_why_it_is_none_come_back_as_they_were(
    store: JobStore[ReadingOrder], operator: Operator
) -> None:
    files = {**write_operator(operator)}
    files["clients.csv"] += b"c9,\n"
    with pytest.raises(OperatorFaults) as caught:
        read_operator_upload(store, "a.zip", zipped(files), "amina")
    assert [(one.table, one.row) for one in caught.value.faults] == [("clients", 3)] * 2
    assert isinstance(caught.value.faults[0].reason, Phrase), "it can be translated"
    with pytest.raises(NotAnUpload, match="neither a workbook"):
        read_operator_upload(store, "a.csv", b"id", "amina")
    with pytest.raises(NotAnUpload, match="neither CSV nor Parquet") as refused:
        read_log_upload(store, "a.pdf", b"%PDF", "amina")
    assert isinstance(refused.value.args[0], Phrase)
    assert read_log_upload(store, "a.csv", LOG, "amina").frame.height == 1


def test_a_file_that_takes_too_long_is_refused_in_plain_words(
    store: JobStore[ReadingOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_reader, "READINGS", replace(READINGS, most_seconds=0.0))
    monkeypatch.setattr(upload_reader, "start_reading", run_job)
    with pytest.raises(NotAnUpload, match="takes more than 120 seconds to read: split it"):
        read_log_upload(store, "a.csv", LOG, "amina")
    assert store.list_jobs() == [], "the file does not stay"


def test_a_page_waits_some_seconds_and_one_person_has_three_files_at_a_time(
    store: JobStore[ReadingOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_reader, "start_reading", note_asked)
    monkeypatch.setattr(upload_reader, "PATIENCE_SECONDS", 0.0)
    for number in range(3):
        with pytest.raises(StillReading):
            read_log_upload(store, f"{number}.csv", LOG, "amina", patience=0.1)
    with pytest.raises(StillReading):
        read_log_upload(store, "2.csv", LOG, "amina", patience=0.0)
    with pytest.raises(TooManyJobs, match="3 files of yours are being read"):
        read_log_upload(store, "4.csv", LOG, "amina", patience=0.0)


@pytest.mark.slow
def test_the_process_of_its_own_reads_the_file_and_keeps_no_copy_of_it(
    store: JobStore[ReadingOrder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_reader, "start_reading", start_job)
    log = read_log_upload(store, "a.csv", LOG, "amina", patience=60.0)
    assert log.frame.columns == ["Date", "File", "Offerts"]
    (job,) = store.list_jobs()
    until = time.monotonic() + 20
    while (job.folder / "inputs").exists() and time.monotonic() < until:
        time.sleep(0.05)
    held = [path for path in job.folder.rglob("*") if path.is_file() and path.name != "lock"]
    assert not any(LOG in path.read_bytes() for path in held)


def test_what_was_read_is_removed_after_a_day(store: JobStore[ReadingOrder]) -> None:
    read_log_upload(store, "a.csv", LOG, "amina")
    (job,) = store.list_jobs()
    old = replace(job.order, at=(datetime.now(UTC) - timedelta(days=1, minutes=1)).isoformat())
    store.remove(job)
    store.add(old, {})
    read_log_upload(store, "b.csv", LOG, "amina")
    assert [one.order.name for one in store.list_jobs()] == ["b.csv"]


@pytest.mark.django_db
def test_an_upload_and_what_was_read_of_it_go_after_a_day_without_another_upload(
    settings: Settings, tmp_path: Path
) -> None:
    settings.HOME = tmp_path
    read_log_upload(open_readings(), "a.csv", LOG, "amina")
    store_upload("a.xlsx", b"x", "amina", None)
    run_due_job = import_string(due_jobs._jobs["uploads"].run)
    run_due_job(datetime.now(UTC) + timedelta(hours=23))
    assert (len(open_readings().list_jobs()), Upload.objects.count()) == (1, 1)
    run_due_job(datetime.now(UTC) + timedelta(hours=25))
    assert (open_readings().list_jobs(), Upload.objects.count()) == ([], 0)
