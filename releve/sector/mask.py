"""Masked contributions: the clerk learns sums, and no member's figures.

Each pair of members shares a secret (X25519) from which both draw the same pad for a day (HKDF,
ChaCha20); one adds it, the other subtracts it, modulo 2^64. The pads cancel in the sum of the whole
panel, and only there. Each figure x goes as four numbers: 1 where there is one, 1 where x > 0, x,
and x²; four zeros where the member has none.

A pad is used once: two closings of a day with other lists, or two contributions under one pad,
would show a member's figures. A member's software refuses the second.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from releve.errors import Phrase
from releve.sector.contribution import ContributionError
from releve.sector.openings import SectorError
from releve.sector.suppression import CellSums

__all__ = ["NUMBERS", "check_one_closing", "hash_closing", "mask_figures", "unmask_sums"]

MODULUS = 2**64
_INFO = b"releve mask 1\n"
_BYTES = 8
NUMBERS = 4
"""Numbers of a figure: whether there is one, whether above zero, the figure, its square."""


def mask_figures(
    figures: Sequence[int | None],
    member: str,
    key: X25519PrivateKey,
    panel: Mapping[str, str],
    closing: str,
) -> list[int]:
    """Return a member's masked numbers, :data:`NUMBERS` a figure, each below 2^64.

    A figure is None where the member reports none. ``panel`` is member -> public mask key (hex) of
    the whole panel, ``closing`` the digest of the day and the list, see :func:`hash_closing`.
    SectorError where the panel has another key of the member than its own.
    """
    own = key.public_key().public_bytes_raw().hex()
    if panel.get(member) != own:
        raise SectorError(f"the panel has another mask key of {member}: register the current one")
    masked = [number for x in figures for number in _count_figure(x)]
    for other, public in sorted(panel.items()):
        if other != member:
            sign = 1 if member < other else -1
            pad = _draw_pad(key, public, closing, (member, other), len(masked))
            masked = [(value + sign * p) % MODULUS for value, p in zip(masked, pad, strict=True)]
    return masked


def unmask_sums(masked: Mapping[str, Sequence[int]], panel: Sequence[str]) -> list[CellSums]:
    """Return the sums of each figure over the whole panel; SectorError where one is missing."""
    missing = sorted(set(panel) - set(masked))
    if missing or set(masked) != set(panel):
        raise SectorError(
            f"masks open with the whole panel alone; missing: {', '.join(missing) or 'none'}: the"
            " bulletin of this day cannot be made"
        )
    lengths = {len(row) for row in masked.values()}
    if len(lengths) != 1 or (count := lengths.pop()) % NUMBERS:
        raise SectorError("the masked contributions of a day have the same number of figures")
    sums = [sum(row[i] for row in masked.values()) % MODULUS for i in range(count)]
    return [CellSums(*sums[i : i + NUMBERS]) for i in range(0, count, NUMBERS)]


def hash_closing(day: str, design: str, members: Sequence[str]) -> str:
    """Return the digest of a closing: the day, the design and the list of members."""
    parts = [day, design, *sorted(members)]
    text = "".join(f"{len(part)} {part}\n" for part in parts)
    return hashlib.sha256(b"releve closing 1\n" + text.encode()).hexdigest()


def check_one_closing(known: str, asked: str) -> None:
    """Raise ContributionError unless the closing asked for is the one already answered that day."""
    if known and known != asked:
        raise ContributionError("second_closing", Phrase(
            "a second closing of the same day, with another list, is refused: it would show a"
            " member's figures; ask the association's clerk why"
        ))  # fmt: skip


def _count_figure(x: int | None) -> tuple[int, ...]:
    return (0,) * NUMBERS if x is None else (1, int(x > 0), x, x * x)


def _draw_pad(
    key: X25519PrivateKey, public: str, closing: str, pair: tuple[str, str], count: int
) -> list[int]:
    """Return the numbers that the pair shares for a closing."""
    secret = key.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(public)))
    info = _INFO + f"{closing}\n{min(pair)}\n{max(pair)}".encode()
    pad_key = HKDF(SHA256(), 32, salt=None, info=info).derive(secret)
    stream = Cipher(ChaCha20(pad_key, bytes(16)), mode=None).encryptor().update(
        bytes(_BYTES * count)
    )  # fmt: skip
    return [int.from_bytes(stream[i : i + _BYTES], "little") for i in range(0, len(stream), _BYTES)]
