"""The import on the desk names who breaks a row of working time, and takes the roster all the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from releve.network import Operator, Shift, write_operator
from tests.accounts.people import words
from tests.registry.test_changes import zipped
from tests.registry.test_desk_registry import EN

pytestmark = [pytest.mark.database, pytest.mark.django_db]


def test_the_preview_of_an_import_names_person_day_and_row(web: Client, small: Operator) -> None:
    name = small.shifts[0].agent
    start = min(row.start for row in small.shifts if row.agent == name)
    longest = (Shift(name, at, at + timedelta(hours=13), 0.0) for at in (start + timedelta(days=i) for i in range(4)))
    operator = replace(small, shifts=(*(row for row in small.shifts if row.agent != name), *longest))
    file = SimpleUploadedFile("op.zip", zipped(write_operator(operator)))
    sent = web.post("/registry/import?format=json", {"file": file})
    where = sent.json()["confirm"]
    page = words(web.get(where, headers=EN))
    assert "Working time" in page
    assert "13 h of work in a day, at most 10 h" in page
    assert f"{name}, " in page
    twin = web.get(where, {"format": "json"}).json()
    found = next(one for one in twin["working_time"] if one["row"]["parameter"] == "day_hours")
    assert found["row"]["strength"] == "forbid"
    assert (found["people"], found["times"]) == (1, 4)
    assert {one["agent"] for one in found["first"]} == {name}
    made = web.post(where + "?format=json", {"comment": ""})
    assert made.json() == {"version": 1}
