"""Requests of every platform as they are sent, made of its samples, and sources that take them.

What a source is configured with stands in the samples too (`relay/inbound/samples.py`), so that a
platform is one file and its samples. `$NAME` there is a key of `tests/key_pairs.py`.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import key_pairs
import senders

from relay.inbound import samples
from relay.inbound.contract import Platform, Source
from relay.model import WebhookRequest
from relay.platforms import discovered


@dataclass(frozen=True)
class Sender:
    """What a source of the platform is configured with.

    `signing_key` is set where it is not the secret; `spare` is another secret of the same kind;
    `certificates` are those by their URLs that the platform signs with.
    """

    secret: str
    spare: str
    signing_key: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    certificates: Mapping[str, bytes] = field(default_factory=dict)


@cache
def sender_of(platform: str) -> Sender:
    """How the samples of a platform are sent.

    Raises:
        KeyError: none of them says by which secret.
    """
    if platform in senders.SECRETS:
        text = senders.OPTIONS.get(platform, "")
        key = senders.SENDGRID_PRIVATE_KEY if platform == "sendgrid" else ""
        secret, spare = senders.SECRETS[platform], senders.SPARES[platform]
        return Sender(secret, spare, key, tomllib.loads(text))
    said: dict[str, str] = {}
    for name in samples.names(platform):
        said |= samples_of(platform)[name].sender
    if "secret" not in said:
        raise KeyError(f"relay/samples/{platform}: no sample has a line `:secret: …`")
    certificate = said.get("certificate")
    return Sender(
        _value(said["secret"]),
        _value(said.get("spare", f"another-{said['secret']}")),
        _value(said.get("signing_key", "")),
        tomllib.loads(f"options = {said.get('options', '{}')}")["options"],
        {certificate: key_pairs.RSA_CERTIFICATE} if certificate else {},
    )


def _value(text: str) -> str:
    """A text, where a name after `$` at its end stands for one of `key_pairs`."""
    before, dollar, name = text.partition("$")
    return before + str(getattr(key_pairs, name)) if dollar else text


@cache
def samples_of(platform: str) -> Mapping[str, samples.Sample]:
    """The samples of a platform, by the names of their files."""
    files = (samples.FOLDER / platform).glob("*.http")
    return {file.stem: samples.parse(file.stem, file.read_bytes()) for file in files}


def source_of(name: str, **parts: Any) -> Source:
    """A source that takes all topics and the samples of a platform; `parts` are its fields."""
    sender = sender_of(name)
    values = {"options": sender.options, "signing_key": sender.signing_key, "topics": ("*",)}
    return source_with(discovered()[name], sender.secret, **values | parts)


def source_with(platform: Platform, *secrets: str, **parts: Any) -> Source:
    """A source with a rule for every event type; `parts` are its fields.

    `language` is that of its notes, too.
    """
    options: Mapping[str, Any] = parts.pop("options", {})
    if platform.options is not None:
        options = platform.options().load(dict(options))
    return replace(
        senders.source_of("generic", language=parts.get("language", "es")),
        name=platform.name,
        title=platform.title,
        platform=platform,
        scheme=platform.scheme_for(options),
        secrets=secrets,
        options=options,
        **parts,
    )


def request_of(platform: str, name: str, **parts: Any) -> WebhookRequest:
    """The sample of a topic as it is sent, or another by its name; `parts` are the request's."""
    sample = samples_of(platform)[samples.file_name(name)]
    token, query = sample.sender.get("token", ""), sample.sender.get("query", "")
    path = f"/webhooks/{platform}" + (f"/{token}" if token else "") + (f"?{query}" if query else "")
    values = {
        "url": f"https://relay.example{path}",
        "query": tuple(parse_qsl(query, keep_blank_values=True)),
        "token": token,
    }
    return senders.delivery(dict(sample.headers), sample.body, **values | parts)
