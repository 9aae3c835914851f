"""Which accounts count as two people: no one person could act through both.

Making an account, giving it a role, seeing a link that sets its password, removing its second
factors and changing its address are *hands*: the person behind such an act could act through the
account afterwards. So behind an account stand its owner and, back to the first, all who stood at
the time behind accounts with a hand in it; behind a token stands who stood behind its giver, and
behind one that provisions accounts the directory, too. Accounts with a person in common are tied
and count as one. A confirmation takes the earlier hands away: an administrator vouches that the
owner alone holds the account and has no other. It counts when no one person stands behind the
account and behind all who confirmed it since the last hand.

The administrators of a directory and of a sign-in service are not known: its hand may be any one
person's. An account with that hand is tied to every other until two administrators who are two
people confirm it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from typing import Any

from releve.accounts.models import AccountAct, Grant, Token
from releve.accounts.permissions import PROVISIONS
from releve.errors import Phrase
from releve.situation import (
    ClosureExtended,
    Event,
    EventCorrected,
    EventRefusal,
    FindingVerified,
    ReopeningApproved,
    SiteClosed,
    Situation,
    list_case_corrections,
    list_reopening_acts,
    refuse,
)

COMMAND_LINE = "command line"
"""Who acts where a command does: one person, as far as hands go."""
TOKEN_PREFIX = "token:"
"""A program goes by this and the name of its token. No account's name holds a colon."""
SERVICE_PREFIX = "service:"
"""A directory or a sign-in service goes by this and its id where it makes, gives a role to or opens an account."""
DIRECTORY = f"{SERVICE_PREFIX}scim"
"""The organisation's directory, which holds every token of provisioning."""
ROLE, ISSUED, HELD = "role", "issued", "held"

_SENTENCES: dict[str, Callable[[Any, str], Phrase]] = {
    AccountAct.MADE: lambda by, name: Phrase("{0} made the account {1}", by, name),
    ROLE: lambda by, name: Phrase("{0} gave {1} a role", by, name),
    AccountAct.LINK: lambda by, name: Phrase("{0} saw a link that sets the password of {1}", by, name),
    AccountAct.FACTORS: lambda by, name: Phrase("{0} removed the second factors of {1}", by, name),
    AccountAct.ADDRESS: lambda by, name: Phrase("{0} changed the address of {1}", by, name),
    AccountAct.ENTRY: lambda by, name: Phrase("{0} could sign in to {1} without a second factor", by, name),
    ISSUED: lambda by, name: Phrase("{0} issued the token of {1}", by, name),
    HELD: lambda by, name: Phrase("{0} holds the token of {1}", by, name),
}
_ACTORS: dict[str, Any] = {COMMAND_LINE: Phrase("the command line"), DIRECTORY: Phrase("the directory")}


def is_service(name: str) -> bool:
    return name.startswith(SERVICE_PREFIX)


@dataclass(frozen=True, slots=True)
class Act:
    """What ``by`` did to an account at an instant: a hand in it, or a word for its owner."""

    account: str
    kind: str
    by: str
    at: datetime


@dataclass(slots=True)
class AccountStanding:
    """Who could act through an account now.

    ``behind``: each person, by the account that is theirs, with the hands that lead from there to
    this account; the account itself with none. ``doubtful``: who may stand behind the account and
    behind all who confirmed it since the last hand; None before the first confirmation.
    ``last_access``: the last hand by which a password could be set or a factor removed.
    """

    behind: dict[str, tuple[Act, ...]]
    doubtful: frozenset[str] | None = None
    last_access: Act | None = None

    @property
    def stands_alone(self) -> bool:
        """Whether only the owner acts through the account."""
        return len(self.behind) == 1

    @property
    def service(self) -> str:
        """A service with a hand in the account, through which any person may act; empty without one."""
        return next(filter(is_service, self.behind), "")

    def narrow(self, confirmer: AccountStanding) -> frozenset[str]:
        """Return who may stand behind the account and all who confirm it, with one more."""
        asked = frozenset(self.behind) if self.doubtful is None else self.doubtful
        if confirmer.service:
            return asked
        return frozenset(confirmer.behind) if any(map(is_service, asked)) else asked & confirmer.behind.keys()

    def find_way(self, person: str) -> tuple[Act, ...]:
        """Return the hands by which a person may stand behind the account."""
        return self.behind[person if person in self.behind else self.service]

    def find_common_hands(self, other: AccountStanding) -> tuple[Act, ...] | None:
        """Return the shortest way by which one person could act through both accounts; None where untied."""
        ways = [self.behind[name] + other.behind[name] for name in self.behind if name in other.behind]
        ways += [row.behind[row.service] for row in (self, other) if row.service]
        return min(ways, key=len, default=None)


@dataclass(slots=True)
class AccountStandings:
    """The standing of each account; an account without acts has its owner behind it alone."""

    known: dict[str, AccountStanding] = field(default_factory=dict)

    def __getitem__(self, name: str) -> AccountStanding:
        return self.known.setdefault(name, AccountStanding({name: ()}))


