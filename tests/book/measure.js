/* Measurements that tests take inside a page. */
window.measure = (() => {
  const parse = (text) => {
    const found = text.match(/[\d.]+/g).map(Number);
    return { rgb: found.slice(0, 3), alpha: found.length > 3 ? found[3] : 1 };
  };
  const over = (top, below) => top.rgb.map((c, i) => top.alpha * c + (1 - top.alpha) * below[i]);

  /* The colour behind an element: its own and its ancestors' backgrounds laid over each other. */
  function ground(element) {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const layer = parse(getComputedStyle(at).backgroundColor);
      if (layer.alpha > 0) layers.push(layer);
      if (layer.alpha === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  }

  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };

  function contrast(one, other) {
    const [bright, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (bright + 0.05) / (dark + 0.05);
  }

  const visible = (element) =>
    element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && element.getClientRects().length > 0;

  /* Text whose contrast is below 4.5, or 3 where it is large (WCAG 2.2, 1.4.3). */
  function pale() {
    const found = new Map();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let text = walker.nextNode(); text; text = walker.nextNode()) {
      const element = text.parentElement;
      if (!text.data.trim() || element.closest("script, style, noscript, mjx-assistive-mml, svg") || !visible(element))
        continue;
      const style = getComputedStyle(element);
      const below = ground(element);
      const ratio = contrast(over(parse(style.color), below), below);
      const size = parseFloat(style.fontSize);
      const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      if (ratio < (large ? 3 : 4.5)) {
        const key = `${element.tagName.toLowerCase()}.${element.className}`;
        if (!found.has(key)) found.set(key, `${key} ${ratio.toFixed(2)}: ${text.data.trim().slice(0, 40)}`);
      }
    }
    return [...found.values()];
  }

  /* The text of the page that is neither code nor a formula. */
  function words() {
    const found = [];
    const walker = document.createTreeWalker(document.querySelector("article.bd-article"), NodeFilter.SHOW_TEXT);
    for (let text = walker.nextNode(); text; text = walker.nextNode()) {
      if (!text.parentElement.closest("script, style, pre, code, mjx-container")) found.push(text);
    }
    return found;
  }

  /* How many formulas the source has, how many are typeset, which show an error, and raw TeX left in the text. */
  function math() {
    const spans = [...document.querySelectorAll(".math")];
    const bare = spans.filter((span) => !span.querySelector("mjx-container") && span.textContent.trim());
    const errors = [...document.querySelectorAll('[data-mml-node="merror"], mjx-merror')];
    const raw = words().flatMap((text) => text.data.match(/\\\(|\\\[|\\(?:frac|sigma|begin)\b/g) || []);
    return {
      formulas: spans.length,
      bare: bare.map((span) => span.textContent.slice(0, 60)),
      errors: errors.map((error) => error.getAttribute("data-mjx-error") || error.textContent.slice(0, 60)),
      raw,
    };
  }

  const brokenPictures = () =>
    [...document.images].filter((image) => image.complete && !image.naturalWidth).map((image) => image.src);

  /* What makes the page wider than the screen; parts that scroll by themselves are allowed. */
  function wide() {
    const width = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= width) return [];
    return [...document.querySelectorAll("article.bd-article *")]
      .filter((element) => element.getBoundingClientRect().right > width + 1)
      .slice(0, 5)
      .map((element) => `${element.tagName.toLowerCase()}.${element.className}`)
      .concat([`page ${document.documentElement.scrollWidth} px`]);
  }

  return { pale, math, brokenPictures, wide };
})();
