"""Decide whether a version may be served, and check whether it still may. Imports evaluation and verification."""
