// Pictures as values: { width, height, data }, data a Float32Array of sRGB in [0, 1], (height, width, 3).

/** Round half to even, as Python does: sizes must come out the same. */
export function round(value) {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

/** [width, height] of the same proportions whose longer side is `side`. */
export function fit(width, height, side) {
  const longest = Math.max(width, height);
  return [width, height].map((each) => Math.max(1, round((each * side) / longest)));
}

/** A picture of what a canvas holds; what is transparent is laid over white. */
export function fromImageData({ width, height, data }) {
  const out = new Float32Array(width * height * 3);
  for (let i = 0, o = 0; i < data.length; i += 4, o += 3) {
    const alpha = data[i + 3] / 255;
    for (let c = 0; c < 3; c++) {
      const value = Math.fround(data[i + c] / 255);
      out[o + c] = alpha === 1 ? value : value * alpha + 1 - alpha;
    }
  }
  return { width, height, data: out };
}

/** Bytes (height, width, 4) for a canvas, rounded to nearest. */
export function toBytes({ width, height, data }) {
  const out = new Uint8ClampedArray(width * height * 4);
  for (let i = 0, o = 0; i < data.length; i += 3, o += 4) {
    for (let c = 0; c < 3; c++) out[o + c] = Math.floor(Math.fround(Math.fround(data[i + c] * 255) + 0.5));
    out[o + 3] = 255;
  }
  return out;
}

/** Resize to width x height: Lanczos with antialiasing on sRGB values, as Pillow does in floats. */
export function resize(picture, width, height) {
  if (width === picture.width && height === picture.height) return picture;
  const across = width === picture.width ? picture : resizeRows(picture, width);
  const down = height === picture.height ? across : resizeColumns(across, height);
  const data = down.data;
  for (let i = 0; i < data.length; i++) data[i] = data[i] < 0 ? 0 : data[i] > 1 ? 1 : data[i];
  return down;
}

/** The picture at a long side of `side`, or as it is where that is smaller already. */
export function shrink(picture, side) {
  return Math.max(picture.width, picture.height) <= side ? picture : resize(picture, ...fit(picture.width, picture.height, side));
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** For each pixel of a line of `to`: where its neighbours begin on one of `from`, and how much each of them counts. */
function weights(from, to) {
  const scale = from / to;
  const spread = Math.max(scale, 1);
  const support = 3 * spread;
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(from, Math.trunc(centre + support + 0.5));
    const own = new Float64Array(last - first);
    let total = 0;
    for (let k = 0; k < own.length; k++) {
      const x = (k + first - centre + 0.5) / spread;
      own[k] = x > -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
      total += own[k];
    }
    return { first, own: own.map((each) => each / total) };
  });
}

function resizeRows({ width, height, data }, to) {
  const out = new Float32Array(to * height * 3);
  const lines = weights(width, to);
  for (let y = 0; y < height; y++) {
    for (let x = 0, o = y * to * 3; x < to; x++, o += 3) {
      const { first, own } = lines[x];
      let r = 0, g = 0, b = 0;
      for (let k = 0, i = (y * width + first) * 3; k < own.length; k++, i += 3) {
        const share = own[k];
        r += data[i] * share;
        g += data[i + 1] * share;
        b += data[i + 2] * share;
      }
      out[o] = r;
      out[o + 1] = g;
      out[o + 2] = b;
    }
  }
  return { width: to, height, data: out };
}

function resizeColumns({ width, height, data }, to) {
  const row = width * 3;
  const out = new Float32Array(row * to);
  const sums = new Float64Array(row);
  weights(height, to).forEach(({ first, own }, y) => {
    sums.fill(0);
    for (let k = 0; k < own.length; k++) {
      const share = own[k];
      for (let x = 0, i = (first + k) * row; x < row; x++, i++) sums[x] += data[i] * share;
    }
    out.set(sums, y * row);
  });
  return { width, height: to, data: out };
}

/** A picture with sides that are multiples of 4 to cells (1, H/4 + 2, W/4 + 2, 48) of 4x4 px; those around repeat their neighbours. */
export function toCells({ width, height, data }) {
  const rows = height / 4 + 2, columns = width / 4 + 2;
  const out = new Float32Array(rows * columns * 48);
  for (let row = 0; row < rows; row++) {
    const y = Math.min(Math.max(row - 1, 0), rows - 3) * 4;
    for (let column = 0; column < columns; column++) {
      const x = Math.min(Math.max(column - 1, 0), columns - 3) * 4;
      for (let line = 0; line < 4; line++) {
        const from = ((y + line) * width + x) * 3;
        const to = (row * columns + column) * 48 + line * 12;
        for (let i = 0; i < 12; i++) out[to + i] = data[from + i];
      }
    }
  }
  return { dims: [1, rows, columns, 48], data: out };
}

/** Cells (1, h, w, 12) of 2x2 px to the part of their picture (2h, 2w, 3) within rows and columns, each [from, to). */
export function fromCells({ dims, data }, [top, bottom], [left, right]) {
  const columns = dims[2];
  const width = Math.max(0, right - left), height = Math.max(0, bottom - top);
  const out = new Float32Array(width * height * 3);
  for (let y = 0, o = 0; y < height; y++) {
    const row = (top + y) >> 1, line = (top + y) & 1;
    for (let x = 0; x < width; x++, o += 3) {
      const i = (row * columns + ((left + x) >> 1)) * 12 + (line * 2 + ((left + x) & 1)) * 3;
      out[o] = data[i];
      out[o + 1] = data[i + 1];
      out[o + 2] = data[i + 2];
    }
  }
  return { width, height, data: out };
}

/** A picture as planes (1, 3, H, W). */
export function planes({ width, height, data }) {
  const area = width * height;
  const out = new Float32Array(area * 3);
  for (let i = 0; i < area; i++) for (let c = 0; c < 3; c++) out[c * area + i] = data[i * 3 + c];
  return { dims: [1, 3, height, width], data: out };
}

/** The picture beside itself so often that no side is under `least`. */
export function repeat(picture, least) {
  const down = Math.ceil(least / picture.height), across = Math.ceil(least / picture.width);
  if (down === 1 && across === 1) return picture;
  return crop(picture, picture.width * across, picture.height * down, (i, length) => i % length);
}

/** The upper left corner of a picture, or, where `where` brings positions back into it, what is beyond its ends too. */
export function crop({ width: from, height: rows, data }, width, height, where = (i) => i) {
  const out = new Float32Array(width * height * 3);
  for (let y = 0, o = 0; y < height; y++) {
    const line = where(y, rows) * from;
    for (let x = 0; x < width; x++, o += 3) {
      const i = (line + where(x, from)) * 3;
      out[o] = data[i];
      out[o + 1] = data[i + 1];
      out[o + 2] = data[i + 2];
    }
  }
  return { width, height, data: out };
}

/** At half the size, each pixel the mean of four; an odd row or column at the end is left out. */
export function halve({ width, height, data }) {
  const w = width >> 1, h = height >> 1;
  const out = new Float32Array(w * h * 3);
  for (let y = 0, o = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      for (let c = 0; c < 3; c++, o++) {
        const i = (2 * y * width + 2 * x) * 3 + c, below = i + width * 3;
        out[o] = (data[i] + data[i + 3] + data[below] + data[below + 3]) / 4;
      }
    }
  }
  return { width: w, height: h, data: out };
}

/** Lay one picture over another so far, from 0 to 1: what is painted, and the photo that shines through. */
export function mix(under, over, share) {
  const data = over.data.map((each, i) => under.data[i] + share * (each - under.data[i]));
  return { ...over, data };
}
