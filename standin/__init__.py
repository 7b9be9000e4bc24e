"""A strict stand-in for OpenAI's API on this machine, in OpenAI's, Azure's and Databricks' spelling.

Written from the public API reference: it refuses what the real one refuses. It is no language model: it quotes,
it draws a card with the prompt on it, and it says so. ``python -m standin`` starts it; tests script it.
"""
