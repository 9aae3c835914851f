"""The verifier in French: each fault of a pack has its words, and any console can print them."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releve.ledger import verify
from releve.ledger.verify import FRENCH, translate_fault
from releve.plugins.evidence.language import Wording

OF_PACKS = {
    "check_checkpoint", "read_note", "entry_row", "check_selections", "order_tallies", "Tree",
    "read_pack_note", "check_noted", "check_pack", "check_content", "check_history",
    "check_entries", "check_documents", "check_statement", "compute_figure", "compare_value",
    "shaped", "read_line", "check_record", "commitments", "late_minutes", "check_path",
    "check_outside", "read_signed_root", "check_file", "read_beside",
}  # fmt: skip


ERRORS = ("VerifyError", "ValueError")


def read_faults() -> Iterator[str]:
    """Yield the sentences of the faults that the functions of packs name, "7" for each value."""
    tree = ast.parse(Path(verify.__file__).read_text(encoding="utf-8"))
    for part in tree.body:
        if isinstance(part, ast.FunctionDef | ast.ClassDef) and part.name in OF_PACKS:
            for node in ast.walk(part):
                named = isinstance(node, ast.Call) and ast.unparse(node.func) in ERRORS
                if named and isinstance(node.args[0], ast.Constant | ast.JoinedStr):
                    yield "".join(
                        str(piece.value) if isinstance(piece, ast.Constant) else "7"
                        for piece in getattr(node.args[0], "values", [node.args[0]])
                    )


def test_every_fault_of_a_pack_has_its_french() -> None:
    faults = set(read_faults())
    assert len(faults) > 35
    assert {fault for fault in faults if translate_fault(fault) == fault} == set()


def test_a_fault_within_another_is_translated_too() -> None:
    fault = "tally: entry 7: its content or its hash was changed: they do not belong together"
    assert translate_fault(fault) == (
        "décompte\u202f: entrée 7\u202f: son contenu ou son empreinte a été modifié\u202f: ils ne vont pas ensemble"
    )
    assert translate_fault("something new") == "something new"
    assert all(words.count("{}") == english.count("{}") for english, words in FRENCH.items())


@pytest.mark.parametrize("code_page", ["cp1252", "ascii"])
def test_a_console_without_the_spaces_of_french_shows_the_rest(code_page: str, tmp_path: Path) -> None:
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.7\n")
    (tmp_path / "x.pdf.note").write_text("none", encoding="utf-8")
    line = [sys.executable, "-S", verify.__file__, "x.pdf", "--key", "0" * 64, "--lang", "fr"]
    done = subprocess.run(
        line, cwd=tmp_path, env={**os.environ, "PYTHONIOENCODING": code_page}, capture_output=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert b"une ligne sous la note n" in done.stdout


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(
    ("value", "unit"),
    [(None, ""), (0, ""), (12_345, ""), (1234.5, "s"), (0.875, "share"), (0.8, "share"),
     (1, "share"), (3030, "min"), (100_000, "min"), ("kept", ""), ("not_met", ""), ("1–4", ""),
     (0.999999999, "share"), (0.9996, "share"), (0.0004, "share")],
)  # fmt: skip
def test_figures_are_written_as_the_pages_print_them(value: object, unit: str, language: str) -> None:
    printed = Wording(language).value(value, unit).replace("\u00a0", " ")
    assert verify.figure_text(value, unit, language) == printed


@given(st.floats(1e-6, 1 - 1e-6))
def test_a_share_that_is_not_all_is_never_written_as_100_nor_as_0(share: float) -> None:
    percent = float(Wording("en").value(share, "share").removesuffix("%"))
    assert 0 < percent < 100
    assert abs(percent - 100 * share) <= 0.1
