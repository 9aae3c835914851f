"""Campaigns: what a dialler's short name stands for. What is not known here is refused."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import asdict, replace
from typing import Any

import polars as pl
from django.db import transaction

from releve.gate.clients import register_client
from releve.gate.db_clock import next_known_at, read_clock
from releve.gate.errors import LoadRefused
from releve.gate.fact_reader import CampaignTerms
from releve.gate.models import AbandonedRow, Load, ScrubRow
from releve.gate.models import CampaignRow as Row
from releve.outbound.clients import fold_client_name
from releve.outbound.errors import WordFault
from releve.outbound.vocabulary import find_finer_words, find_sector, parse_word

__all__ = ["load_campaigns", "normalize_campaign_names", "record_campaign"]

_MUST = ("object", "sector", "mode", "purpose")
_WORDS = (*_MUST, "origin")


def record_campaign(ref: str, campaign: CampaignTerms, *, by: str) -> bool:
    """Record a campaign, or how it is from now on; return whether anything changed.

    LoadRefused says what is wrong with it. One is closed by its last day.
    """
    if not (ref and campaign.client and campaign.object and campaign.sector):
        raise LoadRefused("a campaign needs a name, a client, an object and its sector")
    campaign = _parse_words(campaign)
    if find_sector(campaign.object) != campaign.sector:
        raise LoadRefused(
            f"object {campaign.object!r} is not of the sector {campaign.sector!r} but of "
            f"{find_sector(campaign.object)!r}; declare that one, or the object that is offered"
        )
    finer = find_finer_words(campaign.object) if campaign.purpose == "prospecting" else ()
    if finer:
        raise LoadRefused(
            f"object {campaign.object!r} is too coarse, no consent or contract covers it; write "
            f"what is sold, one of {', '.join(finer)}"
        )
    if not ref[0].isalnum():
        raise LoadRefused(
            f"the campaign's name {ref!r} does not begin with a letter or a digit; give it another"
        )
    _refuse_long_texts(ref, campaign)
    campaign = replace(campaign, client=register_client(campaign.client))
    content = json.dumps({"ref": ref, **asdict(campaign)}, default=str, sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:32]
    with transaction.atomic():
        last = load_campaigns().get(ref)
        named = _map_campaign_names()[fold_client_name(ref)] or ref
        if last is None and named != ref:
            raise LoadRefused(
                f"{ref} is written {named} where it is known already; write {named}, or give the "
                "campaign a name that differs in more than case, accents and hyphens"
            )
        if last is not None and last.digest == digest:
            return False
        if last is not None and last.client != campaign.client:
            raise LoadRefused(
                f"{ref} is a campaign of another client, who would lose its calls to this one: "
                "give it another name"
            )
        at = next_known_at()
        load = Load.objects.create(
            source=f"campaign {ref}", by=by, opened_at=read_clock(), known_at=at, rows=1
        )
        Row.objects.create(load=load, ref=ref, digest=digest, **asdict(campaign))
    return True


def _refuse_long_texts(ref: str, campaign: CampaignTerms) -> None:
    """Refuse a text that its column does not hold; PostgreSQL would end in an error."""
    for name, text in {"ref": ref, **asdict(campaign)}.items():
        field: Any = Row._meta.get_field(name)
        if isinstance(text, str) and len(text) > field.max_length:
            shown = "name" if name == "ref" else name
            raise LoadRefused(
                f"the campaign's {shown} is longer than {field.max_length} characters; shorten it"
            )


def _parse_words(campaign: CampaignTerms) -> CampaignTerms:
    """Return a campaign whose words are ids; LoadRefused when one is no word."""
    words = {name: getattr(campaign, name) for name in _WORDS}
    try:
        ids = {
            name: parse_word(name, text).id for name, text in words.items() if text or name in _MUST
        }
    except WordFault as error:
        raise LoadRefused(str(error)) from error
    return CampaignTerms(**{**asdict(campaign), **ids})


def normalize_campaign_names(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table in which each campaign is named as it is known, however it is spelt.

    Of a campaign that is not known yet, the first spelling of the table.
    """
    known = _map_campaign_names()
    names = frame["campaign"].unique(maintain_order=True).to_list()
    for name in filter(None, names):
        known[fold_client_name(name)] = known[fold_client_name(name)] or name
    renames = {name: known[fold_client_name(name)] for name in names if name}
    return frame.with_columns(pl.col("campaign").replace(renames))


def _map_campaign_names() -> defaultdict[str, str]:
    """Return each campaign's name, recorded or only named by facts, by what its spellings share."""
    found = defaultdict[str, str](str)
    for model in (AbandonedRow, ScrubRow):
        kept = model._default_manager.exclude(campaign="").values_list("campaign", flat=True)
        found |= {fold_client_name(name): name for name in kept.order_by().distinct()}
    return found | {fold_client_name(ref): ref for ref in load_campaigns()}


def load_campaigns() -> dict[str, Row]:
    """Return every campaign as it stands now, by its name."""
    rows = Row.objects.filter(load__known_at__isnull=False).order_by("load__known_at", "pk")
    return {row.ref: row for row in rows}
