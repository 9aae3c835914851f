"""The tables of the gate: ``facts`` (what is known, twice dated), ``records`` (what was done)."""

from releve.gate.models.facts import (
    Abandoned,
    Attempt,
    Callback,
    Campaign,
    Consent,
    Contract,
    Fact,
    Listing,
    Load,
    Mandate,
    Person,
    Refusal,
    Scrub,
    Watermark,
    Withdrawal,
)
from releve.gate.models.records import Batch, Cursor, Decision, Personal

__all__ = [
    "Abandoned",
    "Attempt",
    "Batch",
    "Callback",
    "Campaign",
    "Consent",
    "Contract",
    "Cursor",
    "Decision",
    "Fact",
    "Listing",
    "Load",
    "Mandate",
    "Person",
    "Personal",
    "Refusal",
    "Scrub",
    "Watermark",
    "Withdrawal",
]
