"""A backup's file: a tar of a manifest in clear and members encrypted with age.

================  =================================================================================
``manifest.json`` when, of which program and tables, and the size and SHA-256 of each member
``signed.json``   the manifest's signature by the key of the ledger, and its public key
``database.age``  the rows of the database, gzip (:mod:`releve.upkeep.backup`)
``files.age``     a tar.gz of the home's files: identity, rules, charters, law, packs, photos, roots
``keys.age``      the keys, as JSON by file name, apart so that they can be kept apart
================  =================================================================================

Any holder of the file can check that it is whole; reading it takes the identity of a recipient,
with this program or with ``age -d``. Who can encrypt for a recipient could offer another database:
so the manifest is signed, and what has to be known from elsewhere is the public key.

The files and keys of a home, in a backup and out of it; nothing here needs Django.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pyrage
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from releve.errors import ReleveError
from releve.files.atomic import replace_file, write_file
from releve.ledger.digests import BACKUP_TAG
from releve.ledger.verify import VerifyError, read_signed_root

FORMAT = "releve backup 1"
MANIFEST, SIGNED = "manifest.json", "signed.json"
MEMBERS = ("database.age", "files.age", "keys.age")
_CHUNK = 1 << 20

Manifest = Mapping[str, Any]


class BackupFault(ReleveError):  # noqa: N818
    """A backup that cannot be written, or is not whole, or cannot be read with this identity."""


class _Pulled(io.RawIOBase):
    """Bytes of an iterator, as a file to read from."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._left = iter(chunks), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            found = next(self._chunks, None)
            if found is None:
                return 0
            self._left = found
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def pack(
    path: Path,
    members: Mapping[str, Iterable[bytes]],
    recipients: Sequence[pyrage.x25519.Recipient],
    describe: Any,
    key: Ed25519PrivateKey | None = None,
) -> Manifest:
    """Write a backup whole or not at all; return its manifest.

    ``members`` are read in their order; ``describe`` returns the rest of the manifest afterwards.
    Without a ``key`` it is not signed.
    """
    if not recipients:
        raise BackupFault(
            "a backup is encrypted, so it needs a recipient: make one with `age-keygen` on the"
            " machine that would restore it, and give its public key in RELEVE_BACKUP_TO"
        )
    with tempfile.TemporaryDirectory(dir=path.absolute().parent, prefix=".backup-") as folder:
        found: dict[str, dict[str, Any]] = {}
        for name, chunks in members.items():
            try:
                with (Path(folder) / name).open("wb") as stream:
                    pyrage.encrypt_io(io.BufferedReader(_Pulled(chunks)), stream, list(recipients))
            except pyrage.EncryptError as error:
                raise BackupFault(f"{path}: {name} cannot be written: {error}") from error
            found[name] = _measure(Path(folder) / name)
        manifest: dict[str, Any] = {"format": FORMAT, **describe(), "members": found}
        with (
            replace_file(path, mode=0o600) as out,
            tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar,
        ):
            text = json.dumps(manifest, indent=1, sort_keys=True).encode()
            _add_text(tar, MANIFEST, text)
            if key is not None:
                signed = {"key": key.public_key().public_bytes_raw().hex(),
                          "signature": key.sign(BACKUP_TAG + text).hex()}  # fmt: skip
                _add_text(tar, SIGNED, json.dumps(signed).encode())
            for name in members:
                tar.add(Path(folder) / name, name)
    return manifest


def check_members(path: Path) -> Manifest:
    """Return the manifest of a backup whose members are as it says; BackupFault otherwise."""
    with _open_tar(path) as tar:
        try:
            manifest = json.loads(_member(tar, MANIFEST).read())
            said = manifest["format"]
            if said != FORMAT:
                raise BackupFault(f"{path}: expected {FORMAT}, found {said!r}")
            for name in MEMBERS:
                expected = manifest["members"][name]
                found = _digest_stream(_member(tar, name))
                if found != (expected["sha256"], expected["bytes"]):
                    raise BackupFault(f"{path}: {name} is damaged: it is not what was written")
        except (ValueError, KeyError, TypeError, tarfile.TarError) as error:
            raise BackupFault(f"{path} is not a backup, or not whole: {error}") from error
    return dict(manifest)


def read_signer(path: Path) -> str:
    """Return the public key that signed the manifest, empty where none did; BackupFault otherwise.

    The key says nothing by itself: hold it against one that is known from elsewhere.
    """
    with _open_tar(path) as tar:
        if SIGNED not in tar.getnames():
            return ""
        try:
            signed = json.loads(_member(tar, SIGNED).read())
            text = BACKUP_TAG + _member(tar, MANIFEST).read()
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed["key"]))
            key.verify(bytes.fromhex(signed["signature"]), text)
        except (ValueError, KeyError, TypeError, InvalidSignature):
            raise BackupFault(f"{path}: the signature of its manifest is wrong") from None
    return str(signed["key"])


