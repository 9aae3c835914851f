"""Forged packs: each function takes the PDF of a pack and returns one that shows something else.

``REWRITTEN`` are other files; ``APPENDED`` begin with every byte of the pack, as an incremental
update does. Readers of PDF show each of them without complaint, which is why none is judged by
what it shows.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import pikepdf

__all__ = ["APPENDED", "DRAWN", "REWRITTEN", "draw_over"]

DRAWN = b"q 1 1 1 rg 0 0 595 842 re f Q BT /F0 20 Tf 60 700 Td (0 closures) Tj ET"
"""A white page with another figure."""
Forgery = Callable[[bytes], bytes]


class Found:
    """Where things stand in a PDF: numbers of objects, and the last table of their places."""

    def __init__(self, pdf: bytes) -> None:
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            page = opened.pages[0].obj
            self.page = page.objgen[0]
            self.contents = page.Contents.objgen[0]
            self.catalogue = opened.Root.objgen[0]
            self.size = int(opened.trailer.Size)
            self.page_text = page.unparse(resolved=True)
            self.catalogue_text = opened.Root.unparse(resolved=True)
        self.table = int(re.findall(rb"startxref\s+(\d+)", pdf)[-1])

    def add_to_page(self, more: bytes) -> bytes:
        return self.page_text.removesuffix(b">>") + more + b" >>"

    def add_to_catalogue(self, more: bytes) -> bytes:
        return self.catalogue_text.removesuffix(b">>") + more + b" >>"


def stream(data: bytes, more: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(data), more, data)


def update(pdf: bytes, objects: Mapping[int, bytes], form: str = "table") -> bytes:
    """Return a PDF with an incremental update: objects by number, and where they stand.

    ``form`` is how that is said: by a ``table``, a cross-reference ``stream``, a ``hybrid`` of
    both, or a stream whose objects stand ``packed`` in an object stream.
    """
    found, out, places = Found(pdf), bytearray(pdf), {}
    if not out.endswith(b"\n"):
        out += b"\n"
    size = max(found.size, *(number + 1 for number in objects))
    rest, within = dict(objects), {}
    if form == "packed":
        plain = [number for number, text in objects.items() if b"\nstream\n" not in text]
        texts = [rest.pop(number) for number in plain]
        starts = [sum(len(text) + 1 for text in texts[:place]) for place in range(len(texts))]
        head = b" ".join(b"%d %d" % pair for pair in zip(plain, starts, strict=True)) + b"\n"
        more = b"/Type /ObjStm /N %d /First %d" % (len(plain), len(head))
        rest[size] = stream(head + b"\n".join(texts) + b"\n", more)
        within = {number: (size, place) for place, number in enumerate(plain)}
        size += 1
    for number, text in rest.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    trailer = b"/Size %d /Root %d 0 R /Prev %d" % (size + (form != "table"), found.catalogue, found.table)
    if form != "table":
        places[size] = len(out)
        rows = {number: (1, place, 0) for number, place in places.items()}
        rows.update({number: (2, *place) for number, place in within.items()})
        index = b" ".join(b"%d 1" % number for number in sorted(rows))
        data = b"".join(
            bytes([kind]) + a.to_bytes(4, "big") + b.to_bytes(2, "big")
            for _number, (kind, a, b) in sorted(rows.items())
        )
        more = b"/Type /XRef /W [1 4 2] /Index [%s] %s" % (index, trailer)
        out += b"%d 0 obj\n%s\nendobj\n" % (size, stream(data, more))
    start = places[size] if form in ("stream", "packed") else len(out)
    if form in ("table", "hybrid"):
        out += b"xref\n0 0\n"
        if form == "hybrid":
            trailer += b" /XRefStm %d" % places[size]
        else:
            for number, place in sorted(places.items()):
                out += b"%d 1\n%010d 00000 n \n" % (number, place)
        out += b"trailer\n<< %s >>\n" % trailer
    return bytes(out + b"startxref\n%d\n%%%%EOF\n" % start)


def draw_over(pdf: bytes, form: str = "table") -> bytes:
    """Replace what page 1 draws by an incremental update."""
    return update(pdf, {Found(pdf).contents: stream(DRAWN)}, form)


def shadow_content(pdf: bytes) -> bytes:
    """Add a second object with the number of page 1's content, called metadata, and point at it."""
    found = Found(pdf)
    table = pdf.rindex(b"xref\n", 0, found.table + 5)
    row = table + len(b"xref\n") + pdf[table + 5 :].index(b"\n") + 1 + 20 * found.contents
    added = b"%d 0 obj\n%s\nendobj\n" % (found.contents, stream(DRAWN, b"/Type /Metadata"))
    changed = pdf[:row] + b"%010d" % table + pdf[row + 10 :]
    tail = changed[table:].replace(b"startxref\n%d" % found.table, b"startxref\n%d" % (found.table + len(added)))
    return changed[:table] + added + tail


