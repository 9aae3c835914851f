"""What an account may: roles held for sites or clients, entries read, a lost second factor removed by two."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from click.testing import CliRunner, Result
from django.core.checks import run_checks
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts import grants, tokens
from releve.accounts.confirmations import are_two_administrators
from releve.accounts.directory import list_accounts, list_programs
from releve.accounts.grants import STREAM, AccessError, approve_reset, request_reset
from releve.accounts.models import AccountAct, FactorReset, Grant, ScopedRole, Token, User
from releve.accounts.permissions import BY_CLIENT, BY_SITE, DATED, PROVISIONS, Permission, Role, list_permissions
from releve.accounts.reach import EntryAccess, find_proof_state, load_entries, load_entry
from releve.accounts.scopes import EVERYTHING, HeldRole, Scope, can, find_scope_faults, roles_held, scope_for
from releve.accounts.two_people import COMMAND_LINE
from releve.cli.main import main
from releve.ledger.chain import append, iter_entries
from releve.ledger.disclosure import PERSON_KINDS
from releve.ledger.erasure import erase_subject
from releve.ledger.roots import sign_root
from releve.network import sample_operator
from releve.registry.service import apply_changes, preview_changes
from tests.accounts.people import give, person, sign_in
from tests.homes import make_test_home

pytestmark = [pytest.mark.database, pytest.mark.django_db]

SITES, CLIENTS = ("casa-1",), ("azur",)
HOLDABLE = {
    (Role.SITE, SITES, ()),
    (Role.CLIENT, (), CLIENTS),
    (Role.INSPECTOR, SITES, ()),
    (Role.AUDITOR, SITES, ()),
    (Role.AUDITOR, (), CLIENTS),
    (Role.AUDITOR, SITES, CLIENTS),
    *((role, (), ()) for role in set(Role) - BY_SITE - BY_CLIENT),
}
"""Written out, not read from the code: each way in which a role can be held."""
ALL = sorted(product(Role, ((), SITES), ((), CLIENTS)))
TOO_WIDE = [case for case in ALL if case not in HOLDABLE]


@pytest.fixture(autouse=True)
def _own_home(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings.HOME = make_test_home(tmp_path)
    monkeypatch.setenv("RELEVE_HOME", str(tmp_path))
    monkeypatch.setenv("RELEVE_SECRET_KEY", "0123456789" * 5)


def last_day() -> Any:
    return (timezone.now() + timedelta(days=7)).date()


def wanted(role: Role, sites: Sequence[str], clients: Sequence[str]) -> grants.RoleRequest:
    return grants.RoleRequest(role.value, tuple(sites), tuple(clients), last_day())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["desk", *arguments])


def stored(model: type[ScopedRole], role: str, sites: object, clients: object) -> ScopedRole:
    """Put a row into the table as an earlier version would have left it."""
    now = timezone.now()
    more: dict[str, Any] = {"ends_at": now + timedelta(days=7), "given_by": COMMAND_LINE}
    if model is Grant:
        more |= {"user": person(f"person-{User.objects.count()}"), "starts_at": now}
    else:
        more |= {"name": "bi", "digest": tokens._digest(f"{tokens.PREFIX}bi")}
    (row,) = model.objects.bulk_create([model(role=role, sites=sites, clients=clients, **more)])
    return row


@pytest.mark.parametrize(("role", "sites", "clients"), ALL)
def test_a_role_is_held_for_what_it_can_be_held_for_and_nothing_else(
    role: Role, sites: Sequence[str], clients: Sequence[str]
) -> None:
    may = (role, sites, clients) in HOLDABLE
    assert (find_scope_faults(role, sites, clients) == {}) is may
    if may and role in PROVISIONS:
        with pytest.raises(grants.AccessError, match="give it to a token"):
            grants.give_role("zoe", wanted(role, sites, clients), by="amina")
        tokens.issue_token("bi", wanted(role, sites, clients), by="amina")
        return
    if may:
        grants.give_role("zoe", wanted(role, sites, clients), by="amina")
        tokens.issue_token("bi", wanted(role, sites, clients), by="amina")
        (held,) = User.objects.get(username="zoe").held_roles
        limited = bool(sites or clients)
        want = Scope(frozenset(sites), frozenset(clients)) if limited else Scope(None, None)
        assert held.scope == want
        return
    refused = "give it to a token" if role in PROVISIONS else "ce rôle"
    with pytest.raises(grants.AccessError, match=refused):
        grants.give_role("zoe", wanted(role, sites, clients), by="amina")
    with pytest.raises(grants.AccessError, match="ce rôle"):
        tokens.issue_token("bi", wanted(role, sites, clients), by="amina")
    with pytest.raises(ValidationError):
        Grant.objects.create(
            user=person("yves"), role=role, sites=list(sites), clients=list(clients),
            ends_at=timezone.now() + timedelta(days=7), given_by="amina",
        )  # fmt: skip
    assert not Grant.objects.exists()
    assert not Token.objects.exists()


@pytest.mark.parametrize("role", sorted(set(Role) - BY_SITE - BY_CLIENT - DATED))
def test_a_reach_that_a_role_cannot_have_is_an_error_and_never_everything(role: Role) -> None:
    for sites, clients in ((SITES, ()), ((), CLIENTS)):
        with pytest.raises(ValueError, match="cannot be held for"):
            HeldRole.limit(role, sites, clients)


@pytest.mark.parametrize(
    "arguments",
    [
        ("token", "add", "bi", "--role", "flow", "--client", "azur"),
        ("token", "add", "bi", "--role", "administrator", "--site", "casa-1"),
        ("user", "add", "bi", "--role", "administrator", "--site", "casa-1"),
        ("user", "add", "bi", "--role", "inspector", "--client", "azur"),
    ],
)
def test_the_command_line_refuses_a_reach_that_the_role_cannot_have(arguments: tuple[str, ...]) -> None:
    result = run(*arguments, "--until", last_day().isoformat())
    assert result.exit_code == 1
    assert "cannot be held for some" in result.output
    assert not User.objects.exists()
    assert not Token.objects.exists()


def test_the_command_line_says_where_a_link_may_have_to_name_another_address(settings: Settings) -> None:
    settings.DESK_URL_IS_SET = False
    made = run("user", "add", "x", "--role", "planner")
    assert made.exit_code == 0
    assert "so the link begins with http://127.0.0.1:8000: replace that" in made.stderr
    settings.DESK_URL, settings.DESK_URL_IS_SET = "https://desk.example.org", True
    link = run("user", "link", "x")
    assert link.stdout.startswith("https://desk.example.org/")
    assert link.stderr == ""


def test_the_lists_of_the_command_line_say_what_each_role_is_held_for() -> None:
    until = ("--until", last_day().isoformat())
    assert run("user", "add", "x", "--role", "auditor", "--client", "azur", *until).exit_code == 0
    assert run("token", "add", "bi", "--role", "auditor", "--client", "azur", *until).exit_code == 0
    assert "x: auditor for azur" in run("user", "list").output
    assert "bi: auditor for azur" in run("token", "list").output
    assert run("user", "end", "x", "--role", "auditor").exit_code == 0
    assert "x: no role now" in run("user", "list").output
    again = run("user", "end", "x", "--role", "auditor")
    assert again.exit_code == 1
    assert "does not hold the role 'auditor' now" in again.output


@pytest.mark.parametrize(
    ("role", "sites", "clients"),
    [
        *((role.value, list(sites), list(clients)) for role, sites, clients in TOO_WIDE),
        ("emperor", [], []),
        ("auditor", "", "azur"),
        ("auditor", [], [""]),
        ("auditor", [], [None]),
        ("auditor", {}, {"azur": 1}),
    ],
)
def test_a_grant_that_is_stored_too_wide_gives_nothing_and_is_named_at_start(
    role: str, sites: object, clients: object
) -> None:
    grant, token = stored(Grant, role, sites, clients), stored(Token, role, sites, clients)
    assert isinstance(grant, Grant)
    user = User.objects.get(pk=grant.user.pk)
    assert roles_held(user) == ()
    assert not any(can(user, key) for key in list_permissions())
    assert tokens.authenticate(f"{tokens.PREFIX}bi") is None
    assert grant.reach == token.reach
    (account,), (program,) = list_accounts(), list_programs()
    assert {account.roles[0].reach, program.held.reach} == {grant.reach}
    assert grant.reach.startswith("rien"), "People and the lists say that it gives nothing"
    faults = [row for row in run_checks(databases=["default"]) if row.id == "releve.access.E003"]
    assert len(faults) == 2
    (of_user, of_token) = faults
    assert f"releve desk user end {user.username} --role {role}" in str(of_user.hint)
    assert "releve desk token revoke bi" in str(of_token.hint)


def test_what_is_named_at_start_is_mended_by_the_command_it_names() -> None:
    grant = stored(Grant, "administrator", ["casa-1"], [])
    stored(Token, "flow", [], ["azur"])
    assert isinstance(grant, Grant)
    assert run("user", "end", grant.user.username, "--role", "administrator").exit_code == 0
    assert run("token", "revoke", "bi").exit_code == 0
    assert [row.id for row in run_checks(databases=["default"])] == []


def test_the_desk_does_not_serve_while_a_grant_is_too_wide() -> None:
    stored(Token, "flow", [], ["azur"])
    result = run("serve", "--port", "0")
    assert result.exit_code == 1
    assert "releve.access.E003" in result.output
    assert "releve desk token revoke bi" in result.output


def test_a_site_or_client_that_is_not_there_is_refused_with_the_nearest_names() -> None:
    operator = sample_operator(60, 2, 1, weeks_of_history=1)
    apply_changes(preview_changes(operator), "amina", "first import")
    site, client = operator.sites[0].id, operator.clients[0].id
    until = last_day().isoformat()
    for command in ("user", "token"):
        for role, option, known in (("site", "--site", site), ("client", "--client", client)):
            wrong = f"{known[:-1]}9"
            asked = (command, "add", "bi", "--role", role, option)
            refused = run(*asked, wrong, "--until", until)
            assert refused.exit_code == 1
            assert f"the reference data have no {role} {wrong!r}: write" in refused.output
            assert repr(known) in refused.output
    assert "known: " in run("user", "add", "bi", "--role", "site", "--site", "zzz").output
    assert not User.objects.exists()
    assert not Token.objects.exists()
    assert run("user", "add", "bi", "--role", "site", "--site", site).exit_code == 0


def test_the_command_line_declares_the_first_two_administrators(settings: Settings) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    for name in ("amina", "zoe"):
        assert run("user", "add", name, "--role", "administrator").exit_code == 0
    refused = run("user", "declare", "amina", "zoe")
    assert (refused.exit_code, "has to sign in first" in refused.output) == (1, True)
    User.objects.update(last_login=timezone.now())
    done = run("user", "declare", "amina", "zoe")
    assert done.output == "declared to be different people: amina, zoe\n"
    assert are_two_administrators()
    assert "amina and zoe count as two people" in run("user", "declare", "amina", "zoe").output


def test_a_permission_of_the_whole_house_is_in_no_role_held_for_some() -> None:
    with pytest.raises(ValueError, match="whole, so no role held for some may hold it, got site"):
        Permission("x", frozenset({Role.SITE, Role.PLANNER}), "do", whole=True)  # type: ignore[arg-type]
    user = User(username="x")
    user.held_roles = (HeldRole.limit(Role.AUDITOR, clients=["azur"]),)
    assert scope_for(user, "ledger.see") == Scope(frozenset(), frozenset({"azur"}))
    assert can(user, "ledger.see", client="azur")
    assert not can(user, "ledger.see", client="brise")
    assert not can(user, "crashtest.see"), "its pages show every client"
    assert scope_for(user, "crashtest.see") == Scope(frozenset(), frozenset())


def test_the_tokens_of_a_closed_account_end_with_it() -> None:
    give_role = grants.RoleRequest(Role.ADMINISTRATOR.value)
    grants.give_role("ada", give_role, by="tests")
    flow = grants.RoleRequest(Role.FLOW.value, last_day=last_day())
    _, hers = tokens.issue_token("hers", flow, by="ada")
    _, other = tokens.issue_token("other", flow, by=COMMAND_LINE)
    grants.close_account("ada", by="tests")
    assert tokens.authenticate(hers) is None
    assert tokens.authenticate(other) is not None
    ended = [row.body for row in iter_entries(grants.STREAM, kinds=("access.token_ended",))]
    assert ended == [{"token": "hers", "actor": "tests"}]


def test_an_account_of_the_longest_name_can_be_given_a_role_closed_and_erased() -> None:
    name = "n" * 150
    grants.give_role(name, grants.RoleRequest(Role.FLOW.value), by="tests")
    grants.close_account(name, by="tests")
    assert erase_subject(grants.user_subject(name), now=timezone.now()) == 3


AT = datetime(2026, 11, 30, 8, 12, tzinfo=UTC)
WHOLE = EntryAccess(personal=False, counts=True, proves=True, scope=EVERYTHING)
ONE_SITE = EntryAccess(personal=False, counts=False, proves=True, scope=Scope(frozenset({"casa-1"}), frozenset()))


@pytest.fixture
def recorded() -> None:
    with transaction.atomic():
        for number, site in enumerate(("casa-1", "rabat-1", "casa-1")):
            append("power.up", {"id": f"e{number}", "site": site, "by": "lina"}, recorded_at=AT)


def test_entries_come_in_pages_and_conceal_what_is_of_another_site(recorded: None) -> None:
    first = load_entries(ONE_SITE, most=2)
    assert [(entry.seq, entry.concealed) for entry in first.entries] == [(3, False), (2, True)]
    assert (first.entries[0].actor, first.entries[1].actor) == ("lina", "")
    rest = load_entries(ONE_SITE, most=2, before=first.older)
    assert [entry.seq for entry in rest.entries] == [1]
    assert rest.older is None


def test_a_proof_is_had_now_under_the_next_root_or_not_at_all(recorded: None) -> None:
    sign_root(AT)
    with transaction.atomic():
        append("power.down", {"id": "e9", "site": "casa-1"}, recorded_at=AT)
    found = {seq: load_entry(seq, ONE_SITE) for seq in (1, 2, 4)}
    states = {seq: find_proof_state(entry, ONE_SITE) for seq, entry in found.items() if entry}
    assert states == {1: "now", 2: "", 4: "next"}
    assert load_entry(99, WHOLE) is load_entry(2**40, WHOLE) is None


def test_who_may_not_see_counts_is_offered_no_kind_about_one_agent() -> None:
    assert set(WHOLE.kinds) >= PERSON_KINDS
    assert not PERSON_KINDS & set(ONE_SITE.kinds)
    assert WHOLE.exports
    assert not ONE_SITE.exports


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
