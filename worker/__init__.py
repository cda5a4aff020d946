"""Delivers records to Mercately, one RQ job each. Start reading at `worker/tasks.py`."""
