"""Handle saved versions from outside: process, registry entry, fingerprints. Imports packaging."""
