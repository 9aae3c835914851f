"""A decision judged again, as known at its own instant."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from releve.gate.decision import build_call, judge_for_holders
from releve.gate.errors import NotAvailable
from releve.gate.fact_reader import CampaignTerms, KnownFacts, hash_facts, read_facts_by_pseudonym
from releve.gate.models import Decision
from releve.outbound import CallVerdict, LegalRules

__all__ = ["Replay", "replay_decision"]


@dataclass(frozen=True, slots=True)
class Replay:
    """The verdicts of a decision, one for each who answers the number, and the facts judged."""

    verdicts: tuple[CallVerdict, ...]
    answer: KnownFacts
    evidence: str

    def agrees(self, decision: Decision) -> bool:
        """Return whether facts and verdict are those of the decision."""
        rules = "|".join(dict.fromkeys(rule for one in self.verdicts for rule in one.rules))
        found = (all(one.allowed for one in self.verdicts), rules, hash_facts(self.evidence))
        return found == (decision.allowed, decision.rules, decision.facts)


def replay_decision(decision: Decision, rules: LegalRules) -> Replay:
    """Judge a decision again; NoSuch where it was judged by another version of the rules."""
    if decision.rules_version != rules.version:
        raise NotAvailable(
            f"{decision} was judged by the rules {decision.rules_version[:12]}, these are "
            f"{rules.version[:12]}: give those of its day"
        )
    pseudonyms = (decision.number, decision.named)
    known = read_facts_by_pseudonym(decision.client, pseudonyms, decision.campaign, decision.at,
                      decision.stand_in)  # fmt: skip
    answer = _remove_attempt(known, str(decision))
    call = build_call(decision.campaign, CampaignTerms(**decision.call), decision.stand_in,
                   decision.caller, decision.named, decision.at, str(decision))  # fmt: skip
    found = judge_for_holders(call, answer, rules)
    return Replay(tuple(found), answer, answer.serialize())


def _remove_attempt(answer: KnownFacts, ref: str) -> KnownFacts:
    """Return what was known without the attempt that the decision itself became."""
    kept = [row for row in answer.own["attempts"] if row[1]["id"] != ref]
    return dataclasses.replace(answer, own={**answer.own, "attempts": kept})
