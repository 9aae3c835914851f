"""The monthly design of the bulletin: its panel, its groups of destinations and its rules.

The panel is frozen for the month: a joiner waits for the next one, and the cells of a leaver are
withheld. Small destinations are merged here, once a month, and not hidden day by day.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, time
from typing import Any

import rfc8785
import yaml

from releve.errors import Phrase
from releve.plugins.sector.engine.contribution import ALL, MEASURES, Cell
from releve.plugins.sector.engine.disclosure import DisclosureRule, is_safe
from releve.plugins.sector.engine.needs import SectorError, compare_formats

FORMAT = "releve bulletin design 1"
TAG = b"releve bulletin design 1\n"
OTHER = "other"
"""The group of the destinations that are too small to stand alone."""
MODES = ("plain", "masked")
MOST_GROUPS = 12
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class BulletinRule:
    """A dated row of rules; ``first`` and ``last`` are the days on which it is in force."""

    id: str
    first: date
    last: date | None
    disclosure: DisclosureRule
    published_at: time
    time_zone: str
    source: str

    def __post_init__(self) -> None:
        if self.last is not None and self.last < self.first:
            raise SectorError(f"rule {self.id}: to must not be before from, got {self.last}")


@dataclass(frozen=True, slots=True, order=True)
class PanelMember:
    """A member of the panel with its public keys (hex): of its signature, and of its masks."""

    id: str
    key: str
    mask_key: str

    def __post_init__(self) -> None:
        for key in (self.key, self.mask_key):
            if not _KEY.fullmatch(key):
                raise SectorError(f"member {self.id}: a key must be 64 hex digits, got {key!r}")


@dataclass(frozen=True)
class BulletinDesign:
    """What the bulletins of a month are made by; the same design has the same digest."""

    association: str
    month: str
    """``2026-11``."""
    mode: str
    """``plain``, or ``masked``: then the clerk sees no member's figures."""
    members: tuple[PanelMember, ...]
    groups: Mapping[str, tuple[str, ...]]
    """Group -> its destinations."""
    rule: BulletinRule

    def __post_init__(self) -> None:
        if not _MONTH.fullmatch(self.month):
            raise SectorError(f"month must be written as 2026-11, got {self.month!r}")
        if self.mode not in MODES:
            raise SectorError(f"mode must be plain or masked, got {self.mode!r}")
        names = [member.id for member in self.members]
        if names != sorted(set(names)):
            raise SectorError("the members of a panel stand once each, in the order of their ids")
        least = self.rule.disclosure.min_contributors
        if len(names) < least:
            raise SectorError(
                f"a panel has at least {least} members, this one has {len(names)}: a bulletin of"
                " fewer would show a member's figures"
            )
        merged = [where for group in self.groups.values() for where in group]
        if len(merged) != len(set(merged)):
            raise SectorError("a destination stands in one group alone")
        if len(self.groups) > MOST_GROUPS:
            raise SectorError(f"at most {MOST_GROUPS} groups of destinations, got {len(self.groups)}: merge some")

    @property
    def text(self) -> str:
        """The canonical JSON, which the clerk signs and publishes."""
        rule = self.rule
        return rfc8785.dumps(
            {
                "association": self.association,
                "format": FORMAT,
                "groups": {name: list(group) for name, group in self.groups.items()},
                "measures": list(MEASURES),
                "members": [asdict(member) for member in self.members],
                "mode": self.mode,
                "month": self.month,
                "rule": {
                    "from": rule.first.isoformat(),
                    "id": rule.id,
                    "published_at": f"{rule.published_at:%H:%M}",
                    "source": rule.source,
                    "time_zone": rule.time_zone,
                    "to": None if rule.last is None else rule.last.isoformat(),
                    **asdict(rule.disclosure),
                },
            }
        ).decode()

    @property
    def digest(self) -> str:
        """The digest that each contribution of the month names."""
        return hashlib.sha256(TAG + self.text.encode()).hexdigest()

    def holds(self, day: date) -> bool:
        return f"{day:%Y-%m}" == self.month

    def find_group(self, cell: Cell) -> str | None:
        """Return the group of a cell's destination; None where the design has none."""
        if cell[1] == ALL:
            return ALL
        return next((name for name, group in self.groups.items() if cell[1] in group), None)


def parse_design(text: str) -> BulletinDesign:
    """Return the design that a text holds; SectorError where it is another or faulty."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise SectorError(compare_formats(FORMAT, found["format"]))
        design = BulletinDesign(
            found["association"],
            found["month"],
            found["mode"],
            tuple(PanelMember(**member) for member in found["members"]),
            {name: tuple(group) for name, group in found["groups"].items()},
            _read_rule(found["rule"]),
        )
    except SectorError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SectorError(Phrase("not a design of a bulletin: {0}", str(error))) from error
    if design.text != text:
        raise SectorError(Phrase("a design is canonical JSON, with the measures of this software"))
    return design


def load_bulletin_rules(text: str) -> tuple[BulletinRule, ...]:
    """Return the dated rows of a YAML text; SectorError names the row that cannot be used."""
    rules = []
    for number, row in enumerate(yaml.safe_load(text) or [], 1):
        try:
            rules.append(_read_rule(row))
        except SectorError:
            raise
        except (KeyError, TypeError, ValueError) as error:
            raise SectorError(f"bulletin rules, row {number}: {error} is missing or wrong") from error
    return tuple(rules)


def find_rule(rules: Iterable[BulletinRule], day: date) -> BulletinRule:
    """Return the one rule in force on a day."""
    found = [row for row in rules if row.first <= day and (row.last is None or day <= row.last)]
    if len(found) != 1:
        names = ", ".join(row.id for row in found) or "none"
        raise SectorError(f"one rule must be in force on {day}, found {names}: mend their dates")
    return found[0]


def merge_destinations(figures: Sequence[Mapping[Cell, int]], rule: DisclosureRule) -> dict[str, tuple[str, ...]]:
    """Return the groups for a design, from the members' figures of an earlier day.

    A destination stands alone where its agents on site are safe to publish; the others are merged.
    Where they are not safe together either, the smallest that stands alone joins them.
    """
    counts: dict[str, list[int]] = {}
    for member in figures:
        for (measure, where), count in member.items():
            if measure == "agents_on_site":
                counts.setdefault(where, []).append(count)
    alone = sorted(
        (where for where, row in counts.items() if is_safe(row, rule)), key=lambda where: (-sum(counts[where]), where)
    )
    merged = sorted(set(counts) - set(alone))
    while merged and alone and not is_safe(
        [sum(row.get(("agents_on_site", where), 0) for where in merged) for row in figures], rule
    ):  # fmt: skip
        merged = sorted([*merged, alone.pop()])
    groups = {where: (where,) for where in sorted(alone)}
    return {**groups, **({OTHER: tuple(merged)} if merged else {})}


def _read_rule(row: Mapping[str, Any]) -> BulletinRule:
    first, last = (date.fromisoformat(str(row[name])) if row[name] else None for name in ("from", "to"))
    if first is None:
        raise KeyError("from")
    return BulletinRule(
        row["id"],
        first,
        last,
        DisclosureRule(
            row["min_contributors"], row["p_percent"], row["largest_share_percent"], row["rounding"], row["history"]
        ),
        time.fromisoformat(row["published_at"]),
        row["time_zone"],
        row["source"],
    )
