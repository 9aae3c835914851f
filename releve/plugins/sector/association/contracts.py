"""Contracts of relief as entries of the ledger, signed by who acts and countersigned by the other.

A contract is folded from its entries: no table repeats it. Each step is an entry ``contract.step``
with the digest of all steps so far and its author's signature. It goes to the partner as a message
(:func:`export_contract`); the partner checks it, writes the same step into its own ledger and
countersigns (:func:`receive_contract`), and its message back brings the countersignature
(``contract.countersigned``). Steps that both took before they exchanged stand in both ledgers, each
in its own order, and give the same contract. A drill is the same in the stream :data:`DRILL`.

The drafted French text is a PDF that two managers sign: a draft for a lawyer, whose clauses follow
the terms; no clause is there without its field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction

from releve.errors import Phrase, ReleveError
from releve.extras import LazyModule
from releve.ledger.chain import append, iter_entries, lock_head
from releve.ledger.digests import format_instant
from releve.ledger.keys import public_key, signing_key
from releve.network import zone
from releve.plugins.evidence.language import Wording
from releve.plugins.sector.engine.contract import (
    ContractStep,
    ContractTerms,
    ReliefContract,
    apply_step,
    compute_step_digest,
    fold_steps,
    name_state,
    open_contract,
)
from releve.plugins.sector.engine.needs import SectorError

FORMAT = "releve relief contract 1"
RELIEF, DRILL = "relief", "relief-drill"
"""The streams of the ledger: real contracts, and those of a drill."""
STEP, COUNTERSIGNED = "contract.step", "contract.countersigned"
_TAG = b"releve relief contract 1\n"


@dataclass
class StoredContract:
    """A contract and, per digest of a step, the signatures by party."""

    contract: ReliefContract
    signatures: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def digests(self) -> list[str]:
        """The digest of each step, in the order of the contract's steps."""
        return [compute_step_digest(step) for step in self.contract.steps]

    @property
    def is_countersigned(self) -> bool:
        """Return whether both sides have signed the last step, of two branches each last one."""
        both = {self.contract.terms.asker, self.contract.terms.giver}
        followed = {step.before for step in self.contract.steps}
        last = [digest for digest in self.digests if digest not in followed]
        return bool(last) and all(both <= set(self.signatures[digest]) for digest in last)


def start_contract(terms: ContractTerms, clerk: str, now: datetime, *, stream: str = RELIEF) -> StoredContract:
    """Record that an asker asks for these terms; SectorError for a contract that is there."""
    with transaction.atomic():
        lock_head()
        if terms.contract in list_contracts(stream):
            raise SectorError(Phrase("contract {0} is there already: choose another name", terms.contract))
        opened = StoredContract(open_contract(terms, clerk))
        step = ContractStep("ask", terms.asker, now, opened.contract.digest)
        return _write_own(opened, step, terms.asker, now, stream)


def take_step(
    contract: str,
    kind: str,
    party: str,
    now: datetime,
    *,
    reason: str = "",
    reference: str = "",
    cents: int | None = None,
    before: str = "",
    stream: str = RELIEF,
) -> StoredContract:
    """Record a step of this installation's own, signed; SectorError says why it may not be.

    ``before``: the digest that was looked at, by default the one that stands.
    """
    with transaction.atomic():
        lock_head()
        stored = load_contract(contract, stream)
        before = before or stored.contract.digest
        step = ContractStep(kind, party, now, before, reason, reference, cents)
        return _write_own(stored, step, party, now, stream)


def export_contract(contract: str, *, stream: str = RELIEF) -> str:
    """Return the message for the partner: terms, steps and signatures, as JSON."""
    stored = load_contract(contract, stream)
    return json.dumps(
        {
            "format": FORMAT,
            "terms": _write_terms(stored.contract.terms),
            "clerk": stored.contract.clerk,
            "steps": [
                {**_write_step(step), "signatures": stored.signatures[digest]}
                for step, digest in zip(stored.contract.steps, stored.digests, strict=True)
            ],
        },
        ensure_ascii=False,
        indent=1,
        sort_keys=True,
    )


