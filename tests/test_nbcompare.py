"""The plugin that compares executed notebooks, on notebooks of a few cells."""

import base64
import io

import jsonschema  # noqa: F401  (slow to load, and each run inside a test forgets what it loads)
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from nbcompare import close, png_size

pytest_plugins = ["pytester"]

# Plugins that are slow to load and have no part in this.
PLUGINS = ("-p", "nbcompare", *(f"-pno:{name}" for name in ("hypothesispytest", "xdist", "pytest_cov", "anyio")))


def png(width=100, height=50):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def picture(**size):
    return new_output("display_data", data={"image/png": png(**size), "text/plain": "figure"})


def error():
    return new_output("error", ename="ValueError", evalue="bad", traceback=["Traceback: bad"])


def notebook(*cells):
    """A notebook of code cells, each a tuple of source and outputs, or a tuple with tags as third part."""
    made = [new_markdown_cell("# Title", id="title")]
    for number, (source, outputs, *tags) in enumerate(cells, start=1):
        metadata = {"tags": tags} if tags else {}
        cell = new_code_cell(source, id=f"c{number}", execution_count=number, metadata=metadata)
        cell.outputs = outputs if isinstance(outputs, list) else [outputs]
        made.append(cell)
    return new_notebook(cells=made)


@pytest.fixture
def compare(pytester):
    """Run the plugin on a committed notebook and its fresh copy; gives the result."""

    def run(stored, fresh, *options):
        for folder, made in (("notebooks", stored), ("fresh", fresh)):
            pytester.mkdir(folder)
            if made is not None:
                nbformat.write(made, pytester.path / folder / "a.ipynb")
        return pytester.runpytest(*PLUGINS, "--nb-executed", "fresh", *options, "notebooks")

    return run


def passes(result, passed):
    result.assert_outcomes(passed=passed)


def fails(result, word, *, failed=1, passed=1):
    result.assert_outcomes(failed=failed, passed=passed)
    result.stdout.fnmatch_lines([f"*{word}*"])


def test_equal_copies_pass(compare):
    same = notebook(("print(1.5)", stream("1.5\n")), ("plot()", picture()), ("x = 1", []))
    passes(compare(same, same), 4)


def test_numbers_within_the_tolerance_pass_and_others_do_not(compare):
    stored = notebook(("f()", stream("loss 0.12345678 after 10 steps\n")))
    passes(compare(stored, notebook(("f()", stream("loss 0.12345999 after 10 steps\n")))), 2)


def test_numbers_beyond_the_tolerance_fail(compare):
    stored = notebook(("f()", stream("loss 0.12345678\n")))
    fails(compare(stored, notebook(("f()", stream("loss 0.12545678\n")))), "outputs differ")


def test_whole_numbers_must_be_equal(compare):
    stored = notebook(("f()", stream("100000 points\n")))
    fails(compare(stored, notebook(("f()", stream("100001 points\n")))), "outputs differ")


def test_the_tolerance_can_be_chosen(compare):
    stored = notebook(("f()", stream("0.12345678\n")))
    passes(compare(stored, notebook(("f()", stream("0.12545678\n"))), "--nb-rtol", "0.1"), 2)


def test_words_must_be_equal(compare):
    stored = notebook(("f()", stream("holds 0.5\n")))
    fails(compare(stored, notebook(("f()", stream("fails 0.5\n")))), "outputs differ")


def test_a_missing_copy_fails(compare):
    compare(notebook(("1", stream("1"))), None).assert_outcomes(failed=1)


def test_a_damaged_copy_fails(compare, pytester):
    pytester.mkdir("notebooks")
    pytester.mkdir("fresh")
    nbformat.write(notebook(("1", [])), pytester.path / "notebooks/a.ipynb")
    (pytester.path / "fresh/a.ipynb").write_text("{")
    result = pytester.runpytest(*PLUGINS, "--nb-executed", "fresh", "notebooks")
    fails(result, "cannot be read", passed=0)


def test_a_copy_of_other_sources_fails(compare):
    fails(compare(notebook(("1", [])), notebook(("2", []))), "other sources", failed=2, passed=0)


