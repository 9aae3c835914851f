"""Draw the pictures of the README into docs/pictures: the house, and the desk as it is.

    python -m tools.pictures house     the packages on their floors, in English and French
    python -m tools.pictures desk      screenshots of a running demo; needs Chromium

The desk is looked at on the address of ``--desk`` (default http://127.0.0.1:8000).
"""

from __future__ import annotations

import argparse
import os
import shutil
import tomllib
from pathlib import Path
from xml.sax.saxutils import escape

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
HOUSE = Path(__file__).parent.parent / "releve"
LANGUAGES = ("en", "fr")

FACES = ("desk", "cli")
TITLES_OF_FLOORS = {
    "plugins": (
        "Plug-ins: each with its engine, store, commands and pages",
        "Extensions : chacune avec son moteur, ses données, ses commandes et ses pages",
    ),
    "faces": ("Faces", "Interfaces"),
    "services": (
        "Services: database, files, sockets, the clock",
        "Services : base de données, fichiers, réseau, horloge",
    ),
    "engines": ("Engines: pure, no files, no clock, no database", "Moteurs : purs, sans fichier, horloge ni base"),
}
"""From the top, in English and French."""
PACKAGES = {
    "desk": ("web pages and their API", "pages web et leur API"),
    "cli": ("the command line", "ligne de commande"),
    "live": ("event to relief, calls, people", "événement, relève, appels, équipes"),
    "service_record": ("calls as they came", "les appels tels que reçus"),
    "runs": ("long work, watched and resumed", "calculs longs, suivis et repris"),
    "registry": ("reference data, in versions", "données de référence, en versions"),
    "accounts": ("sign-in, roles, scopes", "comptes, rôles, périmètres"),
    "erasure": ("one person, found and erased", "une personne, trouvée et effacée"),
    "upkeep": ("upgrade, backup, restore, doctor", "mises à jour, sauvegarde, contrôle"),
    "ledger": ("the record that anyone verifies", "le registre que chacun vérifie"),
    "routing": ("adapters to telephony", "adaptateurs de téléphonie"),
    "evidence": ("packs that anyone verifies", "des dossiers que chacun vérifie"),
    "files": ("formats on disk, locks", "formats sur disque, verrous"),
    "crashtest": ("many quarters against a plan", "des trimestres simulés contre un plan"),
    "sector": ("relief between operators", "la relève entre prestataires"),
    "plan": ("who works where, every relief", "qui travaille où, chaque relève"),
    "demand": ("calls, forecast, requirement", "appels, prévision, besoin"),
    "situation": ("what happened, and the rules", "ce qui est arrivé, et les règles"),
    "outbound": ("the calling law, in dated rows", "le droit d’appeler, en lignes datées"),
    "telework": ("its effect, and who may do it", "son effet, et pour qui"),
    "inspection": ("draws no party can steer", "des tirages que nul n’oriente"),
    "transport": ("vehicles, and who rides when", "véhicules, et qui monte quand"),
    "network": ("the operator, validated", "le prestataire, vérifié"),
    "kernels": ("compiled loops and their cache", "boucles compilées et leur cache"),
}
"""What each package of the tree holds, in the order in which a floor shows it."""


