"""What each role may do, and that two accounts count as two people only where no one person could act through both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import combinations
from random import Random
from threading import Thread
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from click.testing import CliRunner
from django.contrib.auth.models import AnonymousUser
from django.core import mail
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from releve.accounts import confirmations, grants, notices, tokens
from releve.accounts.grants import AccessError, RoleRequest
from releve.accounts.models import AccountAct, User
from releve.accounts.permissions import OUTSIDE, READ_ONLY, Permission, Role, acting_roles, list_permissions
from releve.accounts.scopes import EVERYTHING, NOTHING, HeldRole, Scope, can, is_outsider, scope_for
from releve.accounts.two_people import (
    COMMAND_LINE,
    ROLE,
    SERVICE_PREFIX,
    TOKEN_PREFIX,
    Act,
    find_standings,
    find_tie,
    list_acts,
)
from releve.cli.main import main
from releve.desk.access.guard import build_visitor
from releve.ledger.chain import iter_entries
from tests.accounts.people import give, person, sign_in


def test_an_anonymous_visitor_may_do_nothing() -> None:
    assert not any(can(AnonymousUser(), key) for key in list_permissions())
    assert scope_for(AnonymousUser()) == NOTHING


@pytest.mark.parametrize("role", sorted(READ_ONLY))
def test_a_role_that_only_reads_holds_no_permission_that_acts(role: Role) -> None:
    assert [row.id for row in list_permissions().values() if row.acts and role in row.roles] == []
    assert role not in acting_roles()


def test_giving_an_acting_permission_to_a_reader_is_refused() -> None:
    with pytest.raises(ValueError, match="no read-only role may hold it, got auditor"):
        Permission("x", frozenset({Role.AUDITOR, Role.PLANNER}), "do", acts=True)  # type: ignore[arg-type]


def test_the_program_that_collects_metrics_sees_nothing_else() -> None:
    held = {row.id for row in list_permissions().values() if Role.MONITORING in row.roles}
    assert held == {"metrics.see"}


def test_an_auditor_records_an_audit_and_nothing_else() -> None:
    held = {row.id for row in list_permissions().values() if row.acts and Role.AUDITOR in row.roles}
    assert held == {"event.record.audit"}
    with pytest.raises(ValueError, match="no read-only role may hold it, got inspector"):
        Permission("x", frozenset({Role.INSPECTOR}), "do", acts=True, observes=True)  # type: ignore[arg-type]


def test_a_client_decides_who_answers_its_own_work_and_nothing_else() -> None:
    held = {row.id for row in list_permissions().values() if row.acts and Role.CLIENT in row.roles}
    assert held == {"sector.agree"}
    for other in ({"observes": True}, {}):
        with pytest.raises(ValueError, match="no read-only role may hold it, got client"):
            Permission("x", frozenset({Role.CLIENT}), "do", acts=True, **other)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no read-only role may hold it, got auditor"):
        Permission("x", frozenset({Role.AUDITOR}), "do", acts=True, consents=True)  # type: ignore[arg-type]


def test_every_role_that_acts_takes_a_second_factor() -> None:
    assert acting_roles() == frozenset(Role) - READ_ONLY


def test_a_client_has_its_own_row_and_no_site() -> None:
    user = build_visitor(Role.CLIENT, "banque-rive")
    assert scope_for(user) == Scope(frozenset(), frozenset({"banque-rive"}))
    assert can(user, "plan.see", client="banque-rive")
    assert not can(user, "plan.see", client="azur")
    assert not can(user, "situation.see", site="casa-1")
    assert is_outsider(user)


def test_a_site_lead_has_its_own_site_and_no_client() -> None:
    user = build_visitor(Role.SITE, "casa-1")
    assert can(user, "event.record.check", site="casa-1")
    assert not can(user, "event.record.check", site="dakar-1")
    assert not can(user, "plan.see")
    assert not is_outsider(user)


def test_a_client_for_nothing_named_sees_nothing() -> None:
    assert scope_for(build_visitor(Role.CLIENT)) == NOTHING
    assert scope_for(build_visitor(Role.SITE)) == NOTHING


def test_two_roles_add_up_each_for_what_it_is_for() -> None:
    user = build_visitor(Role.PLANNER)
    user.held_roles = (HeldRole.limit(Role.SITE, ["casa-1"]), HeldRole.limit(Role.CLIENT, clients=["azur"]))
    assert scope_for(user) == Scope(frozenset({"casa-1"}), frozenset({"azur"}))
    assert scope_for(user, "plan.see") == Scope(frozenset(), frozenset({"azur"}))
    assert not can(user, "event.record.check", client="azur")
    assert not is_outsider(user), "one of the roles is of the house"


def test_an_inspector_may_be_kept_to_some_sites() -> None:
    assert HeldRole.limit(Role.INSPECTOR).scope == EVERYTHING
    assert HeldRole.limit(Role.INSPECTOR, ["casa-1"]).scope == Scope(frozenset({"casa-1"}), frozenset())


def test_who_sees_cases_can_be_counted_on_one_hand() -> None:
    """LAW.md, section 6: cases under pseudonym for the health officer alone; two to reidentify."""
    assert list_permissions()["health.cases"].roles == {Role.HEALTH}
    assert list_permissions()["health.see"].roles.isdisjoint(OUTSIDE | {Role.PLANNER})
    asks, allows = list_permissions()["health.reidentify"].roles, list_permissions()["health.approve"].roles
    assert asks.isdisjoint(allows)


START = datetime(2026, 11, 24, 8, tzinfo=UTC)
MADE, LINK, FACTORS, ENTRY = AccountAct.MADE, AccountAct.LINK, AccountAct.FACTORS, AccountAct.ENTRY
CONFIRMED, DECLARED = AccountAct.CONFIRMED, AccountAct.DECLARED
ATTACKER = "attacker"
SERVICE = f"{SERVICE_PREFIX}oidc"


@dataclass
class House:
    """Accounts with their owners, and those through which the attacker can act.

    That is the sign-in service too where the attacker edits its groups: it makes accounts, gives roles by group, and
    opens those without a second factor.
    """

    random: Random
    acts: list[Act] = field(default_factory=list)
    owner: dict[str, str] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    used: set[tuple[str, datetime]] = field(default_factory=set)
    home: str = ""

    @property
    def now(self) -> datetime:
        return START + timedelta(minutes=len(self.acts))

    def act(self, account: str, kind: str, by: str) -> None:
        self.acts.append(Act(account, kind, by, self.now))

    def open(self, owner: str) -> str:
        name = f"account-{len(self.owner)}"
        self.owner[name] = owner
        if owner == ATTACKER:
            self.home = self.home or name
            self.held.add(name)
        return name

    def declare(self, names: Sequence[str]) -> None:
        """The operator declares people whom they know: none of them a second account."""
        for name in names:
            if self.owner[name] != ATTACKER or name == self.home:
                self.act(name, DECLARED, COMMAND_LINE)
                self.hand_back(name)

    def hand_back(self, name: str) -> None:
        """Let the owner alone hold an account: a new password, and the second factor is theirs."""
        if self.owner[name] != ATTACKER:
            self.held.discard(name)

    def do_something(self) -> None:
        """Let an account act on another, whichever person acts through it."""
        by = self.random.choice([*self.owner, COMMAND_LINE, SERVICE])
        attacks = by in self.held and (self.owner.get(by) == ATTACKER or self.random.random() < 0.5)
        acts = (MADE, MADE, ROLE, LINK, FACTORS, CONFIRMED, CONFIRMED, "token")
        kind = self.random.choice((MADE, ROLE, ENTRY) if by == SERVICE else acts)
        other = self.random.choice(list(self.owner))
        if kind == MADE:
            fresh = not self.held and not self.home
            puppet = self.random.random() < 0.6 if attacks else fresh and self.random.random() < 0.3
            other = self.open(ATTACKER if puppet else f"person-{len(self.owner)}")
            self.act(other, MADE, by)
        elif kind == "token":
            other = f"{TOKEN_PREFIX}{len(self.acts)}"
            self.act(other, "issued", by)
        elif kind == CONFIRMED:
            truthful = self.owner[other] != ATTACKER or other == self.home
            if by == COMMAND_LINE or not (attacks or truthful):
                return
            self.act(other, CONFIRMED, by)
            if not attacks:
                self.hand_back(other)
            return
        else:
            self.act(other, kind, by)
        if attacks and kind != ROLE:
            self.held.add(other)
        since = self.now - timedelta(seconds=30)
        self.used |= {(name, since) for name in self.held if self.random.random() < 0.2}


@pytest.mark.parametrize("edits_groups", [False, True])
@pytest.mark.parametrize("honest_founders", [True, False])
@given(seed=st.integers(0, 2**32), length=st.integers(1, 60))
def test_no_chain_of_one_persons_accounts_is_ever_two_people(
    honest_founders: bool, edits_groups: bool, seed: int, length: int
) -> None:
    house = House(Random(seed), held={SERVICE} if edits_groups else set())
    founders = [house.open("person-a"), house.open("person-b" if honest_founders else ATTACKER)]
    for name in founders:
        house.act(name, MADE, COMMAND_LINE)
    house.declare(founders)
    for _ in range(length):
        house.do_something()
        standings = find_standings(house.acts)
        for one, other in combinations(sorted(house.held), 2):
            assert standings[one].find_common_hands(standings[other]) is not None, (one, other)
        if house.random.random() < 0.02:
            house.declare(house.random.sample(sorted(house.owner), 2))
    for one in sorted(house.held):
        for other, at in sorted(house.used):
            if one != other:
                assert find_tie(house.acts, one, other, other_acted_at=at), (one, other, at)


@given(seed=st.integers(0, 2**32), length=st.integers(0, 40))
def test_what_two_administrators_do_for_others_leaves_two_people_two(seed: int, length: int) -> None:
    house = House(Random(seed))
    admins = [house.open("person-a"), house.open("person-b")]
    house.declare(admins)
    staff = [house.open(f"person-{number}") for number in range(4)]
    for _ in range(length):
        by = house.random.choice([*admins, SERVICE])
        kind = house.random.choice((MADE, ROLE, ENTRY) if by == SERVICE else (MADE, ROLE, LINK, FACTORS, CONFIRMED))
        house.act(house.random.choice(staff), kind, by)
    assert find_tie(house.acts, *admins) is None
    for name in staff:
        for by in house.random.sample(admins, 2):
            house.act(name, CONFIRMED, by)
    standings = find_standings(house.acts)
    assert all(standings[name].stands_alone for name in staff)
    assert all(find_tie(house.acts, *pair) is None for pair in combinations(staff, 2))


def history(*steps: tuple[str, str, str]) -> list[Act]:
    return [Act(*step, START + timedelta(minutes=n)) for n, step in enumerate(steps)]


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([("c1", MADE, "adm"), ("c2", MADE, "adm")], "adm made the account c1; adm made"),
        ([("c1", ROLE, "adm"), ("c2", LINK, "adm")], "adm gave c1 a role; adm saw a link"),
        (
            [("x", MADE, "adm"), ("c1", MADE, "x"), ("c2", FACTORS, "adm")],
            "adm made the account x; x made the account c1; adm removed the second factors of c2",
        ),
        ([("c1", MADE, "c2")], "c2 made the account c1"),
        ([("c1", MADE, "adm"), ("c2", MADE, "adm"), ("c1", CONFIRMED, "adm")], "adm made"),
        ([("c1", MADE, "adm"), ("c2", MADE, "adm"), ("x", MADE, "adm"), ("c1", CONFIRMED, "x")], "adm made"),
        (
            [("c1", MADE, "adm"), ("c2", MADE, "adm"), ("c1", CONFIRMED, "z"), ("c1", LINK, "adm")],
            "adm saw a link that sets the password of c1; adm made the account c2",
        ),
        # the confirmation of b hands b back, and not what another person made through it
        (
            [("b", LINK, "c1"), ("c2", MADE, "b"), ("b", CONFIRMED, "z")],
            "c1 saw a link that sets the password of b; b made the account c2",
        ),
        ([("c1", MADE, COMMAND_LINE), ("c2", MADE, COMMAND_LINE)], "the command line made"),
        # who edits the groups of the service may be c2, and one administrator who confirms too
        ([("c1", MADE, SERVICE)], "the sign-in service made the account c1"),
        ([("c2", ROLE, SERVICE), ("c2", CONFIRMED, "z")], "the sign-in service gave c2 a role"),
        ([("c1", ENTRY, SERVICE), ("c1", CONFIRMED, "z"), ("c1", CONFIRMED, "z")], "could sign in to c1 without"),
        ([("x", MADE, SERVICE), ("c1", MADE, "adm"), ("c2", MADE, "adm"), ("c1", CONFIRMED, "x")], "adm made"),
    ],
)
def test_a_tie_is_named_by_the_hands_that_make_it(steps: list[tuple[str, str, str]], says: str) -> None:
    tie = find_tie(history(*steps), "c1", "c2")
    assert tie is not None
    assert says in tie
    assert find_tie(history(*steps), "c2", "c1") is not None


def test_a_confirmation_by_another_person_makes_two_of_two() -> None:
    steps = [("c1", MADE, "adm"), ("c2", MADE, "adm"), ("c1", CONFIRMED, "z")]
    acts = history(*steps)
    assert find_tie(acts, "c1", "c2") is None
    early = find_tie(acts, "c2", "c1", other_acted_at=START + timedelta(minutes=1))
    assert early is not None, "what was done through c1 before is not another person's now"


def test_a_token_is_the_person_who_issued_it() -> None:
    acts = history((f"{TOKEN_PREFIX}t", "issued", "adm"), ("c1", MADE, "adm"))
    assert find_tie(acts, f"{TOKEN_PREFIX}t", "adm") == f"adm issued the token of {TOKEN_PREFIX}t"
    assert find_tie(acts, f"{TOKEN_PREFIX}t", "c1") is not None


def administrator(name: str, by: str = COMMAND_LINE) -> User:
    """Make an administrator who has signed in and set up a second factor."""
    return holder(name, "administrator", by)


def holder(name: str, role: str, by: str) -> User:
    grants.give_role(name, RoleRequest(role), by=by, email=f"{name}@example.org")
    grants.show_password_key(User.objects.get(username=name), by=by)
    return moved_in(name)


def moved_in(name: str) -> User:
    user = User.objects.get(username=name)
    Authenticator.objects.get_or_create(user=user, type=Authenticator.Type.TOTP, data={})
    User.objects.filter(pk=user.pk).update(last_login=timezone.now())
    user.refresh_from_db()
    return user


@pytest.fixture
def founders(db: None) -> tuple[User, User]:
    found = administrator("amina"), administrator("zoe")
    confirmations.declare_administrators(["amina", "zoe"])
    return found


@pytest.mark.django_db
@pytest.mark.database
def test_the_first_two_are_declared_once_they_have_signed_in_and_only_while_none_are() -> None:
    first = administrator("amina")
    grants.give_role("zoe", RoleRequest("administrator"), by=COMMAND_LINE)
    assert find_tie(list_acts(), "amina", "zoe") is not None
    for names, says in (
        (["amina"], "name two administrators"),
        (["amina", "zoe"], "zoe has to sign in first"),
        (["amina", "nina"], "no account of the name 'nina'"),
    ):
        with pytest.raises(AccessError, match=says):
            confirmations.declare_administrators(names)
    User.objects.filter(username="zoe").update(last_login=timezone.now())
    with pytest.raises(AccessError, match="zoe has to set up a second factor first"):
        confirmations.declare_administrators(["amina", "zoe"])
    moved_in("zoe")
    confirmations.declare_administrators(["amina", "zoe"])
    assert confirmations.are_two_administrators()
    assert [act.kind for act in notices.list_account_notices(first)][:1] == [DECLARED]
    declared = [row.body["user"] for row in iter_entries(grants.STREAM, kinds=("access.declared",))]
    assert declared == ["amina", "zoe"]
    administrator("puppet", by="amina")
    with pytest.raises(AccessError, match="amina and zoe count as two people"):
        confirmations.declare_administrators(["amina", "puppet"])
    grants.close_account("zoe", by="amina")
    assert not confirmations.are_two_administrators()
    confirmations.declare_administrators(["amina", "puppet"])


@pytest.mark.django_db
@pytest.mark.database
def test_what_one_administrator_makes_is_one_person_until_the_other_confirms_it(
    founders: tuple[User, User], settings: Settings, django_capture_on_commit_callbacks: object
) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    ines = person("ines")
    for name in ("c1", "c2"):
        holder(name, "continuity", by="amina")
    assert find_tie(list_acts(), "c1", "c2") is not None
    c1 = User.objects.get(username="c1")
    with pytest.raises(AccessError, match="amina made the account c1: an administrator without"):
        confirmations.confirm_account(c1, by="amina")
    with pytest.raises(AccessError, match="another administrator has to confirm your own"):
        confirmations.confirm_account(c1, by="c1")
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        assert confirmations.confirm_account(c1, by="zoe")
    assert find_tie(list_acts(), "c1", "c2") is None
    assert {row.to[0] for row in mail.outbox} >= {f"{n}@example.org" for n in ("c1", "c2", "zoe")}
    assert all("c1" in row.subject and "zoe" in row.subject for row in mail.outbox)
    with pytest.raises(AccessError, match="counts as a person of its own already"):
        confirmations.confirm_account(c1, by="zoe")
    grants.show_password_key(c1, by="amina")
    assert find_tie(list_acts(), "c1", "c2") is not None, "who sees a link could act through it"
    with pytest.raises(AccessError, match="c1 has to sign in first"):
        confirmations.confirm_account(c1, by="zoe")
    assert confirmations.confirm_account(moved_in("c1"), by="zoe")
    for puppet in ("p1", "p2"):
        administrator(puppet, by="amina")
    reset = grants.request_reset(ines, "in person, by the badge", by="p1")
    with pytest.raises(AccessError, match="amina made the account p2; amina made the account p1"):
        grants.approve_reset(reset, by="p2")


@pytest.mark.django_db
@pytest.mark.database
def test_an_account_that_both_administrators_gave_access_takes_the_word_of_both(founders: tuple[User, User]) -> None:
    holder("c1", "continuity", by="amina")
    grants.give_role("c1", RoleRequest("health"), by="zoe")
    c1 = User.objects.get(username="c1")
    assert not confirmations.confirm_account(c1, by="amina")
    with pytest.raises(AccessError, match="amina made the account c1"):
        confirmations.confirm_account(c1, by="amina")
    assert confirmations.confirm_account(c1, by="zoe")


@pytest.mark.django_db
@pytest.mark.database
def test_an_account_is_confirmed_on_the_page_and_the_notice_is_read(founders: tuple[User, User]) -> None:
    c1 = holder("c1", "continuity", by="amina")
    holder("p1", "planner", by="amina")
    webs = [sign_in(user, lately=True) for user in founders]
    waiting = [web.get("/people?format=json").json()["confirmations"] for web in webs]
    assert [[row["name"] for row in rows] for rows in waiting] == [["c1"], ["c1"]]
    assert "amina made the account c1" in waiting[0][0]["hands"]
    assert waiting[0][0]["obstacle"]
    assert not waiting[1][0]["obstacle"]
    path = f"/people/{c1.pk}/confirm"
    assert path not in webs[0].get("/people").content.decode()
    assert path in webs[1].get("/people").content.decode()
    webs[0].post(path)
    assert not find_standings(list_acts())["c1"].stands_alone
    webs[1].post(path)
    assert find_standings(list_acts())["c1"].stands_alone
    assert webs[1].post(f"/people/{founders[1].pk}/confirm").status_code == 404, "not one's own"
    own = sign_in(give(person("hanae"), Role.HEALTH).user)
    assert "c1" not in own.get("/account").content.decode(), "nothing has changed since"
    holder("c2", "continuity", by="zoe")
    assert "c2" in own.get("/account").content.decode()
    start = own.get("/start", follow=True)
    assert "c2" in " ".join(map(str, start.context["messages"]))
    assert own.post("/account/read").status_code == 302
    assert "c2" not in own.get("/account").content.decode()
    outsider = sign_in(give(person("ali"), Role.AUDITOR).user)
    assert not outsider.get("/account").context["notices"]


@pytest.mark.django_db
@pytest.mark.database
def test_a_link_is_mailed_where_it_can_be_and_then_leaves_no_hand(
    founders: tuple[User, User], settings: Settings
) -> None:
    settings.EMAIL_HOST = "mail.example"
    c1 = holder("c1", "continuity", by="amina")
    assert confirmations.confirm_account(c1, by="zoe")
    mail.outbox.clear()
    answer = sign_in(founders[0], lately=True).post(f"/people/{c1.pk}/link")
    page = answer.content.decode()
    assert "/account/password/reset/key/" not in page
    assert "c1@example.org" in page
    (sent,) = mail.outbox
    assert (sent.to, "/account/password/reset/key/" in sent.body) == (["c1@example.org"], True)
    assert find_standings(list_acts())["c1"].stands_alone
    assert 'name="show"' in page


@pytest.mark.django_db
@pytest.mark.database
def test_a_link_is_shown_where_its_mailbox_cannot_be_reached(founders: tuple[User, User], settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example"
    c1 = holder("c1", "continuity", by="amina")
    assert confirmations.confirm_account(c1, by="zoe")
    mail.outbox.clear()
    web = sign_in(founders[0], lately=True)
    page = web.post(f"/people/{c1.pk}/link", {"show": "1"}).content.decode()
    assert "/account/password/reset/key/" in page
    assert not any("/account/password/" in sent.body for sent in mail.outbox)
    assert not find_standings(list_acts())["c1"].stands_alone, "amina could act through it"
    done = CliRunner().invoke(main, ["desk", "user", "link", "c1", "--show"])
    assert "/account/password/reset/key/" in done.output
    assert "was mailed" not in done.output


@pytest.mark.django_db
@pytest.mark.database
def test_a_token_ends_with_the_office_of_its_giver(founders: tuple[User, User]) -> None:
    until = (timezone.now() + timedelta(days=7)).date()
    wanted = RoleRequest("inspector", last_day=until)
    _, secret = tokens.issue_token("wall", wanted, by="amina")
    _, of_machine = tokens.issue_token("probe", wanted, by=COMMAND_LINE)
    assert tokens.authenticate(secret) is not None
    amina = User.objects.get(username="amina")
    amina.grants.update(ends_at=timezone.now())
    assert tokens.authenticate(secret) is None, "a role that ran out takes its tokens along"
    amina.grants.update(ends_at=None)
    grants.end_role("amina", "administrator", by="zoe")
    assert tokens.authenticate(secret) is None
    ended = [row.body for row in iter_entries(grants.STREAM, kinds=("access.token_ended",))]
    assert ended == [{"token": "wall", "actor": "zoe"}]
    grants.give_role("amina", RoleRequest("administrator"), by="zoe")
    assert tokens.authenticate(secret) is None, "given again, it does not bring them back"
    assert tokens.authenticate(of_machine) is not None


def start_thread(act: Callable[[], object]) -> Thread:
    """Start an act on a connection of its own, and give it the time to meet a lock."""
    if connection.vendor == "sqlite":
        pytest.skip("one writer at a time, and the database of the tests is in memory")

    def run() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    thread.join(0.5)
    return thread


@pytest.mark.django_db(transaction=True)
@pytest.mark.database
def test_a_confirmation_waits_for_a_link_that_is_being_shown(founders: tuple[User, User]) -> None:
    c1 = holder("c1", "continuity", by="amina")
    refusals: list[str] = []

    def confirm() -> None:
        try:
            confirmations.confirm_account(c1, by="zoe")
        except AccessError as error:
            refusals.append(str(error))

    with transaction.atomic():
        grants.show_password_key(c1, by="amina")
        thread = start_thread(confirm)
    thread.join(30)
    (refusal,) = refusals
    assert "c1 has to sign in first" in refusal
    assert not find_standings(list_acts())["c1"].stands_alone


@pytest.mark.django_db(transaction=True)
@pytest.mark.database
@pytest.mark.parametrize(
    "hand",
    [
        lambda user: grants.show_password_key(user, by="amina"),
        lambda user: grants.remove_factors(user, by="amina"),
        lambda user: grants.give_role(user.username, RoleRequest("health"), by="amina"),
    ],
)
def test_a_hand_that_comes_during_a_confirmation_is_a_later_one(
    founders: tuple[User, User], monkeypatch: pytest.MonkeyPatch, hand: Callable[[User], object]
) -> None:
    c1 = holder("c1", "continuity", by="amina")
    threads: list[Thread] = []
    judge = confirmations.find_obstacle

    def judge_meanwhile(*asked: Any) -> AccessError | None:
        found = judge(*asked)
        threads.append(start_thread(lambda: hand(c1)))
        return found

    monkeypatch.setattr(confirmations, "find_obstacle", judge_meanwhile)
    assert confirmations.confirm_account(c1, by="zoe")
    threads[0].join(30)
    assert not find_standings(list_acts())["c1"].stands_alone, "amina could act through it"
