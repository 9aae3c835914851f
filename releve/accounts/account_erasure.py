"""Erase the name of a member of staff whose account is closed, wherever it stands.

The ledger's entries carry the account's pseudonym, which takes the place of the name in all other
tables as well, the account's own row among them: who gave what to whom stays apart, and unnamed.
"""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db.models import Model

from releve.accounts.models import FactorReset, User
from releve.erasure.columns import ACCOUNT_NAMES
from releve.ledger.account_names import erase_name, give_pseudonym

__all__ = ["ACCOUNT_SUBJECT", "ACCOUNT_TABLES", "count_rows", "erase_account", "find_account"]

ACCOUNT_SUBJECT = "user:"
"""A member of staff goes by this and the name of the account, in the ledger's values too."""
ACCOUNT_TABLES = ("accounts_user", "account_emailaddress", "ledger_accountname", *ACCOUNT_NAMES)
"""Tables that are rewritten afterwards, so that their files hold no copy."""


def find_account(agent: str) -> User | None:
    """Return the account of a person who goes by one, None for an agent or where there is none."""
    if not agent.startswith(ACCOUNT_SUBJECT):
        return None
    return User.objects.filter(username=agent.removeprefix(ACCOUNT_SUBJECT)).first()


def count_rows(user: User) -> int:
    """Return how many rows name an account besides its own."""
    name = user.get_username()
    return sum(
        model._base_manager.filter(**{column: name}).count() for model, column in _list_columns()
    )


def erase_account(user: User) -> int:
    """Put the pseudonym in place of the name of a closed account; return in how many rows.

    Inside the caller's transaction.
    """
    name = user.get_username()
    pseudonym = give_pseudonym(name)
    changed = sum(
        model._base_manager.filter(**{column: name}).update(**{column: pseudonym})
        for model, column in _list_columns()
    )
    EmailAddress.objects.filter(user=user).delete()
    Authenticator.objects.filter(user=user).delete()
    FactorReset.objects.filter(user=user).update(reason="")
    User.objects.filter(pk=user.pk).update(
        username=pseudonym, email="", first_name="", last_name="", password="!"
    )
    return changed + 1 + erase_name(name)


def _list_columns() -> list[tuple[type[Model], str]]:
    models: dict[str, type[Model]] = {row._meta.db_table: row for row in apps.get_models()}
    return [(models[table], column) for table, names in ACCOUNT_NAMES.items() for column in names]
