"""How a page is served: its methods, and what services refuse in a sentence on every page."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from releve.desk.access.guard import permission_of
from releve.desk.endpoint import ACT, FORM, explain_errors, serve
from releve.errors import Phrase
from releve.live import api as live
from releve.registry.tables import Conflict, NothingChanged, NotThere

ASKED = RequestFactory().get("/x.json")


def view(request: HttpRequest) -> HttpResponse:
    return HttpResponse("seen")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (live.NoOperator("none"), 503),
        (live.NoSuch("none"), 404),
        (NotThere(Phrase("there is no page {0!r}", 3)), 404),
        (Conflict(Phrase("changed meanwhile")), 409),
        (NothingChanged(Phrase("nothing would change")), 422),
    ],
)
def test_what_a_service_refuses_is_said_in_a_sentence(error: Exception, status: int) -> None:
    def refused(request: HttpRequest) -> HttpResponse:
        raise error

    answer = explain_errors(refused)(ASKED)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/json"


def test_what_nothing_explains_is_a_fault() -> None:
    def broken(request: HttpRequest) -> HttpResponse:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        explain_errors(broken)(ASKED)


@pytest.mark.parametrize("methods", [ACT, FORM])
def test_a_served_view_says_its_permission_and_lets_no_stranger_in(methods: tuple[str, ...]) -> None:
    served = serve("plan.publish", methods, recent=True)(view)
    assert permission_of(served) == "plan.publish"
    asked = RequestFactory().post("/x.json")
    asked.user = AnonymousUser()
    assert served(asked).status_code == 401
    with pytest.raises(ValueError, match="one of list_permissions"):
        serve("plan.burn", methods)(view)
