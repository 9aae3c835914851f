"""Every error descends from one root, and the drawn tree names what stands directly below it."""

from __future__ import annotations

import ast
import builtins
import json
import pickle
import re
from pathlib import Path

import pytest

from releve import errors
from releve.errors import NumberPhrase, Phrase, ReleveError, decode_phrase, encode_phrase, join_lines

PACKAGE = Path(errors.__file__).parent
ALONE = PACKAGE / "ledger" / "verify.py"


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


def test_a_phrase_travels_as_json_and_is_said_in_another_language_at_its_end() -> None:
    french = {"{0}: {1}": "{0} : {1}", "row {0} is odd": "la ligne {0} est étrange"}.get
    lines = join_lines([Phrase("{0}: {1}", "a.csv", Phrase("row {0} is odd", 2)), "and so on"])
    back = decode_phrase(json.loads(json.dumps(encode_phrase(lines))))
    assert back == "a.csv: row 2 is odd\nand so on"
    assert back.translate_with(lambda text: french(text, text)) == ("a.csv : la ligne 2 est étrange\nand so on")
    assert encode_phrase(NumberPhrase(1200)) == "1,200"
    assert decode_phrase("text") == "text"


@pytest.mark.parametrize(
    "sent",
    [
        {"template": "{0.__class__}", "params": [1]},
        {"template": "{0:>999999999}", "params": [1]},
        {"template": "{0[0]}", "params": ["a"]},
        {"template": "{name}", "params": [1]},
        {"template": "{1}", "params": [1]},
        {"template": "{0", "params": [1]},
        {"template": "{0}"},
        {"params": []},
        {"template": "{0}", "params": [{"params": []}]},
    ],
)
def test_a_phrase_of_another_form_is_refused(sent: object) -> None:
    with pytest.raises(ValueError, match=r"phrase|places"):
        decode_phrase(sent)
