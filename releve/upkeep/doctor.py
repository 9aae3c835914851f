"""What is wrong with an installation: each finding one sentence, with its fix.

Here stand the checks of the settings, of the home folder, and of what an installation reaches over
the network. Checks read and change nothing; ``send_to`` alone sends something, a test message.
"""

from __future__ import annotations

import os
import shutil
import smtplib
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage, get_connection
from django.db import DatabaseError, OperationalError, connection
from django.utils.module_loading import import_string

from releve import environment
from releve.errors import ReleveError
from releve.files.backup_notes import OLDEST_REHEARSAL, find_backup_due, read_backup_notes
from releve.files.home import HomeError, require_home
from releve.files.operator_folder import CHARTERS, RULES, list_rule_files
from releve.files.plan_folder import PlanFolderError, list_plan_files
from releve.live import api as live
from releve.live.api import load_installed_rules
from releve.live.house_faults import CERTIFICATE_LEFT, read_certificate_end
from releve.plugin import list_plugins
from releve.routing import Rejected, RoutingError, Unreachable, build_adapters
from releve.routing.kamailio import KamailioProxy, compute_configuration_digest
from releve.setting_names import find_unknown_settings
from releve.upkeep import doctor_data
from releve.upkeep.findings import Examination, Finding, fault, warning

_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
_VERIFYING = ("verify-full", "verify-ca")


def check_settings(asked: Examination) -> Iterator[Finding]:
    """Every setting is one, and nothing is set that is for a trial alone."""
    for name, meant in find_unknown_settings(asked.environ).items():
        guess = f": {meant} may be meant" if meant else ""
        yield fault(
            "settings",
            f"{name} is not a setting{guess}",
            "mend its name, or take it away (`releve settings` lists all)",
        )
    if settings.DEBUG:
        yield fault("settings", "RELEVE_DEBUG shows the code of errors", "take RELEVE_DEBUG away")
    if settings.OPEN_DESK:
        yield fault("settings", "RELEVE_OPEN lets anyone in", "take RELEVE_OPEN away")
    if not settings.SECOND_FACTOR_REQUIRED:
        yield warning("settings", "roles that act need no second factor", "take RELEVE_SECOND_FACTOR=optional away")
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
            "mail", f"the sender is {settings.DEFAULT_FROM_EMAIL}, which mail servers refuse", "set RELEVE_MAIL_FROM"
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
                "start the proxy, or mend its address and secret in RELEVE_KAMAILIO_…"
                if isinstance(adapter, KamailioProxy)
                else "mend what the error names, or its settings",
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


LEAST_FREE_BYTES = 2 * 10**9
"""A ledger that cannot be written stops everything: a disk is seen to be full long before."""
_SECRETS = ("*.key", "secret-key", "releve.sqlite3*", "identity/*")


def check_home(asked: Examination) -> Iterator[Finding]:
    """The home is one, and this user's own."""
    try:
        require_home(asked.home)
    except HomeError as error:
        yield fault("home", str(error), "nothing else was looked at")
        return
    file = connection.settings_dict["NAME"]
    if isinstance(file, Path) and not file.is_file():  # before anything connects, which would make an empty one
        yield fault(
            "home",
            f"the database {file} is gone",
            "put it back from its copy, restore a backup (`releve restore`), or set RELEVE_DATABASE_URL to where it is",
        )
    if asked.home.stat().st_uid != os.geteuid():
        yield fault(
            "home",
            f"{asked.home} belongs to another user than this one",
            "run commands as its owner, else files that the service cannot read are left",
        )


def check_modes(asked: Examination) -> Iterator[Finding]:
    """No other user may enter the home, or read a key or the database."""
    if stat.S_IMODE(asked.home.stat().st_mode) & 0o077:
        yield fault("modes", f"other users may enter {asked.home}", f"chmod 700 {asked.home}")
    for pattern in _SECRETS:
        for path in sorted(asked.home.glob(pattern)):
            if stat.S_IMODE(path.stat().st_mode) & 0o077 and path.is_file():
                yield fault("modes", f"other users may read {path}", f"chmod 600 {path}")
    names = Path(settings.IDENTITY_FILE)
    if names.is_file() and stat.S_IMODE(names.stat().st_mode) & 0o077:
        yield fault("modes", f"other users may read {names}", f"chmod 600 {names}")


def check_rules(asked: Examination) -> Iterator[Finding]:
    """The house's own rules and charters are named so that they count, and can be read."""
    for name in (RULES, CHARTERS):
        try:
            list_rule_files(asked.home, name)
        except HomeError as error:
            yield fault("rules", str(error), "the gate refuses every call until then")
            return
    load_installed_rules()


def check_caches(asked: Examination) -> Iterator[Finding]:
    """Compiled kernels can be kept: else every process compiles them again, for minutes."""
    folder = Path(os.environ["NUMBA_CACHE_DIR"])
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        yield fault(
            "caches",
            f"{folder} for compiled kernels cannot be written",
            "set RELEVE_CACHE_DIR to a folder of this user",
        )


def check_disk(asked: Examination) -> Iterator[Finding]:
    """There is space for the database and its log."""
    free = shutil.disk_usage(asked.home).free
    if free < LEAST_FREE_BYTES:
        yield fault(
            "disk", f"{free / 1e9:.1f} GB free at {asked.home}", "make space, or move the home to a larger disk"
        )


