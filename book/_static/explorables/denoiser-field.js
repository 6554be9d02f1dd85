/* The picture and its controls; the mathematics is in denoiser-field-model.js. */
(function () {
  "use strict";

  const { laws, parameters, path, axes } = window.DenoiserField;
  const HALF_WIDTH = 2.9; // of the picture, in units of the data
  const RATIO = 0.62; // height over width
  const SIGMA = [0.03, 6]; // ends of the slider
  const CELL = 32; // pixels between arrows, at least
  const REACH = 0.34; // share of the way to D that an arrow covers
  const COLOURS = { molrg: "--ld-purple", gaussian: "--ld-green", empirical: "--ld-amber" };

  const toSigma = (t) => SIGMA[0] * (SIGMA[1] / SIGMA[0]) ** t;

  function start(figure) {
    const canvas = figure.querySelector("canvas");
    const controls = (name) => figure.querySelector(`[name="${name}"]`);
    const state = { x: [0.9, 1.25], law: "molrg", t: Number(controls("sigma").value), path: true, frame: 0 };

    function draw() {
      const width = canvas.clientWidth;
      if (!width) return;
      const scale = window.devicePixelRatio || 1;
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(width * RATIO * scale);
      const pen = canvas.getContext("2d");
      pen.scale(scale, scale);
      paint(pen, width, state, (name) => getComputedStyle(figure).getPropertyValue(name).trim());
      report(figure, state);
    }

    function set(change) {
      Object.assign(state, change);
      if (!state.frame) {
        state.frame = requestAnimationFrame(() => {
          state.frame = 0;
          draw();
        });
      }
    }

    listen(figure, canvas, controls, state, set);
    new ResizeObserver(() => set({})).observe(canvas);
    new MutationObserver(() => set({})).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    figure.hidden = false;
    const instead = figure.parentElement.querySelector(".lowdim-instead");
    if (instead) instead.classList.add("ld-replaced");
    draw();
  }

  function listen(figure, canvas, controls, state, set) {
    const slider = controls("sigma");
    slider.addEventListener("input", () => set({ t: Number(slider.value) }));
    figure
      .querySelectorAll('[name="law"]')
      .forEach((radio) => radio.addEventListener("change", () => set({ law: radio.value })));
    controls("path").addEventListener("change", (event) => set({ path: event.target.checked }));
    controls("play").addEventListener("click", () => lower(slider, set));

    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      const unit = (2 * HALF_WIDTH) / box.width;
      const [right, up] = [event.clientX - box.left - box.width / 2, box.top + box.height / 2 - event.clientY];
      set({ x: inside([right * unit, up * unit]) });
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      place(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) place(event);
    });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const size = event.shiftKey ? 0.25 : 0.05;
      set({ x: inside([state.x[0] + size * step[0], state.x[1] + size * step[1]]) });
    });
  }

  const inside = ([a, b]) => {
    const clip = (value, most) => Math.min(Math.max(value, -most), most);
    return [clip(a, HALF_WIDTH), clip(b, HALF_WIDTH * RATIO)];
  };

  /* Move the slider to its lower end: slowly, or at once for readers who asked for no motion. */
  function lower(slider, set) {
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const from = Number(slider.value) > 0.05 ? Number(slider.value) : 1;
    const begun = performance.now();
    const to = (t) => {
      slider.value = String(t);
      set({ t: Number(slider.value) });
    };
    if (still) return to(0);
    const tick = (now) => {
      const share = Math.min((now - begun) / 4500, 1);
      to(from * (1 - share));
      if (share < 1) requestAnimationFrame(tick);
    };
    return requestAnimationFrame(tick);
  }

  function paint(pen, width, state, colour) {
    const unit = width / (2 * HALF_WIDTH);
    const at = ([a, b]) => [width / 2 + a * unit, (width * RATIO) / 2 - b * unit];
    const law = laws[state.law];
    const sigma = toSigma(state.t);
    const ink = {
      text: colour("--ld-ink"),
      faint: colour("--ld-muted"),
      law: colour(COLOURS[state.law]),
      hot: colour("--ld-vermillion"),
    };
    data(pen, at, state.law, ink);
    field(pen, at, law, sigma, ink.law, Math.max((2 * HALF_WIDTH) / 19, CELL / unit / 1.3));
    if (state.path) trace(pen, path(law, state.x, sigma, 60).map(at), ink.text);
    probe(pen, at, unit, state.x, sigma, law.denoise(state.x, sigma), ink);
  }

  /* The lines on which the data lie, and the finite sample of them. */
  function data(pen, at, name, ink) {
    pen.globalAlpha = name === "gaussian" ? 0.12 : 0.22;
    pen.strokeStyle = ink.text;
    pen.lineWidth = 7;
    pen.lineCap = "round";
    parameters.directions.forEach((u, k) => {
      const far = 2.4 * Math.sqrt(parameters.eigenvalues[k]);
      line(pen, at([-far * u[0], -far * u[1]]), at([far * u[0], far * u[1]]));
    });
    if (name === "empirical") {
      pen.globalAlpha = 0.9;
      pen.fillStyle = ink.text;
      parameters.points.forEach((p) => disc(pen, at(p), 3));
    }
    pen.globalAlpha = 1;
  }

  function field(pen, at, law, sigma, colour, step) {
    pen.strokeStyle = colour;
    pen.fillStyle = colour;
    pen.lineWidth = 1.3;
    for (const a of ticks(HALF_WIDTH, step)) {
      for (const b of ticks(HALF_WIDTH * RATIO, step)) {
        const mean = law.denoise([a, b], sigma).mean;
        arrow(pen, at([a, b]), at([a + REACH * (mean[0] - a), b + REACH * (mean[1] - b)]));
      }
    }
  }

  /* Places `step` apart, symmetric about zero, with a margin of half a step. */
  function ticks(half, step) {
    const count = Math.floor((2 * half) / step);
    return Array.from({ length: count }, (_, i) => (i - (count - 1) / 2) * step);
  }

  function arrow(pen, from, to) {
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    const head = Math.min(6, 1.5 + length * 0.35);
    const turn = Math.atan2(to[1] - from[1], to[0] - from[0]);
    if (length < 1.2) {
      disc(pen, from, 1.1);
      return;
    }
    line(pen, from, to);
    pen.beginPath();
    pen.moveTo(to[0] + 0.6 * head * Math.cos(turn), to[1] + 0.6 * head * Math.sin(turn));
    [2.5, -2.5].forEach((side) =>
      pen.lineTo(to[0] + 0.7 * head * Math.cos(turn + side), to[1] + 0.7 * head * Math.sin(turn + side)),
    );
    pen.fill();
  }

  function trace(pen, points, colour) {
    pen.strokeStyle = colour;
    pen.lineWidth = 1.6;
    pen.beginPath();
    points.forEach((p) => pen.lineTo(p[0], p[1]));
    pen.stroke();
    pen.fillStyle = colour;
    disc(pen, points[points.length - 1], 3.2);
  }

  /* The point x with its noise, and D(x, sigma) with its posterior. */
  function probe(pen, at, unit, x, sigma, posterior, ink) {
    const [from, to] = [at(x), at(posterior.mean)];
    const { long, short, angle } = axes(posterior.covariance);
    pen.strokeStyle = ink.faint;
    pen.lineWidth = 1;
    pen.setLineDash([4, 4]);
    circle(pen, from, sigma * unit);
    pen.setLineDash([]);
    pen.strokeStyle = ink.hot;
    pen.fillStyle = ink.hot;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.ellipse(to[0], to[1], Math.max(2 * long * unit, 1), Math.max(2 * short * unit, 1), -angle, 0, 2 * Math.PI);
    pen.globalAlpha = 0.16;
    pen.fill();
    pen.globalAlpha = 1;
    pen.stroke();
    line(pen, from, to);
    disc(pen, to, 5);
    pen.strokeStyle = ink.text;
    pen.lineWidth = 2.5;
    circle(pen, from, 6.5);
    pen.fillStyle = ink.text;
    pen.font = 'italic 600 17px "Source Serif", Georgia, serif';
    pen.fillText("x", from[0] + 10, from[1] - 8);
    pen.fillStyle = ink.hot;
    pen.fillText("D", to[0] + 9, to[1] + 18);
  }

  function line(pen, from, to) {
    pen.beginPath();
    pen.moveTo(from[0], from[1]);
    pen.lineTo(to[0], to[1]);
    pen.stroke();
  }

  function circle(pen, centre, radius) {
    pen.beginPath();
    pen.arc(centre[0], centre[1], radius, 0, 2 * Math.PI);
    pen.stroke();
  }

  function disc(pen, centre, radius) {
    pen.beginPath();
    pen.arc(centre[0], centre[1], radius, 0, 2 * Math.PI);
    pen.fill();
  }

  function report(figure, state) {
    const sigma = toSigma(state.t);
    const { mean, covariance, weights } = laws[state.law].denoise(state.x, sigma);
    const { long, short } = axes(covariance);
    const number = (value) => value.toFixed(2).replace("-", "\u2212");
    const pair = ([a, b]) => `(${number(a)}, ${number(b)})`;
    const slider = figure.querySelector('[name="sigma"]');
    slider.setAttribute("aria-valuetext", `sigma ${number(sigma)}`);
    figure.querySelector("output").textContent = number(sigma);
    const odds = state.law === "molrg" ? `; the lines with probability ${weights.map(number).join(" and ")}` : "";
    figure.querySelector(".ld-readout").textContent =
      `x = ${pair(state.x)}, D = ${pair(mean)}; posterior deviations ${number(long)} and ${number(short)}${odds}.`;
  }

  document.querySelectorAll('[data-explorable="denoiser-field"]').forEach(start);
})();
