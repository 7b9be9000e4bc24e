"""From documents to a registered version: load, split, embed, index, log, verify, register."""
