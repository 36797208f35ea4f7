// The page: what is to be painted, how, and the picture.

import { Client, Stopped } from "./client.js";
import { Gallery } from "./gallery.js";
import { Live } from "./live.js";
import { commandLine, readPicture, savePicture, sharePicture } from "./files.js";

const PREVIEW = 384, THUMBNAIL = 144; // long sides, px
const $ = (id) => document.getElementById(id);
const asked = new URLSearchParams(location.search);

const client = new Client();
const gallery = new Gallery($("styles"), { onChoice: changed, onPainting: () => $("file-painting").click() });
const live = new Live({ client, video: $("video"), canvas: $("painted"), wanted, show: showFrame, fail: told });
let photo = null; // { bitmap, name }
let paints = 0;

// Saying how it goes -------------------------------------------------------------------------------------------------------

function told(error) {
  if (error instanceof Stopped) return;
  say(error.message ?? String(error), true);
}

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

function busy(on) {
  $("progress").hidden = !on;
  $("stage").setAttribute("aria-busy", String(on));
}

// What is wanted -----------------------------------------------------------------------------------------------------------

function wanted() {
  return {
    wanted: gallery.chosen(Number($("blend").value)),
    strength: Number($("strength").value),
    strokes: 2 ** Number($("strokes").value),
    seed: 0,
  };
}

function labels() {
  $("strength").previousElementSibling.querySelector("output").textContent = `${Math.round($("strength").value * 100)} %`;
  const strokes = 2 ** $("strokes").value;
  $("strokes").previousElementSibling.querySelector("output").textContent = strokes === 1 ? "as painted" : `× ${strokes.toFixed(1)}`;
  const names = gallery.names();
  document.querySelector(".blend").hidden = names.length < 2;
  $("blend-names").textContent = names.join(" → ");
}

function remember() {
  const { wanted: styles, strength, strokes } = wanted();
  if (styles.some((each) => each.style === undefined)) return;
  const hash = new URLSearchParams({ style: styles.map(({ style, weight }) => (styles.length > 1 ? `${style}:${weight}` : style)).join(",") });
  if (strength !== 1) hash.set("strength", strength);
  if (strokes !== 1) hash.set("strokes", $("strokes").value);
  if ($("size").value !== "1024") hash.set("size", $("size").value);
  history.replaceState(null, "", `${location.search || location.pathname}#${decodeURIComponent(hash)}`);
}

function recall() {
  const hash = new URLSearchParams(location.hash.slice(1));
  for (const name of ["strength", "strokes", "size"]) if (hash.has(name)) $(name).value = hash.get(name);
  const parts = (hash.get("style") ?? "starry-night").split(",").map((each) => each.split(":"));
  gallery.choose(parts[0][0], parts[1]?.[0]);
  if (parts[1]) $("blend").value = parts[1][1] ?? 0.5;
}

/** A control was moved: the picture follows, small at once, large when it rests. */
function changed() {
  labels();
  remember();
  if (live.on) live.changed();
  else repaint();
}

// Painting a photo ---------------------------------------------------------------------------------------------------------

let resting = 0;

function repaint(wait = 120) {
  if (!photo) return;
  clearTimeout(resting);
  const own = ++paints;
  paint(PREVIEW, own);
  resting = setTimeout(() => paint(Number($("size").value), own, true), wait);
}

async function paint(side, own, last = false) {
  busy(true);
  try {
    const found = await client.ask("paint", { ...wanted(), side });
    if (own !== paints || live.on) return;
    showPainted(found);
    if (last) {
      say(`${found.width} × ${found.height} px in ${(found.ms / 1000).toFixed(1)} s`);
      finished(true);
    }
  } catch (error) {
    told(error);
  } finally {
    if (own === paints && last) busy(false);
  }
}

function showPainted({ width, height, bytes }) {
  draw($("painted"), width, height, bytes);
}

function draw(canvas, width, height, bytes) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(bytes), width, height), 0, 0);
}

function finished(on) {
  for (const name of ["save", "share", "command"]) $(name).disabled = !on;
  document.body.dataset.finished = String(on ? paints : "");
}

