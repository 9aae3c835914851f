"""Invented names: no client of the sample exists."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sector:
    """What clients of a trade are called and order.

    ``sensitive``: its work is the first to be kept on site (bank secrecy, health data).
    """

    word: str
    key: str
    sensitive: bool
    inbound: tuple[str, ...]
    outbound: str
    back_office: str
    aht_s: tuple[int, int]
    patience_s: tuple[int, int]
    penalty: tuple[float, float]


FIRST = (
    "Solvane", "Orvale", "Brumière", "Novarine", "Tessalis", "Garonde", "Aubrelle", "Valmère",
    "Lysandre", "Corvane", "Altimbre", "Fontaube", "Mériselle", "Rocambre", "Ventadour",
    "Pélagine", "Ondrelle", "Cibrane", "Farandelle", "Gravelune", "Hélianne", "Isambre",
    "Jovelle", "Kermadel", "Lumandre", "Mirandou", "Nacrelle", "Oléandre", "Palombe", "Quintane",
    "Rivelune", "Sarmante", "Tournevent", "Ursane", "Valentiane", "Yvrelle", "Zéphirande",
    "Argelune", "Bellombre", "Calandrel",
)  # fmt: skip

SECTORS = (
    Sector(
        "Énergie", "ener", False, ("Accueil", "Factures", "Emménagement"), "Relance",
        "Dossiers", (300, 480), (120, 300), (1.0, 4.0),
    ),
    Sector(
        "Banque", "banq", True, ("Cartes", "Comptes", "Opposition"), "Rendez-vous",
        "Courrier", (240, 420), (90, 200), (3.0, 8.0),
    ),
    Sector(
        "Télécom", "tele", False, ("Assistance", "Commercial", "Fidélité"), "Offres",
        "Réclamations", (360, 600), (120, 300), (1.0, 3.5),
    ),
    Sector(
        "Assurances", "assu", False, ("Sinistres", "Contrats", "Assistance"), "Échéances",
        "Indemnités", (280, 520), (100, 260), (2.0, 7.0),
    ),
    Sector(
        "Santé", "sant", True, ("Rendez-vous", "Tiers payant", "Accueil"), "Rappels",
        "Remboursements", (180, 330), (100, 240), (2.0, 6.0),
    ),
    Sector(
        "Boutique", "shop", False, ("Commandes", "Retours", "Paiement"), "Conseil",
        "Litiges", (200, 340), (60, 150), (0.5, 2.0),
    ),
    Sector(
        "Voyages", "voya", False, ("Réservations", "Après-vente", "Urgences"), "Fidélité",
        "Dossiers", (260, 540), (100, 280), (1.0, 5.0),
    ),
    Sector(
        "Presse", "pres", False, ("Abonnés", "Livraison", "Accueil"), "Réabonnement",
        "Courrier", (180, 300), (60, 160), (0.5, 1.5),
    ),
    Sector(
        "Logement", "loge", False, ("Locataires", "Urgences", "Accueil"), "Enquêtes",
        "Demandes", (240, 400), (100, 240), (0.8, 3.0),
    ),
    Sector(
        "Mobilité", "mobi", False, ("Voyageurs", "Amendes", "Abonnements"), "Enquêtes",
        "Réclamations", (180, 360), (80, 200), (0.8, 3.0),
    ),
)  # fmt: skip

_ACCENTS = str.maketrans("àâäçéèêëîïôöùûüÀÂÇÉÈÊÎÔÙÛ", "aaaceeeeiioouuuAACEEEIOUU")


def ascii_id(text: str) -> str:
    """Return a short lower-case id: accents dropped, anything else than letters a hyphen."""
    plain = text.translate(_ACCENTS).lower()
    return "-".join("".join(c if c.isalnum() else " " for c in plain).split())
