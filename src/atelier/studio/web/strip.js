// Every picture of the visit: a click brings it back with its settings.
import { el, keyed, swap, viewOf } from "./dom.js";

export default function (component) {
  const view = viewOf(component, build);
  const { data } = component;
  view.data = data;
  view.heading.textContent = data.words.made;
  view.undo.textContent = data.words.undo;
  const now = data.pictures.findIndex((each) => each.now);
  view.undo.hidden = data.pictures.length < 2 || now < 0 || now + 1 >= data.pictures.length;
  view.undo.onclick = () => view.tell("pick", data.pictures[now + 1].number);
  keyed(view.list, data.pictures.map((each) => ({ ...each, key: each.number })), (each) => make(each, view), (node, each) => {
    swap(node.image, each.src);
    node.button.title = each.title;
    node.button.setAttribute("aria-label", each.title);
    node.button.setAttribute("aria-pressed", each.now);
    node.against.hidden = each.now;
    node.against.setAttribute("aria-pressed", each.against);
    node.against.setAttribute("aria-label", data.words.against.replace("{picture}", each.title));
    node.against.title = data.words.against.replace("{picture}", each.title);
  });
}

function build(root, tell) {
  const heading = el("h2", { className: "heading" });
  const undo = el("button", { type: "button", className: "quiet" });
  const list = el("ul", { className: "strip" });
  root.append(el("section", { className: "made" }, el("div", { className: "heading-line" }, heading, undo), list));
  return { heading, undo, list, tell };
}

function make(each, view) {
  const image = el("img", { alt: "", decoding: "async" });
  const button = el("button", { type: "button", onclick: () => view.tell("pick", each.number) }, image);
  const against = el("button", { type: "button", className: "against", onclick: () => view.tell("against", each.number) }, "⇄");
  return Object.assign(el("li", {}, button, against), { image, button, against });
}
