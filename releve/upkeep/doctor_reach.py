"""Checks of the settings, and of what an installation reaches over the network."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from releve import environment
from releve.live import api as live
from releve.routing import Rejected, RoutingError, Unreachable, build_adapters
from releve.routing.kamailio import KamailioProxy, compute_configuration_digest
from releve.upkeep.findings import Examination, Finding, fault, warning

__all__ = ["check_mail", "check_proxies", "check_routing", "check_settings", "check_tls"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
_VERIFYING = ("verify-full", "verify-ca")


def check_settings(asked: Examination) -> Iterator[Finding]:
    """Nothing is set that is for a trial alone."""
    if settings.DEBUG:
        yield fault("settings", "RELEVE_DEBUG shows the code of errors", "take RELEVE_DEBUG away")
    if settings.OPEN_DESK:
        yield fault("settings", "RELEVE_OPEN lets anyone in", "take RELEVE_OPEN away")
    if not settings.SECOND_FACTOR_REQUIRED:
        yield warning(
            "settings",
            "roles that act need no second factor",
            "take RELEVE_SECOND_FACTOR=optional away",
        )
    own = urlsplit(settings.DESK_URL)
    public = [name for name in settings.ALLOWED_HOSTS if name not in _LOOPBACK]
    if public and own.hostname in _LOOPBACK:
        yield fault(
            "settings",
            f"the desk answers to {public[0]}, and links say {settings.DESK_URL}",
            f"set RELEVE_URL=https://{public[0]}",
        )
    if not (public or settings.DESK_URL_IS_SET):
        yield warning(
            "settings",
            f"letters name no address of the desk, and links of accounts say {settings.DESK_URL}",
            "set RELEVE_URL to the address that people reach",
        )
    if own.hostname not in (*_LOOPBACK, *(name.lstrip(".") for name in public)) and not any(
        str(own.hostname).endswith(name) for name in public if name.startswith(".")
    ):
        yield fault(
            "settings",
            f"links say {settings.DESK_URL}, and the desk does not answer to that name",
            f"set RELEVE_ALLOWED_HOSTS={own.hostname}",
        )
    if public and not settings.SECURE_SSL_REDIRECT:
        yield fault(
            "settings",
            f"the desk answers to {public[0]} without HTTPS: sign-ins cross the network in clear",
            "serve it behind TLS and set RELEVE_HTTPS=1",
        )


def check_tls(asked: Examination) -> Iterator[Finding]:
    """A database over the network is verified before anything is sent to it."""
    database = environment.read_database(asked.environ, "RELEVE_DATABASE_URL", asked.home)
    host = str(database.get("HOST") or "")
    if not database["ENGINE"].endswith("postgresql") or host.startswith("/") or not host:
        return
    mode = database.get("OPTIONS", {}).get("sslmode", "prefer")
    if host not in _LOOPBACK and mode not in _VERIFYING:
        yield fault(
            "tls",
            f"the database at {host} is not verified (sslmode={mode})",
            "add ?sslmode=verify-full&sslrootcert=FILE to RELEVE_DATABASE_URL",
        )


def check_mail(asked: Examination) -> Iterator[Finding]:
    """Mail can be sent: the server answers, takes the sign-in, and with an address a message."""
    if not environment.read_text(asked.environ, "RELEVE_SMTP_HOST"):
        says = "no mail server is set: passwords that are forgotten take an administrator's link"
        yield warning("mail", says, "set RELEVE_SMTP_HOST")
        return
    if settings.DEFAULT_FROM_EMAIL.endswith("@localhost"):
        yield fault(
            "mail",
            f"the sender is {settings.DEFAULT_FROM_EMAIL}, which mail servers refuse",
            "set RELEVE_MAIL_FROM",
        )
    server = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    try:
        with get_connection() as opened:
            if asked.send_to:
                EmailMessage(
                    "Relève: test message",
                    f"Sent by `releve doctor`. Links to the desk begin with {settings.DESK_URL}",
                    to=[asked.send_to],
                    connection=opened,
                ).send()
    except (smtplib.SMTPException, OSError) as error:
        yield fault(
            "mail",
            f"{server} does not take mail: {type(error).__name__}: {' '.join(str(error).split())}",
            "mend RELEVE_SMTP_HOST, _PORT, _SECURITY, _USER and _PASSWORD",
        )


def check_routing(asked: Examination) -> Iterator[Finding]:
    """Routes can be published: the adapters are known, have what they need and answer."""
    for adapter in build_adapters(asked.environ, asked.home):
        try:
            if adapter.capabilities.observes == "routes":
                adapter.observe()
        except RoutingError as error:
            yield fault(
                "routing",
                f"{adapter.name}: {error}",
                "start the proxy, or mend its address and secret in RELEVE_KAMAILIO_…",
            )
    named = environment.read_text(asked.environ, "RELEVE_ROUTING")
    if not named:
        yield warning(
            "routing",
            "routes go to a file alone: no telephony takes them",
            "set RELEVE_ROUTING, to file_csv too if a file is meant",
        )


def check_proxies(asked: Examination) -> Iterator[Finding]:
    """Every system holds the newest routes, and a proxy is configured by the tables of today."""
    for row in live.observe_routing():
        if row.seen.state in ("diverged", "timed_out"):
            held = "none" if row.seen.snapshot is None else row.seen.snapshot.number
            yield fault(
                "proxies",
                f"{row.adapter} holds generation {held} of the routes, not {row.wanted}",
                "see releve routing status --plan, and whether the worker runs",
            )
    try:
        operator = live.operator_now()
    except live.NoOperator:
        return
    for adapter in build_adapters(asked.environ, asked.home):
        if not isinstance(adapter, KamailioProxy):
            continue
        try:
            made_from = adapter.read_configuration()
        except Unreachable:
            continue  # the check of routing says so
        except Rejected:
            made_from = ""
        if made_from != compute_configuration_digest(operator):
            yield fault(
                "proxies",
                f"{adapter.name} is configured by other numbers, trunks or campaigns than today's,"
                " or by another version",
                "make it again (releve routing kamailio config), copy it and restart the proxy",
            )
