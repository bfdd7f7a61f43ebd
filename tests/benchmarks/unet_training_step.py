"""The training step of one small 3D U-Net: Keras with TensorFlow against PyTorch, on the CPU.

    python tests/benchmarks/unet_training_step.py --torch-python PATH_OF_A_PYTHON_WITH_TORCH

Both sides hold the same network: four levels of 16, 32, 64 and 128 filters, two convolutions each, instance
normalization, leaky ReLU, transposed convolutions up. They start from the same weights and the same batch and must
agree on the parameter count and on the first loss, or the script stops. A step is forward, backward and Adam. Two
processes, one per framework, stand by and take turns, so that a disturbance hits both; medians are compared. Besides
its plain layout, PyTorch is given channels-last memory and `torch.compile`: the best of the four is what counts.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
SETTING = {"filters": [16, 32, 64, 128], "classes": 3, "batch": 2, "size": [48, 64, 48], "seed": 0}


class Worker:
    """One framework in a process of its own: takes a line of JSON, answers with one."""

    def __init__(self, python, script, setting, threads):
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self.process = subprocess.Popen(
            [python, str(HERE / script), json.dumps({**setting, "threads": threads})],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.about = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args[1]} stopped: see above.")
        return json.loads(line)

    def measure(self, variant, steps):
        self.process.stdin.write(json.dumps({"variant": variant, "steps": steps}) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", required=True, help="a Python that has torch")
    parser.add_argument("--rounds", type=int, default=8, help="turns that each variant gets")
    parser.add_argument("--steps", type=int, default=3, help="steps per turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--down", choices=("max_pool", "strided"), default="max_pool", help="see keras_seg.zoo.unet")
    parser.add_argument("--json", type=pathlib.Path, help="also write every time measured here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        setting = {**SETTING, "down": arguments.down, "weights": f"{folder}/weights.npz"}
        ours = Worker(sys.executable, "unet_in_keras.py", setting, arguments.threads)
        theirs = Worker(arguments.torch_python, "unet_in_torch.py", setting, arguments.threads)
    agree(ours.about, theirs.about)
    times = take_turns([ours, theirs], arguments.rounds, arguments.steps)
    for worker in (ours, theirs):
        worker.close()
    report(times, [ours.about, theirs.about], arguments)
    if arguments.json:
        arguments.json.write_text(json.dumps(times, indent=1))


def agree(ours, theirs):
    """Stop unless both sides compute the same."""
    if ours["parameters"] != theirs["parameters"]:
        raise SystemExit(f"Not the same network: {ours['parameters']} parameters against {theirs['parameters']}.")
    losses = [*ours["first_losses"].values(), *theirs["first_losses"].values()]
    if max(losses) - min(losses) > 1e-3:
        raise SystemExit(
            f"Not the same computation: the first losses are {ours['first_losses']}, {theirs['first_losses']}."
        )


def take_turns(workers, rounds, steps):
    """Return the seconds of every step, by variant."""
    times = {variant: [] for worker in workers for variant in worker.about["variants"]}
    for _ in range(rounds):
        for worker in workers:
            for variant in worker.about["variants"]:
                times[variant] += worker.measure(variant, steps)
    return times


def report(times, about, arguments):
    """Print a line per variant, and how it compares with the best of PyTorch."""
    medians = {variant: statistics.median(seconds) for variant, seconds in times.items()}
    best = min(about[1]["variants"], key=medians.get)
    size = "x".join(map(str, SETTING["size"]))
    print(f"{about[0]['version']}, {about[1]['version']}; {arguments.threads} threads, seconds per step")
    print(f"{about[0]['parameters']} parameters, batch {SETTING['batch']} of {size}, down={arguments.down!r}")
    print(f"{'':44} {'median':>8} {'fastest':>8} {'slowest':>8}  times torch's best")
    for variant, seconds in times.items():
        ratio = medians[variant] / medians[best]
        print(f"{variant:44} {medians[variant]:8.3f} {min(seconds):8.3f} {max(seconds):8.3f}  {ratio:6.2f}")


if __name__ == "__main__":
    main()
