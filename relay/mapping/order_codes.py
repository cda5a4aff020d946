"""Codes of platforms for orders, payments and parcels, in words of Spanish and English."""

from collections.abc import Mapping
from typing import Final


def _by_code(*rows: tuple[str, str, str]) -> Mapping[str, tuple[str, str]]:
    """Code -> words, of rows with the words in Spanish, in English, and codes parted by blanks."""
    return {code: (spanish, english) for spanish, english, codes in rows for code in codes.split()}


STATUS: Final = _by_code(
    (
        "pendiente de pago",
        "awaiting payment",
        (
            "pending not_paid unpaid awaiting_payment payment_pending waiting_payment "
            "pending_payment"
        ),
    ),
    ("en espera de pago", "on hold, awaiting payment", "on_hold"),
    (
        "en preparación",
        "being prepared",
        "processing preparing preparando handling ready_for_handling start_handling",
    ),
    ("completado", "completed", "completed"),
    ("cancelado", "cancelled", "cancelled canceled"),
    ("pago fallido", "payment failed", "failed"),
    ("pago autorizado", "payment authorized", "authorized"),
    ("pagado en parte", "partly paid", "partially_paid partial_payment"),
    ("pagado", "paid", "paid payment_approved"),
    ("reembolsado en parte", "partly refunded", "partially_refunded"),
    ("reembolsado", "refunded", "refunded fully_refunded"),
    ("pago anulado", "payment voided", "voided"),
    ("pago vencido", "payment expired", "expired"),
    ("abierto", "open", "open"),
    ("cerrado", "closed", "closed"),
    ("enviado", "sent", "shipped enviado despachado"),
    ("entregado", "delivered", "delivered entregado"),
    ("enviado en parte", "partly sent", "partial_shipped partially_shipped"),
    ("por enviar", "to be sent", "awaiting_shipment awaiting_fulfillment ready_to_ship por_enviar"),
    ("en camino", "on its way", "in_transit on_the_way en_camino"),
    ("en reparto", "out for delivery", "out_for_delivery en_reparto"),
    ("devuelto", "returned", "returned devuelto"),
    ("empacado", "packed", "packed empacado"),
    ("facturado", "invoiced", "invoiced"),
    ("en disputa", "disputed", "disputed"),
    ("a la espera de existencias", "waiting for stock", "backordered"),
    (
        "listo para retirar",
        "ready for pickup",
        "awaiting_pickup available_for_pickup ready_pickup ready_for_pickup",
    ),
    ("en la papelera", "in the trash", "trash"),
)
FULFILMENT: Final = _by_code(
    ("todo enviado", "all sent", "fulfilled"),
    ("enviado en parte", "partly sent", "partial partially_fulfilled"),
    ("sin enviar", "not sent", "unfulfilled"),
    ("devuelto al inventario", "restocked", "restocked"),
    ("en preparación", "being prepared", "in_preparation preparing packed"),
    ("en camino", "on its way", "in_transit out_for_delivery"),
    ("enviado", "sent", "shipped"),
    ("entregado", "delivered", "delivered"),
    (
        "listo para retirar",
        "ready for pickup",
        "pickup_available ready_for_pickup available_for_pickup",
    ),
)
CANCELLED: Final = _by_code(
    (
        "el cliente lo pidió",
        "requested by the customer",
        (
            "customer requested_by_customer customer_request customer_requested "
            "requested_by_buyer buyer by_customer cancellation_requested"
        ),
    ),
    ("sospecha de fraude", "suspected fraud", "fraud fraudulent"),
    ("no hay existencias", "out of stock", "inventory out_of_stock no_stock sin_stock"),
    ("el pago fue rechazado", "the payment was declined", "declined"),
    ("error de la tienda", "mistake of the shop", "staff"),
    ("estaba repetido", "it was there twice", "duplicate"),
    ("", "", "other"),
    ("cambió de opinión", "changed their mind", "customer_changed_mind changed_mind"),
    ("venció el plazo para pagar", "the time to pay ran out", "expired not_paid unpaid timeout"),
    ("falló el pago", "the payment failed", "payment_failed"),
    # Why a subscription ends, by the choices of Stripe's customer portal.
    ("muy caro", "too expensive", "too_expensive"),
    ("le falta algo", "something is missing", "missing_features"),
    ("se cambió a otro servicio", "switched to another service", "switched_service"),
    ("no lo usa", "does not use it", "unused"),
    ("no está conforme con la atención", "not happy with the service", "customer_service"),
    ("muy complicado", "too complicated", "too_complex"),
    ("no está conforme con la calidad", "not happy with the quality", "low_quality"),
)
# The numbers are response codes of banks, ISO 8583.
DECLINED: Final = _by_code(
    (
        "fondos insuficientes",
        "insufficient funds",
        (
            "insufficient_funds insufficient_amount insufficient_fund fondos_insuficientes "
            "saldo_insuficiente your_card_has_insufficient_funds 51 116"
        ),
    ),
    (
        "tarjeta vencida",
        "expired card",
        "expired_card your_card_has_expired tarjeta_vencida tarjeta_expirada 54 33",
    ),
    (
        "el banco rechazó la tarjeta",
        "the bank declined the card",
        (
            "card_declined do_not_honor other_reason by_bank generic_decline declined pickup_card "
            "blacklist transaction_not_allowed your_card_was_declined tarjeta_declinada "
            "tarjeta_rechazada 05 5 57 62 your_card_does_not_support_this_type_of_purchase"
        ),
    ),
    (
        "el banco pide autorización",
        "the bank asks for authorization",
        (
            "call_for_authorize 3ds_challenge 3ds_mandatory authentication_not_handled "
            "authentication_required"
        ),
    ),
    (
        "código de seguridad incorrecto",
        "wrong security code",
        (
            "incorrect_cvc bad_filled_security_code your_card's_security_code_is_incorrect "
            "invalid_cvc"
        ),
    ),
    (
        "fecha de vencimiento incorrecta",
        "wrong expiry date",
        "bad_filled_date invalid_expiry_month invalid_expiry_year",
    ),
    (
        "número de tarjeta incorrecto",
        "wrong card number",
        "bad_filled_card_number incorrect_number 14 your_card_number_is_incorrect invalid_number",
    ),
    ("tarjeta perdida", "lost card", "lost_card"),
    ("tarjeta robada", "stolen card", "stolen_card"),
    (
        "sospecha de fraude",
        "suspected fraud",
        "high_risk fraudulent fraud highest_risk_level elevated_risk_level merchant_blacklist",
    ),
    ("error al procesarlo", "error while processing it", "processing_error card_error"),
    (
        "límite de la tarjeta superado",
        "over the card's limit",
        (
            "amount_rate_limit_exceeded card_type_limit_exceeded 61 65 "
            "withdrawal_count_limit_exceeded card_velocity_exceeded"
        ),
    ),
    (
        "no se acepta esa tarjeta",
        "that card is not accepted",
        "card_type_not_allowed card_not_supported currency_not_supported",
    ),
    (
        "no lo permiten las reglas del cobro",
        "the rules of the charge do not allow it",
        "by_regulations by_biz_rule rule",
    ),
    ("error del banco", "error at the bank", "91 96 bank_error"),
    # No more than the note says already.
    ("", "", "rejected failed denied refused rechazado rechazada error"),
    ("venció el plazo para pagar", "the time to pay ran out", "expired"),
    ("lo canceló quien pagaba", "cancelled by the payer", "by_payer"),
    ("lo canceló la tienda", "cancelled by the shop", "by_collector"),
    ("datos de la tarjeta incorrectos", "wrong card details", "bad_filled_other"),
    ("faltan datos", "details are missing", "insufficient_data"),
    ("tarjeta sin activar", "the card is not active", "card_disabled"),
    ("pago repetido", "repeated payment", "duplicated_payment duplicate_transaction"),
    ("demasiados intentos", "too many attempts", "max_attempts"),
    ("cuotas no permitidas", "instalments not allowed", "invalid_installments"),
)
_KINDS_OF_PAYMENT: Final = _by_code(
    (
        "tarjeta",
        "card",
        (
            "shopify_payments card credit_card woocommerce_payments tarjeta tarjeta_de_crédito "
            "tarjeta_de_credito"
        ),
    ),
    (
        "transferencia",
        "bank transfer",
        (
            "bank_transfer bacs direct_bank_transfer transferencia transferencia_bancaria "
            "depósito_o_transferencia wire_transfer"
        ),
    ),
    (
        "pago contra entrega",
        "cash on delivery",
        (
            "cash_on_delivery cod cash_on_delivery_(cod) pago_contra_entrega contra_entrega "
            "contra_reembolso contrareembolso pago_contra_reembolso"
        ),
    ),
    ("depósito", "bank deposit", "bank_deposit"),
    ("cheque", "cheque", "check_payments cheque"),
    ("giro", "money order", "money_order"),
    ("tarjeta de débito", "debit card", "debit_card tarjeta_de_débito tarjeta_de_debito"),
    ("tarjeta de regalo", "gift card", "gift_card"),
    ("", "", "manual"),
    ("tarjeta prepago", "prepaid card", "prepaid_card"),
    ("efectivo", "cash", "cash efectivo ticket cash_payment"),
    ("saldo de la cuenta", "account balance", "account_money"),
)
METHODS: Final[Mapping[str, tuple[str, str]]] = {
    **_KINDS_OF_PAYMENT,
    # Names, which small letters do not suit.
    **{
        name.lower().replace(" ", "_"): (name, name)
        for name in (
            "PayPal", "Mercado Pago", "OXXO", "SPEI", "PSE", "Pix", "Yape", "Nequi", "PayPhone",
            "Visa", "Mastercard", "Efecty", "Webpay", "Klarna",
        )
    },
    "mercadopago": ("Mercado Pago", "Mercado Pago"),
    "amex": ("American Express", "American Express"),
}  # fmt: skip
# What platforms write for a carrier that they do not know.
CARRIERS: Final = _by_code(
    ("", "", "other others otro otra otros custom none ninguno n/a -"),
)
