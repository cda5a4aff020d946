"""Text from outside in a terminal: nothing in it is acted on."""

import click


def plain(text: str) -> str:
    """The text with U+FFFD for what a terminal would act on or not show."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def escaped(text: str) -> str:
    r"""The text with `\uXXXX` for what a terminal would act on or not show, but for line ends.

    Inside a JSON string that is the same character; C1 controls and bidirectional marks are among
    them.
    """
    return "".join(c if c.isprintable() or c == "\n" else _escape(c) for c in text)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def say(text: str, *, err: bool = False) -> None:
    """Print lines that may have text from outside in them; the only way in which commands do."""
    click.echo(escaped(text), err=err)
