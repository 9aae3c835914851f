"""The desk's French catalogue: messages taken from the sources, kept as .po, compiled to .mo.

``python -m tools.catalogue`` brings ``locale/fr/LC_MESSAGES/django.po`` up to date with the
sources and compiles it, without gettext tools. Texts also come from below the desk: those that
:mod:`releve.situation`, :mod:`releve.ledger.disclosure` and the tables of :mod:`releve.network`
declare, and those marked in :data:`ROOMS`. English is the language of the sources and has no
catalogue. A new message is empty until it is translated.
"""

from __future__ import annotations

import ast
import os
import re
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import django
from django.conf import settings

import releve.desk
from releve.network import TABLES, list_columns
from releve.situation import KINDS, NOTICES, REFUSALS

HERE = Path(releve.desk.__file__).resolve().parent
FRENCH = Path("locale") / "fr" / "LC_MESSAGES" / "django.po"
_HEADER = (
    "Content-Type: text/plain; charset=UTF-8\n"
    "Content-Transfer-Encoding: 8bit\n"
    "Language: fr\n"
    "Plural-Forms: nplurals=2; plural=(n > 1);\n"
)
ROOMS = (
    "accounts",
    "cli",
    "demand",
    "ledger",
    "live",
    "network",
    "plan",
    "plugins",
    "registry",
    "runs",
    "service_record",
    "situation",
    "transport",
)
"""The rooms whose marked texts are shown on the desk, or in French by a command."""
_CALLS = {
    "Phrase": "phrase",
    "_": "gettext",
    "lazy": "gettext",
    "gettext": "gettext",
    "ngettext": "ngettext",
    "npgettext": "npgettext",
    "pgettext": "pgettext",
    "pgettext_lazy": "pgettext",
}
_STRING = r"""u?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_IN_TEMPLATE = re.compile(rf"\b(?:(?:n?gettext|_)\(|n?pgettext\({_STRING},\s*){_STRING}(?:,\s*{_STRING},\s*\w+)?\)")
_LINE = re.compile(r'(?:(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?)\s+)?"(.*)"')


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """A sentence of the sources with its translation, one string or one for each plural form."""

    text: str
    plural: str = ""
    context: str = ""
    strings: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return (self.context, self.text)

    @property
    def done(self) -> bool:
        return bool(self.strings) and all(self.strings)


def extract(root: Path) -> dict[tuple[str, str], CatalogueEntry]:
    """Return every message of the Python files and templates under a folder, by key."""
    found: dict[tuple[str, str], CatalogueEntry] = {}
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.html")]):
        reader = _in_python if path.suffix == ".py" else _in_template
        place = path.relative_to(root).as_posix()
        for message in reader(path.read_text(encoding="utf-8")):
            known = found.get(message.key, message)
            places = tuple(sorted({*known.places, place}))
            plural = known.plural or message.plural
            found[message.key] = replace(known, places=places, plural=plural)
    return found


def extract_declared() -> dict[tuple[str, str], CatalogueEntry]:
    """Return the texts from below the desk, by key."""
    if not settings.configured:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
        django.setup()
    from releve.ledger.disclosure import FIELD_LABELS, KIND_LABELS, STREAM_LABELS

    labels = [text for event in KINDS.values() for text in (event.label, event.headline) if text]
    texts = [*labels, *REFUSALS.values(), *NOTICES.values()]
    found = [
        CatalogueEntry(text, places=("../ledger/disclosure.py",))
        for text in (*KIND_LABELS.values(), *STREAM_LABELS.values(), *FIELD_LABELS.values())
    ]
    found += [CatalogueEntry(text, places=("../situation",)) for text in texts]
    docs = [text for kind in TABLES for text in (kind.doc, *(c.doc for c in list_columns(kind)))]
    found += [CatalogueEntry(text, places=("../network/model.py",)) for text in docs]
    found += [
        replace(message, places=tuple(f"../{room}/{place}" for place in message.places))
        for room in ROOMS
        for message in extract(HERE.parent / room).values()
    ]
    return {message.key: message for message in found}


def _in_python(source: str) -> Iterator[CatalogueEntry]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        kind = _CALLS.get(node.func.id)
        first = node.args[0] if node.args else None
        if kind == "phrase" and isinstance(first, ast.Constant):
            yield CatalogueEntry(str(first.value))
        parts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if kind == "gettext" and len(parts) == 1:
            yield CatalogueEntry(parts[0])
        elif kind == "ngettext" and len(parts) == 2:
            yield CatalogueEntry(parts[0], parts[1])
        elif kind == "pgettext" and len(parts) == 2:
            yield CatalogueEntry(parts[1], context=parts[0])
        elif kind == "npgettext" and len(parts) == 3:
            yield CatalogueEntry(parts[1], parts[2], parts[0])


def _in_template(source: str) -> Iterator[CatalogueEntry]:
    from django.utils.translation.template import templatize

    for match in _IN_TEMPLATE.finditer(templatize(source)):
        context = ast.literal_eval(match[1]) if match[1] else ""
        plural = ast.literal_eval(match[3]) if match[3] else ""
        yield CatalogueEntry(ast.literal_eval(match[2]), plural, context)


def merge(
    wanted: Mapping[tuple[str, str], CatalogueEntry], known: Mapping[tuple[str, str], CatalogueEntry]
) -> dict[tuple[str, str], CatalogueEntry]:
    """Return the wanted messages with their known translations; drop all others."""
    merged = {}
    for key, message in sorted(wanted.items()):
        forms = 2 if message.plural else 1
        strings = known[key].strings if key in known else ()
        if len(strings) != forms:
            strings = ("",) * forms
        merged[key] = replace(message, strings=strings)
    return merged


def parse_po(source: str) -> dict[tuple[str, str], CatalogueEntry]:
    """Return the messages of a .po file without its header; ValueError names a line not read."""
    found = {}
    for block in re.split(r"\n\s*\n", source.strip()):
        values: dict[str, str] = {}
        current = ""
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            match = _LINE.fullmatch(line.strip())
            if match is None or not (match[1] or current):
                raise ValueError(f"not a line of a .po file: {line!r}")
            current = match[1] or current
            values[current] = values.get(current, "") + ast.literal_eval(f'"{match[2]}"')
        if values.get("msgid"):
            strings = tuple(values[name] for name in sorted(values) if name.startswith("msgstr"))
            message = CatalogueEntry(
                values["msgid"], values.get("msgid_plural", ""), values.get("msgctxt", ""), strings
            )
            found[message.key] = message
    return found


def write_po(messages: Sequence[CatalogueEntry]) -> str:
    """Return the text of a .po file."""
    blocks = [_field("msgid", "") + _field("msgstr", _HEADER)]
    for message in messages:
        lines = [f"#: {place}\n" for place in message.places]
        if message.context:
            lines.append(_field("msgctxt", message.context))
        lines.append(_field("msgid", message.text))
        if message.plural:
            lines.append(_field("msgid_plural", message.plural))
            lines += [_field(f"msgstr[{at}]", text) for at, text in enumerate(message.strings)]
        else:
            lines += [_field("msgstr", text) for text in message.strings]
        blocks.append("".join(lines))
    return "\n".join(blocks)


def _field(name: str, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    if "\n" not in value:
        return f'{name} "{escaped}"\n'
    lines = "".join(f'"{line}\\n"\n' for line in escaped.splitlines())
    return f'{name} ""\n{lines}'


def compile_mo(messages: Sequence[CatalogueEntry]) -> bytes:
    """Return the .mo file of the translated messages (GNU gettext manual, "MO Files")."""
    pairs = {b"": _HEADER.encode()}
    for message in messages:
        if message.done:
            context = f"{message.context}\x04" if message.context else ""
            source = context + message.text + (f"\0{message.plural}" if message.plural else "")
            pairs[source.encode()] = "\0".join(message.strings).encode()
    ids = sorted(pairs)
    count = len(ids)
    offset = 28 + 16 * count
    tables, data = [], b""
    for side in (ids, [pairs[key] for key in ids]):
        for item in side:
            tables.append(struct.pack("<II", len(item), offset + len(data)))
            data += item + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, offset)
    return head + b"".join(tables) + data


def main(root: Path = HERE, declared: Mapping[tuple[str, str], CatalogueEntry] | None = None) -> int:
    """Bring the catalogue up to date; return 1 when a translation is missing."""
    path = root / FRENCH
    path.parent.mkdir(parents=True, exist_ok=True)
    known = parse_po(path.read_text(encoding="utf-8")) if path.exists() else {}
    messages = list(merge({**(declared or {}), **extract(root)}, known).values())
    path.write_text(write_po(messages), encoding="utf-8", newline="")
    path.with_suffix(".mo").write_bytes(compile_mo(messages))
    missing = [message.text for message in messages if not message.done]
    sys.stdout.write(f"fr: {len(messages)} messages, {len(missing)} to translate\n")
    sys.stdout.writelines(f"  {text}\n" for text in missing)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(declared=extract_declared()))
