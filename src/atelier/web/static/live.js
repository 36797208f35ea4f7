// Films and the camera, painted while they run: each frame as soon as the one before it is painted.

import { Stopped } from "./client.js";
import { download } from "./files.js";

export class Live {
  /** wanted: gives what is wanted now. show: called with each painted frame and the rate. fail: with what goes wrong. */
  constructor({ client, video, canvas, wanted, show, fail }) {
    Object.assign(this, { client, video, canvas, wanted, show, fail, kind: "", side: 256, run: 0, version: 0 });
    this.still = document.createElement("canvas");
    this.context = this.still.getContext("2d", { willReadFrequently: true });
  }

  get on() {
    return this.kind !== "";
  }

  async camera() {
    this.stop();
    if (!navigator.mediaDevices?.getUserMedia) throw new Error("There is no camera here, or the page is not served over HTTPS");
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 640 }, height: { ideal: 480 } }, audio: false });
    } catch (error) {
      throw new Error(error.name === "NotAllowedError" ? "The camera may not be used: allow it in the browser's settings for this page" : "There is no camera that can be used");
    }
    this.video.srcObject = stream;
    await this.begin("camera");
  }

  async film(blob) {
    this.stop();
    this.video.src = URL.createObjectURL(blob);
    await this.begin("film");
  }

  async begin(kind) {
    try {
      await this.video.play();
    } catch {
      this.stop();
      throw new Error(kind === "film" ? "This is no film that the browser can play" : "The camera gives no picture");
    }
    this.kind = kind;
    this.changed();
    this.loop(++this.run);
  }

  stop() {
    this.run++;
    this.kind = "";
    this.recorder?.stop();
    this.video.pause();
    for (const track of this.video.srcObject?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
    if (this.video.src) {
      URL.revokeObjectURL(this.video.src);
      this.video.removeAttribute("src");
      this.video.load();
    }
  }

  /** Another style or strength: what was kept between frames is of no use. */
  changed() {
    this.version++;
  }

  /** Two frames are on their way at a time, so that the painter need not wait for the page. */
  async loop(run) {
    const times = [];
    const ask = () => this.client.ask("frame", this.grab());
    let next = ask();
    while (run === this.run) {
      try {
        const asked = next;
        next = ask();
        next.catch(() => {}); // it is waited for in the next round
        const found = await asked;
        if (run !== this.run) return;
        times.push(performance.now());
        if (times.length > 12) times.shift();
        const rate = times.length > 3 ? ((times.length - 1) * 1000) / (times.at(-1) - times[0]) : 0;
        this.show(found, rate);
      } catch (error) {
        if (run !== this.run || error instanceof Stopped) return;
        this.fail(error);
        return this.stop();
      }
      await new Promise((resolve) => setTimeout(resolve)); // lets the page draw
    }
  }

  grab() {
    const { videoWidth, videoHeight } = this.video;
    const share = Math.min(1, this.side / Math.max(videoWidth, videoHeight));
    const width = Math.max(1, Math.round(videoWidth * share)), height = Math.max(1, Math.round(videoHeight * share));
    if (this.still.width !== width || this.still.height !== height) [this.still.width, this.still.height] = [width, height];
    this.context.imageSmoothingQuality = "high";
    this.context.drawImage(this.video, 0, 0, width, height);
    const image = this.context.getImageData(0, 0, width, height);
    return { ...this.wanted(), image, key: `${this.version} ${width} ${height}` };
  }

  /** Begin to record what is painted, or end it and save the film. */
  async record(button) {
    if (this.recorder) return this.recorder.stop();
    const kind = ["video/mp4;codecs=avc1", "video/webm;codecs=vp9", "video/webm"].find((each) => MediaRecorder.isTypeSupported(each));
    const recorder = new MediaRecorder(this.canvas.captureStream(), { mimeType: kind, videoBitsPerSecond: 4e6 });
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.onstop = () => {
      this.recorder = null;
      button.setAttribute("aria-pressed", "false");
      button.querySelector("span").textContent = "Record";
      download(new Blob(parts, { type: kind }), `painted.${kind.startsWith("video/mp4") ? "mp4" : "webm"}`);
    };
    recorder.start(500);
    this.recorder = recorder;
    button.setAttribute("aria-pressed", "true");
    button.querySelector("span").textContent = "Stop";
  }
}
