"""Random people with random facts, as typed tables: for tests that compare two ways of judging.

What a call costs, in queries of polars.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from releve.network.moments import UTC
from releve.plugins.outbound.engine.fact_files import TABLES, list_columns
from releve.plugins.outbound.engine.fact_references import FORBIDDING, KNOWING
from releve.plugins.outbound.engine.fact_tables import build_empty_frames
from releve.plugins.outbound.engine.facts import ITEMS
from tests.outbound.table import CALLER, CLIENT, FEEDS

NUMBERS = (
    "+3314455{:04d}",
    "+3338811{:04d}",
    "+3361234{:04d}",
    "+26269211{:04d}",
    "+59059011{:04d}",
    "+68711{:04d}",
    "+3491122{:04d}",
    "+322512{:04d}",
    "+39061234{:04d}",
    "+44207123{:04d}",
    "+3389911{:04d}",
)
SPELLINGS = (CLIENT, "client a", "Client_A", CLIENT, "A Énergies SA")
"""What facts call the client; the last one is an alias."""
_SHARES = (0.3, 0.1, 0.2, 0.06, 0.06, 0.02, 0.06, 0.06, 0.06, 0.04, 0.04)
_EMPTY = build_empty_frames()
_ADDRESSES = ("", "", "", "75001", "13002", "67000", "97400", "GP", "nowhere")


def people_of(
    count: int, now: datetime, seed: int, *, slips: bool = True
) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """Return a list of ``count`` people to call, and tables of facts about them around ``now``.

    With ``slips`` some hold words that are none, as no folder may.
    """
    draw, now = np.random.default_rng(seed), now.astimezone(UTC)
    sayings, numbers = np.random.default_rng([seed, 1]), np.random.default_rng([seed, 2])
    given: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    rows = []
    for i in range(count):
        number = NUMBERS[draw.choice(len(NUMBERS), p=_SHARES)].format(i)
        person = f"P{i}"
        rows.append(_row(draw, number, person, given, now))
        _facts(draw, number, person, given, now)
        _said(sayings, number, person, given, now)
        _hold_another(numbers, i, person, given, now)
        if slips and i % 17 == 3:
            _misspell(i // 17 % 6, number, person, given, now - timedelta(days=i % 20))
    given["feeds"] = [{"feed": feed, "read_at": now - timedelta(minutes=1)} for feed in FEEDS]
    given["mandates"] = [{"id": "M1", "client": CLIENT, "number": CALLER, "first": day(now, -900)}]
    given["scrubs"] = [
        {"list": name, "client": CLIENT, "at": now - timedelta(days=10)}
        for name in ("bloctel", "ne-mappelez-plus", "rpo")
    ]
    given["clients"] = [{"client": CLIENT, "alias": SPELLINGS[-1]}, {"client": "CLIENT-B"}]
    frames = {name: frame_of(name, entries) for name, entries in given.items()}
    return pl.DataFrame(rows), frames if slips else known_alone(frames)


def count_queries(function: Callable[[], object]) -> int:
    """Return how many queries polars runs for a function; one of few rows costs about 0.1 ms."""
    found = 0

    def watch(frame: object, event: str, given: Any) -> None:
        nonlocal found
        found += event == "c_call" and given.__name__ in ("collect", "collect_all")

    threading.setprofile(watch)
    sys.setprofile(watch)
    try:
        function()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return found


def known_alone(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return tables without what forbids calls to persons, or takes back consents, not known."""
    found = dict(frames)
    known = pl.concat([frames[name]["person"] for name in KNOWING]).unique()
    ids = pl.concat([frames["consents"]["id"], pl.Series(["", "C1"])]).unique()
    for name in FORBIDDING:
        by_number = pl.col("person").str.starts_with("+") & (name != "attempts")
        found[name] = found[name].filter(pl.col("person").is_in(known.implode()) | by_number)
    kept = pl.col("consent").is_in(ids.implode())
    found["withdrawals"] = found["withdrawals"].filter(kept)
    return found


