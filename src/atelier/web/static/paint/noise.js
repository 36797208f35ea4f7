// Standard normal noise, number for number what NumPy's default_rng gives: strokes begin from it, so the same seed is the same picture
// in the browser as on the desktop. SeedSequence (O'Neill's seed_seq_fe), PCG64 XSL-RR 128/64 (O'Neill 2014), and the ziggurat for float32
// (Marsaglia and Tsang 2000) as NumPy has it.

const CELL = 8; // px from one place of the noise to the next
const BLOCK = 64; // cells a side of what is drawn at once, each block by a generator of its own

const MASK = (1n << 128n) - 1n;
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** Words of 32 bits of a whole number from 0 on, the lowest first. */
function words(value) {
  const found = [];
  let rest = BigInt(value);
  do {
    found.push(Number(rest & 0xffffffffn));
    rest >>= 32n;
  } while (rest);
  return found;
}

/** NumPy's SeedSequence(entropy).generate_state(4, uint64). */
function seedWords(entropy) {
  const given = entropy.flatMap(words);
  const pool = new Uint32Array(4);
  let constant = 0x43b0d7e5;
  const mixed = (value) => {
    value = (value ^ constant) >>> 0;
    constant = Math.imul(constant, 0x931e8875) >>> 0;
    value = Math.imul(value, constant) >>> 0;
    return (value ^ (value >>> 16)) >>> 0;
  };
  const joined = (x, y) => {
    const value = (Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y)) >>> 0;
    return (value ^ (value >>> 16)) >>> 0;
  };
  for (let i = 0; i < 4; i++) pool[i] = mixed(i < given.length ? given[i] : 0);
  for (let from = 0; from < 4; from++) for (let to = 0; to < 4; to++) if (from !== to) pool[to] = joined(pool[to], mixed(pool[from]));
  for (let from = 4; from < given.length; from++) for (let to = 0; to < 4; to++) pool[to] = joined(pool[to], mixed(given[from]));
  let out = 0x8b51f9dd;
  const state = Array.from({ length: 8 }, (_, i) => {
    let value = (pool[i % 4] ^ out) >>> 0;
    out = Math.imul(out, 0x58f38ded) >>> 0;
    value = Math.imul(value, out) >>> 0;
    return BigInt((value ^ (value >>> 16)) >>> 0);
  });
  return [0, 2, 4, 6].map((i) => state[i] | (state[i + 1] << 32n));
}

/** A function that gives the next 32 bits of PCG64. */
function generator(entropy) {
  const [high, low, incHigh, incLow] = seedWords(entropy);
  const step = (((((incHigh << 64n) | incLow) << 1n) | 1n) & MASK);
  let state = (step + ((high << 64n) | low)) & MASK;
  state = (state * MULTIPLIER + step) & MASK;
  let kept = -1;
  return () => {
    if (kept >= 0) {
      const second = kept;
      kept = -1;
      return second;
    }
    state = (state * MULTIPLIER + step) & MASK;
    const folded = BigInt.asUintN(64, (state >> 64n) ^ state);
    const turn = state >> 122n;
    const value = turn ? BigInt.asUintN(64, (folded >> turn) | (folded << (64n - turn))) : folded;
    kept = Number(value >> 32n);
    return Number(value & 0xffffffffn);
  };
}

const EDGE = 3.6541528853610088; // where the tail begins, of 256 layers
const AREA = 4.92867323399e-3; // of each layer

const [WIDTHS, WITHIN, HEIGHTS] = (() => {
  const scale = 2 ** 23;
  const density = (x) => Math.exp(-0.5 * x * x);
  const widths = new Float32Array(256), within = new Uint32Array(256), heights = new Float32Array(256);
  widths[255] = EDGE / scale;
  heights[255] = density(EDGE);
  widths[0] = AREA / density(EDGE) / scale;
  within[0] = Math.floor((EDGE * density(EDGE)) / AREA * scale);
  heights[0] = 1;
  let last = EDGE;
  for (let i = 254; i > 0; i--) {
    const x = Math.sqrt(-2 * Math.log(AREA / last + density(last)));
    within[i + 1] = Math.floor((x / last) * scale);
    widths[i] = x / scale;
    heights[i] = density(x);
    last = x;
  }
  within[1] = 0;
  return [widths, within, heights];
})();

/** count numbers as default_rng(entropy).standard_normal(count, float32) gives them. */
export function standardNormal(entropy, count) {
  const next = generator(entropy);
  const round = Math.fround;
  const uniform = () => round((next() >>> 8) * (1 / 16777216));
  const log1p = (x) => round(Math.log1p(x));
  const out = new Float32Array(count);
  for (let at = 0; at < count; ) {
    const bits = next();
    const layer = bits & 0xff;
    const size = (bits >>> 9) & 0x7fffff;
    const x = round(size * WIDTHS[layer]) * (bits & 0x100 ? -1 : 1);
    if (size < WITHIN[layer]) {
      out[at++] = x;
    } else if (layer === 0) {
      let beyond, chance;
      do {
        beyond = round(-round(1 / EDGE) * log1p(-uniform()));
        chance = -log1p(-uniform());
      } while (!(chance + chance > round(beyond * beyond)));
      out[at++] = (size >>> 8) & 1 ? -(EDGE + beyond) : EDGE + beyond;
    } else {
      const height = round(round(round(HEIGHTS[layer - 1] - HEIGHTS[layer]) * uniform()) + HEIGHTS[layer]);
      if (height < Math.exp(-0.5 * x * x)) out[at++] = x;
    }
  }
  return out;
}

const drawn = new Map(); // blocks that were drawn, the last ones: a picture asks for the same again and again
const MOST = 64;

function block(channels, seed, row, column) {
  const key = `${channels} ${seed} ${row} ${column}`;
  let found = drawn.get(key);
  if (!found) {
    found = standardNormal([seed, row >>> 0, column >>> 0], channels * BLOCK * BLOCK);
    if (drawn.size >= MOST) drawn.delete(drawn.keys().next().value);
    drawn.set(key, found);
  }
  return found;
}

/** Noise (1, channels, height/8, width/8) of a part of a picture. box: left, top, right, bottom, px, multiples of 8. The same place has
 *  the same noise whatever the part and the picture's size. */
export function noiseOf(channels, [leftPx, topPx, rightPx, bottomPx], seed = 0) {
  const [left, top, right, bottom] = [leftPx, topPx, rightPx, bottomPx].map((each) => Math.floor(each / CELL));
  const width = right - left, height = bottom - top;
  const data = new Float32Array(channels * height * width);
  for (let row = Math.floor(top / BLOCK); row * BLOCK < bottom; row++) {
    for (let column = Math.floor(left / BLOCK); column * BLOCK < right; column++) {
      const own = block(channels, seed, row, column);
      const y0 = Math.max(top, row * BLOCK), y1 = Math.min(bottom, (row + 1) * BLOCK);
      const x0 = Math.max(left, column * BLOCK), x1 = Math.min(right, (column + 1) * BLOCK);
      for (let c = 0; c < channels; c++) {
        for (let y = y0; y < y1; y++) {
          const from = (c * BLOCK + y - row * BLOCK) * BLOCK + x0 - column * BLOCK;
          data.set(own.subarray(from, from + x1 - x0), (c * height + y - top) * width + x0 - left);
        }
      }
    }
  }
  return { dims: [1, channels, height, width], data };
}