def check_backups(asked: Examination) -> Iterator[Finding]:
    """Backups are made each day, and one of them was restored to try it."""
    if not settings.BACKUP_TO:
        yield warning(
            "backups",
            "no backup can be made, and no journal leaves, for want of a recipient",
            "make a key with `age-keygen` on another machine, and set RELEVE_BACKUP_TO to its public one",
        )
        return
    notes, due = read_backup_notes(asked.home), find_backup_due(asked.home)
    if due <= asked.now:
        made_at = notes.made_at
        last = "no backup was ever made" if made_at is None else f"the last backup is of {made_at:%F %R} UTC"
        yield fault("backups", last, "run `releve backup FILE` each day, by a timer")
    elif notes.made_at is not None and (
        notes.rehearsed_at is None or asked.now - notes.rehearsed_at > OLDEST_REHEARSAL
    ):
        yield warning(
            "backups",
            "no restore was tried for three months",
            "run `releve restore FILE --rehearse` where the identity is kept",
        )


def check_certificate(asked: Examination) -> Iterator[Finding]:
    """The certificate of the desk's address does not end soon."""
    if not settings.DESK_URL_IS_SET:
        return
    try:
        ends = read_certificate_end(settings.DESK_URL)
    except OSError as error:
        says = f"the certificate of {settings.DESK_URL} could not be read: {' '.join(str(error).split())}"
        yield warning("certificate", says, "see that the proxy in front of the desk runs")
        return
    if ends is not None and ends - asked.now < CERTIFICATE_LEFT:
        verb = "ends" if ends > asked.now else "ended"
        yield fault(
            "certificate",
            f"the certificate of {settings.DESK_URL} {verb} on {ends:%F %R} UTC",
            "renew it, and reload the proxy",
        )


def check_plan_folder(asked: Examination) -> Iterator[Finding]:
    """A plan folder that is named holds plans."""
    if settings.PLAN_FOLDER is None:
        return
    try:
        list_plan_files(settings.PLAN_FOLDER)
    except PlanFolderError as error:
        yield fault("plan", str(error), "mend RELEVE_PLAN_FOLDER, or write it by `releve plan`")


def check_reachable(asked: Examination) -> Iterator[Finding]:
    """The database answers, and is whole where it is a file."""
    is_file = connection.vendor == "sqlite"
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check(1)" if is_file else "SELECT 1")
            found = cursor.fetchone()
        says = "" if not is_file or found == ("ok",) else f"is corrupt: {found[0]}"
    except (DatabaseError, OSError) as error:
        corrupt = is_file and isinstance(error, DatabaseError) and not isinstance(error, OperationalError)
        says = f"{'is corrupt' if corrupt else 'cannot be reached'}: {' '.join(str(error).split())}"
    if says:
        mend = "start its server, or mend RELEVE_DATABASE_URL"
        if is_file:
            mend = "stop all processes, keep the file aside, and restore the last backup (`releve restore`)"
        yield fault("database", says, f"{mend}; keys, worker and ledger were not looked at")


_Check = Callable[[Examination], Iterator[Finding]]

_CORE: Mapping[str, _Check] = MappingProxyType(
    {
        "home": check_home,
        "modes": check_modes,
        "rules": check_rules,
        "caches": check_caches,
        "disk": check_disk,
        "plan": check_plan_folder,
        "backups": check_backups,
        "settings": check_settings,
        "tls": check_tls,
        "certificate": check_certificate,
        "mail": check_mail,
        "routing": check_routing,
        "database": check_reachable,
        "migrations": doctor_data.check_migrations,
        "keys": doctor_data.check_keys,
        "clock": doctor_data.check_clock,
        "administrators": doctor_data.check_administrators,
        "roles": doctor_data.check_role_places,
        "channels": doctor_data.check_channels,
        "selftest": doctor_data.check_self_test,
        "contacts": doctor_data.check_contacts,
        "replies": doctor_data.check_replies,
        "rota": doctor_data.check_rota,
        "closure": doctor_data.check_closure_rules,
        "worker": doctor_data.check_worker,
        "proxies": check_proxies,
        "ledger": doctor_data.check_ledger,
    }
)
_NEEDED = frozenset({"home", "database", "migrations"})
"""Where one of these finds a fault, there is nothing to look at for those after it."""


def list_checks() -> Mapping[str, Sequence[_Check]]:
    """Return the checks by their name, in order: those of the plug-ins after the core's."""
    found = {name: [check] for name, check in _CORE.items()}
    for name, check in (row for plugin in list_plugins() for row in plugin.checks.items()):
        found.setdefault(name, []).append(import_string(check))
    return found


def examine(asked: Examination) -> Iterator[Finding]:
    """Yield what is wrong, check by check; nothing where all is well.

    A check that itself fails is a finding, and the others go on. Without a home there is nothing
    else to look at; without the database, or with tables of another version, what it holds is not
    looked at.
    """
    for name, checks in list_checks().items():
        found = [finding for check in checks for finding in _run_check(name, check, asked)]
        yield from found
        if name in _NEEDED and any(one.is_fault for one in found):
            return


def _run_check(name: str, check: _Check, asked: Examination) -> Iterator[Finding]:
    try:
        yield from check(asked)
    except (ReleveError, ImproperlyConfigured, DatabaseError, OSError, ValueError) as error:
        yield fault(name, " ".join(str(error).split()), "mend what it names, and run this again")
