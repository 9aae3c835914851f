"""What is wrong with an installation: each finding one sentence, with its fix.

Checks read and change nothing; ``send_to`` alone sends something, a test message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from releve.errors import ReleveError
from releve.upkeep import doctor_data, doctor_files, doctor_reach
from releve.upkeep.findings import Examination, Finding, fault

__all__ = ["CHECKS", "examine"]

_Check = Callable[[Examination], Iterator[Finding]]

_FILES: Mapping[str, _Check] = MappingProxyType(
    {
        "home": doctor_files.check_home,
        "modes": doctor_files.check_modes,
        "rules": doctor_files.check_rules,
        "caches": doctor_files.check_caches,
        "disk": doctor_files.check_disk,
        "plan": doctor_files.check_plan_folder,
        "backups": doctor_files.check_backups,
        "settings": doctor_reach.check_settings,
        "tls": doctor_reach.check_tls,
        "mail": doctor_reach.check_mail,
        "routing": doctor_reach.check_routing,
    }
)
_DATABASE: Mapping[str, _Check] = MappingProxyType(
    {
        "migrations": doctor_data.check_migrations,
        "keys": doctor_data.check_keys,
        "clock": doctor_data.check_clock,
        "administrators": doctor_data.check_administrators,
        "roles": doctor_data.check_role_places,
        "channels": doctor_data.check_channels,
        "contacts": doctor_data.check_contacts,
        "closure": doctor_data.check_closure_rules,
        "worker": doctor_data.check_worker,
        "clearings": doctor_data.check_clearings,
        "proxies": doctor_reach.check_proxies,
        "ledger": doctor_data.check_ledger,
    }
)
"""Checks that read the database; left out, and said so, where it cannot be."""
CHECKS = (*_FILES, "database", *_DATABASE)
"""Names of all checks, in their order."""


def examine(asked: Examination) -> Iterator[Finding]:
    """Yield what is wrong, check by check; nothing where all is well.

    A check that itself fails is a finding, and the others go on. Without a home there is nothing
    else to look at; without the database, or with tables of another version, what it holds is not
    looked at.
    """
    for name, check in _FILES.items():
        found = list(_run_check(name, check, asked))
        yield from found
        if name == "home" and any(one.is_fault for one in found):
            return
    unreachable = _reach_database()
    if unreachable is not None:
        yield unreachable
        return
    for name, check in _DATABASE.items():
        found = list(_run_check(name, check, asked))
        yield from found
        if name == "migrations" and found:
            return


def _run_check(name: str, check: _Check, asked: Examination) -> Iterator[Finding]:
    try:
        yield from check(asked)
    except (ReleveError, ImproperlyConfigured, DatabaseError, OSError, ValueError) as error:
        yield fault(name, " ".join(str(error).split()), "mend what it names, and run this again")


def _reach_database() -> Finding | None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, OSError) as error:
        return fault(
            "database",
            f"cannot be reached: {' '.join(str(error).split())}",
            "start its server, or mend RELEVE_DATABASE_URL; keys, worker and ledger were not"
            " looked at",
        )
    return None
