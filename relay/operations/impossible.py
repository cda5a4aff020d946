"""Platforms that merchants ask for and that tell nobody anything: why, and the way round.

Each was looked for in the vendor's documents and in public code (read 2026-11). Whoever finds that
one has webhooks after all writes `relay/platforms/<name>.py` and takes it away here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from relay.mapping.event_types import Language


@dataclass(frozen=True, slots=True)
class ImpossiblePlatform:
    """What the relay cannot receive; `why` has the reason and the way round."""

    name: str
    title: str
    why: Mapping[Language, str]


IMPOSSIBLE: Final = (
    ImpossiblePlatform(
        "constant_contact",
        "Constant Contact",
        {
            "es": (
                "Sus webhooks solo avisan de la facturación a socios; de los contactos y correos "
                "no avisa nadie. Consulte su API cada cierto tiempo y envíe lo nuevo a una fuente "
                "`generic`."
            ),
            "en": (
                "Its webhooks tell partners of their billing only, and nothing of contacts and "
                "e-mails. Poll its API and post what is new to a `generic` source."
            ),
        },
    ),
    ImpossiblePlatform(
        "contifico",
        "Contífico",
        {
            "es": (
                "No publica webhooks. Su API lista los documentos por fecha "
                "(`documento/?fecha_inicial=…`): consúltela cada cierto tiempo y envíe cada uno a "
                "una fuente `generic`, con la cédula o el RUC como contacto."
            ),
            "en": (
                "It publishes no webhooks. Its API lists documents by date "
                "(`documento/?fecha_inicial=…`): poll it and post each to a `generic` source, with "
                "the cédula or RUC as contact."
            ),
        },
    ),
    ImpossiblePlatform(
        "datafast",
        "Datafast",
        {
            "es": (
                "No avisa al servidor: el comprador vuelve a la tienda, que pregunta por el "
                "resultado. Use los webhooks de su tienda (WooCommerce, Shopify), que cambian el "
                "pedido cuando se paga."
            ),
            "en": (
                "It tells no server: the buyer comes back to the shop, which asks for the result. "
                "Use the webhooks of the shop (WooCommerce, Shopify), whose order changes when it "
                "is paid."
            ),
        },
    ),
    ImpossiblePlatform(
        "doppler",
        "Doppler",
        {
            "es": (
                "No hay documentación pública de webhooks de salida. Sus informes y su API dan "
                "rebotes y bajas: envíelos a una fuente `generic`."
            ),
            "en": (
                "There is no public documentation of outgoing webhooks. Its reports and API have "
                "bounces and unsubscribes: post them to a `generic` source."
            ),
        },
    ),
    ImpossiblePlatform(
        "niubiz",
        "Niubiz",
        {
            "es": (
                "No publica notificaciones: la tienda recibe el resultado en la misma llamada. Use "
                "los webhooks de su tienda, que cambian el pedido cuando se paga."
            ),
            "en": (
                "It publishes no notifications: the shop has the result in the call itself. Use "
                "the webhooks of the shop, whose order changes when it is paid."
            ),
        },
    ),
    ImpossiblePlatform(
        "siigo",
        "Siigo",
        {
            "es": (
                "Sus webhooks son solo de productos (alta, cambio, existencias), ninguno de un "
                "cliente o una factura, y no van firmados. Consulte las facturas por su API y "
                "envíelas a una fuente `generic`."
            ),
            "en": (
                "Its webhooks are of products only (new, changed, stock), none of a customer or "
                "an invoice, and unsigned. Read the invoices by its API and post them to a "
                "`generic` source."
            ),
        },
    ),
    ImpossiblePlatform(
        "tiktok_leads",
        "TikTok Lead Generation",
        {
            "es": (
                "Entrega los prospectos solo a CRM asociados o en un CSV. Lleve el anuncio a un "
                "formulario suyo (Typeform, Tally, Jotform, Google Forms), que sí avisa."
            ),
            "en": (
                "It hands leads only to partner CRMs or in a CSV file. Lead the ad to a form of "
                "your own (Typeform, Tally, Jotform, Google Forms), which does tell."
            ),
        },
    ),
    ImpossiblePlatform(
        "transbank",
        "Transbank Webpay",
        {
            "es": (
                "No tiene webhooks: el comprador vuelve con `token_ws` y la tienda confirma el "
                "pago; en eso no hay ningún dato de contacto. Use los webhooks de su tienda."
            ),
            "en": (
                "It has no webhooks: the buyer comes back with `token_ws` and the shop commits the "
                "payment; there is no contact in it. Use the webhooks of the shop."
            ),
        },
    ),
)