def test_a_copy_of_another_text_fails(compare):
    stored, fresh = notebook(("1", [])), notebook(("1", []))
    fresh.cells[0].source = "# Another title"
    fails(compare(stored, fresh), "other sources")


def test_a_copy_with_more_cells_fails(compare):
    fails(compare(notebook(("1", [])), notebook(("1", []), ("2", []))), "other sources")


@pytest.mark.parametrize("which", ["stored", "fresh"])
def test_cells_that_were_never_executed_fail(compare, which):
    made = {"stored": notebook(("1", [])), "fresh": notebook(("1", []))}
    made[which].cells[1].execution_count = None
    fails(compare(**made), f"{which} cell was never executed")


def test_empty_cells_need_no_execution(compare):
    stored, fresh = notebook(("", [])), notebook(("", []))
    stored.cells[1].execution_count = None
    passes(compare(stored, fresh), 2)


@pytest.mark.parametrize("which", ["stored", "fresh"])
def test_errors_fail(compare, which):
    made = {"stored": notebook(("f()", [])), "fresh": notebook(("f()", []))}
    made[which].cells[1].outputs = [error()]
    fails(compare(**made), f"{which} cell holds an error")


def test_expected_errors_pass(compare):
    passes(compare(*[notebook(("f()", error(), "raises-exception"))] * 2), 2)


def test_warnings_fail(compare):
    fails(compare(notebook(("f()", [])), notebook(("f()", stream("warned", "stderr")))), "outputs differ")


def test_pictures_must_be_there(compare):
    fails(compare(notebook(("p()", picture())), notebook(("p()", []))), "pictures differ")


def test_new_pictures_fail(compare):
    fails(compare(notebook(("p()", [])), notebook(("p()", picture()))), "pictures differ")


def test_pictures_may_change_their_size_a_little(compare):
    passes(compare(notebook(("p()", picture())), notebook(("p()", picture(width=102)))), 2)


def test_pictures_of_another_size_fail(compare):
    fails(compare(notebook(("p()", picture())), notebook(("p()", picture(height=53)))), "size differs")


def test_ignored_outputs_are_ignored_but_errors_are_not(compare):
    stored = notebook(("f()", stream("a"), "nbval-ignore-output"), ("g()", stream("a"), "nbval-ignore-output"))
    fresh = notebook(("f()", stream("b"), "nbval-ignore-output"), ("g()", error(), "nbval-ignore-output"))
    fails(compare(stored, fresh), "holds an error", passed=2)


def test_skipped_cells_are_skipped(compare):
    result = compare(*[notebook(("f()", stream("a"), "nbval-skip"))] * 2)
    result.assert_outcomes(passed=1, skipped=1)


def test_without_its_option_the_plugin_does_nothing(pytester):
    pytester.mkdir("notebooks")
    nbformat.write(notebook(("1", [])), pytester.path / "notebooks/a.ipynb")
    assert pytester.runpytest(*PLUGINS, "notebooks").ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.parametrize(
    ("stored", "fresh", "same"),
    [
        ("1.0", "1.0005", True),
        ("1.0", "1.01", False),
        ("0.0", "5e-7", True),
        ("0.0", "5e-6", False),
        ("0.125", "0.126", True),  # one unit of the last of three digits
        ("0.125", "0.127", False),
        ("0.12", "0.13", False),  # two digits: one unit is eight per cent
        ("1.5e-08", "1.6e-08", True),  # both below the absolute tolerance
        ("1.50e+08", "1.51e+08", True),
        ("1.50e+08", "1.53e+08", False),
        ("-0.0", "0.0", True),
        ("1", "1.0", True),
        ("7", "8", False),
        ("x1 0.5", "x2 0.5", False),
        ("a  0.5", "a 0.5", True),
        ("3 of 5", "5 of 3", False),
        ("1.5×10⁻⁸", "1.5×10⁻⁷", False),
        ("nan", "0.0", False),
        ("0.5 0.5", "0.5", False),
    ],
)
def test_close(stored, fresh, same):
    assert close(stored, fresh, 1e-3, 1e-6) is same


def test_sizes_of_pictures():
    assert png_size(png(7, 9)) == (7, 9)
    assert png_size(base64.b64encode(b"x" * 40).decode()) == (0, 0)
