"""Libraries for strings: brute force, a dictionary of deletions, a tree over distances."""

from __future__ import annotations

import heapq
from pathlib import Path
from typing import Any

import numpy as np

from seqsearch.arrays import IntArray

from .algorithm import Algorithm, Budget, Found
from .tasks import SequenceTask, Task

SHORT = 40  # mean letters up to which dictionaries and trees over strings are meant to be used


class Strings(Algorithm):
    """A library that takes Python strings."""

    def prepare(self, task: Task, part: slice, folder: Path) -> list[str]:
        assert isinstance(task, SequenceTask)
        return task.queries[part].texts()

    def texts(self, task: Task) -> list[str]:
        assert isinstance(task, SequenceTask)
        return task.database.texts()

    def found(self, answer: list[list[int]]) -> Found:
        return Found(padded(answer))


class BruteForce(Strings):
    """rapidfuzz.process.cdist: every query with every string."""

    series = "rapidfuzz cdist"
    modules = ("rapidfuzz",)
    package = "rapidfuzz"
    repeats = 1

    def build(self, task: Task, folder: Path) -> None:
        self.stored = self.texts(task)

    def budgets(self, task: Task) -> list[Budget]:
        return [Budget("all")]

    def search(self, prepared: list[str], budget: Budget) -> IntArray:
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import cdist

        k = self.k
        rows = np.empty((len(prepared), k), np.int64)
        for start in range(0, len(prepared), 64):
            part = prepared[start : start + 64]
            table = cdist(part, self.stored, scorer=Levenshtein.distance, dtype=np.uint32, workers=self.threads)
            nearest = np.argpartition(table, k - 1, axis=1)[:, :k]
            order = np.argsort(np.take_along_axis(table, nearest, axis=1), axis=1)
            rows[start : start + len(part)] = np.take_along_axis(nearest, order, axis=1)
        return rows

    def found(self, answer: IntArray) -> Found:
        return Found(answer)


class ShortStrings(Strings):
    """Everything within a radius, nearest first; the radius is the budget."""

    def unfit(self, task: Task) -> str | None:
        assert isinstance(task, SequenceTask)
        mean = float(task.database.lengths.mean())
        return f"is for short strings, these have {mean:.0f} letters" if mean > SHORT else None

    def budgets(self, task: Task) -> list[Budget]:
        return [Budget(f"radius {radius}", {"radius": radius}) for radius in (1, 2, 3)]


class SymSpell(ShortStrings):
    """Symmetric deletions: an index for each radius would be smaller, this one is made for the largest."""

    series = "symspellpy"
    modules = ("symspellpy",)
    package = "symspellpy"

    def build(self, task: Task, folder: Path) -> None:
        from symspellpy import SymSpell as Dictionary
        from symspellpy.editdistance import DistanceAlgorithm, EditDistance

        self.radius = 3 if task.size <= 100_000 else 2
        self.dictionary = Dictionary(
            max_dictionary_edit_distance=self.radius,
            prefix_length=7,
            distance_comparer=EditDistance(DistanceAlgorithm.LEVENSHTEIN_FAST),
        )
        self.rows = {}
        for row, text in enumerate(self.texts(task)):
            self.rows[text] = row
            self.dictionary.create_dictionary_entry(text, 1)

    def budgets(self, task: Task) -> list[Budget]:
        return [budget for budget in super().budgets(task) if budget.values["radius"] <= self.radius]

    def search(self, prepared: list[str], budget: Budget) -> list[list[int]]:
        from symspellpy import Verbosity

        radius = budget.values["radius"]
        wanted = Verbosity.TOP if self.k == 1 else Verbosity.ALL
        return [
            [self.rows[hit.term] for hit in self.dictionary.lookup(text, wanted, max_edit_distance=radius)[: self.k]]
            for text in prepared
        ]


class BKTree(ShortStrings):
    """pybktree over Levenshtein.distance (C)."""

    series = "pybktree"
    modules = ("pybktree", "Levenshtein")
    package = "pybktree"
    repeats = 1

    def build(self, task: Task, folder: Path) -> None:
        from Levenshtein import distance
        from pybktree import BKTree as Tree

        texts = self.texts(task)
        self.rows = {text: row for row, text in enumerate(texts)}
        self.tree: Any = Tree(distance, texts)

    def search(self, prepared: list[str], budget: Budget) -> list[list[int]]:
        radius = budget.values["radius"]
        return [
            [self.rows[hit] for _, hit in heapq.nsmallest(self.k, self.tree.find(text, radius))] for text in prepared
        ]


def padded(lists: list[list[int]]) -> IntArray:
    """(Q, longest) rows, -1 where a list has ended."""
    rows = np.full((len(lists), max(1, *map(len, lists))), -1, np.int64)
    for query, found in enumerate(lists):
        rows[query, : len(found)] = found
    return rows
