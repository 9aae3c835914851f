"""The words of telephony exports: headers by what they mean, in French and English, and cells that say yes or total.

Those that the suites' public documentation and exports show (Genesys, NICE, Avaya, Cisco, Five9, Talkdesk,
RingCentral, Amazon Connect, injixo, Vocalcom), and those of French spreadsheets. The earlier word of a meaning wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from releve.network.table_words import fold

FRENCH: Mapping[str, tuple[str, ...]] = {
    "time": (
        "date et heure", "date heure", "horodatage", "date et heure de l'appel", "date heure appel",
        "début de l'appel", "début", "intervalle", "début d'intervalle", "début de l'intervalle", "date", "jour",
        "date de l'appel", "date appel", "heure", "heure de l'appel", "heure appel", "heure de début", "tranche",
        "tranche horaire", "plage", "plage horaire",
        "date d'appel", "heure d'appel",
    ),
    "end": ("fin", "heure de fin", "fin d'intervalle", "fin de l'intervalle"),
    "programme": (
        "file", "file d'attente", "nom de la file", "compétence", "campagne", "opération", "activité", "service",
        "nom de la file d'attente", "nom file", "ligne", "groupe",
    ),
    "offered": (
        "reçus", "appels reçus", "présentés", "appels présentés", "offerts", "appels offerts", "offertes", "entrants",
        "appels entrants", "contacts entrants", "nb appels reçus", "nombre d'appels reçus", "nb appels présentés",
        "appels", "contacts", "nb appels offerts",
    ),
    "answered": (
        "décrochés", "appels décrochés", "traités", "appels traités", "répondus", "appels répondus", "pris",
        "répondues", "nb appels traités", "nb appels décrochés",
        "appels pris", "nb décrochés", "nombre d'appels traités", "nombre d'appels décrochés", "appels servis",
    ),
    "abandoned": (
        "abandons", "abandonnés", "abandonnées", "abandon", "appels abandonnés", "appels perdus", "perdus",
        "nb abandons",
    ),
    "aht_s": (
        "dmt", "tmt", "temps moyen de traitement", "durée moyenne de traitement", "traitement moyen", "dmt en secondes",
    ),
    "handle_s": ("durée totale de traitement", "temps total de traitement"),
    "outcome": ("statut", "résultat", "issue", "état", "issue de l'appel", "statut de l'appel"),
    "wait_s": ("attente", "temps d'attente", "durée d'attente", "attente moyenne"),
    "service_s": ("durée de traitement", "temps de traitement"),
    "duration_s": ("durée", "durée de l'appel"),
}  # fmt: skip
ENGLISH: Mapping[str, tuple[str, ...]] = {
    "time": (
        "interval start", "interval start time", "start interval", "interval start utc date", "timestamp",
        "calldate", "start time", "call start time", "conversation start", "initiation timestamp", "started at",
        "call local time", "datetime", "date time", "date_from", "row_date", "start", "came in", "date", "day",
        "call date", "time", "call time", "interval", "period", "starttime",
        "start date", "start_time", "date tz offset incl", "time tz offset incl",
    ),
    "end": ("interval end", "interval end time", "end interval", "end time", "end"),
    "programme": (
        "queue name", "queue", "csq name", "split/skill", "split", "skill", "skill set", "vdn", "last campaign",
        "campaign", "ring groups", "service", "programme",
        "skill name", "precision queue", "skill group", "call type name",
    ),
    "offered": (
        "offered", "calls offered", "offer", "n offered", "entered", "incoming calls", "incoming contact volume",
        "calls presented", "contacts queued", "acd calls offered", "offd_direct_call_cnt", "calls received",
        "received", "total calls", "calls", "calls entered", "contacts offered",
    ),
    "answered": (
        "contacts handled incoming", "answered", "calls answered", "answer", "answered calls", "acd calls", "accepted",
        "handled",
        "calls handled", "contacts handled", "interactions handled", "answ_call_cnt", "handle",
        "contacts answered", "served", "calls served",
    ),
    "abandoned": (
        "abandoned", "calls abandoned", "abandon", "aban calls", "abn calls", "contacts abandoned",
        "aband_call_cnt", "router calls aband q",
    ),
    "aht_s": ("aht", "average handle time", "avg handle time", "avg handle", "average handling time"),
    "handle_s": ("total handle time", "total handle", "handled calls time", "t handle"),
    "outcome": ("disposition", "outcome", "result", "status", "contact type", "call type"),
    "wait_s": ("wait", "wait time", "queue time", "waited", "wait duration"),
    "service_s": ("handle time", "handling time"),
    "duration_s": ("billsec", "duration", "call duration"),
}  # fmt: skip
CALL_WORDS = (
    "call id", "contact id", "interaction id", "conversation id", "session id", "unique id", "master contact id",
    "ani", "dnis", "caller id", "caller", "called", "indice", "identifiant de l'appel", "id appel", "appelant",
    "numéro appelant",
)  # fmt: skip
INTERVAL_WORDS = (
    "interval start", "interval start time", "interval end", "interval end time", "interval complete", "interval",
    "interval start utc date", "interval duration", "start interval", "end interval", "intrvl", "period",
    "intervalle", "tranche", "tranche horaire", "plage", "plage horaire",
)  # fmt: skip
AGENT_WORDS = (
    "agent",
    "agent id",
    "agent name",
    "téléconseiller",
    "collaborateur",
    "conseiller",
    "matricule",
    "employee",
)
SCHEDULE_WORDS = (
    "activity", "agent activity id", "activity type id", "logged in", "on queue", "off queue", "idle", "meal break",
    "start date", "end date", "end_time", "absence", "congés", "motif", "connexion", "déconnexion", "pause", "retrait",
)  # fmt: skip
ANSWERED = frozenset(("repondu", "traite", "decroche", "answered", "handled", "abouti", "servi", "connected", "oui"))
NO = frozenset(("n", "no", "non", "0", "false", "faux"))
YES = frozenset(("y", "yes", "o", "oui", "1", "true", "vrai"))
TOTALS = frozenset(
    (
        "total",
        "totals",
        "summary",
        "grand-total",
        "totaux",
        "sous-total",
        "total-general",
        "subtotal",
        "all",
        "toutes-files",
        "toutes-les-files",
        "all-queues",
        "ensemble",
    )
)

PARTS = {
    "talk": ("talk time", "talked", "conv duration", "conversation", "temps de conversation", "avg acd time", "dmc",
             "durée de communication", "talking_call_dur", "acd time"),
    "hold": ("hold time", "avg hold time", "garde", "temps de garde"),
    "wrap": ("after call work time", "wrapup duration", "wrap up time", "avg acw time", "acw time", "wrap_up_dur",
             "post appel", "post appel moyen", "temps post appel", "post traitement"),
}  # fmt: skip
"""Parts of a handling time, where it does not stand in a column of its own."""
DIRECTION_WORDS = ("direction", "sens", "call type", "calltype", "contact type", "type", "type d'appel")
OUTBOUND = ("outbound", "out", "sortant", "sortie", "manual", "manuel")
MEDIA_WORDS = ("media type", "media", "channel type", "channel", "canal", "type de média")
VOICE = frozenset(("voice", "phone", "call", "calls", "telephone", "telephonie", "voix", "appel", "appels", "voip"))
BOTH_WAYS = ("contacts handled",)
"""Counts of answered calls that hold outgoing ones, too: Amazon Connect's, beside one of incoming contacts alone."""
AMBIGUOUS = ("appels", "total calls", "calls", "contacts")
"""Counts that some suites write for offered calls and others for answered ones."""
_FORECAST = ("forecast", "forecasts", "prevision", "previsions", "prevus", "previsionnel", "previsionnels", "fcst")
LENGTH_WORDS = ("interval duration", "intrvl")
_UNIT_WORDS = re.compile(
    r"[\s_(\[]+(ms|msec|millisecondes|milliseconds|s|sec|seconds|secondes|min|mn|minutes|hh:mm:ss|mm:ss)[)\]]?$",
    re.IGNORECASE,
)
_UNITS = {"ms": "ms", "msec": "ms", "millisecondes": "ms", "milliseconds": "ms", "min": "min", "mn": "min",
          "minutes": "min", "mm:ss": "m:s"}  # fmt: skip


