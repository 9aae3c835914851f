"""Give each account the pseudonym by which entries of the ledger name it from now on."""

from __future__ import annotations

import secrets
from typing import Any

from django.db import migrations


def give_pseudonyms(apps: Any, schema_editor: Any) -> None:
    names = apps.get_model("accounts", "User").objects.values_list("username", flat=True)
    rows = apps.get_model("ledger", "AccountName").objects
    for name in names:
        rows.get_or_create(name=name, defaults={"pseudonym": f"account-{secrets.token_hex(8)}"})


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_factor_reset"), ("ledger", "0004_account_name")]

    operations = [migrations.RunPython(give_pseudonyms, migrations.RunPython.noop)]
