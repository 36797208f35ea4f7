// Where pictures come in: chosen, dropped anywhere, pasted, or photographed.
import { el, keyed, viewOf } from "./dom.js";

export default function (component) {
  const view = viewOf(component, build);
  const { words } = (view.data = component.data);
  view.choose.textContent = words.choose;
  view.camera.textContent = words.camera;
  view.paste.textContent = words.paste;
  view.hint.textContent = words.samples;
  view.veil.textContent = words.drop;
  view.file.setAttribute("aria-label", words.choose);
  keyed(view.samples, component.data.samples.map((each) => ({ ...each, key: each.name })), (each) =>
    el("button", { type: "button", className: "sample", title: each.title, "aria-label": each.title, onclick: () => view.tell("sample", each.name) },
      el("img", { src: `/studio/web/samples/${each.name}`, alt: "" })), () => {});
}

function build(root, tell) {
  const file = el("input", { type: "file", accept: "image/*,video/*,.heic,.jxl,.avif,.tif,.tiff,.glb,.obj,.ply,.stl", className: "hidden", tabIndex: -1 });
  file.setAttribute("aria-hidden", "true");
  const view = { tell, file };
  view.choose = el("button", { type: "button", className: "loud choose", onclick: () => file.click() });
  view.camera = el("button", { type: "button", className: "quiet", onclick: () => photograph(view) });
  view.paste = el("button", { type: "button", className: "quiet", onclick: () => paste(view) });
  view.hint = el("span", { className: "hint" });
  view.samples = el("span", { className: "samples" });
  view.said = el("p", { className: "error", role: "alert", hidden: true });
  view.state = el("span", { className: "state", role: "status" });
  view.veil = el("div", { className: "veil", hidden: true });
  root.append(el("div", { className: "door" }, view.choose, view.camera, view.paste, file, view.state, view.hint, view.samples), view.said);
  document.body.append(view.veil);
  file.onchange = () => { if (file.files[0]) take(view, file.files[0]); file.value = ""; };
  listen(view);
  return view;
}

function listen(view) {
  const holds = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  window.addEventListener("dragover", (event) => { if (holds(event)) { event.preventDefault(); view.veil.hidden = false; } });
  window.addEventListener("dragleave", (event) => { if (!event.relatedTarget) view.veil.hidden = true; });
  window.addEventListener("drop", (event) => {
    view.veil.hidden = true;
    if (!holds(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files[0]) take(view, event.dataTransfer.files[0]);
  });
  window.addEventListener("paste", (event) => {
    const file = [...(event.clipboardData?.files || [])].find((each) => each.type.startsWith("image/"));
    if (file) take(view, file);
  });
}

/** Send a file, and tell that it came. */
async function take(view, file) {
  const { words, tab, limit } = view.data;
  const film = file.type.startsWith("video/");
  const mesh = /\.(glb|gltf|obj|ply|stl)$/i.test(file.name);
  const refuse = (text) => { view.said.textContent = text; view.said.hidden = false; };
  view.said.hidden = true;
  if (!film && !mesh && file.size > limit * 2 ** 20) return refuse(words.large.replace("{limit}", limit));
  view.state.textContent = words.reading;
  try {
    const name = encodeURIComponent(file.name || "pasted.png");
    const answer = await fetch(`/studio/take/${tab}/${name}?as=${film ? "film" : mesh ? "mesh" : "photo"}`, { method: "POST", body: file });
    const told = await answer.json();
    if (answer.ok) view.tell("came", told.name);
    else refuse(answer.status === 413 ? words.large.replace("{limit}", told.limit) : told.error);
  } catch {
    refuse(words.failed);
  } finally {
    view.state.textContent = "";
  }
}

async function paste(view) {
  const refuse = (text) => { view.said.textContent = text; view.said.hidden = false; };
  try {
    for (const item of await navigator.clipboard.read()) {
      const kind = item.types.find((each) => each.startsWith("image/"));
      if (kind) return take(view, new File([await item.getType(kind)], `pasted.${kind.split("/")[1]}`, { type: kind }));
    }
    refuse(view.data.words.nothing);
  } catch {
    refuse(view.data.words.nothing);
  }
}

/** Photograph with the camera, in a dialog. */
async function photograph(view) {
  const { words } = view.data;
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1920 } } });
  } catch {
    view.said.textContent = words.nocamera;
    view.said.hidden = false;
    return;
  }
  const video = el("video", { autoplay: true, muted: true, playsInline: true, srcObject: stream });
  const dialog = el("dialog", { className: "camera" });
  const close = () => { stream.getTracks().forEach((track) => track.stop()); dialog.remove(); };
  const shoot = () => {
    const canvas = el("canvas", { width: video.videoWidth, height: video.videoHeight });
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((blob) => take(view, new File([blob], "camera.jpg", { type: "image/jpeg" })), "image/jpeg", 0.95);
    dialog.close();
  };
  dialog.onclose = close;
  dialog.append(video, el("div", { className: "row" }, el("button", { type: "button", className: "loud", onclick: shoot }, words.take),
    el("button", { type: "button", className: "quiet", onclick: () => dialog.close() }, words.close)));
  document.body.append(dialog);
  dialog.showModal();
}
