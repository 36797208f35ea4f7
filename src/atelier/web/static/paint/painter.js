// The painter that ships: photo and style code in, picture out, at any size.

import { fromCells, toCells } from "./pixels.js";
import { recolor } from "./moments.js";
import { noiseOf } from "./noise.js";
import { Grid, MULTIPLE, TILE } from "./windows.js";

const CELL = 8;

/** model: { run(feeds) -> results by name }, feeds and results { dims, data }. plan: its reach, noise and channels. */
export class Painter {
  constructor(model, plan) {
    Object.assign(this, { model, plan });
  }

  /** Paint a photo. small: what statistics are taken from, the photo itself or its thumbnail. style: what else the model takes, by name.
   *  correct: of the thumbnail as it is painted makes the map that all painted colours go through. between: awaited after each
   *  window with the share that is done; what it throws ends the painting. */
  async paint(photo, small, style, { seed = 0, correct = null, between = () => {} } = {}) {
    const grid = new Grid(photo.width, photo.height, this.plan.reach, TILE);
    const windows = grid.windows();
    if (photo === small && windows.length === 1) {
      const { picture, line } = await this.paintSmall(small, style, seed, correct);
      await between(1);
      return line ? recolor(picture, line) : picture;
    }
    return this.paintWindows(photo, grid, windows, await this.count(small, style, seed, correct), { seed, between });
  }

  /** Paint with what was counted before, of this photo or of another. */
  async paintKnown(photo, known, { seed = 0, between = () => {} } = {}) {
    const grid = new Grid(photo.width, photo.height, this.plan.reach, TILE);
    return this.paintWindows(photo, grid, grid.windows(), known, { seed, between });
  }

  async paintWindows(photo, grid, windows, known, { seed, between }) {
    const out = { width: photo.width, height: photo.height, data: new Float32Array(photo.data.length) };
    for (const [at, window] of windows.entries()) {
      const feeds = { photo: toCells(grid.see(window, photo)), noise: noiseOf(this.plan.noise, window.seen, seed) };
      const { painted } = await this.model.run({ ...feeds, ...this.known(known.statistics), ...known.style });
      const { rows, columns, x, y } = grid.inside(window);
      const part = fromCells(painted, rows, columns);
      put(known.line ? recolor(part, known.line) : part, out, x, y);
      await between((at + 1) / windows.length);
    }
    return out;
  }

  /** What is counted over a photo as a whole: { style, statistics, line }. */
  async count(small, style, seed = 0, correct = null) {
    const { statistics, line } = await this.paintSmall(small, style, seed, correct);
    return { style, statistics, line };
  }

  /** A picture painted with its own statistics, those, and the map for its colours. */
  async paintSmall(small, style, seed = 0, correct = null) {
    const grid = new Grid(small.width, small.height, this.plan.reach, 0);
    const [window] = grid.windows();
    const seen = grid.see(window, small);
    const found = await this.model.run({
      ...blank(this.plan, "photo", "noise"),
      thumbnail: toCells(seen),
      thumbnail_noise: noiseOf(this.plan.noise, [0, 0, seen.width, seen.height], seed),
      known: { dims: [1], data: Float32Array.of(0) },
      statistics: { dims: [1, this.plan.channels, 1, 2], data: new Float32Array(this.plan.channels * 2) },
      ...style,
    });
    const { rows, columns } = grid.inside(window);
    const picture = fromCells(found.thumbnail_painted, rows, columns);
    return { picture, statistics: found.thumbnail_statistics, line: correct ? correct(picture) : null };
  }

  known(statistics) {
    return { ...blank(this.plan, "thumbnail", "thumbnail_noise"), known: { dims: [1], data: Float32Array.of(1) }, statistics };
  }
}

/** The least that the model takes for a picture, in cells, and noise for that, by these names. */
function blank(plan, picture, noise) {
  const cells = MULTIPLE / 4 + 2, places = MULTIPLE / CELL;
  return {
    [picture]: { dims: [1, cells, cells, 48], data: new Float32Array(cells * cells * 48) },
    [noise]: { dims: [1, plan.noise, places, places], data: new Float32Array(plan.noise * places * places) },
  };
}

/** Copy a part of a picture to its place. */
function put(part, out, x, y) {
  const row = part.width * 3;
  for (let line = 0; line < part.height; line++) {
    out.data.set(part.data.subarray(line * row, (line + 1) * row), ((y + line) * out.width + x) * 3);
  }
}
