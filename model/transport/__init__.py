"""Calls to paid services: credentials, rate limits, retries, errors and a response cache. Imports runtime."""
