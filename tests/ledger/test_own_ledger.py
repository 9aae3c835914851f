"""The check of the own ledger with a root that was kept outside."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import transaction

from releve.ledger.chain import append
from releve.ledger.own_ledger import verify_with_root
from releve.ledger.roots import sign_root

pytestmark = [pytest.mark.database, pytest.mark.django_db]

AT = datetime(2026, 11, 30, 8, 12, tzinfo=UTC)


def test_a_ledger_holds_with_a_root_of_its_own_and_without_one() -> None:
    with transaction.atomic():
        append("power.up", {"id": "e1", "site": "casa-1"}, recorded_at=AT)
    root = sign_root(AT).text.encode()
    found = verify_with_root(root, counts=True)
    assert (found.holds, found.entries, found.faults, found.more) == (True, 1, (), 0)
    assert "as a root from outside has them" in found.summary
    assert "personal values" in found.summary
    assert "personal values" not in verify_with_root(b"", counts=False).summary


@pytest.mark.parametrize("root", [b"nonsense", b"{}\n", b"\xff"])
def test_what_is_no_root_of_this_ledger_is_refused(root: bytes) -> None:
    with pytest.raises(ValueError, match="This file is not a signed root of this ledger: "):
        verify_with_root(root, counts=True)
