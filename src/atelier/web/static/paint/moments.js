// Means and covariances, of colours and of features, and the linear maps that carry one picture's to another's. Matrices are
// Float64Arrays, row by row.

const RIDGE = 1e-8; // added to the variances of colours: a fortieth of an 8-bit step
const FEATURE_RIDGE = 1e-3; // share of the mean variance that is added to every feature's, as in training
const LEAST_RIDGE = 1e-6;

/** Mean (3) and covariance (3 x 3) of a picture's colours. */
export function moments({ data }) {
  const mean = new Float64Array(3), second = new Float64Array(9);
  for (let i = 0; i < data.length; i += 3) {
    for (let r = 0; r < 3; r++) {
      mean[r] += data[i + r];
      for (let c = r; c < 3; c++) second[r * 3 + c] += data[i + r] * data[i + c];
    }
  }
  const count = data.length / 3;
  for (let r = 0; r < 3; r++) mean[r] /= count;
  const covariance = new Float64Array(9);
  for (let r = 0; r < 3; r++) {
    for (let c = r; c < 3; c++) covariance[r * 3 + c] = covariance[c * 3 + r] = second[r * 3 + c] / count - mean[r] * mean[c];
  }
  return { mean, covariance };
}

/** Several, mixed by shares that add up to 1. */
export function mixMoments(all, shares) {
  const sum = (name) => all[0][name].map((_, i) => all.reduce((total, each, at) => total + shares[at] * each[name][i], 0));
  return { mean: Float64Array.from(sum("mean")), covariance: Float64Array.from(sum("covariance")) };
}

/** Eigenvalues and eigenvectors (columns) of a symmetric matrix (n x n), by Jacobi's rotations (Golub and Van Loan 8.5). */
export function eigen(matrix, n) {
  const a = Float64Array.from(matrix);
  const v = identity(n);
  for (let sweep = 0; sweep < 50; sweep++) {
    let off = 0, all = 0;
    for (let r = 0; r < n; r++) for (let c = 0; c < n; c++) {
      const square = a[r * n + c] ** 2;
      all += square;
      if (r !== c) off += square;
    }
    if (off <= 1e-30 * all) break;
    for (let p = 0; p < n - 1; p++) for (let q = p + 1; q < n; q++) rotate(a, v, n, p, q);
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i]), vectors: v };
}

function rotate(a, v, n, p, q) {
  const apq = a[p * n + q];
  if (apq === 0) return;
  const theta = (a[q * n + q] - a[p * n + p]) / (2 * apq);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1), s = t * c;
  for (let k = 0; k < n; k++) {
    const kp = a[k * n + p], kq = a[k * n + q];
    a[k * n + p] = c * kp - s * kq;
    a[k * n + q] = s * kp + c * kq;
  }
  for (let k = 0; k < n; k++) {
    const pk = a[p * n + k], qk = a[q * n + k];
    a[p * n + k] = c * pk - s * qk;
    a[q * n + k] = s * pk + c * qk;
    const vp = v[k * n + p], vq = v[k * n + q];
    v[k * n + p] = c * vp - s * vq;
    v[k * n + q] = s * vp + c * vq;
  }
}

export function identity(n) {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) out[i * n + i] = 1;
  return out;
}

/** The product of two matrices (n x n). */
export function product(a, b, n) {
  const out = new Float64Array(n * n);
  for (let r = 0; r < n; r++) for (let k = 0; k < n; k++) {
    const value = a[r * n + k];
    for (let c = 0; c < n; c++) out[r * n + c] += value * b[k * n + c];
  }
  return out;
}

/** A symmetric matrix with a function of its eigenvalues in their place. */
function reshaped(matrix, n, change) {
  const { values, vectors } = eigen(matrix, n);
  const changed = change(values);
  const scaled = vectors.map((each, i) => each * changed[i % n]);
  const out = new Float64Array(n * n);
  for (let r = 0; r < n; r++) for (let c = 0; c < n; c++) {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += scaled[r * n + k] * vectors[c * n + k];
    out[r * n + c] = sum;
  }
  return out;
}

function power(matrix, exponent) {
  return reshaped(matrix, 3, (values) => values.map((each) => Math.max(each, 0) ** exponent));
}

/** Matrix (3 x 3) and offset (3) such that colours through them have the moments `to` where they had `of`: optimal transport
 *  (Pitié and Kokaram 2007, equation 12). stretch: what gains are cut to. */
export function linearMap(of, to, stretch = Infinity) {
  const ridged = ({ covariance }) => covariance.map((each, i) => each + (i % 4 === 0 ? RIDGE : 0));
  const own = ridged(of);
  const root = power(own, 0.5), inverse = power(own, -0.5);
  const middle = power(product(product(root, ridged(to), 3), root, 3), 0.5);
  const map = symmetric(product(product(inverse, middle, 3), inverse, 3), 3);
  const matrix = reshaped(map, 3, (values) => values.map((each) => Math.min(each, stretch)));
  return { matrix, offset: offsetOf(matrix, of.mean, to.mean, 3) };
}

/** The same for features of n channels, by whitening and colouring (Li et al. 2017), with the ridge that training had. */
export function featureMap(of, to, n) {
  const matrix = product(featurePower(to, 0.5, n), featurePower(of, -0.5, n), n);
  return { matrix, offset: offsetOf(matrix, of.mean, to.mean, n) };
}

const powers = new WeakMap(); // a painting's are asked for with every photo

function featurePower(moment, exponent, n) {
  const known = powers.get(moment) ?? {};
  powers.set(moment, known);
  known[exponent] ??= reshaped(moment.covariance, n, (found) => {
    const values = found.map((each) => Math.max(each, 0));
    const ridge = Math.max((FEATURE_RIDGE * values.reduce((a, b) => a + b)) / n, LEAST_RIDGE);
    return values.map((each) => (each + ridge) ** exponent);
  });
  return known[exponent];
}

function symmetric(matrix, n) {
  return matrix.map((each, i) => (each + matrix[(i % n) * n + Math.floor(i / n)]) / 2);
}

function offsetOf(matrix, from, to, n) {
  return Float64Array.from({ length: n }, (_, r) => {
    let sum = to[r];
    for (let c = 0; c < n; c++) sum -= matrix[r * n + c] * from[c];
    return sum;
  });
}

/** Matrix and offset as (1, n, n + 1) float32, mixed with leaving all as it is. strength: from 0 to 1. */
export function blendMap({ matrix, offset }, strength) {
  const n = offset.length;
  const data = new Float32Array(n * (n + 1));
  for (let r = 0; r < n; r++) {
    for (let c = 0; c < n; c++) data[r * (n + 1) + c] = (r === c ? 1 - strength : 0) + strength * matrix[r * n + c];
    data[r * (n + 1) + n] = strength * offset[r];
  }
  return { dims: [1, n, n + 1], data };
}

/** Colours of a picture through a map (1, 3, 4), in place, cut to [0, 1]. */
export function recolor(picture, { data: m }) {
  const { data } = picture;
  for (let i = 0; i < data.length; i += 3) {
    const r = data[i], g = data[i + 1], b = data[i + 2];
    for (let c = 0; c < 3; c++) {
      const value = m[c * 4] * r + m[c * 4 + 1] * g + m[c * 4 + 2] * b + m[c * 4 + 3];
      data[i + c] = value < 0 ? 0 : value > 1 ? 1 : value;
    }
  }
  return picture;
}
