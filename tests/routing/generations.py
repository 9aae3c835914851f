"""An operator of one dialled programme, and generations of its routes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from releve.network import UTC, Operator
from releve.routing import Adapter, Generation, PublishReceipt, compute_shares
from tests.plan.tiny_operators import operator_of, programme, site


def small_operator(places: Sequence[str] = ("casa-1", "rabat-1"), address: str = "", **columns: Any) -> Operator:
    """Return the operator; ``address`` is that of every site, ``columns`` are of the programme."""
    sites = [replace(site(name), sip_address=address) for name in places]
    row = programme("azur", "azur", **({"numbers": ("+33162000001",)} | columns))
    return operator_of(sites, dict.fromkeys(places, (10, 2.0)), [row], [], [])


NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


def generation(number: int = 1, *, closed: str = "", casa: float = 12.0) -> Generation:
    """Two programmes on two sites and at home; ``closed`` is a site that is shut."""
    shut = frozenset({closed} - {""})
    return Generation(
        "live",
        number,
        NOON,
        {
            "azur-sinistres": compute_shares({"casa-1": casa, "rabat-1": 6.0, "home": 2.0}, shut),
            "brise-ventes": compute_shares({"rabat-1": 3.0}, shut),
        },
    )


def nothing_open() -> Generation:
    return Generation("live", 1, NOON, {"azur-sinistres": compute_shares({}, frozenset({"casa-1"}))})


def publish(adapter: Adapter, generation: Generation, *, key: str) -> PublishReceipt:
    """Plan and apply a generation."""
    return adapter.apply(adapter.plan(generation, None), key=key)
