"""Measure how good a version or a profile is. Imports versions and indexing."""
