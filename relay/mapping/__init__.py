"""What Mercately is told: event types, rules from relay.toml, the call body and phone numbers."""
