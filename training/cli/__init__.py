"""Define the commands of ``python -m training``. Imports every other folder of training."""
