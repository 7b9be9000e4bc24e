"""Build an index from documents, and log, verify, register and promote a version with the index."""
