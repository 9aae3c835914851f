"""Sentences of refusals in French and English; rules and vocabularies as Markdown.

A check quotes bare values, so that judging stays cheap; the text is built when a sentence is asked
for: a row's words with what its check quoted, and what the functions below add to that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from releve.network.moments import zone
from releve.plugins.outbound.engine.hours import WeekHours, find_opening
from releve.plugins.outbound.engine.legal_rows import ANY, LegalRow, LegalRules, Words
from releve.plugins.outbound.engine.row_text import WEEKDAYS, format_day, format_instant, format_time_of_day
from releve.plugins.outbound.engine.vocabulary import (
    Vocabulary,
    Word,
    find_finer_words,
    get_vocabularies,
    get_vocabulary,
)

Quotes = Mapping[str, Any]

_NOT_KNOWN = Words("aucune date en vue", "no date in sight")
_HOLIDAY = Words("c'est un jour férié ({name})", "it is a public holiday ({name})")
_LOCAL_HOLIDAY = Words("jour férié local", "local holiday")
_NO_PLACE = Words(
    " Sans adresse, le numéro ne dit pas où vit la personne ; son code postal (table des personnes"
    " « people », colonne « address ») en déciderait.",
    " Without an address the number does not tell where the person lives; the postcode (table"
    ' "people", column "address") would settle it.',
)
_NO_CALLS_THAT_DAY = Words("on n'appelle pas le {weekday}", "no calls are placed on a {weekday}")
_OUTSIDE_HOURS = Words("c'est hors des heures permises", "that is outside the permitted hours")
_SCRUBBED = Words("la dernière expurgation date du {at}", "the last scrub was on {at}")
_NEVER_SCRUBBED = Words("aucune expurgation n'est connue", "no scrub is known")
_MISSING = Words("sa demande ne mentionne pas : {items}", "its request lacks: {items}")
_NO_ACT = Words("il a été donné sans acte positif ({act})", "it was given without a positive act ({act})")
_AND_ALSO = Words(" ; de plus, ", "; moreover, ")
_OTHER_OBJECT = Words(
    "il porte sur un autre objet ({consented}) que l'appel ({offered})",
    "it is about another object ({consented}) than the call ({offered})",
)
_NO_OBJECT_CONSENTED = Words("il ne nomme aucun objet", "it names no object")
_NO_OBJECT_OFFERED = Words(
    "il porte sur un objet ({consented}) et l'appel n'en déclare aucun",
    "it is about an object ({consented}) and the call declares none",
)
_NO_ACT_SAID = Words("acte non précisé", "no act is stated")
_OTHER_SLOT = Words("il ne vaut que pour un autre moment ({slot})", "it holds only for another time ({slot})")
_FROM_TO = Words("du {first} au {last}", "from {first} to {last}")
_FROM = Words("à partir du {at}", "from {at} on")
_UNDER_ANOTHER_RULE = Words("seulement si la règle change", "only if the rule changes")
_TIMES = Words("{day} ({count} fois)", "{day} ({count} times)")
_NONE_BEFORE = Words("aucune avant l'appel", "none before the call")
_COARSE_OBJECT = Words("{label}, mot trop large : préciser {finer}", "{label}, too coarse a word: name {finer}")
_COARSE_WORD = Words(
    " Le mot {word} ({place}) est trop large : préciser {finer}.",
    " The word {word} ({place}) is too coarse: name {finer}.",
)
_MOST_FINER = 6
"""The most finer words that a sentence lists."""
_UNKNOWN_WORD = Words("Le mot « {word} » n'est pas connu", 'The word "{word}" is not known')
_NO_WORD = Words("Un mot manque", "A word is missing")
_SIMILAR = Words(" (mots proches : {words})", " (similar words: {words})")
_COLUMN = Words("table des {label} « {table} », colonne « {column} »", 'table "{table}", column "{column}"')
_OF_CALL = {
    "object": Words("objet de l'appel", "object of the call"),
    "sector": Words("secteur de l'appel", "sector of the call"),
    "origin": Words("pays d'où part l'appel", "country from which the call starts"),
}


def word_label(name: str, word: str, language: str) -> str:
    """Return the label of a word of a vocabulary; a text that is none, in quotation marks."""
    found = get_vocabulary(name).by_id.get(word)
    if found is not None:
        return found.label.of(language)
    return _quote(word, language)


def _quote(text: str, language: str) -> str:
    return f"«\u202f{text}\u202f»" if language == "fr" else f'"{text}"'


def join_phrases(texts: Iterable[str], language: str) -> str:
    """Return texts as people list them, the last after "and"."""
    *first, last = texts
    both = " et " if language == "fr" else " and "
    return f"{', '.join(first)}{both}{last}" if first else last


def format_basis(basis: str, language: str) -> str:
    """Return the ground of a call as people say it: the consent C1, an exempt object."""
    name, _, ref = basis.partition(":")
    kind = word_label("basis", name, language)
    if name == "object":
        return f"{kind} ({word_label('object', ref, language)})"
    return f"{kind} {ref}".strip()


def _fill_hours(row: LegalRow, quotes: Quotes, language: str) -> dict[str, str]:
    hours, local = quotes["week"], quotes["local"]
    opens = find_opening(hours, quotes["zones"], local)
    there = None if opens is None else opens.astimezone(local.tzinfo)
    return {
        "why": _explain_closed(hours, local, language),
        "hours": _format_week(hours, language),
        "opens": _NOT_KNOWN.of(language) if there is None else format_instant(there, language),
    }


def _explain_closed(hours: WeekHours, local: datetime, language: str) -> str:
    if hours.holidays.is_holiday(local.date()):
        name = hours.holidays.find_name(local.date())
        day = format_day(local.date(), language) if name is None else name.of(language)
        return _HOLIDAY.of(language).format(name=day)
    if not hours.week[local.weekday()]:
        weekday = WEEKDAYS.of(language)[local.weekday()]
        return _NO_CALLS_THAT_DAY.of(language).format(weekday=weekday)
    return _OUTSIDE_HOURS.of(language)


def _format_week(hours: WeekHours, language: str) -> str:
    """Return the permitted hours: days with the same windows together."""
    french, names, parts = language == "fr", WEEKDAYS.of(language), []
    for windows, group in groupby(range(7), key=lambda day: hours.week[day]):
        days = list(group)
        if not windows:
            continue
        first, last = names[days[0]], names[days[-1]]
        if days[1:]:
            span = f"du {first} au {last}" if french else f"{first} to {last}"
        else:
            span = f"le {first}" if french else f"{first}s"
        said = [_format_window(window, language) for window in windows]
        parts.append(f"{span} {join_phrases(said, language)}")
    if hours.holidays.fixed or hours.holidays.from_easter:
        parts.append("hors jours fériés" if french else "not on public holidays")
    return ", ".join(parts)


def _format_window(window: tuple[int, int], language: str) -> str:
    start, end = (format_time_of_day(*divmod(minute, 60), language) for minute in window)
    return f"de {start} à {end}" if language == "fr" else f"from {start} to {end}"


def _fill_local_holidays(row: LegalRow, quotes: Quotes, language: str) -> dict[str, str]:
    day = quotes["day"]
    found = (rules.find_name(day) for rules in row.parameters["days"].values() if rules.is_holiday(day))
    name = next((name for name in found if name is not None), _LOCAL_HOLIDAY)
    return {"holiday": name.of(language), "unsure": _NO_PLACE.of(language) if quotes["unsure"] else ""}


def _fill_scrub(row: LegalRow, quotes: Quotes, language: str) -> dict[str, str]:
    at = quotes["scrubbed"]
    if at is None:
        return {"scrubbed": _NEVER_SCRUBBED.of(language), **_fill_list(row, quotes, language)}
    said = _SCRUBBED.of(language).format(at=format_instant(at, language))
    return {"scrubbed": said, **_fill_list(row, quotes, language)}


def _fill_list(row: LegalRow, quotes: Quotes, language: str) -> dict[str, str]:
    return {"list": _quote(word_label("list", quotes["list"], language), language)}


def _fill_word(name: str) -> Callable[[LegalRow, Quotes, str], dict[str, str]]:
    """Return what fills in the label of the word that a check quoted under its vocabulary's name."""
    return lambda row, quotes, language: {name: word_label(name, quotes[name], language)}


