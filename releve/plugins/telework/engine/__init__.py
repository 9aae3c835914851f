"""What telework does to the work done: measured per programme, with its uncertainty.

==================  ==============================================================================
``records``         work records of people and days or weeks, from a file, every fault named
``panel``           the records of one programme as arrays; what is left out, and why
``fixed_effects``   people and periods taken out of an outcome, by one Schur complement
``imputation``      the effect: what those at home did beside what they would have done on site
``placebo``         whether people already differed before they moved
``shrinkage``       programmes that know little borrow from the others; the posterior
``power``           the smallest effect that a rota drawn by lot would show
``estimate``        all of it for every programme, and the rule that names those right for home
``document``        what was measured as JSON, and the operator whose home efficiency follows it
``verdicts``        what follows for each programme, beside what the operator's tables say today
``rota``            who works at home when, drawn from a seed that was committed to
``rota_records``    the records of such a rota, and whether they are as drawn
==================  ==============================================================================

Calls an hour measure in a shared queue how busy it is, not how well people work. The outcome is
therefore the logarithm of ``available / paid / mean handling time``.
"""

from releve.plugins.telework.engine.estimate import (
    ProgrammeEffect,
    TeleworkReport,
    estimate_effects,
)
from releve.plugins.telework.engine.records import (
    RecordFaults,
    WorkRecords,
    parse_work_records,
    read_work_records,
)
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
