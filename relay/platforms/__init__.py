"""One module per platform; every module in this package is one, there is no list to edit."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from relay.inbound.contract import Platform
from relay.inbound.declaration_check import check_declaration


@cache
def discovered() -> Mapping[str, Platform]:
    """Import every platform; by name, sorted.

    Raises:
        TypeError: a module here has no `platform` with the module's name, or one that declares
            what does not exist.
    """
    platforms = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        platform = getattr(import_module(f"{__name__}.{module.name}"), "platform", None)
        if not isinstance(platform, Platform) or platform.name != module.name:
            raise TypeError(f"relay/platforms/{module.name}.py: expected platform {module.name!r}")
        check_declaration(platform)
        platforms[platform.name] = platform
    return platforms
