"""A telephony export recognised by its headers: a mapping to be looked at before it is used."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from releve.demand.import_rows import read_texts
from releve.network import Operator
from releve.network.spellings import fold

__all__ = ["guess_language", "recognize_log", "render_mapping"]

_FRENCH: Mapping[str, tuple[str, ...]] = {
    "moment": (
        "date et heure", "date heure", "horodatage", "date et heure de l'appel",
        "date heure appel", "début de l'appel", "début", "intervalle",
    ),
    "day": ("date", "jour", "date de l'appel", "date appel"),
    "clock": (
        "heure", "heure de l'appel", "heure appel", "heure de début", "tranche",
        "tranche horaire", "intervalle", "début",
    ),
    "programme": (
        "file", "file d'attente", "compétence", "campagne", "opération", "service",
    ),
    "offered": (
        "reçus", "appels reçus", "présentés", "appels présentés", "contacts entrants",
        "nb appels reçus", "nombre d'appels reçus",
    ),
    "answered": (
        "décrochés", "appels décrochés", "traités", "appels traités", "répondus",
        "nb appels traités",
    ),
    "aht_s": ("dmt", "dmt (s)", "temps moyen de traitement", "durée moyenne de traitement"),
    "outcome": ("statut", "résultat", "issue", "état", "issue de l'appel", "statut de l'appel"),
    "wait_s": (
        "attente", "attente (s)", "temps d'attente", "durée d'attente", "temps d'attente (s)",
    ),
    "service_s": (
        "durée", "durée (s)", "durée de traitement", "durée de communication",
        "durée de l'appel", "durée (sec)",
    ),
}  # fmt: skip
_ENGLISH: Mapping[str, tuple[str, ...]] = {
    "moment": (
        "timestamp", "calldate", "start time", "call start time", "conversation start",
        "initiationtimestamp", "interval start", "start", "came in",
    ),
    "day": ("date", "day", "call date"),
    "clock": ("time", "call time", "interval"),
    "programme": (
        "queue", "queue name", "queuename", "skill", "split/skill", "csq name", "vdn", "service",
        "programme",
    ),
    "offered": ("offered", "calls offered", "acd calls offered"),
    "answered": ("answered", "calls answered", "handled", "calls handled", "acd calls"),
    "aht_s": ("aht", "aht (s)", "average handle time", "avg handle time"),
    "outcome": ("disposition", "outcome", "result", "status"),
    "wait_s": ("wait", "wait time", "queue time", "waited"),
    "service_s": ("talk time", "handle time", "billsec", "talked"),
}  # fmt: skip
_HEADERS = {key: (*_FRENCH[key], *_ENGLISH[key]) for key in _FRENCH}
_ANSWERED = frozenset(
    ("repondu", "traite", "decroche", "answered", "handled", "abouti", "servi", "connected", "oui")
)
_MOST_QUEUES = 200


def recognize_log(frame: pl.DataFrame, operator: Operator | None = None) -> dict[str, Any] | None:
    """Return the mapping that the headers of a log suggest, as its TOML document; None without one.

    Queues become the programmes of the operator with that id or name; others keep a name of their
    own, to be mended by hand. Values of an outcome that mean answered are the usual words.
    """
    found = _find_columns(frame.columns)
    start = found.get("moment")
    if "day" in found and "clock" in found:
        start = None
    mapping: dict[str, Any] = {"time_zone": operator.row.time_zone if operator else "Europe/Paris"}
    if start is None and ("day" not in found or "clock" not in found):
        return None
    mapping["start"] = start or [found["day"], found["clock"]]
    keys = ("offered", "answered", "aht_s") if "offered" in found else ("wait_s", "service_s")
    mapping |= {key: found[key] for key in keys if key in found}
    if "offered" not in found and "outcome" in found:
        values = read_texts(frame[found["outcome"]]).drop_nulls().unique(maintain_order=True)
        mapping["outcome"] = found["outcome"]
        mapping["answered"] = [value for value in values if fold(value) in _ANSWERED]
    if "programme" not in found:
        return mapping | {"programmes": {"": "programme"}}
    queues = read_texts(frame[found["programme"]]).drop_nulls().unique(maintain_order=True)
    if len(queues) > _MOST_QUEUES:
        return None
    mapping["programme"] = found["programme"]
    return mapping | {"programmes": _match_programmes(queues.to_list(), operator)}


def guess_language(headers: Iterable[str]) -> str:
    """Return the language of a log's headers: ``fr`` where more of them are French than English."""
    folded = {fold(header) for header in headers}

    def count(words: Mapping[str, tuple[str, ...]]) -> int:
        return len(folded & {fold(text) for texts in words.values() for text in texts})

    return "fr" if count(_FRENCH) > count(_ENGLISH) else "en"


def _find_columns(headers: list[str]) -> dict[str, str]:
    """Return the header of each meaning; the earlier spelling wins, a header serves once."""
    by_folded = {fold(header): header for header in reversed(headers)}
    found: dict[str, str] = {}
    for key, spellings in _HEADERS.items():
        for spelling in map(fold, spellings):
            header = by_folded.get(spelling)
            if header is not None and (key == "clock" or header not in found.values()):
                if key == "clock" and header == found.get("day"):
                    continue
                found[key] = header
                break
    return found


def _match_programmes(queues: list[str], operator: Operator | None) -> dict[str, str]:
    known = {
        fold(text): row.id for row in (operator.programmes if operator else ())
        for text in (row.name, row.id)
    }  # fmt: skip
    return {queue: known.get(fold(queue), fold(queue)) for queue in queues}


def render_mapping(mapping: Mapping[str, Any]) -> str:
    """Return a mapping as the TOML document that ``--mapping`` takes."""
    lines = [f"{key} = {_quote(value)}" for key, value in mapping.items() if key != "programmes"]
    lines += ["", "[programmes]"]
    lines += [f"{_quote(key)} = {_quote(value)}" for key, value in mapping["programmes"].items()]
    return "\n".join(lines) + "\n"


def _quote(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
