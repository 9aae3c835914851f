#!/usr/bin/env python3
"""Verify the draw of a day's visits: compute it again from what was recorded, and print each step.

    python verify_draw.py draw.json --key PUBLICKEY --root root.json --anchor ANCHOR
    python verify_draw.py plan.json --key PUBLICKEY --root root.json --new-chain chain.json
    python verify_draw.py draw.json --key PUBLICKEY --root root.json --chain chain.json
    python verify_draw.py mine.json yours.json --key PUBLICKEY --root root.json --anchor ANCHOR

The files are what ``releve inspection pack`` writes. PUBLICKEY is the ledger's public key, 64 hex
digits, or a file that holds it. The operator signs with that key and could sign two histories, so
nothing is verified without something that the operator cannot take back:

--root     a root that you, or a person you trust, held before the commission used its link of the
           day. Give each one you have; or in its place the keys of witnesses (--witness), of which
           --quorum (all, where it is not given) cosigned such a root under --origin, the name of
           the ledger: a witness knows a history by that name, and each name has its own.
--anchor   the anchor that the commission published: from the commission, not from the operator.
--link     where the file says that the commission withheld its link: the one that it gives you.

The commission verifies the plan and makes its chain by --new-chain, which prints the anchor to
publish. On a day, --chain computes the visits on its own machine, from the file of today or of
--day, and shows the link of that day where nothing is wrong or missing. Two or more files are
verified each, and compared: whether they contradict each other.

Exit status: 0 everything holds; 1 a fault was found or something is missing, each is named; 2 the
call was wrong.

Written for Python 3.9 or newer and its standard library. ``verify.py``, which checks the proofs of
the entries, stands beside it.
"""

import sys  # built in; the first import, so no "from __future__": that reads __future__.py here

if __name__ == "__main__" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]  # this folder: a json.py that came with the files would run in place of ours

import argparse
import hashlib
import hmac
import itertools
import json
import os
import re
import secrets
import types
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

FORMAT, CHAIN_FORMAT = "releve draw 2", "releve draw chain 2"
NAMES = {"day", "entries", "format", "plan", "root", "roots", "signature"}
PARTIES = ("operator", "commission")
RULE = (
    "plan", "first_day", "days", "operator_anchor", "visits", "most_permille", "least_permille",
    "per_agent", "per_day", "per_finding", "deadline_hour",
)  # fmt: skip
"""What the hash of a plan covers."""
TALLIED, FRAMES = "ledger.tallied", "counts.draw/framed"
TALLY_NAMES = {"after", "clients", "counts", "sites"}
Body = dict[str, Any]


def load_verifier() -> Any:
    """Return ``verify.py``, which stands beside this file."""
    path = Path(__file__).with_name("verify.py")
    if not path.is_file():
        raise OSError(f"{path} is missing: put verify.py beside this file")
    module = types.ModuleType("releve_ledger_verify")
    module.__file__ = str(path)
    # Its text, and not an import: that would run a __pycache__ which came with the files.
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    return module


# 1. The hashes of a draw, each with a tag of its own.


def climb(link: bytes, count: int, binding: bytes = b"") -> bytes:
    """Return the link ``count`` hashes further on; ``binding`` is empty in the operator's chain."""
    for _ in range(count):
        link = hashlib.sha256(b"releve draw link 2\n" + binding + link).digest()
    return link


def hash_plan(plan: Body) -> bytes:
    rule = {name: plan[name] for name in RULE}
    text = json.dumps(rule, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"releve draw plan 2\n" + text.encode()).digest()


def bind_plan(plan: Body, size: int, tree: str) -> bytes:
    """Return what ties the commission's chain to a plan and the root under which it was shown."""
    text = hash_plan(plan) + size.to_bytes(8, "big") + bytes.fromhex(tree)
    return hashlib.sha256(b"releve draw binding 1\n" + text).digest()


