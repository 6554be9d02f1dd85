from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from companion import sample
from lowdim.companion.catalogue import find
from lowdim.companion.claims import VERDICTS, judge, parse_claims
from lowdim.companion.verdicts import badge, html_table, inline_html, run_verdicts_html, run_verdicts_text

CLAIMS = parse_claims(sample.CLAIMS, "01-subspace-clustering.yml", find(1))


def rows(**values: float):
    named = {key.replace("_", "-").removeprefix("c"): value for key, value in values.items()}
    return [(CLAIMS[key], judge(CLAIMS[key], value, "quick")) for key, value in named.items()]


def cells(html: str) -> list[list[str]]:
    """The text of every cell; fails when the HTML is not well formed."""
    table = ET.fromstring(html)
    return [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]


def test_the_table_of_a_run():
    found = cells(run_verdicts_html(rows(c01_C1=2.3e-12, c01_C2=70.0, c01_R1=0.125)))
    assert found == [
        ["Claim", "Measured", "Asked for", "Verdict"],
        ["01-C1 The denoiser is \\(E[x_0 | x]\\) & exact.Lemma 1", "≤ 10⁻⁸", "≤ 10⁻⁸", "holds"],
        ["01-C2 Training finds the subspaces.Figure 4", "70 %", "≥ 90", "holds weakersmall networks stop early"],
        ["01-R1 The loss falls.text (second-hand)", "0.125", "—", "reporteda measurement without a bound"],
    ]


def test_the_same_as_text():
    assert run_verdicts_text(rows(c01_C2=70.0)) == "01-C2: holds weaker (measured 70 %, asked for ≥ 90)"
    assert run_verdicts_text([]) == "no claims measured yet"


def test_rounding_error_on_another_machine_gives_the_same_table():
    assert run_verdicts_html(rows(c01_C1=2.3e-12)) == run_verdicts_html(rows(c01_C1=7.7e-15))
    assert run_verdicts_html(rows(c01_C1=2.3e-12)) != run_verdicts_html(rows(c01_C1=3e-8))


def test_formulas_are_marked_for_mathjax_and_code_for_the_browser():
    html = inline_html("if $a<b$ then `x & y`")
    assert r'mathjax_process tex2jax_process">\(a&lt;b\)</span> then <code>x &amp; y</code>' in html


@given(st.text(alphabet="<>&\"'a$` ;\\"))
def test_no_text_breaks_out_of_its_cell(text):
    (row,) = cells(html_table("x", (), [[inline_html(text)]]))[1:]
    shown = row[0].replace("\\(", "").replace("\\)", "")
    assert [c for c in shown if c in "<>&\"'a"] == [c for c in text if c in "<>&\"'a"]


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_verdict_has_a_badge_of_its_own_class(verdict):
    assert badge(verdict).count(f">{verdict}<") == 1
    assert len({badge(other).split(">")[0] for other in VERDICTS}) == len(VERDICTS)
    assert "out-of-reach-here" not in badge(verdict)
