"""Bodies in any notation that senders use: JSON, `application/x-www-form-urlencoded` and
`multipart/form-data`, in any character set, as one JSON value.

Works on the bytes that were signed; Flask's parsers are not used.
"""

import codecs
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from relay.errors import Unreadable
from relay.inbound import payload
from relay.inbound.payload import FIELDS_MAX, form_pairs, json_body
from relay.model import WebhookRequest

FORM: Final = payload.FORM
MULTIPART: Final = "multipart/form-data"
_DEPTH_MAX: Final = 8
_BRACKETS: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
# Python's names begin so. Others (`idna`, `unicode_escape`) are no character sets of a body.
_CHARSETS: Final = (
    "utf",
    "iso8859",
    "cp",
    "ascii",
    "mac",
    "koi8",
    "shift_jis",
    "euc",
    "gb",
    "big5",
)
# As `text/plain`, or as nothing at all, scripts send what they call a form.
_UNTYPED: Final = frozenset({"", "text/plain", "application/octet-stream"})
_FORM_START: Final = re.compile(rb"\s*[\w%.-]+(?:(?:\[|%5[Bb])[\w%.-]*(?:\]|%5[Dd]))*=")
_BOM: Final = b"\xef\xbb\xbf"
# Browsers read `iso-8859-1` as this, too.
_WESTERN: Final = "cp1252"


@dataclass(frozen=True, slots=True)
class Body:
    """The value of a body; `omitted_fields` names the files that were left out."""

    value: Any
    omitted_fields: dict[str, str] = field(default_factory=dict)


def parse_body(request: WebhookRequest) -> Body:
    """The body as JSON, or as a form when its content type, or else it itself, says so.

    Senders that post JSON with the content type of a form are common; a stored part of a form is
    JSON as well.

    Raises:
        Unreadable: it is neither, or has over 2,000 fields.
    """
    content_type = request.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    is_form = media_type in (FORM, MULTIPART)
    if not is_form or request.body.lstrip()[:1] in (b"{", b"["):
        try:
            value = _json_value(request.body, content_type)
            # A text may be JSON that was encoded twice.
            return Body(_parsed(value) if isinstance(value, str) else value)
        except Unreadable:
            looks_like_form = media_type in _UNTYPED and _FORM_START.match(request.body)
            if not (is_form or looks_like_form):
                raise
    if media_type == MULTIPART:
        return multipart_body(request.body, content_type)
    return Body(form_value(request.body, _parameter(content_type, "charset")))


def _json_value(body: bytes, content_type: str) -> Any:
    """The JSON value in UTF-8 where it is that, else in the declared character set, else in
    Western Europe's, which is what senders have that forget to say so.

    Raises:
        Unreadable: it is JSON in none of them.
    """
    charset = _parameter(content_type, "charset")
    try:
        return json_body(body)
    except Unreadable:
        texts = [declared_text(body, charset), declared_text(body, _WESTERN)]
        for text in texts:
            with suppress(Unreadable):
                if text is not None and not text.isascii():
                    return json_body(text.encode())
        raise


def declared_text(body: bytes, charset: str) -> str | None:
    """The body decoded by the character set that its sender declared, None when that fails."""
    name = _codec(charset)
    try:
        return body.decode(name) if name else None
    except UnicodeError:
        return None


def form_value(body: bytes, charset: str = "") -> dict[str, Any]:
    """The fields of a `x-www-form-urlencoded` body, nested by their brackets.

    Raises:
        Unreadable: it has too many fields.
    """
    return nested(
        (_decoded(name, charset), _decoded(value, charset))
        for name, value in form_pairs(body.removeprefix(_BOM))
    )


def multipart_body(body: bytes, content_type: str) -> Body:
    """The texts of a `multipart/form-data` body, nested by their brackets; files are left out.

    Raises:
        Unreadable: it is no such body, or has too many parts.
    """
    pairs: list[tuple[str, str]] = []
    omitted_fields: dict[str, str] = {}
    try:
        boundary = _parameter(content_type, "boundary").encode("latin-1")
        decoder = MultipartDecoder(boundary, max_parts=FIELDS_MAX)
        decoder.receive_data(body)
        decoder.receive_data(None)
        name, charset, content = "", "", b""
        general_charset = _parameter(content_type, "charset")
        is_file = False
        while not isinstance(event := decoder.next_event(), Epilogue | NeedData):
            if isinstance(event, Field | File):
                name, content = event.name or "", b""
                is_file = isinstance(event, File)
                own_charset = _parameter(event.headers.get("content-type", ""), "charset")
                charset = own_charset or general_charset
            elif isinstance(event, Data) and is_file:
                omitted_fields[name] = "file"
            elif isinstance(event, Data):
                content += event.data
                if not event.more_data:
                    pairs.append((name, _decoded(content, charset)))
    except (ValueError, RequestEntityTooLarge) as error:
        message = f"expected multipart/form-data of at most {FIELDS_MAX} parts"
        raise Unreadable({"body": message}) from error
    return Body(nested(pairs), omitted_fields)


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The pairs of a form as an object: `a[b][c]=1` is `{"a": {"b": {"c": "1"}}}`.

    `a[]` and `a[0]` make lists, and so does a name that is repeated with another value. A value
    that is a JSON object, or a list with one in it, is parsed.
    """
    root: dict[str, Any] = {}
    for name, text in pairs:
        match = _BRACKETS.fullmatch(name)
        keys = [match[1], *match[2][1:-1].split("][")] if match else [name]
        if len(keys) > _DEPTH_MAX:
            keys = [name]
        node = root
        for key in keys[:-1]:
            child = node.get(key or str(len(node)))
            if not isinstance(child, dict):
                child = node[key or str(len(node))] = {}
            node = child
        last = keys[-1] or str(len(node))
        _add(node, last, text)
    return {name: _listed(value) for name, value in root.items()}


def _add(node: dict[str, Any], key: str, text: str) -> None:
    present = node.get(key)
    if isinstance(present, list):
        present.append(text)
    elif isinstance(present, str) and present != text:
        node[key] = [present, text]
    else:
        node[key] = text


def _listed(value: Any) -> Any:
    """The value with objects that have the names 0, 1, … as lists, and JSON texts parsed."""
    if isinstance(value, str):
        return _parsed(value)
    if isinstance(value, list):
        return [_parsed(item) for item in value]
    parts = {name: _listed(part) for name, part in value.items()}
    is_list = all(name == str(i) for i, name in enumerate(parts))
    return list(parts.values()) if is_list else parts


def _parsed(text: str) -> Any:
    """A JSON object, or a list with one in it, parsed; any other text as it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        value = json_body(text.encode(errors="replace"))
    except Unreadable:
        return text
    has_object = isinstance(value, dict) or any(isinstance(item, dict) for item in value)
    return value if has_object else text


def _decoded(content: bytes, charset: str) -> str:
    """UTF-8 where it is that, else by the declared character set, else as Western Europe's."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        text = declared_text(content, charset)
        return content.decode(_WESTERN, "replace") if text is None else text


def _parameter(content_type: str, name: str) -> str:
    return parse_options_header(content_type)[1].get(name, "")


def _codec(charset: str) -> str:
    """Python's name of a character set, empty for an unknown one."""
    try:
        name = codecs.lookup(charset.strip()).name if charset else ""
    except (LookupError, ValueError):
        return ""
    if name == "iso8859-1":
        return _WESTERN
    return name if name.startswith(_CHARSETS) else ""
