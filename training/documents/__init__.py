"""Find and read documents, and split documents into chunks. Imports model and training.progress."""
