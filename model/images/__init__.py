"""Prepare images for a response: provenance, size and storage. Imports contract and transport."""
