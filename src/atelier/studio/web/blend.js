// How much of each style: a slider between two, a triangle between three.
import { el, viewOf } from "./dom.js";

const CORNERS = [[50, 6], [6, 82], [94, 82]];

export default function (component) {
  const view = viewOf(component, build);
  view.data = component.data;
  const names = component.data.styles.map((each) => each.name).join();
  if (view.names !== names) {
    view.names = names;
    lay(view, shares(component.data.styles.map((each) => each.weight)));
  }
}

function build(root, tell) {
  const view = { tell, place: el("fieldset", { className: "blend" }) };
  root.append(view.place);
  return view;
}

/** Weights as shares of 1. */
function shares(weights) {
  const sum = weights.reduce((a, b) => a + b, 0) || 1;
  return weights.map((each) => each / sum);
}

function lay(view, weights) {
  const { styles, words } = view.data;
  view.weights = weights;
  view.place.replaceChildren(el("legend", {}, words.blend));
  if (styles.length === 3) view.place.append(triangle(view));
  view.inputs = styles.slice(styles.length === 2 ? 1 : 0).map((style, which) => {
    const input = el("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": words.share.replace("{style}", style.title) });
    input.oninput = () => slide(view, styles.length === 2 ? 1 : which, input.value / 100);
    input.onchange = () => tell(view);
    return input;
  });
  if (styles.length === 2) view.place.append(el("div", { className: "between" }, el("span", {}, styles[0].title), view.inputs[0], el("span", {}, styles[1].title)));
  else view.place.append(...styles.map((style, which) => el("label", { className: "share" }, el("span", {}, style.title), view.inputs[which])));
  show(view);
}

function slide(view, which, share) {
  const rest = view.weights.reduce((sum, each, other) => sum + (other === which ? 0 : each), 0);
  view.weights = view.weights.map((each, other) => (other === which ? share : rest > 0 ? (each / rest) * (1 - share) : (1 - share) / (view.weights.length - 1)));
  show(view);
  soon(view);
}

function triangle(view) {
  const svg = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const face = svg("svg", { viewBox: "0 0 100 90", class: "triangle", "aria-hidden": "true" });
  view.knob = svg("circle", { r: 4.5 });
  face.append(svg("polygon", { points: CORNERS.map((each) => each.join()).join(" ") }), view.knob);
  const move = (event) => {
    const box = face.getBoundingClientRect();
    view.weights = barycentric(((event.clientX - box.left) / box.width) * 100, ((event.clientY - box.top) / box.height) * 90);
    show(view);
    soon(view);
  };
  face.onpointerdown = (event) => { face.setPointerCapture(event.pointerId); face.onpointermove = move; move(event); };
  face.onpointerup = () => { face.onpointermove = null; tell(view); };
  return face;
}

function barycentric(x, y) {
  const [[ax, ay], [bx, by], [cx, cy]] = CORNERS;
  const whole = (by - cy) * (ax - cx) + (cx - bx) * (ay - cy);
  const a = ((by - cy) * (x - cx) + (cx - bx) * (y - cy)) / whole;
  const b = ((cy - ay) * (x - cx) + (ax - cx) * (y - cy)) / whole;
  return shares([a, b, 1 - a - b].map((each) => Math.max(0, each)));
}

function show(view) {
  const from = view.weights.length === 2 ? 1 : 0;
  view.inputs.forEach((input, which) => { input.value = Math.round(100 * view.weights[which + from]); });
  if (!view.knob || view.weights.length !== 3) return;
  for (const [name, axis] of [["cx", 0], ["cy", 1]]) {
    view.knob.setAttribute(name, CORNERS.reduce((sum, corner, which) => sum + corner[axis] * view.weights[which], 0));
  }
}

/** Tell while it moves, but no more often than a picture takes. */
function soon(view) {
  view.timer ??= setTimeout(() => tell(view), 250);
}

function tell(view) {
  clearTimeout(view.timer);
  view.timer = null;
  view.tell("weights", view.weights.map((each) => Math.round(each * 100) / 100));
}
