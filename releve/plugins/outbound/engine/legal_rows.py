"""The law as dated rows: what a row is, which rows bind on a day, and the sources they cite.

A row says *what* binds, from when to when and with which parameters; the code knows only *kinds* of
rules (:mod:`releve.plugins.outbound.engine.rule_kinds`). Days are legal days, which run in
Europe/Paris; ``first`` and ``last`` are inclusive.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from releve.network.moments import UTC, zone
from releve.plugins.outbound.engine.numbers import NumberTable

LEGAL_ZONE = "Europe/Paris"
ANY = "ANY"
"""The jurisdiction of the rows that stand in for a country's own."""


class Words(NamedTuple):
    """A text in French and in English, written with plain spaces and apostrophes."""

    fr: str
    en: str

    def of(self, language: str) -> str:
        """Return the text in ``language``: ``fr`` or ``en``."""
        return typeset_french(self.fr) if language == "fr" else self.en


@lru_cache(maxsize=4096)
def typeset_french(text: str) -> str:
    """Return French with curved apostrophes and narrow no-break spaces beside ``;:!?%«»``."""
    text = re.sub(" ([;:!?%»])", "\u202f\\1", text.replace("'", "’"))
    return text.replace("« ", "«\u202f")


@dataclass(frozen=True, slots=True)
class RowScope:
    """Which calls a row binds; None is any.

    Without callees and purposes of its own a row binds *regulated* calls: those that a scope row
    of its jurisdiction names on that day. ``places`` are codes of territories: it binds where the
    callee may be in one of them, and not where they can only be in ``except_places``. Clients are
    named by rows of policy alone: the text binds them all.
    """

    callees: frozenset[str] | None = None
    purposes: frozenset[str] | None = None
    modes: frozenset[str] | None = None
    objects: frozenset[str] | None = None
    channels: frozenset[str] = frozenset({"voice"})
    places: frozenset[str] | None = None
    except_places: frozenset[str] = frozenset()
    clients: frozenset[str] | None = None
    except_clients: frozenset[str] = frozenset()

    @property
    def regulated(self) -> bool:
        """Return whether it binds the regulated calls, and no others."""
        return self.callees is None and self.purposes is None


@dataclass(frozen=True, slots=True, eq=False)
class LegalRow:
    """One dated rule. ``gate``: H text, P our policy, I duty during the call, N note."""

    id: str
    jurisdiction: str
    gate: str
    kind: str
    first: date | None
    last: date | None
    parameters: Mapping[str, Any]
    exceptions: tuple[str, ...]
    applies: RowScope
    rule: Words
    refuses: Words | None
    sanction: tuple[str, ...]
    reference: str
    source: str
    sure: tuple[str, ...]
    doubt: Words | None
    file: str = ""
    remedy: Words | None = None
    """What would make a call lawful that it refuses: which fact, in which table and column."""

    @property
    def version(self) -> str:
        """Return the id with the day it starts, as evidence quotes it."""
        return f"{self.id}@{self.first.isoformat() if self.first else 'always'}"

    @property
    def unsure(self) -> bool:
        """Return whether a lawyer must read it: a doubt, or a weak source."""
        return self.doubt is not None or bool({"S", "M", "I"}.intersection(self.sure))

    def binds_on(self, day: date) -> bool:
        """Return whether the row is in force on a legal day."""
        after = self.first is None or self.first <= day
        return after and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Territory:
    """Where a person may be: its clock, and the jurisdiction whose rows bind there."""

    code: str
    jurisdiction: str
    zone: str
    name: Words
    postcodes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class RowsInForce:
    """The rows of one jurisdiction between two changes of the law, or those for one kind of call.

    They are found by id and by kind: a call that is allowed looks at few of them.
    """

    rows: tuple[LegalRow, ...]
    by_id: Mapping[str, tuple[LegalRow, ...]]
    by_kind: Mapping[str, tuple[LegalRow, ...]]
    binding: dict[Hashable, RowsInForce] = field(default_factory=dict)
    """Rows found to bind calls of one kind, kept from one call to the next."""

    @classmethod
    def of(cls, rows: Iterable[LegalRow]) -> RowsInForce:
        """Return rows, in their order."""
        all_ = tuple(rows)
        return cls(all_, _group_rows(all_, lambda row: row.id), _group_rows(all_, lambda row: row.kind))

    def of_kind(self, kind: str) -> tuple[LegalRow, ...]:
        return self.by_kind.get(kind, ())


