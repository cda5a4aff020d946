"""Codes of platforms for orders, payments and parcels, in words of Spanish and English."""

from collections.abc import Mapping
from typing import Final

STATUS: Final[Mapping[str, tuple[str, str]]] = {
    "pending": ("pendiente de pago", "awaiting payment"),
    "on_hold": ("en espera de pago", "on hold, awaiting payment"),
    "processing": ("en preparación", "being prepared"),
    "completed": ("completado", "completed"),
    "cancelled": ("cancelado", "cancelled"),
    "failed": ("pago fallido", "payment failed"),
    "authorized": ("pago autorizado", "payment authorized"),
    "partially_paid": ("pagado en parte", "partly paid"),
    "paid": ("pagado", "paid"),
    "partially_refunded": ("reembolsado en parte", "partly refunded"),
    "refunded": ("reembolsado", "refunded"),
    "voided": ("pago anulado", "payment voided"),
    "not_paid": ("pendiente de pago", "awaiting payment"),
    "fully_refunded": ("reembolsado", "refunded"),
    "expired": ("pago vencido", "payment expired"),
    "unpaid": ("pendiente de pago", "awaiting payment"),
    "open": ("abierto", "open"),
    "closed": ("cerrado", "closed"),
    # Of plugins.
    **dict.fromkeys(("preparing", "preparando"), ("en preparación", "being prepared")),
    **dict.fromkeys(("shipped", "enviado", "despachado"), ("enviado", "sent")),
    **dict.fromkeys(("delivered", "entregado"), ("entregado", "delivered")),
    **dict.fromkeys(("partial_shipped", "partially_shipped"), ("enviado en parte", "partly sent")),
    **dict.fromkeys(
        ("awaiting_shipment", "awaiting_fulfillment", "ready_to_ship", "por_enviar"),
        ("por enviar", "to be sent"),
    ),
    **dict.fromkeys(("in_transit", "on_the_way", "en_camino"), ("en camino", "on its way")),
    **dict.fromkeys(("out_for_delivery", "en_reparto"), ("en reparto", "out for delivery")),
    **dict.fromkeys(("returned", "devuelto"), ("devuelto", "returned")),
    **dict.fromkeys(("packed", "empacado"), ("empacado", "packed")),
    **dict.fromkeys(
        ("handling", "ready_for_handling", "start_handling"), ("en preparación", "being prepared")
    ),
    "invoiced": ("facturado", "invoiced"),
    "canceled": ("cancelado", "cancelled"),
    "disputed": ("en disputa", "disputed"),
    "backordered": ("a la espera de existencias", "waiting for stock"),
    **dict.fromkeys(
        ("awaiting_payment", "payment_pending", "waiting_payment"),
        ("pendiente de pago", "awaiting payment"),
    ),
    "payment_approved": ("pagado", "paid"),
    **dict.fromkeys(
        ("awaiting_pickup", "available_for_pickup"), ("listo para retirar", "ready for pickup")
    ),
    "ready_pickup": ("listo para retirar", "ready for pickup"),
    "ready_for_pickup": ("listo para retirar", "ready for pickup"),
    "pending_payment": ("pendiente de pago", "awaiting payment"),
    "partial_payment": ("pagado en parte", "partly paid"),
    "trash": ("en la papelera", "in the trash"),
}
FULFILMENT: Final[Mapping[str, tuple[str, str]]] = {
    "fulfilled": ("todo enviado", "all sent"),
    "partial": ("enviado en parte", "partly sent"),
    "partially_fulfilled": ("enviado en parte", "partly sent"),
    "unfulfilled": ("sin enviar", "not sent"),
    "restocked": ("devuelto al inventario", "restocked"),
    **dict.fromkeys(
        ("in_preparation", "preparing", "packed"), ("en preparación", "being prepared")
    ),
    **dict.fromkeys(("in_transit", "out_for_delivery"), ("en camino", "on its way")),
    "shipped": ("enviado", "sent"),
    "delivered": ("entregado", "delivered"),
    **dict.fromkeys(
        ("pickup_available", "ready_for_pickup", "available_for_pickup"),
        ("listo para retirar", "ready for pickup"),
    ),
}
CANCELLED: Final[Mapping[str, tuple[str, str]]] = {
    "customer": ("el cliente lo pidió", "requested by the customer"),
    "fraud": ("sospecha de fraude", "suspected fraud"),
    "inventory": ("no hay existencias", "out of stock"),
    "declined": ("el pago fue rechazado", "the payment was declined"),
    "staff": ("error de la tienda", "mistake of the shop"),
    "requested_by_customer": ("el cliente lo pidió", "requested by the customer"),
    "fraudulent": ("sospecha de fraude", "suspected fraud"),
    "out_of_stock": ("no hay existencias", "out of stock"),
    "duplicate": ("estaba repetido", "it was there twice"),
    "other": ("", ""),
    **dict.fromkeys(
        (
            "customer_request",
            "customer_requested",
            "requested_by_buyer",
            "buyer",
            "by_customer",
            "cancellation_requested",
        ),
        ("el cliente lo pidió", "requested by the customer"),
    ),
    **dict.fromkeys(
        ("customer_changed_mind", "changed_mind"), ("cambió de opinión", "changed their mind")
    ),
    **dict.fromkeys(("no_stock", "sin_stock"), ("no hay existencias", "out of stock")),
    **dict.fromkeys(
        ("expired", "not_paid", "unpaid", "timeout"),
        ("venció el plazo para pagar", "the time to pay ran out"),
    ),
    "payment_failed": ("falló el pago", "the payment failed"),
    # Why a subscription ends, by the choices of Stripe's customer portal.
    "too_expensive": ("muy caro", "too expensive"),
    "missing_features": ("le falta algo", "something is missing"),
    "switched_service": ("se cambió a otro servicio", "switched to another service"),
    "unused": ("no lo usa", "does not use it"),
    "customer_service": ("no está conforme con la atención", "not happy with the service"),
    "too_complex": ("muy complicado", "too complicated"),
    "low_quality": ("no está conforme con la calidad", "not happy with the quality"),
}
DECLINED: Final[Mapping[str, tuple[str, str]]] = {
    "insufficient_funds": ("fondos insuficientes", "insufficient funds"),
    "insufficient_amount": ("fondos insuficientes", "insufficient funds"),
    "expired_card": ("tarjeta vencida", "expired card"),
    "card_declined": ("el banco rechazó la tarjeta", "the bank declined the card"),
    "do_not_honor": ("el banco rechazó la tarjeta", "the bank declined the card"),
    "call_for_authorize": ("el banco pide autorización", "the bank asks for authorization"),
    "incorrect_cvc": ("código de seguridad incorrecto", "wrong security code"),
    "bad_filled_security_code": ("código de seguridad incorrecto", "wrong security code"),
    "bad_filled_date": ("fecha de vencimiento incorrecta", "wrong expiry date"),
    "bad_filled_card_number": ("número de tarjeta incorrecto", "wrong card number"),
    "incorrect_number": ("número de tarjeta incorrecto", "wrong card number"),
    "lost_card": ("tarjeta perdida", "lost card"),
    "stolen_card": ("tarjeta robada", "stolen card"),
    "high_risk": ("sospecha de fraude", "suspected fraud"),
    "fraudulent": ("sospecha de fraude", "suspected fraud"),
    "processing_error": ("error al procesarlo", "error while processing it"),
    "card_error": ("error al procesarlo", "error while processing it"),
    **dict.fromkeys(
        ("other_reason", "by_bank", "generic_decline", "declined", "pickup_card", "blacklist",
         "transaction_not_allowed"),
        ("el banco rechazó la tarjeta", "the bank declined the card"),
    ),
    **dict.fromkeys(
        ("insufficient_fund", "fondos_insuficientes", "saldo_insuficiente",
         "your_card_has_insufficient_funds"),
        ("fondos insuficientes", "insufficient funds"),
    ),
    **dict.fromkeys(
        ("your_card_was_declined", "tarjeta_declinada", "tarjeta_rechazada"),
        ("el banco rechazó la tarjeta", "the bank declined the card"),
    ),
    **dict.fromkeys(
        ("your_card_has_expired", "tarjeta_vencida", "tarjeta_expirada"),
        ("tarjeta vencida", "expired card"),
    ),
    **dict.fromkeys(
        ("fraud", "highest_risk_level", "elevated_risk_level", "merchant_blacklist"),
        ("sospecha de fraude", "suspected fraud"),
    ),
    **dict.fromkeys(
        ("3ds_challenge", "3ds_mandatory", "authentication_not_handled"),
        ("el banco pide autorización", "the bank asks for authorization"),
    ),
    **dict.fromkeys(
        ("amount_rate_limit_exceeded", "card_type_limit_exceeded"),
        ("límite de la tarjeta superado", "over the card's limit"),
    ),
    **dict.fromkeys(
        ("card_type_not_allowed", "card_not_supported", "currency_not_supported"),
        ("no se acepta esa tarjeta", "that card is not accepted"),
    ),
    **dict.fromkeys(
        ("by_regulations", "by_biz_rule", "rule"),
        ("no lo permiten las reglas del cobro", "the rules of the charge do not allow it"),
    ),
    # Response codes of banks, ISO 8583.
    **dict.fromkeys(("51", "116"), ("fondos insuficientes", "insufficient funds")),
    **dict.fromkeys(
        ("05", "5", "57", "62"), ("el banco rechazó la tarjeta", "the bank declined the card")
    ),
    **dict.fromkeys(("54", "33"), ("tarjeta vencida", "expired card")),
    "14": ("número de tarjeta incorrecto", "wrong card number"),
    **dict.fromkeys(("61", "65"), ("límite de la tarjeta superado", "over the card's limit")),
    **dict.fromkeys(("91", "96"), ("error del banco", "error at the bank")),
    # No more than the note says already.
    **dict.fromkeys(
        ("rejected", "failed", "denied", "refused", "rechazado", "rechazada", "error"), ("", "")
    ),
    "bank_error": ("error del banco", "error at the bank"),
    "expired": ("venció el plazo para pagar", "the time to pay ran out"),
    "by_payer": ("lo canceló quien pagaba", "cancelled by the payer"),
    "by_collector": ("lo canceló la tienda", "cancelled by the shop"),
    "your_card_number_is_incorrect": ("número de tarjeta incorrecto", "wrong card number"),
    "your_card's_security_code_is_incorrect": (
        "código de seguridad incorrecto", "wrong security code",
    ),
    "your_card_does_not_support_this_type_of_purchase": (
        "el banco rechazó la tarjeta", "the bank declined the card",
    ),
    "bad_filled_other": ("datos de la tarjeta incorrectos", "wrong card details"),
    "insufficient_data": ("faltan datos", "details are missing"),
    "invalid_cvc": ("código de seguridad incorrecto", "wrong security code"),
    "invalid_number": ("número de tarjeta incorrecto", "wrong card number"),
    "invalid_expiry_month": ("fecha de vencimiento incorrecta", "wrong expiry date"),
    "invalid_expiry_year": ("fecha de vencimiento incorrecta", "wrong expiry date"),
    "authentication_required": ("el banco pide autorización", "the bank asks for authorization"),
    "card_disabled": ("tarjeta sin activar", "the card is not active"),
    "duplicated_payment": ("pago repetido", "repeated payment"),
    "duplicate_transaction": ("pago repetido", "repeated payment"),
    "max_attempts": ("demasiados intentos", "too many attempts"),
    "invalid_installments": ("cuotas no permitidas", "instalments not allowed"),
    "withdrawal_count_limit_exceeded": ("límite de la tarjeta superado", "over the card's limit"),
    "card_velocity_exceeded": ("límite de la tarjeta superado", "over the card's limit"),
}  # fmt: skip
METHODS: Final[Mapping[str, tuple[str, str]]] = {
    "shopify_payments": ("tarjeta", "card"),
    "card": ("tarjeta", "card"),
    "credit_card": ("tarjeta", "card"),
    "bank_transfer": ("transferencia", "bank transfer"),
    "bacs": ("transferencia", "bank transfer"),
    "cash_on_delivery": ("pago contra entrega", "cash on delivery"),
    "cod": ("pago contra entrega", "cash on delivery"),
    "cash_on_delivery_(cod)": ("pago contra entrega", "cash on delivery"),
    "direct_bank_transfer": ("transferencia", "bank transfer"),
    "bank_deposit": ("depósito", "bank deposit"),
    "check_payments": ("cheque", "cheque"),
    "cheque": ("cheque", "cheque"),
    "money_order": ("giro", "money order"),
    "debit_card": ("tarjeta de débito", "debit card"),
    "gift_card": ("tarjeta de regalo", "gift card"),
    "woocommerce_payments": ("tarjeta", "card"),
    "manual": ("", ""),
    **dict.fromkeys(("tarjeta", "tarjeta_de_crédito", "tarjeta_de_credito"), ("tarjeta", "card")),
    **dict.fromkeys(
        ("tarjeta_de_débito", "tarjeta_de_debito"), ("tarjeta de débito", "debit card")
    ),
    "prepaid_card": ("tarjeta prepago", "prepaid card"),
    **dict.fromkeys(
        ("transferencia", "transferencia_bancaria", "depósito_o_transferencia", "wire_transfer"),
        ("transferencia", "bank transfer"),
    ),
    **dict.fromkeys(("cash", "efectivo", "ticket", "cash_payment"), ("efectivo", "cash")),
    **dict.fromkeys(
        ("pago_contra_entrega", "contra_entrega", "contra_reembolso", "contrareembolso",
         "pago_contra_reembolso"),
        ("pago contra entrega", "cash on delivery"),
    ),
    "account_money": ("saldo de la cuenta", "account balance"),
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
CARRIERS: Final[Mapping[str, tuple[str, str]]] = dict.fromkeys(
    ("other", "others", "otro", "otra", "otros", "custom", "none", "ninguno", "n/a", "-"), ("", "")
)
