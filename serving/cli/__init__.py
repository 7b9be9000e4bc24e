"""The commands of `python -m serving`. Imports every other folder of serving."""
