"use strict";

const content = JSON.parse(document.getElementById("content").textContent);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const byId = (id) => document.getElementById(id);
const FRAMES_PER_SECOND = 12;

/* -- helpers -- */

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const digitsOf = (value) => [[0.1, 3], [10, 2], [100, 1]].find(([below]) => Math.abs(value) < below)?.[1] ?? 0;
const score = (value) => (value === null ? "\u2013" : value.toFixed(digitsOf(value)));
const short = (value) => (value === null ? "\u2013" : value.toFixed(Math.min(2, digitsOf(value))).replace(/^(-?)0\./, "$1."));

function withSpread(mean, sd, units) {
  if (mean === null) return "no score";
  const digits = Math.min(2, digitsOf(mean));
  const spread = sd === null ? "" : ` \u00b1 ${sd.toFixed(digits)}`;
  return mean.toFixed(digits) + spread + (units === "1" ? "" : `\u202f${units}`);
}

function ticked(axis, index) {
  const value = axis.ticks[index];
  if (axis.units === "" || axis.units === "1") return axis.label ? `${axis.label} ${value}` : value;
  return `${value}\u202f${axis.units}`;
}

const cellName = (row, column) =>
  [ticked(content.layout.rows, row), ticked(content.layout.columns, column)].filter(Boolean).join(", ");

/* Text is black on light colours and white on dark ones. */
function inkOn(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.28 ? "#000" : "#fff";
}

/* -- maps -- */

const names = content.reconstructors;
const letter = (index) => String.fromCharCode(65 + index);
const selected = { row: 0, column: 0, seed: 0 };
let metric = content.metrics[0];

function range() {
  const values = metric.mean.flat(2).filter((value) => value !== null);
  return [Math.min(...values), Math.max(...values)];
}

function shade(value) {
  const [low, high] = range();
  const share = high > low ? (value - low) / (high - low) : 0.5;
  const towardsBest = metric.better === "lower" ? 1 - share : share;
  return content.colours.viridis[Math.round(Math.min(1, Math.max(0, towardsBest)) * 255)];
}

function cellOf(map, row, column) {
  const cell = element("td", { role: "gridcell", class: "cell", tabindex: "-1", "aria-selected": "false" });
  Object.assign(cell.dataset, { row, column });
  const place = cellName(row, column);
  if (map === -1) dressWinner(cell, row, column, place);
  else dressScore(cell, map, row, column, place);
  if (content.live[row][column]) cell.classList.add("live");
  return cell;
}

function dressWinner(cell, row, column, place) {
  const best = metric.best[row][column];
  if (best < 0) {
    cell.classList.add("none");
    cell.setAttribute("aria-label", `${place}: no score`);
    return;
  }
  const others = [...names.keys()].filter((index) => index !== best && metric.tied[index][row][column]);
  const equal = others.filter((index) => metric.equal[index][row][column]);
  const unsure = others.filter((index) => !metric.equal[index][row][column]);
  if (equal.length) cell.append(sharesOf([best, ...equal]));
  else {
    const colour = content.colours.categories[best];
    cell.style.backgroundColor = colour;
    cell.style.color = inkOn(colour);
    cell.textContent = letter(best) + (unsure.length ? "=" : "");
  }
  cell.classList.toggle("tie", unsure.length > 0);
  const listed = (indices) => indices.map((index) => names[index]).join(", ");
  const ties = [
    equal.length ? `, practically equal to ${listed(equal)}` : "",
    unsure.length ? `, not significantly different from ${listed(unsure)}` : "",
  ].join("");
  cell.setAttribute("aria-label", `${place}: best mean ${names[best]}${ties || (names.length > 1 ? ", significantly different from all others" : "")}`);
  cell.title = cell.getAttribute("aria-label");
}

/* A cell divided between those that share it; if there are many, with the number of the others. */
function sharesOf(indices) {
  const shown = indices.length > 3 ? indices.slice(0, 2) : indices;
  const parts = shown.map((index) => {
    const part = element("span", {}, letter(index));
    const colour = content.colours.categories[index];
    Object.assign(part.style, { background: colour, color: inkOn(colour) });
    return part;
  });
  if (shown.length < indices.length) parts.push(element("span", {}, `+${indices.length - shown.length}`));
  return element("div", { class: "shares", "aria-hidden": "true" }, ...parts);
}

