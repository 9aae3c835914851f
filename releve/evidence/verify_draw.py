#!/usr/bin/env python3
"""Verify the draw of a day's visits: compute it again from what was recorded, and print each step.

    python verify_draw.py draw.json --key PUBLICKEY

``draw.json`` is what ``releve inspection pack`` writes: a proof of each entry of the ledger that
the draw rests on. PUBLICKEY is the ledger's public key, 64 hex digits, or a file that holds it.

Exit status: 0 everything holds; 1 a fault was found, each is named; 2 the call was wrong.

Written for Python 3.9 or newer and its standard library. ``verify.py``, which checks the proofs of
the entries, stands beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import importlib.util
import json
import sys
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

FORMAT = "releve draw 1"
PARTIES = ("operator", "commission")
RULE = (
    "plan", "first_day", "days", "operator_anchor", "commission_anchor", "visits",
    "most_permille", "least_permille", "per_agent", "per_day", "per_finding", "deadline_hour",
)  # fmt: skip
"""What the hash of a plan covers."""
Body = dict[str, Any]


def load_verifier() -> Any:
    """Return ``verify.py``, which stands beside this file."""
    path = Path(__file__).with_name("verify.py")
    spec = importlib.util.spec_from_file_location("releve_ledger_verify", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise OSError(f"{path} is missing: put verify.py beside this file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# 1. The hashes of a draw, each with a tag of its own.


def climb(link: bytes, count: int) -> bytes:
    """Return the link ``count`` hashes further on."""
    for _ in range(count):
        link = hashlib.sha256(b"releve draw link 1\n" + link).digest()
    return link


def hash_plan(plan: Body) -> bytes:
    rule = {name: plan[name] for name in RULE}
    text = json.dumps(rule, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"releve draw plan 1\n" + text.encode()).digest()


def derive_seed(plan: Body, day: str, links: list[bytes]) -> bytes:
    parts = [hash_plan(plan), day.encode(), *links, b""]
    text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.sha256(b"releve draw seed 1\n" + text).digest()


def mix(seed: bytes, text: bytes) -> bytes:
    return hmac.new(seed, text, hashlib.sha256).digest()


# 2. Probabilities and choice, in exact fractions.


def share_out(weights: dict[str, int], visits: int, least: Fraction, most: Fraction) -> Body:
    """Return clamp(c * weight, least, most) for each unit, with the c at which they add up."""

    def total(factor: Fraction) -> Fraction:
        return sum((min(max(factor * w, least), most) for w in weights.values()), Fraction(0))

    low = Fraction(0)
    for high in sorted({bound / w for w in weights.values() for bound in (least, most)}):
        if total(high) >= visits:
            rise = total(high) - total(low)  # linear between two neighbours
            factor = low + (high - low) * (visits - total(low)) / rise if rise else high
            return {unit: min(max(factor * w, least), most) for unit, w in weights.items()}
        low = high
    raise ValueError("so many visits cannot be drawn from this frame")


def choose(shares: Body, seed: bytes, closed: list[str]) -> tuple[list[str], list[str]]:
    """Return the visits, and the steps that lead to them as lines."""
    order = sorted(shares, key=lambda unit: mix(seed, b"releve draw unit 1\n" + unit.encode()))
    start = Fraction(int.from_bytes(mix(seed, b"releve draw start 1\n"), "big"), 2**256)
    lines = [f"  seed {seed.hex()}", f"  start {float(start):.6f}"]
    chosen, below = [], Fraction(0)
    for unit in order:
        above = below + shares[unit]
        point = start if start >= below else start + -((start - below) // 1)
        hit = below <= point < above
        chosen += [unit] if hit else []
        mark = "  drawn" if hit else ""
        lines.append(f"  {unit}: p {float(shares[unit]):.6f}, up to {float(above):.6f}{mark}")
        below = above
    visits = {unit for unit in chosen if unit not in closed}
    for unit in chosen:
        if unit in closed:
            at = order.index(unit)
            free = [one for one in order[at + 1 :] + order[:at]
                    if one not in closed and one not in visits and one not in chosen]  # fmt: skip
            visits.update(free[:1])
            lines.append(f"  {unit} was closed: {free[0] if free else 'no site'} in its place")
    return [unit for unit in order if unit in visits], lines


# 3. The checks.


class Draw:
    """What a pack shows of one day, checked; ``faults`` are sentences, ``lines`` the steps."""

    def __init__(self, day: str, entries: list[Body]) -> None:
        self.day, self.faults, self.lines = day, [], []  # type: str, list[str], list[str]
        self.entries = sorted(entries, key=lambda entry: int(entry["seq"]))
        plans = self.find("draw.planned")
        frames = [entry for entry in self.find("draw.framed") if entry["body"]["day"] == day]
        if len(plans) != 1 or len(frames) != 1:
            self.faults.append(f"one plan and one frame of {day} are needed, found {len(plans)} and"
                               f" {len(frames)}")  # fmt: skip
            return
        self.plan, self.frame = plans[0]["body"], frames[0]
        self.links: dict[str, bytes] = {}
        self.check_frame()
        self.check_links()
        self.check_draws()

    def find(self, kind: str) -> list[Body]:
        return [entry for entry in self.entries if entry["kind"] == kind]

    def check_frame(self) -> None:
        if self.frame["recorded_at"][:10] > self.day:
            self.faults.append(f"the frame of {self.day} was recorded after that day")
        units = self.frame["body"]["units"]
        if not units or len({unit["site"] for unit in units}) != len(units):
            self.faults.append("the frame is empty, or names a site twice")
        for unit in units:
            rule = 1 + self.plan["per_agent"] * unit["agents"] + self.plan["per_day"] * unit["days"]
            rule += self.plan["per_finding"] * unit["findings"]
            if unit["weight"] != rule:
                found = f"the weight of {unit['site']} is {unit['weight']}"
                self.faults.append(f"{found}, the plan's rule gives {rule}")

    def check_links(self) -> None:
        """Take each party's link of the day, also from one that was revealed for a later day."""
        first = date.fromisoformat(self.plan["first_day"])
        number = (date.fromisoformat(self.day) - first).days + 1
        if not 1 <= number <= self.plan["days"]:
            self.faults.append(f"{self.day} is not a day of the plan")
        for entry in self.find("draw.revealed"):
            body, link = entry["body"], bytes.fromhex(entry["body"]["link"])
            later = (date.fromisoformat(body["day"]) - date.fromisoformat(self.day)).days
            anchor = bytes.fromhex(self.plan[f"{body['party']}_anchor"])
            if later < 0:
                continue
            if climb(link, number + later) != anchor:
                self.faults.append(
                    f"the link of the {body['party']} for {body['day']} does not lead to its anchor"
                )
                continue
            if entry["seq"] < self.frame["seq"]:
                self.faults.append(
                    f"late frame: it is entry {self.frame['seq']}, after the link of the"
                    f" {body['party']}, entry {entry['seq']}"
                )
            self.links[body["party"]] = climb(link, later)

    def check_draws(self) -> None:
        draws = [e["body"] for e in self.find("draw.drawn") if e["body"]["day"] == self.day]
        if not draws:
            self.faults.append(f"there is no draw of {self.day}")
        for body in draws:
            self.check_draw(body)
        held = {body["withheld"] for body in draws}
        for party in sorted(held - {""}):
            if party in self.links and "" not in held:
                self.faults.append(
                    f"the {party} withheld its link, which a later one gives: the draw with it is"
                    " missing, and its visits too"
                )
        visits = dict.fromkeys(site for body in draws for site in body["visits"])
        for site in visits:
            self.lines.append(f"to visit: {site}, {self.follow(site)}")

    def check_draw(self, body: Body) -> None:
        units = {unit["site"]: unit["weight"] for unit in self.frame["body"]["units"]}
        least, most = (
            Fraction(self.plan[name], 1000) for name in ("least_permille", "most_permille")
        )
        links = [
            b"" if party == body["withheld"] else self.links.get(party, b"") for party in PARTIES
        ]
        given = dict(zip(PARTIES, links))  # noqa: B905 (Python 3.9)
        missing = [who for who in PARTIES if not given[who] and who != body["withheld"]]
        if missing or not any(links):
            named = " and of the ".join(missing or PARTIES)
            self.faults.append(
                f"withheld link: that of the {named} is not shown, and the draw uses it"
            )
            return
        without = f" without the link of the {body['withheld']}" if body["withheld"] else ""
        self.lines.append(f"draw of {self.day}{without}:")
        seed = derive_seed(self.plan, self.day, links)
        try:
            shares = share_out(units, self.plan["visits"], least, most)
        except (ValueError, ZeroDivisionError):
            self.faults.append("no draw can be made from this frame by the plan's numbers")
            return
        visits, lines = choose(shares, seed, body["closed"])
        self.lines += lines
        if visits != body["visits"]:
            self.faults.append(
                f"the draw gives {', '.join(visits)}, on record are {', '.join(body['visits'])}"
            )

    def follow(self, site: str) -> str:
        """Return what became of a visit."""
        for entry in self.find("draw.not_visited"):
            if (entry["body"]["day"], entry["body"]["site"]) == (self.day, site):
                return f"not visited: {entry['body']['reason']!a}, recorded at {recorded(entry)}"
        for entry in self.find("inspection.held"):
            if entry["body"]["site"] == site:
                return f"visited at {entry['body']['happened_at']}, recorded at {recorded(entry)}"
        return "no visit and no reason on record"