def _fill_items(row: LegalRow, quotes: Quotes, language: str) -> dict[str, str]:
    items = [word_label("item", item, language) for item in quotes["missing"]]
    parts = [_MISSING.of(language).format(items=join_phrases(items, language))] if items else []
    act = quotes["act"]
    if act is not None:
        said = word_label("act", act, language) if act else _NO_ACT_SAID.of(language)
        parts.append(_NO_ACT.of(language).format(act=said))
    return {"missing": _AND_ALSO.of(language).join(parts)}


def _fill_outside(row: LegalRow, quotes: Quotes, language: str) -> dict[str, str]:
    parts = []
    if quotes["offered"] is not None:
        parts.append(_format_other_object(quotes["consented"], quotes["offered"], language))
    if quotes["slot"]:
        first, *last = [format_instant(moment, language) for moment in quotes["slot"]]
        slot = _FROM_TO.of(language).format(first=first, last=last[0]) if last else first
        parts.append(_OTHER_SLOT.of(language).format(slot=slot))
    return {"outside": join_phrases(parts, language)}


def _format_other_object(consented: Iterable[str], offered: str, language: str) -> str:
    named = [_name_object(word, language) for word in consented if word]
    if not named:
        return _NO_OBJECT_CONSENTED.of(language)
    template = _OTHER_OBJECT if offered else _NO_OBJECT_OFFERED
    return template.of(language).format(
        consented=join_phrases(named, language), offered=_name_object(offered, language)
    )


