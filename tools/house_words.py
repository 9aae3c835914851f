"""Check the words of the house: plain English, standard names, short commit subjects.

    python -m tools.house_words            each fault with its line; status 1 where there is one
    python -m tools.house_words --counts   the figures alone

Checked are the Python files, documents, templates and scripts under version control, and the
English texts of the French catalogue. CONTRIBUTING.md says which words to write instead.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

WORDS = re.compile(r"\b(told|nobody|somebody|whoever|anew|(?:a|the|one) must)\b", re.IGNORECASE)
TEXTS = ("*.py", "*.md", "*.html", "*.txt", "*.toml", "*.po", "scripts/*", "*.yaml", "*.yml")
NOUNS = frozenset(
    [
        "cleaning",
        "closing",
        "mapping",
        "pacing",
        "parsing",
        "planning",
        "pricing",
        "rounding",
        "routing",
        "screening",
        "staffing",
        "string",
        "timing",
        "tracing",
        "training",
        "warning",
    ]
)
"""Endings in -ing of modules that are the field's own nouns."""
MOST_OF = 40
"""Most functions in ``releve`` whose names end in ``_of``."""
SHARED_CLASSES = frozenset({"Command", "Meta", "Migration", "Media"})
"""Names that Django asks for."""
EXEMPT = frozenset({Path(__file__).name, "CONTRIBUTING.md", "with-postgres"})
"""Files that name the words on purpose: the lists of them, and a user of the system."""
LONGEST_SUBJECT = 72
FIRST_CHECKED = "e8bd72f4b58ec5684f6ff5185ec2785d75d93b14"
"""Commits after this one have their subjects checked, where the history holds it."""


def tracked_files(*patterns: str) -> list[Path]:
    """Return the files under version control that match, in their order."""
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], check=True, capture_output=True, text=True)
    return [path for name in listed.stdout.split("\0") if name and (path := Path(name)).is_file()]


def english_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield numbered lines; of a catalogue of translations the English texts alone."""
    english = True
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if path.suffix == ".po":
            if line.startswith(("msgid", "#")):
                english = True
            elif line.startswith("msgstr"):
                english = False
        if english:
            yield number, line


def banned_words() -> Iterator[str]:
    """Yield every line with a word that plain English has a better one for."""
    for path in tracked_files(*TEXTS):
        if path.name not in EXEMPT:
            for number, line in english_lines(path):
                for found in WORDS.finditer(line):
                    yield f"{path}:{number}: {found[0]!r} in {line.strip()[:80]!r}"


def module_names() -> Iterator[str]:
    """Yield modules whose name is a gerund."""
    for path in tracked_files("releve/*.py"):
        last = path.stem.rsplit("_", 1)[-1]
        if last.endswith("ing") and last not in NOUNS:
            yield f"{path}: a module is named by a noun for what it holds"


def definitions() -> Iterator[tuple[Path, ast.AST]]:
    """Yield every function and class of the package with its file."""
    for path in tracked_files("releve/*.py"):
        if "migrations" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                    yield path, node


def of_functions() -> list[str]:
    """Return the functions named ``x_of``."""
    return [
        f"{path}:{node.lineno}: {node.name}"
        for path, node in definitions()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.endswith("_of")
    ]


def shared_class_names() -> Iterator[str]:
    """Yield the names that two classes bear."""
    places = defaultdict(list)
    for path, node in definitions():
        if isinstance(node, ast.ClassDef) and node.name not in SHARED_CLASSES:
            places[node.name].append(f"{path}:{node.lineno}")
    for name, found in sorted(places.items()):
        if len(found) > 1:
            yield f"class {name} names {len(found)} things: {', '.join(found)}"


def long_subjects() -> Iterator[str]:
    """Yield commits whose subject is longer than a line of a log."""
    log = subprocess.run(
        ["git", "log", "--format=%h %s", f"{FIRST_CHECKED}..HEAD"], capture_output=True, text=True, check=False
    )
    for line in log.stdout.splitlines() if log.returncode == 0 else []:
        commit, _, subject = line.partition(" ")
        if len(subject) > LONGEST_SUBJECT:
            yield f"commit {commit}: a subject of {len(subject)}, at most {LONGEST_SUBJECT}"


def main() -> int:
    """Print what is wrong, and return how the process ends."""
    of_named = of_functions()
    found = {
        "words": list(banned_words()),
        "modules": list(module_names()),
        "functions": of_named if len(of_named) > MOST_OF else [],
        "classes": list(shared_class_names()),
        "commits": list(long_subjects()),
    }
    if "--counts" in sys.argv[1:]:
        print(*(f"{kind} {len(faults)}" for kind, faults in found.items()), f"of {len(of_named)}", sep="\n")
        return 0
    for faults in found.values():
        print(*faults, sep="\n", end="\n" if faults else "")
    return int(any(found.values()))


if __name__ == "__main__":
    sys.exit(main())