def day(now: datetime, days: int) -> Any:
    return (now + timedelta(days=days)).date()


def frame_of(table: str, entries: list[dict[str, Any]]) -> pl.DataFrame:
    """Return a table with defaults for what its rows do not say."""
    schema = _EMPTY[table].schema
    early = datetime.fromisoformat("2001-01-01T00:00:00+00:00")
    defaults: dict[str, Any] = {"act": "ticked-box", "kind": "refusal", "known_at": early}
    defaults |= {name: "" for name, (kind, _) in list_columns(table).items() if kind == "text"} | (
        {"act": "ticked-box", "kind": "consumer" if table == "people" else "refusal"}
    )
    blank = {"unreadable": "", "items": [], "objects": [], "named": False, "in_call": False}
    whole = [{name: entry.get(name, {**blank, **defaults}.get(name)) for name in schema} for entry in entries]
    return pl.DataFrame(whole, schema=schema)


def _row(
    draw: np.random.Generator, number: str, person: str, given: dict[str, list[dict[str, Any]]], now: datetime
) -> dict[str, str]:
    address = str(draw.choice(_ADDRESSES))
    held = draw.random()
    if held < 0.6:
        kind = "business" if draw.random() < 0.1 else "consumer"
        given["people"].append({"person": person, "number": number, "kind": kind, "address": address})
        if held < 0.05:
            given["people"].append({"person": person + "b", "number": number})
    named = "" if held < 0.3 or held > 0.97 else person
    return {
        "number": "not a number" if held > 0.98 else number,
        "person": named,
        "address": address if held > 0.5 else "",
        "callee": str(draw.choice(["", "consumer", "business"], p=[0.8, 0.15, 0.05])),
    }


def _facts(
    draw: np.random.Generator, number: str, person: str, given: dict[str, list[dict[str, Any]]], now: datetime
) -> None:
    def ago(most: float) -> datetime:
        exact = draw.random() < 0.1
        return now - timedelta(seconds=round(float(draw.uniform(-0.02, 1)) * most * 86400) if not exact else 0)

    spelling = SPELLINGS[int(person[1:]) % len(SPELLINGS)]
    client = {"client": spelling if draw.random() < 0.9 else "CLIENT-B", "person": person}
    for k in range(int(draw.choice([0, 1, 2], p=[0.3, 0.5, 0.2]))):
        at = ago(420)
        given["consents"].append(
            {
                **client,
                "id": f"C{person}-{0 if draw.random() < 0.02 else k}",
                "collected_at": None if draw.random() < 0.02 else at,
                "known_at": at + timedelta(minutes=float(draw.uniform(-0.5, 60))),
                "objects": list(draw.choice(["electricity", "gas", "press"], 2)),
                "items": list(ITEMS) if draw.random() < 0.9 else ["identity"],
                "proof": "x" if draw.random() < 0.95 else "",
                "act": str(draw.choice(["signature", "pre-ticked-box"], p=[0.95, 0.05])),
                "until": day(now, int(draw.integers(-20, 300))) if draw.random() < 0.3 else None,
                "slot_from": ago(1) if draw.random() < 0.05 else None,
            }
        )
    if draw.random() < 0.1:
        at = ago(200)
        named = f"C{person}-0" if draw.random() < 0.5 else ""
        given["withdrawals"].append({**client, "at": at, "known_at": at, "consent": named})
    if draw.random() < 0.15:
        last = day(now, int(draw.integers(-400, 100))) if draw.random() < 0.5 else None
        objects = ["electricity"] if draw.random() < 0.7 else ["gas"]
        first = day(now, int(draw.integers(-800, 20)))
        given["contracts"].append({**client, "id": f"K{person}", "first": first, "last": last, "objects": objects})
    if draw.random() < 0.03:
        at = ago(12)
        given["callbacks"].append(
            {**client, "id": f"R{person}", "requested_at": at, "known_at": at, "proof": "y",
             "objects": ["electricity"], "named": bool(draw.random() < 0.5)}
        )  # fmt: skip
    for _ in range(int(draw.choice([0, 1], p=[0.85, 0.15]))):
        at = ago(90)
        kind = str(draw.choice(["refusal", "not-interested", "not-now"]))
        basis = str(draw.choice(["", "consent:C1", "contract:K1"]))
        given["refusals"].append({**client, "at": at, "known_at": at, "kind": kind, "basis": basis})
    for k in range(int(draw.choice([0, 1, 3, 5], p=[0.5, 0.2, 0.2, 0.1]))):
        at = ago(35)
        outcome = str(draw.choice(["", "abandoned", "conversation"]))
        given["attempts"].append({**client, "id": f"A{person}-{k}", "at": at, "known_at": at, "outcome": outcome})
    if draw.random() < 0.1:
        at = ago(500)
        name = str(draw.choice(["bloctel", "robinson", "ne-mappelez-plus", "rpo"]))
        until = at + timedelta(days=300) if draw.random() < 0.3 else None
        given["listings"].append({"list": name, "number": number, "at": at, "known_at": at, "until": until})