def find_standings(acts: Iterable[Act]) -> AccountStandings:
    """Return the standing of each account after the acts, which come in the order of time."""
    found = AccountStandings()
    for act in acts:
        own, other = found[act.account], found[act.by]
        if act.kind == AccountAct.DECLARED:
            found.known[act.account] = AccountStanding({act.account: ()})
        elif act.kind == AccountAct.CONFIRMED:
            own.doubtful = own.narrow(other)
            if not own.doubtful:
                found.known[act.account] = AccountStanding({act.account: ()})
        elif act.by != act.account:
            for person, way in other.behind.items():
                own.behind.setdefault(person, (*way, act))
            own.doubtful = None
            if act.kind != ROLE:
                own.last_access = act
    return found


def find_tie(acts: Iterable[Act], one: str, other: str, *, other_acted_at: datetime | None = None) -> Phrase | None:
    """Return how one person could act through both accounts, as a sentence; None where untied.

    An account that ``other_acted_at`` an instant must be untied as it was then, too: a confirmation
    since does not make that act another person's. ``acts`` in the order of time.
    """
    acts = tuple(acts)
    now = find_standings(acts)
    found = now[one].find_common_hands(now[other])
    if found is None and other_acted_at is not None:
        then = find_standings(act for act in acts if act.at <= other_acted_at)
        found = now[one].find_common_hands(then[other])
    return None if found is None else describe_hands(found)


def describe_hands(hands: Iterable[Act]) -> Phrase:
    """Return the hands in accounts as one sentence; without any the account is tied to itself."""
    said = [_SENTENCES[hand.kind](_name_actor(hand.by), hand.account) for hand in dict.fromkeys(hands)]
    return reduce(lambda one, other: Phrase("{0}; {1}", one, other), said or [Phrase("it is one account")])


def _name_actor(by: str) -> Any:
    return _ACTORS.get(by, Phrase("the sign-in service") if is_service(by) else by)


def phrase_tie(tie: Phrase) -> Phrase:
    """Return the refusal of the second of two administrators, with the tie."""
    return Phrase(
        "one person could act as both of you ({0}): an administrator whom neither of you gave"
        " access has to allow it, or to confirm one of the accounts before it is asked for",
        tie,
    )


def list_acts() -> tuple[Act, ...]:
    """Return every act on an account or a token, in the order of time; three queries.

    Of acts at one instant a confirmation is the first, so that it takes no hand away.
    """
    no_hands = (AccountAct.CLOSED, AccountAct.OPENED)
    acts = AccountAct.objects.exclude(kind__in=no_hands).values_list("user__username", "kind", "by", "at")
    grants = Grant.objects.values_list("user__username", "given_by", "given_at")
    tokens = Token.objects.values_list("name", "given_by", "given_at", "role")
    found = [
        *(Act(*row) for row in acts),
        *(Act(name, ROLE, by, at) for name, by, at in grants),
        *(Act(TOKEN_PREFIX + name, ISSUED, by, at) for name, by, at, _role in tokens),
        *(Act(TOKEN_PREFIX + name, HELD, DIRECTORY, at) for name, _by, at, role in tokens if role in PROVISIONS),
    ]
    words = (AccountAct.CONFIRMED, AccountAct.DECLARED)
    return tuple(sorted(found, key=lambda act: (act.at, act.kind not in words)))


def build_approval_check(event: Event) -> Callable[[Situation], Iterable[EventRefusal]]:
    """Return what refuses the second of two people who is tied to the first.

    That is a yes to a reopening beside another, the verification of a finding beside its answer,
    or the lifting of a closure beside the correction of a record on which it rests.
    """

    def judge(situation: Situation) -> Iterable[EventRefusal]:
        first: Sequence[Event]
        if isinstance(event, FindingVerified):
            audit = situation.charter_audits.get(event.audit)
            finding = audit and audit.find_finding(event.finding)
            code, first = "finding.tied", finding.answers if finding else ()
        elif isinstance(event, ReopeningApproved):
            acts = list_reopening_acts(situation, event.site)
            code, first = "approval.tied", [r for r in acts if isinstance(r, ReopeningApproved)]
        elif isinstance(event, EventCorrected):
            first = _list_corrections(event, situation)
            code = "lifting.tied"
            if first and event.actor.startswith(TOKEN_PREFIX):
                yield refuse("lifting.by_program")
        else:
            return
        done = list_acts() if first else ()
        for other, at in sorted({row.actor: row.recorded_at for row in first}.items()):
            tie = find_tie(done, event.actor, other, other_acted_at=at)
            if tie and other != event.actor:
                yield refuse(code, actor=event.actor, other=other, tie=tie)

    return judge


def _list_corrections(event: EventCorrected, situation: Situation) -> tuple[EventCorrected, ...]:
    """Return the corrections since a rule ordered the closure that ``event`` lifts; else none."""
    order = situation.event(event.corrects)
    if not isinstance(order, SiteClosed | ClosureExtended) or not order.rule:
        return ()
    closure = situation.site(order.site).closure
    first = closure.rule_order if closure is not None else None
    found = list_case_corrections(situation, order.site)
    return tuple(row for row in found if first is not None and row.recorded_at >= first.recorded_at)
