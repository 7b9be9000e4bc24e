"""A strict local server that speaks the APIs of OpenAI, Azure and Databricks.

The stand-in is written from the public API references and refuses what the real services refuse. It is not a language
model: its answers quote passages, its pictures are cards with the prompt on them, and both say so.
``python -m standin`` starts the server; tests script its replies and faults.
"""
