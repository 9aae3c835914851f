"""The drafted French text of a contract of relief, as a PDF that two managers sign.

A draft for a lawyer: the clauses follow the terms, and no clause is there without its field.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from releve.errors import ReleveError
from releve.extras import OptionalModule
from releve.network import zone
from releve.plugins.evidence.language import Wording
from releve.plugins.sector.engine import ReliefContract
from releve.plugins.sector.engine.contract import name_state

typst: Any = OptionalModule("typst")
_TEMPLATE = Path(__file__).with_name("contract.typ")
_NARROW = "\u202f"
_KINDS = {"inbound": "appels entrants", "outbound": "appels sortants", "back_office": "back-office"}
_LANGUAGES = {"fr": "français", "en": "anglais", "ar": "arabe", "es": "espagnol"}
_PLACES = {"home": "en télétravail", "site": "sur site"}


class ContractTextError(ReleveError, RuntimeError):
    """The text of a contract that typst cannot set."""


def compose_contract(contract: ReliefContract, time_zone: str) -> dict[str, Any]:
    """Return what is printed of a contract: facts, clauses, hours and the digest."""
    terms, tz = contract.terms, zone(time_zone)
    starts, ends = terms.starts_at.astimezone(tz), terms.ends_at.astimezone(tz)
    midnight = starts.replace(hour=0, minute=0, second=0, microsecond=0)
    total = sum(count for _, count in terms.agents)
    return {
        "title": f"Contrat d’entraide n°{_NARROW}{terms.contract}",
        "author": terms.giver,
        "warning": (
            "Projet établi par le logiciel à partir de l’appariement de l’association. À faire"
            " relire par un avocat avant signature."
        ),
        "facts": [
            ["Prestataire demandeur", terms.asker],
            ["Prestataire prêteur", terms.giver],
            ["Donneur d’ordre", terms.client],
            ["Travail", _describe_skill(terms.skill)],
            ["Destination", terms.destination],
            ["Début", _format(starts)],
            ["Fin", _format(ends)],
            ["Volume", f"{total} demi-heures de téléconseiller"],
            ["Prix", f"{_euros(terms.price_cents)} par demi-heure de téléconseiller"],
            ["Montant maximal", _euros(total * terms.price_cents)],
        ],
        "clauses": _list_clauses(contract),
        "hours": {
            "heading": f"Annexe{_NARROW}: effectif par demi-heure ({time_zone})",
            "columns": ["Demi-heure", "Téléconseillers"],
            "rows": [[_format_time(midnight + t * timedelta(minutes=30)), f"{count}"] for t, count in terms.agents],
        },
        "signatures": [f"Pour {terms.asker}", f"Pour {terms.giver}"],
        "digest": f"Empreinte à l’état {_quote_state(contract)}{_NARROW}: {contract.digest}",
    }


def typeset_contract(contract: ReliefContract, time_zone: str) -> bytes:
    """Return the PDF, the same bytes for the same contract; ContractTextError if typst refuses."""
    at = contract.steps[-1].at if contract.steps else contract.terms.starts_at
    try:
        found: bytes = typst.compile(
            _TEMPLATE.read_bytes(),
            format="pdf",
            ignore_system_fonts=True,
            sys_inputs={"paper": json.dumps(compose_contract(contract, time_zone), ensure_ascii=False)},
            timestamp=int(at.timestamp()),
        )
    except RuntimeError as error:
        raise ContractTextError(f"typst cannot set the contract: {error}") from error
    return found


def _list_clauses(contract: ReliefContract) -> list[list[str]]:
    terms = contract.terms
    notice = (
        "Le prêt est ferme. Le prêteur ne reprend ses téléconseillers que s’il perd lui-même un"
        " site ou une liaison, sans préavis ni pénalité, dans la mesure nécessaire à ses propres"
        " donneurs d’ordre."
        if terms.notice_hours is None
        else f"Le prêteur peut reprendre ses téléconseillers avec un préavis de"
        f" {terms.notice_hours}{_NARROW}h avant le début. S’il perd lui-même un site ou une"
        " liaison, il les reprend sans préavis ni pénalité."
    )
    clauses = [
        ["Objet", "Le prêteur traite pour le demandeur, sous sa propre direction et avec ses"
         " propres salariés, le travail décrit ci-dessus. C’est une prestation de service, non"
         " un prêt de main-d’œuvre."],
        ["Accord du donneur d’ordre", f"Le contrat ne prend effet qu’après l’accord écrit de"
         f" {terms.client} sur ce prêteur et cette destination (RGPD, article 28). "
         + _describe_agreement(contract)],
        ["Données personnelles", f"L’annexe «\u00a0{terms.annex}\u00a0» fait partie du contrat. Le"
         " prêteur n’agit que sur instruction, ne recourt à aucun autre sous-traitant et efface"
         " les données à la fin."],
        ["Qualité", f"Le prêteur décroche au moins {terms.quality_percent}{_NARROW}% des appels"
         " qui lui sont présentés, dans la limite de l’effectif de l’annexe."],
        ["Prix et règlement", "Seules les demi-heures effectivement travaillées sont dues, au prix"
         " ci-dessus, et jamais plus que l’effectif de l’annexe."],
        ["Reprise", notice],
        ["Non-débauchage", "Pendant le contrat et douze mois après, aucune partie ne sollicite les"
         " salariés ni les donneurs d’ordre de l’autre à l’occasion de cette entraide."],
        ["Responsabilité", "La responsabilité de chaque partie est limitée à"
         f" {_euros(terms.liability_cap_cents)}, sauf faute lourde ou dolosive."],
        ["Droit applicable", f"{terms.law}."],
    ]  # fmt: skip
    if terms.outbound_mandate:
        clauses.insert(
            2,
            [
                "Numéros présentés",
                f"Les appels sortants présentent les numéros confiés par le mandat"
                f" «\u00a0{terms.outbound_mandate}\u00a0» et par lui seul.",
            ],
        )
    return clauses


def _quote_state(contract: ReliefContract) -> str:
    return f"«\u00a0{Wording('fr').say(name_state(contract.state))}\u00a0»"


def _describe_agreement(contract: ReliefContract) -> str:
    agreed = next((step for step in contract.steps if step.kind == "agree"), None)
    if agreed is None:
        return "Cet accord n’est pas encore enregistré."
    return f"Accord enregistré{_NARROW}: {agreed.reference}."


def _describe_skill(skill: str) -> str:
    kind, language, *place = skill.split(":")
    words = [_KINDS.get(kind, kind), _LANGUAGES.get(language, language)]
    return ", ".join([*words, *(_PLACES.get(one, one) for one in place)])


def _format(at: datetime) -> str:
    return f"{at:%d/%m/%Y} à {_format_time(at)}"


def _format_time(at: datetime) -> str:
    return f"{at:%H}{_NARROW}h{_NARROW}{at:%M}"


def _euros(cents: int) -> str:
    whole = f"{cents // 100:,}".replace(",", _NARROW)
    return f"{whole},{cents % 100:02}\u00a0€"
