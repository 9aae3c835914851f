"""Published parameter sets in the form of epiparameterDB."""

from __future__ import annotations

import json
import math

import pytest

from releve.crashtest.outbreak import ParameterSetError, days_table
from releve.crashtest.outbreak.published import read_published


def entry(law: str, parameters: dict[str, float], **summary: float) -> dict[str, object]:
    """Return an entry of an influenza incubation period."""
    return {
        "disease": "Influenza",
        "epi_name": "incubation period",
        "probability_distribution": {
            "prob_distribution": law,
            "parameters": parameters,
            "offset": 0,
        },
        "summary_statistics": summary,
        "citation": {"author": [{"family": "Somebody"}], "year": 2009, "doi": "10.1/x"},
        "metadata": {"units": "days"},
    }


@pytest.mark.parametrize(
    ("made", "kind", "first", "second"),
    [
        (entry("weibull", {"shape": 2.36, "scale": 3.18}), "weibull", 2.36, 3.18),
        (entry("gamma", {"shape": 4.0, "rate": 2.0}), "gamma", 4.0, 0.5),
        (entry("lnorm", {"meanlog": 1.63, "sdlog": 0.5}), "lognormal", 1.63, 0.5),
        (
            entry("lnorm", {}, median=1.4, dispersion=1.51),
            "lognormal",
            math.log(1.4),
            math.log(1.51),
        ),
        (entry("gamma", {}, mean=6.0, sd=3.0), "gamma", 4.0, 1.5),
    ],
)
def test_a_law_is_read_from_parameters_or_from_its_summary(
    made: dict[str, object], kind: str, first: float, second: float
) -> None:
    (found,) = read_published(json.dumps([made]), "influenza", "Incubation Period")
    assert (found.law.kind, found.law.source) == (kind, "Somebody 2009 doi:10.1/x")
    assert (found.law.first, found.law.second) == pytest.approx((first, second))
    assert days_table(found.law).sum() == pytest.approx(1)


def test_a_lognormal_law_keeps_the_published_mean() -> None:
    (found,) = read_published(
        json.dumps([entry("lnorm", {}, mean=5.5, sd=2.4)]), "Influenza", "incubation period"
    )
    assert math.exp(found.law.first + found.law.second**2 / 2) == pytest.approx(5.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ('{"a": 1}', "a JSON list of entries"),
        ("[]", "no law for incubation period of Influenza: no such entry"),
        (json.dumps([entry("norm", {})]), "entry 1: the law 'norm' is not one of"),
        (json.dumps([entry("gamma", {})]), "entry 1: it has neither parameters nor a summary"),
        (json.dumps([entry("gamma", {"shape": -1, "scale": 1})]), "shape > 0"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises(ParameterSetError, match=message):
        read_published(text, "Influenza", "incubation period")
