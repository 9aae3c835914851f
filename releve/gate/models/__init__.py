"""The tables of the gate: ``facts`` (what is known, twice dated), ``records`` (what was done).

``law`` holds the rules it was done by, ``sealed`` where facts are proved, ``requests`` what people
said by number.
"""

from releve.gate.models.facts import (
    AbandonedRow,
    AttemptRow,
    CallbackRow,
    CampaignRow,
    ClientName,
    ConsentRow,
    ContractRow,
    FactRow,
    ListingRow,
    Load,
    MandateRow,
    PersonRow,
    RefusalRow,
    ScrubRow,
    UnplacedRow,
    WatermarkRow,
    WithdrawalRow,
)
from releve.gate.models.law import RuleTable
from releve.gate.models.records import Batch, Cursor, Decision, PseudonymValue
from releve.gate.models.requests import FeedFaultRow, PersonRequestRow
from releve.gate.models.sealed import FactBatch

__all__ = [
    "AbandonedRow",
    "AttemptRow",
    "Batch",
    "CallbackRow",
    "CampaignRow",
    "ClientName",
    "ConsentRow",
    "ContractRow",
    "Cursor",
    "Decision",
    "FactBatch",
    "FactRow",
    "FeedFaultRow",
    "ListingRow",
    "Load",
    "MandateRow",
    "PersonRequestRow",
    "PersonRow",
    "PseudonymValue",
    "RefusalRow",
    "RuleTable",
    "ScrubRow",
    "UnplacedRow",
    "WatermarkRow",
    "WithdrawalRow",
]
