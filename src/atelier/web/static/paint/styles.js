// Files of styles: safetensors with, for each style, its code, the mean and covariance of its colours, and a swatch.

/** The styles in a file: { names, entry(name), rest }. rest: the code of a photo that is left as it is. */
export function readStyles(buffer) {
  const length = Number(new DataView(buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const about = JSON.parse(header.__metadata__.styles);
  const bytes = (name) => {
    const [begin, end] = header[name].data_offsets;
    return buffer.slice(8 + length + begin, 8 + length + end);
  };
  const numbers = (name) => (header[name].dtype === "F16" ? halves(bytes(name)) : new Float32Array(bytes(name)));
  const entry = (name) => {
    const colors = Float64Array.from(numbers(`${name}.colours`));
    const swatch = header[`${name}.swatch`] ? new Uint8Array(bytes(`${name}.swatch`)) : null;
    return {
      name, title: name, painter: "", year: "", ...about[name], swatch,
      code: numbers(`${name}.numbers`), colors: { mean: colors.slice(0, 3), covariance: colors.slice(3) },
    };
  };
  return { styles: Object.keys(about).map(entry), rest: header["photo.numbers"] ? numbers("photo.numbers") : null };
}

/** float16 to float32. */
export function halves(buffer) {
  return Float32Array.from(new Uint16Array(buffer), (bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
