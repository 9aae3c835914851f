"""Settings read from the environment; a value that makes no sense is refused, never guessed."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from datetime import date
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

REPLACED = {
    "RELEVE_SMTP_URL": "RELEVE_SMTP_HOST (and _PORT, _SECURITY, _USER, _PASSWORD)",
    "RELEVE_DESK_URL": "RELEVE_URL",
}
"""Settings of an earlier version, and those that took their place."""

SECRET_FILE = "secret-key"
"""Name of the file of the home folder that holds the secret key where none is set."""

SERVICE_HOME = Path("/var/lib/releve")
"""The home folder of an installation that runs as a service of its machine."""
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_HOST = re.compile(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:]+\]")
_ORIGIN = re.compile(r"https?://[^/\s,]+")
_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58}")
_SHORTEST_SECRET = 32


def read_text(environ: Mapping[str, str], name: str, default: str = "") -> str:
    """Return a text without the spaces around it."""
    return environ.get(name, default).strip()


def read_flag(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Return yes or no; anything else is refused."""
    value = read_text(environ, name).lower()
    if not value:
        return default
    if value not in _TRUE + _FALSE:
        raise _refuse_value(name, value, f"one of {', '.join(_TRUE + _FALSE)}")
    return value in _TRUE


def read_choice(environ: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed values, the first one when the variable is not set."""
    value = read_text(environ, name) or allowed[0]
    if value not in allowed:
        raise _refuse_value(name, value, f"one of {', '.join(allowed)}")
    return value


def read_hosts(environ: Mapping[str, str], name: str, default: tuple[str, ...]) -> list[str]:
    """Return host names separated by commas; ``*`` is refused, since it switches the check off."""
    values = _items(read_text(environ, name)) or list(default)
    for value in values:
        if not _HOST.fullmatch(value):
            raise _refuse_value(name, value, "a host name such as desk.example.org, without port")
    return values


def is_loopback(host: str) -> bool:
    """Return whether an address, or a host name, is one that this machine alone reaches."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_origins(environ: Mapping[str, str], name: str) -> list[str]:
    """Return origins (scheme and host) separated by commas."""
    values = _items(read_text(environ, name))
    for value in values:
        if not _ORIGIN.fullmatch(value):
            raise _refuse_value(name, value, "an origin such as https://desk.example.org")
    return values


def find_home(environ: Mapping[str, str]) -> Path:
    """Return the folder of what the installation keeps; it never depends on the current folder.

    ``RELEVE_HOME``; else the service's folder, where there is one or root asks; else the user's
    folder for state.
    """
    value = read_text(environ, "RELEVE_HOME")
    if value:
        return _read_absolute("RELEVE_HOME", value)
    if SERVICE_HOME.is_dir() or os.geteuid() == 0:
        return SERVICE_HOME
    state = read_text(environ, "XDG_STATE_HOME")
    folder = _read_absolute("XDG_STATE_HOME", state) if state else Path.home() / ".local/state"
    return folder / "releve"


def _read_absolute(name: str, value: str) -> Path:
    if not value.startswith("/"):
        raise _refuse_value(name, value, "a path that begins with /")
    return Path(value)


def read_number(environ: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    """Return a whole number of at least ``least``."""
    value = read_text(environ, name) or str(default)
    if not (value.isascii() and value.isdigit() and int(value) >= least):
        raise _refuse_value(name, value, f"a whole number of at least {least}")
    return int(value)


def read_secret(environ: Mapping[str, str], name: str) -> str:
    """Return a secret, empty when not set; a short one is refused without being quoted."""
    value = read_text(environ, name)
    if value and (len(value) < _SHORTEST_SECRET or len(set(value)) < 8):
        raise ImproperlyConfigured(f"{name} must have at least {_SHORTEST_SECRET} characters, 8 of them different")
    return value


def read_mail(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return Django's e-mail settings; without a server nothing is sent, or written anywhere."""
    host = read_text(environ, "RELEVE_SMTP_HOST")
    if not host:
        return {"EMAIL_HOST": "", "EMAIL_BACKEND": "releve.accounts.directory.EmailBackend"}
    security = read_choice(environ, "RELEVE_SMTP_SECURITY", ("starttls", "tls", "none"))
    ports = {"starttls": 587, "tls": 465, "none": 25}
    return {
        "EMAIL_HOST": host,
        "EMAIL_PORT": read_number(environ, "RELEVE_SMTP_PORT", ports[security]),
        "EMAIL_HOST_USER": read_text(environ, "RELEVE_SMTP_USER"),
        "EMAIL_HOST_PASSWORD": environ.get("RELEVE_SMTP_PASSWORD", ""),
        "EMAIL_USE_TLS": security == "starttls",
        "EMAIL_USE_SSL": security == "tls",
        "EMAIL_TIMEOUT": 10,
    }


def refuse_replaced(environ: Mapping[str, str]) -> None:
    """Refuse settings of an earlier version, which would be passed over in silence."""
    for old, new in REPLACED.items():
        if read_text(environ, old):
            raise ImproperlyConfigured(f"{old} is no longer read: set {new} in its place")


def parse_origin(url: str) -> str:
    """Return scheme, host and port of an address."""
    return "/".join(url.split("/")[:3])


def read_recipients(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Return age's public keys, separated by commas: who can read backups and journals."""
    values = tuple(_items(read_text(environ, name)))
    for value in values:
        if not _RECIPIENT.fullmatch(value):
            raise _refuse_value(name, value, "a public key of age, age1… (`age-keygen` makes one)")
    return values


def read_outside(environ: Mapping[str, str], name: str) -> str:
    """Return where documents leave to: a folder, ``https://…`` or ``mailto:…``; empty: nowhere."""
    value = read_text(environ, name)
    if value and not re.match(r"/|https?://[^/]|mailto:[^@]+@[^@]+$", value):
        raise _refuse_value(name, value, "an absolute folder, an https:// address or mailto:…")
    return value


def read_sign_in_service(environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the organisation's OpenID Connect service as django-allauth has it; none by default.

    The three variables stand together: a part of them is refused.
    """
    names = ("RELEVE_OIDC_URL", "RELEVE_OIDC_CLIENT_ID", "RELEVE_OIDC_SECRET")
    values = [read_text(environ, name) for name in names]
    if not any(values):
        return []
    missing = [name for name, value in zip(names, values, strict=True) if not value]
    if missing:
        raise ImproperlyConfigured(f"{names[0]} also needs {', '.join(missing)}")
    url, client, key = values
    if not re.match(r"https://|http://(127\.0\.0\.1|localhost)[:/]", url):
        raise _refuse_value(names[0], url, "an https address")
    name = read_text(environ, "RELEVE_OIDC_NAME") or "SSO"
    return [
        {
            "provider_id": "oidc",
            "name": name,
            "client_id": client,
            "secret": key,
            "settings": {"server_url": url, "fetch_userinfo": True, "oauth_pkce_enabled": True},
        }
    ]


def read_group_claims(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the claim that says a person's groups, by the service that gives roles by them; none by default."""
    on = read_flag(environ, "RELEVE_OIDC_ROLES", default=False)
    if on and not read_text(environ, "RELEVE_OIDC_URL"):
        raise ImproperlyConfigured("RELEVE_OIDC_ROLES also needs RELEVE_OIDC_URL")
    return {"oidc": read_text(environ, "RELEVE_OIDC_GROUPS") or "groups"} if on else {}


def read_box_key(environ: Mapping[str, str], name: str) -> str:
    """Return a key of Fernet (32 bytes in URL-safe base64), empty when not set; never quoted."""
    value = read_text(environ, name)
    try:
        right = not value or len(base64.urlsafe_b64decode(value)) == 32
    except ValueError:
        right = False
    if not right:
        raise ImproperlyConfigured(f"{name} must be 32 bytes in URL-safe base64")
    return value


def load_or_create_secret(environ: Mapping[str, str], name: str) -> str:
    """Return a secret, or the one kept in the home folder; empty when there is neither."""
    value = read_secret(environ, name)
    path = find_home(environ) / SECRET_FILE
    if value or not path.is_file():
        return value
    return read_secret({name: path.read_text(encoding="ascii").partition("\n")[0]}, name)


def read_old_secrets(environ: Mapping[str, str], name: str, today: date) -> list[str]:
    """Return the secrets before the one in force that still hold, the newest first.

    Those of ``NAME_OLD``, by commas; else those of further lines of the file, ``SECRET DAY``, up to
    that day.
    """
    given = _items(read_text(environ, f"{name}_OLD"))
    path = find_home(environ) / SECRET_FILE
    if read_text(environ, name) or not path.is_file():
        return [read_secret({f"{name}_OLD": value}, f"{name}_OLD") for value in given]
    found = []
    for line in path.read_text(encoding="ascii").splitlines()[1:]:
        old, _, day = line.strip().rpartition(" ")
        try:
            if old and date.fromisoformat(day) >= today:
                found.append(old)
        except ValueError:
            raise ImproperlyConfigured(
                f"{path}: each line after the first must be an old key and its last day"
            ) from None
    return found


_KEPT_SECONDS = 60
"""How long a thread keeps its connection: to open one on SQLite takes 4 ms of processor."""


def read_database(environ: Mapping[str, str], name: str, file: Path) -> dict[str, Any]:
    """Return Django's settings of a PostgreSQL address; of an SQLite file when it is not set.

    With SQLite's own defaults, writers that meet fail as "locked"; with these they wait. Each
    commit waits for the disk; the gate's own connection does not, see docs/gate.md.
    """
    url = read_text(environ, name)
    if not url:
        return {
            "ENGINE": "releve.files.sqlite3",
            "NAME": file,
            "CONN_MAX_AGE": _KEPT_SECONDS,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 5,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
            "TEST": {"NAME": ":memory:"},  # of each test process, though the backend is our own
        }
    if not url.startswith(("postgres://", "postgresql://")):
        # An address may hold a password: it is not quoted.
        raise ImproperlyConfigured(f"{name} must start with postgres://")
    return dict(dj_database_url.parse(url, conn_max_age=_KEPT_SECONDS, conn_health_checks=True))


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _refuse_value(name: str, value: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} must be {expected}, got {value!r}")
