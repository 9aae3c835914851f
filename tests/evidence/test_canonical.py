"""The verifier's canonical JSON: RFC 8785's own cases, and another implementation's."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from releve.ledger.digests import parse_canonical
from releve.ledger.verify import VerifyError, canonical, read_line

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)

# RFC 8785, appendix B: the bits of a double and how it is written.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize("bits", NUMBERS)
def test_numbers_are_written_as_the_standard_lists_them(bits: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(value) == NUMBERS[bits]


@given(VALUES)
def test_every_value_is_written_as_another_implementation_does(value: Any) -> None:
    assert canonical(value).encode() == rfc8785.dumps(value)


@given(VALUES)
def test_what_is_read_back_is_written_the_same(value: Any) -> None:
    text = rfc8785.dumps(value).decode()
    assert rfc8785.dumps(parse_canonical(text)).decode() == text
    assert canonical(json.loads(text)) == text
    assert canonical(read_line(text.encode() + b"\n")) == text


@pytest.mark.parametrize(
    "line",
    [
        b'{"a": 1}\n',
        b'{"a":1}',
        b'{"a":1}\r\n',
        b' {"a":1}\n',
        b'{"b":1,"a":2}\n',
        b'{"a":1,"a":1}\n',
        b'{"a":1.0}\n',
        b'{"a":01}\n',
        b'{"a":-0}\n',
        b'{"a":1e0}\n',
        b'{"a":1E400}\n',
        b'{"a":NaN}\n',
        b'{"a":"\\u0041"}\n',
        b'{"a":"\\/"}\n',
        b'{"a":"\\ud800"}\n',
        b'{"\\ud800":1}\n',
        b'{"a":"\xff"}\n',
        b'{"a":"\xc3\xa9"}',
        b"9007199254740993\n",
        b"1" * 400 + b"\n",
        b"1" * 5000 + b"\n",
        b"[" * 100_000 + b"\n",
        b"",
        b"\n",
    ],
)
def test_a_line_written_in_any_other_way_is_refused(line: bytes) -> None:
    with pytest.raises(VerifyError):
        read_line(line)
