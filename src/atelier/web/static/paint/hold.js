// What is kept from frame to frame, so that nothing flickers that need not: statistics are counted now and then, and eased towards what
// was counted. The noise stays where it is.

const EASE = 0.5; // how far they go, with each frame, towards what was counted last

export class Hold {
  /** every: frames after which statistics are counted again. */
  constructor(every = 4) {
    Object.assign(this, { every, age: 0, now: null, aim: null });
  }

  /** The statistics to paint a frame with. count: counts those of the frame as it is. */
  async known(count) {
    if (this.age === 0) {
      this.now = this.aim = await count();
    } else {
      if (this.age % this.every === 0) this.aim = await count();
      this.now = eased(this.now, this.aim);
    }
    this.age++;
    return this.now;
  }
}

function eased(now, aim) {
  const toward = (a, b) => ({ dims: a.dims, data: Float32Array.from(a.data, (each, i) => each + EASE * (b.data[i] - each)) });
  const style = Object.fromEntries(Object.keys(now.style).map((name) => [name, toward(now.style[name], aim.style[name])]));
  return { style, statistics: toward(now.statistics, aim.statistics), line: now.line ? toward(now.line, aim.line) : null };
}
