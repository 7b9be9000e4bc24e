"""Shared parts of both command lines. The package itself imports nothing, so that versions' processes can use it."""
