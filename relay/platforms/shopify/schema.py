"""The fields that we use of Shopify's bodies."""

from relay.inbound.orders import items_field
from relay.inbound.payload_schema import Flag, Id, ListOf, Number, Object, PayloadSchema, Text, Time


class AddressSchema(PayloadSchema):
    first_name = Text()
    last_name = Text()
    name = Text()
    address1 = Text()
    address2 = Text()
    city = Text()
    province = Text()
    zip = Text()
    country_code = Text()
    country = Text()
    phone = Text()
    latitude = Number()
    longitude = Number()


class CustomerSchema(PayloadSchema):
    email = Text()
    phone = Text()
    first_name = Text()
    last_name = Text()
    default_address = Object(AddressSchema)


class MoneySchema(PayloadSchema):
    amount = Number()
    currency_code = Text()


class MoneySetSchema(PayloadSchema):
    presentment_money = Object(MoneySchema)


class TransactionSchema(PayloadSchema):
    kind = Text()
    status = Text()
    amount = Number()
    currency = Text()


class RefundSchema(PayloadSchema):
    created_at = Time()
    transactions = ListOf(Object(TransactionSchema))


class ShippingLineSchema(PayloadSchema):
    title = Text()


class ConsentSchema(PayloadSchema):
    state = Text()


class BodySchema(CustomerSchema):
    """The fields we use of all topics; merchants may leave fields out, so only `id` is required."""

    id = Id(required=True)
    order_id = Id()
    name = Text()
    contact_email = Text()
    email_address = Text()
    sms_marketing_phone = Text()
    total_price = Number()
    currency = Text()
    presentment_currency = Text()
    total_price_set = Object(MoneySetSchema)
    current_total_price = Number()
    current_total_price_set = Object(MoneySetSchema)
    test = Flag()
    line_items = items_field()
    shipping_lines = ListOf(Object(ShippingLineSchema))
    payment_gateway_names = ListOf(Text())
    refunds = ListOf(Object(RefundSchema))
    transactions = ListOf(Object(TransactionSchema))
    financial_status = Text()
    fulfillment_status = Text()
    cancel_reason = Text()
    order_status_url = Text()
    abandoned_checkout_url = Text()
    tracking_number = Text()
    tracking_numbers = ListOf(Text())
    tracking_url = Text()
    tracking_company = Text()
    note = Text()
    created_at = Time()
    updated_at = Time()
    cancelled_at = Time()
    customer = Object(CustomerSchema)
    shipping_address = Object(AddressSchema)
    billing_address = Object(AddressSchema)
    destination = Object(AddressSchema)
    sms_marketing_consent = Object(ConsentSchema)
    email_marketing_consent = Object(ConsentSchema)


class ConsentBodySchema(BodySchema):
    id = Id()  # consent bodies may have only a phone or an e-mail
