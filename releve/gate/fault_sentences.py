"""What is wrong with a request of a person or with a row of a feed, in French and in English.

By the codes of ``person_requests``, ``person_rights``, ``request_feeds``, and of the faces that
take requests: ``client.elsewhere``, ``key.reused``, ``gate.key``.
"""

from __future__ import annotations

from collections.abc import Mapping

from releve.outbound.legal_rows import Words

__all__ = ["FAULT_SENTENCES"]

_OFFSET = Words(
    "Écrivez l'instant avec son décalage par rapport à UTC, comme 2026-11-24T10:30:00+01:00.",
    "Write the instant with its offset from UTC, like 2026-11-24T10:30:00+01:00.",
)

FAULT_SENTENCES: Mapping[str, Words] = {
    "key.missing": Words(
        "Il faut une clé de 1 à 128 caractères.", "A key of 1 to 128 characters is needed."
    ),
    "number.unreadable": Words(
        "Ce n'est pas un numéro de téléphone : écrivez-le comme 01 44 55 66 77"
        " ou +33 1 44 55 66 77.",
        "This is not a telephone number: write it like 01 44 55 66 77 or +33 1 44 55 66 77.",
    ),
    "said.unknown": Words(
        "Ce mot n'est pas connu : écrivez stop, refusal, not-interested, not-now ou outcome.",
        "This word is not known: write stop, refusal, not-interested, not-now or outcome.",
    ),
    "client.unknown": Words(
        "Aucune campagne n'est enregistrée pour un donneur d'ordre de ce nom.",
        "No campaign is recorded for a client of this name.",
    ),
    "client.elsewhere": Words(
        "Votre rôle ne couvre pas ce donneur d'ordre.", "Your role is not held for this client."
    ),
    "at.no-offset": _OFFSET,
    "at.unreadable": _OFFSET,
    "at.future": Words("Cet instant est dans le futur.", "This instant lies in the future."),
    "channel.unfit": Words(
        "64 caractères imprimables au plus.", "At most 64 printable characters."
    ),
    "outcome.unknown": Words(
        "Choisissez l'issue de l'appel, et seulement pour une issue d'appel.",
        "Choose the outcome of the call, and only for an outcome.",
    ),
    "call.unfit": Words(
        "L'appel ne s'indique que pour une issue d'appel, en 300 caractères au plus.",
        "A call is named for an outcome only, by at most 300 characters.",
    ),
    "call.unknown": Words(
        "Aucun appel vers ce numéro n'a été passé pour ce donneur d'ordre dans les dernières"
        " 24 heures.",
        "No call to this number was placed for this client in the last 24 hours.",
    ),
    "key.reused": Words(
        "Cette clé a déjà servi pour autre chose ; prenez-en une autre.",
        "This key recorded something else before; take another one.",
    ),
    "gate.key": Words(
        "La clé des pseudonymes manque, ou n'est pas celle de la base de données :"
        " rien n'a été enregistré. Prévenez un administrateur.",
        "The key of the pseudonyms is missing, or is not the one of the database: nothing was"
        " recorded. Tell an administrator.",
    ),
    "reason.short": Words(
        "Indiquez le motif, en dix caractères au moins.", "Say why, in ten characters or more."
    ),
    "person.several": Words(
        "Plusieurs personnes partagent ce numéro : indiquez l'identifiant de celle qui fait la"
        " demande.",
        "Several people hold this number: name the one who asks by their id.",
    ),
    "person.elsewhere": Words(
        "Aucune personne portant cet identifiant n'est connue à ce numéro.",
        "No person of this id is known to hold the number.",
    ),
    "row.unreadable": Words(
        "La ligne n'a pas les colonnes de la première ligne.",
        "The row does not have the columns of the first line.",
    ),
    "columns.missing": Words(
        "Il manque une colonne obligatoire dans la première ligne.",
        "The first line lacks a column that is needed.",
    ),
    "columns.unknown": Words(
        "La première ligne comporte une colonne inconnue.",
        "The first line holds a column that is not known.",
    ),
}
