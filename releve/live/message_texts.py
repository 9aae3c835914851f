"""The words of the messages, in French and in English, as plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from releve.network import zone

__all__ = ["LANGUAGES", "write_message"]

LANGUAGES = ("fr", "en")

_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "fr": {
        "drill": "[EXERCICE] ",
        "agent_subject": "Votre planning change",
        "agent_open": "Bonjour,\n\nVotre planning change :",
        "agent_shift": "- {day} de {start} à {end} : {place}, {programme}.",
        "agent_off": "- {day} : pas de vacation. Ne vous rendez pas sur le site {site}.",
        "agent_free": "- {day} : pas de vacation.",
        "agent_close": "Merci de confirmer que vous avez lu ce message :\n{url}",
        "home": "à domicile",
        "manager_subject": "Relève en cours : {site}",
        "manager_closed": "Le site {site} n’est pas disponible.",
        "manager_open": "Le site {site} est concerné par la relève.",
        "manager_counts": "Personnes qui changent de planning : {moved}. Dont à domicile : {home}.",
        "client_subject": "Continuité de votre service",
        "client_held": "Votre service est assuré : couverture d’au moins {worst} % sur 48 heures.",
        "client_none": "Aucun besoin n’est prévu sur les prochaines 48 heures.",
        "unanswered_subject": "Sans réponse : {count} personnes ({site})",
        "unanswered": "{count} personnes du site {site} n’ont pas confirmé leur nouveau planning.",
        "close": "Accuser réception :\n{url}",
        "time": "{0:%-H} h {0:%M}",
        "day": "{0:%d/%m/%Y}",
    },
    "en": {
        "drill": "[DRILL] ",
        "agent_subject": "Your shift changes",
        "agent_open": "Hello,\n\nYour shift changes:",
        "agent_shift": "- {day}, {start} to {end}: {place}, {programme}.",
        "agent_off": "- {day}: no shift. Do not go to the site {site}.",
        "agent_free": "- {day}: no shift.",
        "agent_close": "Please confirm that you have read this message:\n{url}",
        "home": "at home",
        "manager_subject": "Relief under way: {site}",
        "manager_closed": "The site {site} is not available.",
        "manager_open": "The relief concerns the site {site}.",
        "manager_counts": "People whose shift changes: {moved}. Of these at home: {home}.",
        "client_subject": "Continuity of your service",
        "client_held": "Your service is held: coverage of at least {worst}% over 48 hours.",
        "client_none": "Nothing is required in the next 48 hours.",
        "unanswered_subject": "No answer: {count} people ({site})",
        "unanswered": "{count} people of the site {site} have not confirmed their new shift.",
        "close": "Acknowledge:\n{url}",
        "time": "{0:%H}:{0:%M}",
        "day": "{0:%Y-%m-%d}",
    },
}


def write_message(
    kind: str, about: Mapping[str, Any], language: str, url: str, *, drill: bool
) -> tuple[str, str]:
    """Return the subject and the text of a message; ``about`` as it was stored with it."""
    words = _WORDS[language]
    subject, text = _MAKERS[kind](words, about, url)
    return (words["drill"] if drill else "") + subject, text + "\n"


def _write_to_agent(
    words: Mapping[str, str], about: Mapping[str, Any], url: str
) -> tuple[str, str]:
    lines = [_describe_shift(words, shift) for shift in about["shifts"]]
    text = "\n".join([words["agent_open"], *lines, "", words["agent_close"].format(url=url)])
    return words["agent_subject"], text


def _describe_shift(words: Mapping[str, str], shift: Mapping[str, Any]) -> str:
    day = words["day"].format(datetime.fromisoformat(shift["day"]))
    if shift["place"] is None:
        key = "agent_off" if shift["site"] else "agent_free"
        return words[key].format(day=day, site=shift["site"])
    start, end = (
        words["time"].format(datetime.fromisoformat(shift[name]).astimezone(zone(shift["zone"])))
        for name in ("start", "end")
    )
    place = words["home"] if shift["place"] == "" else shift["place"]
    return words["agent_shift"].format(
        day=day, start=start, end=end, place=place, programme=shift["programme"]
    )


def _write_to_manager(
    words: Mapping[str, str], about: Mapping[str, Any], url: str
) -> tuple[str, str]:
    first = words["manager_closed" if about["closed"] else "manager_open"]
    lines: Sequence[str] = (
        first.format(site=about["site"]),
        words["manager_counts"].format(moved=about["moved"], home=about["home"]),
        "",
        words["close"].format(url=url),
    )
    return words["manager_subject"].format(site=about["site"]), "\n".join(lines)


def _write_to_client(
    words: Mapping[str, str], about: Mapping[str, Any], url: str
) -> tuple[str, str]:
    worst = about["worst"]
    said = words["client_none"] if worst is None else words["client_held"].format(worst=worst)
    return words["client_subject"], "\n".join([said, "", words["close"].format(url=url)])


def _write_escalation(
    words: Mapping[str, str], about: Mapping[str, Any], url: str
) -> tuple[str, str]:
    said = words["unanswered"].format(count=about["count"], site=about["site"])
    subject = words["unanswered_subject"].format(count=about["count"], site=about["site"])
    return subject, "\n".join([said, "", words["close"].format(url=url)])


_MAKERS: Final = {
    "agent": _write_to_agent,
    "manager": _write_to_manager,
    "client": _write_to_client,
    "unanswered": _write_escalation,
}
