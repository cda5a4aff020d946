"""The steps of a claim, each whole or not at all. Arguments are named at the head of each."""

from importlib.resources import files


def script(*names: str) -> str:
    """The text of a script: the files of these names, one after another."""
    return "\n".join(files(__package__).joinpath(f"{n}.lua").read_text("utf-8") for n in names)