def list_floors() -> dict[str, list[str]]:
    """Return the packages that stand in the tree by floor; one without its words is a ValueError.

    Engines are those that import-linter holds to be pure, and the kernels that they call.
    """
    project = tomllib.loads((HOUSE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (pure,) = [one for one in contracts if one["name"].startswith("Engines are pure")]
    engines = {*pure["source_modules"], "releve.kernels"}
    floors: dict[str, list[str]] = {floor: [] for floor in TITLES_OF_FLOORS}
    for path in HOUSE.glob("*/__init__.py"):
        name = path.parent.name
        if name in FACES:
            floors["faces"].append(name)
        elif f"releve.{name}" in engines:
            floors["engines"].append(name)
        elif name != "plugins":
            floors["services"].append(name)
    floors["plugins"] = [path.parent.name for path in HOUSE.glob("plugins/*/__init__.py")]
    order = list(PACKAGES)
    return {floor: sorted(names, key=order.index) for floor, names in floors.items() if names}


STYLE = (
    'text{font-family:"DejaVu Sans",Verdana,Arial,sans-serif;fill:#1e293b}'
    ".f{font-size:14px;font-weight:bold}.p{font-size:14px;font-weight:bold;text-anchor:middle}"
    ".s{font-size:10.5px;fill:#475569;text-anchor:middle}"
)
WIDTH, ROW, BOX, GAP, COLUMNS = 1000, 62, 227, 10, 4
TITLES = {
    "en": ("The packages of Relève, floor by floor", "Each package imports only packages on floors below it."),
    "fr": ("Les modules de Relève, étage par étage", "Un module n’importe que ceux des étages inférieurs."),
}


def draw_house(language: str) -> str:
    """Return the picture of the packages as SVG."""
    column = LANGUAGES.index(language)
    title, rule = TITLES[language]
    body, y = [], 50
    for floor, packages in list_floors().items():
        rows = -(-len(packages) // COLUMNS)
        height = 30 + rows * ROW
        body.append(f'<rect x="20" y="{y}" width="960" height="{height}" rx="8" fill="#eef2f7"/>')
        body.append(f'<text x="32" y="{y + 20}" class="f">{escape(TITLES_OF_FLOORS[floor][column])}</text>')
        for i, package in enumerate(packages):
            x, top = 30 + (i % COLUMNS) * (BOX + GAP), y + 28 + (i // COLUMNS) * ROW
            middle, words = x + BOX // 2, escape(PACKAGES[package][column])
            body.append(
                f'<rect x="{x}" y="{top}" width="{BOX}" height="{ROW - 8}" rx="6" fill="#fff" '
                'stroke="#94a3b8"/>'
                f'<text x="{middle}" y="{top + 23}" class="p">{package}</text>'
                f'<text x="{middle}" y="{top + 42}" class="s">{words}</text>'
            )
        y += height + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 4}" role="img" '
        f'aria-labelledby="t d" xml:lang="{language}">\n<title id="t">{title}</title>\n'
        f'<desc id="d">{rule}</desc>\n<style>{STYLE}</style>\n'
        f'<rect width="{WIDTH}" height="{y + 4}" rx="12" fill="#f8fafc"/>\n'
        f'<text x="24" y="32" class="f">{rule}</text>\n' + "\n".join(body) + "\n</svg>\n"
    )


def shoot_desk(address: str) -> None:
    """Take *Now* and the relief matrix of a running desk in both languages."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=options)
        for language, locale in zip(LANGUAGES, ("en-GB", "fr-FR"), strict=True):
            page = browser.new_page(
                base_url=address, locale=locale, viewport={"width": 1280, "height": 860}, color_scheme="light"
            )
            page.goto("/now", wait_until="networkidle")
            page.screenshot(path=PICTURES / f"desk-now.{language}.png")
            page.goto("/", wait_until="networkidle")
            page.locator("a[href*='day=']").last.click()  # a working day, where today is none
            matrix = page.locator("section:has(#matrix-title)")
            matrix.screenshot(path=PICTURES / f"desk-matrix.{language}.png")
        browser.close()


def main() -> None:
    """Draw what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("house", "desk"))
    parser.add_argument("--desk", default="http://127.0.0.1:8000", metavar="ADDRESS")
    asked = parser.parse_args()
    if asked.what == "desk":
        shoot_desk(asked.desk)
    else:
        for language in LANGUAGES:
            suffix = "" if language == "en" else f".{language}"
            (PICTURES / f"house{suffix}.svg").write_text(draw_house(language), encoding="utf-8")


if __name__ == "__main__":
    main()
