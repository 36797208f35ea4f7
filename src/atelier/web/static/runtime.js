// ONNX Runtime, as it can be had here: on the graphics processor (WebGPU) where there is one, else on the processor (WebAssembly, with
// threads where the page is isolated).

const MOST_THREADS = 4; // more wait for each other

/** Whether this browser lets WebAssembly wait for promises, which the file with WebGPU in it needs. */
export function suspends() {
  return "Suspending" in WebAssembly;
}

/** page: what page.json says. backend: auto, webgpu or wasm. threads: 0 for what there is. plain: the file without WebGPU. */
export async function openRuntime(page, { backend = "auto", threads = 0, plain = false }) {
  const kind = suspends() && !plain ? "webgpu" : "wasm";
  const files = page.runtime[kind];
  const ort = await import(new URL(files.module, self.location).href);
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = self.crossOriginIsolated ? threads || Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
  ort.env.wasm.wasmPaths = { mjs: new URL(files.glue, self.location).href, wasm: new URL(files.wasm, self.location).href };
  const chosen = kind === "webgpu" && (backend === "webgpu" || (backend === "auto" && (await hasGraphics()))) ? "webgpu" : "wasm";
  return {
    backend: chosen,
    threads: ort.env.wasm.numThreads,
    async open(path) {
      const response = await fetch(path);
      if (!response.ok) throw new Error(`${path} could not be loaded (${response.status})`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      return wrapped(ort, await ort.InferenceSession.create(bytes, { executionProviders: [chosen], graphOptimizationLevel: "all" }));
    },
  };
}

/** Whether there is a graphics processor, and not a program that plays one. */
async function hasGraphics() {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" }).catch(() => null);
  const about = adapter?.info;
  return Boolean(adapter) && !adapter.isFallbackAdapter && !about?.isFallbackAdapter && !/swiftshader|llvmpipe/i.test(`${about?.architecture} ${about?.description}`);
}

function wrapped(ort, session) {
  return {
    async run(feeds) {
      const given = {};
      for (const [name, { dims, data }] of Object.entries(feeds)) given[name] = new ort.Tensor("float32", data, dims);
      const found = await session.run(given);
      return Object.fromEntries(Object.entries(found).map(([name, { dims, data }]) => [name, { dims, data }]));
    },
  };
}
