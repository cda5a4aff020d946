"""What a person does with events: list, show, replay, discard, translate, send, read history.

Functions return data and print nothing: the commands of `relay/cli`, a console and an API render
it. Those that may read many records or make many requests say so.
"""

from relay.operations.destinations import (
    DestinationState,
    destination_states,
    pause_destination,
    probe_destination,
    resume_destination,
)
from relay.operations.forget import Forgotten, forget, person_of
from relay.operations.outgoing import (
    RelayAnswer,
    RelayUnreachable,
    Translation,
    body_of_file,
    history,
    request_from_file,
    send,
    transform,
)
from relay.operations.records import (
    AmbiguousId,
    EventDetail,
    EventPage,
    EventSummary,
    Replayed,
    Selection,
    Store,
    UnknownRecord,
    discard,
    find_events,
    find_record,
    list_events,
    list_ignored,
    replay,
    replay_all,
    select_records,
    show_event,
)

__all__ = [
    "AmbiguousId",
    "DestinationState",
    "EventDetail",
    "EventPage",
    "EventSummary",
    "Forgotten",
    "RelayAnswer",
    "RelayUnreachable",
    "Replayed",
    "Selection",
    "Store",
    "Translation",
    "UnknownRecord",
    "body_of_file",
    "destination_states",
    "discard",
    "find_events",
    "find_record",
    "forget",
    "history",
    "list_events",
    "list_ignored",
    "pause_destination",
    "person_of",
    "probe_destination",
    "replay",
    "replay_all",
    "request_from_file",
    "resume_destination",
    "select_records",
    "send",
    "show_event",
    "transform",
]
