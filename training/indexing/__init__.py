"""Turn chunks into an index folder. Imports documents."""
