// A room by WebXR: the thing stands where it is put, and what the device's camera sees is painted behind it, where the page may see that.

const SIDE = 256; // long side at which the camera is painted, px

export class Room {
  /** paint: takes an ImageData and gives the painted one, { width, height, bytes }. left: called when the session ends. */
  constructor({ THREE, renderer, scene, place, paint, told, left }) {
    Object.assign(this, { THREE, renderer, scene, place, paint, told, ended: left, session: null, hits: null, placed: false, busy: false });
    this.mark = new THREE.Mesh(new THREE.RingGeometry(0.06, 0.075, 40).rotateX(-Math.PI / 2), new THREE.MeshBasicMaterial({ color: 0xffffff }));
    this.mark.matrixAutoUpdate = false;
    this.mark.visible = false;
    scene.add(this.mark);
    this.behind = this.makeBehind();
    scene.add(this.behind);
  }

  async there() {
    return (await navigator.xr?.isSessionSupported("immersive-ar").catch(() => false)) ?? false;
  }

  async enter() {
    const session = await navigator.xr.requestSession("immersive-ar", {
      requiredFeatures: ["local"], optionalFeatures: ["hit-test", "camera-access", "dom-overlay"], domOverlay: { root: document.body },
    });
    Object.assign(this, { session, placed: false, before: this.place.matrix.clone() });
    session.addEventListener("end", () => this.left());
    session.addEventListener("select", () => this.put());
    this.renderer.xr.setReferenceSpaceType("local");
    await this.renderer.xr.setSession(session);
    document.body.dataset.state = "live";
    document.body.dataset.room = "in";
    const viewer = await session.requestReferenceSpace("viewer");
    this.hits = (await session.requestHitTestSource?.({ space: viewer }).catch(() => null)) ?? null;
    this.told(this.hits ? "Look at a floor or a table, and tap" : "Tap to put it in front of you");
  }

  left() {
    Object.assign(this, { session: null, hits: null });
    this.mark.visible = this.behind.visible = false;
    this.before.decompose(this.place.position, this.place.quaternion, this.place.scale);
    delete document.body.dataset.room;
    delete document.body.dataset.state;
    this.told("");
    this.ended();
  }

  /** Each frame of the session. */
  step(frame) {
    const space = this.renderer.xr.getReferenceSpace();
    const pose = frame.getViewerPose(space);
    if (!pose) return;
    this.pose = pose;
    const [hit] = this.hits ? frame.getHitTestResults(this.hits) : [];
    const found = hit?.getPose(space);
    this.mark.visible = Boolean(found);
    if (found) this.mark.matrix.fromArray(found.transform.matrix);
    if (!this.placed) this.put(false);
    this.paintBehind(pose);
  }

  /** Put the thing where the mark is, or a step in front of the viewer. */
  put(forGood = true) {
    if (!this.pose) return;
    if (this.mark.visible) {
      this.place.position.setFromMatrixPosition(this.mark.matrix);
    } else {
      const { position, orientation } = this.pose.transform;
      const ahead = new this.THREE.Vector3(0, -0.15, -0.8).applyQuaternion(new this.THREE.Quaternion(orientation.x, orientation.y, orientation.z, orientation.w));
      this.place.position.set(position.x, position.y, position.z).add(ahead);
    }
    this.placed ||= forGood;
  }

  /** A picture that fills the view behind everything. */
  makeBehind() {
    const { THREE } = this;
    this.canvas = new OffscreenCanvas(2, 2);
    this.texture = new THREE.CanvasTexture(this.canvas);
    this.texture.colorSpace = THREE.SRGBColorSpace;
    const material = new THREE.ShaderMaterial({
      uniforms: { picture: { value: this.texture } },
      vertexShader: "varying vec2 at; void main() { at = uv; gl_Position = vec4(position.xy, 1.0, 1.0); }",
      fragmentShader: "uniform sampler2D picture; varying vec2 at; void main() { gl_FragColor = texture2D(picture, at); #include <colorspace_fragment>\n}",
      depthTest: false, depthWrite: false,
    });
    const mesh = new THREE.Mesh(new THREE.PlaneGeometry(2, 2), material);
    mesh.frustumCulled = false;
    mesh.renderOrder = -1;
    mesh.visible = false;
    return mesh;
  }

  /** Where the session lets the page see its camera: that picture, painted, behind the thing. One is painted at a time. */
  async paintBehind(pose) {
    const view = pose.views.find((each) => each.camera);
    if (!view || this.busy) return;
    this.busy = true;
    try {
      const { width, height, bytes } = await this.paint(this.see(view.camera));
      if (!this.session) return;
      Object.assign(this.canvas, { width, height });
      this.canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(bytes), width, height), 0, 0);
      this.texture.dispose(); // its size may be another
      this.texture.needsUpdate = true;
      this.behind.visible = true;
    } finally {
      this.busy = false;
    }
  }

  /** The camera's picture of this frame, small, as ImageData. */
  see(camera) {
    const gl = this.renderer.getContext();
    this.binding ??= new XRWebGLBinding(this.session, gl);
    const share = Math.min(1, SIDE / Math.max(camera.width, camera.height));
    const width = Math.round(camera.width * share), height = Math.round(camera.height * share);
    const [from, to] = [gl.createFramebuffer(), gl.createFramebuffer()];
    const small = gl.createRenderbuffer();
    gl.bindRenderbuffer(gl.RENDERBUFFER, small);
    gl.renderbufferStorage(gl.RENDERBUFFER, gl.RGBA8, width, height);
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, from);
    gl.framebufferTexture2D(gl.READ_FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.binding.getCameraImage(camera), 0);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, to);
    gl.framebufferRenderbuffer(gl.DRAW_FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.RENDERBUFFER, small);
    gl.blitFramebuffer(0, 0, camera.width, camera.height, 0, height, width, 0, gl.COLOR_BUFFER_BIT, gl.LINEAR); // upright
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, to);
    const image = new ImageData(width, height);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(image.data.buffer));
    for (const each of [from, to]) gl.deleteFramebuffer(each);
    gl.deleteRenderbuffer(small);
    this.renderer.resetState();
    return image;
  }
}
