"""The desk behind HTTPS: Django's check for deployment is clean, the headers are graded A+."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import io, json
import django
django.setup()
from django.core.management import call_command
from django.test import Client
said = io.StringIO()
call_command("migrate", verbosity=0)  # the page of signing in asks the table of services
call_command("check", deploy=True, stdout=said, stderr=said)
web = Client(SERVER_NAME="desk.example.org")
plain, page = web.get("/account/login/"), web.get("/account/login/", secure=True)
print(json.dumps({
    "check": said.getvalue(),
    "plain": [plain.status_code, plain.headers.get("Location", "")],
    "status": page.status_code,
    "headers": {name.lower(): value for name, value in page.headers.items()},
    "cookies": [dict(row, name=name) for name, row in page.cookies.items()],
    "html": page.content.decode(),
}))
"""
pytestmark = pytest.mark.slow
LISTED = 100
"""What every site starts with; the grade A+ begins there once the penalties are taken."""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """a page without sign-in and the check, as an installation behind HTTPS has them."""
    home: Path = tmp_path_factory.mktemp("home")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RELEVE_")}
    environ |= {
        "DJANGO_SETTINGS_MODULE": "releve.settings",
        "RELEVE_HOME": str(home),
        "RELEVE_HTTPS": "1",
        "RELEVE_URL": "https://desk.example.org",
        "RELEVE_ALLOWED_HOSTS": "desk.example.org",
        "RELEVE_SECRET_KEY": "correct horse battery staple 2026, and longer than fifty",
    }
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_check_for_deployment_finds_nothing(deployed: dict[str, Any]) -> None:
    assert deployed["check"].strip() == "System check identified no issues (0 silenced)."


def test_plain_http_leads_to_the_same_host_by_https(deployed: dict[str, Any]) -> None:
    assert deployed["plain"] == [301, "https://desk.example.org/account/login/"]


def test_mozillas_list_of_headers_gives_a_plus(deployed: dict[str, Any]) -> None:
    """Scores of developer.mozilla.org/observatory, "Tests & Scoring" (a list of 2024)."""
    headers, points = deployed["headers"], {}
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert not [word for word in ("unsafe", "data:", "http:", "*") if word in str(policy)]
    points["csp, default-src none"] = 10 if policy["default-src"] == "'none'" else 5
    points["framing, by csp"] = 5 if policy["frame-ancestors"] == "'none'" else -20
    strict = headers["strict-transport-security"].split("; ")
    assert int(strict[0].removeprefix("max-age=")) >= 15768000
    points["hsts"] = 0  # five more once browsers preload the name
    assert {"includeSubDomains", "preload"} <= set(strict)
    assert deployed["cookies"], "the form's token"
    safe = all(row["secure"] and row["samesite"] in ("Lax", "Strict") for row in deployed["cookies"])
    points["cookies"] = 5 if safe else -20
    points["nosniff"] = 0 if headers["x-content-type-options"] == "nosniff" else -5
    private = ("no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin")
    points["referrer"] = 5 if headers["referrer-policy"] in private else -5
    points["corp"] = 10 if headers["cross-origin-resource-policy"] == "same-origin" else 0
    points["cors"] = -50 if "access-control-allow-origin" in headers else 0
    foreign = 'src="http' in deployed["html"] or 'src="//' in deployed["html"]
    points["scripts from elsewhere"] = -50 if foreign else 0
    assert min(points.values()) >= 0, points
    assert LISTED + sum(points.values()) >= 130, points
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "server" not in headers
