"""Compiled kernels are kept by the state of the files they are made from."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numba

from releve.demand.erlang import erlang_a
from releve.demand.erlang.erlang_a import _last_term
from releve.kernels.cache import PACKAGE, cache_folder, compute_kernel_digest, kernel_files
from releve.kernels.decorators import KernelLocator


def test_a_change_in_any_file_of_the_kernels_begins_a_new_folder(tmp_path: Path) -> None:
    for path in kernel_files():
        copy = tmp_path / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    before = cache_folder(package=tmp_path)
    assert before.name == cache_folder().name
    constants = tmp_path / "plugins/crashtest/engine/settings.py"
    constants.write_text(constants.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert cache_folder(package=tmp_path).name != before.name


def test_kernels_are_kept_in_that_folder() -> None:
    assert os.environ["NUMBA_CACHE_DIR"] == numba.config.CACHE_DIR
    assert str(cache_folder(os.environ)) == numba.config.CACHE_DIR


def test_an_installed_package_is_not_written_to(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "releve"
    for path in kernel_files():
        copy = package / path.relative_to(PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())

    def parent(**environ: str) -> Path:
        return cache_folder(environ, package).parent

    assert parent() == Path.home() / ".cache" / "releve"
    assert parent(XDG_CACHE_HOME="/caches") == Path("/caches/releve")
    assert parent(CACHE_DIRECTORY="/var/cache/releve:/other") == Path("/var/cache/releve")
    both = {"CACHE_DIRECTORY": "/var/cache/releve", "RELEVE_CACHE_DIR": "/srv/kernels"}
    assert parent(**both) == Path("/srv/kernels")
    (package.parent / "pyproject.toml").touch()
    assert parent() == package / "__pycache__"


def test_a_kernel_is_found_by_its_place_in_the_package_and_the_digest_of_all() -> None:
    """No path or date of a file: the test of the wheel loads what this checkout compiled."""
    found = KernelLocator.from_function(_last_term.py_func, erlang_a.__file__)
    assert found.get_cache_path() == f"{os.environ['NUMBA_CACHE_DIR']}/demand/erlang"
    assert found.get_source_stamp() == compute_kernel_digest()
    assert KernelLocator.from_function(_last_term.py_func, __file__) is None


def test_every_module_with_a_kernel_decides_the_folder() -> None:
    known = set(kernel_files())
    for path in sorted(PACKAGE.rglob("*.py")):
        if "releve.kernels.decorators import" in path.read_text(encoding="utf-8"):
            assert path in known, f"{path}: name it in releve/kernels/cache.py"


def test_numba_is_imported_by_the_decorators_alone() -> None:
    found = [
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if re.search(r"^\s*(import|from) numba\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert found == ["kernels/decorators.py"]
