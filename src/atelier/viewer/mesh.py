"""A page that shows a mesh, to be turned by hand."""

from __future__ import annotations

import html

from atelier.viewer.page import page

SCRIPT = """\
import * as THREE from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";

const canvas = document.getElementById("view");
const renderer = new THREE.WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });
renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
const scene = new THREE.Scene();
scene.background = new THREE.Color(0xf0f0ee);
scene.add(new THREE.AmbientLight(0xffffff, 0.8));
const lamp = new THREE.DirectionalLight(0xffffff, 2.6);
const camera = new THREE.PerspectiveCamera(30, 1, 0.01, 100);
scene.add(camera);
camera.add(lamp);
lamp.position.set(-1, 1.2, 1);
const controls = new OrbitControls(camera, canvas);
controls.enableDamping = true;
controls.autoRotate = !window.matchMedia("(prefers-reduced-motion: reduce)").matches;
controls.autoRotateSpeed = 1.5;
controls.addEventListener("start", () => { controls.autoRotate = false; });

function resize() {
  const { clientWidth: width, clientHeight: height } = canvas;
  renderer.setSize(width, height, false);
  camera.aspect = width / Math.max(1, height);
  camera.updateProjectionMatrix();
}
window.addEventListener("resize", resize);

new GLTFLoader().parse(atelierData("mesh").buffer, "", ({ scene: model }) => {
  if (UP === 2) model.rotation.x = -Math.PI / 2;
  const holder = new THREE.Group();
  holder.add(model);
  const box = new THREE.Box3().setFromObject(holder);
  const size = box.getSize(new THREE.Vector3()).length() || 1;
  holder.scale.setScalar(2 / size);
  holder.position.copy(box.getCenter(new THREE.Vector3())).multiplyScalar(-2 / size);
  scene.add(holder);
  camera.position.set(1.4, 0.9, 3.6);
  controls.update();
  resize();
  document.documentElement.dataset.ready = "true";
  renderer.setAnimationLoop(() => { controls.update(); renderer.render(scene, camera); });
}, (error) => {
  document.getElementById("told").textContent = "The mesh cannot be shown: " + error;
});
"""
BODY = """\
<style>
  html, body { margin: 0; height: 100%; background: #f0f0ee; font: 15px/1.4 system-ui, sans-serif; color: #333; }
  canvas { display: block; width: 100%; height: 100%; touch-action: none; }
  #told { position: fixed; left: 1rem; bottom: 0.8rem; margin: 0; }
</style>
<canvas id="view" aria-label="TITLE, a painted mesh: drag to turn it" tabindex="0"></canvas>
<p id="told">TITLE: drag to turn, scroll to come closer</p>
"""
MODULES = ("three", "three/addons/controls/OrbitControls.js", "three/addons/loaders/GLTFLoader.js")


def mesh_page(title: str, glb: bytes, up: int = 1) -> str:
    """Make a page of one file that shows a GLB. up: 1 where y is up in it, 2 where z is."""
    script = f"const UP = {up};\n{SCRIPT}"
    return page(title, BODY.replace("TITLE", html.escape(title)), script, {"mesh": glb}, MODULES)
