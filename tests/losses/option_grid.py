"""Every combination of what a loss can be told about its arrays, and a small part of them that covers all pairs."""

import itertools
from dataclasses import astuple, dataclass

from loss_cases import EVERY, KINDS

FACTORS = {
    "text": EVERY,
    "kind": KINDS,
    "rank": (1, 2, 3),
    "encoding": ("labels", "one-hot"),
    "prediction": ("logits", "probabilities"),
    "ignored": ("by weight", "by class", "nothing"),
    "background": (True, False),
}


@dataclass(frozen=True)
class Cell:
    """One combination."""

    text: str
    kind: str
    rank: int
    encoding: str
    prediction: str
    ignored: str
    background: bool

    @property
    def makes_sense(self):
        """Whether there is such a batch: overlapping classes have no labels, a single map has no background."""
        if self.kind == "multilabel" and self.encoding == "labels":
            return False
        return self.kind != "binary" or self.background

    @property
    def pairs(self):
        """Every two of its choices."""
        return set(itertools.combinations(enumerate(astuple(self)), 2))

    def __str__(self):
        return "-".join(str(choice) for choice in astuple(self))


def every_cell():
    """Return every cell that makes sense."""
    cells = (Cell(*choices) for choices in itertools.product(*FACTORS.values()))
    return [cell for cell in cells if cell.makes_sense]


def pairwise(cells):
    """Return some of the cells in which every pair of choices occurs that occurs in all, greedily.

    The pairs with a loss are most of all, so one loss after the other takes the cells that cover most of what is left.
    """
    missing = set().union(*(cell.pairs for cell in cells))
    chosen = []
    for text in FACTORS["text"]:
        candidates = [cell for cell in cells if cell.text == text]
        while any(pair in missing for cell in candidates for pair in cell.pairs if pair[0] == (0, text)):
            best = max(candidates, key=lambda cell: len(cell.pairs & missing))
            missing -= best.pairs
            chosen.append(best)
    return chosen
