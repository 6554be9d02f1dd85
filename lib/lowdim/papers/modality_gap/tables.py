"""The numbers that the paper prints for MS-COCO with OpenCLIP RN50 (Tables 2 to 5), for their rank correlations.

Columns: gap, uniformity, zero-shot and linear-probe accuracy on CIFAR-10, image and text retrieval at 1, in percent.
"""

from __future__ import annotations

COLUMNS = ("gap", "uniformity", "zero-shot", "linear probe", "image retrieval", "text retrieval")

ROWS: dict[str, tuple[float, ...]] = {
    "baseline": (0.294, -1.165, 13.65, 65.55, 68.23, 78.37),
    "fixed 0.01": (0.669, -1.214, 18.48, 69.44, 69.89, 80.68),
    "fixed 0.02": (0.334, -1.138, 18.83, 68.41, 70.54, 81.30),
    "fixed 0.04": (0.122, -1.183, 14.40, 61.98, 73.44, 82.66),
    "fixed 0.07": (0.033, -1.246, 11.76, 49.61, 75.53, 82.88),
    "fixed 0.1": (0.019, -1.251, 10.42, 48.29, 66.55, 73.58),
    "fixed 0.2": (0.008, -1.255, 10.55, 50.14, 23.97, 26.94),
    "fixed 0.3": (0.007, -1.282, 10.69, 42.09, 10.40, 12.80),
    "fixed 0.4": (0.009, -1.296, 13.83, 37.97, 6.90, 8.70),
    "schedule S0": (0.384, -1.120, 18.40, 69.40, 72.55, 82.89),
    "schedule S1": (0.198, -1.087, 18.55, 69.26, 72.69, 83.05),
    "schedule S2": (0.137, -1.092, 16.80, 68.25, 73.98, 84.25),
    "schedule S3": (0.088, -1.108, 17.17, 67.50, 75.72, 85.31),
    "alternating A0": (0.541, -1.151, 19.50, 69.47, 72.51, 81.97),
    "alternating A1": (0.261, -1.120, 16.85, 67.46, 73.90, 83.65),
    "softplus": (0.284, -1.153, 14.86, 66.46, 70.06, 80.10),
    "scaled 2": (0.287, -1.154, 18.25, 66.30, 70.32, 80.60),
    "scaled 10": (0.285, -1.153, 14.36, 66.50, 70.15, 80.30),
    "slower rate": (0.268, -1.152, 15.13, 66.63, 70.32, 80.40),
    "hard swap 0.001": (0.225, -1.156, 13.91, 65.95, 69.72, 79.74),
    "hard swap 0.01": (0.095, -1.181, 15.70, 64.29, 69.36, 79.40),
    "hard swap 0.1": (0.046, -1.127, 17.39, 56.88, 67.10, 75.80),
    "hard swap 1": (0.028, -1.317, 14.36, 39.72, 47.17, 53.22),
    "row swap": (0.289, -1.155, 14.71, 65.91, 69.93, 80.60),
    "soft swap 0.05": (0.139, -1.152, 14.33, 64.94, 68.91, 79.16),
    "no normalisation": (0.468, -1.005, 16.82, 65.40, 58.62, 74.16),
}

FIGURE_ROWS = (
    "baseline",
    "fixed 0.04",
    "fixed 0.07",
    "schedule S1",
    "schedule S2",
    "schedule S3",
    "softplus",
    "slower rate",
    "hard swap 0.001",
)
"""The nine settings of the paper's figures of gap and uniformity against performance."""
