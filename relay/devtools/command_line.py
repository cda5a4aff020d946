"""How this program was started, for commands that are printed to be pasted."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

_NAME: Final = "mercately-relay"


def command_line(*arguments: str) -> str:
    """A command of ours that works in the shell that started this process, with its arguments.

    `mercately-relay` when that is the one on PATH, else the path it was started by; a module
    started by `python -m relay` is named so.
    """
    return shlex.join([*_program(), *arguments])


def _program() -> list[str]:
    program = Path(sys.argv[0])
    if program.name != _NAME:
        return [sys.executable, "-P", "-m", "relay"]
    on_path = shutil.which(_NAME)
    if on_path and Path(on_path).resolve() == program.resolve():
        return [_NAME]
    return [str(program)]
