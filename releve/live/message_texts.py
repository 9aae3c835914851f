"""The words of the messages in French and in English, and the log of the newest entries.

Entries about a person and fields of health have no sentence here, so a log shows none of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from string import Formatter
from typing import Any, Final

from django.db.models import QuerySet
from django.utils.translation import gettext, override

from releve.errors import Phrase
from releve.ledger.account_names import restore_names
from releve.ledger.models import LedgerEntry
from releve.live.plans import operator_now
from releve.network import Operator, zone
from releve.network.moments import city
from releve.plan.coverage import round_coverage
from releve.plan.work_changes import decode_kinds, phrase_kinds
from releve.situation import KINDS, EventCorrected, find_happening, measure_entry_delay

LANGUAGES = ("fr", "en")
UNSET_ADDRESS: Final[Mapping[str, str]] = {
    "fr": "demandez l’adresse à votre responsable",
    "en": "ask your manager for the address",
}
"""In the place of the desk's address in a link, where it is not set."""

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "language": "fr",
        "drill": "[EXERCICE] ",
        "agent_subject": "Votre planning change",
        "hello": "Bonjour,",
        "agent_open": "Votre planning change :",
        "lifted": "La fermeture de {lifted} est levée : elle reposait sur un enregistrement erroné, qui a été corrigé."
        " Voici ce qui vaut maintenant.",
        "agent_shift": "- {day} de {start} à {end} : {place}, {programme}.",
        "agent_off": "- {day} : pas de vacation. Ne vous rendez pas sur le site {site}.",
        "agent_free": "- {day} : pas de vacation.",
        "agent_leaves": "- {day} : votre vacation s’arrête à {since}. Quittez le site {site}.",
        "agent_stops": "- {day} : votre vacation s’arrête à {since}.",
        "ride_to": "  Navette {stop_time} {stop} (véhicule {vehicle}).",
        "ride_from": "  Retour : navette {site_time} {site}, à {stop} à {stop_time} (véhicule {vehicle}).",
        "agent_close": "Merci de répondre ici :\n{url}",
        "agent_by": "Votre réponse est attendue avant {by}.",
        "agent_silent": "Sans réponse, nous vous appelons.",
        "agent_keys": "Ou répondez à ce message par un chiffre : 1 je viens, 2 je viens en retard, 3 j’ai besoin d’un"
        " transport, 4 je ne peux pas venir.",
        "hint_subject": "Votre réponse n’a pas été comprise",
        "hint": "Votre réponse n’a pas été comprise. Répondez 1, 2, 3 ou 4 : 1 je viens, 2 je viens en retard, 3 j’ai"
        " besoin d’un transport, 4 je ne peux pas venir. Ou joignez votre responsable de site.",
        "agent_closed": "Le site {site} est indisponible : {cause}.",
        "cause_rule": "fermé par la règle en vigueur",
        "cause_authority": "fermé par décision d’une autorité",
        "cause_hazard": "fermé à cause d’un incident sur place",
        "cause_earthquake": "fermé à la suite d’un séisme",
        "cause_fire": "fermé à la suite d’un incendie",
        "cause_flood": "fermé à la suite d’une inondation",
        "cause_storm": "fermé à la suite d’une tempête",
        "cause_blocked": "fermé, accès bloqué",
        "cause_operator": "fermé par décision de l’entreprise",
        "cause_power": "coupure de courant",
        "cause_link": "coupure de la liaison",
        "cause_": "rétabli",
        "kind_leaves": "  Aucun autre poste n’est prévu pour vous ce jour-là.",
        "kind_kept_away": "  Vous êtes en réserve.",
        "kind_home": "  À partir de {since}, vous travaillez à domicile.",
        "kind_site": "  À partir de {since}, vous travaillez sur le site {place}.",
        "kind_called_in": "  On a besoin de vous à partir de {since}.",
        "kind_released": "  Vous n’avez plus à travailler ce jour-là.",
        "kind_hours": "  Vos horaires changent.",
        "kind_programme": "  Seule l’opération change, à partir de {since} : {programme} au lieu de {was_programme}.",
        "kind_ride": "  Votre navette change.",
        "kind_break": "  Seule votre pause change.",
        "agent_wait": "  Quittez le site {place} ; vous n’avez pas de travail d’ici {since}.",
        "agent_was": "  Ce qui était prévu : de {start} à {end}, {place}, {programme}.",
        "agent_break": "  Pause : {breaks} (avant : {was}).",
        "no_break": "aucune",
        "agent_call": "Une question, un empêchement ? Joignez votre responsable de site : {call}.",
        "agent_call_manager": "Une question, un empêchement ? Joignez votre responsable de site.",
        "break_subject": "Votre pause change d’heure",
        "break_open": "Votre vacation reste la même, votre pause change d’heure :",
        "break_close": "Votre calendrier est joint. Vous n’avez rien à confirmer.",
        "home": "à domicile",
        "manager_subject": "Relève en cours : {site}",
        "manager_closed": "Le site {site} est indisponible.",
        "manager_open": "Le site {site} est ouvert.",
        "manager_counts": "Personnes qui changent de planning : {moved}{kinds}. Chacune reçoit un message.",
        "manager_call": "À faire : joindre celles qui ne répondent pas ; la page du site les nomme.",
        "manager_contact": "Cellule de crise : {contact}.",
        "manager_back": "Pas de réouverture avant le {at}.",
        "client_subject": "Continuité de votre service",
        "client_elsewhere": "Un site de votre prestataire est indisponible. Aucun des sites qui travaillent pour vous"
        " n’est touché.",
        "client_back": "Prochain retour à une couverture complète : le {at}.",
        "client_now": "Couverture en ce moment : {now} %.",
        "client_next": "Prochaines nouvelles : au plus tard le {at}.",
        "client_call": "Votre contact : {contact}.",
        "client_held": "Votre service est assuré : couverture complète jusqu’au {until}.",
        "client_thin": "Couverture de vos besoins jusqu’au {until} : au plus bas {worst} %, le {at}.",
        "client_missed": "Une partie de vos besoins n’est pas couverte : {worst} % au plus bas, le {at} ;"
        " il manque {missing} % en tout jusqu’au {until}.",
        "client_none": "Aucun besoin n’est prévu jusqu’au {until}.",
        "client_unknown": "La couverture de votre service n’est pas encore connue : nous vous"
        " informerons dès qu’elle le sera.",
        "unanswered_subject": "Sans réponse ({site}) : {count}",
        "unanswered": "Site {site}, personnes qui n’ont pas confirmé leur nouveau planning : {count}.",
        "cause_lines": "lignes à domicile coupées",
        "fault_subject": "Panne : {path}",
        "fault_open": "{path} : rien ne part depuis {since} (UTC). Messages ou documents en attente : {waiting}.",
        "fault_close": "Relève réessaie sans arrêt. Faites rétablir le service, et voyez la page En ce moment : {url}",
        "path_mail": "le courriel",
        "path_sms": "le SMS",
        "path_outbox": "le dossier des messages",
        "path_telephony": "la téléphonie",
        "path_outside": "le dépôt extérieur",
        "path_partner": "l’échange avec l’association",
        "path_disk": "l’espace disque",
        "path_clock": "l’horloge",
        "path_certificate": "le certificat",
        "path_backup": "la sauvegarde",
        "house_partner": "Rien ne s’échange avec l’association depuis {since} (UTC) : {cause}",
        "house_disk": "Il reste {cause} sur le disque de l’installation. À faire : libérer de la place ; sans place,"
        " plus rien ne s’enregistre.",
        "house_clock": "L’horloge du serveur a été décalée de {cause}. À faire : la remettre à l’heure, puis relancer"
        " le processus de fond (worker).",
        "house_certificate": "Le certificat du site va expirer ou a expiré : {cause}. À faire : le renouveler, puis"
        " recharger le serveur web.",
        "house_backup": "La dernière sauvegarde a plus d’un jour : {cause}. À faire : en lancer une, et voir pourquoi"
        " celle de la nuit manque.",
        "house_close": "Voir la page En ce moment : {url}",
        "selftest_subject": "Essai de la nuit : {path}",
        "selftest": "Ce message prouve que Relève peut écrire par cette voie. S’il manque un matin, prévenez un"
        " administrateur.",
        "alert_subject": "Alerte : {names}",
        "alert_open": "Vous êtes d’astreinte. Depuis le {at} :",
        "alert_lost": "- {place} : {cause}.",
        "alert_worst": "Client le plus touché, à {time} : {client}, couvert à {now} % en ce moment.",
        "alert_worst_ahead": "Client le plus touché, à {time} : {client}, couvert à {worst} % au plus bas, le {at}.",
        "alert_todo": "À faire : prendre la direction par le lien ; puis, à la page En ce moment, lire qui ne répond"
        " pas et ouvrir la cellule de crise.",
        "alert_waits": "La relève et les appels sont pris en charge. Les messages aux équipes qui commencent plus tard"
        " attendent que vous preniez la direction.",
        "alert_close": "Je prends la direction :\n{url}",
        "close": "Accuser réception :\n{url}",
        "time": "{0:%-H} h {0:%M}",
        "day": "{0:%d/%m/%Y}",
        "moment": "{day} à {time} (heure de {city})",
    },
    "en": {
        "language": "en",
        "drill": "[DRILL] ",
        "agent_subject": "Your shift changes",
        "hello": "Hello,",
        "agent_open": "Your shift changes:",
        "lifted": "The closure of {lifted} is lifted: it rested on a wrong record, now corrected. This holds now.",
        "agent_shift": "- {day}, {start} to {end}: {place}, {programme}.",
        "agent_off": "- {day}: no shift. Do not go to the site {site}.",
        "agent_free": "- {day}: no shift.",
        "agent_leaves": "- {day}: your shift stops at {since}. Leave the site {site}.",
        "agent_stops": "- {day}: your shift stops at {since}.",
        "ride_to": "  Shuttle {stop_time} {stop} (vehicle {vehicle}).",
        "ride_from": "  Way home: shuttle {site_time} {site}, at {stop} at {stop_time} (vehicle {vehicle}).",
        "agent_close": "Please answer here:\n{url}",
        "agent_by": "Your answer is awaited by {by}.",
        "agent_silent": "Without an answer we call you.",
        "agent_keys": "Or reply to this message with a digit: 1 I come, 2 I come late, 3 I need transport,"
        " 4 I cannot come.",
        "hint_subject": "Your reply was not understood",
        "hint": "Your reply was not understood. Reply 1, 2, 3 or 4: 1 I come, 2 I come late, 3 I need transport,"
        " 4 I cannot come. Or call your site manager.",
        "agent_closed": "The site {site} is not available: {cause}.",
        "cause_rule": "closed by the rule in force",
        "cause_authority": "closed by order of an authority",
        "cause_hazard": "closed because of an incident there",
        "cause_earthquake": "closed after an earthquake",
        "cause_fire": "closed after a fire",
        "cause_flood": "closed after a flood",
        "cause_storm": "closed after a storm",
        "cause_blocked": "closed, access blocked",
        "cause_operator": "closed by the company",
        "cause_power": "no power",
        "cause_link": "its link is down",
        "cause_": "back",
        "kind_leaves": "  There is no work for you elsewhere that day.",
        "kind_kept_away": "  You are in reserve.",
        "kind_home": "  From {since} you work at home.",
        "kind_site": "  From {since} you work on the site {place}.",
        "kind_called_in": "  You are called in from {since}.",
        "kind_released": "  You do not have to work any more that day.",
        "kind_hours": "  Your hours change.",
        "kind_programme": "  Only the programme changes, from {since}: {programme} instead of {was_programme}.",
        "kind_ride": "  Your shuttle changes.",
        "kind_break": "  Only your break changes.",
        "agent_wait": "  Leave the site {place}; you have no work until {since}.",
        "agent_was": "  As planned before: {start} to {end}, {place}, {programme}.",
        "agent_break": "  Break: {breaks} (before: {was}).",
        "no_break": "none",
        "agent_call": "A question, or you cannot come? Call your site manager: {call}.",
        "agent_call_manager": "A question, or you cannot come? Call your site manager.",
        "break_subject": "Your break is at another time",
        "break_open": "Your shift stays the same, your break is at another time:",
        "break_close": "Your calendar is attached. You need not confirm anything.",
        "home": "at home",
        "manager_subject": "Relief under way: {site}",
        "manager_closed": "The site {site} is not available.",
        "manager_open": "The site {site} is open.",
        "manager_counts": "People whose shift changes: {moved}{kinds}. Each receives a message.",
        "manager_call": "To do: call those who do not answer; the page of the site names them.",
        "manager_contact": "Crisis team: {contact}.",
        "manager_back": "Not open again before {at}.",
        "client_subject": "Continuity of your service",
        "client_elsewhere": "A site of your provider is not available. None of those that work for you is.",
        "client_back": "Next full coverage: on {at}.",
        "client_now": "Coverage at this moment: {now}%.",
        "client_next": "Next news: on {at} at the latest.",
        "client_call": "Your contact: {contact}.",
        "client_held": "Your service is assured: full coverage until {until}.",
        "client_thin": "Coverage of your requirement until {until}: at worst {worst}%, on {at}.",
        "client_missed": "Part of your requirement is not covered: {worst}% at worst, on {at};"
        " {missing}% in all is missing until {until}.",
        "client_none": "Nothing is required until {until}.",
        "client_unknown": "The coverage of your service is not known yet: we will write as soon as it is.",
        "unanswered_subject": "No answer ({site}): {count}",
        "unanswered": "Site {site}, people who have not confirmed their new shift: {count}.",
        "cause_lines": "home lines down",
        "fault_subject": "Fault: {path}",
        "fault_open": "{path}: nothing has gone out since {since} (UTC). Messages or documents that wait: {waiting}.",
        "fault_close": "Relève goes on trying. Have the service mended, and see the page Now: {url}",
        "path_mail": "mail",
        "path_sms": "SMS",
        "path_outbox": "the folder of messages",
        "path_telephony": "telephony",
        "path_outside": "the outside",
        "path_partner": "exchange with the association",
        "path_disk": "disk space",
        "path_clock": "clock",
        "path_certificate": "certificate",
        "path_backup": "backup",
        "house_partner": "Nothing has been exchanged with the association since {since} (UTC): {cause}",
        "house_disk": "{cause} are left on the disk of the installation. To do: make room; without any, nothing more"
        " is stored.",
        "house_clock": "The server's clock was set by {cause}. To do: set it right, then restart the worker.",
        "house_certificate": "The certificate of the desk ends soon or has ended: {cause}. To do: renew it, then"
        " reload the web server.",
        "house_backup": "The last backup is older than a day: {cause}. To do: make one, and see why last night's is"
        " missing.",
        "house_close": "See the page Now: {url}",
        "selftest_subject": "Test of the night: {path}",
        "selftest": "This message shows that Relève can write by this way. If it is missing one morning, have an"
        " administrator look.",
        "alert_subject": "Alert: {names}",
        "alert_open": "You are on call. Since {at}:",
        "alert_lost": "- {place}: {cause}.",
        "alert_worst": "Client hit worst, as of {time}: {client}, {now}% covered at this moment.",
        "alert_worst_ahead": "Client hit worst, as of {time}: {client}, {worst}% covered at worst, on {at}.",
        "alert_todo": "To do: take the lead by the link; then read on the page Now who does not answer, and open the"
        " incident room.",
        "alert_waits": "The relief and the routes of calls are seen to. Messages to teams that start later wait until"
        " you take the lead.",
        "alert_close": "I take the lead:\n{url}",
        "close": "Acknowledge:\n{url}",
        "time": "{0:%H}:{0:%M}",
        "day": "{0:%Y-%m-%d}",
        "moment": "{day} at {time} ({city} time)",
    },
}


