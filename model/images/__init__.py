"""Pictures on their way into a response: what made them is written into them, and they are made to fit."""
