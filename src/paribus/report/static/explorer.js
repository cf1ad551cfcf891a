// Learning curves to look into: hover, hide, zoom, smooth. Draws what the page holds as JSON; loads nothing.
(() => {
  "use strict";
  const root = document.getElementById("explorer");
  const source = document.getElementById("explorer-data");
  if (!root || !source) return;
  let cells = JSON.parse(source.textContent);
  // A message in the page's language; the page hands over what is not English.
  const texts = JSON.parse(root.dataset.texts || "{}");
  const tr = (message, values = {}) => (texts[message] || message).replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const NAMES = {
    train: tr("train"), validation: tr("validation"), test: tr("test"), loss: tr("loss"), accuracy: tr("accuracy (%)"),
  };
  const PARTS = ["train", "validation", "test"], ROWS = ["loss", "accuracy"];
  const state = { hidden: new Set(), smooth: 0, log: false, band: true, zoom: null, drag: null };
  cells.forEach((cell, i) => { if (!cell.shown) state.hidden.add(i); });

  const canvas = root.querySelector(".canvas"), tip = root.querySelector(".tip"), legend = root.querySelector(".legend");
  let panels = [];

  // ---- numbers

  // Exponential running mean whose first values are not drawn to 0 (as TensorBoard smooths).
  function smoothed(values) {
    const w = state.smooth;
    if (!w) return values;
    let sum = 0, weight = 0;
    return values.map((v) => {
      if (v === null) return null;
      sum = w * sum + (1 - w) * v;
      weight = w * weight + (1 - w);
      return sum / weight;
    });
  }

  const visible = () => cells.map((cell, i) => ({ cell, i })).filter(({ i }) => !state.hidden.has(i));

  function series(cell, row, part) {
    const [mean, low, high] = cell.curves[row][part];
    return { mean: smoothed(mean), low, high };
  }

  function ticks(low, high, most) {
    const raw = (high - low) / most || 1, power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(+(k * step).toPrecision(12));
    return found;
  }

  function logTicks(low, high) {
    const found = [];
    for (let k = -12; k < 13; k++) for (const m of [1, 2, 5]) {
      const v = m * 10 ** k;
      if (v >= low && v <= high) found.push(v);
    }
    return found.length > 7 ? found.filter((v) => String(v.toExponential())[0] === "1") : found;
  }

  const nearest = (epochs, at) => {
    let a = 0, b = epochs.length - 1;
    while (b - a > 1) { const m = (a + b) >> 1; if (epochs[m] <= at) a = m; else b = m; }
    return at - epochs[a] <= epochs[b] - at ? a : b;
  };

  // ---- drawing

  const NS = "http://www.w3.org/2000/svg";
  function element(tag, attributes, text) {
    const made = document.createElementNS(NS, tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function range(row, from, to) {
    let low = Infinity, high = -Infinity;
    for (const { cell } of visible()) for (const part of PARTS) {
      const s = series(cell, row, part);
      cell.epochs.forEach((epoch, k) => {
        if (epoch < from || epoch > to) return;
        for (const v of state.band && !state.smooth ? [s.low[k], s.high[k]] : [s.mean[k]]) {
          if (v === null || (row === "loss" && state.log && v <= 0)) continue;
          if (v < low) low = v;
          if (v > high) high = v;
        }
      });
    }
    if (low > high) return [0, 1];
    if (row === "loss" && state.log) return [low / 1.05, high * 1.05];
    const margin = 0.04 * (high - low) || 0.5;
    return [low - margin, high + margin];
  }

  function draw() {
    const width = Math.max(canvas.clientWidth, 280), narrow = width < 620;
    const columns = narrow ? 1 : PARTS.length, left = 44, gap = 14, right = 14, tall = 170, head = 22, foot = narrow ? 26 : 18;
    const wide = (width - left - right - gap * (columns - 1)) / columns;
    const last = Math.max(...cells.map((cell) => cell.epochs[cell.epochs.length - 1]), 2);
    const [from, to] = state.zoom || [1, last];
    const order = ROWS.flatMap((row) => PARTS.map((part) => [row, part]));
    const height = narrow ? order.length * (tall + head + foot) + 16 : ROWS.length * (tall + head + foot) + 24;
    const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, width, height, "font-size": 11, fill: "currentColor" });
    panels = order.map(([row, part], k) => {
      const column = narrow ? 0 : k % 3, line = narrow ? k : Math.floor(k / 3);
      const x0 = left + column * (wide + gap), y0 = head + line * (tall + head + foot);
      const [low, high] = range(row, from, to), log = row === "loss" && state.log;
      const f = log ? Math.log : (v) => v;
      const x = (epoch) => x0 + ((epoch - from) / (to - from || 1)) * wide;
      const y = (v) => y0 + tall - ((f(v) - f(low)) / (f(high) - f(low) || 1)) * tall;
      return { row, part, x0, y0, x, y, low, high, log, from, to, wide, tall };
    });
    const clips = element("defs", {});
    svg.append(clips);
    panels.forEach((p, k) => {
      const clip = element("clipPath", { id: `explorer-clip-${k}` });
      clip.append(element("rect", { x: p.x0, y: p.y0 - 2, width: p.wide, height: p.tall + 4 }));
      clips.append(clip);
      const atX = ticks(p.from, p.to, narrow ? 6 : 5), atY = p.log ? logTicks(p.low, p.high) : ticks(p.low, p.high, 5);
      let grid = "";
      for (const v of atX) grid += `M${p.x(v).toFixed(1)} ${p.y0}v${p.tall}`;
      for (const v of atY) grid += `M${p.x0} ${p.y(v).toFixed(1)}h${p.wide}`;
      svg.append(element("path", { d: grid, stroke: "currentColor", "stroke-opacity": 0.12, fill: "none" }));
      svg.append(element("path", { d: `M${p.x0} ${p.y0}v${p.tall}h${p.wide}`, stroke: "currentColor", "stroke-opacity": 0.6, fill: "none" }));
      const title = tr("{part} {quantity}", { part: NAMES[p.part], quantity: NAMES[p.row] });
      svg.append(element("text", { x: p.x0 + p.wide / 2, y: p.y0 - 7, "text-anchor": "middle", "font-weight": 600 }, title));
      if (narrow || k % 3 === 0) for (const v of atY)
        svg.append(element("text", { x: p.x0 - 5, y: p.y(v) + 4, "text-anchor": "end" }, String(+v.toPrecision(6))));
      for (const v of atX) svg.append(element("text", { x: p.x(v), y: p.y0 + p.tall + 14, "text-anchor": "middle" }, String(v)));
      const inside = element("g", { "clip-path": `url(#explorer-clip-${k})`, fill: "none", "stroke-linejoin": "round" });
      svg.append(inside);
      for (const { cell } of visible()) inside.append(...curve(p, cell));
    });
    const guide = element("path", { class: "guide", stroke: "currentColor", "stroke-opacity": 0.5, fill: "none" });
    const area = element("rect", { class: "area", fill: "currentColor", "fill-opacity": 0.1, width: 0, height: 0 });
    svg.append(guide, area);
    canvas.replaceChildren(svg);
    root.querySelector(".reset").disabled = !state.zoom;
  }

  function path(p, epochs, values) {
    let d = "", on = false;
    for (let k = 0; k < epochs.length; k++) {
      const v = values[k];
      if (v === null || (p.log && v <= 0)) { on = false; continue; }
      d += `${on ? "L" : "M"}${p.x(epochs[k]).toFixed(1)} ${p.y(v).toFixed(1)}`;
      on = true;
    }
    return d;
  }

  function curve(p, cell) {
    const s = series(cell, p.row, p.part), made = [];
    const whole = s.low.every((v, k) => v !== null && s.high[k] !== null && (!p.log || v > 0));
    if (state.band && !state.smooth && cell.n_seeds > 1 && whole) {
      const back = [...cell.epochs].reverse(), tops = [...s.high].reverse();
      const d = path(p, cell.epochs, s.low) + path(p, back, tops).replace("M", "L") + "z";
      made.push(element("path", { d, fill: cell.colour, "fill-opacity": 0.14 }));
    }
    const line = { d: path(p, cell.epochs, s.mean), stroke: cell.colour, "stroke-width": 1.5 };
    if (cell.dashes) line["stroke-dasharray"] = cell.dashes;
    made.push(element("path", line));
    const at = s.mean[nearest(cell.epochs, cell.selected)];
    if (at !== null && (!p.log || at > 0))
      made.push(element("circle", { cx: p.x(cell.selected), cy: p.y(at), r: 3, fill: cell.colour, stroke: "currentColor", "stroke-width": 0.7 }));
    return made;
  }

  // ---- what a person does

  const place = (event) => {
    const box = canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    return { x, y, panel: panels.find((p) => x >= p.x0 && x <= p.x0 + p.wide && y >= p.y0 && y <= p.y0 + p.tall) };
  };
  const epochAt = (p, x) => p.from + ((x - p.x0) / p.wide) * (p.to - p.from);

  function hover(event) {
    const { x, y, panel } = place(event), guide = canvas.querySelector(".guide");
    if (!panel) { tip.hidden = true; if (guide) guide.setAttribute("d", ""); return; }
    if (state.drag) {
      const area = canvas.querySelector(".area"), p = state.drag.panel, end = Math.min(Math.max(x, p.x0), p.x0 + p.wide);
      area.setAttribute("x", Math.min(state.drag.x, end));
      area.setAttribute("y", p.y0);
      area.setAttribute("width", Math.abs(end - state.drag.x));
      area.setAttribute("height", p.tall);
    }
    const epoch = Math.round(epochAt(panel, x));
    guide.setAttribute("d", panels.map((p) => `M${p.x(epoch).toFixed(1)} ${p.y0}v${p.tall}`).join(""));
    const values = visible().map(({ cell }) => {
      const k = nearest(cell.epochs, epoch);
      return { cell, epoch: cell.epochs[k], v: series(cell, panel.row, panel.part).mean[k] };
    }).filter((one) => one.v !== null).sort((a, b) => b.v - a.v);
    tip.replaceChildren();
    const head = document.createElement("b");
    head.textContent = tr("epoch {epoch}, {part}", { epoch, part: NAMES[panel.part] });
    tip.append(head);
    for (const { cell, v } of values.slice(0, 12)) {
      const row = document.createElement("div"), swatch = document.createElement("i");
      swatch.style.background = cell.colour;
      row.append(swatch, `${cell.label}: ${panel.row === "loss" ? v.toFixed(3) : v.toFixed(1) + "%"}`);
      tip.append(row);
    }
    if (values.length > 12) tip.append(tr("and {n} more", { n: values.length - 12 }));
    tip.hidden = false;
    const across = canvas.clientWidth, left = x > across / 2 ? x - 14 - tip.offsetWidth : x + 14;
    tip.style.left = `${Math.max(0, Math.min(left, across - tip.offsetWidth))}px`;
    tip.style.top = `${y + 12}px`;
  }

  canvas.addEventListener("pointermove", hover);
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; const g = canvas.querySelector(".guide"); if (g) g.setAttribute("d", ""); });
  canvas.addEventListener("pointerdown", (event) => {
    const { x, panel } = place(event);
    if (panel && event.button === 0) { state.drag = { x, panel }; canvas.setPointerCapture(event.pointerId); }
  });
  canvas.addEventListener("pointerup", (event) => {
    const drag = state.drag;
    state.drag = null;
    if (!drag) return;
    const ends = [drag.x, place(event).x].map((x) => epochAt(drag.panel, x)).sort((a, b) => a - b);
    const [from, to] = [Math.max(Math.round(ends[0]), drag.panel.from), Math.min(Math.round(ends[1]), drag.panel.to)];
    if (to - from >= 2) state.zoom = [from, to];
    draw();
  });
  const reset = () => { state.zoom = null; draw(); };
  canvas.addEventListener("dblclick", reset);
  root.querySelector(".reset").addEventListener("click", reset);
  root.querySelector(".smooth").addEventListener("input", (event) => { state.smooth = Number(event.target.value); draw(); });
  root.querySelector(".log").addEventListener("change", (event) => { state.log = event.target.checked; draw(); });
  root.querySelector(".band").addEventListener("change", (event) => { state.band = event.target.checked; draw(); });

  let buttons = [];
  const makeButton = (cell, i) => {
    const button = document.createElement("button"), swatch = document.createElement("i");
    button.type = "button";
    swatch.style.background = cell.colour;
    button.append(swatch, cell.label);
    button.addEventListener("click", () => { state.hidden.has(i) ? state.hidden.delete(i) : state.hidden.add(i); refresh(); });
    return button;
  };
  function refresh() {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(!state.hidden.has(i))));
    draw();
  }
  // Other values for the same page, as a live one gets them: what was hidden stays hidden.
  root.show = (fresh) => {
    const before = new Map(cells.map((cell, i) => [cell.label, state.hidden.has(i)]));
    const same = cells.length === fresh.length && cells.every((cell, i) => cell.label === fresh[i].label);
    cells = fresh;
    state.hidden = new Set([...cells.keys()].filter((i) => before.has(cells[i].label) ? before.get(cells[i].label) : !cells[i].shown));
    if (!same) {
      buttons = cells.map(makeButton);
      legend.replaceChildren(...buttons);
    }
    root.hidden = !cells.length;
    if (!state.drag && cells.length) refresh();
  };
  buttons = cells.map(makeButton);
  legend.append(...buttons);
  root.querySelector(".all").addEventListener("click", () => { state.hidden.clear(); refresh(); });
  root.querySelector(".none").addEventListener("click", () => { cells.forEach((_, i) => state.hidden.add(i)); refresh(); });

  root.hidden = !cells.length;
  for (const still of document.querySelectorAll("#curves details.still")) still.open = false;
  let wide = 0;
  new ResizeObserver(() => { if (canvas.clientWidth !== wide) { wide = canvas.clientWidth; draw(); } }).observe(canvas);
  refresh();
  // The page has grown above what its address names.
  if (location.hash && root.compareDocumentPosition(document.querySelector(location.hash) || root) & Node.DOCUMENT_POSITION_FOLLOWING) {
    document.querySelector(location.hash).scrollIntoView();
  }
})();
