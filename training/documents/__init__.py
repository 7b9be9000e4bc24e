"""Turn places into documents, and documents into chunks. Imports model alone."""
