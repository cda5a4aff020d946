"""What `doctor` says of data that Redis has lost."""

from config.language import localized
from relay.store.generation import DataLost


def lost_sentence(lost: DataLost) -> str:
    """When it happened, how much of it, and what may come of it."""
    before, now = lost.items_before, lost.items_now
    span = localized(
        f"entre {lost.last_seen} y {lost.noticed_at} (UTC): se habían contado {before} eventos y "
        f"quedaban {now}.",
        f"between {lost.last_seen} and {lost.noticed_at} (UTC): {before} events had been counted, "
        f"{now} were left.",
    )
    if lost.how == "vanished":
        return localized(
            f"Los datos de Redis desaparecieron {span} Lo aceptado sin entregar se perdió, y lo "
            "que las tiendas reenvíen puede entregarse otra vez.",
            f"The data in Redis vanished {span} What was accepted and not yet delivered is lost, "
            "and what shops send again may be delivered again.",
        )
    return localized(
        f"Redis volvió a un estado anterior {span} Los de en medio se perdieron, y otros pueden "
        "entregarse dos veces.",
        f"Redis went back to an earlier state {span} Those in between are lost, and others may be "
        "delivered twice.",
    )
