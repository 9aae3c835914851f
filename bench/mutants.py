"""Mutants: a module with one thing changed that decides something.

A comparison turned round, a boundary moved (< and <=), a number one more or one less, ``and`` for
``or``, a ``not`` dropped, a condition always or never true.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Any

__all__ = ["Mutant", "generate_mutants"]

_TURNED: dict[type[ast.cmpop], tuple[tuple[str, type[ast.cmpop]], ...]] = {
    ast.Lt: (("boundary", ast.LtE), ("comparison", ast.GtE)),
    ast.LtE: (("boundary", ast.Lt), ("comparison", ast.Gt)),
    ast.Gt: (("boundary", ast.GtE), ("comparison", ast.LtE)),
    ast.GtE: (("boundary", ast.Gt), ("comparison", ast.Lt)),
    ast.Eq: (("comparison", ast.NotEq),),
    ast.NotEq: (("comparison", ast.Eq),),
    ast.In: (("comparison", ast.NotIn),),
    ast.NotIn: (("comparison", ast.In),),
    ast.Is: (("comparison", ast.IsNot),),
    ast.IsNot: (("comparison", ast.Is),),
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one change: what kind, where, and what it says before and after.

    ``lines`` are those of the statement that is changed, in the original. ``inside`` tells whether
    it stands in the body of a function: such a change needs no new import of the module.
    """

    module: str
    kind: str
    line: int
    before: str
    after: str
    source: str
    code: CodeType
    """The changed module compiled; its functions stand where those of the original do."""
    lines: frozenset[int] = frozenset()
    inside: bool = False

    def __str__(self) -> str:
        return f"{self.module}.py:{self.line} {self.kind}: {self.before}  ->  {self.after}"


def generate_mutants(module: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, in the order of its tree."""
    tree = ast.parse(source)
    bodies = _bodies(tree)
    for owner, field, kind, node, other in _changes(tree):
        lines = _lines(owner, node)
        _put(owner, field, node, other)
        after, whole = ast.unparse(_shown(owner, other)), ast.unparse(tree)
        code = compile(ast.fix_missing_locations(tree), module, "exec", dont_inherit=True)
        _put(owner, field, other, node)
        before = ast.unparse(_shown(owner, node))
        line = getattr(_shown(owner, node), "lineno", 0)
        yield Mutant(module, kind, line, before, after, whole, code, lines, lines <= bodies)


def _bodies(tree: ast.AST) -> frozenset[int]:
    """Return the lines of the bodies of functions: what runs when they are called."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found.update(range(node.body[0].lineno, (node.end_lineno or 0) + 1))
    return frozenset(found)


def _lines(owner: ast.AST, node: ast.AST) -> frozenset[int]:
    """Return the lines of what is changed, or of what holds it where it has none (an operator)."""
    place: Any = node if hasattr(node, "lineno") else owner
    return frozenset(range(place.lineno, place.end_lineno + 1))


def _changes(tree: ast.AST) -> Iterator[tuple[ast.AST, str, str, Any, Any]]:
    """Yield what may be changed: the node that holds it, the field, the kind, the old, the new."""
    for owner in _decided(tree):
        if isinstance(owner, ast.Compare):
            for op in owner.ops:
                for kind, other in _TURNED[type(op)]:
                    yield owner, "ops", kind, op, other()
        elif isinstance(owner, ast.BoolOp):
            swapped = ast.Or() if isinstance(owner.op, ast.And) else ast.And()
            yield owner, "op", "boolean", owner.op, swapped
        if isinstance(owner, ast.If | ast.IfExp | ast.While):
            for always in (True, False):
                yield owner, "test", "boolean", owner.test, ast.Constant(always)
        for field, child in _children(owner):
            if isinstance(child, ast.UnaryOp) and isinstance(child.op, ast.Not):
                yield owner, field, "boolean", child, child.operand
            if isinstance(child, ast.Constant):
                for value in _other_values(child.value):
                    new = ast.copy_location(ast.Constant(value), child)
                    yield owner, field, "constant", child, new


def _other_values(value: object) -> tuple[int | float, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int | float):
        return (value + 1, value - 1)
    return ()


def _decided(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that decide something: not annotations, decorators, or typing's own."""
    yield node
    for field, child in _children(node):
        if field not in ("annotation", "returns", "decorator_list", "type_params"):
            yield from _decided(child)


def _children(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, ast.AST):
                yield field, child


def _put(owner: ast.AST, field: str, old: object, new: object) -> None:
    held = getattr(owner, field)
    if isinstance(held, list):
        held[next(i for i, one in enumerate(held) if one is old)] = new
    else:
        setattr(owner, field, new)


def _shown(owner: ast.AST, changed: ast.AST) -> ast.AST:
    """Return the smallest thing around a change that can be read alone."""
    if isinstance(owner, ast.If | ast.While):
        return changed
    return owner if isinstance(owner, ast.expr) and hasattr(owner, "lineno") else changed
