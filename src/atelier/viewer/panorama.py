"""A page in which one can look around in a panorama."""

from __future__ import annotations

import html

from atelier.viewer.page import data_url, page

SCRIPT = """\
import * as THREE from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";

const canvas = document.getElementById("view");
const renderer = new THREE.WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });
renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
const scene = new THREE.Scene();
const camera = new THREE.PerspectiveCamera(75, 1, 0.1, 100);
camera.position.set(0, 0, 0.01);
const controls = new OrbitControls(camera, canvas);
controls.enableZoom = false;
controls.enablePan = false;
controls.enableDamping = true;
controls.rotateSpeed = -0.4;
controls.autoRotate = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
controls.autoRotateSpeed = 0.4;
controls.addEventListener("start", () => { controls.autoRotate = false; });
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  camera.fov = Math.min(100, Math.max(25, camera.fov + event.deltaY * 0.05));
  camera.updateProjectionMatrix();
}, { passive: false });
canvas.addEventListener("keydown", (event) => {
  const turn = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
  if (!turn) return;
  event.preventDefault();
  controls.autoRotate = false;
  const place = new THREE.Spherical().setFromVector3(camera.position);
  place.theta += turn[0];
  place.phi = Math.min(Math.PI - 0.05, Math.max(0.05, place.phi - turn[1]));
  camera.position.setFromSpherical(place);
});

function resize() {
  const { clientWidth: width, clientHeight: height } = canvas;
  renderer.setSize(width, height, false);
  camera.aspect = width / Math.max(1, height);
  camera.updateProjectionMatrix();
}
window.addEventListener("resize", resize);

const picture = new Image();
picture.onload = () => {
  const texture = new THREE.Texture(picture);
  texture.colorSpace = THREE.SRGBColorSpace;
  texture.needsUpdate = true;
  const ball = new THREE.SphereGeometry(10, 96, 64);
  ball.scale(-1, 1, 1);
  ball.rotateY(-Math.PI / 2);
  scene.add(new THREE.Mesh(ball, new THREE.MeshBasicMaterial({ map: texture })));
  controls.update();
  resize();
  document.documentElement.dataset.ready = "true";
  renderer.setAnimationLoop(() => { controls.update(); renderer.render(scene, camera); });
};
picture.onerror = () => { document.getElementById("told").textContent = "The panorama cannot be shown"; };
picture.src = document.getElementById("panorama").dataset.source;
"""
BODY = """\
<style>
  html, body { margin: 0; height: 100%; background: #111; font: 15px/1.4 system-ui, sans-serif; color: #eee; }
  canvas { display: block; width: 100%; height: 100%; touch-action: none; }
  #told { position: fixed; left: 1rem; bottom: 0.8rem; margin: 0; text-shadow: 0 0 4px #000; }
</style>
<canvas id="view" aria-label="TITLE, a painted panorama: drag or use the arrow keys to look around" tabindex="0"></canvas>
<p id="told">TITLE: drag to look around, scroll to come closer</p>
<div id="panorama" data-source="SOURCE" hidden></div>
"""
MODULES = ("three", "three/addons/controls/OrbitControls.js")


def panorama_page(title: str, jpeg: bytes) -> str:
    """Make a page of one file in which one looks around. jpeg: an equirectangular picture."""
    body = BODY.replace("TITLE", html.escape(title)).replace("SOURCE", data_url(jpeg, "image/jpeg"))
    return page(title, body, SCRIPT, {}, MODULES)
