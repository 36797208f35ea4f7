// The picture on the wall: before and after, at any zoom, while it is made and after.
import { el, swap, viewOf } from "./dom.js";

export default function (component) {
  const view = viewOf(component, build);
  update(view, component.data);
}

function build(root, tell) {
  const before = el("img", { className: "picture before", alt: "", draggable: false });
  const after = el("img", { className: "picture after", alt: "", draggable: false });
  const range = el("input", { type: "range", className: "compare", min: 0, max: 100, step: 1, value: 0 });
  const line = el("span", { className: "line" });
  line.setAttribute("aria-hidden", "true");
  const player = el("div", { className: "player" });
  const sheet = el("div", { className: "sheet" }, after, before, player, line, range);
  const frame = el("div", { className: "frame" }, sheet);
  const title = el("span", { className: "title" });
  const by = el("span", { className: "by" });
  const state = el("span", { className: "state", role: "status" });
  const bar = el("span", { className: "bar" }, el("i"));
  const button = (name, act) => el("button", { type: "button", className: `quiet ${name}`, onclick: act });
  const view = { root, tell, before, after, range, line, sheet, player, frame, title, by, state, bar };
  view.begin = button("begin", () => tell("begin", Date.now()));
  view.stop = button("stop", () => tell("stop", Date.now()));
  view.zoom = button("zoom", () => zoom(view, !view.root.classList.contains("whole")));
  view.full = button("full", () => (document.fullscreenElement ? document.exitFullscreen() : frame.requestFullscreen()));
  view.error = el("p", { className: "error", role: "alert", hidden: true });
  view.chart = el("div", { className: "losses", hidden: true });
  view.files = el("span", { className: "files" });
  range.oninput = () => at(view, range.value);
  frame.onpointerdown = (event) => drag(view, event);
  const label = el("figcaption", {}, el("span", { className: "words" }, title, by), el("span", { className: "doing" }, state, bar),
    el("span", { className: "tools" }, view.begin, view.stop, view.zoom, view.full, view.files));
  root.append(el("figure", { className: "stage" }, frame, label), view.error, view.chart);
  at(view, 0);
  return view;
}

function update(view, data) {
  const { words } = data;
  view.data = data;
  swap(view.before, data.before);
  swap(view.after, data.after || data.before);
  view.sheet.style.setProperty("--ratio", `${data.size[0]} / ${data.size[1]}`);
  view.sheet.style.setProperty("--wide", data.size[0] / data.size[1]);
  view.after.alt = data.label.title;
  view.before.alt = words.before;
  view.range.setAttribute("aria-label", words.compare);
  play(view, data.file);
  view.range.hidden = view.line.hidden = !data.after || !!data.file;
  view.title.textContent = data.label.title;
  view.by.textContent = data.label.by;
  view.state.textContent = data.progress ? data.progress.text : "";
  view.bar.hidden = !data.progress;
  view.bar.firstChild.style.width = `${100 * (data.progress?.share || 0)}%`;
  view.begin.hidden = !data.begin || data.busy;
  view.stop.hidden = !data.busy || !data.progress;
  view.begin.textContent = words.begin;
  view.stop.textContent = words.stop;
  view.full.textContent = words.full;
  view.zoom.textContent = view.root.classList.contains("whole") ? words.fit : words.whole;
  view.error.hidden = !data.error;
  view.error.textContent = data.error;
  chart(view, data.losses);
  if (JSON.stringify(data.take) !== view.taken) showTake(view, data.take);
}

/** A film, or a page with a mesh, in place of the picture. */
function play(view, file) {
  if (view.player.src === (file ? file.src : "")) return;
  view.player.src = file ? file.src : "";
  const shown = !file ? null : file.kind === ".html" ? el("iframe", { src: file.src, title: view.data.label.title, sandbox: "allow-scripts" })
    : el("video", { src: file.src, controls: true, loop: true, autoplay: true, muted: true, playsInline: true });
  view.player.replaceChildren(...(shown ? [shown] : []));
}

function at(view, share) {
  view.range.value = share;
  view.sheet.style.setProperty("--at", `${share}%`);
}

