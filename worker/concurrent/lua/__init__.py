"""Lua scripts, and their loader. Each names its keys, arguments and result at its head."""

from importlib.resources import files
from typing import Final

_HERE: Final = "worker.concurrent.lua"


def script(*names: str, package: str = _HERE) -> str:
    """The text of one script: the files `<name>.lua` of a package, one after another."""
    folder = files(package)
    return "\n".join(folder.joinpath(f"{name}.lua").read_text("utf-8") for name in names)