def write_message(kind: str, about: Mapping[str, Any], language: str, url: str, *, drill: bool) -> tuple[str, str]:
    """Return the subject and the text of a message; ``about`` as it was stored with it."""
    words = _WORDS[language]
    subject, text = _MAKERS[kind](words, about, url)
    if about.get("lifted"):
        greeting, mark, rest = text.partition("\n\n") if kind in ("agent", "break") else ("", "", text)
        text = f"{greeting}{mark}{words['lifted'].format(lifted=about['lifted'])}\n\n{rest}"
    typeset = _typeset if language == "fr" else str
    return typeset((words["drill"] if drill else "") + subject), typeset(text + "\n")


def _typeset(text: str) -> str:
    """Return French text with a narrow no-break space where a line must not break before or after a mark."""
    return re.sub(r" (?=[;:!?»])|(?<=«) ", "\u202f", text)


def _write_to_agent(words: Mapping[str, str], about: Mapping[str, Any], url: str) -> tuple[str, str]:
    call = words["agent_call"] if about.get("call") else words["agent_call_manager"]
    lines = [
        words["agent_open"],
        *_list_shift_lines(words, about),
        "",
        *_say_by_when(words, about),
        *([words["agent_silent"]] if about.get("by") else []),
        *_list_causes(words, about),
        call.format(call=about.get("call")),
        *([about["operator"]] if about.get("operator") else []),
        *([words["agent_close"].format(url=url)] if url else []),
        *([words["agent_keys"]] if about.get("keys") and _says_shift(about) else []),
    ]
    return words["agent_subject"], "\n".join([words["hello"], "", *lines])


