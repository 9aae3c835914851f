"""Ids in addresses: any text as one path segment without a dot or a slash (tilde encoding)."""

from __future__ import annotations

import re

from django.urls import register_converter

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_:")
_ESCAPE = re.compile(rb"~([0-9A-F]{2})")


class RefConverter:
    """``carrier:Maroc Telecom`` <-> ``carrier:Maroc~20Telecom``; ``.json`` can follow an id."""

    regex = r"(?:[A-Za-z0-9_:-]|~[0-9A-F]{2})+"

    def to_python(self, value: str) -> str:
        """Return the id; ValueError (no such page) when the bytes are not UTF-8."""
        raw = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), value.encode("ascii"))
        return raw.decode("utf-8")

    def to_url(self, value: str) -> str:
        """Return the path segment."""
        return "".join(chr(b) if b in _SAFE else f"~{b:02X}" for b in value.encode("utf-8"))


register_converter(RefConverter, "ref")
