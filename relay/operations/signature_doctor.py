"""Why the proof of a captured request does not fit: what would have to be otherwise for it to fit.

Each suspicion is tried with the source's own scheme: another body, another secret, another
notation, another address, another clock. Nothing that is returned has a secret or a signature in
it.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from relay.errors import MISSING, STALE, NeedsCertificate, Refused
from relay.inbound.contract import Source
from relay.inbound.signature import Scheme
from relay.inbound.signature.refusal_cause import proof_header
from relay.model import WebhookRequest
from relay.platforms import discovered

_CLOCK_MAX_S: Final = 20 * 365 * 86_400
_ENCODINGS: Final = ("hex", "base64")
_KEYS: Final = ("utf8", "hex", "base64")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found: a code, and a detail that is safe to show."""

    code: str
    detail: str = ""


def request_of_dump(content: bytes, source: Source, now: datetime) -> WebhookRequest:
    """The request in a sample file, or in a dump of one: its first line, headers, and exact body.

    `curl -v` and proxies write dumps so; lines of comments, `> ` before a line, and `:token` and
    `:query` are understood.
    """
    end = b"\r\n\r\n" if b"\r\n\r\n" in content else b"\n\n"
    head, _, body = content.partition(end)
    url, method, headers, own = f"https://relay.example/webhooks/{source.name}", "POST", {}, {}
    for line in head.decode("utf-8", "replace").splitlines():
        text = line.removeprefix("> ").strip()
        words = text.split(" ")
        if len(words) == 3 and words[2].startswith("HTTP/"):
            method, url = words[0].upper(), _absolute(words[1], url)
        elif text.startswith(":"):
            name, _, value = text[1:].partition(":")
            own[name] = value.strip()
        elif text and not text.startswith("#"):
            name, _, value = text.partition(":")
            headers[name.strip().lower()] = value.strip()
    if host := headers.get("host"):
        url = urlsplit(url)._replace(netloc=host).geturl()
    if own.get("token"):
        url = f"{url}/{own['token']}"
    if own.get("query"):
        url = f"{url}?{own['query']}"
    parts = urlsplit(source.public_url or url)
    query = tuple(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    rest = urlsplit(url).path.strip("/").split("/", 2)
    token = rest[2] if len(rest) > 2 else ""
    return WebhookRequest(method, parts.geturl(), headers, body, now, query, token)


def _absolute(target: str, url: str) -> str:
    return target if "://" in target else f"https://{urlsplit(url).netloc}{target}"


def diagnose(request: WebhookRequest, source: Source, now: datetime) -> list[Finding]:
    """What speaks for or against the proof of a request; the first finding is the likeliest."""
    reason = _reason(source.scheme, request, source.secrets, now)
    if not reason:
        number = next(
            i
            for i, s in enumerate(source.secrets)
            if not _reason(source.scheme, request, (s,), now)
        )
        if number:
            return [Finding("old_secret", str(number + 1))]
        return [Finding("fits"), *_about_topic(request, source)]
    if reason == MISSING:
        others = _other_schemes(request, source)
        return [Finding("other_scheme", others)] if others else [Finding("missing", _label(source))]
    if reason == STALE:
        return [Finding("stale_clock", _how_stale(request, source, now))]
    found = list(_suspicions(request, source, now))
    return found or [Finding("secret_or_body", reason)]


def _label(source: Source) -> str:
    return source.scheme.label.replace("`", "")


def _reason(
    scheme: Scheme, request: WebhookRequest, secrets: tuple[str, ...], now: datetime
) -> str:
    """Why a proof is refused, empty where it fits."""
    try:
        scheme.verify(request, secrets, now)
    except Refused as refusal:
        return refusal.reason
    except NeedsCertificate:
        return "certificate"
    except (ValueError, TypeError):  # a changed secret is no key
        return "unusable"
    return ""


def _about_topic(request: WebhookRequest, source: Source) -> Iterator[Finding]:
    """A ping, or a topic that is no event."""
    place = source.platform.topic
    try:
        value = source.platform.body(request, source)
    except Exception:  # noqa: BLE001  whatever is wrong with the body, the proof fits
        return
    topic = place.find(request, value) if place else ""
    if topic in source.platform.ignored:
        yield Finding("ignored_topic", f"{topic}: {source.platform.ignored[topic]}")


def _other_schemes(request: WebhookRequest, source: Source) -> str:
    """The platforms of whose proofs the request has the header."""
    names = set()
    for platform in discovered().values():
        scheme = platform.scheme
        if callable(scheme) or platform.name == source.platform.name:
            continue
        header = proof_header(scheme)
        if header and header != "authorization" and request.headers.get(header):
            names.add(platform.title)
    return ", ".join(sorted(names))


def _how_stale(request: WebhookRequest, source: Source, now: datetime) -> str:
    """By how many seconds the signed time is off: the least shift of our clock that fits."""
    scheme: Any = source.scheme

    def fits(seconds: int) -> bool:
        return not _reason(scheme, request, source.secrets, now + timedelta(seconds=seconds))

    tolerance_s = getattr(scheme, "tolerance_s", None) or 300
    for direction in (-1, 1):
        step = tolerance_s
        # The window in which it fits is as long as the tolerance at least.
        for shift in range(step, min(_CLOCK_MAX_S, step * 20_000), step):
            if fits(direction * shift):
                return f"{direction * -shift} s"
    return ""


def _suspicions(request: WebhookRequest, source: Source, now: datetime) -> Iterator[Finding]:
    for code, variants in (
        ("body_changed", _bodies(request)),
        ("other_url", _addresses(request)),
    ):
        for detail, changed in variants:
            if not _reason(source.scheme, changed, source.secrets, now):
                yield Finding(code, detail)
    for detail, scheme in _notations(source.scheme):
        if not _reason(scheme, request, source.secrets, now):
            yield Finding("other_notation", detail)
    for detail, change in _SECRETS:
        secrets = tuple(text for one in source.secrets if (text := change(one)) != one)
        if secrets and not _reason(source.scheme, request, secrets, now):
            yield Finding("secret_written_otherwise", detail)


def _bodies(request: WebhookRequest) -> Iterator[tuple[str, WebhookRequest]]:
    """The body as it may have been before somebody on the way changed it."""
    body = request.body
    changed = {
        "a line end was added": body.rstrip(b"\r\n"),
        "a line end was lost": body + b"\n",
        "a carriage return was lost": body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"),
        "a carriage return was added": body.replace(b"\r\n", b"\n"),
        "a byte order mark was added": body.removeprefix(b"\xef\xbb\xbf"),
        "a byte order mark was lost": b"\xef\xbb\xbf" + body,
        "UTF-8 was taken for Latin-1": _recoded(body, "utf-8", "latin-1"),
        "Latin-1 was made UTF-8": _recoded(body, "latin-1", "utf-8"),
        **_reserialised(body),
    }
    for detail, content in changed.items():
        if content != body:
            yield detail, request.with_body(content)


def _recoded(body: bytes, decoding: str, encoding: str) -> bytes:
    try:
        return body.decode(decoding).encode(encoding)
    except UnicodeError:
        return body


def _reserialised(body: bytes) -> dict[str, bytes]:
    """The JSON in the notations of common languages."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    found = {}
    for escaped in (False, True):
        for name, separators in (("compact", (",", ":")), ("spaced", (", ", ": "))):
            text = json.dumps(value, ensure_ascii=escaped, separators=separators)
            detail = f"the JSON was written anew ({name}{', escaped' if escaped else ''} before)"
            found[detail] = text.encode(errors="replace")
            found[f"{detail}, slashes escaped"] = text.replace("/", "\\/").encode(errors="replace")
    found["the JSON was written anew (indented before)"] = json.dumps(
        value, ensure_ascii=False, indent=2
    ).encode(errors="replace")
    return found


def _addresses(request: WebhookRequest) -> Iterator[tuple[str, WebhookRequest]]:
    """The address as the sender may know it."""
    parts = urlsplit(request.url)
    for scheme in ("https", "http"):
        for path in (parts.path, parts.path.rstrip("/"), f"{parts.path.rstrip('/')}/"):
            for query in (parts.query, ""):
                changed = parts._replace(scheme=scheme, path=path, query=query).geturl()
                if changed != request.url:
                    shown = f"{scheme}, {'with' if path.endswith('/') else 'without'} a last slash"
                    yield (
                        shown + ("" if query == parts.query else ", without the query"),
                        replace(request, url=changed),
                    )


def _notations(scheme: Any) -> Iterator[tuple[str, Any]]:
    """The scheme with another notation of the signature or of the key."""
    for name, choices in (("encoding", _ENCODINGS), ("key", _KEYS)):
        present = getattr(scheme, name, None)
        for choice in choices if isinstance(present, str) and present in choices else ():
            if choice != present:
                what = "signature" if name == "encoding" else "key"
                yield f"{what} in {choice}, expected {present}", replace(scheme, **{name: choice})


_SECRETS: Final[tuple[tuple[str, Callable[[str], str]], ...]] = (
    ("blanks around it", str.strip),
    ("without `whsec_`", lambda text: text.removeprefix("whsec_")),
    ("with `whsec_`", lambda text: text if text.startswith("whsec_") else f"whsec_{text}"),
    ("in small letters", str.lower),
    ("without quotation marks", lambda text: text.strip("\"'")),
)
