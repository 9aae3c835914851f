"""The tables of the gate: ``facts`` (what is known, twice dated), ``records`` (what was done).

``law`` holds the rules it was done by, ``sealed`` where facts are proved, ``requests`` what people
said by number.
"""

from releve.gate.models.facts import (
    Abandoned,
    Attempt,
    Callback,
    Campaign,
    ClientName,
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
from releve.gate.models.law import RuleTable
from releve.gate.models.records import Batch, Cursor, Decision, Personal
from releve.gate.models.requests import FeedFault, PersonRequest
from releve.gate.models.sealed import FactBatch

__all__ = [
    "Abandoned",
    "Attempt",
    "Batch",
    "Callback",
    "Campaign",
    "ClientName",
    "Consent",
    "Contract",
    "Cursor",
    "Decision",
    "Fact",
    "FactBatch",
    "FeedFault",
    "Listing",
    "Load",
    "Mandate",
    "Person",
    "PersonRequest",
    "Personal",
    "Refusal",
    "RuleTable",
    "Scrub",
    "Watermark",
    "Withdrawal",
]
