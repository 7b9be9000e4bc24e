"""Everything that a request needs; logged whole with the model, so imports inside are relative."""
