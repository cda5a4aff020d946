"""Delivery: one job, one record, one call to Mercately. Start reading at `worker/tasks.py`."""