def recorded(entry: Body) -> str:
    """Return when an entry was recorded, in whole seconds as it says when it happened."""
    return str(entry["recorded_at"])[:19] + "Z"


def check_pack(pack: Any, keys: Any, ledger: Any) -> tuple[list[str], list[str]]:
    """Return the faults of a pack, and the steps of its draws as lines."""
    if not isinstance(pack, dict) or set(pack) != {"format", "day", "proofs"}:
        return ["the file is not a draw: expected the names day, format and proofs"], []
    if pack["format"] != FORMAT:
        return [f"the format is {pack['format']!a}, expected {FORMAT!a}"], []
    faults, entries = [], []
    for proof in pack["proofs"]:
        try:
            ledger.check_proof(proof, keys, [])
        except ledger.VerifyError as fault:
            faults.append(str(fault))
            continue
        entries.append(proof["entry"])
    draw = Draw(pack["day"], entries)
    return faults + draw.faults, draw.lines


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify the draw of a day's visits.")
    parser.add_argument("file", type=Path, help="what `releve inspection pack` wrote")
    parser.add_argument("--key", action="append", required=True, help="public key, hex or a file")
    given = parser.parse_args(arguments)
    try:
        ledger = load_verifier()
        keys = ledger.Keys([ledger.read_key(text) for text in given.key])
        pack = json.loads(given.file.read_text(encoding="utf-8"))
        faults, lines = check_pack(pack, keys, ledger)
    except (OSError, ValueError, KeyError, TypeError) as error:
        print(f"verify_draw.py: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print("\n".join(lines))
    for fault in faults:
        print(f"FAULT {fault}")
    print(f"NOT VERIFIED, faults: {len(faults)}" if faults else "VERIFIED")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