def derive_seed(binding: bytes, anchor: bytes, day: str, links: list[bytes]) -> bytes:
    parts = [binding, anchor, day.encode(), *links, b""]
    text = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return hashlib.sha256(b"releve draw seed 2\n" + text).digest()


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
        share = f"p {float(shares[unit]):.6f}, up to {float(above):.6f}"
        lines.append(f"  {plain(unit)}: {share}{mark}")
        below = above
    visits = {unit for unit in chosen if unit not in closed}
    for unit in chosen:
        if unit in closed:
            at = order.index(unit)
            free = [one for one in order[at + 1 :] + order[:at]
                    if one not in closed and one not in visits and one not in chosen]  # fmt: skip
            visits.update(free[:1])
            instead = plain(free[0]) if free else "no site"
            lines.append(f"  {plain(unit)} was closed: {instead} in its place")
    return [unit for unit in order if unit in visits], lines


# 3. The checks.


class DrawReader:
    """What the reader holds against the operator: roots, an anchor, a chain, keys of witnesses."""

    def __init__(self, ledger: Any, keys: Any, roots: list[Body], anchor: str = "",
                 chain: Any = None, day: str = "", link: str = "") -> None:  # fmt: skip
        self.ledger, self.keys, self.roots, self.chain = ledger, keys, roots, chain
        self.link = bytes.fromhex(link)
        self.newest = 0  # the number of the newest root in all files that are compared
        self.day = day or datetime.now().astimezone().date().isoformat()
        if chain is not None:
            if set(chain) != {"binding", "days", "first", "format"}:
                raise ValueError("the chain is not one that --new-chain made")
            first, binding = bytes.fromhex(chain["first"]), bytes.fromhex(chain["binding"])
            own = climb(first, chain["days"], binding).hex()
            if anchor not in ("", own):
                raise ValueError(f"the anchor of the chain is {own}: --anchor gives another one")
            anchor = own
        self.anchor = anchor


