// Starts the page's WebAssembly. A file of its own, because the page's policy forbids inline scripts. Trunk puts the
// addresses of the script and of the WebAssembly on this script's element (`pattern_script` in Trunk.toml).
const { script, wasm } = document.querySelector("script[data-wasm]").dataset;
const { default: init } = await import(script);
await init({ module_or_path: wasm });
