"""What goes wrong between a client and a model, in sentences.

Apart from the model's own errors: serving knows MLflow and the JSON contract, not the insides of ``model``.
"""

import click


class ServingError(click.ClickException):
    """A target cannot be reached, or refused the request; says what to do."""
