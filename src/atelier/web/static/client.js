// The page's side of the worker: questions with answers.

export class Stopped extends Error {}

export class Client {
  constructor() {
    this.worker = new Worker("worker.js", { type: "module" });
    this.waiting = new Map();
    this.last = 0;
    this.worker.onmessage = ({ data }) => this.answer(data);
    this.worker.onerror = (event) => this.fail(event.message || "the painter could not be started");
  }

  /** Ask for work: kind and what it takes. tell: called with what is told on the way. Throws Stopped where it was given up. */
  ask(kind, given = {}, { transfer = [], tell = () => {} } = {}) {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject, tell });
      this.worker.postMessage({ ...given, id, kind }, transfer);
    });
  }

  stop(...kinds) {
    this.worker.postMessage({ kind: "stop", kinds });
  }

  answer({ id, told, value, stopped, error }) {
    const job = this.waiting.get(id);
    if (!job) return;
    if (told !== undefined) return job.tell(told);
    this.waiting.delete(id);
    if (stopped) job.reject(new Stopped());
    else if (error !== undefined) job.reject(new Error(error));
    else job.resolve(value);
  }

  fail(message) {
    for (const { reject } of this.waiting.values()) reject(new Error(message));
    this.waiting.clear();
  }
}