function dressScore(cell, map, row, column, place) {
  const [mean, sd] = [metric.mean[map][row][column], metric.sd[map][row][column]];
  cell.setAttribute("aria-label", `${place}: ${metric.label} ${withSpread(mean, sd, metric.units)}`);
  if (mean === null) {
    cell.classList.add("none");
    cell.textContent = "\u2013";
    return;
  }
  const colour = shade(mean);
  cell.style.backgroundColor = colour;
  cell.style.color = inkOn(colour);
  cell.textContent = short(mean);
}

function mapOf(map) {
  const { rows, columns } = content.layout;
  const title = map < 0 ? "Best in each cell" : names[map];
  const label = map < 0 ? `Best reconstructor by ${metric.label}` : `${names[map]}: ${metric.label}`;
  const table = element("table", { role: "grid", "aria-label": `${label}, over ${rows.label || "one row"} and ${columns.label}` });
  const labels = element("col", { class: "ticks" });
  labels.style.width = `${Math.min(8, 1.2 + 0.42 * Math.max(...rows.ticks.map((tick) => String(tick).length)))}rem`;
  table.append(element("colgroup", {}, labels, ...columns.ticks.map(() => element("col"))));
  const body = element("tbody");
  for (let row = rows.ticks.length - 1; row >= 0; row--) {
    const cells = columns.ticks.map((_, column) => cellOf(map, row, column));
    body.append(element("tr", { role: "row" }, element("th", { scope: "row", role: "rowheader" }, rows.ticks[row]), ...cells));
  }
  const ticks = columns.ticks.map((tick) => element("th", { scope: "col", role: "columnheader" }, tick));
  table.append(body, element("tfoot", {}, element("tr", { role: "row" }, element("td", { role: "gridcell" }), ...ticks)));
  const dense = columns.ticks.length > 8 ? " dense" : "";
  const axes = [rows.label && `\u2191 ${labelled(rows)}`, `\u2192 ${labelled(columns)}`].filter(Boolean).join("   ");
  return element("div", { class: `map${dense}` }, element("h3", {}, title), table, element("div", { class: "axis" }, axes));
}

const labelled = (axis) => (axis.units === "" || axis.units === "1" ? axis.label : `${axis.label} (${axis.units})`);

function swatches() {
  const list = element("ul", { class: "swatches" });
  names.forEach((name, index) => {
    const colour = content.colours.categories[index];
    const swatch = element("i", {}, letter(index));
    Object.assign(swatch.style, { background: colour, color: inkOn(colour) });
    list.append(element("li", {}, swatch, ` ${name}`));
  });
  if (metric.equal.some((rows, index) => rows.some((row, r) => row.some((equal, c) => equal && metric.best[r][c] >= 0 && metric.best[r][c] !== index))))
    list.append(element("li", {}, "several colours: practically equal"));
  list.append(element("li", {}, "= and hatched: not significantly different from another"));
  if (metric.floor) list.append(element("li", {}, floorSwatch(), ` an empty estimate: ${spanOf(metric.floor)}`));
  if (content.live.flat().includes(true)) list.append(element("li", {}, "framed: range of live-cell experiments"));
  return list;
}

function floorSwatch() {
  const swatch = element("i");
  swatch.style.background = shade((metric.floor[0] + metric.floor[1]) / 2);
  return swatch;
}

function spanOf([low, high]) {
  const [from, to] = [short(low), short(high)];
  return from === to ? from : `${from}\u2013${to}`;
}

function drawMaps() {
  const holder = byId("panels-of-maps");
  holder.replaceChildren(...[-1, ...names.keys()].map(mapOf), swatches());
  const [low, high] = range();
  const ends = metric.better === "lower" ? [high, low] : [low, high];
  const bar = element("i", { "aria-hidden": "true" });
  bar.style.background = `linear-gradient(90deg, ${content.colours.viridis.filter((_, at) => at % 15 === 0).join(",")})`;
  byId("scale").replaceChildren(score(ends[0]), bar, score(ends[1]), element("span", {}, `${metric.better} is better`));
  markSelected();
}