def stamp(pdf: bytes) -> bytes:
    """Cover page 1 by an opaque stamp under a ByteRange over the whole file that no key signed."""
    found = Found(pdf)
    size = found.size
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 595 842]"
    signature = b"<< /Type /Sig /Filter /Adobe.PPKLite /ByteRange [0 %010d %010d 0000000000] >>"
    objects = {
        found.page: found.add_to_page(b"/Annots [%d 0 R]" % size),
        size: b"<< /Type /Annot /Subtype /Stamp /F 4 /Rect [0 0 595 842] /AP << /N %d 0 R >> >>" % (size + 1),
        size + 1: stream(DRAWN, form),
        size + 2: signature % (0, 0),
    }
    length = len(update(pdf, objects))
    return update(pdf, {**objects, size + 2: signature % (length, length)})


def add_page(pdf: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        pages = opened.Root.Pages.objgen[0]
        text = opened.Root.Pages.unparse(resolved=True)
        count = int(opened.Root.Pages.Count)
    size = Found(pdf).size
    kids = re.sub(rb"/Kids \[", b"/Kids [ %d 0 R" % size, text)
    return update(pdf, {
        pages: re.sub(rb"/Count \d+", b"/Count %d" % (count + 1), kids),
        size: b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 842] /Contents %d 0 R >>"
        % (pages, size + 1),
        size + 1: stream(DRAWN),
    })  # fmt: skip


def add_data(pdf: bytes) -> bytes:
    """Name another pack.json in place of the one that was issued."""
    size = Found(pdf).size
    packed = zlib.compress(b"{}\n")
    catalogue = re.sub(rb"/(Names|AF) ", b"/Old\\1 ", Found(pdf).add_to_catalogue(
        b"/Names << /EmbeddedFiles << /Names [(pack.json) %d 0 R] >> >>" % size
    ), count=2)  # fmt: skip
    return update(pdf, {
        Found(pdf).catalogue: catalogue,
        size: b"<< /Type /Filespec /F (pack.json) /UF (pack.json) /EF << /F %d 0 R >> >>"
        % (size + 1),
        size + 1: stream(packed, b"/Type /EmbeddedFile /Filter /FlateDecode"),
    })  # fmt: skip


def change_catalogue(more: bytes) -> Forgery:
    return lambda pdf: update(pdf, {Found(pdf).catalogue: Found(pdf).add_to_catalogue(more)})


LABELS = b"/PageLabels << /Nums [0 << /P (9) >>] >>"
LAYER = b"/OCProperties << /OCGs [] /D << /BaseState /OFF >> >>"
SCRIPT = b"/OpenAction << /S /JavaScript /JS (this.pageNum = 1;) >>"
FORM = b"/AcroForm << /XFA (<xdp/>) /Fields [] /NeedAppearances true >>"
ADDED_ACTION = b"/AA << /WC << /S /Launch /F (x) >> >>"


