"""The JSON contract: fields, requests, references, events and descriptions. Imports errors alone."""
