"""A platform is small: what several need is in the contract and not in their files."""

import ast
import io
import statistics
import tokenize
from pathlib import Path

import pytest

from relay import platforms

FILES = [file for file in Path(platforms.__path__[0]).glob("*.py") if file.stem != "__init__"]
_NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
}  # fmt: skip


def lines_of_code(text: str) -> int:
    """The lines of a file without blanks, comments, docstrings and set-up texts."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines -= set(range(node.lineno, (node.end_lineno or 0) + 1))
        if isinstance(node, ast.keyword) and node.arg == "setup":
            lines -= set(range(node.lineno, (node.end_lineno or 0) + 1))
    return len(lines)


SIZES = {file.stem: lines_of_code(file.read_text("utf-8")) for file in FILES}


def test_lines_that_are_no_code_do_not_count():
    text = '"""Doc.\n\nMore.\n"""\n\n# A comment.\nx = f(\n    a=1,\n    setup={\n        "es": (),\n    },\n)\n'
    assert lines_of_code(text) == 3


@pytest.mark.parametrize("name", sorted(SIZES))
def test_no_platform_is_large(name):
    assert SIZES[name] < 250


def test_most_platforms_are_small():
    assert statistics.median(SIZES.values()) < 110