class Draw:
    """What a pack shows of a plan or of one day, checked.

    ``faults`` are sentences on what does not hold, ``missing`` on what the reader did not give;
    ``lines`` are the steps, ``compare`` what to compare with others.
    """

    def __init__(self, pack: Any, reader: DrawReader) -> None:
        self.faults: list[str] = []
        self.missing: list[str] = []
        self.lines: list[str] = []
        self.compare: list[str] = []
        self.reader, self.pack = reader, pack
        self.root: Body = {}
        self.plan: Body = {}
        self.shown_roots: dict[int, Body] = {}
        self.records: dict[int, Body] = {}
        self.entries: dict[int, Body] = {}
        self.frame: Body | None = None
        self.binding, self.anchor, self.bound_root = b"", "", 0
        self.links: dict[str, bytes] = {}
        self.day = ""
        self.known_at = 0  # the entry from which on the operator knew the commission's link
        self.unseen: list[str] = []  # sites drawn, without a visit or a reason on record
        self.own_link = ""  # the commission's, of the day, from its chain
        self.withheld: set[str] = set()
        if not isinstance(pack, dict) or set(pack) != NAMES:
            self.faults.append(f"the file is not a draw: expected the names {sorted(NAMES)}")
            return
        if pack["format"] != FORMAT:
            self.faults.append(f"the format is {pack['format']!a}, expected {FORMAT!a}")
            return
        self.day, self.plan_id = pack["day"], pack["plan"]
        ledger = reader.ledger
        try:
            signed = {"root": pack["root"], "signature": pack["signature"]}
            self.root = ledger.check_root(signed, reader.keys)
        except ledger.VerifyError as fault:
            self.faults.append(str(fault))
            return
        self.records, self.faults = ledger.check_entries(pack["entries"], self.root)
        if self.faults:
            return
        self.entries = {seq: record["entry"] for seq, record in self.records.items()}
        self.check_plan()

    def find(self, kind: str, **wanted: str) -> list[Body]:
        """Return the entries of a kind in the order of the ledger, by values of their bodies."""
        return [
            entry for _, entry in sorted(self.entries.items())
            if entry["kind"] == kind and wanted.items() <= entry["body"].items()
        ]  # fmt: skip

    def check_plan(self) -> None:
        other = [seq for seq, entry in self.entries.items() if entry["stream"] != "live"]
        if other:
            self.faults.append(f"entry {min(other)} is of a drill, which no tally lists")
        plans = self.find("draw.planned", plan=self.plan_id)
        if len(plans) != 1:
            self.faults.append(f"one plan {self.plan_id!a} is needed, found {len(plans)}")
            return
        self.planned, self.plan = plans[0], plans[0]["body"]
        named = [name for name in RULE if "anchor" not in name]
        rule = ", ".join(f"{name} {plain(self.plan[name])}" for name in named)
        self.lines.append(f"rule: {rule}")
        self.compare += [
            f"plan {self.plan_id!a}: entry {self.planned['seq']}, recorded at"
            f" {self.planned['recorded_at']}, hash {hash_plan(self.plan).hex()}",
            f"anchor of the operator: {self.plan['operator_anchor']}",
        ]
        self.held = self.find_held_roots()
        if not self.day:
            if not any(root["size"] >= self.planned["seq"] for root, _ in self.held):
                self.miss_root(f"the plan, entry {self.planned['seq']}")
            return
        if date.fromisoformat(self.day).isoformat() != self.day:  # 20261201 would be a day more
            self.faults.append(f"the day is {self.day!a}, expected YYYY-MM-DD")
            return
        if self.reader.chain is not None and self.day != self.reader.day:
            self.faults.append(
                f"the file is of {self.day}, and you draw for {self.reader.day}: the visits of an"
                " earlier day are known, and a link of a later day tells every link before it. Ask"
                " for the file of the day; for another day than today give --day"
            )
            return
        frames = self.find("draw.framed", plan=self.plan_id, day=self.day)
        if len(frames) != 1:
            self.faults.append(f"one frame of {self.day} is needed, found {len(frames)}")
            return
        self.frame = frames[0]
        if self.check_joining():
            self.check_frame()
            self.check_links()
            self.check_held_frame()
            self.check_draws()

    def miss_root(self, what: str) -> None:
        self.missing.append(
            f"no root that you gave covers {what}, and not yet the commission's link: give one that"
            " was held before that link was used (--root), or witnesses of one (--witness)"
        )

    # Roots: those of the pack, and which of them the reader or a witness held.

    def find_held_roots(self) -> list[tuple[Body, str]]:
        """Return the roots that the reader or enough witnesses held, each with who held it."""
        held, shown = [], self.shown_roots
        for one in self.pack["roots"]:
            if one["root"]["number"] in shown:
                self.faults.append(f"root {one['root']['number']} stands there twice")
            shown[one["root"]["number"]] = one
        for given in self.reader.roots:
            number, one = given["number"], shown.get(given["number"])
            ours = self.root if number == self.root["number"] else one and one["root"]
            if ours and ours != given:
                self.faults.append(f"root {number} is not the one that you hold: the operator signed two histories")
            elif one is not None and self.is_beginning(one):
                held.append((given, f"sealed, as it says, at {given['sealed_at']}: you hold it"))
            elif one is None and number > self.root["number"]:
                if number > self.reader.newest:
                    self.missing.append(
                        f"root {number}, which you hold, is newer than the file and cannot be"
                        " compared: ask for a file that was made after it"
                    )
            elif one is None and number < min(shown, default=number) and (given["size"] < self.planned["seq"]):
                self.lines.append(f"root {number} is older than the plan and was not compared")
            elif one is None:
                self.faults.append(f"root {number}, which you hold, is left out: the file may be of another history")
        if self.reader.keys.witnesses:
            for one in shown.values():
                times = self.list_cosigned(one)
                if times and self.is_beginning(one):
                    who = ", ".join(f"{name} at {at}" for name, at in times)
                    held.append((one["root"], f"cosigned by {who}"))
        for root, how in held:
            self.compare.append(f"root {root['number']}: {root['size']} entries, tree {root['tree']}, {how}")
        return held

    def is_beginning(self, one: Body) -> bool:
        """Return whether the pack's root grew from one of its earlier roots; if not, say so."""
        ledger = self.reader.ledger
        try:
            signed = {"root": one["root"], "signature": one["signature"]}
            root = ledger.check_root(signed, self.reader.keys)
            ledger.check_path(one["path"])
            if root["size"] <= self.root["size"] and ledger.is_grown(root, self.root, one["path"]):
                return True
            fault = f"root {self.root['number']} did not grow from root {root['number']}"
        except ledger.VerifyError as error:
            fault = str(error)
        self.faults.append(fault)
        return False

    def list_cosigned(self, one: Body) -> list[tuple[str, str]]:
        """Return the witnesses that signed a root in time, with their times, where enough did.

        A cosignature of the day itself or later counts for nothing; one in time counts beside it.
        """
        ledger, keys = self.reader.ledger, self.reader.keys
        try:
            named = ledger.check_checkpoint(one["checkpoint"], one["root"], keys, self.day)
        except ledger.VerifyError:
            return []
        return [(name, at) for name, at in named if at and (not self.day or at < self.day)]

    # The commission's anchor, the frame, the links.

    def check_joining(self) -> bool:
        """Check that the anchor of the commission is bound to the plan under a root shown."""
        joined = self.find("draw.joined", plan=self.plan_id)
        if len(joined) != 1:
            self.faults.append(f"one anchor of the commission is needed, found {len(joined)}")
            return False
        body = joined[0]["body"]
        self.anchor, self.bound_root = body["commission_anchor"], body["root_number"]
        self.binding = bind_plan(self.plan, body["root_size"], body["root_tree"])
        one = self.shown_roots.get(self.bound_root)
        found = one and (one["root"]["size"], one["root"]["tree"])
        if one is None or found != (body["root_size"], body["root_tree"]):
            self.faults.append(f"root {self.bound_root}, which binds the anchor, is not shown")
        elif self.is_beginning(one) and not (self.planned["seq"] <= body["root_size"] < joined[0]["seq"]):
            self.faults.append("the root that binds the anchor does not cover the plan alone")
        self.compare += [
            f"anchor of the commission: {self.anchor}, entry {joined[0]['seq']}, recorded at"
            f" {joined[0]['recorded_at']}",
            f"it is bound to root {self.bound_root}: {body['root_size']} entries, tree {body['root_tree']}",
        ]
        if not self.reader.anchor:
            self.missing.append("the anchor that the commission published: ask the commission, and give --anchor")
        elif self.reader.anchor != self.anchor:
            self.faults.append(f"the anchor of the commission is {self.reader.anchor}, this draw has another one")
            return False
        chain = self.reader.chain
        if chain is not None and chain["binding"] != self.binding.hex():
            self.faults.append(
                "your anchor stands under a plan or a root that your chain was not made for: give"
                " no link of it to anybody, it could tell links of other days"
            )
            return False
        return True

    def check_frame(self) -> None:
        assert self.frame is not None
        joined = self.find("draw.joined", plan=self.plan_id)[0]
        if self.frame["seq"] < joined["seq"]:
            self.faults.append("the frame was recorded before the commission joined the plan")
        if self.frame["recorded_at"][:10] > self.day:
            self.faults.append(f"the frame of {self.day} was recorded after that day")
        units = self.frame["body"]["units"]
        if not units or len({unit["site"] for unit in units}) != len(units):
            self.faults.append("the frame is empty, or names a site twice")
        closed = [unit["site"] for unit in units if unit["closed"]]
        if len(units) - len(closed) <= self.plan["visits"]:
            self.lines.append("every site that is open in the frame is visited: nothing is drawn")
        sites = ", ".join(plain(unit["site"]) for unit in units)
        self.compare.append(
            f"frame of {self.day}: entry {self.frame['seq']}, recorded at"
            f" {self.frame['recorded_at']}; sites: {sites};"
            f" closed, as the operator says: {', '.join(map(plain, closed)) or 'none'}"
        )
        for unit in units:
            site = plain(unit["site"])
            numbers = [unit[name] for name in ("weight", "agents", "days", "findings")]
            if (
                not all(type(one) is int and 0 <= one <= 10**12 for one in numbers)
                or unit["days"] > 366
                or type(unit["closed"]) is not bool
            ):  # two numbers from 2**53 on can have one hash
                self.faults.append(f"a number of {site} in the frame is out of bounds")
                continue
            self.compare.append(
                f"  {site}: {unit['agents']} agents, {unit['days']} days since the last visit,"
                f" {unit['findings']} measures that it did not find kept"
            )
            rule = 1 + self.plan["per_agent"] * unit["agents"] + self.plan["per_day"] * unit["days"]
            rule += self.plan["per_finding"] * unit["findings"]
            if unit["weight"] != rule:
                found = f"the weight of {site} is {unit['weight']}"
                self.faults.append(f"{found}, the plan's rule gives {rule}")

    def check_links(self) -> None:
        """Take each party's link of the day, also from one that was revealed for a later day."""
        assert self.frame is not None
        first = date.fromisoformat(self.plan["first_day"])
        number = (date.fromisoformat(self.day) - first).days + 1
        if not 1 <= number <= self.plan["days"]:
            self.faults.append(f"{self.day} is not a day of the plan")
            return
        anchors = {"operator": self.plan["operator_anchor"], "commission": self.anchor}
        for entry in self.find("draw.revealed", plan=self.plan_id):
            body, link = entry["body"], bytes.fromhex(entry["body"]["link"])
            party, later = (body["party"], (date.fromisoformat(body["day"]) - date.fromisoformat(self.day)).days)
            binding = self.binding if party == "commission" else b""
            if later < 0:
                continue
            if climb(link, number + later, binding).hex() != anchors[party]:
                self.faults.append(f"the link of the {party} for {body['day']} does not lead to its anchor")
                continue
            if entry["seq"] < self.frame["seq"]:
                self.faults.append(
                    f"late frame: it is entry {self.frame['seq']}, after the link of the {party}, entry {entry['seq']}"
                )
            if party == "commission":
                self.known_at = min(self.known_at or entry["seq"], entry["seq"])
            self.links[party] = climb(link, later, binding)
        if self.reader.link:
            if climb(self.reader.link, number, self.binding).hex() != self.anchor:
                self.faults.append("the link that you gave does not lead to the anchor by this day")
                return
            self.links["commission"] = self.reader.link
        for entry in self.find("draw.present", plan=self.plan_id, day=self.day):
            body = entry["body"]
            self.compare.append(
                f"list of those present at {body['site']}: {body['count']} people, {body['tests']}"
                f" tests, hash {body['list_hash']}"
            )
            if len(self.find("draw.present", plan=self.plan_id, day=self.day, site=body["site"])) > 1:
                self.faults.append(f"there are two lists of those present at {body['site']}")
            if self.known_at and entry["seq"] > self.known_at:
                self.faults.append(f"the list of {body['site']} came after the commission's link")
        chain = self.reader.chain
        if chain is not None:
            if chain["days"] != self.plan["days"]:
                self.faults.append(f"your chain has {chain['days']} links, the plan other days")
                return
            own = climb(bytes.fromhex(chain["first"]), chain["days"] - number, self.binding)
            self.links["commission"] = own
            self.own_link = own.hex()

    def check_held_frame(self) -> None:
        """Check that a root held in time covers the frame, and that it is the only one there."""
        assert self.frame is not None
        fit = [
            root
            for root, _ in self.held
            if self.frame["seq"] <= root["size"] and not (self.known_at and self.known_at <= root["size"])
        ]
        if not fit:
            self.miss_root(f"the frame of {self.day}, entry {self.frame['seq']}")
        known = (
            f"entry {self.known_at}, recorded, as the operator says, at {self.entries[self.known_at]['recorded_at']}"
            if self.known_at
            else "not on record yet"
        )
        self.compare.append(
            f"the commission's link: {known}; ask the commission when it first used the link: your"
            " root has to be from before"
        )
        root = max(fit, key=lambda one: int(one["size"]), default=self.root)
        bound = self.shown_roots.get(self.bound_root, {}).get("root", self.root)
        listed: set[int] = set()
        while root["number"] > bound["number"]:
            at, earlier = root["size"], self.find_previous(root)
            tally, record = self.entries.get(at), self.records.get(at, {})
            values = {one["path"]: one["value"] for one in record.get("values", ())}
            if (
                tally is None
                or tally["kind"] != TALLIED
                or set(tally["body"]) != TALLY_NAMES  # a name with a dot could pass for a list
                or FRAMES not in values
            ):
                self.faults.append(f"the tally at entry {at} is not shown: a frame may be left out")
                return
            listed |= {seq for group in values[FRAMES] for seq in group["entries"]}
            if earlier is None or tally["body"]["after"] != earlier["size"]:
                self.faults.append(
                    f"what the tally at entry {at} follows is not the root before it: a frame may be left out"
                )
                return
            root = earlier
        if root != bound:
            self.faults.append("the roots do not lead back to the one that binds the anchor")
        if self.frame["seq"] not in listed:
            self.faults.append(f"no tally lists the frame, entry {self.frame['seq']}")
        hidden = sorted(
            seq
            for seq in listed
            if seq > bound["size"] and (seq not in self.entries or self.entries[seq]["kind"] != "draw.framed")
        )
        if hidden:
            self.faults.append(f"the frame of entry {hidden[0]} is not shown: it may be of this day")

    def find_previous(self, root: Body) -> "Body | None":
        """Return the root before a root, which names its hash; None where it is not shown."""
        ledger = self.reader.ledger
        found: Body | None = self.shown_roots.get(root["number"] - 1, {}).get("root")
        if found is None or ledger.sha256(ledger.signed_bytes(found)) != root["previous"]:
            return None
        return found

    # The draws.

    def check_draws(self) -> None:
        draws = [e["body"] for e in self.find("draw.drawn", plan=self.plan_id, day=self.day)]
        if not draws and self.reader.chain is None:
            self.faults.append(f"there is no draw of {self.day}")
        visits: list[str] = []
        for body in draws:
            visits += self.check_draw(body)
        held = self.withheld = {body["withheld"] for body in draws}
        for party in sorted(held - {""}):
            if party in self.links and "" not in held:
                self.faults.append(
                    f"the {party} withheld its link, or it was not recorded: it is known, the draw"
                    " with it is missing, and its visits too"
                )
        if "commission" in held and "commission" not in self.links:
            self.missing.append(
                "that the commission withheld its link is the operator's word, and the operator"
                " knew that draw beforehand: ask the commission for its link of the day (--link)"
            )
        if "operator" in held and "operator" not in self.links and self.reader.chain is None:
            self.missing.append(
                "that the operator withheld its own link is its word: it could leave the link out"
                " after it knew the commission's, and choose between two draws. Ask the commission"
                " whether it had the link, and for a file with a later link of the operator"
            )
        if self.reader.chain is not None and "" not in held:
            self.lines.append("no draw with your link is on record; computed from it:")
            without = "" if "operator" in self.links else "operator"
            if without:
                self.lines.append(f"  the operator's link is missing: ask for it, until {self.plan['deadline_hour']} h")
            visits += self.compute(without) or []
        for site in dict.fromkeys(visits):
            self.lines.append(f"to visit: {plain(site)}, {self.follow(site)}")

    def check_draw(self, body: Body) -> list[str]:
        """Compare a draw on record with what the frame and the links give; return the latter."""
        if body["withheld"] not in ("", *PARTIES):
            self.faults.append(f"a draw names {body['withheld']!a}, which is not a party")
            return []
        visits = self.compute(body["withheld"])
        if visits is None:
            return []
        if visits != body["visits"]:
            self.faults.append(
                f"the draw gives {', '.join(map(plain, visits))}, on record are {', '.join(map(plain, body['visits']))}"
            )
        return visits

    def compute(self, withheld: str) -> "list[str] | None":
        """Return the visits without the link of one party; None where that cannot be computed."""
        assert self.frame is not None
        units = self.frame["body"]["units"]
        given = {who: b"" if who == withheld else self.links.get(who, b"") for who in PARTIES}
        missing = [who for who in PARTIES if not given[who] and who != withheld]
        if missing or not any(given.values()):
            named = " and of the ".join(missing or PARTIES)
            self.faults.append(f"withheld link: that of the {named} is not shown, and the draw uses it")
            return None
        without = f" without the link of the {withheld}" if withheld else ""
        self.lines.append(f"draw of {self.day}{without}:")
        seed = derive_seed(self.binding, bytes.fromhex(self.anchor), self.day, list(given.values()))
        bounds = [Fraction(self.plan[name], 1000) for name in ("least_permille", "most_permille")]
        try:
            weights = {unit["site"]: unit["weight"] for unit in units}
            shares = share_out(weights, self.plan["visits"], *bounds)
        except (ValueError, ZeroDivisionError):
            self.faults.append("no draw can be made from this frame by the plan's numbers")
            return None
        visits, lines = choose(shares, seed, [unit["site"] for unit in units if unit["closed"]])
        self.lines += lines
        return visits

    def follow(self, site: str) -> str:
        """Return what became of a visit."""
        for entry in self.find("draw.not_visited", plan=self.plan_id, day=self.day, site=site):
            return f"not visited: {entry['body']['reason']!a}, recorded at {recorded(entry)}"
        for entry in self.find("inspection.held", site=site):
            if entry["body"]["happened_at"][:10] != self.day:
                continue
            return f"visited at {entry['body']['happened_at']}, recorded at {recorded(entry)}"
        self.unseen.append(plain(site))
        return "no visit of that day and no reason on record"


