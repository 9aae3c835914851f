"""Pseudonyms of accounts: entries carry them in place of names, which can be erased.

Each account has one from its first day. An entry written for it holds the pseudonym, so that hash,
proofs and exports never need the name; what reads entries back puts the name there again. Once the
name is erased the pseudonym stays: two people remain two, and nothing leads to either.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from releve.ledger.models import AccountName

ACCOUNT_PREFIX = "account-"
_FIELDS = ("actor", "by", "holder")
"""Fields of a body that hold the name of an account, or what stands for a program or a rule."""
_RANDOM_BYTES = 8


def give_pseudonym(name: str) -> str:
    """Return the pseudonym of an account, made where it has none yet."""
    made = ACCOUNT_PREFIX + secrets.token_hex(_RANDOM_BYTES)
    row, _ = AccountName.objects.get_or_create(name=name, defaults={"pseudonym": made})
    return row.pseudonym


def find_pseudonyms(names: Collection[str]) -> dict[str, str]:
    rows = AccountName.objects.filter(name__in=names) if names else AccountName.objects.none()
    return dict(rows.values_list("name", "pseudonym"))


def hide_names(body: dict[str, Any], pseudonyms: Mapping[str, str]) -> None:
    for field, value in _list_named(body):
        body[field] = pseudonyms.get(value, value)


def restore_names(bodies: Collection[dict[str, Any]]) -> None:
    """Put names in place of the pseudonyms that bodies hold, where they are not erased."""
    wanted = {value for body in bodies for _, value in _list_named(body) if value.startswith(ACCOUNT_PREFIX)}
    if not wanted:
        return
    rows = AccountName.objects.filter(pseudonym__in=wanted)
    names = dict(rows.values_list("pseudonym", "name"))
    for body in bodies:
        hide_names(body, names)


def list_names(bodies: Iterable[Mapping[str, Any]]) -> set[str]:
    return {value for body in bodies for _, value in _list_named(body)}


def erase_name(name: str) -> int:
    """Erase the name behind a pseudonym, which stays in the entries; return how many there were."""
    return AccountName.objects.filter(name=name).delete()[0]


def _list_named(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, body[name]) for name in _FIELDS if isinstance(body.get(name), str)]
