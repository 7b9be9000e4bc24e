"""Check whether a profile or a version may be used at all. Imports versions and indexing."""
