"""Addresses of places, and the programmes that callers dial, from the operator's tables."""

from __future__ import annotations

from releve.network import HOME, Operator, parse_sip_address

__all__ = ["list_addresses", "list_dialled"]


def list_addresses(operator: Operator) -> dict[str, str]:
    """Return the SIP URI of each place that has one, home work included."""
    texts = {site.id: site.sip_address for site in operator.sites}
    texts[HOME] = operator.row.home_sip_address
    return {place: parse_sip_address(text).uri for place, text in texts.items() if text}


def list_dialled(operator: Operator) -> frozenset[str]:
    """Return the inbound programmes that have a number."""
    return frozenset(row.id for row in operator.programmes if row.kind == "inbound" and row.numbers)
