"""Who may spawn, wait and kill; what knows what."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from cases import all_of

import worker.concurrent

FOLDER = Path(worker.concurrent.__file__).parent
MODULES = sorted(FOLDER.glob("*.py"))
NAMES = [path.stem for path in MODULES]
SPAWNS = {"threading", "queue", "concurrent.futures", "multiprocessing", "asyncio", "gevent"}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_there_are_modules_to_look_at():
    assert {"greenlets", "worker", "claims"} <= set(NAMES)
    assert SPAWNS & set(imports(FOLDER / "greenlets.py"))


@all_of("path", MODULES)
def test_only_greenlets_spawns_and_waits(path):
    if path.stem == "greenlets":
        return
    assert not SPAWNS & set(imports(path))
    assert "time.sleep" not in imports(path)
    calls = [
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
    ]
    assert "time.sleep" not in calls


def test_no_module_imports_one_that_imports_it():
    """Imports under TYPE_CHECKING counted."""
    prefix = "worker.concurrent."
    graph = {
        path.stem: {
            name.removeprefix(prefix).partition(".")[0]
            for name in imports(path)
            if name.startswith(prefix)
        }
        & set(NAMES)
        for path in MODULES
        if path.stem != "__init__"
    }
    assert sum(map(len, graph.values())) > 20
    while leaves := [name for name, needed in graph.items() if not needed]:
        graph = {name: needed - set(leaves) for name, needed in graph.items() if needed}
    assert graph == {}, "these import each other, or what does"


def test_no_module_is_long():
    lengths = {path.name: len(path.read_text().splitlines()) for path in MODULES}
    assert {name: n for name, n in lengths.items() if n >= 300} == {}


def test_the_page_names_tests_that_exist():
    named = re.findall(r"\btest_\w+", worker.concurrent.__doc__)
    existing = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        existing |= {path.stem, *re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)}
    assert len(named) > 15
    assert set(named) <= existing
