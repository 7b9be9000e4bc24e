"""A saved version seen from outside: its process, its registry entry, its fingerprints. Imports packaging."""
