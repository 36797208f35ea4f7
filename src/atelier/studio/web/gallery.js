// The gallery of styles: cards with the visitor's own photo in every style.
import { el, keyed, swap, viewOf } from "./dom.js";

export default function (component) {
  const view = viewOf(component, build);
  update(view, component.data);
  document.getElementById("first")?.remove();
}

function build(root, tell) {
  const heading = el("h2", { className: "heading" });
  const hint = el("span", { className: "hint" });
  const file = el("input", { type: "file", accept: "image/*,.heic,.jxl,.avif", className: "hidden", tabIndex: -1 });
  const own = el("button", { type: "button", className: "quiet", onclick: () => file.click() });
  const list = el("ul", { className: "gallery" });
  root.append(el("section", { className: "styles" }, el("div", { className: "heading-line" }, heading, hint, own, file), list));
  const view = { heading, hint, own, list, file, tell };
  file.setAttribute("aria-hidden", "true");
  file.onchange = async () => {
    if (!file.files[0]) return;
    const name = encodeURIComponent(file.files[0].name);
    const answer = await fetch(`/studio/take/${view.data.tab}/${name}?as=painting`, { method: "POST", body: file.files[0] });
    const told = await answer.json();
    if (told.name) tell("own", told.name);
    file.value = "";
  };
  return view;
}

function update(view, data) {
  view.data = data;
  view.heading.textContent = data.words.heading;
  view.hint.textContent = data.words.hint;
  view.own.textContent = data.words.own;
  view.file.setAttribute("aria-label", data.words.own);
  keyed(view.list, data.cards.map((card) => ({ ...card, key: card.name })), (card) => make(card, view), (node, card) => show(node, card, view));
}

function make(card, view) {
  const image = el("img", { alt: "", width: 224, height: 168, decoding: "async" });
  const pick = el("button", { type: "button", className: "pick", onclick: () => view.tell("pick", card.name) },
    el("span", { className: "mat" }, image), el("span", { className: "title" }, card.title), el("span", { className: "by" }, card.by));
  const mix = el("button", { type: "button", className: "mix", onclick: () => view.tell("mix", card.name) });
  const node = el("li", { className: "card" }, pick, mix);
  Object.assign(node, { image, pick, mix });
  return node;
}

function show(node, card, view) {
  swap(node.image, card.src);
  node.classList.toggle("due", !!card.due);
  node.classList.toggle("chosen", card.share > 0);
  node.pick.setAttribute("aria-pressed", card.share > 0);
  node.mix.textContent = card.share > 0 && view.data.several ? "−" : "+";
  node.mix.hidden = card.share > 0 && !view.data.several;
  node.mix.setAttribute("aria-label", (card.share > 0 ? view.data.words.remove : view.data.words.add).replace("{style}", card.title));
}