def _name_object(word: str, language: str) -> str:
    """Return the label of an object; of a coarse one, with the finer words as well."""
    label, finer = word_label("object", word, language), find_finer_words(word)
    if not finer:
        return label
    return _COARSE_OBJECT.of(language).format(label=label, finer=_list_finer(finer, language))


def _list_finer(finer: Sequence[str], language: str) -> str:
    shown = [word_label("object", one, language) for one in finer[:_MOST_FINER]]
    return ", ".join(shown + ["…"] * (len(finer) > _MOST_FINER))


def _fill_coarse(row: LegalRow, quotes: Quotes, language: str) -> dict[str, str]:
    said = ""
    for table, word in quotes["coarse"]:
        place = _OF_CALL["object"].of(language)
        if table:
            label = word_label("table", table, language)
            place = _COLUMN.of(language).format(label=label, table=table, column="objects")
        finer = _list_finer(find_finer_words(word), language)
        label = _quote(word_label("object", word, language), language)
        said += _COARSE_WORD.of(language).format(word=label, place=place, finer=finer)
    return {"coarse": said}


def _fill_cap(row: LegalRow, quotes: Quotes, language: str) -> dict[str, str]:
    dates = [at.astimezone(zone(quotes["zone"])).date() for at in quotes["attempts"]]
    counts = Counter(dates)
    days = [
        format_day(day, language)
        if count == 1
        else _TIMES.of(language).format(day=format_day(day, language), count=count)
        for day, count in sorted(counts.items())
    ]
    return {
        "attempts": join_phrases(days, language) if days else "0",
        **{name: str(row.parameters[name]) for name in ("days", "hours") if name in row.parameters},
        **_fill_again(row, {"again": _find_release(row, quotes, sorted(dates))}, language),
    }


def _find_release(row: LegalRow, quotes: Quotes, dates: Sequence[date]) -> date | None:
    """Return when enough attempts have left the window of a cap for one more."""
    place: int = quotes["count"] - quotes["most"]
    if place >= len(dates):
        return None
    if "hours" in row.parameters:
        tried: list[datetime] = sorted(quotes["attempts"])
        return tried[place] + timedelta(hours=int(row.parameters["hours"]))
    return dates[place] + timedelta(days=int(row.parameters["days"]))


def _fill_silence(row: LegalRow, quotes: Quotes, language: str) -> dict[str, str]:
    return {"days": str(row.parameters.get("days", "")), **_fill_again(row, quotes, language)}