def _say_by_when(words: Mapping[str, str], about: Mapping[str, Any]) -> Iterator[str]:
    """Yield by when an answer is awaited; nothing in a message that was not sent, or before that was stored."""
    if about.get("by"):
        yield words["agent_by"].format(by=_write_clock(words, about["by"], about["shifts"][0]["zone"]))


def _says_shift(about: Mapping[str, Any]) -> bool:
    return any(shift["place"] is not None for shift in about["shifts"])


def write_said(about: Mapping[str, Any], language: str) -> str:
    """Return what a message to an agent says of the shifts, and why: what a caller reads aloud."""
    words = _WORDS[language]
    lines = [*_list_shift_lines(words, about), *_say_by_when(words, about), *_list_causes(words, about)]
    return (_typeset if language == "fr" else str)("\n".join(lines))


def _list_causes(words: Mapping[str, str], about: Mapping[str, Any]) -> Iterator[str]:
    for site, cause in about.get("closed", ()):
        yield words["agent_closed"].format(site=site, cause=words[f"cause_{cause}"])


def write_hint(language: str) -> tuple[str, str]:
    """Return the subject and the text that say which answers there are."""
    return _WORDS[language]["hint_subject"], _WORDS[language]["hint"] + "\n"


def _write_break_note(words: Mapping[str, str], about: Mapping[str, Any], url: str) -> tuple[str, str]:
    lines = [words["hello"], "", words["break_open"], *_list_shift_lines(words, about), "", words["break_close"]]
    return words["break_subject"], "\n".join(lines)


