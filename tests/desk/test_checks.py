"""What would leave the desk without a plan is said before it starts, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from click import ClickException
from click.testing import CliRunner
from django.core.checks import run_checks
from django.test import override_settings
from pytest_django.fixtures import Settings

from releve.cli.desk import _check, desk
from tests.accounts.people import person
from tests.desk.fixture_plan import DAY


def found(folder: Path | None) -> list[tuple[str | None, str, bool]]:
    with override_settings(PLAN_FOLDER=folder):
        return [(fault.id, fault.msg, bool(fault.hint)) for fault in run_checks()]


def test_a_folder_with_plans_passes(plan_folder: Path) -> None:
    assert found(plan_folder) == []


def test_an_installation_need_not_name_a_folder() -> None:
    assert found(None) == []


def test_a_folder_without_plan_is_E002(tmp_path: Path) -> None:  # noqa: N802
    ((key, message, hint),) = found(tmp_path)
    assert (key, hint) == ("releve.desk.E002", True)
    assert "no plan-YYYY-MM-DD.json in it" in message


def test_a_plan_that_cannot_be_read_is_E003(tmp_path: Path) -> None:  # noqa: N802
    (tmp_path / f"plan-{DAY}.json").write_text('{"format":"releve-plan/0"}')
    ((key, message, hint),) = found(tmp_path)
    assert (key, hint) == ("releve.desk.E003", True)
    assert "this version reads 'releve-plan/2'" in message


@pytest.mark.database
@pytest.mark.django_db
def test_serving_a_folder_without_plan_is_refused_with_the_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RELEVE_HOME", str(tmp_path / "home"))
    with override_settings(PLAN_FOLDER=tmp_path):
        result = CliRunner().invoke(desk, ["serve", str(tmp_path)])
    assert result.exit_code == 1
    assert "releve.desk.E002" in result.output
    assert "releve plan FOLDER" in result.output


def test_a_port_outside_the_range_is_refused(plan_folder: Path) -> None:
    result = CliRunner().invoke(desk, ["serve", str(plan_folder), "--port", "70000"])
    assert result.exit_code == 2
    assert "0<=x<=65535" in result.output


@pytest.mark.django_db
def test_an_open_desk_beside_accounts_is_refused_in_two_plain_sentences(settings: Settings) -> None:
    settings.OPEN_DESK, settings.PLAN_FOLDER, settings.ALLOWED_HOSTS = True, None, ["127.0.0.1"]
    person("amina")
    with pytest.raises(ClickException) as refused:
        _check()
    assert refused.value.message == (
        "People have accounts here, so the desk cannot be open. (releve.access.E002)\n"
        "  Leave out --open, or set RELEVE_HOME to another, empty folder for a look."
    )
