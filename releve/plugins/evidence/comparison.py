"""A pack made again from the ledger, compared with its file."""

from __future__ import annotations

import hashlib
from typing import Any

from releve.ledger import verify
from releve.ledger.roots import verify_note_line
from releve.ledger.witnesses import list_witnesses
from releve.plugins.evidence.pack import build_pack
from releve.plugins.evidence.records import PackError
from releve.plugins.evidence.store import IssuedPack, list_packs


def read_data(pack: IssuedPack, content: bytes) -> dict[str, Any]:
    """Return what stands in the ``pack.json`` of a file that begins as a pack was issued."""
    _text, _lines, _pdf, data = verify.read_pack_note(pack.note)
    found: dict[str, Any] = verify.read_line(verify.find_packed(content)[data.sha256])
    return found


def read_cosigners(pack: IssuedPack, content: bytes) -> tuple[str, tuple[str, ...]]:
    """Return the name under which the checkpoint in a pack names the ledger, and who cosigned it.

    These are the verifier keys of the ledger's witnesses.
    """
    text, _, lines = read_data(pack, content)["checkpoint"].partition("\n\n")
    return text.partition("\n")[0], tuple(
        witness.verifier_key
        for witness in list_witnesses()
        if any(verify_note_line(f"{text}\n", line, witness.verifier_key) for line in lines.splitlines())
    )


def compare_remade(content: bytes) -> tuple[bool, str]:
    """Return whether the pack in a file is made again as it is, and a sentence that says why not.

    The ledger has what was issued. PackError where the file does not begin with any of it.
    """
    pack = next((one for one in list_packs() if one.begins(content)), None)
    digest = hashlib.sha256(content).hexdigest()
    if pack is None and any(one.is_older and one.sha256 == digest for one in list_packs()):
        raise PackError("the pack is of an earlier version: make it again with this one")
    if pack is None:
        raise PackError("the ledger has no pack of these bytes: the file was changed, cut, or made elsewhere")
    data = read_data(pack, content)
    again = build_pack(pack.request, checkpoint=data["checkpoint"])
    if content.startswith(again.pdf):
        behind = len(content) - len(again.pdf)
        more = f"; {behind} more bytes, a signature, stand behind them" if behind else ""
        return True, f"the same bytes: SHA-256 {hashlib.sha256(again.pdf).hexdigest()}{more}"
    other = verify.read_line(again.document)
    differ = sorted(name for name in data if data[name] != other[name])
    if differ == ["made_with"]:
        tools = [name for name in data["made_with"] if data["made_with"][name] != other["made_with"].get(name)]
        return False, (f"the content is the same; the bytes cannot be, since other tools made it: {', '.join(tools)}")
    return False, f"the ledger gives another content today: {', '.join(differ)} differ"
