"""Thirty French workbooks, each with one planted fault and what its sentence has to say."""

from __future__ import annotations

from collections.abc import Callable

from tests.network.test_cells import small_book

Book = dict[str, list[list[object]]]
PLANTS: dict[str, tuple[Callable[[Book], None], tuple[str, ...]]] = {}
"""By name: what to do to a clean workbook, and what the one sentence holds."""


def _plant(name: str, change: Callable[[Book], None], *words: str) -> None:
    PLANTS[name] = (change, words)


def _cell(name: str, sheet: str, row: int, header: str, value: object, *words: str) -> None:
    """Plant a value in a cell; the row is that of the sheet, the column that of the header."""

    def change(book: Book) -> None:
        rows = book[sheet]
        rows[row - 1][rows[0].index(header)] = value

    _plant(name, change, sheet, f"ligne {row}", *words)


def _header(name: str, sheet: str, header: str, other: object, *words: str) -> None:
    def change(book: Book) -> None:
        rows = book[sheet]
        rows[0][rows[0].index(header)] = other

    _plant(name, change, sheet, *words)


def _sheet(name: str, sheet: str, other: str, *words: str) -> None:
    def change(book: Book) -> None:
        book[other] = book.pop(sheet)

    _plant(name, change, *words)


def _add(name: str, sheet: str, row: list[object], *words: str) -> None:
    _plant(name, lambda book: book[sheet].append(row), sheet, *words)


_cell("day word", "Opérations", 2, "Horaires d'ouverture", "Lin-Ven 8h-20h", "« Lin » n’est pas un jour", "Lun-Sam")
_cell("hours backwards", "Opérations", 2, "Horaires d'ouverture", "Lun-Ven 20h-8h", "la fin")
_cell("kind", "Opérations", 2, "Type", "entrée", "appels entrants, appels sortants, back-office")
_cell("place", "Opérations", 2, "Lieu de travail", "partout", "sur site uniquement")
_cell("client", "Opérations", 2, "Donneur d'ordre", "azure", "écrire", "azur")
_cell("aht in words", "Opérations", 2, "DMT (s)", "5 minutes", "n’est pas un nombre", "320")
_cell("aht zero", "Opérations", 2, "DMT (s)", 0, "supérieur à 0")
_cell("language", "Opérations", 2, "Langues", "klingon", "langue")
_cell("target above one", "Opérations", 2, "Qualité de service visée", "120 %", "0,999")
_cell("target in percent", "Opérations", 2, "Qualité de service visée", 80, "0,999")
_cell("country", "Sites", 2, "Pays", "Marocco-Nord", "pays")
_cell("zone", "Sites", 2, "Fuseau horaire", "Africa/Casablanka", "Africa/Casablanca")
_cell("latitude", "Sites", 2, "Latitude", "trente-trois", "n’est pas un nombre")
_cell("island", "Sites", 2, "Longitude", "181", "au plus 180")
_cell("seats in half", "Sites", 2, "Nombre de positions", "12,5", "nombre entier")
_cell("city empty", "Sites", 2, "Ville", None, "est vide", "Ville")
_cell("home site", "Téléconseillers", 2, "Site de rattachement", "cassa", "« cassa »", "écrire « casa »")
_cell("skill", "Téléconseillers", 3, "Compétences", "sinistres, acceuil", "« acceuil »", "accueil")
_cell("skill twice", "Téléconseillers", 3, "Compétences", "accueil, accueil", "deux fois")
_cell("skill missing", "Téléconseillers", 3, "Compétences", None, "est vide")
_cell("yes or no", "Téléconseillers", 3, "Prêt au télétravail", "peut-être", "oui / non")
_cell("line", "Téléconseillers", 2, "Ligne à domicile", "minitel", "aucune, ADSL, fibre")
_cell("day", "Vacations", 2, "Date", "31/11/2026", "n’existe pas")
_cell("clock", "Vacations", 3, "Début", "huit heures", "date")
_cell("agent", "Vacations", 4, "Téléconseiller", "a33", "« a33 »")
_header("column misspelt", "Opérations", "Type", "Tipe", "Tipe", "la nommer Type")
_header("unit", "Opérations", "DMT (s)", "DMT (min)", "min", "s")
_sheet("sheet misspelt", "Téléconseillers", "Télconseillers", "nommer", "Téléconseillers")
_add("client twice", "Donneurs d’ordre", ["azur", "Azur bis"], "ligne 3", "ligne 2")
_add("client without work", "Donneurs d’ordre", ["box", "Box"], "ligne 3", "opération")


def planted_book(name: str) -> Book:
    """Return a clean workbook with one fault."""
    book = small_book()
    PLANTS[name][0](book)
    return book
