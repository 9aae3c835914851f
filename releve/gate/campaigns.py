"""Campaigns: what a dialler's short name stands for. What is not known here is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

from django.db import transaction

from releve.gate.errors import LoadRefused
from releve.gate.knowing import Campaign
from releve.gate.models import Campaign as Row
from releve.gate.models import Load
from releve.gate.moments import clock, close_alone
from releve.outbound import MODES, PURPOSES

__all__ = ["campaigns", "put_campaign"]


def put_campaign(ref: str, campaign: Campaign, *, by: str) -> bool:
    """Record a campaign, or how it is from now on; return whether anything changed.

    LoadRefused says what is wrong with it. One is closed by its last day.
    """
    for name, value, allowed in (
        ("mode", campaign.mode, MODES),
        ("purpose", campaign.purpose, PURPOSES),
    ):
        if value not in allowed:
            raise LoadRefused(f"{name} {value!r} is not one of {', '.join(allowed)}")
    if not (ref and campaign.client and campaign.object):
        raise LoadRefused("a campaign needs a name, a client and an object")
    if not ref[0].isalnum():
        raise LoadRefused(
            f"the campaign's name {ref!r} does not begin with a letter or a digit; give it another"
        )
    told = json.dumps({"ref": ref, **asdict(campaign)}, default=str, sort_keys=True)
    digest = hashlib.sha256(told.encode()).hexdigest()[:32]
    with transaction.atomic():
        last = campaigns().get(ref)
        if last is not None and last.digest == digest:
            return False
        if last is not None and last.client != campaign.client:
            raise LoadRefused(
                f"{ref} is a campaign of another client, who would lose its calls to this one: "
                "give it another name"
            )
        at = close_alone()
        load = Load.objects.create(
            source=f"campaign {ref}"[:200], by=by, opened_at=clock(), known_at=at, rows=1
        )
        Row.objects.create(load=load, ref=ref, digest=digest, **asdict(campaign))
    return True


def campaigns() -> dict[str, Row]:
    """Return every campaign as it stands now, by its name."""
    rows = Row.objects.filter(load__known_at__isnull=False).order_by("load__known_at", "pk")
    return {row.ref: row for row in rows}
