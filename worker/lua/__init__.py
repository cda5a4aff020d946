"""Lua scripts of the destination throttle (`worker/throttle.py`)."""