/** Open a photo: shown as it is at once, then painted. */
async function openPhoto(blob, name) {
  live.stop();
  finished(false);
  try {
    const { bitmap, image } = await readPicture(blob);
    photo = { name, width: bitmap.width, height: bitmap.height };
    for (const canvas of [$("original"), $("painted")]) {
      [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
    }
    bitmap.close();
    stage("photo", photo.width, photo.height);
    say("Painting …");
    await client.ask("photo", { image }, { transfer: [image.data.buffer] });
    repaint(0);
    paintGallery();
  } catch (error) {
    told(error);
  }
}

function paintGallery() {
  client.ask("gallery", { side: THUMBNAIL }, { tell: (each) => each.name && gallery.show(each) }).then(() => (document.body.dataset.gallery = "painted"), told);
}

async function openPainting(blob, name) {
  try {
    const { bitmap, image } = await readPicture(blob);
    const id = gallery.add(name, bitmap);
    await client.ask("painting", { painting: id, image }, { transfer: [image.data.buffer] });
    gallery.choosePainting(id);
    changed();
  } catch (error) {
    told(error);
  }
}

/** Show the frame in the stage as large as it fits. */
function stage(state, width, height) {
  $("stage").dataset.state = state;
  $("frame").hidden = false;
  $("frame").classList.toggle("live", state !== "photo");
  for (const each of document.querySelectorAll(".still")) each.hidden = state !== "photo";
  for (const each of document.querySelectorAll(".live.control")) each.hidden = state === "photo";
  $("record").hidden = state === "photo" || !("MediaRecorder" in window);
  $("frame").dataset.ratio = width / height;
  fitFrame();
}

function fitFrame() {
  const ratio = Number($("frame").dataset.ratio);
  if (!ratio) return;
  const style = getComputedStyle($("stage"));
  const width = $("stage").clientWidth - 2 * parseFloat(style.paddingLeft), height = $("stage").clientHeight - 2 * parseFloat(style.paddingTop);
  const across = Math.min(width, height * ratio);
  Object.assign($("frame").style, { width: `${across}px`, height: `${across / ratio}px` });
}

// Films and the camera -----------------------------------------------------------------------------------------------------

function showFrame(found, rate) {
  if (found) {
    if ($("stage").dataset.state !== "live" || Math.abs(Number($("frame").dataset.ratio) - found.width / found.height) > 0.01) stage("live", found.width, found.height);
    showPainted(found);
    if (rate) say(`${rate.toFixed(1)} frames a second`);
    if ($("save").disabled) finished(true);
    $("command").disabled = true;
  }
  $("camera").setAttribute("aria-pressed", String(live.kind === "camera"));
}

async function toggleCamera() {
  if (live.kind === "camera") return endLive();
  say("Waiting for the camera …");
  await begin(() => live.camera());
}

async function openFilm(blob) {
  say("Opening …");
  await begin(() => live.film(blob));
}

async function begin(start) {
  finished(false);
  paints++;
  client.stop("paint", "gallery");
  busy(false);
  try {
    live.side = Number($("pace").value);
    await start();
  } catch (error) {
    told(error);
    showFrame(null);
  }
}

function endLive() {
  live.stop();
  showFrame(null);
  say("");
  if (photo) {
    stage("photo", photo.width, photo.height);
    repaint(0);
  } else {
    $("frame").hidden = true;
    $("stage").dataset.state = "empty";
  }
}

// Files in and out ---------------------------------------------------------------------------------------------------------

function open(file) {
  if (!file) return;
  if (file.type.startsWith("video/")) openFilm(file);
  else openPhoto(file, file.name || "photo");
}

function connect() {
  $("open").onclick = $("choose").onclick = () => $("file").click();
  $("sample").onclick = async () => openPhoto(await (await fetch("cat.jpg")).blob(), "cat.jpg");
  for (const [id, take] of [["file", open], ["file-painting", (file) => file && openPainting(file, file.name)]]) {
    $(id).onchange = ({ target }) => {
      take(target.files[0]);
      target.value = "";
    };
  }
  $("camera").onclick = toggleCamera;
  $("save").onclick = () => savePicture($("painted"), photo && !live.on ? photo.name : "camera").catch(told);
  $("share").onclick = () => sharePicture($("painted")).catch(told);
  $("record").onclick = () => live.record($("record")).catch(told);
  $("command").onclick = async () => {
    await navigator.clipboard.writeText(commandLine(photo, { ...wanted(), size: Number($("size").value) }));
    say("The command line is copied");
  };
  for (const id of ["strength", "strokes", "blend", "size"]) $(id).oninput = changed;
  $("pace").oninput = () => (live.side = Number($("pace").value));
  $("compare").oninput = () => $("frame").style.setProperty("--at", `${$("compare").value}%`);
  $("share").hidden = !navigator.canShare?.({ files: [new File([], "a.png", { type: "image/png" })] });
  new ResizeObserver(fitFrame).observe($("stage"));
  dropping();
  keys();
  theme();
}

function dropping() {
  addEventListener("dragover", (event) => {
    event.preventDefault();
    $("stage").classList.add("over");
  });
  addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || $("stage").classList.remove("over"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    $("stage").classList.remove("over");
    const file = event.dataTransfer.files[0];
    if (file && event.target.closest?.("#gallery") && file.type.startsWith("image/")) openPainting(file, file.name);
    else open(file);
  });
  addEventListener("paste", ({ clipboardData }) => open([...clipboardData.files][0]));
}

function keys() {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select, input:not([type=radio]):not([type=range])")) return;
    const act = { o: () => $("file").click(), c: toggleCamera, s: () => $("save").disabled || $("save").click(), p: () => $("file-painting").click() }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

function theme() {
  const root = document.documentElement;
  const set = (name) => (name ? (root.dataset.theme = name) : delete root.dataset.theme);
  set(localStorage.getItem("theme"));
  $("theme").onclick = () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    set(dark ? "light" : "dark");
    localStorage.setItem("theme", root.dataset.theme);
  };
}

// Begin --------------------------------------------------------------------------------------------------------------------

async function keepOffline() {
  const worker = (await navigator.serviceWorker?.ready)?.active;
  if (!worker) return;
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    if (data !== "kept") return;
    $("about").textContent += " Works offline.";
    document.body.dataset.kept = "yes";
  });
  worker.postMessage("keep");
}

async function begun() {
  await window.isolated;
  connect();
  labels();
  const found = await client.ask("settle", {
    backend: asked.get("backend") ?? "auto", threads: Number(asked.get("threads") ?? 0), plain: asked.has("plain"), wait: false,
  });
  gallery.fill(found.styles);
  recall();
  labels();
  const place = found.backend === "webgpu" ? "on the graphics processor" : found.threads > 1 ? `on ${found.threads} threads` : "on one thread";
  $("about").textContent = `Painted on this device, ${place}. Nothing is uploaded.`;
  Object.assign(document.body.dataset, { ready: "yes", backend: found.backend, threads: found.threads });
  keepOffline();
}

begun().catch(told);
