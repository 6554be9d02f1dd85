/* Films: a button and a slider for the frames of a sheet. The markup is on the page, hidden; readers without scripts and
   the print keep the poster before it. Nothing plays by itself. */
(() => {
  "use strict";

  function film(box) {
    const data = JSON.parse(box.dataset.film);
    const [canvas, button, slider, output] = ["canvas", "button", "input", "output"].map((tag) => box.querySelector(tag));
    const ink = canvas.getContext("2d");
    const sheet = new Image();
    const interval = (1000 * data.seconds) / data.frames;
    const last = data.frames - 1;
    let loading = null;
    let playing = 0; // the number of the run that plays, 0 while paused
    let runs = 0;

    /* The sheet, fetched once, when the film comes near or is used. */
    function load() {
      if (!loading) {
        sheet.src = data.src;
        loading = sheet.decode().then(() => draw(), () => withdraw());
      }
      return loading;
    }

    function withdraw() {
      pause();
      box.hidden = true;
      box.parentElement.classList.remove("ld-has-film");
    }

    function draw() {
      const index = Number(slider.value);
      const { width, height, columns } = data;
      const [left, top] = [(index % columns) * width, Math.floor(index / columns) * height];
      ink.drawImage(sheet, left, top, width, height, 0, 0, width, height);
      canvas.dataset.frame = index; // what is seen, for whoever looks from outside
    }

    function show(index) {
      slider.value = index;
      slider.setAttribute("aria-valuetext", data.labels[index]);
      output.textContent = data.labels[index];
      if (sheet.complete && sheet.naturalWidth) draw();
    }

    function mark(now) {
      playing = now ? ++runs : 0;
      button.setAttribute("aria-label", now ? "Pause" : "Play");
      button.classList.toggle("ld-pause", now);
    }

    function pause() {
      mark(false);
    }

    async function play() {
      mark(true);
      const mine = playing;
      await load();
      const from = Number(slider.value) === last ? 0 : Number(slider.value);
      const start = performance.now() - from * interval;
      function step(now) {
        if (playing !== mine) return;
        const index = Math.min(last, Math.max(from, Math.floor((now - start) / interval)));
        if (index !== Number(slider.value)) show(index);
        if (index === last) pause();
        else requestAnimationFrame(step);
      }
      requestAnimationFrame(step);
    }

    const turn = () => (playing ? pause() : play());
    button.addEventListener("click", turn);
    canvas.addEventListener("click", turn);
    slider.addEventListener("input", () => {
      pause();
      show(Number(slider.value));
      load();
    });
    slider.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      turn();
    });

    output.style.minWidth = `${Math.max(...data.labels.map((label) => label.length))}ch`;
    show(0); // a browser may have kept the slider's place over a reload
    box.hidden = false;
    box.parentElement.classList.add("ld-has-film");
    const near = new IntersectionObserver(
      (seen) => {
        if (!seen.some((entry) => entry.isIntersecting)) return;
        near.disconnect();
        load();
      },
      { rootMargin: "800px" },
    );
    near.observe(box);
  }

  document.querySelectorAll(".ld-film[data-film]").forEach(film);
})();
