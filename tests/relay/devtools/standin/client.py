"""A client of the stand-in, and what it expects to read."""

import requests

from relay.devtools.standin import API, DEMO_KEY
from tests.waiting import LONG_S

ANA = "1713anaec1001"
ACCEPTED = {"messages": "Customer event created successfully"}
ABSENT = {"message": "Customer not found"}
UNAUTHORIZED = {"message": "Unauthorized", "info": {"data": {}}}
REFS = [
    ANA,
    "%2B593999000001",
    "+593999000001",
    "593999000001",
    "ana%40example.com",
    "ANA@example.com",
]


class APIClient(requests.Session):
    """Speaks to one stand-in as the relay does: key header, redirects off."""

    def __init__(self, root):
        super().__init__()
        self.root = root
        self.trust_env = False
        self.headers["api-key"] = DEMO_KEY

    def request(self, method, path, **options):
        options = {"timeout": LONG_S, "allow_redirects": False, **options}
        return super().request(method, self.root + path, **options)

    def send_event(self, body=None, *, ref=ANA, **options):
        if "data" not in options:
            options["json"] = body or {}
        return self.post(f"{API}/customers/{ref}/events", **options)
