"""Dataclasses that mypy keeps immutable, at the price of ordinary ones.

A frozen dataclass sets each field through `object.__setattr__`: with the hundreds of fields that a
webhook becomes, that was a twentieth of what an accept costs. For mypy `value` is `dataclass`, so
that an assignment to a field is an error; at run time nothing looks.

    @value(frozen=True, slots=True)
    class Money: ...
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

__all__ = ["value"]

if TYPE_CHECKING:
    from dataclasses import dataclass as value
else:

    def value(*, frozen: bool, **options: Any) -> Any:
        return dataclass(unsafe_hash=frozen, **options)
