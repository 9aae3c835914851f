"""Settings read from the environment; a value that makes no sense is refused, never guessed."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

__all__ = [
    "SECRET_FILE",
    "find_home",
    "load_or_create_secret",
    "parse_origin",
    "read_box_key",
    "read_choice",
    "read_database",
    "read_flag",
    "read_hosts",
    "read_mail",
    "read_number",
    "read_origins",
    "read_secret",
    "read_sign_in_service",
    "read_text",
]

SECRET_FILE = "secret-key"
"""Name of the file of the home folder that holds the secret key where none is set."""

_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_HOST = re.compile(r"\.?[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:]+\]")
_ORIGIN = re.compile(r"https?://[^/\s,]+")
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


def read_origins(environ: Mapping[str, str], name: str) -> list[str]:
    """Return origins (scheme and host) separated by commas."""
    values = _items(read_text(environ, name))
    for value in values:
        if not _ORIGIN.fullmatch(value):
            raise _refuse_value(name, value, "an origin such as https://desk.example.org")
    return values


def find_home(environ: Mapping[str, str]) -> Path:
    """Return the folder of what the installation keeps."""
    return Path(read_text(environ, "RELEVE_HOME") or "var/home").absolute()


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
        raise ImproperlyConfigured(
            f"{name} must have at least {_SHORTEST_SECRET} characters, 8 of them different"
        )
    return value


def read_mail(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return Django's e-mail settings; without a server, messages are written to the console."""
    host = read_text(environ, "RELEVE_SMTP_HOST")
    if not host:
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
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


def parse_origin(url: str) -> str:
    """Return scheme, host and port of an address."""
    return "/".join(url.split("/")[:3])


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
    return read_secret({name: path.read_text(encoding="ascii")}, name)


def read_database(environ: Mapping[str, str], name: str, file: Path) -> dict[str, Any]:
    """Return Django's settings of a PostgreSQL address; of an SQLite file when it is not set.

    With SQLite's own defaults, writers that meet fail as "locked"; with these they wait.
    """
    url = read_text(environ, name)
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": file,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 5,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
        }
    if not url.startswith(("postgres://", "postgresql://")):
        # An address may hold a password: it is not quoted.
        raise ImproperlyConfigured(f"{name} must start with postgres://")
    return dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _refuse_value(name: str, value: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} must be {expected}, got {value!r}")
