// Starts the engine's WebAssembly in this worker. The page is told how much of it has been downloaded, and in words
// why a start failed.
const tell = (reply) => postMessage(JSON.stringify(reply));

// Counts a response's bytes as they pass. `Content-Length` counts compressed bytes, so the total is known only for a
// response that is not compressed.
const counted = (response) => {
  const total = response.headers.get("Content-Encoding") ? 0 : Number(response.headers.get("Content-Length") ?? 0);
  let done = 0;
  let told = 0;
  const count = new TransformStream({
    transform(chunk, controller) {
      done += chunk.byteLength;
      const now = performance.now();
      if (now - told > 100 || done === total) {
        told = now;
        tell({ starting: { done, total } });
      }
      controller.enqueue(chunk);
    },
  });
  return new Response(response.body.pipeThrough(count), { headers: response.headers });
};

try {
  const wasm = new URL("./worker_bg.wasm", import.meta.url);
  const script = new URL("./worker.js", import.meta.url);
  const [response, { default: init }] = await Promise.all([fetch(wasm), import(script.href)]);
  if (!response.ok) throw new Error(`${wasm.pathname}: the server answered ${response.status}`);
  await init({ module_or_path: counted(response) });
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  tell({ crashed: { message: `The engine could not start: ${why}` } });
}
