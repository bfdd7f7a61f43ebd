"""How a check of a data set is shown."""

import numpy as np


def show(report, console):
    """Print a `CheckReport`.

    Args:
        report: `CheckReport`.
        console: `rich.console.Console`.
    """
    found, recipe = report.fingerprint, report.recipe
    _say(console, _title(report.folder, found), "bold")
    for line in report.label_map.describe():
        _say(console, line)
    console.print(_sizes(found))
    console.print(_classes(found))
    console.print(_recipe(recipe, report.plan.reasons))
    have = report.resources
    _say(console, f"Machine: {have.describe()}")
    _say(console, f"Network: {recipe.network.model} with {report.parameters:,} parameters")
    where = "of the GPU" if have.gpu else f"of the {have.memory / 1e9:.1f} GB that are free"
    _say(console, f"Memory:  about {report.plan.memory / 1e9:.1f} GB {where}")
    _say(console, f"Time:    {_time(report.schedule, report.timing, recipe)}")
    for warning in report.plan.warnings:
        _say(console, f"Note: {warning}", "yellow")


def _say(console, text, style=None):
    console.print(text, markup=False, highlight=False, soft_wrap=True, style=style)


def _title(folder, found):
    count, channels = len(found.names), found.channels
    cases = f"{count} case{'s' if count > 1 else ''} ({folder.layout})"
    return f"{folder.path}: {cases}, {found.rank}D, {channels} channel{'s' if channels > 1 else ''}"


def _time(schedule, timing, recipe):
    """One line: the minutes, and what they are made of."""
    steps = schedule.epochs * recipe.training.steps_per_epoch
    parts = [f"{steps:,} steps of {timing.step:.2f} s take {_minutes(schedule.training)}"]
    if schedule.validation:
        parts.append(f"whole-case validation ({timing.case:.2f} s a case) {_minutes(schedule.validation)}")
    parts.append(f"reading, the first step and the last scores {_minutes(schedule.other)}")
    return f"about {_minutes(60 * schedule.minutes)} here: {', '.join(parts)}"


def _minutes(seconds):
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def _table(*columns, title):
    from rich import box
    from rich.table import Table

    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="left" if column in ("class", "key", "value", "why", "") else "right")
    return table


def _sizes(found):
    """Sizes, and spacings where files know any."""
    table = _table("", "smallest", "median", "largest", title="Sizes")
    spacings = np.array(found.spacings)
    rows = [("voxels" if found.rank == 3 else "pixels", np.array(found.shapes), "{:.0f}")]
    if (spacings != 1).any() or found.rank == 3:
        rows.append(("spacing in mm", spacings, "{:.4g}"))
    for name, values, form in rows:
        order = np.argsort(values.prod(axis=1), kind="stable")
        picks = values[order[0]], np.median(values, axis=0), values[order[-1]]
        table.add_row(name, *(" x ".join(form.format(size) for size in pick) for pick in picks))
    return table


def _classes(found):
    """Share of the voxels, and in how many cases."""
    table = _table("", "class", "voxels", "cases", title="Classes")
    counts = np.array([case.counts for case in found.cases])
    for number, (name, share) in enumerate(zip(found.class_names, found.class_shares, strict=True)):
        table.add_row(str(number), _plain(name), f"{100 * share:.3g} %", str(int((counts[:, number] > 0).sum())))
    return table


def _recipe(recipe, reasons):
    """Each value with its reason; of the augmentation the preset, and what was given."""
    table = _table("key", "value", "why", title="Recipe")
    for title, values in recipe.to_dict().items():
        for key, value in values.items():
            reason = reasons.get(f"{title}.{key}")
            if reason is not None:
                table.add_row(f"{title}.{key}", _plain(_shown(value)), _plain(reason))
    return table


def _shown(value):
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_shown(entry) for entry in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(text):
    """Brackets of a text are no markup."""
    from rich.text import Text

    return Text(str(text))