def _list_shift_lines(words: Mapping[str, str], about: Mapping[str, Any]) -> Iterator[str]:
    """Yield what each duty is, how it changes, what it was, and its rides."""
    for number, shift in enumerate(about["shifts"]):
        if number:
            yield ""
        yield _describe_shift(words, shift)
        yield from _describe_wait(words, about, shift)
        yield from _describe_change(words, shift)
        yield from _describe_rides(words, shift)


def _describe_wait(words: Mapping[str, str], about: Mapping[str, Any], shift: Mapping[str, Any]) -> Iterator[str]:
    """Yield what an agent at work on a lost site does until work goes on elsewhere."""
    was, by, lost = shift.get("was"), about.get("by"), {site for site, _ in about.get("closed", ())}
    if not was or not by or was["place"] not in lost or shift["place"] in (None, was["place"]):
        return
    starts, answers, goes_on = (datetime.fromisoformat(at) for at in (was["start"], by, shift["since"] or by))
    if starts < answers < goes_on:
        yield words["agent_wait"].format(place=was["place"], since=_write_clock(words, shift["since"], shift["zone"]))


def _describe_change(words: Mapping[str, str], shift: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of what changes; a message from before kinds were stored has none."""
    if not shift.get("kind"):
        return
    was, clock = shift["was"], partial(_write_clock, words)
    yield words[f"kind_{shift['kind']}"].format(
        since=clock(shift["since"], shift["zone"]) if shift["since"] else "",
        place=shift["place"],
        programme=shift.get("programme"),
        was_programme=was and was["programme"],
    )
    if was is None:
        return
    if shift["kind"] not in ("break", "programme"):  # those lines say what it was
        yield words["agent_was"].format(
            start=clock(was["start"], was["zone"]),
            end=clock(was["end"], was["zone"]),
            place=was["place"] or words["home"],
            programme=was["programme"],
        )
    breaks, had = (_write_breaks(words, _list_breaks_ahead(row, shift["since"]), shift["zone"]) for row in (shift, was))
    if shift["place"] is not None and breaks != had:
        yield words["agent_break"].format(breaks=breaks, was=had)


def _list_breaks_ahead(post: Mapping[str, Any], since: str | None) -> list[Sequence[str]]:
    """Return the breaks of a duty that are not over when it changes: one that was taken does not change."""
    begins = None if since is None else datetime.fromisoformat(since)
    return [span for span in post.get("breaks", ()) if begins is None or datetime.fromisoformat(span[1]) > begins]


def _write_breaks(words: Mapping[str, str], breaks: Sequence[Sequence[str]], zone_name: str) -> str:
    found = ("–".join(_write_clock(words, at, zone_name) for at in span) for span in breaks)
    return ", ".join(found) or words["no_break"]


def _write_clock(words: Mapping[str, str], at: str, zone_name: str) -> str:
    return words["time"].format(datetime.fromisoformat(at).astimezone(zone(zone_name)))


def _describe_shift(words: Mapping[str, str], shift: Mapping[str, Any]) -> str:
    day = words["day"].format(datetime.fromisoformat(shift["day"]))
    if shift["place"] is None:
        was, since = shift.get("was"), shift.get("since")
        if was and since and datetime.fromisoformat(was["start"]) < datetime.fromisoformat(since):
            key = "agent_leaves" if shift["site"] else "agent_stops"
            return words[key].format(day=day, site=shift["site"], since=_write_clock(words, since, shift["zone"]))
        key = "agent_off" if shift["site"] else "agent_free"
        return words[key].format(day=day, site=shift["site"])
    begins = datetime.fromisoformat(shift["start"]).astimezone(zone(shift["zone"]))
    day = words["day"].format(begins)  # of a night shift that a relief changes after midnight, the day after
    start, end = (_write_clock(words, shift[name], shift["zone"]) for name in ("start", "end"))
    place = shift["place"] or words["home"]
    return words["agent_shift"].format(day=day, start=start, end=end, place=place, programme=shift["programme"])


def _describe_rides(words: Mapping[str, str], shift: Mapping[str, Any]) -> list[str]:
    """Return a line per ride of a shift; a message from before there were rides has none."""
    lines = []
    for ride in shift.get("rides", ()):
        stop_time, site_time = (
            f"{datetime.fromisoformat(ride[name]).astimezone(zone(ride['zone'])):%H:%M}" for name in ("at", "at_site")
        )
        lines.append(
            words[f"ride_{ride['leg']}"].format(
                stop_time=stop_time, site_time=site_time, **{name: ride[name] for name in ("stop", "site", "vehicle")}
            )
        )
    return lines


def write_ride_lines(shift: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the rides of a shift as a calendar entry has them, in both languages."""
    both = zip(*(_describe_rides(_WORDS[name], shift) for name in LANGUAGES), strict=True)
    return tuple(" / ".join(line.strip().rstrip(".") for line in pair) for pair in both)


def _write_to_manager(words: Mapping[str, str], about: Mapping[str, Any], url: str) -> tuple[str, str]:
    first, cause = words["manager_closed" if about["closed"] else "manager_open"], about.get("cause")
    if about["closed"] and cause:
        first = words["agent_closed"].format(site=about["site"], cause=words[f"cause_{cause}"])
    back = about.get("back") if about["closed"] else None
    lines = [
        words["hello"],
        "",
        first.format(site=about["site"]),
        *([words["manager_back"].format(at=_write_moment(words, back, about["zone"]))] if back else []),
        words["manager_counts"].format(moved=about["moved"], kinds=_say_kinds(about, words["language"])),
        *([words["manager_call"]] if about["moved"] else []),
        *([words["manager_contact"].format(contact=about["contact"])] if about.get("contact") else []),
        *(["", words["close"].format(url=url)] if url else []),
    ]
    return words["manager_subject"].format(site=about["site"]), "\n".join(lines)


def _say_kinds(about: Mapping[str, Any], language: str) -> str:
    """Return what the people of a count are, in brackets; empty where none is, or an older message did not hold it."""
    if not about.get("kinds"):
        return ""
    with override(language):
        return f" ({phrase_kinds(decode_kinds(about['kinds'])).translate_with(gettext, language)})"


def _write_to_client(words: Mapping[str, str], about: Mapping[str, Any], url: str) -> tuple[str, str]:
    said = words[_choose_client_words(about)].format(
        until=_write_moment(words, about["until"], about["zone"]),
        at=_write_moment(words, about["worst_at"], about["zone"]),
        worst=f"{round_coverage(about['worst'] or 0.0):.0f}",
        missing=max(1, round(100 * about["missing"])),
    )
    lines = [
        *(
            words["alert_lost" if cause == "lines" else "agent_closed"].format(
                site=name, place=name, cause=words[f"cause_{cause}"]
            )
            for name, cause in about.get("lost", ())
        ),
        *([words["client_elsewhere"]] if about.get("elsewhere") else []),
        *(
            [words["client_now"].format(now=f"{round_coverage(about['now']):.0f}")]
            if about.get("now") is not None
            else []
        ),
        said,
        *(
            [words["client_back"].format(at=_write_moment(words, about["back"], about["zone"]))]
            if about.get("back")
            else []
        ),
        *([about["sentence"]] if about.get("sentence") else []),
        *(
            [words["client_next"].format(at=_write_moment(words, about["next"], about["zone"]))]
            if about.get("next")
            else []
        ),
        *([words["client_call"].format(contact=about["contact"])] if about.get("contact") else []),
    ]
    return words["client_subject"], "\n".join(
        [words["hello"], "", *lines, *(["", words["close"].format(url=url)] if url else [])]
    )


def _choose_client_words(about: Mapping[str, Any]) -> str:
    """Return the sentence that the figures allow: "assured" only where nothing is missing."""
    if about["state"] == "unknown":
        return "client_none" if about["known"] and about["until"] else "client_unknown"
    if about["state"] in ("short_now", "missed"):
        return "client_missed"
    return "client_held" if about["state"] == "held" else "client_thin"


def _write_moment(words: Mapping[str, str], at: str | None, zone_name: str) -> str:
    if at is None:
        return ""
    local = datetime.fromisoformat(at).astimezone(zone(zone_name))
    return words["moment"].format(
        day=words["day"].format(local), time=words["time"].format(local), city=city(zone_name)
    )


def _write_escalation(words: Mapping[str, str], about: Mapping[str, Any], url: str) -> tuple[str, str]:
    said = words["unanswered"].format(count=about["count"], site=about["site"])
    subject = words["unanswered_subject"].format(count=about["count"], site=about["site"])
    return subject, "\n".join([said, *(["", words["close"].format(url=url)] if url else [])])


def _name_worst_client(words: Mapping[str, str], worst: Mapping[str, Any] | None, zone_name: str) -> Iterator[str]:
    """Yield which client the loss leaves with least, now or ahead; nothing where every requirement is covered."""
    if worst is None:
        return
    key = "alert_worst" if worst["short_now"] else "alert_worst_ahead"
    yield words[key].format(
        client=worst["client"],
        time=_write_clock(words, worst["at"], zone_name),
        now=f"{round_coverage(worst['now'] or 0.0):.0f}",
        worst=f"{round_coverage(worst['worst']):.0f}",
        at=_write_moment(words, worst["worst_at"], zone_name),
    )


def _write_alert(words: Mapping[str, str], about: Mapping[str, Any], url: str) -> tuple[str, str]:
    lines = [
        words["alert_open"].format(at=_write_moment(words, about["at"], about["zone"])),
        *(words["alert_lost"].format(place=place, cause=words[f"cause_{cause}"]) for place, cause in about["lost"]),
        *_name_worst_client(words, about.get("worst"), about["zone"]),
        "",
        words["alert_todo"],
        *([words["alert_waits"]] if about["waits"] else []),
        *([words["alert_close"].format(url=url)] if url else []),
    ]
    return words["alert_subject"].format(names=", ".join(place for place, _cause in about["lost"])), "\n".join(lines)


def _write_fault(words: Mapping[str, str], about: Mapping[str, Any], url: str) -> tuple[str, str]:
    path, since = words[f"path_{about['path']}"], datetime.fromisoformat(about["since"])
    house = f"house_{about['path']}" in words
    said = words[f"house_{about['path']}" if house else "fault_open"].format(
        path=path, since=f"{since:%H:%M}", waiting=about["waiting"], cause=about.get("cause", "")
    )
    close = words["house_close" if house else "fault_close"].format(url=url)
    return words["fault_subject"].format(path=path), f"{said[0].upper()}{said[1:]}\n\n{close}"


def _write_self_test(words: Mapping[str, str], about: Mapping[str, Any], url: str) -> tuple[str, str]:
    return words["selftest_subject"].format(path=words[f"path_{about['path']}"]), words["selftest"]


_MAKERS: Final = {
    "fault": _write_fault,
    "selftest": _write_self_test,
    "alert": _write_alert,
    "agent": _write_to_agent,
    "break": _write_break_note,
    "manager": _write_to_manager,
    "client": _write_to_client,
    "unanswered": _write_escalation,
}


_MOST, _MOST_READ = 20, 200
_SENTENCES: Mapping[str, Phrase] = {
    **{kind: Phrase(event.headline) for kind, event in KINDS.items() if event.headline},
    "alert.ended": Phrase("The places are back before an alert was taken."),
    "alert.raised": Phrase("{holder} is on call and is alerted."),
    "alert.released": Phrase("The messages that waited go out: no person has taken the lead yet."),
    "alert.taken": Phrase("{by} leads."),
    "alert.unmanned": Phrase("A place was lost while no person was on call: no alert was sent."),
    "relief.made": Phrase("A relief was made; people whose work changes: {moved}."),
    "routing.alarm": Phrase("A telephony system does not hold the newest routes."),
    "routing.published": Phrase("The routes were published."),
    "routing.restored": Phrase("The telephony system holds the newest routes again."),
    "routing.reverted": Phrase("The routes of an earlier generation were published again."),
    "relief.ended": Phrase("The relief for a surge ends: back to the plan."),
    "relief.ordered": Phrase("A relief for a surge or absences was put in force."),
    "relief.aim_chosen": Phrase("The aim of the reliefs changed."),
    "routing.switched": Phrase("Calls were switched to the routes prepared for a loss."),
    "people.notified": Phrase("Messages about the relief were written; agents concerned: {agents}."),
    "plan.activated": Phrase("A plan was put in force."),
    "plan.withdrawn": Phrase("A plan was withdrawn."),
    "drill.started": Phrase("The drill began."),
    "drill.moved": Phrase("The clock of the drill was moved forward."),
    "effect.aside": Phrase("A task failed too often and was set aside."),
    "effect.retried": Phrase("A task that was set aside is tried again."),
}
_MADE = Phrase("A relief was made; people whose work changes: {moved} ({kinds}).")
_INCIDENT_SENTENCES: Mapping[str, Phrase] = {
    "incident.opened": Phrase("The incident room was opened by {actor}."),
    "incident.role_taken": Phrase("{actor} takes the role: {role}."),
    "incident.place_added": Phrase("{actor} adds a place to the incident: {place}."),
    "incident.decided": Phrase("{actor} decides: {decision} Why: {reason}"),
    "incident.task_set": Phrase("To do by {owner}: {task}"),
    "incident.task_done": Phrase("{actor} has done: {task}"),
    "incident.noted": Phrase("{actor}: {note}"),
    "incident.reviewed": Phrase("{actor} wrote the review."),
    "incident.closed": Phrase("{actor} closed the incident. {note}"),
}
_TASKS_SET = Phrase("Tasks were set: {count}.")
_ROLE_GIVEN = Phrase("{actor} gives {holder} the role: {role}.")
_LIFTED = Phrase(
    "{site}: {actor} lifted the closure by the rule, since a record on which it rests was corrected. Why: {reason}"
)
_UNADDRESSED = Phrase(
    "Messages about the relief were written; agents concerned: {agents}, messages without an address: {unaddressed}."
)
_HELD = Phrase(
    "Messages about the relief were written; agents concerned: {agents}, messages held until a person leads: {held}."
)
_HELD_UNADDRESSED = Phrase(
    "Messages about the relief were written; agents concerned: {agents}, messages held until a person leads: {held},"
    " messages without an address: {unaddressed}."
)
LOG_KINDS = frozenset(_SENTENCES)
"""Kinds of entries that every reader of their site may see."""
INCIDENT_KINDS = frozenset(_INCIDENT_SENTENCES)
"""Kinds of entries of an incident, for those who work in its room."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the ledger in a log; ``params``: its site or carrier, and what it names.

    ``at`` it was recorded; ``happened`` is when, or the day it is about, where that is late.
    """

    kind: str
    at: datetime
    params: dict[str, Any]
    happened: datetime | date | None = None

    @property
    def sentence(self) -> Phrase:
        """What it says, with the names of its parameters in braces."""
        return _find_sentence(self.kind, self.params)


def _find_sentence(kind: str, body: Mapping[str, Any]) -> Phrase:
    if kind == "people.notified" and body.get("held"):
        return _HELD_UNADDRESSED if body.get("unaddressed") else _HELD
    if kind == "people.notified" and body.get("unaddressed"):
        return _UNADDRESSED
    if kind == "incident.task_set" and body.get("count"):
        return _TASKS_SET
    if kind == "incident.role_taken" and body.get("holder"):
        return _ROLE_GIVEN
    if kind == "relief.made" and body.get("kinds"):
        return _MADE
    if kind == EventCorrected.kind and body.get("because"):
        return _LIFTED
    return _INCIDENT_SENTENCES.get(kind) or _SENTENCES[kind]


def list_last_entries(stream: str, sees: Callable[[str], bool]) -> tuple[LogEntry, ...]:
    """Return the last entries of the sites that a reader ``sees``: 20 of the last 200 at most.

    Those of no site are asked for by an empty one.
    """
    rows = LedgerEntry.objects.filter(stream=stream, kind__in=LOG_KINDS).order_by("-seq")
    return read_last_entries(rows[:_MOST_READ], lambda _kind, body: sees(body.get("site") or ""), _MOST)


def read_last_entries(
    rows: QuerySet[LedgerEntry], shows: Callable[[str, Mapping[str, Any]], bool], most: int
) -> tuple[LogEntry, ...]:
    """Return the first entries of a query for whose kind and body ``shows`` holds."""
    kept: list[tuple[str, str, dict[str, Any]]] = []
    for kind, at, written in rows.values_list("kind", "recorded_at", "body"):
        body = json.loads(written)
        if shows(kind, body) and not (kind == EventCorrected.kind and _is_unshown(body)):
            kept.append((kind, at, body))
        if len(kept) == most:
            break
    restore_names([body for _, _, body in kept])
    if not kept:
        return ()
    operator = operator_now()  # once: each call asks the database whether it has changed
    return tuple(_build_log_entry(*row, operator) for row in kept)


def _is_unshown(body: Mapping[str, Any]) -> bool:
    """Return whether a correction is in no log: of an event about one agent, or by a rule."""
    return not body.get("site") or str(body.get("actor", "")).startswith("rule:")


def _build_log_entry(kind: str, written: str, body: dict[str, Any], operator: Operator) -> LogEntry:
    at = datetime.fromisoformat(written)
    late = measure_entry_delay(body, at, operator)
    return LogEntry(kind, at, _pick_params(kind, body), find_happening(body) if late else None)


def _pick_params(kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the sentence of an entry names, and nothing else of it."""
    parts = Formatter().parse(_find_sentence(kind, body))
    named = (name for _text, name, _spec, _conversion in parts if name)
    names = dict.fromkeys(("site", "carrier", "because", *named))
    return {name: body[name] for name in names if body.get(name) is not None}
