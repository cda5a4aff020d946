"""Answers of a form that are no list: the form arrives, without them."""

import json
from dataclasses import replace
from typing import Any

import pytest
from platform_samples import request_of, source_of

from relay.inbound import samples
from relay.model import Call, Ignored
from relay.pipeline import flattened, translate


@pytest.mark.parametrize("odd", [5, True, "x", {"a": 1}, [5]], ids=str)
@pytest.mark.parametrize(
    ("platform", "path"),
    [
        ("tally", "data.fields"),
        ("tally", "data.fields.0.options"),
        ("typeform", "form_response.answers"),
        ("typeform", "form_response.definition.fields"),
        ("google_forms", "answers"),
    ],
)
def test_what_is_no_list_of_answers_is_left_out(platform: str, path: str, odd: Any) -> None:
    request = request_of(platform, samples.names(platform)[0])
    body = json.loads(request.body)
    *outer, name = path.split(".")
    node = body
    for key in outer:
        node = node[int(key)] if isinstance(node, list) else node[key]
    node[name] = odd
    changed = replace(request, body=json.dumps(body).encode())
    (item,) = flattened(translate(changed, source_of(platform)))

    assert isinstance(item, Call | Ignored)
