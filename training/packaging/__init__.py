"""Turn an index and the code into a logged MLflow model. Imports model alone."""
