"""The sample's numbers and SIP addresses, for trials alone.

Numbers dialled are of the range that Arcep reserves for fiction (01 99 00); numbers shown are of a
range for calls by machine (01 62), which the law asks for and which has none for fiction. Addresses
are those of RFC 5737, for documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from releve.network.model import Programme, Site

__all__ = ["HOME_ADDRESS", "assign_addresses", "assign_numbers"]

HOME_ADDRESS = "198.51.100.10:5060"
_CARRIERS = {"inbound": "203.0.113.10:5060", "outbound": "203.0.113.20:5060"}
_PREFIXES = {"inbound": "+3319900", "outbound": "+3316200"}


def assign_addresses(sites: Sequence[Site]) -> tuple[Site, ...]:
    """Return the sites with an address each; at most 254 of them."""
    return tuple(
        replace(site, sip_address=f"192.0.2.{number}:5060") for number, site in enumerate(sites, 1)
    )


def assign_numbers(programmes: Sequence[Programme]) -> tuple[Programme, ...]:
    """Return the programmes; those with calls have a number and a carrier's trunk."""
    return tuple(_assign(programmes))


def _assign(programmes: Sequence[Programme]) -> Iterator[Programme]:
    for number, row in enumerate(programmes, 1):
        if row.kind in _PREFIXES:
            numbers = (f"{_PREFIXES[row.kind]}{number:04}",)
            row = replace(row, numbers=numbers, trunk=_CARRIERS[row.kind])
        yield row
