"""The index over the documents and the search in it."""