def plain(value: Any) -> str:
    """Return a name of the operator as it is where it is a plain one, else quoted."""
    simple = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_.-]+", value)
    return str(value) if simple else ascii(value)


def recorded(entry: Body) -> str:
    """Return when an entry was recorded, in whole seconds as it says when it happened."""
    return str(entry["recorded_at"])[:19] + "Z"


def contradict(one: Draw, other: Draw) -> list[str]:
    """Return why two packs cannot both be of one honest ledger; nothing where they can."""
    found: list[str] = []
    if not one.plan or not other.plan:
        return found
    reader = one.reader
    tied = reader.ledger.Keys([one.root["key"]])
    tied.rotations = reader.keys.rotations  # a history that forks may have rotated its key
    same = other.root["key"] in tied.trusted()
    mine, yours = (
        {number: shown["root"] for number, shown in draw.shown_roots.items()} | {draw.root["number"]: draw.root}
        for draw in (one, other)
    )
    for number in sorted(set(mine) & set(yours)) if same else ():
        if mine[number] != yours[number]:
            found.append(f"root {number} differs: the operator signed two histories")
            break
    for seq in sorted(set(one.entries) & set(other.entries)) if same else ():
        if one.records[seq]["hash"] != other.records[seq]["hash"]:
            found.append(f"entry {seq} differs: the operator signed two histories")
            break
    anchors = [{one.plan["operator_anchor"], one.anchor} - {""}, {other.plan["operator_anchor"], other.anchor} - {""}]
    if anchors[0] & anchors[1]:
        bound = {one.binding, other.binding} - {b""}
        if hash_plan(one.plan) != hash_plan(other.plan) or len(bound) > 1:
            found.append("an anchor serves two plans, or is bound to two roots: it is made for one")
        elif len({one.anchor, other.anchor} - {""}) > 1:
            found.append("one plan has two anchors of the commission")
        elif one.frame and other.frame and one.day == other.day:
            if one.frame["body"]["units"] != other.frame["body"]["units"]:
                found.append(f"{one.day} has two frames under the same anchors")
            lists = [
                {(e["body"]["site"], e["body"]["list_hash"]) for e in draw.find(
                    "draw.present", plan=draw.plan_id, day=draw.day)}
                for draw in (one, other)
            ]  # fmt: skip
            if {site for site, _ in lists[0] - lists[1]} & {site for site, _ in lists[1]}:
                found.append("the lists of those present at a site differ")
            early, late = sorted((one, other), key=lambda draw: int(draw.root["size"]))
            found += [
                f"the earlier file has the link of the {party} for {one.day}, the later one says that it was withheld"
                for party in PARTIES
                if party in early.links and late.withheld == {party}
            ]
            for party in sorted(early.withheld - late.withheld):
                named = f"without the link of the {party}" if party else "with both links"
                found.append(f"the earlier file has the draw {named}, the later one leaves it out")
    return found


