"""A second factor that is lost is removed by two people, and both are on record."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone

from releve.accounts import grants
from releve.accounts.grants import STREAM, AccessError, approve_reset, request_reset
from releve.accounts.models import AccountAct, FactorReset, User
from releve.accounts.permissions import Role
from releve.accounts.two_people import COMMAND_LINE
from releve.ledger.chain import iter_entries
from tests.accounts.people import give, person, sign_in

pytestmark = [pytest.mark.database, pytest.mark.django_db]

REASON = "in person, by the badge"


@pytest.fixture
def ines() -> User:
    user = person("ines")
    give(user, Role.PLANNER)
    return user


@pytest.fixture
def admins() -> tuple[User, User]:
    found = (person("amina"), person("zoe"))
    for user in found:
        give(user, Role.ADMINISTRATOR)
    return found


def test_one_asks_another_allows_and_the_factor_is_gone(ines: User, admins: tuple[User, User]) -> None:
    reset = request_reset(ines, REASON, by="amina")
    assert Authenticator.objects.filter(user=ines).exists()
    approve_reset(reset, by="zoe")
    assert not Authenticator.objects.filter(user=ines).exists()
    found = [(e.kind, e.body["user"], e.body["actor"]) for e in iter_entries(stream=STREAM)]
    assert found == [("access.factors_asked", "ines", "amina"), ("access.factors_forgotten", "ines", "zoe")]
    taken = AccountAct.objects.filter(user=ines, kind=AccountAct.FACTORS)
    hands = set(taken.values_list("by", flat=True))
    assert hands == {"amina", "zoe"}, "both could act as this person: neither is a second one now"
    with pytest.raises(AccessError, match="ask again"):
        approve_reset(reset, by="zoe")


def test_nobody_allows_what_they_asked_or_what_is_theirs(ines: User, admins: tuple[User, User]) -> None:
    for by in ("amina", COMMAND_LINE):
        FactorReset.objects.all().delete()
        reset = request_reset(ines, REASON, by=by)
        with pytest.raises(AccessError, match="it takes two people"):
            approve_reset(reset, by=by)
    with pytest.raises(AccessError, match="another administrator has to ask"):
        request_reset(admins[0], REASON, by="amina")
    own = request_reset(admins[0], REASON, by="zoe")
    with pytest.raises(AccessError, match="another administrator has to allow it"):
        approve_reset(own, by="amina")


def test_an_account_that_the_asker_made_is_no_second_person(ines: User) -> None:
    grants.give_role("amina", grants.RoleRequest("administrator"), by=COMMAND_LINE)
    grants.give_role("puppet", grants.RoleRequest("administrator"), by="amina")
    reset = request_reset(ines, REASON, by="amina")
    with pytest.raises(AccessError, match="amina made the account puppet"):
        approve_reset(reset, by="puppet")
    FactorReset.objects.all().delete()
    reset = request_reset(ines, REASON, by=COMMAND_LINE)
    with pytest.raises(AccessError, match="the command line made the account amina"):
        approve_reset(reset, by="amina")
    FactorReset.objects.all().delete()
    amina = User.objects.get(username="amina")
    AccountAct.objects.create(user=amina, kind=AccountAct.CONFIRMED, by="zoe")
    approve_reset(request_reset(ines, REASON, by=COMMAND_LINE), by="amina")


def test_a_request_ends_after_a_day_and_needs_a_reason(ines: User, admins: tuple[User, User]) -> None:
    with pytest.raises(AccessError, match="reason must have at least 10"):
        request_reset(ines, "lost", by="amina")
    reset = request_reset(ines, REASON, by="amina")
    with pytest.raises(AccessError, match="asked already"):
        request_reset(ines, REASON, by="zoe")
    FactorReset.objects.update(asked_at=timezone.now() - timedelta(hours=25))
    with pytest.raises(AccessError, match="ask again"):
        approve_reset(reset, by="zoe")
    assert not grants.list_open_resets()


def test_the_pages_ask_and_allow(ines: User, admins: tuple[User, User]) -> None:
    first, second = (sign_in(user, lately=True) for user in admins)
    assert f"/people/{ines.pk}/factors" in first.get("/people").content.decode()
    page = first.get(f"/people/{ines.pk}/factors")
    assert page.status_code == 200
    assert "Second facteur perdu" in page.content.decode()
    refused = first.post(f"/people/{ines.pk}/factors", {"reason": "short"})
    assert (refused.status_code, 'value="short"' in refused.content.decode()) == (422, True)
    asked = first.post(f"/people/{ines.pk}/factors", {"reason": REASON})
    assert asked.status_code == 302
    (reset,) = FactorReset.objects.all()
    allow = f"/people/factors/{reset.pk}/allow"
    assert allow not in first.get("/people").content.decode()
    assert REASON in second.get("/people").content.decode()
    first.post(allow)
    assert Authenticator.objects.filter(user=ines).exists()
    second.post(allow)
    assert not Authenticator.objects.filter(user=ines).exists()
    assert first.get(f"/people/{admins[0].pk}/factors").status_code == 404, "not one's own"
