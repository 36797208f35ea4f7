// Small words for making elements, shared by all parts.

/** An element with properties and children; `on...` are listeners, what the element does not know is an attribute. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "list") made[name] = value;
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child != null));
  return made;
}

/** A part's own view, built once for its place on the page; `data` and triggers are put in anew. */
export function viewOf(component, build) {
  const root = component.parentElement.querySelector(".part");
  if (!root.view) root.view = build(root, (name, value) => root.tell(name, value));
  root.tell = component.setTriggerValue;
  return root.view;
}

/** Put other children in only where they differ by their `key`s; `make` and `update` see to one. */
export function keyed(parent, items, make, update) {
  const there = new Map([...parent.children].filter((each) => each.key != null).map((each) => [each.key, each]));
  let before = null;
  for (const item of items) {
    let node = there.get(item.key);
    if (!node) {
      node = make(item);
      node.key = item.key;
    }
    there.delete(item.key);
    update(node, item);
    const place = before ? before.nextSibling : parent.firstChild;
    if (node !== place) parent.insertBefore(node, place);
    before = node;
  }
  for (const node of there.values()) node.remove();
}

/** Show a picture only once it is loaded, so that nothing flickers; of several on their way none takes the place of a later one. */
export function swap(image, src) {
  if (image.wanted === src) return;
  image.wanted = src;
  const turn = (image.turn = (image.turn || 0) + 1);
  const next = new Image();
  next.onload = () => {
    if (turn <= (image.shown || 0)) return;
    image.shown = turn;
    image.src = src;
  };
  next.onerror = () => { if (image.wanted === src) image.wanted = null; };
  next.src = src;
}

/** Copy text; whether that worked. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = el("textarea", { value: text, className: "hidden" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
