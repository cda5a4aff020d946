"""Several secrets in one text, as an environment variable holds them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# A shorter part is taken for a piece of a secret with a comma in it: as a secret of its own it
# would let in whoever guesses it.
PART_MIN: Final = 8
# A comma that does not separate: the one in `v1,whsec_…`, as some vendors show a secret. Between
# two such secrets stands `|` (Supabase) or white space as well.
_SEPARATOR: Final = re.compile(
    r"(?<!\bv1)(?<!\bv1a),|,(?!\s*wh(?:sec|pk|sk)_)"
    r"|(?<![,|;\s])[|;\s]+(?=(?:v1a?,\s*)?wh(?:sec|pk|sk)_)"
    r"|(?<=KEY-----)(?:\s|\\[rn])*(?=-----BEGIN)"
)
# Byte order marks and blanks of no width, which editors and pasting leave around a text.
_HIDDEN: Final = "\ufeff\u200b\u200e\u200f\u2060"


@dataclass(frozen=True, slots=True)
class SecretTexts:
    """Secrets, newest first.

    `whole` is the text they were split from, empty when there was nothing to split; it is the last
    of `texts` too. `short_parts` has the lengths of the parts that are no secrets of their own.
    """

    texts: Sequence[str]
    whole: str = ""
    short_parts: tuple[int, ...] = ()


def split_secrets(text: str) -> SecretTexts:
    """Split at commas, and before `whsec_` and its like. Empty parts count for nothing.

    A secret may have a comma in it (WooCommerce makes such), so the whole text is a secret as well,
    and a part of fewer than 8 characters is none. A list in relay.toml is not split.
    """
    whole = text.strip().strip(_HIDDEN).strip()
    parts = [part.strip() for part in _SEPARATOR.split(_without_quotes(whole))]
    if len(parts) == 1:
        return SecretTexts([whole])
    filled = [part for part in parts if part]
    if not filled:
        return SecretTexts([""])
    secrets = [part for part in filled if len(part) >= PART_MIN]
    short_parts = tuple(len(part) for part in filled if len(part) < PART_MIN)
    return SecretTexts([*secrets, whole], whole, short_parts)


def _without_quotes(text: str) -> str:
    """A list without quotation marks around the whole of it, which some hosts leave there."""
    inner = text[1:-1]
    is_quoted_list = text[:1] in ("'", '"') and text[-1:] == text[0] and "," in inner
    return inner if is_quoted_list and text[0] not in inner else text
