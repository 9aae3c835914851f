"""What telework does, on the desk: measured from an upload, shown, put into the operator."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.translation import override

from releve.desk.access.guard import COOKIE
from releve.desk.text import Text
from releve.network import Operator, read_operator, sample_operator, write_operator
from releve.plugins.telework.engine.verdicts import EffectStep, ProgrammeVerdict, judge_programmes
from releve.plugins.telework.estimates import find_estimate
from releve.plugins.telework.pages import draw_steps, verdict_words
from releve.registry.models import TeleworkEstimate, Version
from releve.registry.service import get_current_version, load_operator
from tests.demand.telework.panels import Design, draw_panel, write_records
from tests.demand.telework.test_telework import build_found, follow, make_draw

GOOD, BAD, AT_ONCE = (Design(effect=0.06, noise=0.02), Design(effect=-0.2, noise=0.02), Design(all_at=9, never=0.0))


@pytest.fixture(scope="module")
def small() -> Operator:
    """250 agents on 2 sites, of more than three programmes."""
    return read_operator(write_operator(sample_operator(250, 2, 1, weeks_of_history=1)))


def write_three(version: Version) -> tuple[list[str], bytes]:
    """Return three programmes of the operator and records of a gain, a loss and a move at once."""
    names = [row.id for row in load_operator(version).programmes[:3]]
    parts = [
        write_records(draw_panel(design, 3 + at, whole=True), name)
        for at, (design, name) in enumerate(zip((GOOD, BAD, AT_ONCE), names, strict=True))
    ]
    return names, parts[0] + b"".join(part.partition(b"\n")[2] for part in parts[1:])


def send(web: Client, data: bytes, draw: bytes | None = None, query: str = "") -> Any:
    """Send a file of records, and the rota that was drawn."""
    files = {"file": SimpleUploadedFile("releves.csv", data)}
    if draw is not None:
        files["draw"] = SimpleUploadedFile("roulement.json", draw)
    return web.post(f"/telework/records{query}", files)


@pytest.mark.database
@pytest.mark.django_db
def test_records_are_measured_shown_and_put_into_the_operator(web: Client, first: Version) -> None:
    names, data = write_three(first)
    assert web.get("/telework/").status_code == 200
    assert send(web, data).status_code == 302
    page = web.get("/telework/?format=json").json()
    rows = {row["programme"]: row for row in page["verdicts"]["programmes"]}
    assert [rows[name]["verdict"] for name in names] == ["right", "loses", "refused"]
    low, high = (rows[names[0]]["measured"][end] for end in ("low", "high"))
    assert low < 1.0618 < high
    assert rows[names[2]]["rota_finds"] > 0
    assert {row["verdict"] for name, row in rows.items() if name not in names} <= {"absent"}
    html = web.get("/telework/").content.decode()
    assert "tout le monde était chez soi" in html
    assert "un roulement tiré au sort entre ses 80 téléconseillers" in html
    assert "a0001" not in html
    before = load_operator(first)
    sent = {"estimate": page["estimate"], "version": page["version"]}
    assert web.post("/telework/apply", sent).status_code == 302
    version = get_current_version()
    assert version is not None
    after = load_operator(version)
    changed = [row.id for old, row in zip(before.programmes, after.programmes, strict=True) if old != row]
    assert changed == names[:2]
    row = after.programme[names[0]]
    assert row.home_efficiency_design == "compared"
    assert (row.home_efficiency_low, row.home_efficiency_high) == (low, high)
    assert web.post("/telework/apply", sent).status_code == 409
    assert "portent les valeurs mesurées" in web.get("/telework/").content.decode()


@pytest.mark.database
@pytest.mark.django_db
def test_a_faulty_file_is_refused_by_its_rows_and_nothing_is_measured(web: Client, first: Version) -> None:
    names, data = write_three(first)
    answer = send(web, data.replace(b",home,", b",casa,", 2))
    assert answer.status_code == 422
    assert answer.content.decode().count(", place") >= 2
    shown = send(web, data.replace(b",home,", b",casa,", 2), query="?format=json").json()
    assert sum(", place" in fault for fault in shown["faults"]) >= 2
    (fault,) = send(web, b"", query="?format=json").json()["error"]["faults"]
    assert fault["field"] == "file"
    answer = send(web, data.replace(names[0].encode(), b"autre"))
    assert answer.status_code == 422
    assert "autre" in answer.content.decode()
    assert send(web, b"a,b\n1,2\n").status_code == 422
    assert send(web, b"").status_code == 422
    assert find_estimate() is None


@pytest.mark.database
@pytest.mark.django_db
def test_who_may_not_change_the_reference_data_sees_no_way_to(first: Version, web: Client) -> None:
    send(web, write_three(first)[1])
    web.cookies[COOKIE] = "flow:"
    html = web.get("/telework/").content.decode()
    assert "/telework/apply" not in html
    assert "/telework/records" not in html
    assert web.post("/telework/apply", {"estimate": 1, "version": 1}).status_code == 403
    assert TeleworkEstimate.objects.count() == 1


@pytest.mark.database
@pytest.mark.django_db
def test_a_rota_that_was_followed_is_shown_as_drawn_by_lot(web: Client, first: Version) -> None:
    name = load_operator(first).programmes[0].id
    data = write_records(follow(make_draw(), -0.05, 1), name)
    assert send(web, data, make_draw().to_json().encode()).status_code == 302
    html = web.get("/telework/").content.decode()
    assert "par tirage au sort (60" in html
    assert "Le sort a décidé" in html
    page = web.get("/telework/?format=json").json()
    assert web.post("/telework/apply", {"estimate": page["estimate"], "version": page["version"]}).status_code == 302
    version = get_current_version()
    assert version is not None
    assert load_operator(version).programme[name].home_efficiency_design == "randomised"
    home = data.replace(b",site,", b",home,", 1)
    assert send(web, home, make_draw().to_json().encode()).status_code == 302
    assert "1 relevé du roulement sur 720" in web.get("/telework/").content.decode()
    answer = send(web, data, b"{}")
    assert answer.status_code == 422
    assert "n’a pas été écrit par" in answer.content.decode()


@pytest.mark.database
@pytest.mark.django_db
def test_a_value_that_the_reference_data_cannot_hold_is_said_in_both_languages(web: Client, first: Version) -> None:
    name = load_operator(first).programmes[0].id
    send(web, write_records(draw_panel(Design(effect=0.6, noise=0.02), 1), name))
    row = next(
        row for row in web.get("/telework/?format=json").json()["verdicts"]["programmes"] if row["programme"] == name
    )
    assert row["beyond"]
    html = web.get("/telework/").content.decode()
    value = f"{100 * row['measured']['ratio']:.1f}".replace(".", ",")
    assert f"{row['name']}, {row['client']}\u202f: mesure de {value}" in html
    assert "admettent une valeur positive d’au plus 150" in html
    assert "portent les valeurs mesurées" not in html
    english = web.get("/telework/", headers={"accept-language": "en"}).content.decode()
    assert f"{row['name']}, {row['client']}: {100 * row['measured']['ratio']:.1f}" in english
    assert "was measured. The reference data take a value above 0 and up to 150%" in english


def test_the_picture_keeps_every_point_within_its_box() -> None:
    steps = (
        EffectStep(-1, -0.01),
        EffectStep(month=0, value=0.02, low=-0.3, high=0.34),
        EffectStep(month=1, value=2.0, low=-6.0, high=10.0),
    )
    with override("en"):
        picture = draw_steps("k", steps, Text("en", "UTC"), "t", "d")
    assert [shape.name for shape in picture.shapes].count("whisker") == 2
    assert [label.text for label in picture.labels if label.axis == "x"] == ["\u22121", "1", "2"]
    heights = [label.y for label in picture.labels if label.axis == "y"]
    assert heights == sorted(heights, reverse=True)
    assert all(0 <= y <= picture.height for y in heights)
    assert draw_steps("k", (), Text("fr", "UTC"), "t", "d").shapes


def judge(operator: Operator, **found: Any) -> ProgrammeVerdict:
    """Return the verdict on the first programme by what was measured of it."""
    verdicts = judge_programmes(operator, build_found(operator.programmes[0].id, **found))
    return next(row for row in verdicts.programmes if row.measured)


def test_an_operation_not_right_for_home_is_said_with_each_reason(small: Operator) -> None:
    loses = judge(small, interval=[0.88, 0.92], quality_falls=True, repeats_rise=True)
    guard = judge(small, interval=[0.95, 0.99], quality_falls=True, repeats_rise=False)
    with override("fr"):
        assert verdict_words(loses) == (
            "à garder sur site\u202f: du travail se perd, la qualité baisse, les réitérations augmentent"
        )
        assert verdict_words(guard) == "à garder sur site\u202f: la qualité baisse"


@pytest.mark.django_db
def test_an_estimate_in_an_older_form_is_none(web: Client, first: Version) -> None:
    _, data = write_three(first)
    send(web, data)
    found = find_estimate()
    assert found is not None
    TeleworkEstimate.objects.update(content=found.content | {"format": "releve effect 1"})
    assert find_estimate() is None
    assert web.get("/telework/?format=json").json()["estimate"] == 0
    sent = {"estimate": found.pk, "version": first.number}
    assert web.post("/telework/apply", sent).status_code == 404
