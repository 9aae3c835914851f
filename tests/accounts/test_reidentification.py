"""Looking behind a pseudonym takes two people, a reason and a ledger entry for each look."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core import mail as mailing
from django.utils import timezone

from releve.accounts import grants, notices, reidentification
from releve.accounts.grants import STREAM, AccessError
from releve.accounts.models import IdentityRequest, User
from releve.accounts.permissions import Role
from releve.ledger.chain import iter_entries
from releve.ledger.erasure import erase_subject
from tests.accounts.people import give, person

pytestmark = [pytest.mark.database, pytest.mark.django_db]

CSV = "pseudonym,name\na00042,Salma Bennani\na00043,Yao Koffi\n"
REASON = "contact tracing of the canteen"


@pytest.fixture(autouse=True)
def _kept_apart(tmp_path: Path, settings: Any) -> None:
    settings.IDENTITY_KEY = Fernet.generate_key().decode()
    settings.IDENTITY_FILE = tmp_path / "elsewhere" / "names.box"


def holder(role: Role) -> User:
    user = person(role.value)
    give(user, role)
    return user


@pytest.fixture
def officer() -> User:
    return holder(Role.HEALTH)


@pytest.fixture
def admin() -> User:
    user = holder(Role.ADMINISTRATOR)
    reidentification.import_names(CSV, user)
    return user


def kinds() -> list[str]:
    return [entry.kind for entry in iter_entries(stream=STREAM)]


def test_two_people_and_a_reason_open_one_name_and_each_look_is_written(officer: User, admin: User) -> None:
    look = reidentification.approve_request(admin, reidentification.request_identity(officer, "a00042", REASON))
    assert reidentification.reveal_name(officer, look) == "Salma Bennani"
    assert reidentification.reveal_name(officer, look) == "Salma Bennani"
    assert kinds() == ["identity.imported", "identity.asked", "identity.allowed", "identity.seen", "identity.seen"]
    seen = list(iter_entries(stream=STREAM))[-1]
    assert (seen.body["agent"], seen.body["reason"], seen.body["actor"]) == ("a00042", REASON, "health")


def test_nothing_is_seen_before_another_user_has_allowed_it(officer: User, admin: User) -> None:
    look = reidentification.request_identity(officer, "a00042", REASON)
    with pytest.raises(AccessError, match="it has not been allowed yet"):
        reidentification.reveal_name(officer, look)
    give(officer, Role.ADMINISTRATOR)
    both = User.objects.get(pk=officer.pk)
    with pytest.raises(AccessError, match="it takes two people"):
        reidentification.approve_request(both, look)


def test_the_hour_ends(officer: User, admin: User) -> None:
    look = reidentification.approve_request(admin, reidentification.request_identity(officer, "a00042", REASON))
    look.open_until = timezone.now() - timedelta(seconds=1)
    with pytest.raises(AccessError, match="the hour is over"):
        reidentification.reveal_name(officer, look)
    assert "identity.seen" not in kinds()


def test_what_was_asked_yesterday_is_asked_again(officer: User, admin: User) -> None:
    look = reidentification.request_identity(officer, "a00042", REASON)
    IdentityRequest.objects.update(asked_at=timezone.now() - timedelta(days=1, minutes=1))
    with pytest.raises(AccessError, match="more than a day ago"):
        reidentification.approve_request(admin, look)


def test_the_administrator_who_allows_does_not_see(officer: User, admin: User) -> None:
    look = reidentification.approve_request(admin, reidentification.request_identity(officer, "a00042", REASON))
    with pytest.raises(AccessError, match="only the person who asked may look"):
        reidentification.reveal_name(admin, look)


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.HEALTH}))
def test_no_other_role_asks(role: Role) -> None:
    with pytest.raises(AccessError, match="only a health officer asks"):
        reidentification.request_identity(holder(role), "a00042", REASON)


def test_a_look_without_a_reason_is_refused(officer: User) -> None:
    with pytest.raises(AccessError, match="at least 10 characters"):
        reidentification.request_identity(officer, "a00042", "   why?   ")


def test_the_names_are_nowhere_in_clear(officer: User, admin: User, settings: Any) -> None:
    assert b"Salma" not in settings.IDENTITY_FILE.read_bytes()
    assert settings.IDENTITY_FILE.stat().st_mode & 0o077 == 0
    settings.IDENTITY_KEY = Fernet.generate_key().decode()
    look = reidentification.approve_request(admin, reidentification.request_identity(officer, "a00042", REASON))
    with pytest.raises(AccessError, match="is not the key of the names"):
        reidentification.reveal_name(officer, look)


def test_without_a_key_there_are_pseudonyms_only(settings: Any) -> None:
    settings.IDENTITY_KEY = ""
    assert not reidentification.has_names()
    with pytest.raises(AccessError, match="RELEVE_IDENTITY_KEY is not set"):
        reidentification.import_names(CSV, holder(Role.ADMINISTRATOR))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pseudonym\na1\n", "column name is missing"),
        ("pseudonym,name\na1,\n", "line 2: pseudonym and name must not be empty"),
        ("pseudonym,name\na1,X\na1,Y\n", "line 3: the pseudonym 'a1' is there twice"),
    ],
)
def test_a_faulty_list_of_names_changes_nothing(admin: User, text: str, reason: str) -> None:
    with pytest.raises(AccessError, match=reason):
        reidentification.import_names(text, admin)
    assert kinds() == ["identity.imported"], "the first one"


def test_a_forgotten_person_is_in_no_row_and_in_no_file(officer: User, admin: User) -> None:
    look = reidentification.approve_request(admin, reidentification.request_identity(officer, "a00042", REASON))
    reidentification.reveal_name(officer, look)
    reidentification.erase_identity("a00042")
    erase_subject("a00042", now=timezone.now())
    assert not IdentityRequest.objects.exists()
    assert all("a00042" not in str(entry.body) for entry in iter_entries(stream=STREAM))
    other = reidentification.approve_request(admin, reidentification.request_identity(officer, "a00043", REASON))
    assert reidentification.reveal_name(officer, other) == "Yao Koffi"


def test_the_log_of_looks_is_erased_after_a_year(officer: User) -> None:
    from releve.ledger.models import PersonalValue

    reidentification.request_identity(officer, "a00042", REASON)
    days = set(PersonalValue.objects.filter(subject="a00042").values_list("erase_on", flat=True))
    assert days == {timezone.now().date() + timedelta(days=365)}


def account(name: str, role: Role, by: str) -> User:
    """Give an account through the service, as one person gives it to another."""
    user, _ = grants.give_role(name, grants.RoleRequest(role.value), by=by, email=f"{name}@example.org")
    return user


@pytest.mark.parametrize("tie", ["grant", "account", "link", "factors", "the other way"])
def test_who_had_a_hand_in_the_other_s_account_is_no_second_person(admin: User, tie: str) -> None:
    maker = admin.get_username()
    officer = account("hanae", Role.HEALTH, by=maker if tie == "account" else "root")
    if tie == "account":  # the role that runs was given by another
        officer.grants.update(given_by="root")
    elif tie == "grant":  # the account was made by another
        account("hanae", Role.PLANNER, by=maker)
    elif tie == "link":
        grants.show_password_key(officer, by=maker)
    elif tie == "factors":
        grants.remove_factors(officer, by=maker)
    elif tie == "the other way":
        grants.show_password_key(admin, by="hanae")
    look = reidentification.request_identity(officer, "a00042", REASON)
    with pytest.raises(AccessError, match="one person could act as both of you"):
        reidentification.approve_request(admin, look)
    assert IdentityRequest.objects.get().open_until is None
    other = account("zoe", Role.ADMINISTRATOR, by="zoe's maker")
    assert reidentification.approve_request(other, look).allowed_by == "zoe"


def test_every_health_officer_is_notified_of_ask_and_allow(
    officer: User, admin: User, django_capture_on_commit_callbacks: Any
) -> None:
    second = account("hanae", Role.HEALTH, by="root")
    ended = account("ines", Role.HEALTH, by="root")
    grants.end_role("ines", "health", by="root")
    with django_capture_on_commit_callbacks(execute=True):
        reidentification.approve_request(admin, reidentification.request_identity(officer, "a00042", REASON))
    for user in (officer, second):
        unread = [(row.kind, row.by) for row in notices.list_unread(user)]
        assert unread == [("allowed", admin.get_username()), ("asked", officer.get_username())]
    assert notices.list_unread(ended) == notices.list_unread(admin) == []
    assert sorted(mail.to[0] for mail in outbox()) == sorted([officer.email, second.email] * 2)
    for mail in outbox():
        assert "a00042" not in mail.subject + mail.body
        assert REASON not in mail.subject + mail.body
    notices.mark_read(second)
    assert notices.list_unread(second) == []
    assert len(notices.list_unread(officer)) == 2


def outbox() -> list[Any]:
    return list(mailing.outbox)