def _group_rows(rows: Iterable[LegalRow], key: Callable[[LegalRow], str]) -> dict[str, tuple[LegalRow, ...]]:
    found: dict[str, list[LegalRow]] = {}
    for row in rows:
        found.setdefault(key(row), []).append(row)
    return {name: tuple(group) for name, group in found.items()}


class LegalRules:
    """The whole table: rows, territories, numbers; immutable once made."""

    def __init__(
        self, rows: Iterable[LegalRow], territories: Iterable[Territory], numbers: NumberTable, version: str
    ) -> None:
        self.rows = tuple(rows)
        self.territories = {territory.code: territory for territory in territories}
        self.numbers = numbers
        self.version = version
        self._list_changes: dict[str, tuple[date, ...]] = {}
        self._in_force: dict[tuple[str, int], RowsInForce] = {}
        self._bearing: dict[Hashable, tuple[datetime, ...]] = {}

    def limit_to(self, clients: frozenset[str] | None) -> LegalRules:
        """Return the table as a reader of some clients may see it: it names no other; None: all.

        A row that binds the calls of other clients only is left out.
        """
        if clients is None:
            return self
        rows = (
            replace(
                row,
                applies=replace(
                    row.applies,
                    clients=None if row.applies.clients is None else row.applies.clients & clients,
                    except_clients=row.applies.except_clients & clients,
                ),
            )
            for row in self.rows
            if row.applies.clients is None or row.applies.clients & clients
        )
        return LegalRules(rows, self.territories.values(), self.numbers, self.version)

    def jurisdictions(self) -> frozenset[str]:
        """Return the countries that have rows."""
        return frozenset(row.jurisdiction for row in self.rows) - {ANY}

    def of(self, jurisdiction: str) -> tuple[LegalRow, ...]:
        """Return all rows of a jurisdiction, whatever their dates."""
        return tuple(row for row in self.rows if row.jurisdiction == jurisdiction)

    def changes(self, jurisdiction: str) -> tuple[date, ...]:
        """Return the legal days on which a row of the jurisdiction starts or has just ended."""
        if jurisdiction not in self._list_changes:
            self._list_changes[jurisdiction] = _list_changes(self.of(jurisdiction))
        return self._list_changes[jurisdiction]

    def changes_bearing(
        self, jurisdiction: str, key: Hashable, bears: Callable[[LegalRow], bool]
    ) -> tuple[datetime, ...]:
        """Return the instants at which one of the rows that ``bears`` picks starts or has ended.

        They are kept under the key, which says all that the choice depends on.
        """
        found = self._bearing.get((jurisdiction, key))
        if found is None:
            days = _list_changes(filter(bears, self.of(jurisdiction)))
            found = self._bearing[jurisdiction, key] = tuple(map(find_legal_midnight, days))
        return found

    def in_force(self, jurisdiction: str, day: date) -> RowsInForce:
        """Return the rows that bind in a jurisdiction on a legal day."""
        days = self.changes(jurisdiction)
        place = bisect_right(days, day)
        key = (jurisdiction, place)
        if key not in self._in_force:
            rows = (row for row in self.of(jurisdiction) if row.binds_on(day))
            self._in_force[key] = RowsInForce.of(rows)
        return self._in_force[key]


def _list_changes(rows: Iterable[LegalRow]) -> tuple[date, ...]:
    days = [(row.first, row.last and row.last + timedelta(days=1)) for row in rows]
    return tuple(sorted({day for pair in days for day in pair if day is not None}))


def to_legal_day(moment: datetime) -> date:
    """Return the legal day of an instant."""
    return moment.astimezone(zone(LEGAL_ZONE)).date()


def find_legal_midnight(day: date) -> datetime:
    """Return the first instant of a legal day, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=zone(LEGAL_ZONE)).astimezone(UTC)


def compute_version(texts: Mapping[str, str]) -> str:
    """Return the version of a table: the SHA-256 of its files, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        digest.update(f"{name}\0{texts[name]}\0".encode())
    return digest.hexdigest()


