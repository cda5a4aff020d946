"""The rules that event types have by themselves, and who follows whom.

`[events]` of relay.toml overrides them type by type; `false` in the place of a rule switches the
type off. A type that the file does not name follows its parent (`email.blocked` does what
`email.deferred` does there); without a parent that is named it has its default rule.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from relay.mapping.event_types import EVENT_TYPES, Language
from relay.mapping.rules import Rule, compile_rules

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
    """The rule of a type as in relay.toml; False where only a source that asks for it gets it."""
    return _RULES.get(event_type, _NOTE)


def inherited_types(table: Mapping[str, Any]) -> dict[str, str]:
    """Each type that `[events]` does not name, with the type whose rule it has.

    That is the nearest ancestor that is named, or "" for its own default rule.
    """
    return {name: _named_ancestor(name, table) for name in EVENT_TYPES.keys() - table.keys()}


def compile_all(
    general: Mapping[str, Any],
    language: Language,
    own: tuple[str, Mapping[str, Any]] | None = None,
) -> tuple[dict[str, Rule], list[str], list[str]]:
    """(rules by event type, faults, warnings) of `[events]`, with those that are not written.

    `own` is the key and table of a source's own `events`. A fault of a rule is reported once, where
    it is written.
    """
    inherited = inherited_types(general)
    followers = {
        name: general[ancestor] if ancestor else default_rule(name)
        for name, ancestor in inherited.items()
    }
    tables = [("events", {**general, **followers})]
    copies = [f'events."{name}"' for name in followers]
    if own is not None:
        key, written = own
        # A type that follows another in general does so within the source too.
        own_followers = {
            name: written[nearest]
            for name, ancestor in inherited.items()
            if ancestor and name not in written and (nearest := _named_ancestor(name, written))
        }
        tables.append((key, {**written, **own_followers}))
        copies += [f'{key}."{name}"' for name in own_followers]
    rules, faults, warnings = compile_rules(tables, language)
    return rules, _without(copies, faults), _without(copies, warnings)


def _without(keys: Sequence[str], lines: Sequence[str]) -> list[str]:
    return [line for line in lines if not line.startswith(tuple(keys))]


def _named_ancestor(name: str, table: Mapping[str, Any]) -> str:
    parent = EVENT_TYPES[name].parent
    while parent and parent not in table:
        parent = EVENT_TYPES[parent].parent
    return parent
