// The gallery: a tile for each style, painted on the user's own photo; the user's paintings; and a second style to blend with.

export class Gallery {
  /** onChoice: called when another style is chosen. onPainting: when a painting is to be added. */
  constructor(place, { onChoice, onPainting }) {
    Object.assign(this, { place, onChoice, tiles: new Map(), second: null, paintings: 0 });
    this.template = document.getElementById("tile");
    this.place.addEventListener("change", () => this.picked());
    const adding = document.createElement("button");
    adding.type = "button";
    adding.className = "tile add bare";
    adding.id = "add";
    adding.title = "Paint like a painting of your own (P)";
    adding.innerHTML = '<span class="picture"><svg><use href="icons/symbols.svg#plus"/></svg></span><span class="name">Your painting</span>';
    adding.onclick = onPainting;
    this.adding = adding;
    this.place.append(adding);
  }

  /** A tile for each style that ships, with its swatch until there is a photo. */
  fill(styles) {
    for (const { name, title, painter, year, swatch } of styles) {
      const tile = this.make(name, { style: name }, title, [title, painter, year].filter(Boolean).join(", "));
      if (swatch) createImageBitmap(new Blob([swatch])).then((bitmap) => tile.painted || this.picture(tile, bitmap));
    }
  }

  make(key, of, title, about) {
    const element = this.template.content.firstElementChild.cloneNode(true);
    const input = element.querySelector("input"), plus = element.querySelector(".plus");
    input.value = key;
    input.setAttribute("aria-label", about);
    element.title = about;
    element.querySelector(".name").textContent = title;
    plus.textContent = "+";
    plus.title = `Blend with ${title}`;
    plus.setAttribute("aria-label", plus.title);
    plus.setAttribute("aria-pressed", "false");
    plus.hidden = false;
    plus.onclick = (event) => {
      event.preventDefault();
      this.blend(key);
    };
    const tile = { key, of, title, element, input, plus, canvas: element.querySelector("canvas"), painted: false };
    this.tiles.set(key, tile);
    this.place.insertBefore(element, of.style === undefined ? this.adding.nextSibling : null); // one's own paintings come first
    return tile;
  }

  picture(tile, bitmap) {
    const share = Math.min(1, 200 / Math.min(bitmap.width, bitmap.height));
    [tile.canvas.width, tile.canvas.height] = [bitmap.width, bitmap.height].map((each) => Math.max(1, Math.round(each * share)));
    const context = tile.canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, tile.canvas.width, tile.canvas.height);
  }

  /** Show a style on the user's photo. */
  show({ name, width, height, bytes }) {
    const tile = this.tiles.get(name);
    tile.painted = true;
    [tile.canvas.width, tile.canvas.height] = [width, height];
    tile.canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(bytes), width, height), 0, 0);
  }

  /** Add a painting; its id. */
  add(name, bitmap) {
    const id = ++this.paintings;
    const tile = this.make(`painting ${id}`, { painting: id }, name.replace(/\.[^.]+$/, ""), `Your painting, ${name}`);
    this.picture(tile, bitmap);
    return id;
  }

  choose(name, second) {
    const tile = this.tiles.get(name) ?? [...this.tiles.values()].find(({ of }) => of.style !== undefined);
    if (tile) {
      tile.input.checked = true;
      tile.element.scrollIntoView({ block: "nearest", inline: "center" });
    }
    this.second = this.tiles.has(second) && second !== name ? second : null;
    this.mark();
  }

  choosePainting(id) {
    this.choose(`painting ${id}`, this.second);
  }

  blend(key) {
    this.second = this.second === key || key === this.first()?.key ? null : key;
    this.mark();
    this.onChoice();
  }

  picked() {
    if (this.second === this.first()?.key) this.second = null;
    this.mark();
    this.onChoice();
  }

  mark() {
    for (const { key, plus } of this.tiles.values()) {
      plus.setAttribute("aria-pressed", String(key === this.second));
      plus.textContent = key === this.second ? "−" : "+";
    }
  }

  first() {
    return [...this.tiles.values()].find(({ input }) => input.checked);
  }

  names() {
    return [this.first(), this.tiles.get(this.second)].filter(Boolean).map(({ title }) => title);
  }

  /** [{ style | painting, weight }]. blend: how much of the second, where there is one. */
  chosen(blend) {
    const first = this.first(), second = this.tiles.get(this.second);
    if (!second) return [{ ...first.of, weight: 1 }];
    return [{ ...first.of, weight: 1 - blend }, { ...second.of, weight: blend }].filter(({ weight }) => weight > 0);
  }
}
