"""Faults of files at their import, and what their fixes propose, made by one click."""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO, StringIO
from typing import Any
from unittest.mock import patch

import polars as pl
import pytest
from django.test import Client

from releve.errors import Phrase
from releve.network import Fault, HistoryRow, Operator, OperatorFaults, read_operator, write_operator, zone
from releve.network.corrections import find_zone_offset, list_corrections
from releve.network.faults import Correction
from releve.registry.blocks import correct_upload, list_upload_corrections, unpack_upload
from releve.registry.models import Version
from releve.registry.service import get_current_version
from releve.registry.tables import NotAnUpload
from tests.accounts.people import words
from tests.registry.conftest import read_current
from tests.registry.test_call_layouts import find_queue, read_hidden, send
from tests.registry.test_changes import zipped
from tests.registry.test_desk_registry import upload

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def find_faults(files: dict[str, bytes], **options: Any) -> tuple[Fault, ...]:
    with pytest.raises(OperatorFaults) as error:
        read_operator(files, **options)
    return error.value.faults


def write_history_without_zone(operator: Operator, zone_name: str) -> bytes:
    """Return the history with times as a system in a zone writes them, without an offset."""
    rows = [
        {
            "programme": row.programme,
            "start": f"{row.start.astimezone(zone(zone_name)):%d/%m/%Y %H:%M}",
            "offered": row.offered,
            "aht_s": row.aht_s,
        }
        for row in operator.history
    ]
    out = BytesIO()
    pl.DataFrame(rows).write_csv(out)
    return out.getvalue()


def misspell(operator: Operator) -> dict[str, bytes]:
    """Return files with a site, a skill in a list and a kind misspelt."""
    files = dict(write_operator(operator))
    site = operator.sites[0].id
    agents = files["agents.csv"].decode().split("\n")
    agents[1:] = [line.replace(f",{site},", f",{site}x,", 1) for line in agents[1:]]
    files["agents.csv"] = "\n".join(agents).encode()
    files["programmes.csv"] = files["programmes.csv"].replace(b",inbound,", b",inbond,", 1)
    return files


def test_the_corrections_of_misspelt_words_mend_the_file(small: Operator) -> None:
    files = misspell(small)
    proposed = list_corrections(find_faults(files))
    assert {(one.table, one.column, one.found) for one in proposed} >= {("programmes", "kind", "inbond")}
    assert read_operator(files, corrections=proposed) == small


def test_one_of_several_values_of_a_cell_is_corrected(small: Operator) -> None:
    files = dict(write_operator(small))
    programme = next(row.skills[1] for row in small.agents if len(row.skills) > 1)
    files["agents.csv"] = files["agents.csv"].replace(f"|{programme}".encode(), f"|{programme}x".encode())
    proposed = list_corrections(find_faults(files))
    assert [(one.found, one.written) for one in proposed] == [(f"{programme}x", programme)]
    assert read_operator(files, corrections=proposed) == small


@pytest.mark.parametrize("written_in", ["UTC", "Asia/Riyadh"])
def test_times_of_another_zone_are_corrected_whole(small: Operator, written_in: str) -> None:
    files = dict(write_operator(small))
    files["history.csv"] = write_history_without_zone(small, written_in)
    proposed = list_corrections(find_faults(files))
    assert proposed
    at = small.history[0].start
    assert {find_zone_offset(one.written, at) for one in proposed} == {find_zone_offset(written_in, at)}
    mended = read_operator(files, corrections=proposed)
    assert [(row.programme, row.start) for row in mended.history] == [(r.programme, r.start) for r in small.history]


def test_corrections_are_kept_beside_the_files_that_were_sent(small: Operator) -> None:
    files = misspell(small)
    first, *rest = list_corrections(find_faults(files))
    name, data = correct_upload("a.zip", zipped(files), [first])
    name, data = correct_upload(name, data, rest)
    assert list_upload_corrections(name, data) == (first, *rest)
    assert unpack_upload(name, data) == files
    assert list_upload_corrections("a.zip", zipped({"corrections.json": b"of my own", **files})) == ()