def save(pdf: bytes, change: Callable[[pikepdf.Pdf], object], **options: Any) -> bytes:
    """Return a PDF as another program writes it after a change."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        change(opened)
        opened.save(out, **options)
    return out.getvalue()


def redraw(opened: pikepdf.Pdf) -> None:
    opened.pages[0].obj.Contents = opened.make_stream(DRAWN)


def attach_again(opened: pikepdf.Pdf) -> None:
    opened.attachments["pack.json"] = b"{}\n"


def drop_last_page(opened: pikepdf.Pdf) -> None:
    del opened.pages[-1]


def turn_pages(opened: pikepdf.Pdf) -> None:
    opened.pages.reverse()


def set_in_catalogue(name: str, value: bytes) -> Callable[[pikepdf.Pdf], None]:
    def change(opened: pikepdf.Pdf) -> None:
        opened.Root[name] = pikepdf.Object.parse(value)

    return change


def leave(opened: pikepdf.Pdf) -> None:
    """Change nothing."""


def flip(pdf: bytes, at: int) -> bytes:
    return pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]


STREAMS = pikepdf.ObjectStreamMode
REWRITTEN: dict[str, Forgery] = {
    "a shadow of page 1's content, typed as metadata": shadow_content,
    "page 1 redrawn by another program": lambda pdf: save(pdf, redraw),
    "saved by another program": lambda pdf: save(pdf, leave),
    "object streams": lambda pdf: save(pdf, redraw, object_stream_mode=STREAMS.generate),
    "linearized": lambda pdf: save(pdf, redraw, linearize=True),
    "encrypted": lambda pdf: save(pdf, redraw, encryption=pikepdf.Encryption(owner="x")),
    "another pack.json of the same name": lambda pdf: save(pdf, attach_again),
    "a page dropped": lambda pdf: save(pdf, drop_last_page),
    "pages in another order": lambda pdf: save(pdf, turn_pages),
    "page labels": lambda pdf: save(pdf, set_in_catalogue("/PageLabels", LABELS[12:])),
    "layers": lambda pdf: save(pdf, set_in_catalogue("/OCProperties", LAYER[14:])),
    "JavaScript": lambda pdf: save(pdf, set_in_catalogue("/OpenAction", SCRIPT[12:])),
    "a form": lambda pdf: save(pdf, set_in_catalogue("/AcroForm", FORM[10:])),
    "something ahead of it": lambda pdf: b"%PDF-1.7\n" + pdf,
    "ends of lines of another system": lambda pdf: pdf.replace(b"\n", b"\r\n"),
    "first byte after the header": lambda pdf: flip(pdf, 12),
    "a byte in the middle": lambda pdf: flip(pdf, len(pdf) // 2),
    "the last byte": lambda pdf: flip(pdf, len(pdf) - 1),
    "cut at a tenth": lambda pdf: pdf[: len(pdf) // 10],
    "cut at half": lambda pdf: pdf[: len(pdf) // 2],
    "cut by one byte": lambda pdf: pdf[:-1],
    "cut, then as long as before": lambda pdf: pdf[:-9] + b"%" * 9,
    "only its header": lambda pdf: pdf[:9],
}
APPENDED: dict[str, Forgery] = {
    "a stamp over page 1 under a ByteRange that no key signed": stamp,
    "page 1 redrawn": draw_over,
    "page 1 redrawn, by a cross-reference stream": lambda pdf: draw_over(pdf, "stream"),
    "page 1 redrawn, by a hybrid file": lambda pdf: draw_over(pdf, "hybrid"),
    "page 1 replaced out of an object stream": lambda pdf: update(
        pdf,
        {
            Found(pdf).page: re.sub(rb"/Contents \d+ 0 R", b"/Contents %d 0 R" % Found(pdf).size, Found(pdf).page_text),
            Found(pdf).size: stream(DRAWN),
        },
        "packed",
    ),
    "a page added in front": add_page,
    "another pack.json": add_data,
    "page labels": change_catalogue(LABELS),
    "layers": change_catalogue(LAYER),
    "JavaScript": change_catalogue(SCRIPT),
    "a form": change_catalogue(FORM),
    "an action on closing": change_catalogue(ADDED_ACTION),
    "two updates": lambda pdf: draw_over(add_page(pdf)),
    "an end of line": lambda pdf: pdf + b"\n",
    "a comment": lambda pdf: pdf + b"% no more\n%%EOF\n",
    "another PDF": lambda pdf: pdf + save(pdf, redraw),
    "itself": lambda pdf: pdf + pdf,
    "a broken object": lambda pdf: pdf + b"\n<< /Broken",
    "a megabyte of nothing": lambda pdf: pdf + bytes(1 << 20),
}
