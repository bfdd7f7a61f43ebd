"""Results that threads make before they are asked for."""

import concurrent.futures
import threading


class Lookahead:
    """Calls a function of a number, and has the next numbers done by threads meanwhile.

    The result depends on the number alone: which thread made it, and when, cannot be seen.

    Args:
        function: Function of one number; threads call it at the same time.
        threads: Number of threads; 0 calls the function only when its result is asked for.
        ahead: Number of results that are made or kept ahead.
    """

    def __init__(self, function, threads, ahead):
        self.function, self.threads, self.ahead = function, threads, ahead
        self._lock, self._pool, self._futures = threading.Lock(), None, {}

    def get(self, number, near):
        """Return the result for a number, and set the threads to work on the numbers after it.

        Args:
            number: The number.
            near: Range of numbers that may be asked for next; what was made for others is dropped.
        """
        if not self.threads:
            return self.function(number)
        with self._lock:
            future = self._futures.pop(number, None)
            self._futures = {other: each for other, each in self._futures.items() if other in near}
            for later in range(number + 1, number + 1 + self.ahead):
                if later not in self._futures and len(self._futures) < self.ahead:
                    self._futures[later] = self._start().submit(self.function, later)
        return self.function(number) if future is None else future.result()

    def _start(self):
        if self._pool is None:
            self._pool = concurrent.futures.ThreadPoolExecutor(self.threads, "lookahead")
        return self._pool

    def __getstate__(self):
        return {"function": self.function, "threads": self.threads, "ahead": self.ahead}

    def __setstate__(self, state):
        self.__init__(**state)