def receive_contract(
    message: str, party: str, keys: Mapping[str, str], now: datetime, *, stream: str = RELIEF
) -> StoredContract:
    """Take over a partner's steps and signatures; ``keys`` are the public keys by party, in hex.

    Nothing is stored of a message with a fault. SectorError names it: a step whose signature does
    not verify, that another step contradicts, or that is not allowed.
    """
    terms, clerk, rows = _read_message(message)
    with transaction.atomic():
        lock_head()
        known = list_contracts(stream)
        stored = known.get(terms.contract) or StoredContract(open_contract(terms, clerk))
        if stored.contract.terms != terms or stored.contract.clerk != clerk:
            raise SectorError(
                Phrase(
                    "contract {0}: its terms differ from those recorded here: compare both texts with the partner",
                    terms.contract,
                )
            )
        for number, (step, signatures) in enumerate(rows, 1):
            digest = compute_step_digest(step)
            if digest in stored.signatures:
                _add_signatures(stored, digest, signatures, keys, now, stream)
                continue
            if (step.before, step.by) in {(one.before, one.by) for one in stored.contract.steps}:
                raise SectorError(
                    Phrase(
                        "contract {0}: step {1} ({2}) differs from the one recorded here: compare"
                        " both ledgers with the partner",
                        terms.contract,
                        number,
                        step.kind,
                    )
                )
            stored = _take_over(stored, step, signatures, party, keys, now, stream)
    return stored


def find_own_party(stored: StoredContract) -> str:
    """Return the party that this installation's key signed as; empty where it signed nothing."""
    own = public_key()
    for digest in stored.digests:
        for party, signature in stored.signatures[digest].items():
            if _is_signed(digest, signature, own):
                return party
    return ""


def list_contracts(stream: str = RELIEF) -> dict[str, StoredContract]:
    """Return every contract by name, in the order in which they were asked for."""
    found: dict[str, StoredContract] = {}
    steps: dict[str, list[ContractStep]] = {}
    for entry in iter_entries(stream, kinds=(STEP, COUNTERSIGNED)):
        body = entry.body
        name = body["contract"]
        if entry.kind == COUNTERSIGNED:
            found[name].signatures[body["digest"]][body["party"]] = body["signature"]
            continue
        if "terms" in body:
            found[name] = StoredContract(open_contract(_read_terms(body["terms"]), body["clerk"]))
        steps.setdefault(name, []).append(_read_step(body["step"]))
        found[name].signatures[body["digest"]] = dict(body["signatures"])
    for name, stored in found.items():
        stored.contract = fold_steps(stored.contract, steps[name])
    return found


def read_terms_text(text: str) -> ContractTerms:
    """Return the terms of a JSON text; SectorError names what is missing or wrong."""
    try:
        return _read_terms(json.loads(text))
    except SectorError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise SectorError(
            Phrase("not the terms of a contract: {0}; the fields are those of docs/sector.md", str(error))
        ) from error


def load_contract(contract: str, stream: str = RELIEF) -> StoredContract:
    """Return a contract; SectorError where there is none of that name."""
    found = list_contracts(stream)
    if contract not in found:
        known = ", ".join(found) or "none yet"
        raise SectorError(Phrase("no contract {0}; there are: {1}", repr(contract), known))
    return found[contract]


def _write_own(stored: StoredContract, step: ContractStep, party: str, now: datetime, stream: str) -> StoredContract:
    after = apply_step(stored.contract, step)
    return _write(stored, after, step, {party: _sign(after.digest)}, now, stream)


