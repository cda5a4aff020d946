"""Check the declaration of a platform once, when it is discovered.

What is wrong there would only be silent later: a value under a name that the event's family lacks
is left out, a time or an id that the schema lacks is never found.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from relay.inbound.contract import Platform
from relay.inbound.topics import RESERVED, Topic
from relay.mapping.event_fields import FAMILIES, family_of, names_of
from relay.mapping.event_types import EVENT_TYPES


def check_declaration(platform: Platform) -> None:
    """Check event types and names of all topics, and the topics that `echo` names.

    Raises:
        TypeError: one does not exist; the message has platform, topic and name.
    """
    topics = dict(platform.topics)
    if platform.other is not None:
        topics["other"] = platform.other
    for name, topic in platform.topics.items():
        if lookup := platform.lookups.get(topic.lookup):
            topics[name] = replace(topic, step="", step_at="", attempt="", updates=False)
            topics[f"{name}, looked up"] = replace(topic, shape=lookup.shape, lookup="", at=())
        elif platform.lookups and topic.lookup:
            raise TypeError(f"platform {platform.name}: no look-up of {topic.lookup!r}")
    for name in platform.echo.ignored if platform.echo else ():
        if name not in platform.topics:
            raise TypeError(f"platform {platform.name}: no topic {name!r}, named by its echo")
    for name, topic in topics.items():
        known = known_names(topic, topics.values())
        for fault in (*_type_faults(topic), *_name_faults(topic, known), *_thing_faults(topic)):
            raise TypeError(f"platform {platform.name}, topic {name!r}: {fault}")


def is_known(name: str, known: Collection[str]) -> bool:
    """Whether a value may have this name: a field, a reserved name, or the platform's own."""
    return name in known or name in RESERVED or name.startswith("_")


def known_names(topic: Topic, topics: Iterable[Topic]) -> Collection[str]:
    """The fields of all event types of topics that share a topic's schema; any where it has none.

    What only one of them has is left out of the others.
    """
    schema = type(topic.shape.schema)
    sharing = [other for other in topics if type(other.shape.schema) is schema]
    types = {name for other in sharing for name in _event_types(other)}
    families = {family_of(name) for name in types} or FAMILIES
    return {name for family in families for name in names_of(family)}


def _event_types(topic: Topic) -> list[str]:
    return [name for name in (topic.type, topic.delayed_type, *topic.other_types) if name]


def _type_faults(topic: Topic) -> Iterator[str]:
    steps = [step for words in topic.shape.states.values() for step in words.values()]
    steps += topic.shape.dated.values()
    for name in (*_event_types(topic), *(step.type for step in steps if step.type)):
        if name not in EVENT_TYPES:
            yield f"unknown event type {name!r}"


def _name_faults(topic: Topic, known: Collection[str]) -> Iterator[str]:
    shape = topic.shape
    names = shape.schema.names
    for name in names:
        if not is_known(name, known):
            yield f"{name!r} in the schema is no field of its event types"
    # `at` may be absent: then the time is that of the request.
    used = {
        "shown": shape.shown, "states": shape.states, "dated": shape.dated,
        "skipped": shape.skipped, "at": topic.at, "step_at": (topic.step_at,),
        "attempt": (topic.attempt,),
    }  # fmt: skip
    for place, used_names in used.items():
        for name in used_names:
            if name and name not in names and (place, name) != ("at", "at"):
                yield f"{name!r} in {place} is not in the schema"


def _thing_faults(topic: Topic) -> Iterator[str]:
    shape = topic.shape
    names = shape.schema.names
    reports_state = bool(topic.step or topic.updates or shape.states or shape.dated)
    if reports_state and not shape.kind:
        yield "'kind' of the shape is empty, but the topic reports the state of a thing"
    if (reports_state or topic.once or topic.lookup) and "id" not in names:
        yield "'id' is not in the schema, but the topic is about a thing"
    if topic.delayed_type and "token" not in names:
        yield "'token' is not in the schema, but the topic has a delayed event"
