"""Every error descends from one root, and the drawn tree names what stands directly below it."""

from __future__ import annotations

import ast
import builtins
import pickle
import re
from pathlib import Path

import pytest

from releve import errors
from releve.errors import Phrase, ReleveError

PACKAGE = Path(errors.__file__).parent
ALONE = PACKAGE / "evidence" / "verify.py"


def builtin_error(name: str) -> bool:
    kind = getattr(builtins, name, None)
    return isinstance(kind, type) and issubclass(kind, BaseException)


def error_classes() -> dict[str, tuple[Path, list[str]]]:
    """Return the classes of the package that have an error as a base: name to file and bases."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and path != ALONE:
                bases = [ast.unparse(base).split(".")[-1] for base in node.bases]
                if any(builtin_error(base) or base == "ReleveError" for base in bases):
                    found[node.name] = (path, bases)
    return found


def test_no_error_descends_from_a_builtin_one_alone() -> None:
    strays = [
        f"{path.relative_to(PACKAGE)}: {name}"
        for name, (path, bases) in error_classes().items()
        if name != "ReleveError"
        and not name.startswith("_")  # never leaves its module, so that nothing catches it
        and all(builtin_error(base) for base in bases)
    ]
    assert strays == []


def test_the_drawing_names_what_descends_from_the_root() -> None:
    drawn = re.findall(r"[├└]── (\w+)", str(errors.__doc__))
    below = [name for name, (_, bases) in error_classes().items() if "ReleveError" in bases]
    assert drawn == sorted(below)


def test_a_phrase_is_its_english_text_and_can_be_said_in_another_language() -> None:
    french = {"{0!r} is odd": "« {0} » est étrange", "{0}; {1}": "{0} et {1}"}
    inner = Phrase("{0!r} is odd", "x{}")
    phrase = pickle.loads(pickle.dumps(Phrase("{0}; {1}", inner, 2)))
    assert phrase == "'x{}' is odd; 2"
    assert phrase.translate_with(french.__getitem__) == "« x{} » est étrange et 2"
    assert Phrase("no {values}").translate_with(str.upper) == "NO {VALUES}"


def test_an_unmet_condition_is_quoted_with_the_value() -> None:
    class OrderError(ReleveError, ValueError):
        pass

    OrderError.require(True, "agents >= 0", 3)
    with pytest.raises(OrderError, match=r"expected agents >= 0, got -1"):
        OrderError.require(False, "agents >= 0", -1)


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(ReleveError("expected a plan")))
    assert type(error) is ReleveError
    assert str(error) == "expected a plan"
