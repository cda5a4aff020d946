"""What import-linter's contracts do not say: there is no import cycle, `TYPE_CHECKING` counted."""

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

ROOTS = ("relay", "worker", "config")


def sorted_modules(imports: dict[str, set[str]]) -> list[str]:
    return list(TopologicalSorter(imports).static_order())


def test_no_import_cycle():
    graph = grimp.build_graph(*ROOTS, exclude_type_checking_imports=False, cache_dir=None)
    imports = {
        module: graph.find_modules_directly_imported_by(module) for module in sorted(graph.modules)
    }

    assert len(sorted_modules(imports)) == len(graph.modules)


def test_a_cycle_would_be_found():
    with pytest.raises(CycleError):
        sorted_modules({"a": {"b"}, "b": {"c"}, "c": {"a"}})
