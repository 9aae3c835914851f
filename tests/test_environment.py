"""The environment is read strictly, and the desk starts safe."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from releve import environment


@pytest.mark.parametrize(("value", "meaning"), [("1", True), ("No", False), ("", False)])
def test_a_flag_is_yes_or_no(value: str, meaning: bool) -> None:
    assert environment.read_flag({"X": value}, "X", default=False) is meaning


def test_a_flag_that_is_neither_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match=r"X must be one of 1, true.*got 'maybe'"):
        environment.read_flag({"X": "maybe"}, "X", default=False)


def test_a_choice_outside_the_list_is_refused() -> None:
    assert environment.read_choice({}, "X", ("fr", "en")) == "fr"
    with pytest.raises(ImproperlyConfigured, match="X must be one of fr, en, got 'de'"):
        environment.read_choice({"X": "de"}, "X", ("fr", "en"))


@pytest.mark.parametrize("value", ["*", "http://desk.example.org", "a b", "desk.example.org:80"])
def test_a_host_that_is_not_a_name_is_refused(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="X must be a host name"):
        environment.read_hosts({"X": value}, "X", ("localhost",))


def test_hosts_are_separated_by_commas() -> None:
    assert environment.read_hosts({"X": "desk.example.org, [::1]"}, "X", ()) == ["desk.example.org", "[::1]"]
    assert environment.read_hosts({}, "X", ("localhost",)) == ["localhost"]


def test_an_origin_needs_its_scheme() -> None:
    assert environment.read_origins({"X": "https://a.example"}, "X") == ["https://a.example"]
    with pytest.raises(ImproperlyConfigured, match="X must be an origin"):
        environment.read_origins({"X": "a.example"}, "X")


@pytest.mark.parametrize("value", ["short", "a" * 64])
def test_a_weak_secret_is_refused_without_being_printed(value: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        environment.read_secret({"X": value}, "X")
    assert value not in str(caught.value)


def shown(**variables: str) -> str:
    """What the settings are in a fresh process with these variables."""
    code = (
        "from releve import settings as s;"
        "print(s.DEBUG, s.ALLOWED_HOSTS, s.LANGUAGE_CODE, len(s.SECRET_KEY) >= 32,"
        " s.SECURE_SSL_REDIRECT, s.PLAN_FOLDER)"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RELEVE_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**clean, **variables}, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_with_an_empty_environment_the_desk_is_closed_and_french() -> None:
    assert shown() == "False ['127.0.0.1', 'localhost', '[::1]'] fr True False None"


def test_nonsense_in_the_environment_stops_the_desk() -> None:
    assert "RELEVE_DEBUG must be one of" in shown(RELEVE_DEBUG="perhaps")


def test_a_setting_of_an_earlier_version_is_refused_with_the_one_that_took_its_place() -> None:
    assert "set RELEVE_URL in its place" in shown(RELEVE_DESK_URL="https://desk.example.org")
    assert "set RELEVE_SMTP_HOST" in shown(RELEVE_SMTP_URL="smtp://mail.example.org")
