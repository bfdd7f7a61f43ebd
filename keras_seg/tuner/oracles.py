"""KerasTuner's oracles as a search of losses needs them. Imports KerasTuner: load it inside functions."""

import json
import sys

import keras_tuner

from keras_seg.files import write_text
from keras_seg.tuner.space import LOSS, grid_size

# By name and *direction*: as a plain text, KerasTuner would minimise it.
OBJECTIVE = "val_dice"

# Below every Dice.
WORST = -1.0

# One failed trial after another is no reason to give up: each is a row that says why.
NEVER = sys.maxsize

# How many values tried before are drawn again until the space counts as exhausted.
MOST_REPEATS = 20


class LossOracle:
    """What all oracles here share, mixed into one of KerasTuner's."""

    turn = 0
    out_of_time = staticmethod(lambda: False)

    def populate_space(self, trial_id):
        """Return the values of the next trial, or that there is none."""
        if self.out_of_time():
            return {"status": "STOPPED"}
        return super().populate_space(trial_id)

    def _random_values(self):
        """Draw values: a first round gives every loss its defaults, later rounds take the losses in turn.

        Drawn independently, a few trials would leave some losses out and repeat others.
        """
        branches = next(parameter.values for parameter in self.hyperparameters.space if parameter.name == LOSS)
        for _ in range(MOST_REPEATS * len(branches)):
            round_number, place = divmod(self.turn, len(branches))
            self.turn += 1
            values = self._draw(branches[place], defaults=round_number == 0)
            if not self._duplicate(values):
                return values
        return None

    def _draw(self, branch, defaults):
        hps = keras_tuner.HyperParameters()
        for parameter in self.hyperparameters.space:
            hps.merge([parameter])
            if not hps.is_active(parameter):
                continue
            if parameter.name == LOSS:
                value = branch
            elif defaults:
                value = parameter.default
            else:
                value = parameter.random_sample(self._seed_state)
                self._seed_state += 1
            hps.values[parameter.name] = value
        return hps.values

    def save(self):
        """Write the oracle's state in one step."""
        write_text(self._get_oracle_fname(), json.dumps(self.get_state()))

    def _save_trial(self, trial):
        write_text(f"{self._get_trial_dir(trial.trial_id)}/trial.json", json.dumps(trial.get_state()))


class RandomOracle(LossOracle, keras_tuner.oracles.RandomSearchOracle):
    """Random search."""


class BayesianOracle(LossOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Bayesian search: a Gaussian process on the Dice of earlier trials."""


class HyperbandOracle(LossOracle, keras_tuner.oracles.HyperbandOracle):
    """Hyperband: many short trials, of which the better ones go on."""

    def end_trial(self, trial):
        """End a trial; one that failed counts as the worst of its round.

        KerasTuner's own waits until nearly all of a round have completed, and would never go on with the better ones.
        """
        if trial.status == "FAILED":
            self.update_trial(trial.trial_id, {OBJECTIVE: WORST})
            trial.status = "COMPLETED"
        super().end_trial(trial)


class GridOracle(LossOracle, keras_tuner.oracles.GridSearchOracle):
    """Everything: each loss with the ends and the default of each of its ranges."""


def make_oracle(name, hyperparameters, trials, epochs, seed):
    """Make an oracle that maximises `val_dice`.

    Args:
        name: `"random"`, `"bayesian"`, `"hyperband"` or `"grid"`.
        hyperparameters: `keras_tuner.HyperParameters` in which all branches are declared.
        trials: Number of trials, or `None` for as many as the oracle has by itself.
        epochs: Epochs of a full trial.
        seed: Seed of the draws, 0 or more.

    Returns:
        Tuple of the oracle and the number of epochs that the whole search takes, or less.

    Raises:
        ValueError: If the grid has more points than `trials`, or Hyperband more trials than the space points.
    """
    losses = len(next(parameter.values for parameter in hyperparameters.space if parameter.name == LOSS))
    options = {
        "objective": keras_tuner.Objective(OBJECTIVE, "max"),
        "hyperparameters": hyperparameters,
        # KerasTuner takes a seed of 0 for none.
        "seed": seed + 1,
        "max_consecutive_failed_trials": NEVER,
    }
    if name == "hyperband":
        oracle = HyperbandOracle(max_epochs=epochs, **options)
        oracle.max_trials = trials
        _check_width(oracle, hyperparameters)
        return oracle, _hyperband_epochs(oracle)
    if name == "grid":
        size = grid_size(hyperparameters)
        if trials is not None and trials < size:
            raise ValueError(
                f"The grid of these losses has {size} points, more than the {trials} trials, and would not reach the "
                f"last losses. Leave the number of trials out, name fewer losses, or search at random."
            )
        return GridOracle(max_trials=trials, **options), size * epochs
    trials = 2 * losses if trials is None else trials
    if name == "random":
        return RandomOracle(max_trials=trials, **options), trials * epochs
    # KerasTuner's own choice, three trials per dimension, is more than most searches have. The number of trials must
    # not count: a search that is given more of them later asks for the same ones first.
    initial = max(losses, 3)
    return BayesianOracle(max_trials=trials, num_initial_points=initial, **options), trials * epochs


def _check_width(oracle, hyperparameters):
    """Refuse a space of fewer points than Hyperband starts with: KerasTuner would stop after the shortest trials."""
    wanted, points = oracle._get_size(oracle._current_bracket, 0), grid_size(hyperparameters)
    endless = any(type(parameter) is keras_tuner.engine.hyperparameters.Float for parameter in hyperparameters.space)
    if points < wanted and not endless:
        raise ValueError(
            f"Hyperband starts with {wanted} short trials, but these losses have only {points} points to try. Name "
            f"losses with ranges to search, lower the number of epochs, or search at random."
        )


def _hyperband_epochs(oracle):
    """Return the epochs of one run through all brackets."""
    total = 0
    for bracket in range(oracle._get_num_brackets()):
        before = 0
        for number in range(oracle._get_num_rounds(bracket)):
            epochs = oracle._get_epochs(bracket, number)
            total += oracle._get_size(bracket, number) * (epochs - before)
            before = epochs
    return total
