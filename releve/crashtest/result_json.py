"""The result of a crash test as JSON, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from releve.crashtest.ablation import RemovedCause
from releve.crashtest.errors import CrashTestError
from releve.crashtest.outbreak import Band, Estimate
from releve.crashtest.result import (
    CauseResult,
    ClientResult,
    CrashResult,
    OutbreakResult,
    SiteResult,
)

__all__ = ["FORMAT", "read_estimates", "result_from_json", "result_to_json"]

FORMAT = "releve-crashtest/1"


def result_to_json(result: CrashResult) -> str:
    """Return the text of a result: sorted keys, so that equal results give equal bytes.

    Estimates are ``{"value", "low", "high"}``, bands ``{"median", "low", "high"}``.
    """
    tree = {"format": FORMAT, **asdict(result)}
    return json.dumps(_finite(tree), ensure_ascii=False, allow_nan=False, sort_keys=True)


def _finite(tree: Any) -> Any:
    """Write what is not known (an interval of one quarter) as null."""
    if isinstance(tree, dict):
        return {name: _finite(value) for name, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_finite(value) for value in tree]
    if isinstance(tree, float) and not np.isfinite(tree):
        return None
    return tree


def result_from_json(text: str) -> CrashResult:
    """Return the result of a text by :func:`result_to_json`; CrashTestError if it is not one."""
    try:
        tree = json.loads(text)
        if tree.pop("format") != FORMAT:
            raise CrashTestError(f"expected format {FORMAT!r}: made by another version")
        return CrashResult(
            **{
                **tree,
                "unplanned": tuple(tree["unplanned"]),
                "unknown": tuple(tree["unknown"]),
                "calls_served": _estimate(tree["calls_served"]),
                "penalty": _estimate(tree["penalty"]),
                "clients": tuple(ClientResult(**read_estimates(row)) for row in tree["clients"]),
                "sites": tuple(SiteResult(**read_estimates(row)) for row in tree["sites"]),
                "causes": tuple(CauseResult(**read_estimates(row)) for row in tree["causes"]),
                "outbreak": OutbreakResult(**read_estimates(tree["outbreak"])),
                "removed": tuple(
                    RemovedCause(**read_estimates(row)) for row in tree.get("removed", ())
                ),
            }
        )
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise CrashTestError(f"not the result of a crash test: {error}") from None


def read_estimates(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a JSON object with its estimates and bands; null: an infinity."""
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_value(one) for one in value)
    if isinstance(value, dict):
        if set(value) == {"value", "low", "high"}:
            return _estimate(value)
        if set(value) == {"median", "low", "high"}:
            return Band(**value)
        return {name: _value(one) for name, one in value.items()}
    return value


def _estimate(row: dict[str, float | None]) -> Estimate:
    low, high = row["low"], row["high"]
    return Estimate(
        float(row["value"] or 0.0),
        -np.inf if low is None else low,
        np.inf if high is None else high,
    )