def make_chain(draw: Draw, path: Path) -> str:
    """Make the commission's chain for a plan that was verified; return its anchor."""
    root = max((root for root, _ in draw.held), key=lambda root: int(root["size"]))
    binding = bind_plan(draw.plan, root["size"], root["tree"])
    first = secrets.token_bytes(32)
    document = {"binding": binding.hex(), "days": draw.plan["days"], "first": first.hex(), "format": CHAIN_FORMAT}
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(json.dumps(document) + "\n")
    anchor = climb(first, draw.plan["days"], binding).hex()
    return "\n".join([
        f"your anchor, bound to root {root['number']}: {anchor}",
        "  publish it and give it to the operator, with the file of that root",
        f"  keep {path} secret, and keep every root that you are sent",
    ])  # fmt: skip


def show(line: str) -> None:
    """Print a line in ASCII: no word of the operator moves the cursor or looks like another."""
    print("".join(one if " " <= one <= "~" else f"\\u{ord(one):04x}" for one in line))


def report(name: Path, draw: Draw) -> bool:
    """Print what was found of one file; return whether it is verified."""
    link = []
    if draw.own_link and not draw.faults and not draw.missing:
        link = [f"your link of {draw.day}, to reveal after the visits: {draw.own_link}"]
    elif draw.reader.chain is not None and draw.day:
        link = ["your link is not shown: use it once nothing is wrong or missing below"]
    for line in (
        f"{name}:",
        *draw.lines,
        *link,
        "compare with the commission, and with every root that you were sent:",
        *(f"  {line}" for line in draw.compare),
        *(f"FAULT {fault}" for fault in draw.faults),
        *(f"MISSING {line}" for line in draw.missing),
    ):
        show(line)
    if draw.faults:
        print(f"NOT VERIFIED, faults: {len(draw.faults)}")
    elif draw.missing:
        print("NOT VERIFIED: no fault was found, and what is missing could hide one")
    elif not draw.day:
        print("VERIFIED: the plan alone, it shows no draw")
    elif not draw.withheld:
        print("VERIFIED: the frame and the links; no draw is on record yet")
    elif draw.unseen:
        print(f"VERIFIED: the draw; no visit and no reason on record for {', '.join(draw.unseen)}")
    else:
        print("VERIFIED")
    return not draw.faults and not draw.missing


