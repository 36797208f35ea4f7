// The photo's regions, painted by hand over it, and a style for each.
import { el, viewOf } from "./dom.js";

export default function (component) {
  const view = viewOf(component, build);
  const { data } = component;
  const { words } = (view.data = data);
  view.heading.textContent = words.heading;
  view.hint.textContent = words.hint;
  view.object.textContent = words.object;
  view.five.textContent = words.five;
  view.clear.textContent = words.clear;
  view.add.textContent = words.add;
  view.apply.textContent = words.apply;
  view.brush.setAttribute("aria-label", words.brush);
  view.canvas.setAttribute("aria-label", words.canvas);
  view.error.textContent = data.error;
  view.error.hidden = !data.error;
  view.photo.src = data.photo;
  if (view.of !== data.photo) Object.assign(view, { of: data.photo, sent: false, labels: null, name: null });
  if (view.sent) view.name = data.name || ""; // what it told itself; more may have been painted since
  else if (view.name !== (data.name || "")) read(view);
  if (!view.labels) fresh(view);
  list(view);
  draw(view);
}

function build(root, tell) {
  const button = (act) => el("button", { type: "button", className: "quiet", onclick: act });
  const view = { tell, now: 0, name: null, painting: false };
  view.heading = el("h2", { className: "heading" });
  view.hint = el("span", { className: "hint" });
  view.object = button(() => { view.sent = false; tell("propose", "auto"); });
  view.five = button(() => { view.sent = false; tell("propose", "auto:5"); });
  view.clear = button(() => { fresh(view); list(view); draw(view); });
  view.photo = el("img", { alt: "" });
  view.canvas = el("canvas", { tabIndex: 0, role: "application" });
  view.brush = el("input", { type: "range", min: 1, max: 40, value: 12 });
  view.rows = el("ul", { className: "regions" });
  view.add = button(() => add(view));
  view.apply = el("button", { type: "button", className: "loud", onclick: () => send(view) });
  view.error = el("p", { className: "error", role: "alert", hidden: true });
  root.append(el("section", {}, el("div", { className: "heading-line" }, view.heading, view.hint, view.object, view.five, view.clear), view.error,
    el("div", { className: "places" }, el("div", { className: "map" }, view.photo, view.canvas),
      el("div", {}, view.rows, el("div", { className: "row" }, view.brush, view.add, view.apply)))));
  hand(view);
  keys(view);
  return view;
}

function fresh(view) {
  const [wide, high] = view.data.size;
  const share = view.data.side / Math.max(wide, high);
  view.width = Math.max(1, Math.round(wide * share));
  view.height = Math.max(1, Math.round(high * share));
  view.labels = new Uint8Array(view.width * view.height);
  view.names = [view.data.words.background, `${view.data.words.region} 1`];
  view.colors = view.data.colors.slice(0, 2);
  view.styles = {};
  view.now = 1;
}

function read(view) {
  view.name = view.data.name || "";
  view.styles = { ...view.data.styles };
  const { map } = view.data;
  if (!map) return;
  view.width = map.width;
  view.height = map.height;
  view.labels = Uint8Array.from(atob(map.labels), (each) => each.charCodeAt(0));
  view.names = [...map.names];
  view.colors = [...map.colors];
  view.now = Math.min(view.now, view.names.length - 1);
}

function add(view) {
  const color = view.data.colors.find((each) => !view.colors.includes(each));
  if (!color || view.names.length >= 8) return;
  view.names.push(`${view.data.words.region} ${view.names.length}`);
  view.colors.push(color);
  view.now = view.names.length - 1;
  list(view);
}

function list(view) {
  const { words, choices } = view.data;
  view.rows.replaceChildren(...view.names.map((name, which) => {
    const pick = el("button", { type: "button", className: "swatch", onclick: () => { view.now = which; list(view); } }, el("i"), name);
    pick.firstChild.style.background = view.colors[which];
    pick.setAttribute("aria-pressed", which === view.now);
    const style = el("select", { "aria-label": words.style.replace("{region}", name), onchange: () => { view.styles[name] = style.value; send(view); } },
      el("option", { value: "" }, words.photo), ...choices.map((each) => el("option", { value: each.name }, each.title)));
    style.value = view.styles[name] || "";
    return el("li", {}, pick, style);
  }));
}

function draw(view) {
  Object.assign(view.canvas, { width: view.width, height: view.height });
  const pen = view.canvas.getContext("2d");
  const picture = pen.createImageData(view.width, view.height);
  const colors = view.colors.map((each) => [1, 3, 5].map((at) => parseInt(each.slice(at, at + 2), 16)));
  for (let at = 0; at < view.labels.length; at++) {
    const label = view.labels[at];
    picture.data.set([...colors[label], view.styles[view.names[label]] || label ? 130 : 40], 4 * at);
  }
  pen.putImageData(picture, 0, 0);
  if (view.cursor) {
    pen.strokeStyle = "#fff";
    pen.beginPath();
    pen.arc(view.cursor.x, view.cursor.y, Number(view.brush.value), 0, 7);
    pen.stroke();
  }
}

function dab(view, x, y) {
  const radius = Number(view.brush.value);
  for (let row = Math.max(0, Math.floor(y - radius)); row <= Math.min(view.height - 1, y + radius); row++) {
    for (let column = Math.max(0, Math.floor(x - radius)); column <= Math.min(view.width - 1, x + radius); column++) {
      if ((column - x) ** 2 + (row - y) ** 2 <= radius ** 2) view.labels[row * view.width + column] = view.now;
    }
  }
}

function hand(view) {
  const at = (event) => {
    const box = view.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * view.width, ((event.clientY - box.top) / box.height) * view.height];
  };
  view.canvas.onpointerdown = (event) => {
    view.canvas.setPointerCapture(event.pointerId);
    view.last = at(event);
    dab(view, ...view.last);
    draw(view);
  };
  view.canvas.onpointermove = (event) => {
    if (!view.last) return;
    const [x, y] = at(event);
    const steps = Math.ceil(Math.hypot(x - view.last[0], y - view.last[1]) / 2) || 1;
    for (let step = 1; step <= steps; step++) dab(view, view.last[0] + ((x - view.last[0]) * step) / steps, view.last[1] + ((y - view.last[1]) * step) / steps);
    view.last = [x, y];
    draw(view);
  };
  view.canvas.onpointerup = view.canvas.onpointercancel = () => {
    if (view.last) send(view);
    view.last = null;
  };
}

/** By keyboard: arrows move the brush, space paints. */
function keys(view) {
  view.canvas.onkeydown = (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    view.cursor ??= { x: view.width / 2, y: view.height / 2 };
    if (step) {
      view.cursor.x = Math.max(0, Math.min(view.width, view.cursor.x + step[0] * (event.shiftKey ? 20 : 5)));
      view.cursor.y = Math.max(0, Math.min(view.height, view.cursor.y + step[1] * (event.shiftKey ? 20 : 5)));
    } else if (event.key === " ") {
      dab(view, view.cursor.x, view.cursor.y);
    } else return;
    event.preventDefault();
    draw(view);
  };
  view.canvas.onblur = () => { view.cursor = null; draw(view); };
}

/** Tell the map and the styles of its regions. */
function send(view) {
  view.sent = true;
  let text = "";
  for (let at = 0; at < view.labels.length; at += 8192) text += String.fromCharCode(...view.labels.subarray(at, at + 8192));
  view.tell("painted", { width: view.width, height: view.height, labels: btoa(text), names: view.names, colors: view.colors, styles: view.styles });
}
