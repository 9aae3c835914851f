"""A call log sent to the desk: recognised by its headers, mapped, confirmed, then stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django.fixtures import Settings

from releve.accounts.permissions import Role
from releve.demand.call_log_file import read_log
from releve.network import Operator
from releve.registry.models import Upload, Version
from releve.registry.service import get_current_version, load_operator
from releve.registry.tables import NotAnUpload
from releve.registry.uploads import RecognizedLog, import_calls, recognize_calls
from tests.accounts.people import look_as

pytestmark = [pytest.mark.django_db, pytest.mark.database]

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


def recognize(name: str, data: bytes, operator: Operator) -> RecognizedLog:
    return recognize_calls(name, read_log(name, data), operator)


def test_the_days_of_a_log_replace_those_of_its_programme(small: Operator) -> None:
    found = recognize("acd.csv", export_of(small), small)
    programme = small.programmes[0].id
    assert found.queues == {small.programmes[0].name: programme, "Accueil": ""}
    assert found.columns["start"] == ("Date", "Tranche horaire")
    read = import_calls(found, small, found.queues)
    assert (read.summary.added, read.summary.others) == (40, ("Accueil",))
    again = import_calls(found, read.operator, found.queues)
    assert again.summary.replaced == 40, "a log imported twice counts once"
    assert len(again.operator.history) == len(read.operator.history)


def test_headers_that_are_not_recognised_are_refused_with_the_fix(small: Operator) -> None:
    with pytest.raises(NotAnUpload, match="are not recognised: name its columns"):
        recognize("a.csv", b"a;b\n1;2\n", small)


def test_a_log_is_sent_shown_confirmed_and_stored(first: Version, small: Operator, settings: Settings) -> None:
    settings.OPEN_DESK = settings.OPEN_DESK_ACTS = True
    web: Client = look_as(Role.PLANNER)
    web.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    file = SimpleUploadedFile("acd.csv", export_of(small))
    sent = web.post("/registry/calls", {"file": file})
    assert sent.status_code == 302
    shown = web.get(sent["Location"]).content.decode()
    assert "“Date”, “Tranche horaire”" in shown
    assert "Queues left out: Accueil." in shown
    assert "40 half hours from 14 September 2026 to 15 September 2026" in shown
    assert get_current_version() == first, "nothing is stored before it is confirmed"
    twin = web.get(f"{sent['Location']}?format=json").json()
    assert (twin["read"]["added"], twin["queues"]["Accueil"]) == (40, "")
    one, two = (row.id for row in small.programmes[:2])
    checked = web.post(sent["Location"], {"q0": one, "q1": two, "check": "yes"})
    assert "80 half hours" in checked.content.decode()
    done = web.post(sent["Location"], {"q0": one, "q1": two, "import": "yes"})
    assert done.status_code == 302
    version = get_current_version()
    assert version is not None
    rows = [row for row in load_operator(version).history if row.start.month == 9]
    assert {row.programme for row in rows if row.offered == 5} >= {two}
    assert Upload.objects.count() == 0
    refused = web.post("/registry/calls", {"file": SimpleUploadedFile("a.csv", b"a;b\n1;2\n")})
    assert refused.status_code == 422
    assert "are not recognised" in refused.content.decode()
