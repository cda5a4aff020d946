"""mercately-relay: receives webhooks of other services and delivers them to Mercately.

Start with `relay/pipeline.py`, then `worker/tasks.py`.
"""