/* One cell of each map can be reached with the tab key; the arrow keys move it. */
function markSelected() {
  for (const cell of document.querySelectorAll(".map td.cell")) {
    const here = Number(cell.dataset.row) === selected.row && Number(cell.dataset.column) === selected.column;
    cell.setAttribute("aria-selected", String(here));
    cell.tabIndex = here ? 0 : -1;
  }
}

function moveFocus(cell, key) {
  const [row, column] = [Number(cell.dataset.row), Number(cell.dataset.column)];
  const [rows, columns] = [content.layout.rows.ticks.length, content.layout.columns.ticks.length];
  const targets = {
    ArrowUp: [row + 1, column], ArrowDown: [row - 1, column], ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1], Home: [row, 0], End: [row, columns - 1], PageUp: [rows - 1, column], PageDown: [0, column],
  };
  if (!(key in targets)) return false;
  const [r, c] = targets[key];
  const next = cell.closest("table").querySelector(`td.cell[data-row="${r}"][data-column="${c}"]`);
  if (next) {
    cell.closest("table").querySelectorAll("td.cell").forEach((other) => { other.tabIndex = -1; });
    next.tabIndex = 0;
    next.focus();
  }
  return true;
}

/* -- the movie -- */

const inferno = content.colours.inferno.map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
const player = { clip: null, frame: 0, line: 0, along: "row", overlay: false, timer: 0, panels: [], wanted: "" };

async function decodeSheet(sheet, clip) {
  const image = new Image();
  image.src = `data:image/webp;base64,${sheet}`;
  await image.decode();
  const [height, width] = clip.shape;
  const canvas = element("canvas", { width: image.naturalWidth, height: image.naturalHeight });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0);
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const movie = new Uint8Array(clip.times.length * height * width);
  for (let frame = 0, at = 0; frame < clip.times.length; frame++) {
    const top = Math.floor(frame / clip.columns) * height;
    const left = (frame % clip.columns) * width;
    for (let y = 0; y < height; y++) {
      for (let x = 0, from = 4 * ((top + y) * canvas.width + left); x < width; x++, from += 4) movie[at++] = pixels[from];
    }
  }
  return movie;
}

const decoded = new Map();

async function clipAt(place) {
  if (!decoded.has(place)) {
    const clip = JSON.parse(byId(`movie-${place}`).textContent);
    clip.movies = await Promise.all(clip.sheets.map((sheet) => decodeSheet(sheet, clip)));
    delete clip.sheets;
    if (decoded.size >= 3) decoded.delete(decoded.keys().next().value);
    decoded.set(place, clip);
  }
  return decoded.get(place);
}

async function choose(row, column, { start, reveal, frame = 0, line = null }) {
  stop();
  Object.assign(selected, { row, column });
  markSelected();
  const place = `${row}-${column}-${content.shown[selected.seed]}`;
  player.wanted = place;
  byId("cell-title").textContent = `The movie at ${cellName(row, column)}`;
  tabulate();
  const clip = await clipAt(place);
  if (player.wanted !== place) return;
  player.clip = clip;
  buildPanels();
  byId("status").textContent = `Movie at ${cellName(row, column)}, ${clip.layers.length} panels, ${clip.times.length} frames.`;
  byId("cell-note").textContent =
    `Seed ${clip.seed}; each panel has the score of this movie, and in brackets the mean of all ${content.seeds} seeds. ${clip.times.length} of ${clip.points} time points are shown; scores use all of them.`;
  setUp("time", clip.times.length - 1, frame);
  seek(Math.min(frame, clip.times.length - 1));
  setLine(line === null ? Math.floor(lines() / 2) : Math.min(line, lines() - 1));
  if (reveal) {
    byId("player").focus({ preventScroll: true });
    byId("player").scrollIntoView({ behavior: calm.matches ? "auto" : "smooth" });
  }
  if (start && !calm.matches) play();
}

