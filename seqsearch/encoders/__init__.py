"""Encoders: sequences of any length to points.

`families` is the table of them; a family is one file. `model` is a trained encoder as data, and runs it; `inputs` is
what an encoder reads. Networks are torch's (`encoder`, `steps`); the fast families run without it (`run`).
"""
