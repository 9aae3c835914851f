"""Packs of the operator as a whole: the auditor's, the association's (counts), and of a crash test.

The crash test's figures are simulated: they come from its documents, not from entries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from releve.errors import NumberPhrase, Phrase
from releve.plugins.crashtest.engine.policies import name_case
from releve.plugins.crashtest.engine.result import CrashResult
from releve.plugins.crashtest.orders import open_crash_tests
from releve.plugins.crashtest.results import load_run_results
from releve.plugins.evidence.language import Wording
from releve.plugins.evidence.paper import (
    CLOSURE_KINDS,
    OUTAGE_KINDS,
    describe_happenings,
    find_closures,
    name_measure,
    state_closures,
)
from releve.plugins.evidence.records import EvidenceRecord, PackRefused, Statement, load_records
from releve.plugins.evidence.sources import PackDraft, PackSource, PaperTable, Selection

_CONTROL_KINDS = ("check.done", "inspection.held", "tests.done", "audit.verdict", "draw.drawn", "draw.not_visited")
_FINDING_KINDS = ("finding.raised", "finding.answered", "finding.verified")
_AUDIT_KINDS = ("audit.opened", "audit.observed", "audit.concluded", *_FINDING_KINDS)
_KEEPING_KINDS = (
    "ledger.erased",
    "ledger.key_replaced",
    "ledger.key_rotated",
    "ledger.restored",
    "plan.activated",
    "plan.withdrawn",
)
_VERDICTS = (
    ("met", Phrase("Verdicts of the auditor: met")),
    ("partly", Phrase("Verdicts of the auditor: partly met")),
    ("not_met", Phrase("Verdicts of the auditor: not met")),
)
_SEVERITIES = (("major", Phrase("Findings raised: major")), ("minor", Phrase("Findings raised: minor")))
_CAUSES = (
    ("rule", Phrase("Closures by a rule")),
    ("authority", Phrase("Closures by an authority")),
    ("hazard", Phrase("Closures by a hazard")),
    ("operator", Phrase("Closures by the operator")),
)


def draft_audit_pack(source: PackSource, wording: Wording) -> PackDraft:
    """Return what goes into an auditor's pack: controls, audits, closures, the ledger itself."""
    kinds = (*CLOSURE_KINDS, *OUTAGE_KINDS, *_CONTROL_KINDS, *_AUDIT_KINDS, *_KEEPING_KINDS)
    found = _load_period(source, kinds)
    closures = [span for span in find_closures(found) if span.overlaps(source)]
    return PackDraft(
        recipient=wording.say(Phrase("the auditing body")),
        records=found,
        statements=(
            *_state_controls(),
            *(
                Statement(f"verdict-{word}", "count", text, kinds=("audit.verdict",), where={"verdict": word})
                for word, text in _VERDICTS
            ),
            *_state_findings(),
            *state_closures(source, closures),
            *_state_keeping(),
        ),
        tables=(
            _list_verdicts(source, found, wording),
            _list_findings(source, found, wording),
            describe_happenings(source, found, wording),
        ),
        selections=(Selection(kinds),),
    )  # fmt: skip


def draft_association_pack(source: PackSource, wording: Wording) -> PackDraft:
    """Return what goes into the association's pack: counts, and the entries counted; no client."""
    kinds = ("site.closed", "site.reopened", *OUTAGE_KINDS, *_CONTROL_KINDS)
    found = _load_period(source, kinds)
    closures = [span for span in find_closures(found) if span.overlaps(source)]
    return PackDraft(
        recipient=wording.say(Phrase("the association")),
        records=found,
        statements=(
            *state_closures(source, closures),
            *(
                Statement(f"closures-{word}", "count", text, kinds=("site.closed",), where={"cause": word})
                for word, text in _CAUSES
            ),
            *_state_controls(),
        ),
        selections=(Selection(kinds),),
    )


def _load_period(source: PackSource, kinds: Sequence[str]) -> tuple[EvidenceRecord, ...]:
    """Return the entries of the period, and the closures that lasted into it."""
    if source.request.recipient:
        raise PackRefused(
            Phrase(
                "this pack is of the operator as a whole: leave the recipient out, got {0}", source.request.recipient
            )
        )
    found = load_records(kinds, source.root, lambda one: one.at < source.end)
    closures = [span for span in find_closures(found) if span.overlaps(source)]
    lasting = {one.seq for span in closures for one in (span.closed, span.reopened) if one}
    return tuple(one for one in found if source.holds(one.at) or one.seq in lasting or one.kind == "event.corrected")


def _state_controls() -> Iterator[Statement]:
    yield Statement("checks", "count", Phrase("Daily checks done"), kinds=("check.done",))
    yield Statement("sites-checked", "distinct", Phrase("Sites with a daily check"), kinds=("check.done",), path="site")
    yield Statement("visits", "count", Phrase("Visits of a brigade"), kinds=("inspection.held",))
    yield Statement("draws", "count", Phrase("Draws of visits"), kinds=("draw.drawn",))
    yield Statement("missed", "count", Phrase("Visits that were drawn and not made"), kinds=("draw.not_visited",))
    yield Statement("tested", "sum", Phrase("Tests done"), kinds=("tests.done",), path="tested")


def _state_findings() -> Iterator[Statement]:
    """Yield what auditors observed and raised, and what was closed."""
    yield Statement("observations", "count", Phrase("Observations of the auditor"), kinds=("audit.observed",))
    for word, text in _SEVERITIES:
        yield Statement(f"findings-{word}", "count", text, kinds=("finding.raised",), where={"severity": word})
    yield Statement(
        "findings-closed",
        "count",
        Phrase("Findings verified and closed"),
        kinds=("finding.verified",),
        where={"effective": True},
    )