def _fill_again(row: LegalRow, quotes: Quotes, language: str) -> dict[str, str]:
    """Return from when on the row refuses no more, on what is known."""
    found: date | None = quotes["again"]
    if found is None:
        return {"again": _UNDER_ANOTHER_RULE.of(language)}
    said = format_instant(found, language) if isinstance(found, datetime) else format_day(found, language)
    return {"again": _FROM.of(language).format(at=said)}


def _fill_pause(row: LegalRow, quotes: Quotes, language: str) -> dict[str, str]:
    return _fill_again(row, {"again": quotes["last"] + timedelta(hours=quotes["hours"])}, language)


def _fill_data(row: LegalRow, quotes: Quotes, language: str) -> dict[str, str]:
    return _fill_unknown_word(quotes, language) | _fill_registers(quotes, language)


def _fill_unknown_word(quotes: Quotes, language: str) -> dict[str, str]:
    if "word" not in quotes:
        return {}
    unknown = _UNKNOWN_WORD if quotes["word"] else _NO_WORD
    words = [word_label(quotes["vocabulary"], word, language) for word in quotes["near"]]
    similar = _SIMILAR.of(language).format(words=", ".join(words)) if words else ""
    table, _, column = quotes["column"].rpartition(".")
    label = word_label("table", table, language)
    place = _COLUMN.of(language).format(label=label, table=table, column=column)
    return {
        "unknown": unknown.of(language).format(word=quotes["word"]),
        "similar": similar,
        "place": place if table else _OF_CALL[column].of(language),
    }


def _fill_registers(quotes: Quotes, language: str) -> dict[str, str]:
    if "registers" not in quotes:
        return {}
    said = [
        f"{word_label('feed', feed, language)}"
        f" ({_NONE_BEFORE.of(language) if read is None else format_instant(read, language)})"
        for feed, read in quotes["registers"]
    ]
    return {"registers": join_phrases(said, language)}


PHRASES: Mapping[str, Callable[[LegalRow, Quotes, str], dict[str, str]]] = {
    "data": _fill_data,
    "forbidden_object": _fill_word("object"),
    "list_opposition": _fill_list,
    "scrub": _fill_scrub,
    "automated_consent": _fill_word("mode"),
    "consent_required": _fill_coarse,
    "consent_items": _fill_items,
    "consent_object": _fill_outside,
    "hours": _fill_hours,
    "local_holidays": _fill_local_holidays,
    "cap": _fill_cap,
    "silence": _fill_silence,
    "pause": _fill_pause,
    "caller_class": _fill_word("mode"),
    "authentication": _fill_word("origin"),
}
"""The phrases that a row of a kind may hold besides what its check quotes."""


_HEADS = {
    "fr": ("règle", "verrou", "du", "au", "ce qu'elle dit", "texte", "source", "sûreté", "doute"),
    "en": ("row", "gate", "from", "to", "what it says", "text", "source", "sure", "doubt"),
}


def list_jurisdictions(rows: Iterable[LegalRow]) -> tuple[str, ...]:
    """Return the jurisdictions of rows: France first, then by code, those of any country last."""
    return tuple(sorted({row.jurisdiction for row in rows}, key=_rank_jurisdiction))


def _rank_jurisdiction(code: str) -> tuple[bool, bool, str]:
    return (code == ANY, code != "FR", code)


def select_rows_on(rules: LegalRules, day: date | None, jurisdiction: str = "") -> tuple[LegalRow, ...]:
    """Return the rows in force on a legal day, or all of them; of one jurisdiction, or of all.

    Those of a jurisdiction stand together, in the order of :func:`list_jurisdictions`.
    """
    found = (row for row in rules.rows if (day is None or row.binds_on(day)) and jurisdiction in ("", row.jurisdiction))
    return tuple(sorted(found, key=lambda row: _rank_jurisdiction(row.jurisdiction)))


