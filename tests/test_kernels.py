"""Compiled kernels are kept by the state of the files they are made from."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import numba

from releve.kernels import PACKAGE, cache_folder, kernel_files


def test_a_change_in_any_file_of_the_kernels_begins_a_new_folder(tmp_path: Path) -> None:
    for path in kernel_files():
        copy = tmp_path / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    before = cache_folder(tmp_path)
    assert before.name == cache_folder().name
    constants = tmp_path / "crashtest" / "outbreak" / "slots.py"
    constants.write_text(constants.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert cache_folder(tmp_path).name != before.name


def test_kernels_are_kept_in_that_folder() -> None:
    assert os.environ["NUMBA_CACHE_DIR"] == numba.config.CACHE_DIR
    assert str(cache_folder()) == numba.config.CACHE_DIR


def test_a_kernel_elsewhere_takes_nothing_from_another_file() -> None:
    """Those are safe with numba's own look at one file."""
    known = set(kernel_files())
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path in known or "import njit" not in text:
            continue
        taken = [
            node.module
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("releve")
        ]
        assert taken == [], f"{path}: name it in releve/kernels.py"
