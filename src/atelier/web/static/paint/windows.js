// Pictures of any size through a network of bounded size: windows over the photo, each seen with enough around it.

import { round } from "./pixels.js";

export const MARGIN = 16; // px of reflected photo around what is painted
export const MULTIPLE = 16; // sides that the network takes are multiples of this
export const TILE = 1536; // side of the windows, px, as on the desktop

/** How a photo is cut into windows. reach: px around a window that it depends on. side: of the windows at most; 0 for one. */
export class Grid {
  constructor(width, height, reach, side = TILE) {
    Object.assign(this, { width, height, reach, side });
    this.padded = [width, height].map((each) => Math.ceil((each + 2 * MARGIN) / MULTIPLE) * MULTIPLE);
  }

  /** Row by row: x, y, width, height, and what is seen for it (left, top, right, bottom), px of the padded photo. */
  windows() {
    const [w, h] = this.padded;
    const side = this.side ? Math.max(MULTIPLE, Math.floor(this.side / MULTIPLE) * MULTIPLE) : Math.max(w, h);
    const around = Math.ceil(this.reach / MULTIPLE) * MULTIPLE;
    const columns = split(w, side);
    const all = split(h, side).flatMap(([top, bottom]) => columns.map(([left, right]) => ({
      x: left, y: top, width: right - left, height: bottom - top,
      seen: [Math.max(0, left - around), Math.max(0, top - around), Math.min(w, right + around), Math.min(h, bottom + around)],
    })));
    return all.filter((each) => {
      const { rows, columns: across } = this.inside(each); // one at the ends may be all margin
      return rows[1] > rows[0] && across[1] > across[0];
    });
  }

  /** What a window sees of a photo, reflected beyond its borders. */
  see({ seen: [left, top, right, bottom] }, photo) {
    const columns = reflected(left - MARGIN, right - MARGIN, this.width);
    const rows = reflected(top - MARGIN, bottom - MARGIN, this.height);
    const data = new Float32Array(rows.length * columns.length * 3);
    let o = 0;
    for (const row of rows) {
      const line = row * photo.width;
      for (const column of columns) {
        const i = (line + column) * 3;
        data[o++] = photo.data[i];
        data[o++] = photo.data[i + 1];
        data[o++] = photo.data[i + 2];
      }
    }
    return { width: columns.length, height: rows.length, data };
  }

  /** Where a window's own part lies in what was painted of what it sees, cut to the photo; and its x, y in the photo. */
  inside(window) {
    const left = Math.max(window.x, MARGIN), top = Math.max(window.y, MARGIN);
    const right = Math.min(window.x + window.width, MARGIN + this.width);
    const bottom = Math.min(window.y + window.height, MARGIN + this.height);
    return {
      rows: [top - window.seen[1], Math.max(top, bottom) - window.seen[1]],
      columns: [left - window.seen[0], Math.max(left, right) - window.seen[0]],
      x: left - MARGIN, y: top - MARGIN,
    };
  }
}

/** [0, length) in the fewest pieces of at most `side`, about equal, their borders in multiples. */
function split(length, side) {
  const count = Math.ceil(length / side);
  const edges = Array.from({ length: count }, (_, i) => round((i * length) / count / MULTIPLE) * MULTIPLE).concat(length);
  return edges.slice(1).map((end, i) => [edges[i], end]);
}

/** Where [start, end) lies on a line of `length`, what is beyond its ends reflected, the end itself not repeated. */
export function reflected(start, end, length) {
  const period = Math.max(1, 2 * (length - 1));
  return Int32Array.from({ length: end - start }, (_, i) => {
    const at = (((start + i) % period) + period) % period;
    return length === 1 ? 0 : Math.min(at, period - at);
  });
}
