"""Campaigns: what a dialler's short name stands for. What is not known here is refused.

The state of each register that the gate needs read shortly before a call.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet

from releve.errors import BilingualPhrase, Phrase
from releve.live.clock import read_clock
from releve.network.faults import Fault
from releve.plugins.outbound.engine.errors import WordFault
from releve.plugins.outbound.engine.fact_files import CAMPAIGNS
from releve.plugins.outbound.engine.fact_tables import EVENT
from releve.plugins.outbound.engine.facts import fold_client_name
from releve.plugins.outbound.engine.phrases import word_label
from releve.plugins.outbound.engine.vocabulary import find_finer_words, find_sector, get_vocabulary, parse_word
from releve.plugins.outbound.gate.connections import next_known_at
from releve.plugins.outbound.gate.errors import LoadRefused
from releve.plugins.outbound.gate.fact_reader import CampaignTerms
from releve.plugins.outbound.gate.models import AbandonedRow, Load, ScrubRow, WatermarkRow
from releve.plugins.outbound.gate.models import CampaignRow as Row
from releve.plugins.outbound.gate.pseudonyms import register_client
from releve.plugins.outbound.gate.sql import TABLES

_MUST = ("object", "sector", "mode", "purpose")
_WORDS = (*_MUST, "origin")


def record_campaign(ref: str, campaign: CampaignTerms, *, by: str) -> bool:
    """Record a campaign, or how it is from now on; return whether anything changed.

    LoadRefused says what is wrong with it. One is closed by its last day.
    """
    return _record(ref, campaign, by, _map_campaign_names())


@transaction.atomic
def _record(ref: str, campaign: CampaignTerms, by: str, names: dict[str, str]) -> bool:
    """Record a campaign, and its name among ``names``, those of all by what spellings share."""
    if not (ref and campaign.client and campaign.object and campaign.sector):
        raise LoadRefused("a campaign needs a name, a client, an object and its sector")
    campaign = _parse_words(campaign)
    own = find_sector(campaign.object)
    if own != campaign.sector:
        words = (_name("object", campaign.object), _name("sector", campaign.sector))
        reason = Phrase("object {0!r} is not of the sector {1!r} but of {2!r}", *words, _name("sector", own))
        fix = Phrase("declare that one, or the object that is offered")
        raise _refuse("sector", campaign.sector, reason, fix)
    if campaign.purpose == "prospecting" and find_finer_words(campaign.object):
        reason = Phrase(
            "object {0!r} is too coarse, no consent or contract covers it", _name("object", campaign.object)
        )
        fix = get_vocabulary("object").advice(campaign.object)
        raise _refuse("object", campaign.object, reason, fix)
    if not ref[0].isalnum():
        reason = Phrase("the campaign's name {0!r} does not begin with a letter or a digit", ref)
        raise _refuse("campaign", ref, reason, Phrase("give it another"))
    _refuse_long_texts(ref, campaign)
    campaign = replace(campaign, client=register_client(campaign.client))
    content = json.dumps({"ref": ref, **asdict(campaign)}, default=str, sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:32]
    last = _find_last(ref)
    named = names.setdefault(fold_client_name(ref), ref)
    if last is None and named != ref:
        reason = Phrase("{0} is written {1} where it is known already", ref, named)
        fix = Phrase(
            "write {0}, or give the campaign a name that differs in more than case, accents and hyphens", named
        )
        raise _refuse("campaign", ref, reason, fix)
    if last is not None and last.digest == digest:
        return False
    if last is not None and last.client != campaign.client:
        reason = Phrase("{0} is a campaign of another client, who would lose its calls to this one", ref)
        raise _refuse("client", campaign.client, reason, Phrase("give it another name"))
    at = next_known_at()
    load = Load.objects.create(source=f"campaign {ref}", by=by, opened_at=read_clock(), known_at=at, rows=1)
    Row.objects.create(load=load, ref=ref, digest=digest, **asdict(campaign))
    return True


def _refuse(column: str, value: str, reason: Phrase, fix: Phrase) -> LoadRefused:
    """Return the refusal of a campaign, with its fault in a table of campaigns."""
    fault = Fault(CAMPAIGNS, 0, column, value, reason, fix)
    return LoadRefused(Phrase("{0}; {1}", reason, fix), (fault,))


def _name(vocabulary_name: str, word: str) -> BilingualPhrase:
    return BilingualPhrase(word, word_label(vocabulary_name, word, "fr"))


def record_campaigns(table: pl.DataFrame, *, by: str) -> int:
    """Record the campaigns of a table; return how many changed. LoadRefused at the first fault."""
    names = _map_campaign_names()
    return sum(
        _record(ref := row.pop("campaign"), _build_terms(ref, row), by, names) for row in table.iter_rows(named=True)
    )


def find_campaign_faults(table: pl.DataFrame) -> list[Fault]:
    """Return the faults of a table of campaigns, inside a transaction that the caller ends."""
    faults, names = list[Fault](), _map_campaign_names()
    whole = table.with_row_index("row").drop_nulls(["campaign", "client", "object", "sector"])
    for row in whole.iter_rows(named=True):
        place = row.pop("row") + 2
        try:
            ref = row.pop("campaign")
            _record(ref, _build_terms(ref, row), "", names)
        except LoadRefused as error:
            faults += (replace(fault, row=place) for fault in error.faults)
    return faults


def _build_terms(ref: str, row: dict[str, Any]) -> CampaignTerms:
    """Return the terms of a row; what its table has no column for stays as last recorded."""
    last = _find_last(ref)
    authenticated = None if last is None else last.authenticated
    mobile = last is not None and last.mobile_terminal
    return CampaignTerms(**row, authenticated=authenticated, mobile_terminal=mobile)


def _refuse_long_texts(ref: str, campaign: CampaignTerms) -> None:
    """Refuse a text that its column does not hold; PostgreSQL would end in an error."""
    for name, text in {"ref": ref, **asdict(campaign)}.items():
        field: Any = Row._meta.get_field(name)
        if isinstance(text, str) and len(text) > field.max_length:
            shown = "name" if name == "ref" else name
            reason = Phrase("the campaign's {0} is longer than {1} characters", shown, field.max_length)
            column = "campaign" if name == "ref" else name
            raise _refuse(column, text, reason, Phrase("shorten it"))


def _parse_words(campaign: CampaignTerms) -> CampaignTerms:
    """Return a campaign whose words are ids; LoadRefused when one is no word."""
    words = {name: getattr(campaign, name) for name in _WORDS}
    try:
        ids = {name: parse_word(name, text).id for name, text in words.items() if text or name in _MUST}
    except WordFault as error:
        raise LoadRefused(str(error)) from error
    return CampaignTerms(**{**asdict(campaign), **ids})


def normalize_campaign_names(frame: pl.DataFrame, others: Iterable[str] = ()) -> pl.DataFrame:
    """Return a table in which each campaign is named as it is known, however it is spelt.

    Of a campaign that is not known yet, its spelling among ``others``, those about to be
    recorded, else the first of the table.
    """
    known = _map_campaign_names()
    names = frame["campaign"].unique(maintain_order=True).to_list()
    for name in filter(None, (*others, *names)):
        known[fold_client_name(name)] = known[fold_client_name(name)] or name
    renames = {name: known[fold_client_name(name)] for name in names if name}
    return frame.with_columns(pl.col("campaign").replace(renames))


def _map_campaign_names() -> defaultdict[str, str]:
    """Return each campaign's name, recorded or only named by facts, by what its spellings share.

    Facts of a load that was killed name none.
    """
    found = defaultdict[str, str](str)
    for model in (AbandonedRow, ScrubRow):
        closed = model._default_manager.filter(Q(load=None) | Q(load__known_at__isnull=False))
        kept = closed.exclude(campaign="").values_list("campaign", flat=True)
        found |= {fold_client_name(name): name for name in kept.order_by().distinct()}
    return found | {fold_client_name(ref): ref for ref in load_campaigns()}


def load_campaigns() -> dict[str, Row]:
    """Return every campaign as it stands now, by its name."""
    return {row.ref: row for row in _select_known()}


def _find_last(ref: str) -> Row | None:
    return _select_known().filter(ref=ref).last()


def _select_known() -> QuerySet[Row]:
    return Row.objects.filter(load__known_at__isnull=False).order_by("load__known_at", "pk")


REGISTERS = ("withdrawals", "refusals", "consents", "attempts")
"""The registers, those that forbid calls first."""


@dataclass(frozen=True, slots=True)
class RegisterState:
    """A register: its rows that count, and the instant of its last event (None: there is none)."""

    feed: str
    rows: int
    last_event_at: datetime | None


def read_register_state(feed: str) -> RegisterState:
    """Return what is known of a register: consents, withdrawals, refusals or attempts."""
    rows = TABLES[feed].model._default_manager.exclude(load__isnull=False, load__known_at=None)
    found = rows.aggregate(rows=Count("pk"), last=Max(EVENT.get(feed, "at")))
    return RegisterState(feed, found["rows"], found["last"])


def read_register_ages(now: datetime) -> dict[str, timedelta]:
    """Return how long ago each register was read last."""
    rows = WatermarkRow.objects.exclude(load__isnull=False, load__known_at=None)
    found = rows.order_by("feed").values_list("feed").annotate(last=Max("read_at"))
    return {feed: now - last for feed, last in found}


def read_register_minutes(now: datetime) -> dict[str, int | None]:
    """Return the age of each register in minutes, rounded up; None where it was never read."""
    ages, minute = read_register_ages(now), timedelta(minutes=1)
    return {name: math.ceil(ages[name] / minute) if name in ages else None for name in REGISTERS}


def summarize_register(frames: Mapping[str, pl.DataFrame], feed: str) -> RegisterState:
    frame = frames[feed]
    last = frame[EVENT.get(feed, "at")].max()
    return RegisterState(feed, frame.height, last if isinstance(last, datetime) else None)
