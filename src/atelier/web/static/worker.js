// Where the networks run: apart from the page, which never waits for them. One piece of work at a time, the most pressing first; what
// has become pointless is given up between two windows or pictures.

import { Brush } from "./paint/brush.js";
import { Hold } from "./paint/hold.js";
import { mixLooks, namedLook, paintingLook } from "./paint/look.js";
import { Painter } from "./paint/painter.js";
import { fromImageData, shrink, toBytes } from "./paint/pixels.js";
import { readStyles } from "./paint/styles.js";
import { openRuntime } from "./runtime.js";

const URGENT = { settle: 0, painting: 0, photo: 0, frame: 1, paint: 2, gallery: 3 };

class Stopped extends Error {}

let page, runtime, styles, rest;
let photo = null;
let scaled = null; // the photo at the size that was asked for last
const paintings = new Map(); // by id: { picture, look }
let hold = new Hold();
let held = ""; // what the hold is of
const opened = new Map();

/** A model by name, opened when first asked for. */
function model(name) {
  if (!opened.has(name)) opened.set(name, runtime.open(`models/${name}.onnx`));
  return opened.get(name);
}

async function brush(named) {
  const name = named ? "styles" : "painter";
  const reader = named ? null : await model("reader");
  return new Brush(new Painter(await model(name), page.models[name]), reader, rest);
}

/** The look of styles with weights: [{ style | painting, weight }]. All named are painted by one network, any painting by the other. */
async function look(wanted) {
  const total = wanted.reduce((sum, each) => sum + each.weight, 0);
  const named = wanted.every((each) => each.style !== undefined);
  const looks = [];
  for (const each of wanted) looks.push(await (named ? namedLook(styles.get(each.style)) : anyLook(each)));
  return { named, look: mixLooks(looks, wanted.map((each) => each.weight / total)) };
}

async function anyLook({ style, painting }) {
  const known = style === undefined ? paintings.get(painting) : styles.get(style);
  known.picture ??= await decoded(known.swatch);
  known.look ??= await paintingLook(await model("reader"), known.picture);
  return known.look;
}

async function decoded(bytes) {
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return fromImageData(context.getImageData(0, 0, bitmap.width, bitmap.height));
}

const work = {
  async settle(given) {
    page = await (await fetch("page.json")).json();
    runtime = await openRuntime(page, given);
    const found = readStyles(await (await fetch("models/styles.safetensors")).arrayBuffer());
    rest = found.rest;
    styles = new Map(found.styles.map((each) => [each.name, each]));
    const told = found.styles.map(({ name, title, painter, year, swatch }) => ({ name, title, painter, year, swatch }));
    const opening = model("styles"); // most will want it: meanwhile the page shows what there is
    if (given.wait) await opening;
    return { styles: told, backend: runtime.backend, threads: runtime.threads, version: page.version };
  },

  photo({ image }) {
    photo = fromImageData(image);
    scaled = null;
    return { width: photo.width, height: photo.height };
  },

  painting({ painting, image }) {
    paintings.set(painting, { picture: fromImageData(image) });
    return { painting };
  },

  async paint({ wanted, side, strength, strokes, seed }, between) {
    if (!scaled || scaled.side !== side) scaled = { side, picture: side ? shrink(photo, side) : photo };
    const began = performance.now();
    const { named, look: found } = await look(wanted);
    const painted = await (await brush(named)).paint(scaled.picture, found, { strength, strokes, seed, between });
    return shown(painted, began);
  },

  /** The photo, small, in every style, each told as it is there. */
  async gallery({ side }, between, tell) {
    const small = shrink(photo, side);
    const painter = await brush(true);
    for (const [name, entry] of styles) {
      tell({ name, ...shown(await painter.paint(small, namedLook(entry))) });
      await between();
    }
    return {};
  },

  async frame({ image, wanted, strength, key }) {
    const began = performance.now();
    const { named, look: found } = await look(wanted);
    if (held !== key) [held, hold] = [key, new Hold(8)];
    return shown(await (await brush(named)).paintFrame(fromImageData(image), found, hold, { strength }), began);
  },
};

function shown(picture, began = performance.now()) {
  return { width: picture.width, height: picture.height, bytes: toBytes(picture), ms: performance.now() - began };
}

// One thing at a time ------------------------------------------------------------------------------------------------------

const waiting = [];
const running = []; // what is being done, and what was put before it meanwhile

self.onmessage = ({ data }) => {
  const job = { ...data, stopped: false };
  if (job.kind === "stop") return give(({ kind }) => job.kinds.includes(kind));
  if (job.kind === "photo") give(({ kind }) => ["paint", "gallery"].includes(kind));
  if (job.kind === "paint") give(({ kind }) => kind === "paint"); // the newest alone is wanted
  waiting.push(job);
  waiting.sort((a, b) => URGENT[a.kind] - URGENT[b.kind] || a.id - b.id);
  if (!running.length) next();
};

/** Give up what is pointless. */
function give(pointless) {
  for (const job of waiting.filter(pointless)) {
    waiting.splice(waiting.indexOf(job), 1);
    self.postMessage({ id: job.id, stopped: true });
  }
  for (const job of running.filter(pointless)) job.stopped = true;
}

async function next() {
  while (waiting.length) await perform(waiting.shift());
}

async function perform(job) {
  running.push(job);
  const tell = (value) => self.postMessage({ id: job.id, told: value }, value.bytes ? [value.bytes.buffer] : []);
  const between = async (done) => {
    await new Promise((resolve) => setTimeout(resolve)); // lets messages in
    if (job.stopped) throw new Stopped();
    if (done !== undefined) tell({ done });
    const pressing = waiting.filter(({ kind }) => URGENT[kind] < URGENT[job.kind]);
    for (const each of pressing) {
      waiting.splice(waiting.indexOf(each), 1);
      await perform(each);
    }
    if (job.stopped) throw new Stopped();
  };
  try {
    const value = await work[job.kind](job, between, tell);
    self.postMessage({ id: job.id, value }, value.bytes ? [value.bytes.buffer] : []);
  } catch (error) {
    self.postMessage(error instanceof Stopped ? { id: job.id, stopped: true } : { id: job.id, error: String(error.message ?? error) });
  } finally {
    running.pop();
  }
}
