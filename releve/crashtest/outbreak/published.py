"""Read published parameter sets in the JSON form of epiparameterDB (CC0): a list of entries.

An entry gives a law by its parameters, or by summary statistics from which a lognormal law
follows (median and dispersion, that is the factor exp(sdlog)), or mean and sd.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from releve.crashtest.outbreak.distributions import Duration
from releve.crashtest.outbreak.errors import OutbreakError, ParameterSetError

__all__ = ["PublishedLaw", "read_published"]

_KINDS = {"lnorm": "lognormal", "gamma": "gamma", "weibull": "weibull"}


@dataclass(frozen=True, slots=True)
class PublishedLaw:
    """A law of a duration as it was published, like the ``incubation period`` of ``COVID-19``."""

    disease: str
    what: str
    law: Duration


def read_published(text: str, disease: str, what: str) -> tuple[PublishedLaw, ...]:
    """Return the laws of a disease for ``what`` (like ``incubation period``), as listed.

    Names are compared without case. An entry of which no law can be made is passed over when
    there are others; ParameterSetError says why when none is left, or when the text is no list.
    """
    found: list[PublishedLaw] = []
    reasons: list[str] = []
    for number, entry in enumerate(_entries(text), start=1):
        name, kind = str(entry.get("disease", "")), str(entry.get("epi_name", ""))
        if (name.lower(), kind.lower()) != (disease.lower(), what.lower()):
            continue
        try:
            found.append(PublishedLaw(name, kind, _law(entry)))
        except (OutbreakError, TypeError, KeyError, ValueError) as error:
            reasons.append(f"entry {number}: {error}")
    if not found:
        why = "; ".join(reasons) or "no such entry"
        raise ParameterSetError(f"no law for {what} of {disease}: {why}")
    return tuple(found)


def _entries(text: str) -> Sequence[Mapping[str, Any]]:
    try:
        entries = json.loads(text)
    except ValueError as error:
        raise ParameterSetError(f"not JSON: {error}") from None
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise ParameterSetError("a parameter set is a JSON list of entries")
    return entries


def _law(entry: Mapping[str, Any]) -> Duration:
    """Return the law of an entry, in days."""
    units = (entry.get("metadata") or {}).get("units", "days")
    if units != "days":
        raise ParameterSetError(f"in {units}, not in days")
    given = entry["probability_distribution"]
    name = given["prob_distribution"]
    if name not in _KINDS:
        raise ParameterSetError(f"the law {name!r} is not one of {', '.join(_KINDS)}")
    offset = float(given.get("offset") or 0.0)
    first, second = _parameters(
        name, given.get("parameters") or {}, entry.get("summary_statistics") or {}
    )
    return Duration(_KINDS[name], first, second, offset, _citation(entry))


def _parameters(
    name: str, given: Mapping[str, float], summary: Mapping[str, float]
) -> tuple[float, float]:
    """Return the two parameters as given, or from the summary."""
    if name == "lnorm" and "meanlog" in given:
        return float(given["meanlog"]), float(given["sdlog"])
    if "shape" in given:
        scale = given["scale"] if "scale" in given else 1.0 / given["rate"]
        return float(given["shape"]), float(scale)
    if name == "lnorm" and "median" in summary and "dispersion" in summary:
        return math.log(summary["median"]), math.log(summary["dispersion"])
    if "mean" in summary and "sd" in summary and name != "weibull":
        ratio = (summary["sd"] / summary["mean"]) ** 2
        if name == "gamma":
            return 1.0 / ratio, summary["mean"] * ratio
        return math.log(summary["mean"]) - math.log1p(ratio) / 2, math.sqrt(math.log1p(ratio))
    raise ParameterSetError("it has neither parameters nor a summary that gives them")


def _citation(entry: Mapping[str, Any]) -> str:
    cited = entry.get("citation") or {}
    authors = cited.get("author") or []
    first = str(authors[0].get("family", "")) if authors else ""
    return f"{first} {cited.get('year', '')} doi:{cited.get('doi', '')}".strip()
