"""The sources that rows cite by number: what was read, and when it was written or read."""

from __future__ import annotations

import re
from collections.abc import Iterable

from releve.outbound.legal_rows import LegalRow

__all__ = ["SOURCES", "cite_sources", "list_source_numbers"]

SOURCES: dict[str, str] = {
    "1": "Public note on telecom and telemarketing law; Légifrance and Arcep read 13–14 Sept 2026",
    "2": "github.com/blacgoku991/ProspectEner, verification of Oct 2026 (research_legal.md)",
    "3": "The same repository, research_leads_2026-10-08.md (8 Oct 2026)",
    "4": "Public note SI-JUR-06 (27 Sept 2026)",
    "5": "aguera-avocats.fr (16 Sept 2025) and leclubdesjuristes.com (May 2025), quoting L223-1",
    "5b": "ocso.fr (2025)",
    "6": "cms.law, note on law 2025-594 art. 13 (2025)",
    "7": "PyPI demarchage-consent 0.2.0 (Sept 2026); kanibal-tools-mcp 0.1.1 (Oct 2026)",
    "8": "Décret 2022-1313: lexbase.fr L5828MEL, ma-veille-juridique.com (JO 14 Oct 2022), "
    "app.livv.eu D223-9 (1 Oct 2024); L223-1 of 2020: mirror of the code, stoptel.net",
    "8b": "efl.fr (2023)",
    "9": "legal.tricoteuses.fr LEGIARTI000051830282 (L223-2, 2026), JORFARTI000032209958 "
    "(L223-1, 2016)",
    "10": "pro.bloctel.gouv.fr/faq (13 Feb 2025), cbanque.com (Oct 2021)",
    "11": "lemondeinformatique.fr (1 June 2016)",
    "12": "anyti.me (11 Feb 2021)",
    "13": "village-justice.com art. 54618 (2025)",
    "14": "quechoisir.org n168358 (July 2025)",
    "15": "senat.fr, report of 21 May 2025 (category exemptions refused)",
    "16": "legifrance.gouv.fr, C. trav. L3422-2 (21 May 2019)",
    "17": "le97150.fr (May 2019), soualigapost.net (27 May 2024)",
    "18": "Law 2022-1587: ma-veille-juridique.com (JO 20 Dec 2022), senat.fr (8 Dec 2022)",
    "19": "Décret 2022-34: ma-veille-juridique.com, kiosque.bercy.gouv.fr, optionfinance.fr; "
    "R112-7 in a mirror of the code",
    "20": "juriblio.fr L221-16; git.tricoteuses.fr, change of 26 July 2020",
    "21": "circulaire.legifrance.gouv.fr, article liminaire (27 Sept 2021)",
    "22": "senat.fr, amendment COM-55 (Jan 2014)",
    "23": "Public note (3 Aug 2026; Arcep 2022-1583 §7.1.3, CNIL)",
    "24": "juriblio.fr, arrêté of 5 July 2016",
    "25": "arcep.fr, plan de numérotation for professionals",
    "26": "One table of NPV ranges (plan of 1 Jan 2026); en-contact.com (7 Sept 2022); "
    "digivoip.tn (5 Jan 2023)",
    "27": "conseil-etat.fr no. 434538 (12 Feb 2021), no. 489787 (6 June 2024); arcep.fr (13 June "
    "2024); nextinpact.com (1 Aug 2019); afrc.org",
    "28": "next.ink 152183 (Oct 2024), dstny.fr, diabolocom.com",
    "29": "twobirds.com, esteval.fr, technomedia.org (Dec 2025)",
    "31": "MEDEF code of practice: 123dok.net, medef66.com (Feb 2022), readkong.com (Sept 2020)",
    "32": "ofcom.org.uk, persistent misuse (20 Dec 2016); callcentresoftware.co.uk (Feb 2017)",
    "33": "blog.sadapaz.com and surinenglish.com (AEPD), fieldfisher (Orden TDF/149/2025), "
    "eldiario.es, legaltoday.com, larazon.es (Ley 10/2025), eleconomista.es (5 Sept 2025)",
    "34": "lavenir.net (2021), levif.be (Mar 2025), rtl.be (25 Jan 2024, 16 and 26 Sept 2025), "
    "radiocontact.be",
    "35": "technospia.it, corriere.it, ildenaro.it (2022), adiconsumveneto.it, tecnoandroid.it, "
    "audaxrenewables.it (2025), legal-skills-open marketing-diretto.md (Aug 2026)",
    "43": "legalplanet.pro (Crédit Agricole CF, 17 Oct 2022)",
    "tz": "IANA time zone database",
}
"""Number to source; a row may cite these numbers alone."""


def list_source_numbers(source: str) -> tuple[str, ...]:
    """Return the numbers that a row's source names: ``[8][1]`` or ``[8], tz``."""
    return tuple(found.strip("[]") for found in re.findall(r"\[\w+\]|\btz\b", source))


def cite_sources(rows: Iterable[LegalRow]) -> dict[str, str]:
    """Return what the numbers of rows' sources stand for, in the order of SOURCES."""
    cited = {number for row in rows for number in list_source_numbers(row.source)}
    return {number: text for number, text in SOURCES.items() if number in cited}
