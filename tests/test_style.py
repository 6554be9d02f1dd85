import itertools
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.colors import to_hex, to_rgb

from lowdim import style

# Machado, Oliveira and Fernandes (2009), severity 1, for linear RGB
DEFICIENCIES = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


@pytest.fixture(autouse=True)
def restored():
    with mpl.rc_context():
        yield


def linear(colour):
    c = np.array(to_rgb(colour))
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    bright, dark = sorted((linear(c) @ [0.2126, 0.7152, 0.0722] for c in (one, other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def lab(rgb):
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    f = np.cbrt(np.maximum(xyz / [0.9505, 1.0, 1.089], 0.008856))
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def difference(one, other, deficiency):
    seen = [lab(np.clip(DEFICIENCIES[deficiency] @ linear(c), 0, 1)) for c in (one, other)]
    return float(np.linalg.norm(seen[0] - seen[1]))


def test_importing_changes_nothing():
    code = """if True:
        import matplotlib as m
        values = lambda: {key: m.rcParams[key] for key in m.rcParams if key != "backend"}  # reading that one sets it
        before = values()
        import lowdim.style
        assert values() == before
    """
    no_windows = "import sys, lowdim.style; lowdim.style.figure(); assert 'matplotlib.pyplot' not in sys.modules"
    for program in (code, no_windows):
        subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_cycle_colours_stay_apart_for_every_reader(deficiency):
    closest = min(difference(a, b, deficiency) for a, b in itertools.combinations(style.CYCLE, 2))
    assert closest > 15  # 2.3 is a just noticeable difference; Matplotlib's own cycle falls below 5


@pytest.mark.parametrize("colour", style.CYCLE)
def test_cycle_colours_stand_out_from_the_card(colour):
    assert contrast(colour, style.CARD) > 2.8


@pytest.mark.parametrize("name", ["ink", "muted", "theory"])
def test_text_is_readable_on_the_card(name):
    assert contrast(style.COLOURS[name], style.CARD) > 4.5


def test_components_have_the_colours_of_the_cycle():
    assert {style.COLOURS[f"component_{k}"] for k in range(1, 7)} == set(style.CYCLE)


def test_the_sequential_map_darkens_steadily():
    lightness = [lab(linear(style.SEQUENTIAL(t)))[0] for t in np.linspace(0, 1, 64)]
    assert np.all(np.diff(lightness) < 0)


def test_the_diverging_map_has_the_card_in_the_middle():
    assert to_hex(style.DIVERGING(0.5)) == to_hex(style.CARD)


def test_style_uses_the_packaged_font():
    style.use_style()
    found = font_manager.findfont(font_manager.FontProperties())
    assert found.endswith("LowdimSans-Regular.ttf")


def test_style_starts_from_the_defaults():
    mpl.rcParams["lines.dashed_pattern"] = [9, 9]
    style.use_style()
    assert mpl.rcParams["lines.dashed_pattern"] == mpl.rcParamsDefault["lines.dashed_pattern"]


def drawn():
    fig, ax = style.figure(0.5)
    ax.plot([0, 1], [0, 1], label="line $\\sigma$")
    ax.fill_between([0, 1], [0, 1], alpha=0.2)
    ax.legend()
    return fig


def test_vector_files_are_reproducible_and_self_contained(tmp_path):
    for name in "ab":
        drawn().savefig(tmp_path / f"{name}.svg", metadata=style.SVG_METADATA)
    first = (tmp_path / "a.svg").read_bytes()
    assert first == (tmp_path / "b.svg").read_bytes()
    assert b"<text" not in first  # glyphs are paths: no font is asked of the reader
    assert b"dc:date" not in first


def test_the_card_is_opaque(tmp_path):
    drawn().savefig(tmp_path / "a.png")
    corner = mpl.image.imread(tmp_path / "a.png")[0, 0]
    assert to_hex(corner) == to_hex(style.CARD)
    assert corner[3] == 1


def test_a_figure_fills_the_column_and_keeps_its_aspect():
    fig, axes = style.figure(1.0, aspect=0.5, nrows=2, ncols=4)
    assert tuple(fig.get_size_inches()) == pytest.approx((style.COLUMN_WIDTH, style.COLUMN_WIDTH / 4 * 0.5 * 2))
    assert axes.shape == (2, 4)


@pytest.mark.parametrize("arguments", [{"width": 0}, {"width": 1.2}, {"aspect": 0}])
def test_impossible_figures_are_refused(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        style.figure(**arguments)


def test_a_signed_matrix_is_symmetric_about_zero():
    _, ax = style.figure()
    image = style.show_matrix(ax, [[1.0, -3.0], [0.0, 2.0]], signed=True)
    assert image.get_clim() == (-3, 3)
    assert to_hex(image.cmap(image.norm(0.0))) == to_hex(style.CARD)
    assert style.show_matrix(ax, [[1.0, 2.0]], limit=5).get_clim() == (0, 5)


def test_images_are_drawn_from_black_to_white():
    fig = style.image_grid(np.linspace(-1, 1, 4 * 3 * 2 * 2).reshape(4, 3, 2, 2), columns=2, column_labels=["a", "b"])
    pixels = fig.axes[0].images[0].get_array()
    assert len(fig.axes) == 4
    assert pixels.shape == (2, 2, 3)
    assert pixels.min() == 0
    assert fig.axes[0].get_title("center") == "a"


def test_missing_images_stay_empty():
    fig = style.image_grid(np.zeros((5, 8, 8)), columns=3)
    assert [len(ax.images) for ax in fig.axes] == [1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("shape", [(8, 8), (4, 2, 8, 8), (2, 4, 2, 8, 8)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="images"):
        style.image_grid(np.zeros(shape))


def test_too_many_labels_are_refused():
    with pytest.raises(ValueError, match="row_labels"):
        style.image_grid(np.zeros((2, 8, 8)), row_labels=["a", "b"])
