"""How often people infect each other, by layer of contact.

Six layers: the **zone** (its air: everybody in it, in proportion to the dose of the well-mixed
balance), the **seats** beside one, the other zones of the **floor**, the other floors of the
**site**, the **shuttle** and the **household**. The Seoul call centre (Park et al. 2020) puts most
weight on the zone: cases were not clustered by desk inside a wing, and few crossed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from releve.extras import LazyModule
from releve.kernels.arrays import Floats
from releve.plugins.crashtest.engine.outbreak.disease import Disease, tabulate_multiplier
from releve.plugins.crashtest.engine.outbreak.errors import require
from releve.plugins.crashtest.engine.outbreak.kernel_state import Rates
from releve.plugins.crashtest.engine.outbreak.population import Population

if TYPE_CHECKING:
    from scipy import optimize
else:
    optimize = LazyModule("scipy.optimize")


REMOVAL_PER_HOUR = 1.25
"""Removal of infectious aerosol without ventilation (decay, deposition, leakage), per hour:
CAiMIRA 4.17.8 as measured in an office of 900 m3."""


@dataclass(frozen=True, slots=True)
class Room:
    """A workplace in which the contacts were measured; others are scaled from it: the zone, how
    many sit beside one, and the minutes of a shuttle ride times the other riders, per agent.
    """

    volume_m3: float
    air_changes_per_hour: float
    places: int
    beside: float = 2.0
    rider_minutes: float = 300.0

    def __post_init__(self) -> None:
        """Refuse a room without air or people."""
        require(self.volume_m3 > 0, "volume_m3 > 0", self.volume_m3)
        require(self.air_changes_per_hour >= 0, "air_changes_per_hour >= 0", self)
        require(self.places >= 2, "places >= 2", self.places)
        require(self.beside > 0, "beside > 0", self.beside)
        require(self.rider_minutes > 0, "rider_minutes > 0", self.rider_minutes)


@dataclass(frozen=True, slots=True)
class Contacts:
    """``reproduction``: infections at work by one agent, everybody else susceptible and on site
    every day, no measure in force; on average over agents. The shares part it among the layers.

    A layer that an operator lacks (no shuttle, one floor) causes no infection; its share is not
    given to others. ``room``: where that was measured, so that an operator with better air or
    emptier shuttles infects fewer; None = the mean over the operator's own agents.
    ``household_attack``: the share of household members infected by one infected agent directly;
    None = as the disease has it."""

    reproduction: float = 2.5
    zone: float = 0.70
    seat: float = 0.10
    floor: float = 0.05
    site: float = 0.05
    shuttle: float = 0.10
    household_attack: float | None = None
    room: Room | None = None

    def __post_init__(self) -> None:
        require(0 <= self.reproduction <= 30, "0 <= reproduction <= 30", self.reproduction)
        shares = (self.zone, self.seat, self.floor, self.site, self.shuttle)
        require(min(shares) >= 0, "every share >= 0", shares)
        require(abs(sum(shares) - 1) < 1e-9, "zone + seat + floor + site + shuttle = 1", shares)
        attack = self.household_attack
        require(attack is None or 0 <= attack < 1, "0 <= household_attack < 1", attack)


def measure_room(population: Population) -> Room | None:
    """Return the workplace of a population's mean contacts, to compare other populations in.

    Contacts measured in it are those of ``room`` None for this population; None where no agent of
    it rides, sits beside another or shares air.
    """
    size, dose, others, exposure, riders = _measure_exposure(population)
    reference = float((dose * others * size).sum() / size.sum())
    beside = population.near.size / population.size
    riding = float((exposure * riders).sum()) / population.size
    if min(reference, beside, riding) <= 0:
        return None
    volume = (_ROOM_PLACES - 1) / (reference * (_ROOM_AIR_CHANGES + REMOVAL_PER_HOUR))
    return Room(volume, _ROOM_AIR_CHANGES, _ROOM_PLACES, beside, riding)


_ROOM_PLACES, _ROOM_AIR_CHANGES = 11, 1.0


def compute_air_dose(volume_m3: Floats, air_changes_per_hour: Floats) -> Floats:
    """Return the dose that one infected person gives each other one, up to a factor.

    The concentration at balance is emission / (V (ventilation + removal)).
    """
    return np.asarray(1.0 / (volume_m3 * (air_changes_per_hour + REMOVAL_PER_HOUR)))


def compute_infectiousness(disease: Disease) -> tuple[float, float]:
    """Return the factors of a person with and without symptoms; their mean is 1."""
    share, ratio = disease.asymptomatic.value, disease.asymptomatic_infectiousness.value
    mean = 1 - share + share * ratio
    require(mean > 0, "an infectious agent at any time", mean)
    return 1 / mean, ratio / mean


def compute_rates(population: Population, disease: Disease, contacts: Contacts) -> Rates:
    """Return the attempts of every layer by an average infected person."""
    per_work = contacts.reproduction
    size, dose, others, exposure, riders = _measure_exposure(population)
    zone = dose * others
    room = contacts.room
    if room is None:
        reference = float((zone * size).sum() / size.sum())
        beside = population.near.size / population.size
        riding = float((exposure * riders).sum()) / population.size
    else:
        one = compute_air_dose(np.array([room.volume_m3]), np.array([room.air_changes_per_hour]))
        reference = float(one[0]) * (room.places - 1)
        beside, riding = room.beside, room.rider_minutes
    return Rates(
        zone=_scale(zone, contacts.zone * per_work, reference),
        seat=float(_scale(np.ones(1), contacts.seat * per_work, beside)[0]),
        floor=contacts.floor * per_work,
        site=contacts.site * per_work,
        shuttle=_scale(exposure, contacts.shuttle * per_work, riding),
        household=_solve_household_hazard(disease, contacts.household_attack),
    )


def _measure_exposure(population: Population) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Return people, dose and other places of each zone; of each vehicle rider-minutes, riders."""
    groups = population.groups
    dose = compute_air_dose(np.array([g.volume_m3 for g in groups]), np.array([g.air_changes_per_hour for g in groups]))
    riders = np.diff(population.rider_pointer)
    return (
        np.array([g.end - g.first for g in groups]),
        dose,
        np.array([g.places - 1 for g in groups]),
        population.ride_minutes * np.maximum(0, riders - 1),
        riders,
    )


def _scale(values: Floats, wanted: float, reference: float) -> Floats:
    """Return the values times wanted / reference; nothing where there is no reference."""
    return values * (wanted / reference if reference > 0 else 0.0)


def _solve_household_hazard(disease: Disease, attack: float | None) -> float:
    """Return the attempts per household member that give the attack rate of one infected agent."""
    wanted = disease.household_attack.value if attack is None else attack
    if wanted == 0:
        return 0.0
    multiplier = tabulate_multiplier(disease.household_dispersion.value)
    sick, well = compute_infectiousness(disease)
    share = disease.asymptomatic.value

    def escaped(hazard: float) -> float:
        with_symptoms = np.exp(-hazard * sick * multiplier).mean()
        without = np.exp(-hazard * well * multiplier).mean()
        return float((1 - share) * with_symptoms + share * without - (1 - wanted))

    require(escaped(1e3) < 0, "a household attack rate within reach", wanted)
    return float(optimize.brentq(escaped, 0.0, 1e3))
