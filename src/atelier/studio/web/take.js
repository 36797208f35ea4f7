// What makes the same picture elsewhere, and the picture in other formats.
import { copy, el, viewOf } from "./dom.js";

export default function (component) {
  const view = viewOf(component, (root, tell) => ({ root, tell }));
  const told = JSON.stringify(component.data);
  if (view.told === told) return;
  view.told = told;
  show(view, component.data);
}

function show(view, { take, words }) {
  const said = el("span", { className: "said", role: "status" });
  const put = async (text) => {
    said.textContent = (await copy(text)) ? words.copied : "";
    setTimeout(() => { said.textContent = ""; }, 2000);
  };
  const files = take.files.map((file) => el("a", { href: file.href, download: "", className: "quiet" }, file.name));
  if (take.map) files.push(el("a", { href: take.map, download: "", className: "quiet" }, words.map));
  const full = take.full ? [el("button", { type: "button", className: "quiet", onclick: () => view.tell("full", Date.now()) }, words.largest)] : [];
  const code = (name, text) => el("div", { className: "code" }, el("span", {}, name), el("pre", { tabIndex: 0 }, text),
    el("button", { type: "button", className: "quiet", onclick: () => put(text), "aria-label": `${words.copy}: ${name}` }, words.copy));
  view.root.replaceChildren(el("section", { className: "take" }, el("h2", { className: "heading" }, words.heading),
    el("div", { className: "row" }, ...files, ...full, el("button", { type: "button", className: "quiet", onclick: () => put(address()) }, words.link), said),
    code(words.command, take.command), ...(take.python ? [code(words.python, take.python)] : [])));
}

/** The page's address without the word of this tab. */
function address() {
  const url = new URL(location.href);
  url.searchParams.delete("s");
  return url.href;
}
