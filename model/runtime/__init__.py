"""One request at work: the event loop, shared calls, deadline, usage and spans. Imports errors and config."""
