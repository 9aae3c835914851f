"""Values that an entry commits to: each path names one commitment, whatever a file's order."""

from __future__ import annotations

from typing import Any

import pytest

from releve.ledger import verify

SALT = "5" * 64
ONE, OTHER = ({"commitment": verify.commitment(value, SALT)} for value in (1, 2))


def build_record(body: dict[str, Any], path: str, value: int) -> dict[str, Any]:
    entry = {
        "body": body, "kind": "x.y", "nonce": "", "prev": verify.NO_HASH, "recorded_at": "",
        "seq": 1, "stream": "live",
    }  # fmt: skip
    shown = [{"path": path, "salt": SALT, "value": value}]
    return {"entry": entry, "hash": verify.entry_hash(entry), "values": shown}


@pytest.mark.parametrize(("first", "second"), [(1, 2), (2, 1)])
def test_two_commitments_that_share_a_path_are_refused(first: int, second: int) -> None:
    """One hash covers both; the order of the names in the file would choose the value."""
    parts = {1: {"a.b": ONE}, 2: {"a": {"b": OTHER}}}
    record = build_record(parts[first] | parts[second], "a.b", second)
    with pytest.raises(verify.VerifyError, match=r"under 'a\.b': a name holds no dot"):
        verify.check_record(record)


def test_a_commitment_below_a_name_with_a_dot_is_refused() -> None:
    for body in ({"a.b": ONE, "a": {"b": 2}}, {"a.b": {"c": ONE}, "a": {"b": {"c": OTHER}}}):
        with pytest.raises(verify.VerifyError, match="a name holds no dot"):
            verify.check_record(build_record(body, "a.b", 1))


def test_names_with_dots_that_hold_no_commitment_stand_in_an_entry() -> None:
    assert verify.check_record(build_record({"a.b": 3, "a": {"b": ONE}}, "a.b", 1)) == 1