function setUp(id, most, value) {
  Object.assign(byId(id), { max: most, value });
}

const lines = () => player.clip.shape[player.along === "row" ? 0 : 1];

function buildPanels() {
  const { clip } = player;
  player.panels = clip.layers.map((name, layer) => panelOf(clip, name, layer));
  byId("panels").replaceChildren(...player.panels.map((panel) => panel.figure));
}

function panelOf(clip, name, layer) {
  const [height, width] = clip.shape;
  const last = clip.layers.length - 1;
  const movie = element("canvas", { width, height, role: "img", class: "movie-canvas" });
  const kymograph = element("canvas", { role: "img" });
  const [line, now] = [element("div", { class: "mark" }), element("div", { class: "mark" })];
  const screen = element("div", { class: "screen movie" }, movie, line);
  const scored = layer > 0 && layer < last;
  const note = scored ? scoreOf(layer - 1) : layer ? content.truth.note : "localizations";
  const caption = element("figcaption", {}, element("b", { title: name }, name), element("span", { title: note }, note));
  const figure = element("figure", {}, caption, screen, brightness(clip, layer), element("div", { class: "screen kymograph" }, kymograph, now));
  const reason = clip.reasons[layer - 1];
  if (scored && reason) figure.append(element("p", { class: "reason" }, reason));
  if (layer === 0 && clip.width_nm) screen.append(scaleBar(clip.width_nm));
  screen.addEventListener("pointermove", (event) => point(event, screen));
  screen.addEventListener("pointerdown", (event) => point(event, screen));
  return { name, layer, figure, movie, kymograph, line, now };
}

/* The score of the movie that is shown, and the mean of all seeds. */
function scoreOf(index) {
  const { row, column, seed } = selected;
  const [own, mean] = [metric.movies[seed][index][row][column], metric.mean[index][row][column]];
  return `${metric.label} ${score(own)} (${score(mean)})`;
}

/* The brightness scale of a panel. */
function brightness(clip, layer) {
  const last = clip.layers.length - 1;
  const over = player.overlay && layer < last;
  const shades = over ? ["#000", "#f0f"] : content.colours.inferno.filter((_, at) => at % 15 === 0);
  const bar = element("i", { "aria-hidden": "true" });
  bar.style.background = `linear-gradient(90deg, ${shades.join(",")})`;
  const white = layer === last ? content.truth.factor * clip.white[layer] : clip.white[layer];
  const end = `${Number(white.toPrecision(2))}`;
  const units = layer === 0 ? "per pixel" : layer === last ? content.truth.units : "own units";
  return element("div", { class: "colours", "aria-label": `from 0 to ${end} ${units}`, role: "img" }, "0", bar, `${end} ${units}`);
}

function scaleBar(widthNm) {
  const longest = 0.3 * widthNm;
  const decade = 10 ** Math.floor(Math.log10(longest));
  const length = Math.max(...[1, 2, 5].map((step) => step * decade).filter((step) => step <= longest));
  const bar = element("div", { class: "bar" }, element("span", {}, length >= 1000 ? `${length / 1000} \u00b5m` : `${length} nm`));
  bar.style.width = `${(100 * length) / widthNm}%`;
  return bar;
}

function point(event, screen) {
  const box = screen.getBoundingClientRect();
  const share = player.along === "row" ? (event.clientY - box.top) / box.height : (event.clientX - box.left) / box.width;
  setLine(Math.min(lines() - 1, Math.max(0, Math.floor(share * lines()))));
}

/* The colours of one value, or of an estimate in magenta over the truth in green. */
function paint(pixels, at, layer, index) {
  const value = player.clip.movies[layer][index];
  const truth = player.clip.layers.length - 1;
  if (player.overlay && layer !== truth) {
    pixels[at] = pixels[at + 2] = value;
    pixels[at + 1] = player.clip.movies[truth][index];
  } else {
    [pixels[at], pixels[at + 1], pixels[at + 2]] = inferno[value];
  }
  pixels[at + 3] = 255;
}

