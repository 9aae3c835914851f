"""The dispatcher list of a proxy: a set for each programme, a target for each place of it.

A line is ``set uri flags priority attributes``. In a programme's set the flags say our wish: 32
open, 4 closed by us. Set 0 holds every address that is open to some programme, once, with the
proxy's own finding: 0 alive, 9 found dead (back by itself). The proxy pings set 0 alone, so a site
gets one question a second however many programmes it serves. Every line names the generation and
the digest of all lines, so that a list that was cut or changed by hand is detected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from releve.routing.adapter import ObservedRoute, RoutingSnapshot
from releve.routing.generation import Generation, Rejected, Route, split_units

ADDRESSES = 0
"""The set of the addresses that are pinged; programmes have sets from 1."""
ALIVE, DEAD = 0, 9
OPEN, CLOSED = 32, 4
UNITS = 100
"""``rweight`` is a whole number from 1 to 100."""


@dataclass(frozen=True, slots=True)
class Target:
    """A place of a programme; ``weight`` in hundredths, 0: only where all others fail."""

    programme: str
    place: str
    uri: str
    open: bool
    weight: int

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= UNITS:
            raise ValueError(f"0 <= weight <= {UNITS} does not hold, got {self.weight!r}")


def compute_set_id(programme: str) -> int:
    """Return the number of a programme's set, from 1 to 2^31 - 1, the same for ever."""
    digest = hashlib.sha256(programme.encode()).digest()
    return int.from_bytes(digest[:4], "big") % (2**31 - 1) + 1


def build_targets(generation: Generation) -> tuple[Target, ...]:
    """Return the targets of every programme that callers dial, largest share first.

    A place that is open without agents is left out; a programme without any place left has every
    one disabled, so that no set is empty. :class:`Rejected` where a place with agents has no
    address, where no place has one, or where two programmes would share a set.
    """
    if not generation.dialled:
        raise Rejected("no inbound programme has numbers: there is nothing for a proxy to route")
    found: list[Target] = []
    sets: dict[int, str] = {}
    for programme in sorted(generation.dialled):
        routes = generation.routes.get(programme, ())
        number = compute_set_id(programme)
        if sets.setdefault(number, programme) != programme:
            raise Rejected(f"{programme} and {sets[number]} get one set: rename one of them")
        missing = [row.place for row in routes if row.weight and row.place not in generation.addresses]
        if missing:
            raise Rejected(
                f"{missing[0]} has agents of {programme} and no SIP address: write sip_address in"
                " sites (home_sip_address in operator for work at home)"
            )
        rows = [row for row in routes if (row.people or not row.open) and row.place in generation.addresses]
        if not rows:
            rows = [Route(place, False, 0.0, 0.0) for place in sorted(generation.addresses)]
        if not rows:
            raise Rejected(f"{programme} is dialled and no place has a SIP address")
        weights = split_units({row.place: row.weight for row in rows}, UNITS)
        for row in sorted(rows, key=lambda row: (-weights.get(row.place, 0), row.place)):
            uri = generation.addresses[row.place]
            found.append(Target(programme, row.place, uri, row.open, weights.get(row.place, 0)))
    return tuple(found)


def compute_list_digest(targets: Iterable[Target]) -> str:
    """Return the digest of what a list wishes, whatever its order and the proxy's findings."""
    rows = sorted(f"{one.programme}\t{one.place}\t{one.uri}\t{one.open}\t{one.weight}" for one in targets)
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:32]


def write_list(targets: Sequence[Target], number: int, dead: frozenset[str] = frozenset()) -> str:
    """Return the text of a list; ``dead`` are the URIs that the proxy found dead."""
    stamp = {"gen": number, "dig": compute_list_digest(targets)}
    lines: list[tuple[int, str, int, dict[str, object]]] = [
        (ADDRESSES, uri, DEAD if uri in dead else ALIVE, {}) for uri in sorted({one.uri for one in targets if one.open})
    ]
    for one in targets:
        attributes: dict[str, object] = {"rweight": one.weight} if one.weight else {}
        attributes |= {"place": quote(one.place, safe=""), "prog": quote(one.programme, safe="")}
        flags = OPEN if one.open else CLOSED
        lines.append((compute_set_id(one.programme), one.uri, flags, attributes))
    # equal priorities would be taken in reverse order: each line has its own
    return "".join(
        f"{group} {uri} {flags} {len(lines) - at} "
        + ";".join(f"{name}={value}" for name, value in (attributes | stamp).items())
        + "\n"
        for at, (group, uri, flags, attributes) in enumerate(lines)
    )


def parse_listing(result: Mapping[str, Any]) -> tuple[RoutingSnapshot, frozenset[str]]:
    """Return what the answer to ``dispatcher.list`` holds, and the URIs that are found dead.

    ``whole`` is False where lines differ in generation or digest, or the digest is not theirs.
    ValueError where it is not such an answer.
    """
    targets: list[Target] = []
    heads: set[tuple[str, str]] = set()
    pinged: set[str] = set()
    dead: set[str] = set()
    strange = False
    for record in _read(result, "RECORDS", list):
        group = _read(record, "SET", dict)
        for entry in _read(group, "TARGETS", list):
            row = _read(entry, "DEST", dict)
            uri, flags = _read(row, "URI", str), _read(row, "FLAGS", str)
            named = _parse_attributes(_read(row, "ATTRS", dict).get("BODY"))
            if flags[:1] == "I":
                dead.add(uri)
            if _read(group, "ID", int) == ADDRESSES:
                pinged.add(uri)
            elif (target := _parse_target(group["ID"], uri, flags, named)) is None:
                strange = True
                continue
            else:
                targets.append(target)
            heads.add((named.get("gen", ""), named.get("dig", "")))
    strange |= pinged != {one.uri for one in targets if one.open}
    gen, digest = next(iter(heads)) if len(heads) == 1 else ("", "")
    whole = not strange and gen.isdecimal() and digest == compute_list_digest(targets)
    routes = {
        (one.programme, one.place): ObservedRoute(one.open, one.weight / UNITS, not (one.open and one.uri in dead))
        for one in targets
    }
    number = max((int(gen) for gen, _ in heads if gen.isdecimal()), default=0)
    return RoutingSnapshot(number, digest, None, whole, routes), frozenset(dead)


def _parse_target(group: int, uri: str, flags: str, named: Mapping[str, str]) -> Target | None:
    """Return the target that a line of a programme's set is, None where it is not of ours."""
    programme, place = unquote(named.get("prog", "")), unquote(named.get("place", ""))
    weight = named.get("rweight", "0")
    ours = programme and place and group == compute_set_id(programme)
    if not ours or not weight.isdecimal() or int(weight) > UNITS:
        return None
    return Target(programme, place, uri, flags[:1] != "D", int(weight))


def read_number(text: str) -> int:
    """Return the newest generation that a list's text names, 0 for none."""
    numbers = [
        named["gen"]
        for line in text.splitlines()
        for named in [_parse_attributes(line.rpartition(" ")[2])]
        if named.get("gen", "").isdecimal()
    ]
    return max(map(int, numbers), default=0)


def _parse_attributes(body: object) -> dict[str, str]:
    if not isinstance(body, str):
        return {}
    return {name: value for name, _, value in (part.partition("=") for part in body.split(";")) if name}


def _read(found: object, name: str, kind: type) -> Any:
    value = found.get(name) if isinstance(found, Mapping) else None
    if not isinstance(value, kind):
        raise ValueError(f"the answer has no {name} of type {kind.__name__}")
    return value
