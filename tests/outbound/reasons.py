"""The sentences of all rows in both languages, from the tables of cases: a page to look at, and a record.

``python -m tests.outbound.reasons`` prints the page, which ``scripts/docs`` writes; with ``record`` it prints
``tests/outbound/cases/sentences.txt``: of each row, the sentences that are put together from its words and what a
check found. What a row says word for word stands in its own file.
"""

from __future__ import annotations

import re
import sys
from calendar import day_name, month_name
from collections.abc import Iterator

from releve.plugins.outbound.engine.legal_rows import Words
from releve.plugins.outbound.engine.rule_files import built_in_rules
from releve.plugins.outbound.engine.verdict import CallFinding, judge_call
from releve.plugins.outbound.engine.vocabulary import get_vocabularies
from tests.outbound.table import Case, cases_of

NAMES = (
    "law", "consent", "time", "history", "caller", "data", "nature", "neighbours", "independent",
    "second_reading", "third_reading", "fourth_reading", "words",
)  # fmt: skip
HEAD = """# Why a call is refused: all sentences

Written by `./scripts/docs` from the tables of cases (`tests/outbound/cases`): each row that may
refuse, with what it says of a case in French and in English and what would make the call lawful.
Where a row says several kinds of things, each is here once. The rows themselves are in
[May this call be placed?](../outbound.md).
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


_LABELS = {word.label.en for vocabulary in get_vocabularies().values() for word in vocabulary.words}
_NAMED = re.compile(
    r"\d+|\"[^\"]*\"|" + "|".join(map(re.escape, sorted({*month_name[1:], *day_name, *_LABELS}, key=len, reverse=True)))
)


def shape(sentence: str) -> str:
    """Return an English sentence without its figures, days and words of vocabularies: what kind it says."""
    return re.sub(r"#(?:[-:/,. #()]|at|times|and)*#", "#", _NAMED.sub("#", sentence))


def page() -> str:
    """Return the page."""
    kept: dict[tuple[str, str, str], dict[str, CallFinding]] = {}
    for _, finding in all_findings():
        key = (finding.id, finding.row.gate, finding.row.kind)
        kept.setdefault(key, {}).setdefault(shape(finding.explains("en")), finding)
    parts = [HEAD]
    for row in built_in_rules().rows:
        found = kept.pop((row.id, row.gate, row.kind), {})
        if found:
            parts.append(f"## {row.id}, {'text' if row.gate == 'H' else 'policy'}\n")
        for finding in found.values():
            parts += [f"- {finding.explains('fr')}\n- {finding.explains('en')}\n"]
    return "\n".join(parts)


def record() -> str:
    """Return the sentences with something filled in, a kind of each row's once, as the tests keep them."""
    kept: dict[tuple[str, str, str], str] = {}
    for _, finding in all_findings():
        row = finding.row
        for words, say in ((row.refuses or row.rule, finding.says), (row.remedy or Words("", ""), finding.remedy)):
            if "{" in words.en:
                kept.setdefault((row.id, words.en, shape(say("en"))), f"{row.id}\n{say('fr')}\n{say('en')}\n")
    order = {row.id: place for place, row in enumerate(built_in_rules().rows)}
    return "\n".join(kept[key] for key in sorted(kept, key=lambda key: order[key[0]]))


if __name__ == "__main__":
    print(record() if sys.argv[1:] == ["record"] else page(), end="")
