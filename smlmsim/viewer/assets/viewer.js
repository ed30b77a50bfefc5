"use strict";

// Positions are in nm from the middle of the first view: x to the right, y down, z away from the viewer.
const about = JSON.parse(document.getElementById("about").textContent);
const cloud = about.cloud, tiles = cloud && cloud.tiles;
const element = (id) => document.getElementById(id);
const canvas = element("canvas");
const COLOURS = ["#ff5cff", "#4dff4d", "#4dd2ff", "#ffd84d", "#ff6b5c", "#8a8aff"];
const AUTOMATIC = { seconds: 0.15, least: 250000, most: 8000000 };  // how long a picture may take, and its limits
const KEPT = 4;  // loaded localizations, as a multiple of those drawn at most
const ONCE = 6;  // requests at a time

let first = cloud && part("tile-0");  // asked for before the graphics processor is made ready, which takes longer

const renderer = new THREE.WebGLRenderer({ canvas, antialias: false, powerPreference: "high-performance" });
renderer.setClearColor(0x000000, 1);
const scene = new THREE.Scene();
const camera = new THREE.OrthographicCamera(-1, 1, 1, -1, -1e9, 1e9);
const controls = new THREE.OrbitControls(camera, canvas);
const middleZ = cloud ? (cloud.z[0] + cloud.z[1]) / 2 : 0;

