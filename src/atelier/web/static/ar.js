// The painted camera behind a placed thing: in a room by WebXR where there is that, else laid over the camera's picture.

import * as THREE from "three";
import { Client } from "./client.js";
import { Live } from "./live.js";
import { Room } from "./room.js";
import { loadThing, makeThing } from "./things.js";

const SIDE = 256; // long side at which the camera is painted, px
const $ = (id) => document.getElementById(id);

const client = new Client();
const live = new Live({ client, video: $("video"), canvas: $("painted"), wanted, show, fail: told });
const renderer = new THREE.WebGLRenderer({ canvas: $("scene"), alpha: true, antialias: true });
const scene = new THREE.Scene();
const camera = new THREE.PerspectiveCamera(50, 1, 0.05, 50);
const place = new THREE.Group(); // where the thing is
const shadow = new THREE.Mesh(new THREE.CircleGeometry(0.19, 48), new THREE.ShadowMaterial({ opacity: 0.4 }));
const room = new Room({ THREE, renderer, scene, place, left: () => (stale = true), paint: (image) => client.ask("frame", { ...wanted(), image, key: `room ${$("style").value}` }), told });
let swatches = new Map();
let stale = true; // whether the thing is to be drawn anew

function wanted() {
  return { wanted: [{ style: $("style").value, weight: 1 }], strength: 1 };
}

function told(error) {
  $("status").textContent = error.message ?? String(error);
  $("status").classList.toggle("bad", error instanceof Error);
}

function show({ width, height, bytes }, rate) {
  const canvas = $("painted");
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(bytes), width, height), 0, 0);
  document.body.dataset.state = "live";
  if (rate) told(`${rate.toFixed(1)} frames a second`);
}

function build() {
  renderer.setPixelRatio(Math.min(2, devicePixelRatio));
  renderer.shadowMap.enabled = true;
  renderer.toneMapping = THREE.ACESFilmicToneMapping;
  renderer.xr.enabled = true;
  const sun = new THREE.DirectionalLight(0xfff2dd, 2.6);
  sun.position.set(0.8, 2.2, 1.2);
  sun.castShadow = true;
  sun.shadow.radius = 6;
  Object.assign(sun.shadow.camera, { left: -0.5, right: 0.5, top: 0.5, bottom: -0.5, near: 0.5, far: 5 });
  sun.shadow.mapSize.set(1024, 1024);
  scene.add(new THREE.HemisphereLight(0xdfe8f5, 0x5a4a38, 1.5), sun, place);
  place.add(sun.target);
  shadow.rotation.x = -Math.PI / 2;
  shadow.receiveShadow = true;
  shadow.scale.setScalar(2);
  place.add(shadow);
  place.position.set(0, -0.16, 0);
  camera.position.set(0, 0.12, 0.85);
  camera.lookAt(0, 0, 0);
  new ResizeObserver(resized).observe(document.body);
  renderer.setAnimationLoop((time, frame) => {
    if (frame) room.step(frame);
    else if (!stale) return;
    renderer.render(scene, camera);
    stale = false;
  });
}

function resized() {
  if (renderer.xr.isPresenting) return;
  renderer.setSize(innerWidth, innerHeight, false);
  camera.aspect = innerWidth / innerHeight;
  camera.updateProjectionMatrix();
  stale = true;
}

/** Put another thing in the old one's place. file: a model of the user's. */
async function change(file) {
  try {
    const thing = file ? await loadThing(THREE, file) : makeThing(THREE, $("thing").value, swatches.get($("style").value));
    for (const old of place.children.filter((each) => each.userData.thing)) place.remove(old);
    thing.userData.thing = true;
    thing.traverse((each) => (each.castShadow = true));
    place.add(thing);
    stale = true;
  } catch (error) {
    told(error);
  }
}

/** Move, scale and turn it, by finger, mouse, wheel or keyboard. */
function handle() {
  const fingers = new Map();
  const surface = $("scene");
  const spread = () => {
    const [a, b] = [...fingers.values()];
    return { size: Math.hypot(a.x - b.x, a.y - b.y), angle: Math.atan2(b.y - a.y, b.x - a.x) };
  };
  let before = null;
  surface.onpointerdown = (event) => {
    surface.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    before = fingers.size === 2 ? spread() : null;
  };
  surface.onpointermove = (event) => {
    const finger = fingers.get(event.pointerId);
    if (!finger) return;
    stale = true;
    const [dx, dy] = [event.clientX - finger.x, event.clientY - finger.y];
    Object.assign(finger, { x: event.clientX, y: event.clientY });
    if (fingers.size === 2) {
      const now = spread();
      if (before) [place.rotation.y, place.scale] = [place.rotation.y - (now.angle - before.angle), place.scale.multiplyScalar(now.size / before.size)];
      before = now;
    } else if (event.shiftKey) turn(dx / 120);
    else move(dx, dy);
  };
  surface.onpointerup = surface.onpointercancel = (event) => {
    fingers.delete(event.pointerId);
    before = null;
  };
  surface.addEventListener("wheel", (event) => {
    event.preventDefault();
    scale(Math.exp(-event.deltaY / 600));
  }, { passive: false });
  surface.onkeydown = ({ key }) => ({
    ArrowLeft: () => move(-20, 0), ArrowRight: () => move(20, 0), ArrowUp: () => move(0, -20), ArrowDown: () => move(0, 20),
    "+": () => scale(1.1), "-": () => scale(1 / 1.1), r: () => turn(0.2),
  })[key]?.();
}

/** px of the screen to the plane in which the thing stands. */
function move(dx, dy) {
  stale = true;
  const distance = camera.position.distanceTo(place.position);
  const step = (2 * distance * Math.tan(THREE.MathUtils.degToRad(camera.fov / 2))) / innerHeight;
  place.position.x += dx * step;
  place.position.y -= dy * step;
}

function turn(by) {
  stale = true;
  place.rotation.y += by;
}

function scale(by) {
  stale = true;
  place.scale.multiplyScalar(by).clampScalar(0.2, 6);
}

async function begun() {
  await window.isolated;
  build();
  handle();
  const found = await client.ask("settle", { backend: "auto", threads: 0 });
  swatches = new Map(await Promise.all(found.styles.map(async ({ name, swatch }) => [name, swatch && (await createImageBitmap(new Blob([swatch]), { imageOrientation: "flipY" }))])));
  for (const { name, title } of found.styles) $("style").add(new Option(title, name));
  const asked = new URLSearchParams(location.hash.slice(1)).get("style")?.split(/[,:]/)[0];
  if (swatches.has(asked)) $("style").value = asked;
  await change();
  $("style").onchange = () => {
    live.changed();
    change();
  };
  $("thing").onchange = () => ($("thing").value === "file" ? $("file").click() : change());
  $("file").onchange = ({ target }) => target.files[0] && change(target.files[0]);
  $("begin").onclick = async () => {
    live.side = SIDE;
    await live.camera().catch(told);
  };
  if (await room.there()) {
    $("enter").hidden = false;
    $("enter").onclick = async () => {
      live.stop();
      await room.enter().catch(told);
    };
  }
  Object.assign(document.body.dataset, { ready: "yes" });
  window.atelier = { place, room, renderer }; // for tests, and the curious
}

begun().catch(told);
