"""A local stand-in for the Mercately API, for the demo, docker compose and the tests.

Where the published contract is silent it does what older versions and clients were seen doing;
where those disagree, `Behaviour` chooses. `Standin.fail` makes it misbehave on purpose. An
accepted event is recorded and never changes the customer: whether the real one does is unknown.
"""

from relay.devtools.standin.api import ACCEPTED, AGENTS, API
from relay.devtools.standin.customers import demo_customers
from relay.devtools.standin.faults import FAULTS, GROUPS
from relay.devtools.standin.server import StandinServer, serve
from relay.devtools.standin.shapes import Invalid, Shape, problems
from relay.devtools.standin.state import DEMO_KEY, Behaviour, ReceivedEvent, Standin
from relay.devtools.standin.web import create_app


def demo_standin() -> Standin:
    """A stand-in with a few customers that answers the history with the events it received."""
    standin = Standin(customers=demo_customers())
    standin.behaviour.history = "results"
    return standin


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
    "demo_standin",
    "problems",
    "serve",
]
