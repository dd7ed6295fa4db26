"""Figures that anybody can check: chaos, benchmarks and full-size runs on real parts.

    python -m proof.chaos --seed 7     faults, crashes and a comparison with the truth
    python -m proof.bench              how fast, how many calls, how many bytes
    python -m proof.proof              the full-size runs of which `make test` holds a tenth

Everything runs on loopback, on the stage of the tests (`tests/stage.py`). Not part of the package
that is installed.
"""
