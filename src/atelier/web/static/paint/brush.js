// What paints: a painter with styles, mixed. It paints photos, and the frames of films with what it keeps between them.

import { match, readLook } from "./look.js";
import { blendMap, linearMap, moments } from "./moments.js";
import { fit, mix, resize, shrink } from "./pixels.js";
import { TILE, Grid } from "./windows.js";

const CORRECTED = 0.5; // how far painted colours are taken to the style's, where an encoder read it
const CORRECTED_STRETCH = 2;
const FADE = 0.25; // up to this strength the photo itself shines through
const THUMBNAIL = 512; // long side of the picture that statistics are taken from, px

/** painter: for named styles or for any painting. reader: the encoder, for any painting; else null. rest: the code of a photo left as it
 *  is, for named styles. */
export class Brush {
  constructor(painter, reader, rest) {
    Object.assign(this, { painter, reader, rest });
  }

  /** Paint a photo with a look. strength: from 0, the photo, to 1, the painting. strokes: their size; 2 is twice as large. */
  async paint(photo, look, { strength = 1, strokes = 1, seed = 0, between } = {}) {
    if (strength === 0) return photo;
    if (strokes !== 1) {
      const side = Math.max(16, Math.round(Math.max(photo.width, photo.height) / strokes));
      const work = resize(photo, ...fit(photo.width, photo.height, side));
      return resize(await this.paint(work, look, { strength, seed, between }), photo.width, photo.height);
    }
    const grid = new Grid(photo.width, photo.height, this.painter.plan.reach, TILE);
    const small = shrink(photo, THUMBNAIL);
    const style = await this.style(small, look, strength);
    const counted = grid.windows().length === 1 ? photo : small; // the painter was trained with pictures' own statistics
    const painted = await this.painter.paint(photo, counted, style, { seed, between, correct: this.correct(look, strength) });
    return fade(photo, painted, strength);
  }

  /** Paint a frame of a film or of a camera. hold: a Hold, which keeps statistics from frame to frame. */
  async paintFrame(frame, look, hold, { strength = 1, seed = 0 } = {}) {
    if (strength === 0) return frame;
    const known = await hold.known(async () => {
      const small = shrink(frame, THUMBNAIL);
      return this.painter.count(small, await this.style(small, look, strength), seed, this.correct(look, strength));
    });
    return fade(frame, await this.painter.paintKnown(frame, known, { seed }), strength);
  }

  async style(small, look, strength) {
    const own = this.reader ? await readLook(this.reader, small, { code: strength < 1 }) : null;
    return match(look, own ? own.code : this.rest, moments(small), own, strength);
  }

  correct(look, strength) {
    if (!this.reader) return null;
    return (painted) => blendMap(linearMap(moments(painted), look.colors, CORRECTED_STRETCH), CORRECTED * strength * look.read);
  }
}

function fade(photo, painted, strength) {
  const share = Math.min(1, strength / FADE);
  return share === 1 ? painted : mix(photo, painted, Math.fround(share));
}
