"""Read configuration: environment variables, YAML files, arguments and import paths. Imports errors alone."""
