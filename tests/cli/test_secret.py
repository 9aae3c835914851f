"""The secret key stands or falls with the accounts: none is made beside them, none mixed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from click.testing import CliRunner, Result
from django.conf import settings as loaded
from django.core.exceptions import ImproperlyConfigured

from releve import environment
from releve.accounts.grants import build_factor_box, request_reset
from releve.accounts.models import AccountAct, FactorReset, User
from releve.cli.main import main
from releve.ledger.chain import iter_entries
from releve.ledger.models import KeyCheck

pytestmark = [pytest.mark.database, pytest.mark.django_db]


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("RELEVE_HOME", str(tmp_path))
    monkeypatch.delenv("RELEVE_SECRET_KEY", raising=False)
    return tmp_path


def add(name: str) -> Result:
    return CliRunner().invoke(main, ["desk", "user", "add", name, "--role", "planner"])


def test_the_first_command_keeps_the_key_it_made_links_with(home: Path) -> None:
    assert add("amina").exit_code == 0
    path = home / "secret-key"
    assert path.read_text().strip() == loaded.SECRET_KEY
    assert path.stat().st_mode & 0o777 == 0o600
    assert loaded.SECRET_KEY not in KeyCheck.objects.get(name="secret").value
    assert add("zoe").exit_code == 0


@pytest.mark.parametrize("checked", [True, False], ids=["check value", "accounts alone"])
def test_no_key_is_made_beside_accounts(home: Path, *, checked: bool) -> None:
    assert add("amina").exit_code == 0
    if not checked:  # from before there were check values
        KeyCheck.objects.all().delete()
    kept = (home / "secret-key").read_text()
    (home / "secret-key").unlink()
    result = add("zoe")
    assert result.exit_code == 1
    assert "the secret key is missing: restore secret-key from its copy" in result.output
    assert not (home / "secret-key").exists()
    assert not User.objects.filter(username="zoe").exists()
    served = CliRunner().invoke(main, ["desk", "serve", "--port", "0"])
    assert served.exit_code == 1
    assert "the secret key is missing" in served.output
    (home / "secret-key").write_text(kept)
    assert add("zoe").exit_code == 0


def test_another_key_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert add("amina").exit_code == 0
    monkeypatch.setenv("RELEVE_SECRET_KEY", "0123456789" * 5)
    result = add("zoe")
    assert result.exit_code == 1
    assert "is not the one that the database was written with" in result.output


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["desk", *words])


def totp(user: User) -> str:
    """Set up an application and recovery codes; return the secret of the first."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    RecoveryCodes.activate(user)
    return secret


def readable(keys: list[str], user: User) -> list[str]:
    """Return the secrets of a user's factors under some keys, in the order of their types."""
    box = build_factor_box(keys)
    fields = {"totp": "secret", "recovery_codes": "seed"}
    rows = Authenticator.objects.filter(user=user).order_by("-type")
    return [box.decrypt(row.data[fields[row.type]]).decode() for row in rows]


def test_a_rotated_key_goes_on_for_its_days_and_factors_move_at_once(home: Path) -> None:
    assert add("amina").exit_code == 0
    path, user = home / "secret-key", User.objects.get()
    old, secret = path.read_text().strip(), totp(user)
    done = run("secret", "rotate", "--keep-days", "3")
    assert done.exit_code == 0, done.output
    assert "restart the desk and the worker" in done.output
    new, kept = path.read_text().splitlines()
    assert kept == f"{old} {datetime.now(UTC).date() + timedelta(days=3)}"
    assert path.stat().st_mode & 0o777 == 0o600
    assert readable([new], user)[0] == secret, "without the old key"
    environ, today = {"RELEVE_HOME": str(home)}, datetime.now(UTC).date()
    assert environment.load_or_create_secret(environ, "RELEVE_SECRET_KEY") == new
    for days, found in ((0, [old]), (3, [old]), (4, [])):
        later = today + timedelta(days=days)
        assert environment.read_old_secrets(environ, "RELEVE_SECRET_KEY", later) == found
    assert [e.kind for e in iter_entries(stream="access")][-1] == "access.secret_rotated"
    assert add("zoe").exit_code == 0


def test_a_rotation_cut_short_is_finished_by_the_next_command(home: Path) -> None:
    assert add("amina").exit_code == 0
    path, user = home / "secret-key", User.objects.get()
    old, secret = path.read_text().strip(), totp(user)
    new = "0123456789abcdef" * 3
    path.write_text(f"{new}\n{old} {datetime.now(UTC).date()}\n")
    assert add("zoe").exit_code == 0
    assert readable([new], user)[0] == secret


def test_a_key_of_the_environment_is_followed_by_the_next_one(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert add("amina").exit_code == 0
    user = User.objects.get()
    secret, old = totp(user), (home / "secret-key").read_text().strip()
    new = "fedcba9876543210" * 3
    monkeypatch.setenv("RELEVE_SECRET_KEY", new)
    assert "is not the one" in add("zoe").output, "without the old one beside it"
    monkeypatch.setenv("RELEVE_SECRET_KEY_OLD", old)
    assert add("zoe").exit_code == 0
    assert readable([new], user)[0] == secret
    monkeypatch.delenv("RELEVE_SECRET_KEY_OLD")
    assert add("leo").exit_code == 0
    assert "RELEVE_SECRET_KEY holds the key" in run("secret", "rotate").output


def test_a_lost_key_is_replaced_on_purpose_and_factors_are_set_up_again(home: Path) -> None:
    assert add("amina").exit_code == 0
    user, path = User.objects.get(), home / "secret-key"
    totp(user)
    assert "not lost" in run("secret", "replace", "--yes").output
    old = path.read_text()
    path.unlink()
    assert run("secret", "replace").exit_code == 1, "it asks"
    done = run("secret", "replace", "--yes")
    assert done.exit_code == 0, done.output
    assert "second factors removed of people: 1" in done.output
    assert not Authenticator.objects.exists()
    assert path.read_text() != old
    assert add("zoe").exit_code == 0


def test_a_line_that_is_no_old_key_is_refused(home: Path) -> None:
    (home / "secret-key").write_text("0123456789abcdef" * 3 + "\nold soon\n")
    with pytest.raises(ImproperlyConfigured, match="must be an old key and its last day"):
        environment.read_old_secrets({"RELEVE_HOME": str(home)}, "RELEVE_SECRET_KEY", datetime.now(UTC).date())


def test_a_factor_is_reset_by_the_command_line_and_an_administrator(home: Path) -> None:
    for name, role in (("amina", "administrator"), ("ines", "planner")):
        assert run("user", "add", name, "--role", role).exit_code == 0
    ines = User.objects.get(username="ines")
    totp(ines)
    assert run("user", "reset-factor", "ines").exit_code == 2
    assert "no request for ines waits" in run("user", "reset-factor", "ines", "--allow").output
    done = run("user", "reset-factor", "ines", "--reason", "in person, by the badge")
    assert done.exit_code == 0, done.output
    assert "it takes two people" in run("user", "reset-factor", "ines", "--allow").output
    FactorReset.objects.all().delete()
    request_reset(ines, "in person, by the badge", by="amina")
    refused = run("user", "reset-factor", "ines", "--allow").output
    assert "the command line made the account amina" in refused
    amina = User.objects.get(username="amina")
    AccountAct.objects.create(user=amina, kind=AccountAct.CONFIRMED, by="zoe")
    FactorReset.objects.all().delete()
    request_reset(ines, "in person, by the badge", by="amina")
    assert run("user", "reset-factor", "ines", "--allow").exit_code == 0
    assert not Authenticator.objects.exists()