function drawFrame(panel) {
  const [height, width] = player.clip.shape;
  const pen = panel.movie.getContext("2d");
  const image = pen.createImageData(width, height);
  const start = player.frame * height * width;
  for (let i = 0; i < height * width; i++) paint(image.data, 4 * i, panel.layer, start + i);
  pen.putImageData(image, 0, 0);
}

function drawKymograph(panel) {
  const [height, width] = player.clip.shape;
  const [frames, points] = [player.clip.times.length, player.along === "row" ? width : height];
  Object.assign(panel.kymograph, { width: points, height: frames });
  const pen = panel.kymograph.getContext("2d");
  const image = pen.createImageData(points, frames);
  for (let frame = 0, at = 0; frame < frames; frame++) {
    for (let i = 0; i < points; i++, at += 4) {
      const pixel = player.along === "row" ? player.line * width + i : i * width + player.line;
      paint(image.data, at, panel.layer, frame * height * width + pixel);
    }
  }
  pen.putImageData(image, 0, 0);
  panel.kymograph.setAttribute("aria-label", `Kymograph of ${panel.name} along ${player.along} ${player.line}`);
}

function seek(frame) {
  if (!player.clip) return;
  player.frame = frame;
  byId("time").value = frame;
  const last = player.clip.times.length - 1;
  const text = `${player.clip.times[frame].toFixed(1)}\u202fs`;
  byId("now").textContent = text;
  byId("time").setAttribute("aria-valuetext", text);
  for (const panel of player.panels) {
    drawFrame(panel);
    panel.movie.setAttribute("aria-label", `${panel.name} at ${text}`);
    panel.now.style.cssText = `left:0;right:0;height:1.5px;top:${(100 * (frame + 0.5)) / (last + 1)}%`;
  }
}

function setLine(line) {
  if (!player.clip) return;
  player.line = line;
  setUp("line", lines() - 1, line);
  const nm = player.along === "row" ? player.clip.height_nm : player.clip.width_nm;
  const text = nm ? `${Math.round(((line + 0.5) * nm) / lines())}\u202fnm` : `${line}`;
  byId("where").textContent = text;
  byId("line").setAttribute("aria-valuetext", `${player.along} at ${text}`);
  const share = (100 * (line + 0.5)) / lines();
  for (const panel of player.panels) {
    panel.line.style.cssText = player.along === "row" ? `left:0;right:0;height:1px;top:${share}%` : `top:0;bottom:0;width:1px;left:${share}%`;
    drawKymograph(panel);
  }
}

function play() {
  byId("play").textContent = "Pause";
  let before = performance.now();
  const step = (now) => {
    if (now - before >= 1000 / FRAMES_PER_SECOND) {
      before = now;
      seek((player.frame + 1) % player.clip.times.length);
    }
    player.timer = requestAnimationFrame(step);
  };
  player.timer = requestAnimationFrame(step);
}

function stop() {
  cancelAnimationFrame(player.timer);
  player.timer = 0;
  byId("play").textContent = "Play";
}

/* -- the numbers of a cell -- */

function tabulate() {
  const { row, column } = selected;
  const table = byId("numbers");
  table.caption.textContent = `Mean \u00b1 standard deviation of ${content.seeds} seeds at ${cellName(row, column)}. Bold: the best mean, and those practically equal to it; =: not significantly different from it.`;
  const head = content.metrics.map((known) => element("th", { scope: "col" }, known.label, element("br"), `${known.better} is better`));
  table.tHead.replaceChildren(element("tr", {}, element("th", { scope: "col" }, "reconstructor"), ...head));
  table.tBodies[0].replaceChildren(...names.map((name, index) => {
    const cells = content.metrics.map((known) => {
      const best = known.best[row][column] >= 0 && known.equal[index][row][column];
      const tied = !best && known.tied[index][row][column] ? " =" : "";
      return element("td", { class: best ? "best" : null }, withSpread(known.mean[index][row][column], known.sd[index][row][column], known.units) + tied);
    });
    return element("tr", {}, element("th", { scope: "row" }, name), ...cells);
  }));
}

/* -- all pairs -- */

