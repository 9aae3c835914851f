"""What telework does to the work done: measured per programme, with its uncertainty.

Calls an hour measure in a shared queue how busy it is, not how well people work. The outcome is
therefore the logarithm of ``available / paid / mean handling time``.
"""

from releve.plugins.telework.engine.estimate import ProgrammeEffect, TeleworkReport, estimate_effects
from releve.plugins.telework.engine.records import RecordFaults, WorkRecords, parse_work_records, read_work_records
from releve.plugins.telework.engine.rota import (
    RotaDraw,
    RotaError,
    RotaProtocol,
    commit_to_rota,
    parse_draw,
    parse_protocol,
)
from releve.plugins.telework.engine.verdicts import (
    AppliedEffect,
    EffectDocumentError,
    EffectInterval,
    EffectStep,
    MeasuredEffect,
    ProgrammeVerdict,
    TeleworkVerdicts,
    apply_effects,
    build_document,
    judge_programmes,
    list_unknown_programmes,
    parse_document,
)

__all__ = [
    "AppliedEffect",
    "EffectDocumentError",
    "EffectInterval",
    "EffectStep",
    "MeasuredEffect",
    "ProgrammeEffect",
    "ProgrammeVerdict",
    "RecordFaults",
    "RotaDraw",
    "RotaError",
    "RotaProtocol",
    "TeleworkReport",
    "TeleworkVerdicts",
    "WorkRecords",
    "apply_effects",
    "build_document",
    "commit_to_rota",
    "estimate_effects",
    "judge_programmes",
    "list_unknown_programmes",
    "parse_document",
    "parse_draw",
    "parse_protocol",
    "parse_work_records",
    "read_work_records",
]
