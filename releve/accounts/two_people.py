"""Which accounts count as two people: neither had a hand in the other.

An administrator who made an account, saw the link that sets its password, took away its second
factors or gave it a role could act as both people; so could a holder of that account. The reverse
holds too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from releve.accounts.models import AccountAct, Grant
from releve.situation import (
    Event,
    EventRefusal,
    FindingVerified,
    ReopeningApproved,
    Situation,
    refuse,
)

__all__ = ["are_tied", "build_approval_check", "find_tied_accounts"]


def find_tied_accounts(name: str) -> frozenset[str]:
    """Return the names of those who are no second person beside an account, itself included."""
    own = (("user__username", "given_by"), ("given_by", "user__username"))
    found = {name}
    for column, other in own:
        found |= set(Grant.objects.filter(**{column: name}).values_list(other, flat=True))
    for column, other in (("user__username", "by"), ("by", "user__username")):
        found |= set(AccountAct.objects.filter(**{column: name}).values_list(other, flat=True))
    return frozenset(found)


def are_tied(one: str, other: str) -> bool:
    """Return whether two accounts do not count as two people."""
    return other in find_tied_accounts(one)


def build_approval_check(event: Event) -> Callable[[Situation], Iterable[EventRefusal]]:
    """Return what refuses the second of two people who is tied to the first.

    That is a yes to a reopening beside another, or the verification of a finding beside its answer.
    """

    def judge(situation: Situation) -> Iterable[EventRefusal]:
        if isinstance(event, FindingVerified):
            audit = situation.charter_audits.get(event.audit)
            finding = audit and audit.find_finding(event.finding)
            answered = {answer.actor for answer in finding.answers} if finding else set()
            for other in sorted(answered & (find_tied_accounts(event.actor) - {event.actor})):
                yield refuse("finding.tied", other=other)
        if not isinstance(event, ReopeningApproved):
            return
        closure = situation.site(event.site).closure
        tied = find_tied_accounts(event.actor) - {event.actor}
        for other in () if closure is None else closure.approvals:
            if other in tied:
                yield refuse("approval.tied", actor=event.actor, other=other)

    return judge
