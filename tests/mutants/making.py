"""Makes mutants: copies of a code with one change each.

The changes are those of mutmut, and a few more. mutmut's own run changes only functions without
decorators in modules that can be imported; half of what can go wrong here is in constants and
settings, and AWS imports nothing from us. Hence its mutators are ours, and its run is not.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper
from mutmut.mutation.file_mutation import MutationVisitor, deep_replace
from mutmut.mutation.mutators import mutation_operators
from mutmut.mutation.pragma_handling import IgnoredCode

OTHER_BUILTINS = {"min": "max", "max": "min", "any": "all", "all": "any"}


def drop(node: cst.Expr | cst.Raise) -> Iterator[cst.BaseSmallStatement]:
    """Do nothing instead of calling a function, or of raising an error."""
    if isinstance(node, cst.Raise) or not isinstance(node.value, cst.BaseString):
        yield cst.Pass()


def negate(node: cst.If | cst.While | cst.CompIf) -> Iterator[cst.CSTNode]:
    """Do the one thing instead of the other. mutmut turns comparisons round already."""
    if not isinstance(node.test, cst.Comparison | cst.UnaryOperation):
        brackets = {"lpar": [cst.LeftParen()], "rpar": [cst.RightParen()]}
        yield node.with_changes(
            test=cst.UnaryOperation(cst.Not(), node.test.with_changes(**brackets))
        )


def return_none(node: cst.Return) -> Iterator[cst.Return]:
    """Return nothing."""
    if node.value and not (isinstance(node.value, cst.Name) and node.value.value == "None"):
        yield node.with_changes(value=cst.Name("None"))


def catch_nothing(node: cst.ExceptHandler) -> Iterator[cst.ExceptHandler]:
    """Let the error pass."""
    yield node.with_changes(type=cst.Tuple([]), whitespace_after_except=cst.SimpleWhitespace(" "))


def swap_builtin(node: cst.Call) -> Iterator[cst.Call]:
    """Call the function that does the opposite."""
    if isinstance(node.func, cst.Name) and node.func.value in OTHER_BUILTINS:
        yield node.with_changes(func=cst.Name(OTHER_BUILTINS[node.func.value]))


MUTATORS: list[tuple[Any, Callable[[Any], Iterable[cst.CSTNode]]]] = [
    *mutation_operators,
    (cst.Expr | cst.Raise, drop),
    (cst.If | cst.While | cst.CompIf, negate),
    (cst.Return, return_none),
    (cst.ExceptHandler, catch_nothing),
    (cst.Call, swap_builtin),
]


@dataclass(frozen=True)
class Mutant:
    """A code with one change.

    Attributes:
        code: all of it.
        lines: of the statements that changed, by their numbers in the original.
        old, new: the lines that changed, before and after, without indentation.
    """

    code: str
    lines: frozenset[int]
    old: str
    new: str


class _Visitor(MutationVisitor):
    """Visits decorated functions, too: mutmut's reasons against that do not apply to us."""

    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        return not isinstance(node, cst.FunctionDef) and super()._skip_node_and_children(node)


def make_mutants(code: str) -> Iterator[Mutant]:
    """Yield all mutants of a code, in its order; those that mean the same, once."""
    code = code.rstrip("\n") + "\n"
    visitor = _Visitor(MUTATORS, IgnoredCode(set(), set(), set()))
    module = MetadataWrapper(cst.parse_module(code)).visit(visitor)
    parts = [module.code_for_node(statement) for statement in module.body]
    head, _, tail = code.partition("".join(parts))
    parts = [head, *parts, tail]
    # Only the top-level statement is written anew: writing the whole module takes 50 times longer.
    number_of = {id(node): n for n, top in enumerate(module.body, 1) for node in _walk(top)}
    seen = set(enumerate(map(_meaning, parts)))
    spans = statement_spans(code)
    for mutation in visitor.mutations:
        number = number_of[id(mutation.original_node)]
        top = deep_replace(module.body[number - 1], mutation.original_node, mutation.mutated_node)
        assert isinstance(top, cst.CSTNode)
        part = module.code_for_node(top)
        if (meaning := (number, _meaning(part))) not in seen:
            seen.add(meaning)
            yield _mutant(parts, number, part, spans)


def _walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _meaning(code: str) -> str:
    try:
        return ast.dump(ast.parse(code))
    except (SyntaxError, ValueError):
        return code  # such as a `return` outside of a function: it is a mutant as any other


def _mutant(parts: list[str], number: int, part: str, spans: list[range]) -> Mutant:
    """Replace the part of this number."""
    before, after = parts[number].splitlines(), part.splitlines()
    edits = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    edits = [edit for edit in edits if edit[0] != "equal"]
    old = [line.strip() for _, i, j, _, _ in edits for line in before[i:j]]
    new = [line.strip() for _, _, _, i, j in edits for line in after[i:j]]
    first = "".join(parts[:number]).count("\n") + 1
    lines = {first + line for _, i, j, _, _ in edits for line in range(i, max(i + 1, j))}
    lines |= {line for span in spans if not lines.isdisjoint(span) for line in span}
    changed = "".join([*parts[:number], part, *parts[number + 1 :]])
    return Mutant(changed, frozenset(lines), "\n".join(old), "\n".join(new))


def statement_spans(code: str) -> list[range]:
    """The lines of each statement; of one that contains others, those before the first of them."""
    spans = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.stmt):
            body: list[ast.stmt] = getattr(node, "body", [])
            end = body[0].lineno if body else (node.end_lineno or node.lineno) + 1
            spans.append(range(node.lineno, max(end, node.lineno + 1)))
    return spans
