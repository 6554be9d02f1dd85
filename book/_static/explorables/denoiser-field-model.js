/* Three denoisers of the same data in the plane, with their posterior covariances.
   A law is {denoise(x, sigma) -> {mean: [2], covariance: [[2], [2]], weights: [K]}}; x is [x1, x2], sigma > 0. */
(function (root) {
  "use strict";

  const DEGREES = [24, -58];
  const DIRECTIONS = DEGREES.map((a) => [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)]);
  const EIGENVALUES = [1.2, 0.8];
  const WEIGHTS = [0.6, 0.4];
  /* Standard normal draws along each line (numpy.random.default_rng(65), two decimals): 15 points on one, 10 on the other. */
  const DRAWS = [
    [-1.11, 0.2, 1.24, -1.57, -0.64, -0.76, 0.09, 0.17, -1.26, 0.27, 0.68, 1.84, -0.09, 1.15, -0.25],
    [-1.32, 0.55, -1.38, 0.57, 0.48, 1.01, -0.9, 0.15, -0.24, 0.99],
  ];
  const POINTS = DRAWS.flatMap((draws, k) =>
    draws.map((z) => [0, 1].map((i) => z * Math.sqrt(EIGENVALUES[k]) * DIRECTIONS[k][i])),
  );

  const dot = (a, b) => a[0] * b[0] + a[1] * b[1];
  const outer = (a, b, c) => [
    [c * a[0] * b[0], c * a[0] * b[1]],
    [c * a[1] * b[0], c * a[1] * b[1]],
  ];
  const add = (A, B) => A.map((row, i) => row.map((value, j) => value + B[i][j]));
  const apply = (A, x) => A.map((row) => dot(row, x));

  function softmax(logits) {
    const top = Math.max(...logits);
    const powers = logits.map((l) => Math.exp(l - top));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((p) => p / sum);
  }

  /* Mean and covariance of a mixture, from those of its parts. */
  function pool(weights, means, covariances) {
    const mean = [0, 1].map((i) => weights.reduce((sum, w, k) => sum + w * means[k][i], 0));
    let covariance = [
      [0, 0],
      [0, 0],
    ];
    weights.forEach((w, k) => {
      const gap = [means[k][0] - mean[0], means[k][1] - mean[1]];
      covariance = add(covariance, outer(gap, gap, w));
      if (covariances)
        covariance = add(
          covariance,
          covariances[k].map((row) => row.map((c) => w * c)),
        );
    });
    return { mean, covariance, weights };
  }

  /* sum_k pi_k N(0, lambda_k u_k u_k^T): points on two lines. */
  const molrg = {
    denoise(x, sigma) {
      const s2 = sigma * sigma;
      const gains = EIGENVALUES.map((l) => l / (l + s2));
      const along = DIRECTIONS.map((u) => dot(u, x));
      const logits = gains.map(
        (g, k) => Math.log(WEIGHTS[k]) - 0.5 * Math.log1p(EIGENVALUES[k] / s2) + (g * along[k] * along[k]) / (2 * s2),
      );
      const means = DIRECTIONS.map((u, k) => u.map((c) => gains[k] * along[k] * c));
      return pool(
        softmax(logits),
        means,
        DIRECTIONS.map((u, k) => outer(u, u, gains[k] * s2)),
      );
    },
  };

  /* The Gaussian with the mixture's mean (zero) and covariance S: D = S (S + sigma^2 I)^{-1} x. */
  const gaussian = {
    denoise(x, sigma) {
      const s2 = sigma * sigma;
      const S = DIRECTIONS.map((u, k) => outer(u, u, WEIGHTS[k] * EIGENVALUES[k])).reduce(add);
      const T = add(S, [
        [s2, 0],
        [0, s2],
      ]);
      const det = T[0][0] * T[1][1] - T[0][1] * T[1][0];
      const inverse = [
        [T[1][1] / det, -T[0][1] / det],
        [-T[1][0] / det, T[0][0] / det],
      ];
      const gain = [0, 1].map((i) => [0, 1].map((j) => S[i][0] * inverse[0][j] + S[i][1] * inverse[1][j]));
      return { mean: apply(gain, x), covariance: gain.map((row) => row.map((c) => s2 * c)), weights: [1] };
    },
  };

  /* The training points alone: a weighted mean of them. */
  const empirical = {
    denoise(x, sigma) {
      const logits = POINTS.map((p) => -((x[0] - p[0]) ** 2 + (x[1] - p[1]) ** 2) / (2 * sigma * sigma));
      return pool(softmax(logits), POINTS, null);
    },
  };

  /* The path of the probability-flow ODE dx/dsigma = (x - D(x, sigma)) / sigma down to zero, by Heun's method. */
  function path(law, x, sigma, steps) {
    const low = 1e-3;
    const points = [x.slice()];
    let here = x.slice();
    for (let i = 0; i < steps; i += 1) {
      const now = sigma * (low / sigma) ** (i / steps);
      const next = sigma * (low / sigma) ** ((i + 1) / steps);
      const slope = (at, s) => law.denoise(at, s).mean.map((d, j) => (at[j] - d) / s);
      const first = slope(here, now);
      const guess = here.map((c, j) => c + (next - now) * first[j]);
      const second = slope(guess, next);
      here = here.map((c, j) => c + ((next - now) * (first[j] + second[j])) / 2);
      points.push(here);
    }
    points.push(law.denoise(here, low).mean);
    return points;
  }

  /* Half axes (longest first) and the angle of the first, of the ellipse of one standard deviation. */
  function axes(covariance) {
    const [[a, b], [, d]] = covariance;
    const middle = (a + d) / 2;
    const radius = Math.hypot((a - d) / 2, b);
    return {
      long: Math.sqrt(Math.max(middle + radius, 0)),
      short: Math.sqrt(Math.max(middle - radius, 0)),
      angle: 0.5 * Math.atan2(2 * b, a - d),
    };
  }

  const model = {
    laws: { molrg, gaussian, empirical },
    parameters: { directions: DIRECTIONS, eigenvalues: EIGENVALUES, weights: WEIGHTS, points: POINTS },
    path,
    axes,
  };
  if (typeof module !== "undefined" && module.exports) module.exports = model;
  else root.DenoiserField = model;
})(typeof window === "undefined" ? globalThis : window);
