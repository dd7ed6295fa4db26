"""The folder that Python finds on PYTHONPATH in every process that a test starts."""