def check_signer(path: Path, known: Collection[str], *, unsigned: bool = False) -> str:
    """Refuse (BackupFault) a backup that none of some public keys signed; return what to say of it.

    ``unsigned`` takes it all the same, and that is said.
    """
    signer = read_signer(path)
    if signer in known:
        return f"signed by the ledger's key {signer}"
    found = f"it is signed by {signer}" if signer else "it is not signed"
    expected = f"one of {', '.join(sorted(known))}" if known else "none that is known here"
    if unsigned:
        return f"WARNING: nothing says that this database is of this house: {found}"
    raise BackupFault(
        f"{path} must be signed by the ledger's key ({expected}), and {found}: any holder of the"
        " recipient's public key could have made it. Give the public key that was published with"
        " --key KEY; or take the backup as it is with --unsigned, such as one of an older version"
    )


def extract(path: Path, name: str, target: Any, identities: Sequence[pyrage.x25519.Identity]) -> None:
    """Decrypt a member into an open file."""
    with _open_tar(path) as tar:
        try:
            pyrage.decrypt_io(_member(tar, name), target, list(identities))
        except pyrage.DecryptError as error:
            raise BackupFault(f"{path}: {name} is not encrypted for this identity: {error}") from error


def read_identities(path: Path) -> list[pyrage.x25519.Identity]:
    """Return the identities of a file that ``age-keygen`` wrote; BackupFault where it has none."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="ascii").splitlines()]
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (OSError, UnicodeError, pyrage.IdentityError) as error:
        raise BackupFault(f"the identity {path} cannot be read: {error}") from error
    if not found:
        raise BackupFault(f"{path} holds no identity of age (AGE-SECRET-KEY-1…)")
    return found


def compress(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield gzip of some bytes."""
    squeeze = zlib.compressobj(6, wbits=31)
    for chunk in chunks:
        if out := squeeze.compress(chunk):
            yield out
    yield squeeze.flush()


def tar_files(files: Mapping[str, Path]) -> Iterator[bytes]:
    """Yield a tar of files by the names that they have in it."""
    for name, path in files.items():
        data = path.read_bytes()
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(data), 0o600
        info.mtime = int(path.stat().st_mtime)
        yield info.tobuf(tarfile.PAX_FORMAT) + data + b"\0" * (-len(data) % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _add_text(tar: tarfile.TarFile, name: str, text: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(text)
    tar.addfile(info, io.BytesIO(text))


def _open_tar(path: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(path, "r:")
    except tarfile.TarError as error:
        raise BackupFault(f"{path} is not a backup, or not whole: {error}") from error


def _member(tar: tarfile.TarFile, name: str) -> Any:
    found = tar.extractfile(name)
    if found is None:
        raise BackupFault(f"{name} is not a file of the backup")
    return found


def _measure(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest, size = _digest_stream(stream)
    return {"sha256": digest, "bytes": size}


def _digest_stream(stream: IO[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


FOLDERS = ("charters", "law", "packs", "photos", "roots", "rules")
"""Folders of the home whose files are in a backup."""
NAMES = "identity/names.box"
"""Under which the file of names stands in a backup, wherever the installation keeps it."""


def list_files(home: Path, names: Path) -> dict[str, Path]:
    """Return the files of a backup by the names that they have in it."""
    found = {
        str(path.relative_to(home)): path
        for folder in FOLDERS
        for path in sorted((home / folder).rglob("*"))
        if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
    }
    return {**found, NAMES: names} if names.is_file() else found


def list_key_files(home: Path) -> list[Path]:
    """Return the files of a home that hold keys, those of a rotation under way too."""
    found = {*home.glob("*.key*"), *home.glob("secret-key*")}
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def list_root_keys(folder: Path) -> set[str]:
    """Return the public keys of the signed roots in a folder; BackupFault for one that is not."""
    keys = set()
    for path in sorted(folder.glob("root-*.json")):
        try:
            keys.add(str(read_signed_root(json.loads(path.read_bytes()))["key"]))
        except (VerifyError, ValueError) as error:
            raise BackupFault(f"{path} is not a signed root: {error}") from error
    return keys


def unpack_home(path: Path, home: Path, identities: Sequence[pyrage.x25519.Identity]) -> tuple[str, ...]:
    """Write a backup's files and keys into an empty folder; return their names.

    Needs no Django: its settings read the keys that are put here.
    """
    if home.exists() and any(home.iterdir()):
        raise BackupFault(f"{home} is not empty: restore into a new folder, nothing is overwritten")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    names: list[str] = []
    with tempfile.TemporaryFile(dir=home) as target:
        extract(path, "keys.age", target, identities)
        target.seek(0)
        for name, text in json.load(target).items():
            write_file(home / Path(name).name, text, mode=0o600)
            names.append(name)
        target.seek(0)
        target.truncate()
        extract(path, "files.age", target, identities)
        target.seek(0)
        with tarfile.open(fileobj=target, mode="r:gz") as files:
            files.extractall(home, filter="data")
            names += files.getnames()
    for folder in home.rglob("*"):
        if folder.is_dir():
            folder.chmod(0o700)
    return tuple(names)
