"""The pack of a crash test: what it found, the certificate to rerun it, plans put in force.

Its figures are simulated: they come from the documents inside, not from entries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from releve.crashtest import CrashResult
from releve.crashtest.policies import name_case
from releve.errors import NumberPhrase, Phrase
from releve.evidence.completeness import Selection
from releve.evidence.errors import PackRefused
from releve.evidence.language import Wording
from releve.evidence.records import load_records
from releve.evidence.sources import PackDraft, PackSource
from releve.evidence.statements import Statement
from releve.runs.installation import open_crash_tests
from releve.runs.results import load_run_results

__all__ = ["draft_crash_test_pack"]

_CERTIFICATE, _FOUND = "certificate.json", "results.json"
_FIGURES = ("calls_served", "days_served", "breaks_target")


def draft_crash_test_pack(source: PackSource, wording: Wording) -> PackDraft:
    """Return what goes into the pack of a crash test, by its id."""
    run = open_crash_tests().get(source.request.recipient)
    if run is None or run.state != "done":
        raise PackRefused(
            Phrase(
                "there is no finished crash test {0}: see `Crash test` on the desk for those there"
                " are",
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
            Statement(
                id="plans",
                text=Phrase("Plans put in force"),
                how="count",
                kinds=("plan.activated",),
            ),
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
                    name: {key: _round(value) for key, value in asdict(getattr(row, name)).items()}
                    for name in _FIGURES
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
                    "{0}, {1}: share of calls served, of {2} simulated quarters",
                    row["name"], label, quarters,
                ),
                "days_served": Phrase(
                    "{0}, {1}: share of days on which all was served", row["name"], label
                ),
                "breaks_target": Phrase(
                    "{0}, {1}: share of quarters that miss a target", row["name"], label
                ),
            }  # fmt: skip
            for name, text in texts.items():
                yield Statement(
                    id=f"{name}-{case}-{place}",
                    text=text,
                    how="document",
                    unit="share",
                    document=_FOUND,
                    path=f"{case}.clients.{place}.{name}.value",
                )
