"""One module per platform; every module in this package is one, there is no list to edit."""

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from relay.inbound.contract import Platform
from relay.inbound.declaration_check import check_declaration


class Platforms(Mapping[str, Platform]):
    """Platforms by name, sorted; one is imported and checked when it is asked for first.

    A process has some of fifty: to import them all would take longer than the rest of its start.
    """

    def __init__(self) -> None:
        self._names = sorted(module.name for module in pkgutil.iter_modules(__path__))
        self._loaded: dict[str, Platform] = {}

    def __getitem__(self, name: str) -> Platform:
        """
        Raises:
            KeyError: there is no such platform.
            TypeError: the module has no `platform` with the module's name, or one that declares
                what does not exist.
        """
        if name not in self._loaded:
            if name not in self._names:
                raise KeyError(name)
            self._loaded[name] = _load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@cache
def discovered() -> Mapping[str, Platform]:
    """The platforms there are."""
    return Platforms()


def _load(name: str) -> Platform:
    platform = getattr(import_module(f"{__name__}.{name}"), "platform", None)
    if not isinstance(platform, Platform) or platform.name != name:
        raise TypeError(f"relay/platforms/{name}.py: expected platform {name!r}")
    check_declaration(platform)
    return platform