def _misspell(which: int, number: str, person: str, given: dict[str, list[dict[str, Any]]], at: datetime) -> None:
    """Tell something about a person in a word that is none, or in another spelling of one."""
    when, client = {"at": at, "known_at": at}, {"client": CLIENT, "person": person}
    if which == 0:
        given["refusals"].append({**client, **when, "kind": "reffus"})
    elif which == 1:
        given["refusals"].append({**client, **when, "kind": "Refusé", "basis": "consnt:C1"})
    elif which == 2:
        given["listings"].append({"list": "blocktel", "number": number, **when})
    elif which == 3:
        given["attempts"].append({**client, **when, "id": "A", "outcome": "converzation"})
    elif which == 4:
        given["people"].append({"person": person, "number": number, "kind": "custommer"})
    else:
        given["refusals"].append({**client, **when, "kind": "refus", "basis": "Consentement"})
        given["attempts"].append({**client, **when, "id": "B", "outcome": "Entretien"})
        given["attempts"].append({**client, **when, "id": "C", "purpose": "livraison"})
        given["listings"].append({"list": "Bloctel", "number": number, **when})


def _hold_another(
    draw: np.random.Generator, place: int, person: str, given: dict[str, list[dict[str, Any]]], now: datetime
) -> None:
    """Give a person the number of another as well, perhaps only from later on."""
    if draw.random() > 0.25:
        return
    other = NUMBERS[draw.choice(len(NUMBERS), p=_SHARES)].format(max(place + draw.integers(-9, 9), 0))
    known = now - timedelta(days=float(draw.integers(-2, 90)))
    given["people"].append({"person": person, "number": other, "known_at": known})
    if draw.random() < 0.5:
        at = now - timedelta(days=float(draw.integers(0, 100)))
        fact = {"client": str(draw.choice(["", CLIENT])), "person": other, "at": at, "known_at": at}
        given[str(draw.choice(["withdrawals", "refusals"]))].append(fact)


def _said(
    draw: np.random.Generator, number: str, person: str, given: dict[str, list[dict[str, Any]]], now: datetime
) -> None:
    """Add what was said by number, or to every client; objections by person as well."""
    if draw.random() > 0.3:
        return
    at = now - timedelta(days=float(draw.integers(-2, 120)))
    by_number = draw.random() < 0.6
    written = number.replace("+33", "+33 (0)") if draw.random() < 0.3 else number
    fact = {
        "client": str(draw.choice(["", CLIENT, "CLIENT-B"])),
        "person": written if by_number else person,
        "at": at,
        "known_at": at,
    }
    if draw.random() < 0.5:
        given["withdrawals"].append(fact)
    kind = str(draw.choice(["objection", "objection", "refusal", "not-now"]))
    given["refusals"].append({**fact, "kind": kind})
