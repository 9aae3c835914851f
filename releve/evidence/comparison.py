"""A pack made again from the ledger, compared with its file."""

from __future__ import annotations

from datetime import date
from typing import Any

from releve.evidence import verify
from releve.evidence.errors import PackError
from releve.evidence.pack import PACK_FILE, build_pack
from releve.evidence.sources import PackRequest
from releve.ledger.checkpoints import verify_note_line
from releve.ledger.witnesses import list_witnesses

__all__ = ["compare_remade", "list_cosigners", "read_pack"]


def read_pack(pdf: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the signed document of a pack, and the pack's bytes without a signature added to it.

    PackError where the file holds no pack, or more than one.
    """
    try:
        found = verify.Pdf(pdf)
        versions = found.attachments().get(PACK_FILE, [])
        if len(versions) != 1:
            raise PackError(f"the PDF must hold one {PACK_FILE}, got {len(versions)}")
        signed = verify.read_line(versions[0][1])
        verify.shaped(verify.shaped(signed, "signed pack")["pack"], "pack")
    except verify.VerifyError as error:
        raise PackError(str(error)) from error
    return signed, pdf[: found.ends[0]]


def list_cosigners(pdf: bytes) -> tuple[str, ...]:
    """Return the verifier keys of the ledger's witnesses that cosigned the root in a pack."""
    text, _, lines = read_pack(pdf)[0]["pack"]["checkpoint"].partition("\n\n")
    return tuple(
        witness.verifier_key
        for witness in list_witnesses()
        if any(
            verify_note_line(f"{text}\n", line, witness.verifier_key) for line in lines.splitlines()
        )
    )


def compare_remade(pdf: bytes) -> tuple[bool, str]:
    """Return whether the pack in a file is made again as it is, and a sentence that says why not.

    The signature by the ledger's key is taken from the file: a rotated key no longer signs.
    """
    signed, issued = read_pack(pdf)
    pack = signed["pack"]
    request = PackRequest(
        pack["kind"],
        pack["for"],
        date.fromisoformat(pack["from"]),
        date.fromisoformat(pack["to"]),
        pack["language"],
        pack["root"]["number"],
    )
    again = build_pack(request, signature=signed["signature"], checkpoint=pack["checkpoint"])
    if again.pdf == issued:
        return True, f"the same bytes: SHA-256 {again.sha256}"
    other = verify.read_line(again.document)["pack"]
    differ = sorted(name for name in pack if pack[name] != other[name])
    if "made_with" in differ and set(differ) <= {"made_with", "pages"}:
        tools = [name for name in pack["made_with"]
                 if pack["made_with"][name] != other["made_with"].get(name)]  # fmt: skip
        return False, (
            f"the content is the same; the bytes cannot be, since other tools made it:"
            f" {', '.join(tools)}"
        )
    if not differ:
        return False, "the content is the same, the file is not: it was changed since"
    return False, f"the ledger gives another content today: {', '.join(differ)} differ"
