"""The natural history of a disease, and presets with the source of every figure.

Values are facts read in the papers named (the note beside each says where); ranges for a
sensitivity analysis stand with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from releve.crashtest.outbreak.distributions import Duration
from releve.crashtest.outbreak.errors import require

__all__ = ["Disease", "Sensitivity", "SourcedValue", "covid", "influenza"]


@dataclass(frozen=True, slots=True)
class SourcedValue:
    """A parameter with the range that its source leaves, and the source."""

    value: float
    low: float
    high: float
    source: str

    def __post_init__(self) -> None:
        """Refuse a value outside its own range."""
        require(self.low <= self.value <= self.high, "low <= value <= high", self)


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """P(positive) of a test by days since infection: given on ``days``, straight in between,
    0 on day 0 and, after the last day, as far as the line falls to 0 over ``fades_days``.
    """

    days: tuple[int, ...]
    share: tuple[float, ...]
    fades_days: int
    source: str

    def __post_init__(self) -> None:
        """Refuse shares out of range and days out of order."""
        require(len(self.days) == len(self.share) > 0, "one share a day", self.days)
        require(
            all(a < b for a, b in zip((0, *self.days), self.days, strict=False)),
            "0 < days, rising",
            self.days,
        )
        require(all(0 <= x <= 1 for x in self.share), "0 <= share <= 1", self.share)
        require(self.fades_days >= 1, "fades_days >= 1", self.fades_days)

    def table(self) -> NDArray[np.float64]:
        """Return float64[day since infection], from day 0 until it is 0."""
        days = (0, *self.days, self.days[-1] + self.fades_days)
        return np.interp(np.arange(days[-1] + 1), days, (0.0, *self.share, 0.0))


@dataclass(frozen=True)
class Disease:
    """What happens to one infected person.

    ``generation`` is the law of the days from an infection to those it causes; ``incubation`` of
    the days to symptoms, independent of it. ``dispersion`` is the negative binomial k of
    infections at work, ``household_dispersion`` of those at home. An infected person without
    symptoms infects ``asymptomatic_infectiousness`` times as many as one with; the mean over both
    is what the contacts say. ``tests`` by kind.
    """

    name: str
    incubation: Duration
    generation: Duration
    asymptomatic: SourcedValue
    asymptomatic_infectiousness: SourcedValue
    dispersion: SourcedValue
    household_dispersion: SourcedValue
    household_attack: SourcedValue
    tests: Mapping[str, Sensitivity] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse shares and dispersions out of range."""
        for name in ("asymptomatic", "household_attack"):
            value = getattr(self, name).value
            require(0 <= value < 1, f"0 <= {name} < 1", value)
        require(
            self.asymptomatic_infectiousness.value >= 0,
            "asymptomatic_infectiousness >= 0",
            self.asymptomatic_infectiousness.value,
        )
        for name in ("dispersion", "household_dispersion"):
            require(getattr(self, name).value > 0, f"{name} > 0", getattr(self, name).value)


_HELLEWELL = (
    "Hellewell et al. 2021 (BMC Medicine 19:106), median by day since infection, rounded to"
    " hundredths; straight lines in between"
)

PCR = Sensitivity(
    (1, 2, 3, 4, 5, 7, 10, 14), (0.04, 0.25, 0.71, 0.79, 0.77, 0.68, 0.51, 0.30), 12, _HELLEWELL
)
LATERAL_FLOW = Sensitivity((3, 4, 5, 7, 10), (0.42, 0.63, 0.61, 0.40, 0.14), 5, _HELLEWELL)


def covid() -> Disease:
    """Return COVID-19 of the first variant, in people who never met it."""
    return Disease(
        name="covid",
        incubation=Duration(
            "lognormal", 1.63, 0.50, source="McAloon et al. 2020, meta-analysis: median 5.1 days"
        ),
        generation=Duration(
            "weibull", 2.826, 5.665, source="Ferretti et al. 2020 (Science): mean 5.0, sd 1.9 days"
        ),
        asymptomatic=SourcedValue(
            0.30,
            0.15,
            0.40,
            "Buitrago-Garcia et al. 2020: 20 % over all, 31 % (26-37) in screened cohorts",
        ),
        asymptomatic_infectiousness=SourcedValue(
            0.5,
            0.2,
            1.0,
            "Buitrago-Garcia et al. 2020: RR 0.35 (0.10-1.27); others 0.14 to 0.31; a middle value",
        ),
        dispersion=SourcedValue(
            0.4,
            0.1,
            1.0,
            "Hong Kong clusters by setting (Nature Communications 2025,"
            " s41467-025-60591-x): office work 0.34 (0.14-0.55), all 0.56",
        ),
        household_dispersion=SourcedValue(1.11, 0.5, 3.0, "the same clusters: households 1.11"),
        household_attack=SourcedValue(
            0.166, 0.14, 0.193, "Madewell et al. 2020, 54 studies: 16.6 %"
        ),
        tests={"pcr": PCR, "lateral_flow": LATERAL_FLOW},
    )


def influenza() -> Disease:
    """Return influenza A.

    No table of sensitivity by day of infection was found: its tests keep the shape measured for
    COVID-19 on a time scale shortened by the ratio of the median incubations (1.4 to 5.1 days).
    """
    return Disease(
        name="influenza",
        incubation=Duration(
            "lognormal",
            float(np.log(1.4)),
            float(np.log(1.51)),
            source="Lessler et al. 2009: median 1.4 days, dispersion 1.51",
        ),
        generation=Duration(
            "weibull",
            2.36,
            3.18,
            source="NEJM 2009, school outbreak in New York (as in epiparameterDB): median 2.7 days",
        ),
        asymptomatic=SourcedValue(
            0.30, 0.15, 0.50, "assumed like COVID-19; published shares range widely"
        ),
        asymptomatic_infectiousness=SourcedValue(0.5, 0.2, 1.0, "assumed like COVID-19"),
        dispersion=SourcedValue(1.0, 0.4, 10.0, "assumed: less dispersed than COVID-19"),
        household_dispersion=SourcedValue(2.0, 1.0, 10.0, "assumed: less dispersed than COVID-19"),
        household_attack=SourcedValue(
            0.15, 0.05, 0.30, "assumed middle of published household studies"
        ),
        tests={
            "pcr": Sensitivity(
                (1, 2, 3, 4, 5), (0.55, 0.79, 0.65, 0.45, 0.28), 3, "assumed: see influenza()"
            ),
            "lateral_flow": Sensitivity(
                (1, 2, 3, 4), (0.35, 0.62, 0.30, 0.10), 1, "assumed: see influenza()"
            ),
        },
    )
