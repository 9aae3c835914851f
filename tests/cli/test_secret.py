"""The secret key stands or falls with the accounts: none is made beside them, none mixed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from django.conf import settings as loaded

from releve.accounts.models import User
from releve.cli.main import main
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
