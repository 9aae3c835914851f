"""SCIM: the organisation's directory makes, changes and closes accounts, and does nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from click.testing import CliRunner
from django.core import mail
from django.core.wsgi import get_wsgi_application
from django.test import Client
from pytest_django.fixtures import Settings
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from releve.accounts import confirmations, directory_accounts, grants, tokens
from releve.accounts.directory_accounts import DirectoryUser
from releve.accounts.grants import STREAM, AccessError, RoleRequest
from releve.accounts.models import DirectoryAccount, User
from releve.accounts.permissions import Role
from releve.accounts.person_erasure import erase_person
from releve.accounts.two_people import COMMAND_LINE, find_standings, find_tie, list_acts
from releve.cli.main import main
from releve.ledger.chain import iter_entries
from releve.ledger.models import LedgerEntry
from tests.accounts.people import give, person, sign_in

pytestmark = [pytest.mark.database, pytest.mark.django_db]

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
Body = Mapping[str, Any]


@dataclass
class Directory:
    """A directory and its token."""

    secret: str
    name: str

    def send(self, method: str, path: str, body: object = None) -> Any:
        content = "" if body is None else json.dumps(body)
        headers = {"Authorization": f"Bearer {self.secret}"}
        return Client().generic(method, f"/scim/v2{path}", content, "application/scim+json", headers=headers)

    def make(self, user_name: str, **values: Any) -> User:
        answer = self.send("POST", "/Users", {"schemas": [USER], "userName": user_name, **values})
        assert answer.status_code == 201, answer.content
        return User.objects.get(pk=answer.json()["id"])

    def patch(self, user: User, *operations: Body) -> Any:
        return self.send("PATCH", f"/Users/{user.pk}", {"schemas": [PATCH], "Operations": operations})

    def find(self, query: str) -> list[str]:
        answer = self.send("GET", f"/Users?{query}").json()
        return [row["userName"] for row in answer.get("Resources", ())]


def issue(role: Role, by: str = COMMAND_LINE) -> Directory:
    """Return a program with a token of a role."""
    last_day = (datetime.now(UTC) + timedelta(days=7)).date()
    name = f"{role.value}-{tokens.Token.objects.count()}"
    _token, secret = tokens.issue_token(name, RoleRequest(role.value, last_day=last_day), by=by)
    return Directory(secret, f"token:{name}")


@pytest.fixture
def directory(db: None) -> Directory:
    return issue(Role.PROVISIONING)


def kinds(user: User) -> list[tuple[str, str]]:
    """Return the entries about an account: kind and actor."""
    rows = iter_entries(STREAM)
    return [(row.kind, row.body["actor"]) for row in rows if row.body.get("user") == user.username]


def test_an_account_is_made_without_role_password_or_factor(directory: Directory) -> None:
    name = {"givenName": "Ana", "familyName": "Lima"}
    emails = [{"value": "home@example.org", "type": "home"}, {"value": "ana@example.org", "type": "work"}]
    user = directory.make("ana@example.org", externalId="x1", name=name, displayName="Ana L.", emails=emails)
    assert not user.has_usable_password()
    assert not user.grants.exists()
    assert user.email == "ana@example.org"
    seen = directory.send("GET", f"/Users/{user.pk}").json()
    assert seen["name"] == name
    assert seen["emails"] == emails
    assert (seen["externalId"], seen["displayName"], seen["active"]) == ("x1", "Ana L.", True)
    assert kinds(user) == [("access.made", directory.name)]
    clear = "".join(LedgerEntry.objects.filter(stream=STREAM).values_list("body", flat=True))
    assert not any(value in clear for value in ("ana@", "Ana", "Lima", "x1"))


NO_PATH: Body = {"op": "replace", "value": {"active": False}}
AS_TEXT: Body = {"op": "Replace", "path": "active", "value": "False"}
WORK: Body = {"op": "Add", "path": 'emails[type eq "work"].value', "value": "lea@example.org"}
MANAGER: Body = {
    "op": "Add",
    "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
    "value": "17",
}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param([NO_PATH], id="okta-patch"),
        pytest.param(None, id="okta-put"),
        pytest.param([AS_TEXT], id="entra-text"),
        pytest.param([WORK, MANAGER, AS_TEXT], id="entra-address-of-one-without"),
    ],
)
def test_a_leaver_is_out_at_once_with_session_roles_and_tokens(
    directory: Directory, body: list[Body] | None, settings: Settings
) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    give(person("amina"), Role.ADMINISTRATOR)
    user = directory.make("lea")
    give(user, Role.ADMINISTRATOR)
    web, given = sign_in(user), issue(Role.MONITORING, by="lea")
    assert web.get("/account").status_code == 200
    assert Client().get("/metrics", headers={"Authorization": f"Bearer {given.secret}"}).status_code == 200
    if body is None:
        sent = {"schemas": [USER], "id": str(user.pk), "userName": "lea", "active": False, "locale": "fr-FR"}
        answer = directory.send("PUT", f"/Users/{user.pk}", sent)
    else:
        answer = directory.patch(user, *body)
    assert answer.status_code in (200, 204), answer.content
    assert web.get("/account").status_code == 302
    assert Client().get("/metrics", headers={"Authorization": f"Bearer {given.secret}"}).status_code == 401
    user.refresh_from_db()
    assert not user.is_active
    assert not any(row.is_active_at(datetime.now(UTC)) for row in user.grants.all())
    assert ("access.closed", directory.name) in kinds(user)
    assert user.email == ("lea@example.org" if body and WORK in body else "")


def test_the_address_of_work_is_set_for_a_user_who_has_none(directory: Directory) -> None:
    user = directory.make("lea")
    assert directory.patch(user, {**WORK, "op": "Replace"}).status_code == 204
    assert EmailAddress.objects.get(user=user).email == "lea@example.org"


def test_a_leaver_is_out_though_the_rest_of_the_body_is_refused(directory: Directory) -> None:
    directory.make("ana", emails=[{"value": "ana@example.org"}])
    user = directory.make("lea")
    sent = {"schemas": [USER], "userName": "ana", "emails": [{"value": "no address"}]}
    assert directory.send("PUT", f"/Users/{user.pk}", {**sent, "active": True}).status_code in (400, 409)
    assert directory.send("PUT", f"/Users/{user.pk}", {**sent, "active": False}).status_code == 200
    user.refresh_from_db()
    assert not user.is_active
    assert directory.find('filter=userName eq "lea"') == ["lea"]


@pytest.mark.slow
def test_the_suite_of_another_project_passes(directory: Directory) -> None:
    """But one: an account is open or closed, and cannot be neither."""
    headers = {"Authorization": f"Bearer {directory.secret}"}
    web = WSGISCIMClient(get_wsgi_application(), base_url="http://localhost/scim/v2", headers=headers)
    found = check_server(web)
    assert [row.reason for row in found if row.status not in (Status.SUCCESS, Status.SKIPPED)] == [
        "Attribute 'active' was not removed"
    ]
    assert Counter(row.status for row in found)[Status.SUCCESS] > 40


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.PROVISIONING, Role.SITE, Role.CLIENT}))
def test_no_other_token_opens_it(db: None, role: Role) -> None:
    answer = issue(role).send("GET", "/Users")
    assert answer.status_code in (403, 404)
    assert answer["Content-Type"] == "application/scim+json"
    assert answer.json()["status"] == str(answer.status_code)


def test_neither_a_session_nor_a_stranger_opens_it(directory: Directory) -> None:
    user = person("amina")
    give(user, Role.ADMINISTRATOR)
    give(user, Role.PROVISIONING)
    assert sign_in(user, lately=True).get("/scim/v2/Users").status_code == 403
    assert Client().get("/scim/v2/Users").status_code == 401
    wrong = Directory("releve_wrong", "").send("GET", "/Users")
    assert (wrong.status_code, wrong["WWW-Authenticate"]) == (401, "Bearer")
    with pytest.raises(AccessError, match="give it to a token"):
        grants.give_role("zoe", RoleRequest("provisioning"), by="amina")


def test_its_token_opens_nothing_else(directory: Directory) -> None:
    headers = {"Authorization": f"Bearer {directory.secret}"}
    for path in ("/api/v1/now", "/api/v1/events", "/metrics"):
        assert Client().get(path, headers=headers).status_code == 403, path
    assert Client().get("/people?format=json", headers=headers).status_code == 401


def test_the_last_administrator_stays(directory: Directory) -> None:
    ana, ben = directory.make("ana"), directory.make("ben")
    for user in (ana, ben):
        give(user, Role.ADMINISTRATOR)
    assert directory.patch(ana, NO_PATH).status_code == 204
    for answer in (directory.patch(ben, NO_PATH), directory.send("DELETE", f"/Users/{ben.pk}")):
        assert answer.status_code == 403
        assert "last open administrator" in answer.json()["detail"]
    ben.refresh_from_db()
    assert [held.role for held in User.objects.get(pk=ben.pk).held_roles] == [Role.ADMINISTRATOR]


def test_an_account_of_the_desk_is_seen_and_not_changed_until_it_is_handed_over(directory: Directory) -> None:
    user = person("amina")
    give(person("zoe"), Role.ADMINISTRATOR)
    give(user, Role.ADMINISTRATOR)
    assert directory.find('filter=userName eq "Amina"') == ["amina"]
    for answer in (
        directory.patch(user, NO_PATH),
        directory.patch(user, {"op": "replace", "value": {"emails": [{"value": "other@example.org"}]}}),
        directory.patch(user, {"op": "add", "path": "externalId", "value": "x9"}),
        directory.send("DELETE", f"/Users/{user.pk}"),
    ):
        assert answer.status_code == 403
        assert "hands it over" in answer.json()["detail"]
    assert directory.send("POST", "/Users", {"schemas": [USER], "userName": "AMINA"}).status_code == 409
    before = User.objects.get(pk=user.pk)
    assert (before.is_active, before.email) == (True, "amina@example.org")
    done = CliRunner().invoke(main, ["desk", "user", "hand-over", "amina"])
    assert done.exit_code == 0, done.output
    assert directory.patch(user, {"op": "add", "path": "externalId", "value": "x9"}).status_code == 204
    assert directory.patch(user, NO_PATH).status_code == 204
    assert not User.objects.get(pk=user.pk).is_active
    said = [kind for kind, _actor in kinds(user)]
    assert said == ["access.handed_over", "access.changed", "access.ended", "access.closed"]


def test_whoever_may_approve_is_notified_of_an_administrator_whom_the_directory_closes(
    directory: Directory, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    zoe = person("zoe")
    give(zoe, Role.ADMINISTRATOR)
    user = directory.make("lea", emails=[{"value": "lea@example.org"}])
    give(user, Role.ADMINISTRATOR)
    with django_capture_on_commit_callbacks(execute=True):
        directory.patch(user, NO_PATH)
    assert {to for one in mail.outbox for to in one.to} == {"lea@example.org", "zoe@example.org"}
    page = sign_in(zoe, lately=True).get("/account").content.decode()
    assert "lea" in page
    assert directory.name in page


def test_an_account_that_the_directory_made_may_be_anybodys_until_two_confirm_it(
    directory: Directory, settings: Settings
) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    for name in ("amina", "zoe", "nour"):
        give(person(name), Role.ADMINISTRATOR)
    second = issue(Role.PROVISIONING, by="amina")
    ana, ben = directory.make("ana"), second.make("ben")
    for user in (ana, ben):
        grants.give_role(user.username, RoleRequest("continuity"), by="amina")
    assert "the directory holds the token" in str(find_tie(_without_roles(), "ana", "ben"))
    assert find_tie(list_acts(), "ben", "amina"), "who issued the token has its secret"
    assert find_tie(list_acts(), "zoe", "ana"), "who runs the directory may be zoe"
    for user in (ana, ben):
        user.last_login = datetime.now(UTC)
        user.save(update_fields=["last_login"])
        assert not confirmations.confirm_account(user, by="zoe")
    assert find_tie(list_acts(), "ana", "ben")
    for user in (ana, ben):
        assert confirmations.confirm_account(user, by="nour")
    assert find_tie(list_acts(), "ana", "ben") is None
    assert directory.patch(ana, {**WORK, "value": "else@example.org"}).status_code == 204
    assert not find_standings(list_acts())["ana"].stands_alone, "a link to its password goes there now"


def _without_roles() -> list[Any]:
    return [act for act in list_acts() if act.kind != "role"]


def test_what_the_directory_closed_it_opens_again_without_roles(directory: Directory) -> None:
    give(person("zoe"), Role.ADMINISTRATOR)
    user = directory.make("lea")
    give(user, Role.PLANNER)
    directory.patch(user, NO_PATH)
    directory.patch(user, {"op": "replace", "value": {"active": True}})
    again = User.objects.get(pk=user.pk)
    assert again.is_active
    assert again.held_roles == ()
    assert kinds(user)[-1] == ("access.opened", directory.name)


def test_what_an_administrator_closed_stays_closed_until_one_hands_it_over(directory: Directory) -> None:
    user = directory.make("lea")
    grants.close_account("lea", by="zoe")
    opened: Body = {"op": "replace", "value": {"active": True}}
    assert directory.patch(user, opened).status_code == 403
    directory_accounts.hand_over("lea", by="zoe")
    assert directory.patch(user, opened).status_code == 204
    assert User.objects.get(pk=user.pk).is_active
    with pytest.raises(AccessError, match="already"):
        directory_accounts.hand_over("lea", by="zoe")


def test_what_the_directory_deletes_is_closed_and_comes_back_to_the_same_person_alone(directory: Directory) -> None:
    user = directory.make("lea", externalId="x1")
    assert directory.send("DELETE", f"/Users/{user.pk}").status_code == 204
    assert not User.objects.get(pk=user.pk).is_active
    assert directory.send("GET", f"/Users/{user.pk}").status_code == 404
    assert directory.find("") == []
    for body in ({"externalId": "x2"}, {}):
        assert directory.send("POST", "/Users", {"schemas": [USER], "userName": "lea", **body}).status_code == 409
    assert directory.make("lea", externalId="x1") == user
    assert User.objects.get(pk=user.pk).is_active


def test_a_rename_in_the_directory_leaves_the_name_to_sign_in_with(directory: Directory) -> None:
    user = directory.make("lea", externalId="x1")
    directory.patch(user, {"op": "replace", "path": "userName", "value": "lea.martin"})
    assert directory.find('filter=userName eq "LEA.martin"') == ["lea.martin"]
    assert directory.find('filter=userName eq "lea"') == []
    assert User.objects.get(pk=user.pk).username == "lea"
    assert directory.send("POST", "/Users", {"schemas": [USER], "userName": "lea"}).status_code == 409
    with pytest.raises(AccessError, match="is taken"):
        grants.give_role("Lea.Martin", RoleRequest("planner"), by="zoe")


def test_users_are_found_by_name_and_id_and_come_in_parts(directory: Directory) -> None:
    for number in range(5):
        directory.make(f"user{number}", externalId=f"X{number}", emails=[{"value": f"u{number}@example.org"}])
    assert directory.find('filter=externalId eq "X3"') == ["user3"]
    assert directory.find('filter=externalId eq "x3"') == []
    assert directory.find('filter=emails[value eq "u2@example.org"]') == ["user2"]
    assert directory.find('filter=active eq true and userName sw "user"&startIndex=2&count=3') == [
        "user1", "user2", "user3",
    ]  # fmt: skip
    answer = directory.send("GET", "/Users?startIndex=4&count=2").json()
    assert (answer["totalResults"], answer["itemsPerPage"], answer["startIndex"]) == (5, 2, 4)
    assert [row["userName"] for row in answer["Resources"]] == ["user3", "user4"]
    assert directory.send("GET", "/Users?filter=shoeSize eq 42").status_code == 400


def test_another_address_is_mailed_to_the_one_before(
    directory: Directory, django_capture_on_commit_callbacks: Any
) -> None:
    user = directory.make("lea", emails=[{"value": "lea@example.org", "type": "work"}])
    with django_capture_on_commit_callbacks(execute=True):
        directory.patch(user, {**WORK, "op": "replace", "value": "new@example.org"})
    assert [one.to for one in mail.outbox] == [["lea@example.org"]]
    assert User.objects.get(pk=user.pk).email == "new@example.org"


def test_an_address_or_a_name_that_cannot_be_is_refused(directory: Directory) -> None:
    directory.make("ana", externalId="x1", emails=[{"value": "ana@example.org"}])
    for values, status in (
        ({"userName": "token:entra"}, 400),
        ({"userName": " "}, 400),
        ({"userName": "ben", "emails": [{"value": "nowhere"}]}, 400),
        ({"userName": "ben", "emails": [{"value": "ANA@example.org"}]}, 409),
        ({"userName": "ben", "externalId": "x1"}, 409),
        ({"userName": "Ana"}, 409),
    ):
        assert directory.send("POST", "/Users", {"schemas": [USER], **values}).status_code == status, values
    assert User.objects.count() == 1


def test_a_person_who_is_erased_is_erased_of_what_the_directory_said(directory: Directory) -> None:
    admin = person("zoe")
    give(admin, Role.ADMINISTRATOR)
    user = directory.make("lea", externalId="x1", displayName="Léa")
    directory.patch(user, NO_PATH)
    erase_person(admin, "user:lea")
    assert not DirectoryAccount.objects.exists()
    assert directory.find('filter=userName eq "lea"') == []
    assert directory_accounts.make_account(DirectoryUser("lea", "x1"), by=directory.name).pk != user.pk