def main(arguments: "list[str] | None" = None) -> int:
    parser = argparse.ArgumentParser(description="Verify the draw of a day's visits.")
    parser.add_argument("file", type=Path, nargs="+", help="what `releve inspection pack` wrote")
    parser.add_argument("--key", action="append", required=True, help="public key, hex or a file")
    parser.add_argument("--root", action="append", default=[], help="a root held before the link")
    parser.add_argument("--anchor", default="", help="what the commission published")
    parser.add_argument("--witness", action="append", default=[], help="a witness's verifier key")
    parser.add_argument("--origin", default="", help="the name of the ledger to its witnesses")
    parser.add_argument("--quorum", type=int, help="how many witnesses have to cosign")
    parser.add_argument("--rotation", action="append", default=[], help="file of a key's rotation")
    parser.add_argument("--day", default="", help="day to draw by --chain, YYYY-MM-DD; today")
    own = parser.add_mutually_exclusive_group()
    own.add_argument("--link", default="", help="the commission's link of the day, from it")
    own.add_argument("--chain", type=Path, help="the commission's chain: compute the visits")
    own.add_argument("--new-chain", type=Path, help="make the commission's chain for this plan")
    given = parser.parse_args(arguments)
    if given.witness and not given.origin:
        parser.error("--witness takes --origin: the name under which the ledger is known to it")
    refused: tuple[type[Exception], ...] = (
        OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError,
        RecursionError,
    )  # fmt: skip
    try:
        ledger = load_verifier()
        refused += (ledger.VerifyError,)
        keys = ledger.Keys(list(map(ledger.read_key, given.key)), given.witness, given.quorum, given.origin)
        for path in given.rotation:
            ledger.read_rotation(path, keys)
        roots = [ledger.read_root(path, keys) for path in given.root]
        chain = json.loads(given.chain.read_text(encoding="utf-8")) if given.chain else None
        anchor = given.anchor.strip().lower()
        reader = DrawReader(ledger, keys, roots, anchor, chain, given.day, given.link.strip())
        packs = [json.loads(path.read_text(encoding="utf-8")) for path in given.file]
        reader.newest = max(int(pack["root"]["number"]) for pack in packs)
        draws = [Draw(pack, reader) for pack in packs]
        if given.new_chain and any(pack["day"] for pack in packs):
            raise ValueError("--new-chain takes the file of a plan, not that of a day")
        verified = [report(name, draw) for name, draw in zip(given.file, draws)]  # noqa: B905
        for one, other in itertools.combinations(range(len(draws)), 2):
            named = f"{given.file[one]} and {given.file[other]}"
            found = contradict(draws[one], draws[other])
            conflicts = [f"CONTRADICTION of {named}: {line}" for line in found]
            for line in conflicts or [f"no contradiction between {named}"]:
                show(line)
            verified.append(not found)
        if given.new_chain and all(verified):
            print(make_chain(draws[0], given.new_chain))
    except refused as error:
        said = f"{type(error).__name__}: {error}"
        print(f"verify_draw.py: NOT VERIFIED, the call or a file is wrong: {said}", file=sys.stderr)
        return 2
    return 0 if all(verified) else 1


if __name__ == "__main__":
    sys.exit(main())