SOURCES: dict[str, str] = {
    "1": "Public note on telecom and telemarketing law; Légifrance and Arcep read 13–14 Sept 2026",
    "2": "github.com/blacgoku991/ProspectEner, verification of Oct 2026 (research_legal.md)",
    "3": "The same repository, research_leads_2026-10-08.md (8 Oct 2026)",
    "4": "Public note SI-JUR-06 (27 Sept 2026)",
    "5": "aguera-avocats.fr (16 Sept 2025) and leclubdesjuristes.com (May 2025), quoting L223-1",
    "5b": "ocso.fr (2025)",
    "6": "cms.law, note on law 2025-594 art. 13 (2025)",
    "7": "PyPI demarchage-consent 0.2.0 (Sept 2026); kanibal-tools-mcp 0.1.1 (Oct 2026)",
    "8": "Décret 2022-1313: lexbase.fr L5828MEL, ma-veille-juridique.com (JO 14 Oct 2022), "
    "app.livv.eu D223-9 (1 Oct 2024); L223-1 of 2020: mirror of the code, stoptel.net",
    "8b": "efl.fr (2023)",
    "9": "legal.tricoteuses.fr LEGIARTI000051830282 (L223-2, 2026), JORFARTI000032209958 (L223-1, 2016)",
    "10": "pro.bloctel.gouv.fr/faq (13 Feb 2025), cbanque.com (Oct 2021)",
    "11": "lemondeinformatique.fr (1 June 2016)",
    "12": "anyti.me (11 Feb 2021)",
    "13": "village-justice.com art. 54618 (2025)",
    "14": "quechoisir.org n168358 (July 2025)",
    "15": "senat.fr, report of 21 May 2025 (category exemptions refused)",
    "16": "legifrance.gouv.fr, C. trav. L3422-2 (21 May 2019)",
    "17": "le97150.fr (May 2019), soualigapost.net (27 May 2024)",
    "18": "Law 2022-1587: ma-veille-juridique.com (JO 20 Dec 2022), senat.fr (8 Dec 2022)",
    "19": "Décret 2022-34: ma-veille-juridique.com, kiosque.bercy.gouv.fr, optionfinance.fr; "
    "R112-7 in a mirror of the code",
    "20": "juriblio.fr L221-16; git.tricoteuses.fr, change of 26 July 2020",
    "21": "circulaire.legifrance.gouv.fr, article liminaire (27 Sept 2021)",
    "22": "senat.fr, amendment COM-55 (Jan 2014)",
    "23": "Public note (3 Aug 2026; Arcep 2022-1583 §7.1.3, CNIL)",
    "24": "juriblio.fr, arrêté of 5 July 2016",
    "25": "arcep.fr, plan de numérotation for professionals",
    "26": "One table of NPV ranges (plan of 1 Jan 2026); en-contact.com (7 Sept 2022); digivoip.tn (5 Jan 2023)",
    "27": "conseil-etat.fr no. 434538 (12 Feb 2021), no. 489787 (6 June 2024); arcep.fr (13 June "
    "2024); nextinpact.com (1 Aug 2019); afrc.org",
    "28": "next.ink 152183 (Oct 2024), dstny.fr, diabolocom.com",
    "29": "twobirds.com, esteval.fr, technomedia.org (Dec 2025)",
    "31": "MEDEF code of practice: 123dok.net, medef66.com (Feb 2022), readkong.com (Sept 2020)",
    "32": "ofcom.org.uk, persistent misuse (20 Dec 2016); callcentresoftware.co.uk (Feb 2017)",
    "33": "blog.sadapaz.com and surinenglish.com (AEPD), fieldfisher (Orden TDF/149/2025), "
    "eldiario.es, legaltoday.com, larazon.es (Ley 10/2025), eleconomista.es (5 Sept 2025)",
    "34": "lavenir.net (2021), levif.be (Mar 2025), rtl.be (25 Jan 2024, 16 and 26 Sept 2025), radiocontact.be",
    "35": "technospia.it, corriere.it, ildenaro.it (2022), adiconsumveneto.it, tecnoandroid.it, "
    "audaxrenewables.it (2025), legal-skills-open marketing-diretto.md (Aug 2026)",
    "43": "legalplanet.pro (Crédit Agricole CF, 17 Oct 2022)",
    "tz": "IANA time zone database",
}
"""Number to source; a row may cite these numbers alone."""


def list_source_numbers(source: str) -> tuple[str, ...]:
    """Return the numbers that a row's source names: ``[8][1]`` or ``[8], tz``."""
    return tuple(found.strip("[]") for found in re.findall(r"\[\w+\]|\btz\b", source))


def cite_sources(rows: Iterable[LegalRow]) -> dict[str, str]:
    """Return what the numbers of rows' sources stand for, in the order of SOURCES."""
    cited = {number for row in rows for number in list_source_numbers(row.source)}
    return {number: text for number, text in SOURCES.items() if number in cited}
