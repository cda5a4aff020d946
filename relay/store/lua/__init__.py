"""Scripts that change Redis in one step. Each names its keys and arguments at its head."""

from importlib.resources import files
from typing import Final

_HERE: Final = files(__package__)


def script(*names: str) -> str:
    """The text of a script: the files of these names, one after another."""
    return "\n".join(_HERE.joinpath(f"{name}.lua").read_text("utf-8") for name in names)
