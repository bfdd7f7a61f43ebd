"""The pages say what is so: their code runs and prints what they show, and their tables are those of the code."""

import fractions
import importlib
import importlib.util
import inspect
import io
import pathlib
import re
from contextlib import redirect_stdout

import keras
import pytest

import keras_seg
from keras_seg import cli
from keras_seg.losses import registry

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.md"))
MODULES = ("comparison", "data", "evaluation", "inference", "losses", "metrics", "training", "tuner", "zoo")

# Columns of code that a page shows without scrolling.
COLUMNS = 92

# A fenced block, the remark before it that keeps it from running, and the block of output after it.
BLOCK = re.compile(
    r"(?P<remark><!-- not run.*?-->\s*)?^```python\n(?P<code>.*?)^```\n(?:\s*^```text\n(?P<output>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
DIRECTIVE = re.compile(r"^::: (?P<path>[\w.]+)$", re.MULTILINE)


def read(page):
    return (DOCS / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_code_fits_on_the_page(page):
    for block in BLOCK.finditer(read(page)):
        for line in block["code"].splitlines():
            assert len(line) <= COLUMNS, f"docs/{page}: {len(line)} columns, the page shows {COLUMNS}: {line}"


@pytest.fixture
def own_registries():
    """What a page registers is forgotten after it: other tests go through all losses."""
    known = (
        registry._LOSSES,
        keras.saving.get_custom_objects(),
        keras.src.saving.object_registration.GLOBAL_CUSTOM_NAMES,
    )
    before = [dict(entries) for entries in known]
    yield
    for entries, kept in zip(known, before):
        entries.clear()
        entries.update(kept)


@pytest.mark.parametrize("page", PAGES)
def test_code_runs_and_prints_what_the_page_shows(page, tmp_path, monkeypatch, own_registries):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    text, namespace = read(page), {"__name__": "__main__"}
    for block in BLOCK.finditer(text):
        if block["remark"]:
            continue
        # Blank lines before the code: a traceback then points at the line of the page.
        above = text.count("\n", 0, block.start("code"))
        code = compile("\n" * above + block["code"], str(DOCS / page), "exec")
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(code, namespace)
        if block["output"] is not None or printed.getvalue():
            assert printed.getvalue() == (block["output"] or ""), f"docs/{page}, the output of line {above + 1}"


def tables(page):
    """Return the tables of a page as `[(heading, [cells of the header, cells of a row, ...])]`."""
    found, heading, inside = [], "", False
    for line in read(page).splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ")
        if line.startswith("| "):
            if not inside:
                found.append((heading, []))
            cells = [cell.strip() for cell in line.strip()[1:-1].split("|")]
            if not set("".join(cells)) <= set("-: "):
                found[-1][1].append(cells)
        inside = line.startswith("|")
    return found


def written(value):
    """Return a default as the pages write it: `1e-5`, and a long float as the fraction that it is."""
    if isinstance(value, float) and len(repr(value)) > 10:
        return str(fractions.Fraction(value).limit_denominator(1000))
    return repr(value).replace("'", '"').replace("e-0", "e-")


def written_range(spec):
    if isinstance(spec, list):
        return ", ".join(map(str, spec))
    low, high, *scale = spec
    return " ".join([f"{low:g} - {high:g}", *scale])


def family_of(name):
    """Return the heading that a loss stands under: the file or folder of `keras_seg.losses` that it is in."""
    return registry.loss_class(name).__module__.split(".")[2].capitalize()


def expected_row(name):
    """Return the cells of a loss's row that the registry knows, the heading above it, and its papers."""
    cls = registry.loss_class(name)
    return {
        "heading": family_of(name),
        "loss": f"`{name}` [{cls.__name__}][keras_seg.losses.{cls.__name__}]",
        "parameters": " ".join(f"`{key}={written(value)}`" for key, value in keras_seg.losses.defaults(name).items()),
        "search": ", ".join(f"`{key}` {written_range(spec)}" for key, spec in keras_seg.losses.space(name).items()),
        "alone": "yes" if cls.alone else "no",
        "papers": sorted(set(re.findall(r"\]\((http[^)]+)\)", cls.__doc__))),
    }


def found_rows():
    rows = {}
    for heading, (header, *body) in tables("losses.md"):
        if "alone" not in header:
            continue
        for cells in body:
            row = dict(zip(header, cells, strict=True))
            name = row["loss"].split("`")[1]
            assert name not in rows, f"docs/losses.md has two rows for '{name}'"
            rows[name] = {**row, "heading": heading, "papers": sorted(re.findall(r"\]\((http[^)]+)\)", row["paper"]))}
    return rows


def test_table_of_losses_is_the_registry():
    rows, names = found_rows(), set(keras_seg.losses.names())
    missing = [
        "| {loss} | {alone} | {parameters} | {search} | - | GOOD FOR | PAPER |, under '{heading}'".format(
            **expected_row(name)
        )
        for name in sorted(names - set(rows))
    ]
    assert not missing, "Rows to add to docs/losses.md:\n" + "\n".join(missing)
    assert set(rows) <= names, f"docs/losses.md has rows for losses that do not exist: {sorted(set(rows) - names)}"


@pytest.mark.parametrize("name", sorted(registry._LOSSES))
def test_row_of_a_loss_is_its_class(name):
    row = found_rows()[name]
    for cell, expected in expected_row(name).items():
        assert row[cell] == expected, f"docs/losses.md, the row of '{name}': '{cell}' should be {expected!r}"
    assert len(row["good for"]) > 10, f"docs/losses.md, the row of '{name}': say what it is good for"
    measured = re.fullmatch(r"\d+(\.\d)? / \d+(\.\d)?", row["cost"])
    assert measured, f"Run: python tests/benchmarks/loss_cost.py --losses {name} --write docs/losses.md"


def other_libraries():
    """Return the rows of the table of other libraries, by loss."""
    (table,) = [rows for title, rows in tables("losses.md") if title == "In other libraries" and "MONAI" in rows[0]]
    return {row[0].strip("`"): dict(zip(table[0], row, strict=True)) for row in table[1:]}


def test_table_of_other_libraries_names_losses():
    assert set(other_libraries()) <= set(keras_seg.losses.names())


@pytest.mark.parametrize(
    ("library", "module"),
    [
        ("Keras", "keras.losses"),
        ("MONAI", "monai.losses"),
        ("smp", "segmentation_models_pytorch.losses"),
        ("kornia", "kornia.losses"),
    ],
)
def test_other_libraries_have_what_the_table_says(library, module):
    """Only Keras is always here; the others are where the peers of the oracles are installed."""
    theirs = pytest.importorskip(module, reason=f"{library} is not installed")
    named = {name for row in other_libraries().values() for name in re.findall(r"`(\w+)`", row[library])}
    assert named
    assert not [name for name in named if not hasattr(theirs, name)]


def test_page_of_what_is_left_out_offers_what_there_is():
    """The last column of its tables holds texts that `get` reads, and none of its losses is one of ours."""
    for _, (header, *rows) in tables("left_out.md"):
        assert header[0] == "loss"
        for row in rows:
            assert not set(re.findall(r"`(\w+)`", row[0])) & set(keras_seg.losses.names())
            offered = [text for text in re.findall(r"`([^`]+)`", row[2]) if text != "class_weights"]
            assert offered or "class_weights" in row[2], row[0]
            for text in offered:
                keras_seg.losses.get(text)


def options_table(page, heading, number=0):
    found = [rows for title, rows in tables(page) if title == heading and rows[0][0] == "option"]
    return found[number][0], {row[0].strip("`"): row for row in found[number][1:]}


def check_defaults(where, rows, column, defaults):
    """Compare the column of a table with arguments and their defaults, in the same order."""
    assert list(rows) == list(defaults), f"{where}: the options should be {list(defaults)}"
    for option, value in defaults.items():
        assert rows[option][column] == f"`{written(value)}`", f"{where}, '{option}': the default is {value!r}"


@pytest.mark.parametrize(("number", "base"), [(0, keras_seg.losses.SegmentationLoss), (1, keras_seg.losses.RegionLoss)])
def test_table_of_shared_options_is_the_signature(number, base):
    _, rows = options_table("losses.md", "Options of every loss", number)
    check_defaults("docs/losses.md, 'Options of every loss'", rows, 1, registry.signature(base))


@pytest.mark.parametrize("name", keras_seg.zoo.names())
def test_table_of_network_options_is_the_signature(name):
    header, rows = options_table("zoo.md", "Options")
    column = header.index(f"`{name}`")
    parameters = inspect.signature(keras_seg.zoo.get(name)).parameters.values()
    rows = {option: row for option, row in rows.items() if row[column]}
    check_defaults("docs/zoo.md, 'Options'", rows, column, {p.name: p.default for p in parameters})


def directives(pattern="*.md"):
    """Return the paths of everything that the pages of the reference show."""
    pages = (DOCS / "api").glob(pattern)
    return [match["path"] for page in pages for match in DIRECTIVE.finditer(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("name", keras_seg.losses.names())
def test_reference_shows_a_loss_in_its_family(name):
    page = (DOCS / "api" / "losses.md").read_text(encoding="utf-8")
    family = page.partition(f"\n## {family_of(name)}\n")[2].partition("\n## ")[0]
    line = f"::: keras_seg.losses.{registry.loss_class(name).__name__}\n"
    assert line in family, f"Add '{line.strip()}' to docs/api/losses.md, under '{family_of(name)}'"


@pytest.mark.parametrize("module", [None, *MODULES])
def test_reference_shows_everything_public(module):
    path = f"keras_seg.{module}" if module else "keras_seg"
    namespace = importlib.import_module(path)
    names = [f"{path}.{name}" for name in namespace.__all__ if not inspect.ismodule(getattr(namespace, name))]
    shown = directives()
    missing = [name for name in names if name not in shown]
    assert not missing, f"Add `::: NAME` to docs/api/{module or 'keras_seg'}.md for {missing}"


def test_reference_shows_nothing_that_does_not_exist():
    for path in directives():
        module, _, name = path.rpartition(".")
        try:
            importlib.import_module(path)
        except ImportError:
            assert hasattr(importlib.import_module(module), name), f"docs/api: there is no {path}"


def test_reference_has_a_page_for_every_module():
    modules = {name for name in keras_seg.__all__ if hasattr(getattr(keras_seg, name), "__path__")}
    assert modules == set(MODULES)
    assert {page.stem for page in (DOCS / "api").glob("*.md")} == {"keras_seg", *MODULES}


def test_page_of_the_search_shows_its_help(monkeypatch, capsys):
    script = DOCS.parent / "tuner" / "search.py"
    specification = importlib.util.spec_from_file_location("search_script", script)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr("sys.argv", [script.name, "--help"])
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        module.main()
    help_text = capsys.readouterr().out
    page = read("tuner.md")
    assert f"search.py --help\n```\n\n```text\n{help_text}```" in page, f"docs/tuner.md should show:\n{help_text}"


@pytest.mark.parametrize("command", ["check", "train", "predict", "evaluate", "compare", "tune", "derive"])
def test_page_of_the_command_line_shows_its_help(command, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    help_text = capsys.readouterr().out
    shown = f"```text\n$ keras-seg {command} --help\n{help_text}```"
    assert shown in read("command_line.md"), f"docs/command_line.md should show:\n{shown}"
