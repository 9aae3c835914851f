"""A loss takes two administrators, each by password and second factor; no one doubles as two."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from click.testing import CliRunner, Result
from django.db import transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from releve.accounts import grants
from releve.accounts.models import AccountAct, Grant, User
from releve.accounts.two_people import find_tie, list_acts
from releve.cli.main import main
from releve.ledger import rollback
from releve.ledger.chain import append_all, read_head
from releve.ledger.models import AccountName, LedgerEntry, OutgoingDocument
from releve.ledger.roots import publish_root, sign_root
from tests.homes import make_test_home
from tests.ledger.sample_entries import at, draft_closure

pytestmark = [pytest.mark.django_db, pytest.mark.database]
PASSWORD = "correct horse battery 2026"
REASON = "the disk of the server is gone"


@pytest.fixture(autouse=True)
def rolled_back(settings: Settings, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three administrators, one made by another; then the database loses its second root."""
    settings.HOME = make_test_home(tmp_path / "home")  # type: ignore[operator]
    monkeypatch.setattr("releve.cli.ledger.open_database", lambda **_how: None)
    for name, by in (("amina", "command line"), ("zoe", "ines"), ("karim", "amina")):
        role = grants.RoleRequest("administrator")
        grants.give_role(name, role, by=by, password=PASSWORD)
    grants.give_role("paul", grants.RoleRequest("planner"), by="command line", password=PASSWORD)
    publish_root(sign_root(at(1)), rollback.roots_folder())
    with transaction.atomic():
        append_all([draft_closure(2)])
        publish_root(sign_root(at(2)), rollback.roots_folder())
        transaction.set_rollback(True)
    rollback.forget()


def declare(*names: str, said: str = f"{PASSWORD}\n{PASSWORD}\n", reason: str = REASON) -> Result:
    return CliRunner().invoke(main, ["ledger", "declare-loss", *names, "--reason", reason], input=said)


@pytest.mark.parametrize(
    ("names", "said", "why"),
    [
        (("amina", "amina"), f"{PASSWORD}\n{PASSWORD}\n", "it takes two people"),
        (("amina", "karim"), f"{PASSWORD}\n{PASSWORD}\n", "one person could act as both"),
        (("karim", "amina"), f"{PASSWORD}\n{PASSWORD}\n", "one person could act as both"),
        (("amina", "paul"), f"{PASSWORD}\n{PASSWORD}\n", "paul must be an administrator"),
        (("amina", "eve"), f"{PASSWORD}\n{PASSWORD}\n", "eve must be an administrator"),
        (("amina", "zoe"), f"{PASSWORD}\nwrong\n", "not the password of zoe"),
    ],
)
def test_one_person_declares_nothing(names: tuple[str, str], said: str, why: str) -> None:
    before = read_head()
    done = declare(*names, said=said)
    assert done.exit_code == 1
    assert why in done.output
    assert read_head() == before
    assert rollback.compare_with_marks().fault == "behind"


def test_two_who_were_made_at_the_command_line_are_declared_two_people_with_the_loss(settings: Settings) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    AccountAct.objects.filter(user__username="zoe").update(by="command line")
    Grant.objects.filter(user__username="zoe").update(given_by="command line")
    done = declare("amina", "zoe")
    assert "one person could act as both" in done.output
    assert "amina has to sign in first" in done.output
    User.objects.filter(username__in=("amina", "zoe")).update(last_login=timezone.now())
    assert find_tie(list_acts(), "amina", "zoe") is not None
    done = declare("amina", "zoe")
    assert done.exit_code == 0, done.output
    assert find_tie(list_acts(), "amina", "zoe") is None
    kinds = list(LedgerEntry.objects.order_by("-seq").values_list("kind", flat=True)[:4])
    assert kinds == [rollback.DECLARED, "access.declared", "access.declared", rollback.RESTORED]