def test_a_file_with_faults_is_corrected_by_clicks_and_applied(web: Client, small: Operator) -> None:
    sent = web.post("/registry/import", {"file": upload("a.zip", zipped(misspell(small)))})
    assert sent.status_code == 422
    page = sent.content.decode()
    (where,) = re.findall(r'action="(/registry/import/[\w-]+)"', page)
    assert re.search(r"Écrire «\sinbound\s»", words(sent))
    keys = re.findall(r'name="correct" value="(\w+)"', page)
    assert (len(keys), keys[-1]) == (3, "all")
    assert web.post(where, {"correct": "unknown"}).status_code == 404
    assert web.post(where, {"correct": keys[0]}).status_code == 302
    left = web.get(where)
    assert left.status_code == 422
    assert len(re.findall(r'name="correct"', left.content.decode())) == 2, "one cause less"
    assert web.post(where, {"correct": "all"}).status_code == 302
    assert web.get(where).status_code == 200
    assert not Version.objects.exists()
    assert web.post(where, {"comment": ""}).status_code == 302
    assert read_current() == small


def list_people(operator: Operator) -> list[list[str]]:
    """Return the agents as a staff list has them: a title, columns of its own, sites and programmes by name."""
    named = {row.id: row.name for row in operator.programmes}
    rows = [
        ["Effectif au 01/12/2026"],
        [""],
        ["Matricule", "Nom", "Site de rattachement", "Compétences", "Heures hebdo"],
    ]
    for agent in operator.agents:
        skills = ", ".join(named[skill].upper() for skill in agent.skills)
        rows.append([agent.id, "X", operator.site[agent.home_site].name, skills, str(agent.contract_hours)])
    return rows


def write_rows(rows: list[list[str]]) -> bytes:
    out = StringIO()
    csv.writer(out, delimiter=";").writerows(rows)
    return out.getvalue().encode()


def test_a_staff_list_with_a_title_and_columns_of_its_own_is_read_by_its_corrections(small: Operator) -> None:
    files = dict(write_operator(small))
    files["agents.csv"] = write_rows(list_people(small))
    del files["teams.csv"]
    made: tuple[Correction, ...] = ()
    for _ in range(3):  # the title; the columns; the names
        with suppress(OperatorFaults):
            read = read_operator(files, corrections=made)
            break
        made += list_corrections(find_faults(files, corrections=made))
    kept = [(row.id, row.home_site, row.skills, row.contract_hours) for row in read.agents]
    assert kept == [(row.id, row.home_site, row.skills, row.contract_hours) for row in small.agents]


def test_a_name_of_two_rows_is_no_reference(small: Operator) -> None:
    twice = replace(small, sites=tuple(replace(row, name="Casablanca") for row in small.sites))
    files = dict(write_operator(twice))
    files["agents.csv"] = files["agents.csv"].replace(small.sites[0].id.encode(), b"Casablanca")
    assert not [one for one in list_corrections(find_faults(files)) if one.found == "Casablanca"]


def test_a_schedule_of_activities_is_not_read_as_shifts(small: Operator) -> None:
    files = dict(write_operator(small))
    agent = small.agents[0].id
    files["shifts.csv"] = write_rows(
        [
            ["Matricule", "Activité", "Début", "Fin"],
            [agent, "Appels", "01/09/2026 08:00", "01/09/2026 12:00"],
            [agent, "Congé", "02/09/2026 08:00", "02/09/2026 12:00"],
        ]
    )
    (fault,) = [fault for fault in find_faults(files) if fault.table == "shifts" and fault.row == 1]
    assert (fault.column, fault.correction) == ("Activité", None)
    assert "import the schedule by itself" in fault.fix


def test_no_correction_is_offered_once_none_is_left(web: Client, small: Operator) -> None:
    files = misspell(small)
    del files["shuttles.csv"], files["sites.csv"]
    sent = web.post("/registry/import", {"file": upload("a.zip", zipped(files))})
    assert "Code du site, Nom, Pays" in words(sent), "the columns in the words of the workbook"
    (where,) = re.findall(r'action="(/registry/import/[\w-]+)"', sent.content.decode())
    assert web.post(where, {"correct": "all"}).status_code == 302
    left = web.get(where)
    assert left.status_code == 422
    assert 'name="correct"' not in left.content.decode()