const pairs = byId("pairs");
const cellText = (row, column) => row.cells[column].textContent;

function sortPairs(column) {
  const heads = [...pairs.tHead.rows[0].cells];
  const down = heads[column].getAttribute("aria-sort") === "ascending";
  heads.forEach((head, at) => head.setAttribute("aria-sort", at !== column ? "none" : down ? "descending" : "ascending"));
  const key = (row) => row.cells[column].dataset.value;
  const compared = (one, other) => {
    if (key(one) === undefined && key(other) === undefined) return cellText(one, column).localeCompare(cellText(other, column));
    return Number(key(one) ?? Infinity) - Number(key(other) ?? Infinity);
  };
  const rows = [...pairs.tBodies[0].rows].sort(compared);
  pairs.tBodies[0].append(...(down ? rows.reverse() : rows));
}

function filterPairs() {
  const [region, name, apart] = [byId("pair-region").value, byId("pair-name").value, byId("pair-apart").checked];
  const rows = [...pairs.tBodies[0].rows];
  for (const row of rows) {
    const other = region && cellText(row, 0) !== region;
    const without = name && cellText(row, 1) !== name && cellText(row, 2) !== name;
    row.hidden = Boolean(other || without || (apart && !row.querySelector("td.best")));
  }
  byId("pair-count").textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length}`;
}

function setUpPairs() {
  [...pairs.tHead.rows[0].cells].forEach((head, column) => {
    const button = element("button", { type: "button" }, head.textContent);
    button.addEventListener("click", () => sortPairs(column));
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
  });
  const regions = new Set([...pairs.tBodies[0].rows].map((row) => cellText(row, 0)));
  byId("pair-region").append(...[...regions].map((region) => element("option", { value: region }, region)));
  byId("pair-name").append(...names.map((name) => element("option", { value: name }, name)));
  for (const id of ["pair-region", "pair-name", "pair-apart"]) byId(id).addEventListener("change", filterPairs);
  filterPairs();
}

/* -- events -- */

byId("panels-of-maps").addEventListener("click", (event) => {
  const cell = event.target.closest("td.cell");
  if (cell) choose(Number(cell.dataset.row), Number(cell.dataset.column), { start: true, reveal: true });
});
byId("panels-of-maps").addEventListener("keydown", (event) => {
  const cell = event.target.closest("td.cell");
  if (!cell) return;
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    choose(Number(cell.dataset.row), Number(cell.dataset.column), { start: true, reveal: true });
  } else if (moveFocus(cell, event.key)) event.preventDefault();
});
byId("metric").addEventListener("change", (event) => {
  metric = content.metrics[event.target.selectedIndex];
  drawMaps();
  if (player.clip) { buildPanels(); seek(player.frame); setLine(player.line); }
});
byId("play").addEventListener("click", () => (player.timer ? stop() : player.clip && play()));
byId("time").addEventListener("input", (event) => { stop(); seek(Number(event.target.value)); });
byId("line").addEventListener("input", (event) => setLine(Number(event.target.value)));
for (const radio of document.querySelectorAll('input[name="along"]')) {
  radio.addEventListener("change", () => { player.along = radio.value; if (player.clip) setLine(Math.floor(lines() / 2)); });
}
for (const radio of document.querySelectorAll('input[name="view"]')) {
  radio.addEventListener("change", () => {
    player.overlay = radio.value === "overlay";
    byId("legend").hidden = !player.overlay;
    if (player.clip) { buildPanels(); seek(player.frame); setLine(player.line); }
  });
}
byId("seed").addEventListener("change", (event) => {
  selected.seed = event.target.selectedIndex;
  choose(selected.row, selected.column, { start: player.timer !== 0, reveal: false, frame: player.frame, line: player.line });
});
document.addEventListener("visibilitychange", () => document.hidden && stop());

byId("metric").append(...content.metrics.map((known) => element("option", {}, known.label)));
byId("seed").append(...content.shown.map((seed) => element("option", {}, `${seed}`)));
setUpPairs();
[selected.row, selected.column] = content.first;
drawMaps();
choose(selected.row, selected.column, { start: false, reveal: false });
