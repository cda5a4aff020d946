"""One file, one platform. Whatever is in this folder is a platform; there is no list to edit."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module

from relay.inbound.contract import Platform


@cache
def discovered() -> Mapping[str, Platform]:
    """Every platform by name, sorted.

    Raises:
        TypeError: a file here does not end in a `platform` named like the file.
    """
    found = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        platform = getattr(import_module(f"{__name__}.{module.name}"), "platform", None)
        if not isinstance(platform, Platform) or platform.name != module.name:
            raise TypeError(f"relay/platforms/{module.name}.py: expected platform {module.name!r}")
        found[platform.name] = platform
    return found
