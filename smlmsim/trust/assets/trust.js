"use strict";

const content = JSON.parse(document.getElementById("content").textContent);
const byId = (id) => document.getElementById(id);
const FRAMES_PER_SECOND = 8;
const { movie } = content;
const player = { frame: 0, timer: 0, panels: [] };

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/* A layer as a sheet of frames in grey levels. */
async function sheetOf(layer) {
  const image = new Image();
  image.src = `data:image/webp;base64,${layer.sheet}`;
  await image.decode();
  const canvas = element("canvas", { width: image.naturalWidth, height: image.naturalHeight });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0);
  return pen;
}

function panelOf(layer) {
  const [height, width] = movie.shape;
  const canvas = element("canvas", { width, height, role: "img" });
  const screen = element("div", { class: "screen" }, canvas);
  if (layer === movie.layers[0]) screen.append(scaleBar());
  const caption = element("figcaption", {}, element("b", {}, layer.name), element("span", {}, layer.note));
  byId("panels").append(element("figure", {}, caption, screen, brightness(layer)));
  const shades = content.colours[layer.scale].map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  return { layer, canvas, shades };
}

function brightness(layer) {
  const bar = element("i", { "aria-hidden": "true" });
  bar.style.background = `linear-gradient(90deg, ${content.colours[layer.scale].filter((_, at) => at % 15 === 0).join(",")})`;
  const end = `${layer.white} ${layer.units}`;
  return element("div", { class: "colours", role: "img", "aria-label": `from 0 to ${end}` }, "0", bar, end);
}

function scaleBar() {
  const longest = 0.3 * movie.width_nm;
  const decade = 10 ** Math.floor(Math.log10(longest));
  const length = Math.max(...[1, 2, 5].map((step) => step * decade).filter((step) => step <= longest));
  const bar = element("div", { class: "bar" }, element("span", {}, length >= 1000 ? `${length / 1000} \u00b5m` : `${length} nm`));
  bar.style.width = `${(100 * length) / movie.width_nm}%`;
  return bar;
}

function draw({ layer, canvas, shades, pen }) {
  const [height, width] = movie.shape;
  const left = (player.frame % movie.columns) * width;
  const top = Math.floor(player.frame / movie.columns) * height;
  const image = pen.getImageData(left, top, width, height);
  for (let at = 0; at < image.data.length; at += 4) {
    [image.data[at], image.data[at + 1], image.data[at + 2]] = shades[image.data[at]];
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  canvas.setAttribute("aria-label", `${layer.name} at ${text()}`);
}

const text = () => `${movie.times[player.frame].toFixed(1)}\u202fs`;

function seek(frame) {
  player.frame = frame;
  byId("time").value = frame;
  byId("now").textContent = text();
  byId("time").setAttribute("aria-valuetext", text());
  player.panels.forEach(draw);
}

function play() {
  byId("play").textContent = "Pause";
  let before = performance.now();
  const step = (now) => {
    if (now - before >= 1000 / FRAMES_PER_SECOND) {
      before = now;
      seek((player.frame + 1) % movie.times.length);
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

byId("play").addEventListener("click", () => (player.timer ? stop() : play()));
byId("time").addEventListener("input", (event) => { stop(); seek(Number(event.target.value)); });
document.addEventListener("visibilitychange", () => document.hidden && stop());

(async () => {
  byId("time").max = movie.times.length - 1;
  const sheets = await Promise.all(movie.layers.map(sheetOf));
  player.panels = movie.layers.map((layer, at) => ({ ...panelOf(layer), pen: sheets[at] }));
  seek(Math.floor(movie.times.length / 2));
  document.body.dataset.ready = "yes";
})();