def test_a_reading_that_fails_leads_back_to_the_form(web: Client, small: Operator) -> None:
    sent = web.post("/registry/import", {"file": upload("a.zip", zipped(misspell(small)))})
    (where,) = re.findall(r'action="(/registry/import/[\w-]+)"', sent.content.decode())
    with patch("releve.desk.registry.views.read_operator_upload", side_effect=NotAnUpload(Phrase("it failed"))):
        answer = web.get(where, follow=True)
    assert answer.redirect_chain == [("/registry/import", 302)]
    assert "It failed" in words(answer)


def write_report(rows: list[HistoryRow], operator: Operator, shift: timedelta) -> bytes:
    lines = ["Date;Tranche horaire;File d'attente;Appels reçus;Appels traités;DMT"]
    for row in rows:
        programme = operator.programme[row.programme]
        at = row.start.astimezone(zone(programme.time_zone)) + shift
        lines.append(f"{at:%d/%m/%Y};{at:%H:%M};{programme.name};{row.offered:.0f};{row.offered:.0f};312,5")
    return "\r\n".join(lines).encode("cp1252")


def test_calls_of_another_zone_are_refused_at_the_import_and_read_right_by_one_click(
    web: Client, first: Version, small: Operator
) -> None:
    programme = small.programmes[0]
    rows = [row for row in small.history if row.programme == programme.id]
    data = write_report(rows, small, timedelta(hours=-3)).replace(b",5\r\n", b"\r\n").replace(b"312,5", b"312")
    where = send(web, data)
    shown = web.get(where)
    page = shown.content.decode()
    assert "Aucun plan ne pourrait être calculé avec ces appels" in words(shown)
    assert f"{programme.name}\u202f: " in words(shown), "a fault names the programme, not a row of the whole history"
    assert 'name="import"' not in page
    zones = re.findall(r'name="time_zone" value="([^"]+)"', page)
    assert len(zones) == 1
    at = rows[0].start
    ahead = find_zone_offset(zones[0], at) - find_zone_offset(programme.time_zone, at)
    assert ahead == timedelta(hours=-3)
    sent = {**read_hidden(page), "q0": find_queue(page)}
    refused = web.post(where, {**sent, "import": "yes"})
    assert refused.status_code == 422
    assert get_current_version() == first
    page = web.post(where, {**sent, "time_zone": zones[0]}).content.decode()
    assert 'name="import"' in page
    done = web.post(where, {**sent, **read_hidden(page), "time_zone": zones[0], "import": "yes"})
    assert done.status_code == 302
    kept = [row.start for row in read_current().history if row.programme == programme.id]
    assert sorted(kept) == [row.start for row in rows]
    assert read_operator(write_operator(read_current())) == read_current(), "a run reads it without a fault"


def test_calls_far_from_those_stored_may_replace_them(web: Client, first: Version, small: Operator) -> None:
    programme = small.programmes[0]
    rows = [row for row in small.history if row.programme == programme.id]
    early = [replace(row, start=row.start - timedelta(weeks=3)) for row in rows]
    day = min(row.start for row in early).astimezone(zone(programme.time_zone)).date()
    assert isinstance(day, date)
    where = send(web, write_report(early, small, timedelta()).replace(b"312,5", b"312"))
    page = web.get(where).content.decode()
    assert "Remplacer tout ce qui est enregistré de ces opérations" in page
    assert 'name="import"' not in page
    sent = {**read_hidden(page), "q0": find_queue(page), "whole": "yes", "import": "yes"}
    assert web.post(where, sent).status_code == 302
    kept = [row.start for row in read_current().history if row.programme == programme.id]
    assert sorted(kept) == [row.start for row in early]


def test_a_schedule_with_faults_is_refused_at_the_import(web: Client, first: Version, small: Operator) -> None:
    agent = small.agents[0].id
    lines = ["Agent;Activity;Start;End", f"{agent};Work;15/03/2027 09:00;16/03/2027 15:00"]
    sent = web.post("/registry/schedules", {"file": upload("plan.csv", "\n".join(lines).encode())})
    shown = web.get(str(sent["Location"]))
    twin = web.get(f"{sent['Location']}?format=json").json()
    assert [(fault["table"], fault["value"]) for fault in twin["refused"]] == [("shifts", f"{agent} 2027-03-15 08:00")]
    assert "30 h, plus de" in words(shown)
    assert not twin["ready"]
    assert get_current_version() == first
