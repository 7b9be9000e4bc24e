"""Asking a version: from the command line and over REST."""
