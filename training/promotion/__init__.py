"""Say whether a version may be served, and whether it still may. Imports evaluation and verification."""
