"""Draw functions of the package at random, to be read by someone who has not seen them.

    python -m tools.random_places [--seed K] [--count N]

Prints file, line and name. Read each by name and signature alone, write down what it does, then
compare with its docstring: where they differ, the name or the docstring is to be mended.
"""

from __future__ import annotations

import argparse
import ast
import random

from tools.house_words import definitions

FEWEST_LINES = 5


def list_functions() -> list[str]:
    """Return every function of at least FEWEST_LINES lines as ``file:line name``."""
    return sorted(
        f"{path}:{node.lineno} {node.name}"
        for path, node in definitions()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 >= FEWEST_LINES
    )


def main() -> None:
    """Print the draw."""
    parser = argparse.ArgumentParser(description="Draw functions of the package at random.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=10)
    asked = parser.parse_args()
    print(*random.Random(asked.seed).sample(list_functions(), asked.count), sep="\n")


if __name__ == "__main__":
    main()
