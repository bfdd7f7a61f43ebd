"""What long work shows on a terminal: lines, bars, and times."""

import functools


def open_console(console):
    """Return the `rich.console.Console` that an argument `console` means: `"auto"` for one, `None` for silence."""
    if console == "auto":
        from rich.console import Console

        return Console()
    return console


def say(console, text, style=None):
    """Show a line, or nothing without a console; brackets in names and paths are no markup."""
    if console is not None:
        console.print(text, markup=False, highlight=False, soft_wrap=True, style=style)


def tracker(console, description):
    """Return a function that yields a sequence again and shows how far it came: what `progress` arguments take."""
    if console is None or not console.is_terminal:
        return None
    from rich.progress import track

    return functools.partial(track, description=description, console=console, transient=True)


def clock_face(seconds):
    """Return a time as `0:42`, `12:05` or `2:03:04`.

    >>> clock_face(7384)
    '2:03:04'
    """
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def one_line(error):
    """Return an error as one line of at most 200 characters: its type, and the first line of what it says."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    name = type(error).__name__
    return shorten(" ".join(f"{name}: {lines[0]}".split()) if lines else name, 200)


def shorten(text, width):
    """Return a text cut to `width` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"
