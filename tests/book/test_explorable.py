"""The interactive picture: its mathematics against the library, its controls in the browser."""

import json
import shutil
import subprocess

import pytest
import torch

from book.site import ROOT
from book.test_reading import open_page, tab  # noqa: F401
from lowdim.distributions import Empirical, Gaussian, MoLRG

MODEL = ROOT / "book" / "_static" / "explorables" / "denoiser-field-model.js"
POINTS = [[0.9, 1.25], [-2.0, 0.3], [0.01, -0.02], [2.6, -1.7]]
SIGMAS = [0.03, 0.2, 0.7, 1.5, 6.0]
ASK = """
const model = require(%s);
const answers = {};
for (const [name, law] of Object.entries(model.laws))
  answers[name] = %s.map((x) => %s.map((sigma) => law.denoise(x, sigma)));
const axes = model.axes([[2, 0.5], [0.5, 1]]);
const path = model.path(model.laws.gaussian, [0.9, 1.25], 2, 400);
console.log(JSON.stringify({ parameters: model.parameters, answers, axes, path }));
"""


@pytest.fixture(scope="module")
def drawn():
    node = shutil.which("node")
    if node is None:
        pytest.skip("the explorable's mathematics is checked with node, which is not here")
    program = ASK % (json.dumps(str(MODEL)), json.dumps(POINTS), json.dumps(SIGMAS))
    done = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def laws(drawn):
    """The library's laws with the picture's parameters."""
    given = drawn["parameters"]
    bases = [torch.tensor(u, dtype=torch.float64)[:, None] for u in given["directions"]]
    eigenvalues = [torch.tensor([value], dtype=torch.float64) for value in given["eigenvalues"]]
    mixture = MoLRG(bases, eigenvalues, weights=torch.tensor(given["weights"], dtype=torch.float64))
    return {
        "molrg": mixture,
        "gaussian": Gaussian.from_covariance(mixture.mean(), mixture.covariance()),
        "empirical": Empirical(torch.tensor(given["points"], dtype=torch.float64)),
    }


@pytest.mark.parametrize("name", ["molrg", "gaussian", "empirical"])
def test_the_picture_draws_the_librarys_denoiser(drawn, laws, name):
    x = torch.tensor(POINTS, dtype=torch.float64)
    for column, sigma in enumerate(SIGMAS):
        answers = [row[column] for row in drawn["answers"][name]]
        mean = torch.tensor([answer["mean"] for answer in answers], dtype=torch.float64)
        covariance = torch.tensor([answer["covariance"] for answer in answers], dtype=torch.float64)
        torch.testing.assert_close(mean, laws[name].denoise(x, sigma), rtol=0, atol=1e-12)
        exact = sigma**2 * laws[name].denoiser_jacobian(x, sigma)
        torch.testing.assert_close(covariance, exact, rtol=1e-9, atol=1e-12)


def test_the_picture_knows_which_line(drawn, laws):
    x = torch.tensor(POINTS, dtype=torch.float64)
    weights = torch.tensor([row[2]["weights"] for row in drawn["answers"]["molrg"]], dtype=torch.float64)
    torch.testing.assert_close(weights, laws["molrg"].component_weights(x, SIGMAS[2]), rtol=0, atol=1e-12)


def test_the_ellipse_has_the_axes_of_the_covariance(drawn):
    values, vectors = torch.linalg.eigh(torch.tensor([[2.0, 0.5], [0.5, 1.0]], dtype=torch.float64))
    axes = drawn["axes"]
    assert [axes["short"], axes["long"]] == pytest.approx(values.sqrt().tolist())
    turned = torch.tensor([axes["angle"]], dtype=torch.float64)
    along = torch.cat([turned.cos(), turned.sin()])
    assert abs(float(along @ vectors[:, 1])) == pytest.approx(1)


def test_the_path_ends_where_the_flow_of_a_gaussian_ends(drawn, laws):
    covariance = laws["gaussian"].covariance()
    values, vectors = torch.linalg.eigh(covariance)
    start = torch.tensor([0.9, 1.25], dtype=torch.float64)
    end = vectors @ ((values / (values + 4)).sqrt() * (vectors.T @ start))
    assert drawn["path"][-1] == pytest.approx(end.tolist(), abs=2e-4)


def pixels(tab):  # noqa: F811
    return tab.evaluate("document.querySelector('.ld-explorable canvas').toDataURL()")


def changed(tab, before):  # noqa: F811
    tab.wait_for_timeout(120)
    after = pixels(tab)
    assert after != before
    return after


def test_every_control_changes_the_picture(tab, server):  # noqa: F811
    open_page(tab, server, "book/intro")
    picture = pixels(tab)
    tab.locator("[name=sigma]").press("ArrowRight")
    picture = changed(tab, picture)
    for law in ("gaussian", "empirical", "molrg"):
        tab.check(f"[name=law][value={law}]")
        picture = changed(tab, picture)
    tab.uncheck("[name=path]")
    picture = changed(tab, picture)
    tab.click("[name=play]")
    picture = changed(tab, picture)
    assert tab.locator(".ld-explorable output").inner_text() == "0.03"
    assert tab.seen.complaints == []


def test_the_point_moves_by_keyboard_and_by_hand(tab, server):  # noqa: F811
    open_page(tab, server, "book/intro")
    canvas = tab.locator(".ld-explorable canvas")
    said = tab.locator(".ld-readout")
    assert said.inner_text().startswith("x = (0.90, 1.25)")
    canvas.press("ArrowLeft")
    tab.wait_for_timeout(120)
    assert said.inner_text().startswith("x = (0.85, 1.25)")
    box = canvas.bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + box["height"] / 2)
    tab.mouse.up()
    tab.wait_for_timeout(120)
    assert said.inner_text().startswith("x = (1.4")


def test_the_picture_follows_the_mode_of_the_page(tab, server):  # noqa: F811
    open_page(tab, server, "book/intro")
    before = pixels(tab)
    tab.evaluate("document.documentElement.dataset.theme = 'dark'")
    changed(tab, before)