def render_rules(rules: LegalRules, language: str, day: date | None = None) -> str:
    """Return the table, a section a jurisdiction; ``language`` is fr or en."""
    parts = []
    rows = select_rows_on(rules, day)
    for jurisdiction, own in groupby(rows, key=lambda row: row.jurisdiction):
        lines = [f"### {jurisdiction}", "", _render_line(_HEADS[language])]
        lines.append("|" + "---|" * len(_HEADS[language]))
        lines += [_render_line(_build_cells(row, language)) for row in own]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _render_line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _build_cells(row: LegalRow, language: str) -> tuple[str, ...]:
    first = row.first.isoformat() if row.first else "—"
    last = row.last.isoformat() if row.last else "—"
    doubt = row.doubt.of(language) if row.doubt else ""
    sure = ", ".join(row.sure)
    said = row.rule.of(language)
    return row.id, row.gate, first, last, said, row.reference, row.source, sure, doubt


_WORD_HEADS = ("word", "French", "English", "also written")
_INTRODUCTION = """# The words that the rules read

Written by `releve outbound words`; do not edit. Each table is one closed vocabulary. A word may be
given by its id, its French or English label or another spelling, in any case, with or without
accents, with hyphens, underscores or spaces. Anything else is a fault on import and refuses the
call (`FR-DATA-WORD`): an unknown word never counts as none. A coarse word (marked so) names no
nature of goods: rows of the law may use it, tables and campaigns name a finer word of its family.
The heading of a vocabulary names the columns that hold its words; one without columns is of calls
and campaigns alone.
"""


def render_vocabularies() -> str:
    parts = (render_vocabulary(one) for one in get_vocabularies().values())
    return "\n".join((_INTRODUCTION, *parts))


def render_vocabulary(vocabulary: Vocabulary) -> str:
    """Return one vocabulary as a section with a table."""
    columns = ", ".join(f"`{column}`" for column in vocabulary.columns)
    heads = [*_WORD_HEADS, "family", "sector"] if any(w.sector for w in vocabulary.words) else _WORD_HEADS
    lines = [
        f"## {vocabulary.name}",
        "",
        f"{vocabulary.title.en} ({vocabulary.title.fr})" + (f": {columns}" if columns else ""),
        "",
        _render_word_line(heads),
        "|" + "---|" * len(heads),
        *(_render_word_line(_build_word_cells(word)[: len(heads)]) for word in vocabulary.words),
    ]
    return "\n".join(lines) + "\n"


def _build_word_cells(word: Word) -> tuple[str, ...]:
    also = ", ".join(word.also)
    family = f"{word.family} (coarse)".strip() if word.coarse else word.family
    return f"`{word.id}`", word.label.fr, word.label.en, also, family, word.sector


def _render_word_line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


