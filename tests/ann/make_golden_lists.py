"""Write the golden files of compressed lists: run once for each version of the format, and commit what it writes.

python tests/ann/make_golden_lists.py tests/ann/golden/ivf-v1
"""

import sys
from pathlib import Path

import numpy as np
from test_ivf_files import made


def main(folder: Path) -> None:
    """An index of each coding, with the distances that it answers, and the changes of one."""
    folder.mkdir(parents=True)
    queries = (np.random.default_rng(3).integers(-9, 10, size=(10, 5)) / 32).astype(np.float32)
    cases = [("euclidean", 4, "4"), ("hyperbolic", 1, "1"), ("manhattan", 8, "8"), ("squared", None, "none")]
    for geometry, bits, name in [*cases, ("cosine", 4, "few")]:
        index = made(geometry, bits, learned=name != "few")
        index.save(folder / f"{geometry}-{name}")
        np.save(folder / f"{geometry}-{name}.npy", index.search(queries, 8, effort=100).distances)
        if name == "4":
            index.add(np.array([400]), np.full((1, 5), 0.125, np.float32))
            index.remove(np.array([8, 9]))
            index.save_changes(folder / f"{geometry}-{name}.changes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
