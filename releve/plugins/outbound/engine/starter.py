"""A first folder of facts: every table, with one person who may be called at an instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from releve.plugins.outbound.engine.fact_files import TABLES, list_columns
from releve.plugins.outbound.engine.fact_tables import build_facts, read_tables
from releve.plugins.outbound.engine.facts import ITEMS
from releve.plugins.outbound.engine.judged_call import Call
from releve.plugins.outbound.engine.legal_rows import LegalRules, to_legal_day
from releve.plugins.outbound.engine.verdict import find_next_allowed
from releve.plugins.outbound.engine.vocabulary import get_vocabulary

CLIENT, CAMPAIGN, PERSON = "example", "first", "P1"
NUMBER, CALLER = "+33199000001", "+33162000001"
OBJECT, SECTOR = "electricity", "energy-supply"
_CONSENT_DAYS = 30
"""Days since the example's consent; it is given at ten, when calls are."""


@dataclass(frozen=True, slots=True)
class Starter:
    """The files of a first folder by name, and the call that they allow."""

    files: Mapping[str, bytes]
    call: Call


def build_starter(now: datetime, rules: LegalRules) -> Starter:
    """Return the folder for a call now, or at the next instant at which one may be placed."""
    call = Call(CLIENT, NUMBER, now, OBJECT, CALLER, CAMPAIGN, sector=SECTOR)
    facts = build_facts(read_tables(_build_files(now), whole=True))
    at = find_next_allowed(call, facts, rules, now)
    if at is None:
        raise ValueError("under the rules that are loaded the example is never allowed")
    at = at.astimezone(now.tzinfo)
    return Starter(_build_files(at), call.moved_to(at))


def _build_files(at: datetime) -> dict[str, bytes]:
    given = at - timedelta(days=_CONSENT_DAYS)
    read = (at - timedelta(minutes=1)).isoformat(timespec="seconds")
    rows: dict[str, list[dict[str, str]]] = {
        "people": [
            {"person": PERSON, "number": NUMBER, "kind": "consumer", "address": "75001"},
        ],
        "consents": [
            {
                "id": "C1", "client": CLIENT, "person": PERSON,
                "collected_at": given.isoformat(timespec="seconds"), "objects": OBJECT,
                "items": "|".join(ITEMS), "proof": "form-2026-1.pdf", "act": "ticked-box",
                "until": (to_legal_day(at) + timedelta(days=180)).isoformat(),
                "channel": "web form",
            }
        ],
        "mandates": [
            {"id": "M1", "client": CLIENT, "number": CALLER, "linked": "true",
             "first": to_legal_day(given).isoformat()},
        ],
        "feeds": [{"feed": feed, "read_at": read} for feed in get_vocabulary("feed").ids],
        "clients": [{"client": CLIENT, "alias": ""}],
    }  # fmt: skip
    return {f"{table}.csv": _render_csv(table, rows.get(table, [])) for table in TABLES}


def _render_csv(table: str, rows: list[dict[str, str]]) -> bytes:
    """Return a table with all its columns but those of the system."""
    columns = [name for name in list_columns(table) if name != "known_at" or table == "abandoned"]
    lines = [columns, *([row.get(name, "") for name in columns] for row in rows)]
    return ("\n".join(",".join(line) for line in lines) + "\n").encode()