/** The bytes of a part: from the page if it holds them, or else from the server that sent the page. */
async function part(name) {
  const inside = element(name);
  if (!inside) {
    const answer = await fetch(name);
    if (!answer.ok) throw new Error(`the server answers ${answer.status} for ${name}`);
    return answer.arrayBuffer();
  }
  const packed = Uint8Array.from(atob(inside.textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}

function problem(error) {
  element("problem").hidden = false;
  element("problem").textContent = `Not everything is shown: ${error.message || error}. Is the program that opened this page still running?`;
}

// ---------------------------------------------------------------------------------------------- view

function size() {
  const width = Math.max(1, canvas.parentElement.clientWidth), height = Math.max(1, canvas.parentElement.clientHeight);
  renderer.setPixelRatio(Math.min(2, devicePixelRatio));
  renderer.setSize(width, height, false);
  camera.left = -width / 2; camera.right = width / 2; camera.top = height / 2; camera.bottom = -height / 2;
  camera.updateProjectionMatrix();
  redraw();
}

/** The whole field from above: one screen pixel is 1 / zoom nm. */
function fit() {
  const [x0, x1, y0, y1] = about.shown;
  camera.up.set(0, -1, 0);
  camera.position.set(0, 0, middleZ - 1);
  controls.target.set(0, 0, middleZ);
  camera.zoom = 0.95 * Math.min((camera.right - camera.left) / Math.max(1, x1 - x0), (camera.top - camera.bottom) / Math.max(1, y1 - y0));
  camera.updateProjectionMatrix();
  controls.update();
  redraw();
}

function drag() {
  const rotates = document.querySelector('input[name="drag"]:checked').value === "rotate";
  controls.mouseButtons = { LEFT: rotates ? 0 : 2, MIDDLE: 1, RIGHT: rotates ? 2 : 0 };
  controls.touches = { ONE: rotates ? 0 : 1, TWO: rotates ? 3 : 2 };
}

controls.enableDamping = false;
controls.zoomToCursor = true;
controls.screenSpacePanning = true;
controls.addEventListener("change", redraw);
controls.listenToKeyEvents(canvas);
canvas.addEventListener("keydown", (event) => {
  const step = { "+": 1.25, "=": 1.25, "-": 0.8 }[event.key];
  if (!step) return;
  camera.zoom *= step;
  camera.updateProjectionMatrix();
  controls.update();
  redraw();
});

// ---------------------------------------------------------------------------------------------- colours

function palette(name) {
  const digits = about.palettes[name], data = new Uint8Array(256 * 4).fill(255);
  for (let step = 0; step < 256; step++)
    for (let part = 0; part < 3; part++) data[4 * step + part] = parseInt(digits.substr(6 * step + 2 * part, 2), 16);
  return data;
}

function texture(data) {
  const made = new THREE.DataTexture(data, data.length / 4, 1);
  made.needsUpdate = true;
  return made;
}

function css(data) {
  const stops = [];
  for (let step = 0; step < 256; step += 15) stops.push(`rgb(${data[4 * step]},${data[4 * step + 1]},${data[4 * step + 2]})`);
  return `linear-gradient(90deg, ${stops.join(", ")})`;
}

function coloured(list) {
  const data = new Uint8Array(256 * 4).fill(255);
  for (let step = 0; step < 256; step++) {
    const text = list[step % list.length];
    for (let part = 0; part < 3; part++) data[4 * step + part] = parseInt(text.substr(1 + 2 * part, 2), 16);
  }
  return data;
}

const number = (value) => Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
const seconds = (step) => number(about.time.first + step * about.time.step) + (about.time.unit === "s" ? "\u202fs" : "");
const time = about.time, steps = time ? time.steps : 1;

/** What a column is coloured by: its name, the values at both ends of the palette, and their meaning. */
function colourings() {
  const has = (name) => cloud.columns.some((column) => column[0] === name);
  const found = [];
  if (has("channel")) found.push({ name: "channel", low: 0, high: 255, data: coloured(COLOURS) });
  if (has("time") && steps > 1) found.push({ name: "time", low: 0, high: steps - 1, data: palette("turbo"), ends: [seconds(0), seconds(steps)], unit: time.unit === "s" ? "" : "camera frame" });
  if (has("z") && cloud.z[1] > cloud.z[0]) found.push({ name: "z", low: cloud.z[0], high: cloud.z[1], data: palette("turbo"), ends: cloud.z.map((z) => number(z) + "\u202fnm"), unit: "" });
  if (has("uncertainty")) found.push({ name: "uncertainty", title: "reported precision", low: 0, high: 40 * cloud.precision.per_nm, data: reversed(palette("viridis")), ends: ["0\u202fnm", "40\u202fnm or more"], unit: "white: not reported" });
  found.push({ name: "none", title: "one colour", low: 0, high: 1, data: coloured(["#ffb46b"]) });
  return found;
}

function reversed(data) {
  const turned = new Uint8Array(data.length).fill(255);
  for (let step = 0; step < 256; step++) turned.set(data.subarray(4 * (255 - step), 4 * (255 - step) + 3), 4 * step);
  return turned;
}

function legend(chosen) {
  const box = element("legend");
  box.replaceChildren();
  if (chosen.name === "channel") {
    cloud.channels.forEach((name, index) => {
      const dot = document.createElement("b");
      dot.style.background = COLOURS[index % COLOURS.length];
      box.append(dot, name, " ");
    });
  } else if (chosen.ends) {
    const bar = document.createElement("i"), ends = document.createElement("div");
    bar.style.background = css(chosen.data);
    ends.className = "ends";
    for (const text of [chosen.ends[0], chosen.unit, chosen.ends[1]]) ends.append(Object.assign(document.createElement("span"), { textContent: text }));
    box.append(bar, ends);
  }
}

// ---------------------------------------------------------------------------------------------- localizations

const material = cloud && new THREE.ShaderMaterial({
  transparent: true, depthTest: false, depthWrite: false, blending: THREE.AdditiveBlending,
  uniforms: { size: { value: 2 }, brightness: { value: 1 }, ends: { value: new THREE.Vector2(0, 1) }, unknown: { value: -1 }, colours: { value: null } },
  vertexShader: `
    attribute float x, y, z, shade;
    uniform float size, unknown;
    uniform vec2 ends;
    uniform sampler2D colours;
    varying vec3 colour;
    void main() {
      gl_Position = projectionMatrix * modelViewMatrix * vec4(x, y, z, 1.0);
      gl_PointSize = size;
      float share = clamp((shade - ends.x) / (ends.y - ends.x), 0.0, 1.0);
      colour = shade == unknown ? vec3(1.0) : texture2D(colours, vec2((share * 255.0 + 0.5) / 256.0, 0.5)).rgb;
    }`,
  fragmentShader: `
    uniform float brightness, size;
    varying vec3 colour;
    void main() {
      vec2 from = 2.0 * gl_PointCoord - 1.0;
      float share = size > 2.5 ? exp(-3.0 * dot(from, from)) : 1.0;
      gl_FragColor = vec4(colour * brightness * share, 1.0);
    }`,
});
const ARRAYS = { "<f4": Float32Array, "<u2": Uint16Array, "|u1": Uint8Array };
const loaded = new Map();  // tile -> its points, the one that was wanted last at the end
const asked = new Set();
let failed = 0, colouring = null;

function points(tile, buffer) {
  const count = tiles.count[tile], geometry = new THREE.BufferGeometry(), columns = {};
  let offset = 0;
  for (const [name, type] of cloud.columns) {
    columns[name] = new ARRAYS[type](buffer, offset, count);
    offset += columns[name].byteLength;
    geometry.setAttribute(name, new THREE.BufferAttribute(columns[name], 1));
  }
  const made = new THREE.Points(geometry, [material]);
  made.frustumCulled = false;
  made.position.set(tiles.x[tile], tiles.y[tile], 0);
  made.renderOrder = 1;
  made.columns = columns;
  shade(made);
  return made;
}

/** The column that colours is the attribute `shade`; without one, all are of one colour. */
function shade(made) {
  const column = made.geometry.attributes[colouring.name];
  if (column) made.geometry.setAttribute("shade", column);
  else made.geometry.deleteAttribute("shade");
}

let pace = 4e6;  // localizations drawn in a second, as on a slow computer until it is known

/** Localizations that are drawn at most: those chosen, or those that this computer draws fast enough. */
function most() {
  const chosen = Number(element("most").value);
  if (chosen) return chosen;
  const fits = Math.pow(2, Math.floor(Math.log2(pace * AUTOMATIC.seconds)));
  return Math.max(AUTOMATIC.least, Math.min(AUTOMATIC.most, fits));
}

/** Draw, and learn how fast: reading a pixel waits until the picture is done. */
function render(drawn) {
  const start = performance.now(), gl = renderer.getContext();
  renderer.render(scene, camera);
  gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  const taken = performance.now() - start;
  if (drawn > 20000 && pictures++ > 1) {
    const found = drawn / Math.max(1, taken) * 1000;
    if (found < pace / 2 || found > pace * 2) pace = Math.sqrt(found * pace);
  }
  return taken;
}
let pictures = 0;  // the first ones also compile the program of the graphics processor

/** The localizations of a tile, in whole blocks, that are among the first ones of all; `part` is from 0 to 1. */
function among(tile, part) {
  const count = tiles.count[tile], first = tiles.first[tile], last = tiles.last[tile];
  if (part >= last) return count;
  if (part <= first) return 0;
  return Math.min(count, cloud.block * Math.round(count * (part - first) / (last - first) / cloud.block));
}

/** The share of a tile that is in view, roughly if the view is rotated. */
function insideView(tile) {
  let width = (camera.right - camera.left) / camera.zoom / 2, height = (camera.top - camera.bottom) / camera.zoom / 2;
  const edge = tiles.edge[tile], { x, y } = controls.target;
  if (Math.abs(camera.position.x - x) + Math.abs(camera.position.y - y) > 1e-3) width = height = Math.hypot(width, height);
  const along = (from, middle, half) => Math.max(0, Math.min(from + edge, middle + half) - Math.max(from, middle - half)) / edge;
  return along(tiles.x[tile], x, width) * along(tiles.y[tile], y, height);
}

/**
 * The tiles in view that are needed, in the order in which their localizations come, and the part of all localizations
 * that can be drawn: the first ones in a random order, so that the density is right everywhere.
 */
function wanted() {
  const limit = most(), box = new THREE.Box3(), share = time ? Math.min(1, (late() - early()) / steps) : 1;
  const frustum = new THREE.Frustum().setFromProjectionMatrix(new THREE.Matrix4().multiplyMatrices(camera.projectionMatrix, camera.matrixWorldInverse));
  const seen = [];
  for (let tile = 0; tile < tiles.count.length; tile++) {
    box.min.set(tiles.x[tile], tiles.y[tile], Math.min(cloud.z[0], cloud.z[1] - 1));
    box.max.set(tiles.x[tile] + tiles.edge[tile], tiles.y[tile] + tiles.edge[tile], Math.max(cloud.z[1], cloud.z[0] + 1));
    if (frustum.intersectsBox(box)) seen.push(tile);
  }
  const inside = seen.map(insideView);
  const fits = (part) => {
    let kept = 0, visible = 0;
    seen.forEach((tile, index) => { const number = among(tile, part); kept += number; visible += number * inside[index]; });
    return visible * share <= limit && kept * share <= 2 * limit && kept <= KEPT * limit;
  };
  let low = 0, high = 1;
  if (fits(1)) low = 1;
  else for (let round = 0; round < 24; round++) { const middle = (low + high) / 2; if (fits(middle)) low = middle; else high = middle; }
  const found = seen.filter((tile) => tiles.first[tile] < low || low === 1).sort((a, b) => tiles.first[a] - tiles.first[b]);
  const missing = found.find((tile) => !loaded.has(tile));
  return { found, complete: low === 1, part: missing === undefined ? low : Math.min(low, tiles.first[missing]) };
}

let needed = [];  // the tiles of the last picture

function request() {
  for (const tile of needed) {
    if (asked.size >= ONCE) return;
    if (loaded.has(tile) || asked.has(tile)) continue;
    asked.add(tile);
    const answer = tile === 0 && first || part(`tile-${tile}`);
    if (tile === 0) first = null;
    answer.then((buffer) => {
      const made = points(tile, buffer);
      loaded.set(tile, made);
      scene.add(made);
    }).catch((error) => { failed += 1; problem(error); }).finally(() => { asked.delete(tile); if (failed < 10) { request(); soon(tile); } });
  }
}

/** Release the tiles that have not been wanted for longest. */
function release(found) {
  const limit = KEPT * most();
  for (const tile of found) if (loaded.has(tile)) { const made = loaded.get(tile); loaded.delete(tile); loaded.set(tile, made); }
  let kept = 0;
  for (const tile of loaded.keys()) kept += tiles.count[tile];
  const needed = new Set(found);
  for (const [tile, made] of loaded) {
    if (kept <= limit) break;
    if (needed.has(tile)) continue;
    kept -= tiles.count[tile];
    scene.remove(made);
    made.geometry.dispose();
    loaded.delete(tile);
  }
}

/** Draw the localizations of a tile that are among the first ones, in the time that is shown; return their number. */
function choose(made, tile, part) {
  const geometry = made.geometry, times = made.columns.time, count = among(tile, part), [from, to] = [early(), late()];
  geometry.clearGroups();
  geometry.setDrawRange(0, Infinity);
  if (!count) return 0;
  if (!times || to - from >= steps) { geometry.addGroup(0, count, 0); return count; }
  let drawn = 0;
  for (let start = 0; start < count; start += cloud.block) {
    const end = Math.min(count, start + cloud.block), first = before(times, start, end, from), number = before(times, first, end, to) - first;
    if (number) geometry.addGroup(first, number, 0);
    drawn += number;
  }
  return drawn;
}

/** The first index from `low` on whose time is not before a step; times are sorted there. */
function before(times, low, high, step) {
  while (low < high) { const middle = (low + high) >> 1; if (times[middle] < step) low = middle + 1; else high = middle; }
  return low;
}

// ---------------------------------------------------------------------------------------------- time

const share = () => Math.pow(steps, (Number(element("window").value) - 100) / 100);  // of the recording, from one step to all
const duration = () => Math.max(1, Math.round(steps * share()));
const early = () => Math.round(Number(element("time").value) / 1000 * (steps - duration()));
const late = () => early() + duration();
let playing = 0;

function play() {
  const starts = !playing;
  clearInterval(playing);
  playing = 0;
  element("play").textContent = starts ? "Pause" : "Play";
  if (!starts) return;
  if (duration() === steps) element("window").value = 60;
  const slider = element("time"), one = Math.max(1, Math.round(1000 * duration() / Math.max(1, steps - duration()) / 4));
  playing = setInterval(() => {
    slider.value = Number(slider.value) >= 1000 ? 0 : Number(slider.value) + one;
    redraw();
  }, 100);
}

// ---------------------------------------------------------------------------------------------- movies

const films = about.movies.map((movie) => ({ ...movie, frame: -1, mesh: null, asking: false }));

function film(movie, index) {
  const [x0, x1, y0, y1] = movie.edges, geometry = new THREE.BufferGeometry();
  geometry.setAttribute("position", new THREE.BufferAttribute(new Float32Array([x0, y0, 0, x1, y0, 0, x1, y1, 0, x0, y1, 0]), 3));
  geometry.setAttribute("uv", new THREE.BufferAttribute(new Float32Array([0, 0, 1, 0, 1, 1, 0, 1]), 2));
  geometry.setIndex([0, 1, 2, 0, 2, 3]);
  const made = new THREE.DataTexture(new Uint8Array(movie.width * movie.height), movie.width, movie.height, THREE.RedFormat);
  const tint = new THREE.Color(cloud ? "#ffffff" : ["#ffffff", "#ff00ff", "#00ff00"][Math.min(index, 2)]);
  movie.mesh = new THREE.Mesh(geometry, new THREE.ShaderMaterial({
    transparent: true, depthTest: false, depthWrite: false, side: THREE.DoubleSide, blending: THREE.AdditiveBlending,
    uniforms: { levels: { value: made }, tint: { value: tint }, strength: { value: 0.5 } },
    vertexShader: "varying vec2 place; void main() { place = uv; gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0); }",
    fragmentShader: "uniform sampler2D levels; uniform vec3 tint; uniform float strength; varying vec2 place; void main() { gl_FragColor = vec4(tint * strength * texture2D(levels, place).r, 1.0); }",
  }));
  movie.mesh.position.z = middleZ;
  movie.mesh.frustumCulled = false;
  scene.add(movie.mesh);
  const label = document.createElement("label"), box = document.createElement("input"), name = document.createElement("span"), strength = document.createElement("input");
  Object.assign(box, { type: "checkbox", defaultChecked: index === 0 });
  Object.assign(strength, { type: "range", min: 0, max: 100, defaultValue: cloud ? 50 : 100 });
  strength.setAttribute("aria-label", `Brightness of ${movie.name}`);
  name.textContent = movie.name;
  const change = () => { movie.mesh.visible = box.checked; movie.mesh.material.uniforms.strength.value = strength.value / 100; redraw(); };
  box.addEventListener("change", change);
  strength.addEventListener("input", change);
  label.append(box, name, strength);
  element("movies").append(label);
  change();
}

/** The frame in the middle of the time that is shown; if all is shown, the one that the slider points to. */
function frameOf(movie) {
  const count = movie.time.steps;
  if (!time) return 0;
  const shown = duration() === steps ? Number(element("time").value) / 1000 * steps : (early() + late()) / 2;
  if (movie.time.unit !== time.unit) return Math.min(count - 1, Math.floor(shown / steps * count));
  const at = (time.first + shown * time.step - movie.time.first) / movie.time.step;
  return Math.max(0, Math.min(count - 1, Math.floor(at)));
}

function playFilms() {
  films.forEach((movie, index) => {
    const frame = frameOf(movie);
    if (!movie.mesh.visible || movie.asking || movie.frame === frame) return;
    movie.asking = true;
    part(`frame-${index}-${frame}`).then((buffer) => {
      const levels = movie.mesh.material.uniforms.levels.value;
      levels.image.data = new Uint8Array(buffer);
      levels.needsUpdate = true;
      movie.frame = frame;
    }).catch((error) => { movie.frame = frame; problem(error); }).finally(() => { movie.asking = false; redraw(); });
  });
}

// ---------------------------------------------------------------------------------------------- drawing

let due = false;
function redraw() {
  if (due) return;
  due = true;
  requestAnimationFrame(() => { due = false; draw(); });
}

/** Draw now if it is the first picture: the browser's next frame may be long in coming while it lays out the page. */
function soon(tile) {
  if (tile === 0 && !pictures) draw();
  else later();
}

/** Draw soon, but spend less than half of the time on pictures of what is still incomplete. */
let pause = 0, coming = 0;
function later() {
  if (!coming) coming = setTimeout(() => { coming = 0; redraw(); }, pause);
}

function draw() {
  camera.updateMatrixWorld();
  const limit = most();
  let drawn = 0, visible = 0, complete = true, waiting = false;
  if (cloud) {
    const { found, complete: all, part } = wanted(), seen = new Set(found);
    needed = found;
    request();
    release(found);
    complete = all;
    waiting = found.some((tile) => !loaded.has(tile));
    for (const [tile, made] of loaded) {
      const number = seen.has(tile) ? choose(made, tile, part) : 0;
      made.visible = number > 0;
      drawn += number;
      visible += number && number * insideView(tile);
    }
    expose(visible);
  }
  playFilms();
  if (!waiting || loaded.size || failed) pause = 1.5 * render(drawn);  // an empty picture would delay the first one
  if (!complete && most() > limit) later();
  say(drawn, complete, waiting || films.some((movie) => movie.asking));
}

function say(drawn, complete, waiting) {
  const status = element("status"), texts = [];
  if (cloud) {
    const of = `of ${cloud.count.toLocaleString("en")} localizations`;
    texts.push(`${drawn.toLocaleString("en")} ${of} drawn${complete || waiting ? "" : ", a random sample of those in view"}`);
  }
  if (waiting) texts.push("loading");
  status.textContent = texts.join("; ") || films.map((movie) => movie.name).join(", ");
  Object.assign(status.dataset, { drawn, waiting, complete });
  if (drawn && !performance.getEntriesByName("first picture").length) performance.mark("first picture");
  if (time) {
    const [from, to] = [early(), late()];
    element("now").textContent = `${seconds(from)} to ${seconds(to)}` + (time.unit === "s" ? "" : " (camera frames)");
  }
  bar();
}

/** A scale bar of 1, 2 or 5 times a power of ten. */
function bar() {
  const nm = 120 / camera.zoom, power = Math.pow(10, Math.floor(Math.log10(nm)));
  const length = power * ([5, 2, 1].find((step) => step * power <= nm) || 1);
  element("scale").querySelector("i").style.width = `${length * camera.zoom}px`;
  element("scale").querySelector("span").textContent = length >= 1000 ? `${length / 1000}\u202f\u00b5m` : `${Number(length.toPrecision(1))}\u202fnm`;
}

/** Where more are drawn, or larger ones, each is darker. */
function expose(visible) {
  const size = Number(element("size").value), pixels = (camera.right - camera.left) * (camera.top - camera.bottom);
  material.uniforms.size.value = size * renderer.getPixelRatio();
  const usual = 0.35 * Math.min(3, Math.sqrt(0.4 * pixels / (1 + visible * size * size)));
  material.uniforms.brightness.value = Math.max(0.02, usual) * Math.pow(10, Number(element("brightness").value) / 15);
}

function recolour(options) {
  colouring = options[Number(element("colour").value)];
  material.uniforms.ends.value.set(colouring.low, colouring.high);
  material.uniforms.unknown.value = colouring.name === "uncertainty" ? cloud.precision.unknown : -1;
  material.uniforms.colours.value = texture(colouring.data);
  for (const made of loaded.values()) shade(made);
  legend(colouring);
  redraw();
}

// ---------------------------------------------------------------------------------------------- start

const needs = { ".needs-cloud": cloud, ".needs-time": time && steps > 1, ".needs-movies": films.length };
for (const [selector, there] of Object.entries(needs)) if (!there) document.querySelectorAll(selector).forEach((node) => { node.hidden = true; });
films.forEach(film);
if (cloud) {
  const options = colourings();
  options.forEach((option, index) => element("colour").append(new Option(option.title || option.name, index)));
  element("colour").addEventListener("change", () => recolour(options));
  recolour(options);
  for (const id of ["size", "brightness"]) element(id).addEventListener("input", redraw);
  element("most").addEventListener("change", redraw);
}
for (const id of ["time", "window"]) element(id).addEventListener("input", redraw);
element("play").addEventListener("click", play);
element("fit").addEventListener("click", fit);
document.querySelectorAll('input[name="drag"]').forEach((node) => node.addEventListener("change", drag));
new ResizeObserver(size).observe(canvas.parentElement);
drag();
size();
fit();
draw();
