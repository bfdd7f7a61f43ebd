"""A row of the table: our loss and its options, the case, the peer, how its value becomes ours, how close it is."""

from dataclasses import dataclass, field

from oracle_peers import Peer

# From the peer's value to ours, and what that does to the gradient, given the number of classes.
TRANSFORMS = {
    "same": lambda values, gradient, classes: (values, gradient),
    "1 -": lambda values, gradient, classes: (1 - values, None if gradient is None else -gradient),
    "* classes": lambda values, gradient, classes: (
        values * classes,
        None if gradient is None else gradient * classes,
    ),
}


@dataclass(frozen=True)
class Row:
    """A comparison.

    `tolerance` is absolute and relative for values, and relative to the largest entry for gradients.
    """

    loss: str
    case: str
    peer: Peer
    options: dict = field(default_factory=dict)
    transform: str = "same"
    tolerance: float = 2e-6
    gradient: bool = False

    @property
    def name(self):
        """What the row is called in fixtures and test ids."""
        options = "".join(f",{key}={value}" for key, value in self.options.items())
        return f"{self.loss}{options}|{self.case}|{self.peer.library}".replace(" ", "")


def on(cases, loss, peer, **others):
    """Return one row per case."""
    return [Row(loss, case, peer, **others) for case in cases.split()]
