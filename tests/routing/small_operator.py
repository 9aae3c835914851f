"""An operator of one dialled programme, for the tests of telephony."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from releve.network import Operator
from tests.plan.tiny_operators import operator_of, programme, site

__all__ = ["small_operator"]


def small_operator(places: Sequence[str] = ("casa-1", "rabat-1"), address: str = "", **columns: Any) -> Operator:
    """Return the operator; ``address`` is that of every site, ``columns`` are of the programme."""
    sites = [replace(site(name), sip_address=address) for name in places]
    row = programme("azur", "azur", **({"numbers": ("+33162000001",)} | columns))
    return operator_of(sites, dict.fromkeys(places, (10, 2.0)), [row], [], [])
