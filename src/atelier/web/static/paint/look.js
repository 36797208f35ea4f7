// What a style is to the networks: its code, its colours, and, for any painting, what the encoder sees in it.

import { blendMap, featureMap, linearMap, mixMoments, moments } from "./moments.js";
import { crop, fit, halve, planes, repeat, resize } from "./pixels.js";

export const STYLE_SIDE = 512; // long side at which a painting is read, px: what the encoder was trained at
const STRETCH = 4; // how much colours are spread at the most
const LAYERS = ["conv3_1", "conv4_1"];

/** A style that ships, as the painter of named styles takes it. */
export function namedLook({ code, colors }) {
  return { code, colors, features: [], read: 1 };
}

/** What the encoder takes off a painting. */
export async function paintingLook(reader, painting) {
  return readLook(reader, resize(painting, ...fit(painting.width, painting.height, STYLE_SIDE)));
}

/** What the encoder takes off a picture. Without code the look's means nothing, and reading takes a third of the time. */
export async function readLook(reader, picture, { code = true } = {}) {
  const seen = repeat(picture, 16);
  const found = await reader.run({ painting: planes(code ? seen : crop(seen, 16, 16)), half: planes(halve(seen)) });
  const features = LAYERS.map((name) => ({
    mean: Float64Array.from(found[`mean_${name}`].data),
    covariance: Float64Array.from(found[`covariance_${name}`].data),
  }));
  return { code: found.numbers.data, colors: moments(picture), features, read: 1 };
}

/** Looks mixed. shares: of each; they add up to 1. */
export function mixLooks(looks, shares) {
  if (looks.length === 1) return looks[0];
  return {
    code: Float32Array.from(looks[0].code, (_, i) => looks.reduce((sum, each, at) => sum + shares[at] * each.code[i], 0)),
    colors: mixMoments(looks.map((each) => each.colors), shares),
    features: looks[0].features.map((_, i) => mixMoments(looks.map((each) => each.features[i]), shares)),
    read: looks.reduce((sum, each, at) => sum + shares[at] * each.read, 0),
  };
}

/** What the painter takes beside a photo, as far as the strength says. rest: the code with which the photo stays as it is. colors: the
 *  photo's. own: what the encoder takes off the photo, for the painter of any painting. */
export function match(look, rest, colors, own, strength) {
  const code = strength === 1 ? look.code : look.code.map((each, i) => rest[i] + Math.fround(strength) * (each - rest[i]));
  const taken = {
    numbers: { dims: [1, code.length], data: Float32Array.from(code) },
    colours: blendMap(linearMap(colors, look.colors, STRETCH), strength),
  };
  if (own) {
    LAYERS.forEach((name, i) => {
      const channels = look.features[i].mean.length;
      taken[`map_${name}`] = blendMap(featureMap(own.features[i], look.features[i], channels), strength);
    });
  }
  return taken;
}
