"""Everything in Redis: connection, records, jobs, indices, and what Redis can be trusted with."""
