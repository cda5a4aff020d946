"""Settings from the environment, the relay's own file, and logging. Imports neither package."""
