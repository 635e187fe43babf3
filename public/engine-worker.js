// Starts the engine's WebAssembly in this worker. Tells the page how much of it has been downloaded, and
// why a start failed.
const send = (reply) => postMessage(JSON.stringify({ engine: reply }));

// Counts a response's bytes as they pass. `Content-Length` counts compressed bytes, so the total is known only for a
// response that is not compressed.
const counted = (response) => {
  const total = response.headers.get("Content-Encoding") ? 0 : Number(response.headers.get("Content-Length") ?? 0);
  let done = 0;
  let sentAt = 0;
  const count = new TransformStream({
    transform(chunk, controller) {
      done += chunk.byteLength;
      const now = performance.now();
      if (now - sentAt > 100 || done === total) {
        sentAt = now;
        send({ starting: { done, total } });
      }
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(count), { headers: response.headers });
};

// The engine looks for its other files beside this script. `location` would be another address if the worker was started
// from a blob.
globalThis.engineScript = import.meta.url;

try {
  const wasm = new URL("./worker_bg.wasm", import.meta.url);
  const script = new URL("./worker.js", import.meta.url);
  const [response, { default: init }] = await Promise.all([fetch(wasm), import(script.href)]);
  if (!response.ok) throw new Error(`${wasm.pathname}: the server answered ${response.status}`);
  await init({ module_or_path: counted(response) });
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  send({ crashed: { message: `The engine could not start: ${why}` } });
}
