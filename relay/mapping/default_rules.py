"""The rules that event types have by themselves, and who follows whom.

`[events]` of relay.toml overrides them type by type; `false` in the place of a rule switches the
type off. A type that the file does not name follows its parent (`email.blocked` does what
`email.deferred` does there); without a parent that is named it has its default rule.
"""

from collections.abc import Mapping
from typing import Any, Final

from relay.mapping.event_types import EVENT_TYPES

_NOTE: Final = {"notes": True}
_NOTE_AND_DATE: Final = {"notes": True, "creation_date": "occurred_at"}
_FAILED: Final = {"notes": True, "outbound_status": "error", "error_message": "{{ reason }}"}
# Types whose rule is more than a note, or that have none (False).
_RULES: Final[Mapping[str, Mapping[str, Any] | bool]] = {
    "order.created": _NOTE_AND_DATE,
    "order.deleted": False,
    "checkout.updated": False,
    "customer.created": _NOTE_AND_DATE,
    "customer.deleted": False,
    "email.sent": {"outbound_status": "sent", "sent_at": "occurred_at"},
    "email.delivered": {"outbound_status": "delivered", "delivered_at": "occurred_at"},
    "email.deferred": {"outbound_status": "submitted", "error_message": "{{ reason }}"},
    "email.opened": {"outbound_status": "read", "read_at": "occurred_at"},
    "email.clicked": {
        "notes": True, "campaign_url": "{{ link }}", "read_at": "occurred_at",
    },
    "email.blocked": _FAILED,
    "email.bounced": _FAILED,
    "email.rejected": _FAILED,
    "form.submitted": _NOTE_AND_DATE,
    "lead.created": _NOTE_AND_DATE,
}  # fmt: skip


def default_rule(event_type: str) -> Mapping[str, Any] | bool:
    """The rule of a type as in relay.toml; False where it is told only by those who ask for it."""
    return _RULES.get(event_type, _NOTE)


def with_inherited(table: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """(`[events]` with a rule for each type, what is not written there).

    The second maps each type that the table does not name to the type whose rule it has: the
    nearest ancestor that is named, or "" for its default rule.
    """
    complete, inherited = dict(table), {}
    for name in EVENT_TYPES.keys() - table.keys():
        ancestor = _named_ancestor(name, table)
        inherited[name] = ancestor
        complete[name] = table[ancestor] if ancestor else default_rule(name)
    return complete, inherited


def own_with_inherited(table: Mapping[str, Any], inherited: Mapping[str, str]) -> dict[str, Any]:
    """The `[events]` of a source, with the types that follow one of which it says something."""
    complete = dict(table)
    for name, followed in inherited.items():
        if followed and name not in table and (ancestor := _named_ancestor(name, table)):
            complete[name] = table[ancestor]
    return complete


def _named_ancestor(name: str, table: Mapping[str, Any]) -> str:
    parent = EVENT_TYPES[name].parent
    while parent and parent not in table:
        parent = EVENT_TYPES[parent].parent
    return parent
