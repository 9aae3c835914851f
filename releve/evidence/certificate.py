"""The operator's own certificate on a pack, where one is set: PAdES, beside the ledger's key.

``RELEVE_PACK_CERTIFICATE`` names a PKCS #12 file, ``RELEVE_PACK_PASSWORD`` opens it and
``RELEVE_PACK_TIMESTAMP`` is the address of a time-stamping authority (RFC 3161). The signature is
added after the pack's bytes, so that what was issued stays a prefix of the file.
"""

from __future__ import annotations

import io
import os
from typing import Any

from releve.evidence.errors import PackError
from releve.extras import OptionalModule

__all__ = ["sign_pack"]

signers: Any = OptionalModule("pyhanko.sign.signers")
timestamps: Any = OptionalModule("pyhanko.sign.timestamps")
writers: Any = OptionalModule("pyhanko.pdf_utils.incremental_writer")
fields: Any = OptionalModule("pyhanko.sign.fields")


def sign_pack(pdf: bytes) -> bytes:
    """Return a pack with the operator's signature; as it is where no certificate is set."""
    path = os.environ.get("RELEVE_PACK_CERTIFICATE", "")
    if not path:
        return pdf
    password = os.environ.get("RELEVE_PACK_PASSWORD", "").encode()
    signer = signers.SimpleSigner.load_pkcs12(path, passphrase=password or None)
    if signer is None:
        raise PackError(
            f"RELEVE_PACK_CERTIFICATE: {path} cannot be opened: check the file and"
            " RELEVE_PACK_PASSWORD"
        )
    stamp = os.environ.get("RELEVE_PACK_TIMESTAMP", "")
    try:
        signed = signers.sign_pdf(
            writers.IncrementalPdfFileWriter(io.BytesIO(pdf)),
            signers.PdfSignatureMetadata(
                field_name="Signature1",
                subfilter=fields.SigSeedSubFilter.PADES,
                md_algorithm="sha256",
            ),
            signer=signer,
            timestamper=timestamps.HTTPTimeStamper(stamp) if stamp else None,
        )
    except OSError as error:
        raise PackError(
            f"RELEVE_PACK_TIMESTAMP: the authority at {stamp} gave no time stamp ({error}): check"
            " the address, or leave it empty"
        ) from error
    content: bytes = signed.getvalue()
    if not content.startswith(pdf):
        raise PackError("the signature changed the pack: it is not issued")
    return content
