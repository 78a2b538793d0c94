"""Learning: one training loop (`loop`), and what is learned by it.

`trainer` teaches an encoder an exact distance, `supervised` labels, `towers` which of two kinds of series belong
together; `plan` says what may be set, `tuning` searches for settings. Torch stops here.
"""
