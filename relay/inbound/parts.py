"""Division of a body with several events into parts, each as if it had come by itself."""

from collections.abc import Callable
from typing import Any

from relay.inbound.payload_fields import OmittedFields, value_at


def each_of(name: str, *paths: str, text: str = "") -> Callable[[Any], list[Any]]:
    """Divides a body by a list in it: a part is the whole body, with one item under `name`.

    The list is the first at one of the paths that has items. A body without one is its only part,
    and so is a part: what is stored of it parses as itself again. An item that is a text becomes an
    object with the text under `text`.
    """
    keys = [tuple(path.split(".")) for path in paths]

    def parts(value: Any) -> list[Any]:
        if not isinstance(value, dict) or name in value:
            return [value]
        lists = (value_at(value, path, "", OmittedFields()) for path in keys)
        items = next((each for each in lists if each and isinstance(each, list)), None)
        return [value] if items is None else [{**value, name: named(item)} for item in items]

    def named(item: Any) -> Any:
        return {text: item} if text and isinstance(item, str) else item

    return parts
