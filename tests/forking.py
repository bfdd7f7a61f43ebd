"""Processes that are forked off one which has imported everything, and die on demand."""

import os
import signal
import sys
import traceback


def forked(work):
    """Run a function in a forked process; return its number."""
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def wait(number):
    """Return the exit status of a process; negative for a signal."""
    status = os.waitpid(number, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def die(*arguments, **options):
    """Kill this process, in place of any function."""
    os.kill(os.getpid(), signal.SIGKILL)
