"""A local stand-in for the Mercately API, for the demo, docker compose and the tests.

Where the published contract is silent it does what older versions and clients were seen doing;
where those disagree, `Behaviour` chooses. `Standin.fail` makes it misbehave on purpose. An
accepted event is recorded and never changes the customer: whether the real one does is unknown.
"""

from relay.standin.api import ACCEPTED, AGENTS, API
from relay.standin.customers import demo_customers
from relay.standin.faults import FAULTS, GROUPS
from relay.standin.server import StandinServer, serve
from relay.standin.shapes import Invalid, Shape, problems
from relay.standin.state import DEMO_KEY, Behaviour, ReceivedEvent, Standin
from relay.standin.web import create_app

__all__ = [
    "ACCEPTED",
    "AGENTS",
    "API",
    "DEMO_KEY",
    "FAULTS",
    "GROUPS",
    "Behaviour",
    "Invalid",
    "ReceivedEvent",
    "Shape",
    "Standin",
    "StandinServer",
    "create_app",
    "demo_customers",
    "problems",
    "serve",
]
