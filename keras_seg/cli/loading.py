"""Loads TensorFlow without what it writes about itself."""

import contextlib
import os
import sys
import tempfile


@contextlib.contextmanager
def quiet_loading():
    """Hold back what TensorFlow writes while it is loaded, before it can be told not to; on an error it is shown."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
