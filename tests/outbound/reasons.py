"""All sentences of all rows in both languages, from the tables of cases: one page to look at.

``python -m tests.outbound.reasons`` writes docs/outbound-reasons.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.engine.verdict import CallFinding, judge_call
from tests.outbound.table import Case, cases_of

NAMES = (
    "law", "consent", "time", "history", "caller", "data", "nature", "neighbours", "independent",
    "second_reading", "third_reading", "fourth_reading", "words",
)  # fmt: skip
HEAD = """# Why a call is refused: all sentences

Written by `./scripts/docs` from the tables of cases (`tests/outbound/cases`): each row that may
refuse, with what it says of a case in French and in English and what would make the call lawful.
Where a row says several kinds of things, each is here once. The rows themselves are in
[May this call be placed?](outbound.md).
"""


def all_cases() -> list[Case]:
    """Return the cases of every table."""
    return [case for name in NAMES for case in cases_of(name)]


def all_findings() -> Iterator[tuple[Case, CallFinding]]:
    """Yield every refusal of every case."""
    rules = built_in_rules()
    for case in all_cases():
        found = judge_call(case.call, case.facts, rules, case.known_at, timed=False)
        for finding in found.findings:
            yield case, finding


def shape(finding: CallFinding) -> str:
    """Return a refusal's sentence without its figures, days and object: what kind it says."""
    text = re.sub(r"this object \([^)]+\)", "this object", finding.explains("en"))
    text = re.sub(r"\d+|" + "|".join(_NAMES), "#", text)
    return re.sub(r"(#[-:/, #at(times)and]*)+", "#", text)


_NAMES = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday",
          "Saturday", "Sunday")  # fmt: skip


def page() -> str:
    """Return the page."""
    kept: dict[tuple[str, str, str], dict[str, CallFinding]] = {}
    for _, finding in all_findings():
        key = (finding.id, finding.row.gate, finding.row.kind)
        kept.setdefault(key, {}).setdefault(shape(finding), finding)
    parts = [HEAD]
    for row in built_in_rules().rows:
        found = kept.pop((row.id, row.gate, row.kind), {})
        if found:
            parts.append(f"## {row.id}, {'text' if row.gate == 'H' else 'policy'}\n")
        for finding in found.values():
            parts += [f"- {finding.explains('fr')}\n- {finding.explains('en')}\n"]
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
