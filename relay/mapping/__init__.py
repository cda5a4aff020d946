"""From an event to the call at Mercately: event types, rules, the call's body, phone numbers."""