function drag(view, event) {
  if (event.button || view.range.hidden || event.target === view.range) return;
  if (view.root.classList.contains("whole")) return pan(view, event);
  event.preventDefault();
  view.range.focus({ preventScroll: true });
  const move = (each) => {
    const box = view.sheet.getBoundingClientRect();
    at(view, Math.max(0, Math.min(100, (100 * (each.clientX - box.left)) / box.width)));
  };
  follow(view, event, move);
  move(event);
}

function pan(view, event) {
  event.preventDefault();
  const from = { x: event.clientX + view.frame.scrollLeft, y: event.clientY + view.frame.scrollTop };
  follow(view, event, (each) => view.frame.scrollTo(from.x - each.clientX, from.y - each.clientY));
}

function follow(view, event, move) {
  view.frame.setPointerCapture(event.pointerId);
  const end = () => {
    view.frame.removeEventListener("pointermove", move);
    view.frame.removeEventListener("pointerup", end);
    view.frame.removeEventListener("pointercancel", end);
  };
  view.frame.addEventListener("pointermove", move);
  view.frame.addEventListener("pointerup", end);
  view.frame.addEventListener("pointercancel", end);
}

/** At 100 % a pixel of the picture is a pixel of the screen. */
function zoom(view, whole) {
  view.root.classList.toggle("whole", whole);
  view.sheet.style.setProperty("--width", `${view.after.naturalWidth / devicePixelRatio}px`);
  view.zoom.textContent = whole ? view.data.words.fit : view.data.words.whole;
  view.frame.tabIndex = whole ? 0 : -1;
  if (whole) view.frame.scrollTo((view.frame.scrollWidth - view.frame.clientWidth) / 2, (view.frame.scrollHeight - view.frame.clientHeight) / 2);
}

function chart(view, losses) {
  const names = losses.length ? Object.keys(losses[losses.length - 1]).slice(0, 4) : [];
  view.chart.hidden = losses.length < 3;
  if (view.chart.hidden) return;
  const values = losses.flatMap((each) => names.map((name) => each[name])).filter((each) => each > 0);
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  const y = (value) => 58 - (54 * (Math.log(Math.max(value, 1e-12)) - low)) / (high - low || 1);
  const lines = names.map((name, which) => {
    const points = losses.map((each, index) => (each[name] > 0 ? `${(300 * index) / (losses.length - 1)},${y(each[name]).toFixed(1)}` : "")).join(" ");
    return `<polyline class="c${which}" points="${points}"/>`;
  });
  const keys = names.map((name, which) => `<span class="c${which}">${name.replace(/[^\w ]/g, " ")}</span>`).join("");
  view.chart.innerHTML = `<svg viewBox="0 0 300 60" preserveAspectRatio="none" role="img"></svg><p>${keys}</p>`;
  view.chart.firstChild.innerHTML = lines.join("");
  view.chart.firstChild.setAttribute("aria-label", view.data.words.loss);
}

/** What is taken away most: the file, and the picture for other programs of this machine. */
function showTake(view, take) {
  view.taken = JSON.stringify(take);
  view.files.replaceChildren();
  if (!take) return;
  const { words } = view.data;
  const said = el("span", { className: "said", role: "status" });
  view.files.append(said, el("button", { type: "button", className: "quiet", onclick: () => share(take.files[0], said, words) }, words.share),
    el("a", { href: take.files[0].href, download: "", className: "loud" }, words.download));
}

/** Share the picture where the browser can, else copy it. */
async function share(file, said, words) {
  try {
    const blob = await (await fetch(file.href)).blob();
    const picture = new File([blob], decodeURIComponent(file.href.split("/").pop()), { type: blob.type });
    if (navigator.canShare?.({ files: [picture] })) await navigator.share({ files: [picture] });
    else {
      await navigator.clipboard.write([new ClipboardItem({ [blob.type]: blob })]);
      said.textContent = words.copied;
      setTimeout(() => { said.textContent = ""; }, 2000);
    }
  } catch (error) {
    if (error.name !== "AbortError") said.textContent = words.noshare;
  }
}
