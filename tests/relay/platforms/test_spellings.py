"""Every platform takes its own request as proxies, editors and libraries spell it on the way."""

from dataclasses import replace

import senders
from cases import all_of
from platform_samples import request_of, sender_of, source_of

from relay.inbound import samples
from relay.pipeline import process, translate
from relay.platforms import discovered

PLATFORMS = sorted(discovered())
FIRST = {name: request_of(name, samples.names(name)[0]) for name in PLATFORMS}
# Where a certificate has to be fetched, the scheme has tests of its own.
PROVED_ALONE = [name for name in PLATFORMS if not sender_of(name).certificates]
# Forms and tokens are ASCII.
JSON = [name for name in PLATFORMS if FIRST[name].body[:1] in (b"{", b"[")]
PROOFS = ("authorization", "digest", "hash", "hmac", "hottok", "sign", "token", "checksum")
SPELLINGS = {
    "spaces around": lambda proof: f"  {proof} ",
    "header sent twice": lambda proof: f"{proof}, {proof}",
    "hex in capitals": lambda proof: proof.upper() if _is_hex(proof) else proof,
    "no padding": lambda proof: proof.rstrip("="),
}
ENCODINGS = {
    "byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "CRLF": lambda body: body.replace(b"\n", b"\r\n"),
    "spaces behind": lambda body: body + b" \r\n",
}


def _is_hex(text):
    return set(text) <= set("0123456789abcdef")


@all_of(("platform", "spelling"), [(one, name) for one in PROVED_ALONE for name in SPELLINGS])
def test_proof_is_read_in_other_spellings(platform, spelling):
    request = FIRST[platform]
    spelled = {
        name: SPELLINGS[spelling](value)
        for name, value in request.headers.items()
        if any(word in name for word in PROOFS)
    }

    again = replace(request, headers={**request.headers, **spelled})

    assert process(again, source_of(platform), senders.NOW)


@all_of(("platform", "encoding"), [(one, name) for one in JSON for name in ENCODINGS])
def test_body_says_the_same_in_another_encoding(platform, encoding):
    request, source = FIRST[platform], source_of(platform)

    again = translate(replace(request, body=ENCODINGS[encoding](request.body)), source)

    assert [type(item) for item in again] == [type(item) for item in translate(request, source)]