def find_unit(header: str) -> str:
    """Return the unit at the end of a header, empty where there is none."""
    found = _UNIT_WORDS.search(header)
    return _UNITS.get(found[1].lower(), "s") if found else ""


def squeeze(header: str) -> str:
    """Return a header without case, accents, spaces, signs and a unit at its end: CallsOffered is calls offered."""
    return fold(_UNIT_WORDS.sub("", header.strip())).replace("-", "")


WORDS = {key: tuple(dict.fromkeys(squeeze(text) for text in (*FRENCH[key], *ENGLISH[key]))) for key in FRENCH}
_KNOWN = frozenset(word for words in WORDS.values() for word in words)


def count_known(headers: Iterable[str | None]) -> int:
    """Return how many cells of a row are headers that exports have: where the header of a file stands."""
    return len({squeeze(header) for header in headers if header} & _KNOWN)


def find_count_word(text: str) -> str:
    """Return a text where it is a header of calls offered or answered, else nothing."""
    return text if squeeze(text) in {*WORDS["offered"], *WORDS["answered"]} else ""


def is_forecast(text: str) -> bool:
    """Return whether a title or a header speaks of a forecast."""
    return any(word in fold(text).split("-") for word in _FORECAST)


def guess_language(headers: Iterable[str]) -> str:
    """Return the language of a file's headers: ``fr`` where more of them are French than English."""
    squeezed = {squeeze(header) for header in headers}

    def count(words: Mapping[str, tuple[str, ...]]) -> int:
        return len(squeezed & {squeeze(text) for texts in words.values() for text in texts})

    return "fr" if count(FRENCH) > count(ENGLISH) else "en"