def test_a_receipt_of_a_history_that_the_database_has_not_is_declared_lost_too() -> None:
    with rollback.allow_writing(), transaction.atomic():
        rollback.note_receipt("journal-00000007.age", "a" * 64, append_all([draft_closure(2)])[0].seq)
        transaction.set_rollback(True)
    with rollback.allow_writing():
        append_all([draft_closure(number) for number in (3, 4)])
    found = rollback.compare_with_marks()
    assert found.fault == "forked"
    assert [mark.number for mark in found.marks] == [2, 0]
    done = declare("amina", "zoe")
    assert done.exit_code == 0, done.output
    rollback.forget()
    assert rollback.compare_with_marks().problem == ""
    append_all([draft_closure(5)])


def test_parts_that_wait_move_on_together_after_the_last_of_them(settings: Settings, tmp_path: Path) -> None:
    settings.OUTSIDE = str(tmp_path / "outside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "journal-00000005.age").write_bytes(b"of the lost history")
    for number in (5, 6, 7):
        OutgoingDocument.objects.create(
            name=f"journal-{number:08}.age", content=b"part %d" % number, digest="a" * 64,
            upto=number, made_at=timezone.now(),
        )  # fmt: skip
    done = declare("amina", "zoe")
    assert done.exit_code == 0, done.output
    rows = OutgoingDocument.objects.filter(received_at=None, name__startswith="journal-")
    assert [(row.name, bytes(row.content)) for row in rows.order_by("name")] == [
        (f"journal-{number:08}.age", b"part %d" % (number - 3)) for number in (8, 9, 10)
    ]


def test_a_second_factor_that_is_set_up_is_asked_for() -> None:
    secret = generate_totp_secret()
    TOTP.activate(User.objects.get(username="zoe"), secret)
    assert "or not the code" in declare("amina", "zoe", said=f"{PASSWORD}\n{PASSWORD}\n1\n").output
    code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
    done = declare("amina", "zoe", said=f"{PASSWORD}\n{PASSWORD}\n{code}\n")
    assert done.exit_code == 0, done.output


def test_a_passkey_is_not_passed_by_with_the_password_alone() -> None:
    zoe = User.objects.get(username="zoe")
    Authenticator.objects.create(user=zoe, type=Authenticator.Type.WEBAUTHN, data={})
    done = declare("amina", "zoe")
    assert done.exit_code == 1
    assert "zoe has a passkey as the only second factor" in done.output
    codes = RecoveryCodes.activate(zoe).get_unused_codes()
    assert "or not the code" in declare("amina", "zoe", said=f"{PASSWORD}\n{PASSWORD}\n1\n").output
    done = declare("amina", "zoe", said=f"{PASSWORD}\n{PASSWORD}\n{codes[0]}\n")
    assert done.exit_code == 0, done.output


def test_two_people_declare_it_and_the_ledger_says_who_why_and_what() -> None:
    assert "reason must have at least 10" in declare("amina", "zoe", reason="gone").output
    done = declare("amina", "zoe")
    assert done.exit_code == 0, done.output
    assert "now make a backup" in done.output
    bodies = {
        row.kind: json.loads(row.body)
        for row in LedgerEntry.objects.filter(kind__in=(rollback.RESTORED, rollback.DECLARED)).order_by("seq")
    }
    restored = LedgerEntry.objects.get(kind=rollback.RESTORED).seq
    assert bodies[rollback.RESTORED]["lost_root"]["number"] == 2
    names = dict(AccountName.objects.values_list("pseudonym", "name"))
    declared = bodies[rollback.DECLARED]
    assert (names[declared["actor"]], names[declared["by"]]) == ("amina", "zoe")
    assert (declared["entry"], declared["reason"]) == (restored, REASON)
    assert declared["upto"] == bodies[rollback.RESTORED]["backup_entries"] + 1
    append_all([draft_closure(3)])
    root = sign_root(timezone.now())
    assert root.number == 3, "the number of the lost root is not given again"
    publish_root(root, rollback.roots_folder())
    assert rollback.compare_with_marks().fault == ""
    assert "nothing is missing" in declare("amina", "zoe").output
