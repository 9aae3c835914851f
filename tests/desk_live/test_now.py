"""The Now page: what it shows to whom, and how it is kept fresh."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releve.accounts.roles import Role
from releve.desk.text import left
from releve.live import api as live
from releve.live.models import Effect, Message
from tests.desk_live.conftest import Looking
from tests.live.scenario import Acting

pytestmark = [pytest.mark.django_db, pytest.mark.database]


def text_of(web: Client, path: str) -> str:
    answer = web.get(path)
    assert answer.status_code == 200, answer.content[:300]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_a_closed_site_shows_its_countdown_and_the_people_who_have_not_answered(
    looking: Looking, acting: Acting
) -> None:
    web = looking.as_()
    acting.work()
    acting.two_positives()
    acting.work()
    page = web.get("/now").context["page"]
    closed = next(row for row in page.sites if row.site == acting.site)
    assert closed == page.sites[0], "what is lost comes first"
    assert closed.state == "closed"
    assert re.search(r"peut rouvrir dans 4[78].h.\d\d.min", text_of(web, "/now"))
    assert page.messages.waiting == page.messages.notified == len(acting.messages) > 0
    kinds = [entry.kind for entry in page.timeline]
    assert {"site.closed", "relief.made", "routing.published"} <= set(kinds)
    assert "Exercice" in text_of(web, "/now")


def test_it_shows_no_case_and_no_absence(looking: Looking, acting: Acting) -> None:
    acting.two_positives()
    shown = text_of(looking.as_(), "/now") + looking.as_().get("/now.json").content.decode()
    for agent in acting.agents_at(acting.site):
        assert agent not in shown
    assert "case.declared" not in shown
    assert "agent.unavailable" not in shown


def test_a_client_sees_the_coverage_of_its_own_programmes_alone(
    looking: Looking, acting: Acting
) -> None:
    client = acting.operator.clients[0].id
    twin = looking.as_(Role.CLIENT, client).get("/now.json").json()
    assert twin["stream"] == "live", "a drill is not for clients"
    assert twin["sites"] == []
    assert twin["messages"] is None
    assert [row["client"] for row in twin["clients"]] in ([client], [])


def test_a_site_lead_sees_the_own_site_alone(looking: Looking, acting: Acting) -> None:
    twin = looking.as_(Role.SITE).get("/now.json").json()
    assert [row["site"] for row in twin["sites"]] == [acting.site]
    assert twin["clients"] == []


def test_a_plan_that_begins_later_or_is_over_is_said_to_be_so(
    looking: Looking, acting: Acting
) -> None:
    now = live.now(acting.stream)
    for days, text in (
        (-9, "Le plan en vigueur commence le "),
        (30, "Le plan en vigueur est ter"),
    ):
        acting.stream = live.start_drill("t", by="t", at=now + timedelta(days=days)).name
        web = looking.as_()
        assert text in text_of(web, "/now")
        assert text in text_of(web, f"/clients/{acting.operator.clients[0].id}")


def test_what_is_unchanged_is_answered_304(looking: Looking, acting: Acting) -> None:
    web = looking.as_()
    first = web.get("/now?part=live")
    again = web.get("/now?part=live", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    acting.close()
    changed = web.get("/now?part=live", headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200


def test_more_closed_sites_take_no_more_queries(looking: Looking, acting: Acting) -> None:
    web = looking.as_()
    web.get("/now")
    with CaptureQueriesContext(
        connection,
    ) as before:
        web.get("/now")
    acting.close()
    acting.close(acting.operator.sites[1].id)
    web.get("/now")
    with CaptureQueriesContext(connection) as after:
        web.get("/now")
    assert len(after) <= len(before)


def test_a_task_that_was_set_aside_is_seen_and_tried_again(
    looking: Looking, acting: Acting
) -> None:
    acting.close()
    Effect.objects.filter(stream=acting.stream).update(state=Effect.ASIDE, error="OSError: full")
    (row, *_) = live.list_effects_aside(acting.stream)
    web = looking.as_()
    assert "OSError: full" in text_of(web, "/now")
    assert web.post(f"/effects/{row.pk}/retry").status_code == 302
    assert Effect.objects.get(pk=row.pk).state == Effect.QUEUED
    assert web.post(f"/effects/{row.pk}/retry").status_code == 404


def test_a_message_is_answered_by_its_link_without_a_sign_in(acting: Acting) -> None:
    acting.work()
    acting.two_positives()
    acting.work()
    message = acting.messages[0]
    web = Client()
    asked = web.get(f"/ack/{message.token}")
    assert asked.status_code == 200
    assert Message.objects.get(pk=message.pk).acknowledged_at is None, "a look answers nothing"
    assert web.post(f"/ack/{message.token}").status_code == 200
    first = Message.objects.get(pk=message.pk).acknowledged_at
    assert first is not None
    assert web.post(f"/ack/{message.token}").status_code == 200
    assert Message.objects.get(pk=message.pk).acknowledged_at == first
    assert web.post("/ack/none").status_code == 404
    unknown = asked.content.replace(message.token.encode(), b"none")
    assert web.get("/ack/none").content == unknown, "a look does not tell whether a link is one"


def test_time_left_is_written_in_hours_and_minutes() -> None:
    at = live.real_now()
    assert left(at, at + timedelta(hours=47, minutes=59, seconds=30)) == "48\xa0h\xa000\xa0min"
    assert left(at, at + timedelta(minutes=5)) == "0\xa0h\xa005\xa0min"
    assert left(at, at) == ""


def test_an_absence_that_is_over_is_late_without_its_agent(
    looking: Looking, acting: Acting
) -> None:
    agent = acting.agents_at(acting.site)[0]
    until = live.now(acting.stream) + timedelta(hours=1)
    acting.act("agent.unavailable", agent=agent, until=until)
    looking.as_().post(f"/drills/{acting.stream.partition(':')[2]}/move", {"hours": "2"})
    found = looking.as_().get("/now.json").json()
    (over,) = (row for row in found["late"] if row["code"] == "absence.over")
    assert (over["site"], set(over["params"])) == (acting.site, {"until"})
    assert agent not in looking.as_().get("/now.json").content.decode()


def test_the_api_answers_the_same_object_as_the_page(looking: Looking, acting: Acting) -> None:
    acting.close()
    web = looking.as_()
    (page, answer) = (
        web.get(path) for path in ("/now.json", f"/api/v1/now?stream={acting.stream}")
    )
    found = answer.json()
    assert {**page.json(), "at": found["at"]} == found
    assert web.get("/now").context["page"].model_dump(mode="json")["sites"] == found["sites"]
