// Starts the engine's WebAssembly in this worker; a start that fails is told to the page in words.
try {
  const { default: init } = await import(new URL("./worker.js", import.meta.url).href);
  await init({ module_or_path: new URL("./worker_bg.wasm", import.meta.url) });
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  postMessage(JSON.stringify({ type: "crashed", message: `The engine could not start: ${why}` }));
}
