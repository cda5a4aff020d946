"""Lua scripts of the concurrent worker. Each names its keys, arguments and result at its head."""
