"""Cases of the law as a table: a call, what is known, and the verdict that the row demands.

A case is a mapping (``cases/*.yaml``). What it does not say is the default: client CLIENT-A sells
electricity to the consumer ``person-1`` at +33144556677, by hand, showing +33162000001, for which
it has a mandate; no consent, contract or refusal; every register was read a minute before. The
consumer of the default number lives in mainland France outside Alsace-Moselle, which the number
does not tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from releve.network.moments import zone
from releve.plugins.outbound.engine.facts import (
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
    Scrub,
    SpokenRefusal,
    Watermark,
    Withdrawal,
)
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.vocabulary import find_sector

CLIENT, PERSON, NUMBER, CALLER = "CLIENT-A", "person-1", "+33144556677", "+33162000001"
FEEDS = ("attempts", "consents", "refusals", "withdrawals")
LONG_AGO = datetime.fromisoformat("2001-01-01T00:00:00+00:00")
_CALL = ("caller", "address", "callee", "purpose", "channel", "mode", "origin", "authenticated")
_CALL += ("mobile_terminal", "campaign", "provider")


@dataclass(frozen=True)
class Case:
    """One case; ``legal`` and ``policy`` hold the ids of the rows that refuse, in any order."""

    id: str
    row: str
    call: Call
    facts: Facts
    known_at: datetime
    legal: frozenset[str]
    policy: frozenset[str]
    basis: str | None
    next: datetime | None
    says_next: bool

    def __str__(self) -> str:
        return f"{self.id}-{self.row}"


def cases_of(name: str) -> list[Case]:
    """Return the cases of a file; an entry with ``each`` is a case a value of it."""
    text = (Path(__file__).parent / "cases" / f"{name}.yaml").read_text(encoding="utf-8")
    found = []
    for entry in yaml.load(text, yaml.CSafeLoader):
        common = {key: value for key, value in entry.items() if key != "each"}
        for number, one in enumerate(entry.get("each", [{}]), 1):
            whole = {**common, **one}
            whole["id"] = f"{whole['id']}.{number}" if "each" in entry else whole["id"]
            found.append(case_of(whole))
    return found


def case_of(entry: dict[str, Any]) -> Case:
    """Return one case from its mapping."""
    at = instant(entry["at"])
    call = Call(
        client=CLIENT,
        number=str(entry.get("number", NUMBER)),
        at=at,
        object=entry.get("object", "electricity"),
        sector=entry.get("sector", find_sector(entry.get("object", "")) or "energy-supply"),
        person=entry.get("person", ""),
        id=entry.get("call_id", entry["id"]),
        **{"caller": CALLER, **{key: entry[key] for key in _CALL if key in entry}},
    )
    refused = entry.get("refused", [])
    only = entry.get("policy", [])
    known_at = instant(entry.get("known_at", entry["at"]))
    return Case(
        id=entry["id"],
        row=entry["row"],
        call=call,
        facts=facts_of(entry, call, known_at),
        known_at=known_at,
        legal=frozenset(refused),
        policy=frozenset(only),
        basis=entry.get("basis"),
        next=instant(entry["next"]) if entry.get("next") else None,
        says_next="next" in entry,
    )


def instant(value: Any) -> datetime:
    """Return an instant; one without offset is Paris wall clock."""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=zone("Europe/Paris"))


def facts_of(entry: dict[str, Any], call: Call, known_at: datetime) -> Facts:
    """Return the facts that a case tells."""
    number = entry.get("held", call.number)
    place = {"address": "" if "number" in entry else "FR"}
    return Facts(
        persons=[
            Person(name, number, LONG_AGO, **place | entry.get("holder", {})) for name in entry.get("persons", [PERSON])
        ],
        consents=[consent(c, i) for i, c in enumerate(entry.get("consents", []), 1)],
        withdrawals=[withdrawal(w) for w in entry.get("withdrawals", [])],
        contracts=[contract(c, i) for i, c in enumerate(entry.get("contracts", []), 1)],
        callbacks=[callback(c, i) for i, c in enumerate(entry.get("callbacks", []), 1)],
        refusals=[refusal(r) for r in entry.get("refusals", [])],
        attempts=[attempt(a, i) for i, a in enumerate(entry.get("attempts", []), 1)],
        listings=[listing(x, number) for x in entry.get("listings", [])],
        scrubs=[scrub(s) for s in entry.get("scrubs", [])],
        mandates=[mandate(m, i, call) for i, m in enumerate(entry.get("mandates", [{}]), 1)],
        aliases=[Alias(*pair) for pair in entry.get("aliases", {}).items()],
        abandoned=[abandoned(a) for a in entry.get("abandoned", [])],
        watermarks=[
            Watermark(feed, instant(read) if read else min(call.at, known_at) - timedelta(minutes=1))
            for feed, read in {**dict.fromkeys(FEEDS), **entry.get("feeds", {})}.items()
            if read != "never"
        ],
    )


def _mapping(value: Any, key: str) -> dict[str, Any]:
    return value if isinstance(value, dict) else {key: value}


def consent(value: Any, number: int) -> Consent:
    given = _mapping(value, "at")
    at = instant(given["at"]) if given["at"] else None
    known = instant(given["known"]) if "known" in given else (at or LONG_AGO)
    slot = given.get("slot")
    return Consent(
        id=given.get("id", f"C{number}"),
        client=given.get("client", CLIENT),
        person=given.get("person", PERSON),
        collected_at=at,
        known_at=known,
        objects=frozenset(given.get("objects", ["electricity"])),
        items=frozenset(ITEMS) - frozenset(given.get("lacks", [])),
        proof=given.get("proof", "sha256:0"),
        act=given.get("act", "ticked-box"),
        until=given.get("until"),
        slot_from=instant(slot) if slot else None,
        slot_to=instant(given["slot_to"]) if "slot_to" in given else None,
        unreadable=given.get("unreadable", ""),
    )


def withdrawal(value: Any) -> Withdrawal:
    given = _mapping(value, "at")
    at = instant(given["at"])
    known = instant(given.get("known", given["at"]))
    return Withdrawal(given.get("client", CLIENT), given.get("person", PERSON), at, known, given.get("consent", ""))


def contract(value: Any, number: int) -> Contract:
    given = _mapping(value, "first")
    return Contract(
        given.get("id", f"K{number}"),
        given.get("client", CLIENT),
        PERSON,
        given["first"],
        given.get("last"),
        instant(given["known"]) if "known" in given else LONG_AGO,
        frozenset(given.get("objects", ["electricity"])),
    )


def callback(value: Any, number: int) -> Callback:
    given = _mapping(value, "at")
    return Callback(
        f"R{number}",
        given.get("client", CLIENT),
        PERSON,
        instant(given["at"]),
        instant(given["at"]),
        frozenset(given.get("objects", ["electricity"])),
        given.get("proof", "sha256:1"),
        given.get("named", False),
        given.get("in_call", False),
    )


def refusal(value: Any) -> SpokenRefusal:
    given = _mapping(value, "at")
    at = instant(given["at"])
    kind, basis = given.get("kind", "refusal"), given.get("basis", "")
    known, person = instant(given.get("known", given["at"])), given.get("person", PERSON)
    return SpokenRefusal(given.get("client", CLIENT), person, at, known, kind, basis)


def attempt(value: Any, number: int) -> Attempt:
    given = _mapping(value, "at")
    at = instant(given["at"])
    known = instant(given.get("known", given["at"]))
    client, person = given.get("client", CLIENT), given.get("person", PERSON)
    return Attempt(
        given.get("id", f"A{number}"), client, person, at, known, given.get("outcome", ""),
        given.get("provider", ""), purpose=given.get("purpose", ""),
    )  # fmt: skip


def listing(value: Any, number: str) -> Listing:
    given = _mapping(value, "at")
    at = instant(given["at"])
    until = instant(given["until"]) if "until" in given else None
    return Listing(given.get("list", "bloctel"), given.get("number", number), at, at, until)


def scrub(value: Any) -> Scrub:
    given = _mapping(value, "at")
    at = instant(given["at"])
    client, campaign = given.get("client", CLIENT), given.get("campaign", "")
    return Scrub(given.get("list", "bloctel"), client, at, at, campaign)


def mandate(given: dict[str, Any], number: int, call: Call) -> Mandate:
    return Mandate(
        f"M{number}",
        given.get("client", CLIENT),
        given.get("number", call.caller),
        given.get("first", date(2001, 1, 1)),
        given.get("last"),
        LONG_AGO,
        given.get("linked"),
    )


def abandoned(given: dict[str, Any]) -> Abandoned:
    known = instant(given["known"])
    return Abandoned(given["campaign"], given["day"], given["abandoned"], given["handled"], known)