def _state_keeping() -> Iterator[Statement]:
    """Yield what happened to the ledger itself."""
    yield Statement("plans", "count", Phrase("Plans put in force"), kinds=("plan.activated",))
    yield Statement("withdrawals", "count", Phrase("Plans withdrawn"), kinds=("plan.withdrawn",))
    yield Statement(
        "erased", "sum", Phrase("Personal values erased on their day"), kinds=("ledger.erased",), path="values"
    )
    yield Statement(
        "keys", "count", Phrase("Signing keys rotated or replaced"), kinds=("ledger.key_rotated", "ledger.key_replaced")
    )
    yield Statement("restored", "count", Phrase("Restorations from a backup"), kinds=("ledger.restored",))


def _list_verdicts(source: PackSource, records: Sequence[EvidenceRecord], wording: Wording) -> PaperTable:
    rows = tuple(
        (
            source.name_site(one.site) if one.site else wording.say(Phrase("All sites")),
            wording.say(name_measure(str(one.body["measure"]), one.at.date())),
            wording.value(one.body["verdict"], ""),
            wording.day(date.fromisoformat(one.body["valid_to"])),
            str(one.seq),
        )
        for one in records
        if one.kind == "audit.verdict"
    )
    return PaperTable(
        Phrase("Verdicts of the auditor"),
        (Phrase("Site"), Phrase("Measure"), Phrase("Verdict"), Phrase("Valid until"), Phrase("Entry")),
        rows,
        Phrase("No verdict is recorded in the period."),
        wide=1,
    )


def _list_findings(source: PackSource, records: Sequence[EvidenceRecord], wording: Wording) -> PaperTable:
    """Return the findings raised in the period, as they stood at its end."""
    gone = {one.body.get("corrects") for one in records if one.kind == "event.corrected"}
    steps: dict[tuple[str, str], list[EvidenceRecord]] = {}
    for one in records:
        if one.kind in _FINDING_KINDS and one.id not in gone:
            steps.setdefault((one.body["audit"], one.body["finding"]), []).append(one)
    rows = tuple(
        (
            source.name_site(found[0].site),
            wording.say(name_measure(str(found[0].body["measure"]), found[0].at.date())),
            wording.value(found[0].body["severity"], ""),
            wording.day(date.fromisoformat(found[0].body["due"])),
            wording.say(_name_state(found[-1])),
            ", ".join(str(one.seq) for one in found),
        )
        for found in (sorted(one, key=lambda row: row.seq) for one in steps.values())
        if found[0].kind == "finding.raised"
    )
    return PaperTable(
        Phrase("Findings raised in the period"),
        (Phrase("Site"), Phrase("Measure"), Phrase("Severity"), Phrase("Due"), Phrase("State"), Phrase("Entries")),
        rows,
        Phrase("No finding was raised in the period."),
        wide=1,
    )


def _name_state(last: EvidenceRecord) -> Phrase:
    """Return what a finding waits for after its last step."""
    if last.kind == "finding.raised":
        return Phrase("waits for an answer")
    if last.kind == "finding.answered":
        return Phrase("answered, waits for verification")
    if last.body["effective"]:
        return Phrase("verified and closed")
    return Phrase("the answer did not work, waits for another")


_CERTIFICATE, _FOUND = "certificate.json", "results.json"
_FIGURES = ("calls_served", "days_served", "breaks_target")


def draft_crash_test_pack(source: PackSource, wording: Wording) -> PackDraft:
    """Return what goes into the pack of a crash test, by its id."""
    run = open_crash_tests().get(source.request.recipient)
    if run is None or run.state != "done":
        raise PackRefused(
            Phrase(
                "there is no finished crash test {0}: see `Crash test` on the desk for those there are",
                source.request.recipient,
            )
        )
    found = load_run_results(run)
    records = load_records(("plan.activated",), source.root, lambda one: source.holds(one.at))
    results = [_describe_result(one) for one in found.results]
    return PackDraft(
        recipient=run.order.name,
        records=tuple(records),
        statements=(
            *_state_results(results),
            Statement("plans", "count", Phrase("Plans put in force"), kinds=("plan.activated",)),
        ),
        documents={_CERTIFICATE: json.loads(json.dumps(dict(found.certificate))), _FOUND: results},
        selections=(Selection(("plan.activated",)),),
    )


def _describe_result(result: CrashResult) -> dict[str, Any]:
    """Return the figures of a case that the pack prints, rounded to what they are worth."""
    return {
        "case": result.label,
        "quarters": result.quarters,
        "clients": [
            {
                "client": row.client,
                "name": row.name,
                **{
                    name: {key: _round(value) for key, value in asdict(getattr(row, name)).items()} for name in _FIGURES
                },
            }
            for row in result.clients
        ],
    }


def _round(value: float | None) -> float | None:
    return None if value is None or value != value else round(value, 6)


def _state_results(results: list[dict[str, Any]]) -> Iterator[Statement]:
    for case, result in enumerate(results):
        label, quarters = name_case(result["case"]), NumberPhrase(result["quarters"])
        for place, row in enumerate(result["clients"]):
            texts = {
                "calls_served": Phrase(
                    "{0}, {1}: share of calls served, of {2} simulated quarters", row["name"], label, quarters
                ),
                "days_served": Phrase("{0}, {1}: share of days on which all was served", row["name"], label),
                "breaks_target": Phrase("{0}, {1}: share of quarters that miss a target", row["name"], label),
            }
            for name, text in texts.items():
                yield Statement(
                    f"{name}-{case}-{place}",
                    "document",
                    text,
                    unit="share",
                    document=_FOUND,
                    path=f"{case}.clients.{place}.{name}.value",
                )
