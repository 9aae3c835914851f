"""May this call be placed? The law as dated rows, verdicts with their reasons, lists screened."""

from releve.outbound.calls import CALLEES, CHANNELS, MODES, PURPOSES, Call
from releve.outbound.errors import CallFault, FactFaults, OutboundError, RuleFault, RuleFaults
from releve.outbound.facts import (
    ITEMS,
    Abandoned,
    Alias,
    Attempt,
    Callback,
    Consent,
    Contract,
    Facts,
    Listing,
    Mandate,
    Person,
    Refusal,
    Scrub,
    Watermark,
    Withdrawal,
)
from releve.outbound.legal_rows import LEGAL_ZONE, Row, Rules, Territory, Words
from releve.outbound.pacing import abandoned_share, estimated_abandoned
from releve.outbound.rule_files import built_in_rules, built_in_texts, load_rules
from releve.outbound.verdict import Finding, Lifted, LocalTime, Verdict, next_allowed, verdict

__all__ = [
    "CALLEES",
    "CHANNELS",
    "ITEMS",
    "LEGAL_ZONE",
    "MODES",
    "PURPOSES",
    "Abandoned",
    "Alias",
    "Attempt",
    "Call",
    "CallFault",
    "Callback",
    "Consent",
    "Contract",
    "FactFaults",
    "Facts",
    "Finding",
    "Lifted",
    "Listing",
    "LocalTime",
    "Mandate",
    "OutboundError",
    "Person",
    "Refusal",
    "Row",
    "RuleFault",
    "RuleFaults",
    "Rules",
    "Scrub",
    "Territory",
    "Verdict",
    "Watermark",
    "Withdrawal",
    "Words",
    "abandoned_share",
    "built_in_rules",
    "built_in_texts",
    "estimated_abandoned",
    "load_rules",
    "next_allowed",
    "verdict",
]
