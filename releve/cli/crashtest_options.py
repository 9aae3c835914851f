"""The options of ``releve crashtest`` as a request, and those that make no sense together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np

from releve.crashtest import Settings
from releve.crashtest.policies import MEASURES_MOST, POLICIES
from releve.files.pack_file import read_packs
from releve.runs.request import CrashTestRequest, IncidenceFile, count_ablation_quarters
from releve.situation import ChosenPack

__all__ = ["build_request", "check_options", "price_measures"]

OUTLOOK_DAYS = 14


def build_request(
    folder: Path, plan: Path, options: Mapping[str, Any], certificate: Mapping[str, Any]
) -> CrashTestRequest:
    """Return the request of the options, else of the certificate, else of the defaults."""
    given = {
        "quarters": options["quarters"],
        "days": options["days"],
        "seed": options["seed"],
        "reaction_intervals": options["reaction"],
        "target": options["target"],
        "nearest": options["nearest"] or None,
    }
    settings = Settings(
        **{
            **({"days": OUTLOOK_DAYS} if options["outlook"] else {}),
            **certificate.get("settings", {}),
            **{name: value for name, value in given.items() if value is not None},
        }
    )
    chosen: dict[str, Any] = {
        name: certificate[name] if options[name] is None else options[name]
        for name in ("per_people", "reported", "outside", "illness", "reproduction")
        if options[name] is not None or name in certificate
    }
    policies = options["policies"].split(",") if options["policies"] else None
    ablation = certificate.get("without") if options["without"] is None else options["without"]
    start: datetime | None = options["start"]
    if start is None and certificate.get("start"):
        start = datetime.fromisoformat(certificate["start"])
    return CrashTestRequest(
        operator=folder,
        plan=plan,
        compare=options["compare_with"],
        with_hazards=not options["no_hazards"],
        hazards=options["hazards"],
        rules=options["rules"],
        packs=_choose_packs(plan, options["packs"], certificate),
        incidence=_parse_incidence(options["incidence"]),
        settings=settings,
        policies=tuple(policies or certificate.get("policies", ["as-given"])),
        ablation_quarters=count_ablation_quarters(ablation, settings.quarters),
        start=start.date() if start else None,
        outlook=options["outlook"],
        **chosen,
    )


def _choose_packs(
    plan: Path, named: Sequence[str], certificate: Mapping[str, Any]
) -> tuple[ChosenPack, ...]:
    """Return the packs named, else those of the certificate, else those of the plan folder."""
    if named:
        return tuple(ChosenPack(name, date.min) for name in dict.fromkeys(named))
    if "packs" not in certificate:
        return read_packs(plan)
    return tuple(
        ChosenPack(name, date.fromisoformat(first), last and date.fromisoformat(last))
        for name, first, last in certificate["packs"]
    )


def _parse_incidence(text: str | None) -> IncidenceFile | None:
    if text is None:
        return None
    path, _, column = text.rpartition(":")
    if not path:
        raise click.BadParameter("write FILE:COLUMN", param_hint="--incidence")
    return IncidenceFile(Path(path), column)


def price_measures(measures: Sequence[str], given: Sequence[str], agents: int) -> dict[str, float]:
    """Return the price of each measure in EUR a quarter: given, or assumed by agent."""
    prices = {name: POLICIES[name].price * agents for name in measures if name in POLICIES}
    for text in given:
        name, _, price = text.partition("=")
        if name not in prices:
            reason = f"{text!r}: {name!r} is none of the measures tried: {', '.join(prices)}"
            raise click.BadParameter(reason, param_hint="--cost")
        prices[name] = _parse_price(text, price)
    return prices


def _parse_price(text: str, price: str) -> float:
    try:
        found = float(price)
    except ValueError:
        found = -1.0
    if not 0 <= found < np.inf:
        raise click.BadParameter(f"{text!r}: write POLICY=EUR, 0 or more", param_hint="--cost")
    return found


def check_options(policies: Sequence[str], options: Mapping[str, Any]) -> None:
    """Refuse, before anything is run, options that make no sense together."""
    twice = [name for at, name in enumerate(policies) if name in policies[:at]]
    if twice:
        raise click.BadParameter(f"{twice[0]} stands there twice", param_hint="--policies")
    if options["resume"] and options["out"] is None:
        raise click.UsageError("--resume needs the folder of the run: --out RUN")
    if options["budget"] is None:
        if options["cost"]:
            raise click.UsageError("--cost is a price of a mix: give --budget EUR too")
        return
    if not 0 <= options["budget"] < np.inf:
        raise click.BadParameter("write EUR, 0 or more", param_hint="--budget")
    measures = policies[1:]
    if not measures:
        raise click.UsageError("--budget needs measures: --policies as-given,masks,air")
    if len(measures) > MEASURES_MOST:
        reason = f"{MEASURES_MOST} measures at most beside {policies[0]}, got {len(measures)}"
        raise click.BadParameter(reason, param_hint="--policies")
    price_measures(measures, options["cost"], 1)
