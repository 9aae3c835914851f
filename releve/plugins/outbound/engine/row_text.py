"""A row of the law in words: its gate, how sure it is, what it binds; French and English days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from itertools import groupby
from typing import Any, NamedTuple

from releve.network.moments import zone
from releve.plugins.outbound.engine.hours import HolidayRules
from releve.plugins.outbound.engine.legal_rows import LEGAL_ZONE, LegalRow, Words
from releve.plugins.outbound.engine.rule_kinds import format_minutes
from releve.plugins.outbound.engine.vocabulary import get_vocabulary


class CalendarNames(NamedTuple):
    """A list of names in French and in English."""

    fr: tuple[str, ...]
    en: tuple[str, ...]

    def of(self, language: str) -> tuple[str, ...]:
        """Return the names in ``language``: ``fr`` or ``en``."""
        return self.fr if language == "fr" else self.en


MONTHS = CalendarNames(
    ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
     "octobre", "novembre", "décembre"),
    ("January", "February", "March", "April", "May", "June", "July", "August", "September",
     "October", "November", "December"),
)  # fmt: skip
WEEKDAYS = CalendarNames(
    ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)
_SPACE = "\u00a0"


def format_day(day: date, language: str) -> str:
    """Return a day: 15/09/2026 in French, 15 September 2026 in English."""
    if language == "fr":
        return f"{day:%d/%m/%Y}"
    return f"{day.day} {MONTHS.en[day.month - 1]} {day.year}"


def format_time_of_day(hour: int, minute: int, language: str) -> str:
    """Return a time of day: 9 h, 9 h 30 or 09:30."""
    if language != "fr":
        return f"{hour:02}:{minute:02}"
    return f"{hour}{_SPACE}h" + (f"{_SPACE}{minute:02}" if minute else "")


def format_instant(moment: datetime, language: str) -> str:
    """Return an instant on the clock that it carries; UTC as Paris time."""
    local = moment.astimezone(zone(LEGAL_ZONE)) if moment.tzname() == "UTC" else moment
    weekday, day = WEEKDAYS.of(language)[local.weekday()], format_day(local.date(), language)
    if language == "fr":
        seconds = f"{_SPACE}min{_SPACE}{local:%S}" if local.second else ""
        return f"{weekday} {day} à {local.hour}{_SPACE}h{_SPACE}{local:%M}{seconds}"
    return f"{weekday} {day} at {local:%H:%M}" + (f":{local:%S}" if local.second else "")


GATE_LABELS: Mapping[str, Words] = {
    "H": Words("Loi", "Law"),
    "P": Words("Règle interne", "Policy"),
    "I": Words("Devoir pendant l'appel", "Duty during the call"),
    "N": Words("Remarque", "Note"),
}
JURISDICTION_LABELS: Mapping[str, Words] = {
    "FR": Words("France", "France"),
    "BE": Words("Belgique", "Belgium"),
    "ES": Words("Espagne", "Spain"),
    "IT": Words("Italie", "Italy"),
    "ANY": Words("Tout pays", "Any country"),
}
SURENESS_LABELS: Mapping[str, Words] = {
    "P": Words("texte vu à la source", "primary text seen"),
    "Pq": Words("texte cité mot à mot par un tiers", "primary text quoted by a third party"),
    "S2": Words("deux sources secondaires", "two secondary sources"),
    "S": Words("une source secondaire", "one secondary source"),
    "M": Words("de mémoire seulement", "from memory only"),
    "I": Words("interprétation", "interpretation"),
}
PARAMETER_LABELS: Mapping[str, Words] = {
    "named_for": Words("Distributeur connu exigé pour", "Known distributor required for"),
    "abroad": Words("Seulement les appels venant de l'étranger", "Only calls that enter from abroad"),
    "after_listing": Words("Doit être postérieur à l'inscription", "Must be later than the listing"),
    "callees": Words("Personnes protégées", "People protected"),
    "classes": Words("Classes de numéros", "Classes of numbers"),
    "days": Words("Jours", "Days"),
    "ended_within_days": Words("Jours après la fin du contrat", "Days after the end of the contract"),
    "holidays": Words("Jours fériés de la règle", "Holidays of the row"),
    "hours": Words("Heures", "Hours"),
    "items": Words("Mentions de la demande", "Items of the request"),
    "list": Words("Liste", "List"),
    "max_minutes": Words(
        "Minutes depuis la lecture du registre, au plus", "Minutes since the register was read, at most"
    ),
    "most": Words("Au plus", "At most"),
    "most_percent": Words("Pour cent, au plus", "Percent, at most"),
    "not_counted": Words("Réponses non comptées", "Answers that do not count"),
    "not_positive": Words("N'est pas un acte positif", "Not a positive act"),
    "objects": Words("Objets", "Objects"),
    "outcomes": Words("Issues comptées", "Outcomes that count"),
    "purposes": Words("Finalités", "Purposes"),
    "made_in_call": Words("Demandes faites pendant un appel comptées", "Requests made during a call count"),
    "only": Words("Seulement ces réponses", "Only these answers"),
    "reach": Words("Un consentement ou un contrat couvre", "A consent or a contract covers"),
    "related": Words("Objet en rapport exigé", "Related object required"),
    "running": Words("Contrat en cours exigé", "Running contract required"),
    "tolerance_minutes": Words("Minutes de tolérance", "Minutes of tolerance"),
    "unknown": Words("Authentification inconnue", "Unknown authentication"),
    "until_consent": Words("Prend fin avec un consentement ultérieur", "Ends with a later consent"),
    "unless_mobile_terminal": Words("Sauf depuis un terminal mobile", "Except from a mobile terminal"),
    "what": Words("Ce qui est inconnu", "What is unknown"),
    "widest_minutes": Words("Largeur du créneau au plus, en minutes", "Widest slot, in minutes"),
    "windows": Words("Heures permises", "Permitted hours"),
    "working_days": Words("Jours ouvrables", "Working days"),
    "years": Words("Années", "Years"),
}
_VALUE_LABELS: Mapping[str, Words] = {
    "directory-118": Words("118XYZ", "118XYZ"),
    "family": Words("la même famille de biens", "the same family of goods"),
    "geographic": Words("géographique (01–05)", "geographic (01–05)"),
    "mobile": Words("mobile (06/07)", "mobile (06/07)"),
    "nature": Words("les biens de même nature", "goods of the same nature"),
    "non-geographic-09": Words("09", "09"),
    "npv": Words("polyvalent vérifié (NPV)", "verified multipurpose (NPV)"),
    "passes": Words("passe", "passes"),
    "premium-089": Words("089", "089"),
    "refuses": Words("entraîne un refus", "refuses"),
    "shared-cost-08": Words("08 à tarif majoré", "08 at a surcharge"),
    "short-3bpq": Words("3BPQ", "3BPQ"),
}
"""Values that are no words of a vocabulary: classes of numbers, and what the unknown means."""

_VOCABULARIES = (
    "object", "person-kind", "purpose", "mode", "channel", "item", "act", "outcome",
    "refusal-kind", "feed", "list",
)  # fmt: skip
"""Where a word is looked up; the same word means the same in those that share it."""

_SCOPE_LABELS: Mapping[str, Words] = {
    "callees": Words("Vise les appels à", "Binds calls to"),
    "purposes": Words("Vise les appels de", "Binds calls for"),
    "modes": Words("Vise ces modes de composition", "Binds these ways of dialling"),
    "objects": Words("Vise ces objets", "Binds these objects"),
    "channels": Words("Vise ces canaux", "Binds these channels"),
    "places": Words("S'applique seulement dans ces territoires", "Binds in these territories only"),
    "except_places": Words("Ne s'applique pas dans", "Does not bind in"),
    "clients": Words(
        "S'applique seulement aux appels de ces donneurs d'ordre", "Binds the calls of these clients only"
    ),
    "except_clients": Words("Ne s'applique pas aux appels de", "Does not bind the calls of"),
}
"""Field of a row's scope -> what stands before its words."""
_USUAL_CHANNELS = frozenset({"voice"})
_BREAK = Words(" ; ", "; ")
_EASTER = Words("dimanche de Pâques", "Easter Sunday")
_YES, _NO = Words("oui", "yes"), Words("non", "no")


