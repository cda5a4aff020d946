"""Everything in Redis: connection, records, jobs, indices, durability and readiness."""
