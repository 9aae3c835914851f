"""Facts about the countries and cities of the sample: where they are, who carries their lines.

Coordinates are of the city centre, WGS 84 degrees to 2 decimals.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Country:
    """A destination: its share of the sites and what its agents have at home.

    ``lines`` are (type, share of agents, low and high measured rate in Mbit/s), the others have
    none; ``carriers``
    (name, share of lines); ``ready`` the share of agents who are ready to work at home.
    ``most`` limits the number of sites (0 = no limit).
    """

    code: str
    time_zone: str
    share: float
    ready: float
    own_transport: float
    carriers: tuple[tuple[str, float], ...]
    lines: tuple[tuple[str, float, float, float], ...]
    most: int = 0
    from_sites: int = 0
    """Only in operators with at least this many sites."""


@dataclass(frozen=True, slots=True)
class City:
    """A city that can hold sites; ``weight`` is relative inside its country."""

    name: str
    key: str
    country: str
    lat: float
    lon: float
    weight: float


COUNTRIES = (
    Country(
        "MA", "Africa/Casablanca", 0.42, 0.61, 0.28,
        (("Maroc Telecom", 0.58), ("Orange Maroc", 0.24), ("Inwi", 0.18)),
        (("fibre", 0.44, 20, 100), ("adsl", 0.24, 4, 16), ("4g", 0.26, 5, 40)),
    ),
    Country(
        "TN", "Africa/Tunis", 0.20, 0.60, 0.30,
        (("Tunisie Telecom", 0.48), ("Ooredoo Tunisie", 0.32), ("Orange Tunisie", 0.20)),
        (("fibre", 0.24, 20, 100), ("adsl", 0.44, 6, 20), ("4g", 0.26, 5, 40)),
    ),
    Country(
        "FR", "Europe/Paris", 0.17, 0.64, 0.45,
        (("Orange", 0.42), ("Free", 0.24), ("SFR", 0.20), ("Bouygues", 0.14)),
        (("fibre", 0.74, 50, 900), ("adsl", 0.15, 4, 18), ("5g", 0.07, 20, 200)),
    ),
    Country(
        "MG", "Indian/Antananarivo", 0.12, 0.30, 0.20,
        (("Telma", 0.66), ("Orange Madagascar", 0.34)),
        (("fibre", 0.26, 10, 50), ("adsl", 0.08, 2, 10), ("4g", 0.40, 3, 30)),
    ),
    Country(
        "SN", "Africa/Dakar", 0.09, 0.38, 0.22,
        (("Sonatel Orange", 0.72), ("Free Sénégal", 0.28)),
        (("fibre", 0.33, 10, 60), ("adsl", 0.13, 2, 10), ("4g", 0.38, 4, 40)),
    ),
    Country(
        "CI", "Africa/Abidjan", 0.02, 0.36, 0.22,
        (("Orange Côte d'Ivoire", 0.62), ("MTN Côte d'Ivoire", 0.38)),
        (("fibre", 0.30, 10, 60), ("4g", 0.52, 4, 40)),
        most=1, from_sites=24,
    ),
)  # fmt: skip
"""Market shares and rates are round figures of the right order, not measurements."""

CITIES = (
    City("Casablanca", "casa", "MA", 33.57, -7.59, 10.0),
    City("Rabat", "rabat", "MA", 34.02, -6.84, 4.0),
    City("Fès", "fes", "MA", 34.03, -5.00, 2.2),
    City("Marrakech", "kech", "MA", 31.63, -7.99, 1.6),
    City("Salé", "sale", "MA", 34.04, -6.80, 2.0),
    City("Tanger", "tanger", "MA", 35.77, -5.80, 1.4),
    City("Agadir", "agadir", "MA", 30.42, -9.60, 1.3),
    City("Meknès", "meknes", "MA", 33.89, -5.55, 1.2),
    City("Oujda", "oujda", "MA", 34.68, -1.91, 1.0),
    City("Kénitra", "kenitra", "MA", 34.26, -6.58, 1.0),
    City("Tétouan", "tetouan", "MA", 35.58, -5.37, 0.6),
    City("El Jadida", "jadida", "MA", 33.23, -8.50, 0.6),
    City("Settat", "settat", "MA", 33.00, -7.62, 0.5),
    City("Mohammédia", "moham", "MA", 33.69, -7.38, 0.6),
    City("Béni Mellal", "bmellal", "MA", 32.34, -6.35, 0.4),
    City("Safi", "safi", "MA", 32.30, -9.24, 0.4),
    City("Tunis", "tunis", "TN", 36.81, 10.18, 8.0),
    City("Sousse", "sousse", "TN", 35.83, 10.64, 2.4),
    City("Sfax", "sfax", "TN", 34.74, 10.76, 1.8),
    City("Ariana", "ariana", "TN", 36.86, 10.16, 1.6),
    City("Nabeul", "nabeul", "TN", 36.46, 10.73, 1.0),
    City("Bizerte", "bizerte", "TN", 37.27, 9.87, 1.0),
    City("Monastir", "monastir", "TN", 35.77, 10.83, 1.0),
    City("Kairouan", "kairouan", "TN", 35.68, 10.10, 0.5),
    City("Gabès", "gabes", "TN", 33.88, 10.10, 0.5),
    City("Mahdia", "mahdia", "TN", 35.50, 11.06, 0.4),
    City("Antananarivo", "tana", "MG", -18.88, 47.51, 8.0),
    City("Toamasina", "toamasina", "MG", -18.15, 49.40, 1.2),
    City("Antsirabe", "antsirabe", "MG", -19.87, 47.03, 1.0),
    City("Mahajanga", "mahajanga", "MG", -15.72, 46.32, 0.8),
    City("Fianarantsoa", "fianar", "MG", -21.45, 47.09, 0.6),
    City("Toliara", "toliara", "MG", -23.35, 43.67, 0.3),
    City("Dakar", "dakar", "SN", 14.72, -17.47, 8.0),
    City("Thiès", "thies", "SN", 14.79, -16.93, 1.4),
    City("Saint-Louis", "stlouis", "SN", 16.03, -16.50, 1.0),
    City("Rufisque", "rufisque", "SN", 14.72, -17.27, 0.8),
    City("Mbour", "mbour", "SN", 14.42, -16.96, 0.5),
    City("Kaolack", "kaolack", "SN", 14.15, -16.08, 0.4),
    City("Abidjan", "abidjan", "CI", 5.34, -4.03, 1.0),
    City("Lyon", "lyon", "FR", 45.76, 4.84, 1.6),
    City("Lille", "lille", "FR", 50.63, 3.06, 1.6),
    City("Amiens", "amiens", "FR", 49.89, 2.30, 1.3),
    City("Angers", "angers", "FR", 47.47, -0.55, 1.1),
    City("Poitiers", "poitiers", "FR", 46.58, 0.34, 1.0),
    City("Le Mans", "lemans", "FR", 48.00, 0.20, 1.0),
    City("Montpellier", "montpel", "FR", 43.61, 3.88, 1.0),
    City("Toulouse", "toulouse", "FR", 43.60, 1.44, 1.0),
    City("Nantes", "nantes", "FR", 47.22, -1.55, 1.0),
    City("Rennes", "rennes", "FR", 48.11, -1.68, 0.9),
    City("Tours", "tours", "FR", 47.39, 0.69, 0.8),
    City("Reims", "reims", "FR", 49.26, 4.03, 0.8),
    City("Nancy", "nancy", "FR", 48.69, 6.18, 0.8),
    City("Orléans", "orleans", "FR", 47.90, 1.90, 0.8),
    City("Limoges", "limoges", "FR", 45.83, 1.26, 0.7),
    City("Caen", "caen", "FR", 49.18, -0.37, 0.7),
    City("Saint-Étienne", "stetienne", "FR", 45.44, 4.39, 0.7),
    City("Clermont-Ferrand", "clermont", "FR", 45.78, 3.09, 0.7),
    City("Marseille", "marseille", "FR", 43.30, 5.37, 0.9),
    City("Belfort", "belfort", "FR", 47.64, 6.86, 0.4),
    City("Niort", "niort", "FR", 46.32, -0.46, 0.4),
    City("Valenciennes", "valencien", "FR", 50.36, 3.52, 0.4),
    City("Laval", "laval", "FR", 48.07, -0.77, 0.4),
)
