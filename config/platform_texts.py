"""Spanish of what platform declarations say in English: proofs, retries, what switches them off."""

from config.language import spanish_texts


def in_spanish(text: str) -> str:
    """The Spanish of `config/es.toml`, of the whole text or of its parts between commas.

    What is not there stays in English.
    """
    texts = spanish_texts("platforms")
    if text in texts:
        return texts[text]
    parts = text.split(", ")
    return ", ".join(texts.get(part, part) for part in parts)