def _take_over(
    stored: StoredContract,
    step: ContractStep,
    signatures: Mapping[str, str],
    party: str,
    keys: Mapping[str, str],
    now: datetime,
    stream: str,
) -> StoredContract:
    opened = open_contract(stored.contract.terms, stored.contract.clerk)
    after, digest = fold_steps(opened, [*stored.contract.steps, step]), compute_step_digest(step)
    if step.by not in signatures:
        raise SectorError(Phrase("step {0} is not signed by {1}, who takes it", step.kind, step.by))
    for other, signature in signatures.items():
        _verify(other, digest, signature, keys)
    return _write(stored, after, step, {**signatures, party: _sign(digest)}, now, stream)


def _write(
    stored: StoredContract,
    after: ReliefContract,
    step: ContractStep,
    signatures: Mapping[str, str],
    now: datetime,
    stream: str,
) -> StoredContract:
    digest = compute_step_digest(step)
    body: dict[str, Any] = {
        "contract": after.terms.contract,
        "digest": digest,
        "signatures": dict(signatures),
        "state": after.state,
        "step": _write_step(step),
    }
    if len(after.steps) == 1:
        body |= {"clerk": after.clerk, "terms": _write_terms(after.terms)}
    append(STEP, body, recorded_at=now, stream=stream)
    return StoredContract(after, {**stored.signatures, digest: dict(signatures)})


def _add_signatures(
    stored: StoredContract,
    digest: str,
    signatures: Mapping[str, str],
    keys: Mapping[str, str],
    now: datetime,
    stream: str,
) -> None:
    for party, signature in signatures.items():
        if party not in stored.signatures[digest]:
            _verify(party, digest, signature, keys)
            stored.signatures[digest][party] = signature
            name = stored.contract.terms.contract
            body = {"contract": name, "digest": digest, "party": party, "signature": signature}
            append(COUNTERSIGNED, body, recorded_at=now, stream=stream)


def _sign(digest: str) -> str:
    return signing_key().sign(_TAG + digest.encode()).hex()


def _verify(party: str, digest: str, signature: str, keys: Mapping[str, str]) -> None:
    if party not in keys:
        raise SectorError(Phrase("no public key of {0} is known: register the one it publishes", party))
    if not _is_signed(digest, signature, keys[party]):
        raise SectorError(
            Phrase("the signature of {0} does not verify: ask for the message again, and compare its public key", party)
        )


def _is_signed(digest: str, signature: str, key: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), _TAG + digest.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def _write_terms(terms: ContractTerms) -> dict[str, Any]:
    values = asdict(terms)
    for name in ("starts_at", "ends_at"):
        values[name] = format_instant(values[name])
    values["agents"] = [list(pair) for pair in terms.agents]
    return values


def _read_terms(values: Mapping[str, Any]) -> ContractTerms:
    return ContractTerms(
        **{
            **values,
            "agents": tuple((int(t), int(count)) for t, count in values["agents"]),
            "starts_at": datetime.fromisoformat(values["starts_at"]),
            "ends_at": datetime.fromisoformat(values["ends_at"]),
        }
    )


def _write_step(step: ContractStep) -> dict[str, Any]:
    return {**asdict(step), "at": format_instant(step.at)}


def _read_step(values: Mapping[str, Any]) -> ContractStep:
    return ContractStep(**{**values, "at": datetime.fromisoformat(values["at"])})


def _read_message(message: str) -> tuple[ContractTerms, str, list[tuple[ContractStep, dict[str, str]]]]:
    try:
        tree = json.loads(message)
        if tree["format"] != FORMAT:
            raise SectorError(
                Phrase(
                    "the message has format {0}, this version reads {1}: the older of the two installations is updated",
                    repr(tree["format"]),
                    repr(FORMAT),
                )
            )
        rows = [
            (
                _read_step({name: value for name, value in row.items() if name != "signatures"}),
                {str(party): str(text) for party, text in row["signatures"].items()},
            )
            for row in tree["steps"]
        ]
        return _read_terms(tree["terms"]), str(tree["clerk"]), rows
    except SectorError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SectorError(Phrase("the message is not a contract: {0}; ask for it again", repr(error))) from error


typst: Any = LazyModule("typst")
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