REASONS: Mapping[str, Words] = {
    "empty": Words("il manque", "it is missing"),
    "malformed": Words(
        "il n'a pas la forme d'un numéro de téléphone", "it does not have the form of a telephone number"
    ),
    "foreign-digits": Words(
        "il contient des chiffres d'une autre écriture que 0 à 9", "it has digits of a script other than 0 to 9"
    ),
    "leading-zero-lost": Words(
        "il n'a que neuf chiffres, son zéro initial a sans doute été perdu dans un tableur",
        "it has only nine digits, its leading zero was probably lost in a spreadsheet",
    ),
    "spreadsheet-figure": Words("un tableur l'a transformé en nombre", "a spreadsheet turned it into a figure"),
    "wrong-length": Words("il n'a pas le bon nombre de chiffres", "it does not have the right number of digits"),
    "not-a-subscriber": Words(
        "c'est un numéro de service, non celui d'une personne", "it is a service's number, not a person's"
    ),
    "not-allocated": Words(
        "le plan de numérotation n'attribue pas sa tranche", "the numbering plan does not allocate its range"
    ),
    "foreign": Words(
        "la personne est dans un pays dont les règles ne sont pas chargées",
        "the person is in a country whose rules are not loaded",
    ),
    "no-rules": Words("aucune règle ne couvre le jour de l'appel", "no rule covers the day of the call"),
    "address-unreadable": Words(
        "son adresse n'est ni un code postal français ni un territoire connu",
        "the address is neither a French postcode nor a known territory",
    ),
    "no-person": Words("aucune personne n'est connue sous ce numéro", "no person is known under this number"),
    "several-persons": Words(
        "plusieurs personnes sont connues sous ce numéro", "several persons are known under this number"
    ),
    "no-date": Words(
        "elle manque, ou n'est pas écrite comme une date avec son heure",
        "it is missing, or not written as a date with its time",
    ),
    "no-offset": Words("elle n'indique pas son fuseau horaire", "it does not give its time zone"),
    "month-first": Words(
        "elle est dans une colonne où des dates ont le mois en premier",
        "it stands in a column that has dates with the month first",
    ),
    "spreadsheet-serial": Words("un tableur l'a remplacée par un nombre", "a spreadsheet replaced it by a figure"),
    "after-recording": Words("elle est postérieure à son enregistrement", "it is later than its recording"),
    "geographic": Words("un numéro géographique (01 à 05)", "a geographic number (01 to 05)"),
    "non-geographic-09": Words("un numéro non géographique (09)", "a non-geographic number (09)"),
    "mobile": Words("un numéro mobile (06 ou 07)", "a mobile number (06 or 07)"),
    "shared-cost-08": Words("un numéro à tarif majoré (08)", "a shared-cost number (08)"),
    "premium-089": Words("un numéro surtaxé (089)", "a premium-rate number (089)"),
    "short-3bpq": Words(
        "un numéro court surtaxé (quatre chiffres, de 3200 à 3999)",
        "a premium-rate short number (four digits, 3200 to 3999)",
    ),
    "free-or-ordinary-08": Words("un numéro gratuit ou banalisé (08)", "a free or ordinary number (08)"),
    "short-ordinary": Words("un numéro court non surtaxé", "a short number without premium rate"),
    "npv": Words("un numéro polyvalent vérifié", "a verified multipurpose number"),
    "overseas": Words("un numéro d'outre-mer", "an overseas number"),
    "es-geographic": Words("un numéro fixe espagnol", "a Spanish fixed number"),
    "es-mobile": Words("un numéro mobile espagnol", "a Spanish mobile number"),
    "es-free": Words("un numéro gratuit espagnol", "a Spanish free number"),
    "es-premium": Words("un numéro surtaxé espagnol", "a Spanish premium-rate number"),
    "be-geographic": Words("un numéro fixe belge", "a Belgian fixed number"),
    "be-mobile": Words("un numéro mobile belge", "a Belgian mobile number"),
    "be-free": Words("un numéro gratuit belge", "a Belgian free number"),
    "be-premium": Words("un numéro surtaxé belge", "a Belgian premium-rate number"),
    "it-geographic": Words("un numéro fixe italien", "an Italian fixed number"),
    "it-mobile": Words("un numéro mobile italien", "an Italian mobile number"),
    "it-free-or-premium": Words("un numéro gratuit ou surtaxé italien", "an Italian free or premium-rate number"),
    "directory-118": Words("un numéro de renseignements (118)", "a directory enquiries number (118)"),
}
"""What is wrong with a number, a place, a person or a date, and the classes of numbers shown."""


def render_sentence(words: Words, row: LegalRow, quotes: Mapping[str, Any], language: str) -> str:
    """Return a row's words with what was quoted said in a language; ``fr`` or ``en``."""
    said = {name: _format_quote(value, language) for name, value in quotes.items()}
    phrases = PHRASES.get(row.kind)
    if phrases is not None:
        said |= phrases(row, quotes, language)
    return words.of(language).format_map(said)


def render_outline(row: LegalRow, language: str) -> str:
    """Return what a row refuses with, gaps for a call's own figures; empty where it never does."""
    said = [words.of(language) for words in (row.refuses, row.remedy) if words is not None]
    return re.sub(r"\{\w+\}", "…", " ".join(said))


def _format_quote(value: Any, language: str) -> str:
    if isinstance(value, Words):
        return value.of(language)
    if isinstance(value, datetime):
        return format_instant(value, language)
    if isinstance(value, date):
        return format_day(value, language)
    if isinstance(value, tuple):
        return join_phrases([_format_quote(one, language) for one in value], language) if value else "—"
    if isinstance(value, float):
        text = f"{value:.1f}".removesuffix(".0")
        return text.replace(".", ",") if language == "fr" else text
    known = REASONS.get(str(value))
    return str(value) if known is None else known.of(language)
