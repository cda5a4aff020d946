"""The steps of a claim, each whole or not at all. Arguments are named at the head of each."""

from importlib.resources import files


def script(name: str) -> str:
    return files(__package__).joinpath(f"{name}.lua").read_text("utf-8")
