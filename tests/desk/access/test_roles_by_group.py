"""Roles by group of the sign-in service: a table that two administrators approve, and the accounts that come by it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve import environment
from releve.accounts import confirmations, grants, group_roles
from releve.accounts.grants import AccessError, RoleRequest
from releve.accounts.group_roles import LONGEST_GROUP, MOST_GROUPS, read_groups
from releve.accounts.models import AccountAct, GroupRole, User
from releve.accounts.permissions import Role
from releve.accounts.person_erasure import erase_account
from releve.accounts.two_people import find_standings, find_tie, list_acts
from releve.ledger.chain import iter_entries
from tests.accounts.people import FR, give, person, sign_in, words
from tests.desk.access.test_sign_in_service import PASSWORD, claims, connect, is_in, visit_service, vouch

__all__ = ["claims"]

pytestmark = [pytest.mark.database, pytest.mark.django_db, pytest.mark.usefixtures("no_attempts")]

SERVICE = "service:oidc"


@pytest.fixture(autouse=True)
def _switched_on(settings: Settings) -> None:
    settings.GROUP_CLAIMS = {"oidc": "groups"}
    settings.SECOND_FACTOR_REQUIRED = False


@pytest.fixture
def admins() -> tuple[User, User]:
    found = (person("amina"), person("yann"))
    for user in found:
        give(user, Role.ADMINISTRATOR)
    return found


def add_row(group: str, role: Role, sites: Sequence[str] = ()) -> GroupRole:
    """Ask for a row as one administrator and approve it as another."""
    row = group_roles.ask_row(group, RoleRequest(role.value, tuple(sites)), by="amina")
    group_roles.approve_row(row, by="yann")
    return row


def come(claims: dict[str, Any], *groups: str, sub: str = "s1", name: str = "zoe") -> tuple[Client, str]:
    """Sign in by the service with some groups; return the browser and what it shows."""
    vouch(claims, sub, name)
    claims["groups"] = list(groups)
    web = Client(headers=FR)
    return web, words(visit_service(web))


def roles_of(name: str) -> list[str]:
    now = timezone.now()
    return sorted(row.role for row in User.objects.get(username=name).grants.all() if row.is_active_at(now))


def test_a_first_sign_in_makes_an_account_with_the_roles_of_its_groups(
    admins: tuple[User, User], claims: dict[str, Any]
) -> None:
    add_row("planners", Role.PLANNER)
    add_row("site leads", Role.SITE, ["casa-1"])
    add_row("Planners", Role.FLOW)
    web, _ = come(claims, "planners", "site leads", "other")
    user = User.objects.get(username="zoe")
    assert (user.email, user.has_usable_password()) == ("zoe@example.org", False)
    assert roles_of("zoe") == ["planner", "site"]
    assert is_in(web)
    assert web.get("/registry/").status_code == 200
    entries = [(row.kind, row.body["actor"], row.body.get("group")) for row in iter_entries(stream=grants.STREAM)]
    assert entries[-3:] == [
        ("access.connected", SERVICE, None),
        ("access.given", SERVICE, "planners"),
        ("access.given", SERVICE, "site leads"),
    ]
    come(claims, "planners", "site leads")
    assert (User.objects.count(), user.grants.count(), user.acts.count()) == (3, 2, 1)


def test_roles_by_group_follow_the_groups_and_those_given_by_hand_stay(
    admins: tuple[User, User], claims: dict[str, Any]
) -> None:
    add_row("planners", Role.PLANNER)
    add_row("flow", Role.FLOW)
    come(claims, "planners", "flow")
    come(claims, "flow")
    assert roles_of("zoe") == ["flow"]
    ended = User.objects.get(username="zoe").grants.get(role="planner")
    assert ended.ended_by == SERVICE
    grants.give_role("zoe", RoleRequest("planner"), by="amina")
    web, _ = come(claims)
    assert roles_of("zoe") == ["planner"]
    assert is_in(web)
    grants.end_role("zoe", "planner", by="amina")
    web, said = come(claims)
    assert "Aucun de vos groupes" in said
    assert not is_in(web)


def test_a_role_of_one_person_that_an_administrator_ended_does_not_come_back(
    admins: tuple[User, User], claims: dict[str, Any]
) -> None:
    add_row("planners", Role.PLANNER)
    add_row("flow", Role.FLOW)
    come(claims, "planners", "flow")
    grants.end_role("zoe", "planner", by="amina")
    come(claims, "planners", "flow")
    assert roles_of("zoe") == ["flow"]


@pytest.mark.parametrize("state", ["asked", "ended", "none", "off"])
def test_an_identity_without_an_approved_group_stays_outside(
    admins: tuple[User, User], claims: dict[str, Any], settings: Settings, state: str
) -> None:
    if state == "asked":
        group_roles.ask_row("planners", RoleRequest("planner"), by="amina")
    elif state != "none":
        row = add_row("planners", Role.PLANNER)
        if state == "ended":
            group_roles.end_row(row, by="yann")
        else:
            settings.GROUP_CLAIMS = {}
    web, said = come(claims, "planners")
    assert ("n’est rattachée à aucun compte" if state == "off" else "Aucun de vos groupes") in said
    assert not is_in(web)
    assert User.objects.count() == 2
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("word", ["name", "address", "address as a name"])
def test_an_identity_takes_no_account_over_by_its_name_or_address(
    admins: tuple[User, User], claims: dict[str, Any], word: str
) -> None:
    add_row("planners", Role.PLANNER)
    person("zoe")
    vouch(claims, "s1", "Zoe")
    claims["groups"] = "planners"
    claims |= {
        "name": {"email": "new@example.org"},
        "address": {"preferred_username": "new"},
        "address as a name": {"preferred_username": "ZOE@example.org", "email": ""},
    }[word]
    web = Client(headers=FR)
    said = words(visit_service(web))
    assert "Il y a déjà un compte à votre nom ou à votre adresse" in said
    assert not is_in(web)
    assert User.objects.count() == 3
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("name", ["service:oidc", "token:bus", "command line", "x" * 151, ""])
def test_an_identity_gets_no_account_whose_name_no_account_may_have(
    admins: tuple[User, User], claims: dict[str, Any], name: str
) -> None:
    add_row("planners", Role.PLANNER)
    claims.update(sub="s1", preferred_username=name, groups=["planners"])
    answer = visit_service(Client(headers=FR))
    assert answer.status_code == 403
    assert User.objects.count() == 2
    assert not SocialAccount.objects.exists()


def test_an_address_that_the_service_does_not_vouch_for_is_not_kept(
    admins: tuple[User, User], claims: dict[str, Any]
) -> None:
    add_row("planners", Role.PLANNER)
    vouch(claims, "s1")
    claims |= {"email_verified": False, "groups": ["planners"]}
    visit_service(Client(headers=FR))
    user = User.objects.get(username="zoe")
    assert (user.email, EmailAddress.objects.filter(user=user).count()) == ("", 0)


def test_a_row_that_is_ended_ends_its_roles_and_the_sessions_through_the_service(
    admins: tuple[User, User], claims: dict[str, Any]
) -> None:
    row = add_row("planners", Role.PLANNER)
    add_row("flow", Role.FLOW)
    web, _ = come(claims, "planners", "flow")
    by_password = sign_in(User.objects.get(username="zoe"))
    assert web.get("/registry/").status_code == 200
    other, _ = come(claims, "flow", sub="s2", name="ines")
    group_roles.end_row(row, by="amina")
    assert roles_of("zoe") == ["flow"]
    assert web.get("/registry/")["Location"].startswith("/account/login/")
    assert other.get("/registry/").status_code == 200, "it held nothing by the row"
    assert by_password.get("/account").status_code == 200
    come(claims, "planners", "flow")
    assert roles_of("zoe") == ["flow"]
    with pytest.raises(AccessError, match="ended meanwhile"):
        group_roles.end_row(row, by="amina")


def test_a_role_by_group_that_ends_is_refused_at_the_next_request(
    admins: tuple[User, User], claims: dict[str, Any]
) -> None:
    add_row("planners", Role.PLANNER)
    web, _ = come(claims, "planners")
    grants.end_role("zoe", "planner", by="amina")
    assert web.get("/registry/").status_code == 403


def test_a_closed_account_is_out_at_once_and_is_not_made_again(
    admins: tuple[User, User], claims: dict[str, Any]
) -> None:
    add_row("planners", Role.PLANNER)
    web, _ = come(claims, "planners")
    grants.close_account("zoe", by="amina")
    assert web.get("/registry/")["Location"].startswith("/account/login/")
    web, _ = come(claims, "planners")
    assert not is_in(web)
    assert roles_of("zoe") == []
    assert User.objects.count() == 3


def test_a_session_of_the_service_ends_after_its_time_and_one_by_password_does_not(
    admins: tuple[User, User], claims: dict[str, Any], settings: Settings
) -> None:
    settings.SERVICE_SESSION_SECONDS = 480 * 60
    add_row("planners", Role.PLANNER)
    web, _ = come(claims, "planners")
    ages = {479 * 60: 200, 481 * 60: 302}
    for age, status in ages.items():
        session = web.session
        (record,) = session[AUTHENTICATION_METHODS_SESSION_KEY]
        record["at"] = time.time() - age
        session.save()
        assert web.get("/registry/").status_code == status
    by_password = sign_in(admins[0], lately=True)
    session = by_password.session
    session[AUTHENTICATION_METHODS_SESSION_KEY][0]["at"] = time.time() - 481 * 60
    session.save()
    assert by_password.get("/account").status_code == 200


def test_a_role_by_group_counts_in_a_session_of_the_service_alone(
    admins: tuple[User, User], claims: dict[str, Any], settings: Settings
) -> None:
    add_row("planners", Role.PLANNER)
    web, _ = come(claims, "planners")
    user = User.objects.get(username="zoe")
    user.set_password(PASSWORD)
    user.save()
    by_password = Client(headers=FR)
    by_password.post("/account/login/", {"login": "zoe", "password": PASSWORD})
    assert is_in(by_password)
    assert by_password.get("/registry/").status_code == 403
    grants.give_role("zoe", RoleRequest("flow"), by="amina")
    assert by_password.get("/registry/").status_code == 200
    come(claims, "planners")
    settings.GROUP_CLAIMS = {}
    grants.end_role("zoe", "flow", by="amina")
    web = Client(headers=FR)
    visit_service(web)
    assert is_in(web)
    assert web.get("/registry/").status_code == 403, "switched off, no one asks for the groups"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"userinfo": {"groups": ["a", "b"]}}, {"a", "b"}),
        ({"userinfo": {"groups": "a,b"}}, {"a,b"}),
        ({"userinfo": {"sub": "1"}, "id_token": {"groups": ["a"]}}, {"a"}),
        ({"userinfo": {"groups": []}, "id_token": {"groups": ["a"]}}, set()),
        ({"groups": ["a"]}, {"a"}),
        ({"userinfo": {"sub": "1"}}, set()),
        ({"userinfo": {"groups": [str(n) for n in range(MOST_GROUPS + 1)]}}, None),
        ({"userinfo": {"groups": ["x" * (LONGEST_GROUP + 1)]}}, None),
        ({"userinfo": {"groups": "x" * (LONGEST_GROUP + 1)}}, None),
        ({"userinfo": {"groups": [""]}}, None),
        ({"userinfo": {"groups": ["a", 1]}}, None),
        ({"userinfo": {"groups": {"a": True}}}, None),
        ({"id_token": {"_claim_names": {"groups": "src1"}}}, None),
        ({"id_token": {"hasgroups": True}}, None),
    ],
)
def test_groups_are_read_whole_or_refused(said: dict[str, Any], found: set[str] | None) -> None:
    if found is None:
        with pytest.raises(AccessError, match="at most 500 names"):
            read_groups(said, "groups")
    else:
        assert read_groups(said, "groups") == found


def test_groups_that_cannot_be_read_end_no_role(admins: tuple[User, User], claims: dict[str, Any]) -> None:
    add_row("planners", Role.PLANNER)
    come(claims, "planners")
    web, said = come(claims, "x" * 256)
    assert "au plus 500" in said
    assert not is_in(web)
    assert roles_of("zoe") == ["planner"]


def test_a_row_takes_two_administrators_who_are_two_people(admins: tuple[User, User]) -> None:
    row = group_roles.ask_row("planners", RoleRequest("planner"), by="amina")
    with pytest.raises(AccessError, match="it takes two people"):
        group_roles.approve_row(row, by="amina")
    grants.give_role("puppet", RoleRequest("administrator"), by="amina")
    with pytest.raises(AccessError, match="amina made the account puppet"):
        group_roles.approve_row(row, by="puppet")
    group_roles.approve_row(row, by="yann")
    with pytest.raises(AccessError, match="approved or ended meanwhile"):
        group_roles.approve_row(row, by="yann")
    with pytest.raises(AccessError, match="there already"):
        group_roles.ask_row("planners", RoleRequest("planner"), by="yann")
    for role in (Role.INSPECTOR, Role.SITE, Role.PROVISIONING):
        with pytest.raises(AccessError):
            group_roles.ask_row("others", RoleRequest(role.value), by="amina")
    kinds = [(entry.kind, entry.body["actor"]) for entry in iter_entries(stream=grants.STREAM)]
    assert [kinds[0], kinds[-1]] == [("access.group_asked", "amina"), ("access.group_approved", "yann")]


def set_up_factor(name: str) -> User:
    user = User.objects.get(username=name)
    TOTP.activate(user, generate_totp_secret())
    return user


def test_puppets_of_who_edits_the_groups_are_never_two_people(
    admins: tuple[User, User], claims: dict[str, Any]
) -> None:
    add_row("leads", Role.ADMINISTRATOR)
    for number in (1, 2):
        come(claims, "leads", sub=f"s{number}", name=f"puppet-{number}")
    one, two = set_up_factor("puppet-1"), set_up_factor("puppet-2")
    for other in ("puppet-2", "amina"):
        tie = find_tie(list_acts(), "puppet-1", other)
        assert tie is not None
        assert "the sign-in service made the account puppet" in tie
    row = group_roles.ask_row("flow", RoleRequest("flow"), by="puppet-1")
    for by in ("puppet-2", "amina"):
        with pytest.raises(AccessError, match="the sign-in service made the account puppet"):
            group_roles.approve_row(row, by=by)
    with pytest.raises(AccessError, match="the sign-in service made"):
        confirmations.confirm_account(one, by="puppet-2")
    assert not confirmations.confirm_account(one, by="amina"), "she may be who edits the groups"
    with pytest.raises(AccessError, match="without access to it has to confirm it"):
        confirmations.confirm_account(one, by="amina")
    assert confirmations.confirm_account(one, by="yann")
    assert find_tie(list_acts(), "puppet-1", "amina") is None
    assert find_tie(list_acts(), "puppet-1", two.username) is not None
    with pytest.raises(AccessError, match="the sign-in service made the account puppet"):
        group_roles.approve_row(row, by="amina")
    assert [line.name for line in confirmations.list_confirmations("amina")] == ["puppet-2"]


def test_an_approving_role_by_group_calls_for_a_confirmation_as_one_by_hand(
    admins: tuple[User, User], claims: dict[str, Any]
) -> None:
    add_row("health", Role.HEALTH)
    user = person("zoe", PASSWORD)
    give(user, Role.PLANNER)
    assert find_tie(list_acts(), "zoe", "amina") is None
    SocialAccount.objects.create(user=user, provider="oidc", uid="s1")
    vouch(claims, "s1", "zoe")
    claims["groups"] = ["health"]
    visit_service(Client(headers=FR))
    assert roles_of("zoe") == ["health", "planner"]
    assert "gave zoe a role" in (find_tie(list_acts(), "zoe", "amina") or "")


def test_a_connected_account_without_a_second_factor_is_anyones_who_administers_the_service(
    admins: tuple[User, User], claims: dict[str, Any]
) -> None:
    user = person("zoe", PASSWORD)
    give(user, Role.HEALTH)
    vouch(claims, "s1")
    SocialAccount.objects.create(user=user, provider="oidc", uid="s1")
    assert find_standings(list_acts())["zoe"].stands_alone
    grants.remove_factors(user, by="amina")
    assert SERVICE in find_standings(list_acts())["zoe"].behind
    User.objects.filter(pk=user.pk).update(last_login=timezone.now())
    user.refresh_from_db()
    with pytest.raises(AccessError, match="has to set up a second factor first"):
        confirmations.confirm_account(user, by="yann")
    bare = person("ines", PASSWORD, factor=False)
    give(bare, Role.HEALTH)
    vouch(claims, "s2", "ines")
    connect(bare)
    assert [row.by for row in AccountAct.objects.filter(user=bare, kind=AccountAct.ENTRY)] == [SERVICE]
    assert not Authenticator.objects.filter(user=bare).exists()


def test_the_page_lists_asks_approves_and_ends(admins: tuple[User, User]) -> None:
    one, other = (sign_in(user, lately=True) for user in admins)
    sent = {"group": "CN=Planners, OU=é ", "role": "planner"}
    assert one.post("/people/groups/", sent)["Location"] == "/people/groups/"
    row = GroupRole.objects.get()
    assert row.group == sent["group"], "to the letter"
    approve = f"/people/groups/{row.pk}/approve"
    assert approve not in words(one.get("/people/groups/"))
    assert approve not in one.get("/people/groups/").content.decode()
    assert approve in other.get("/people/groups/").content.decode()
    one.post(approve)
    row.refresh_from_db()
    assert row.approved_by == ""
    other.post(approve)
    row.refresh_from_db()
    assert row.approved_by == "yann"
    (line,) = one.get("/people/groups/?format=json").json()["rows"]
    assert (line["group"], line["asked_by"], line["approved_by"]) == (sent["group"], "amina", "yann")
    one.post(f"/people/groups/{row.pk}/end")
    row.refresh_from_db()
    assert row.ended_by == "amina"
    assert one.get("/people/groups/?format=json").json()["rows"] == []
    refused = one.post("/people/groups/?format=json", {"group": "x" * 256, "role": "site"})
    assert sorted(fault["field"] for fault in refused.json()["error"]["faults"]) == ["group", "sites"]


def test_people_says_which_role_came_by_which_group(admins: tuple[User, User], claims: dict[str, Any]) -> None:
    add_row("planners", Role.PLANNER)
    come(claims, "planners")
    web = sign_in(admins[0], lately=True)
    people = {row["name"]: row["roles"] for row in web.get("/people?format=json").json()["people"]}
    assert [role["group"] for role in people["zoe"]] == ["planners"]
    assert [role["group"] for role in people["amina"]] == [""]
    assert "par le groupe planners" in words(web.get("/people"))


def test_an_erased_account_leaves_no_claim_behind(admins: tuple[User, User], claims: dict[str, Any]) -> None:
    add_row("planners", Role.PLANNER)
    come(claims, "planners")
    grants.close_account("zoe", by="amina")
    erase_account(User.objects.get(username="zoe"))
    assert not SocialAccount.objects.exists()


def test_the_settings_of_roles_by_group_come_from_the_environment() -> None:
    url = {"RELEVE_OIDC_URL": "https://id.example.org"}
    assert environment.read_group_claims(url) == {}
    assert environment.read_group_claims({**url, "RELEVE_OIDC_ROLES": "yes"}) == {"oidc": "groups"}
    named = {**url, "RELEVE_OIDC_ROLES": "1", "RELEVE_OIDC_GROUPS": "memberOf"}
    assert environment.read_group_claims(named) == {"oidc": "memberOf"}
    with pytest.raises(ImproperlyConfigured, match="also needs RELEVE_OIDC_URL"):
        environment.read_group_claims({"RELEVE_OIDC_ROLES": "yes"})
