"""A process of its own that fills a house, or finds it, and makes a pack: for the same bytes."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import django


def main(out: Path, fill: bool) -> None:
    django.setup()
    from django.core.management import call_command

    from releve.plugins.evidence.sources import PackRequest
    from releve.plugins.evidence.store import issue_pack, load_pack_file
    from releve.registry.service import get_current_version, load_operator
    from tests.evidence.pack_house import FIRST, LAST, fill_house

    if fill:
        call_command("migrate", verbosity=0)
        fill_house()
    version = get_current_version()
    assert version is not None
    client = load_operator(version).clients[0].id
    made = issue_pack(PackRequest("client", client, FIRST, LAST), "tests", datetime.now(UTC))
    out.write_bytes(load_pack_file(made) or b"")
    out.with_name(f"{out.name}.note").write_text(made.note, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] == "fill")