def value_label(code: str, language: str) -> str:
    """Return a word of the law's vocabularies as people say it; any other text as it is written."""
    if code in _VALUE_LABELS:
        return _VALUE_LABELS[code].of(language)
    found = (get_vocabulary(name).by_id.get(code) for name in _VOCABULARIES)
    return next((word.label.of(language) for word in found if word is not None), code)


def describe_limits(row: LegalRow, language: str) -> dict[str, str]:
    """Return a row's parameters by their labels, and the calls it binds where it names them."""
    labelled = {
        PARAMETER_LABELS[name].of(language) if name in PARAMETER_LABELS else name: value
        for name, value in row.parameters.items()
    }
    for field, label in _SCOPE_LABELS.items():
        bound = getattr(row.applies, field)
        if bound and not (field == "channels" and bound == _USUAL_CHANNELS):
            labelled[label.of(language)] = bound
    return {label: _format_value(value, language) for label, value in labelled.items()}


def _format_value(value: Any, language: str) -> str:
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return write(value, language)
    return _format_week(value, language)


def _format_number(value: float, language: str) -> str:
    text = f"{value:,}" if isinstance(value, int) else f"{value:g}"
    return text.translate({44: "\u202f", 46: ","}) if language == "fr" else text


def _format_mapping(values: dict[str, Any], language: str) -> str:
    parts = [f"{value_label(key, language)} {_format_value(one, language)}" for key, one in values.items()]
    return _BREAK.of(language).join(parts)


def _format_holidays(value: HolidayRules, language: str) -> str:
    months = MONTHS.of(language)
    fixed = [f"{day} {months[month - 1]}" for month, day in value.fixed]
    return ", ".join([*fixed, *(_format_easter(days, language) for days in value.from_easter)])


def _format_easter(days: int, language: str) -> str:
    if not days:
        return _EASTER.of(language)
    unit = "jour" if language == "fr" else "day"
    return f"{_EASTER.of(language)} {days:+d} {unit}{'s' if abs(days) > 1 else ''}"


def _format_week(week: Any, language: str) -> str:
    """Return a week of windows: the weekdays of the same hours together."""
    hours = [", ".join(f"{format_minutes(start)}–{format_minutes(end)}" for start, end in windows) for windows in week]
    parts = []
    for said_hours, days in groupby(range(7), hours.__getitem__):
        names = [WEEKDAYS.of(language)[day] for day in days]
        if said_hours:
            parts.append(f"{'–'.join(names[:: max(1, len(names) - 1)])} {said_hours}")
    return ", ".join(parts)


_WRITERS: dict[type, Callable[[Any, str], str]] = {
    bool: lambda value, language: (_YES if value else _NO).of(language),
    int: _format_number,
    float: _format_number,
    str: value_label,
    frozenset: lambda words, language: ", ".join(sorted(value_label(word, language) for word in words)),
    dict: _format_mapping,
    HolidayRules: _format_holidays,
}
"""How a parameter of each type is written; a week of windows is a tuple, and the last resort."""
