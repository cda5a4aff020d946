"""The schemas of `relay.toml`: the type, default and bounds of each key of its tables."""

import re
from dataclasses import replace
from typing import Any
from zoneinfo import available_timezones

from marshmallow import Schema, ValidationError, fields, validate

from config.secret_texts import SecretTexts, split_secrets

_RATE_MIN_PER_S = 0.5
_ATTEMPTS_MAX = 100
_QUOTED = re.compile("[\"'\u201c\u2018](.*)[\"'\u201d\u2019]")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Duration(fields.Field[float]):
    """`5s`, `10m`, `2h` or `1d`, as seconds."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", value) if isinstance(value, str) else None
        if match is None:
            raise ValidationError('expected a duration such as "5s", "30m" or "2h"')
        return float(match[1]) * _SECONDS[match[2]]


def _from_to(least: str, most: str) -> validate.Range:
    """Bounds of a duration, or of each of several."""
    return validate.Range(
        _seconds(least), _seconds(most), error=f"expected a duration from {least} to {most}"
    )


def _seconds(text: str) -> float:
    return float(text[:-1]) * _SECONDS[text[-1]]


def _check_schedule(delays_s: tuple[float, ...]) -> None:
    if len(delays_s) > _ATTEMPTS_MAX:
        raise ValidationError(f"expected up to {_ATTEMPTS_MAX} durations")
    for delay_s in delays_s:
        _from_to("1s", "7d")(delay_s)


class _Schedule(_Duration):
    """Durations separated by spaces, or a list of them."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        parts = value.split() if isinstance(value, str) else value
        if not isinstance(parts, list) or not parts:
            raise ValidationError('expected durations such as "5s 5m 30m 2h"')
        return tuple(super(_Schedule, self)._deserialize(part, *args, **kwargs) for part in parts)


class _Rate(fields.Field[float]):
    """`10/s` or `120/m`, as a number per second."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> float:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)/([smh])", value) if isinstance(value, str) else None
        if match is None or float(match[1]) <= 0:
            raise ValidationError('expected a rate such as "2/s" or "120/m"')
        per_s = float(match[1]) / _SECONDS[match[2]]
        if per_s < _RATE_MIN_PER_S:  # one event may take many requests, and a job has an end
            raise ValidationError('expected at least "30/m"')
        return per_s


def _check_timezone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError('expected a time zone such as "America/Guayaquil"')


class _ApiKey(fields.String):
    """A key without the quotation marks that some hosts leave around a variable."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        match = _QUOTED.fullmatch(text)
        return match[1] if match else text


class DestinationSchema(Schema):
    """`[destinations.<name>]`."""

    server = fields.URL(
        schemes={"http", "https"}, require_tld=False, load_default="https://app.mercately.com"
    )
    api_key = _ApiKey(
        required=True,
        validate=[
            validate.Length(min=1),
            validate.Regexp(r"([!-~]([ -~]*[!-~])?)?\Z", error="expected visible ASCII characters"),
        ],
    )
    rate = _Rate(load_default=2.0)
    in_flight = fields.Integer(
        strict=True,
        load_default=32,
        validate=validate.Range(1, 10_000, error="expected a whole number from 1 to 10000"),
    )
    ordering = fields.String(load_default="strict", validate=validate.OneOf(["strict", "relaxed"]))
    timezone = fields.String(load_default="America/Guayaquil", validate=_check_timezone)
    country = fields.String(
        load_default="EC",
        validate=validate.Regexp(r"^[A-Z]{2}$", error='expected two letters such as "EC"'),
    )
    on_absent = fields.String(
        load_default="hold", validate=validate.OneOf(["create", "hold", "drop"])
    )
    on_ambiguous = fields.String(load_default="retry", validate=validate.OneOf(["retry", "hold"]))
    retry_schedule = _Schedule(
        load_default=(5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0),
        validate=_check_schedule,
    )
    identifier = fields.String(
        load_default="lookup", validate=validate.OneOf(["lookup", "phone", "email"])
    )
    customer_wrapper = fields.Boolean(load_default=False)
    probe = fields.String(
        load_default="/agents",
        validate=validate.Regexp(r"/[!-~]{1,200}\Z", error='expected a path such as "/agents"'),
    )


class _Secrets(fields.List[str]):
    """A list, each part one secret as it stands; or one text with commas, see `split_secrets`."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        split = split_secrets(value) if isinstance(value, str) else SecretTexts(value)
        texts: Any = super()._deserialize(split.texts, *args, **kwargs)
        return replace(split, texts=tuple(texts))


def _check_some(secrets: SecretTexts) -> None:
    validate.Length(min=1)(secrets.texts)


class SourceSchema(Schema):
    """`[sources.<name>]`.

    `options`, `events` and `when` are checked where their schemas are known.
    """

    platform = fields.String(required=True)
    destination = fields.String()
    title = fields.String(
        load_default="",
        validate=validate.Regexp(
            r"([^\s]([^\n\r]{0,58}[^\s])?)?\Z", error="expected one line of up to 60 characters"
        ),
    )
    secrets = _Secrets(
        fields.String(validate=validate.Length(min=1, error="expected a secret that is not empty")),
        required=True,
        validate=_check_some,
    )
    topics = fields.List(fields.String(validate=validate.Length(min=1)), load_default=[])
    types = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        load_default={},
        error_messages={
            "invalid": (
                "expected a table from topics to event types; `topics` lists what is delivered"
            )
        },
    )
    abandoned_after = _Duration(load_default=3600.0, validate=_from_to("0s", "30d"))
    repeat_window = _Duration(load_default=600.0, validate=_from_to("0s", "90d"))
    timezone = fields.String(load_default=None, validate=_check_timezone)
    machine_events = fields.Boolean(load_default=False)
    tolerance = _Duration(load_default=None, allow_none=True, validate=_from_to("1s", "90d"))
    public_url = fields.URL(schemes={"http", "https"}, require_tld=False, load_default="")
    on_invalid = fields.String(load_default="hold", validate=validate.OneOf(["hold", "reject"]))
    echo = fields.String(load_default="", validate=validate.OneOf(["ignore", "deliver"]))
    on_nobody = fields.String(validate=validate.OneOf(["ignore", "hold"]))
    on_redaction = fields.String(load_default="forget", validate=validate.OneOf(["forget", "hold"]))
    customer_id = fields.String(load_default="", validate=validate.Length(max=64))
    signing_key = fields.String(load_default="")
    options = fields.Dict(keys=fields.String(), load_default={})
    credentials = fields.Dict(keys=fields.String(), values=fields.String(), load_default={})
    events = fields.Dict(keys=fields.String(), load_default={})
    when = fields.Raw()
