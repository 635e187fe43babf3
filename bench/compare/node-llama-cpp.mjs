// Measures llama.cpp once, through the npm package node-llama-cpp, and prints one line of JSON.
//
//     NODE_LLAMA_CPP=FOLDER node node-llama-cpp.mjs MODEL THREADS PROMPT_TOKENS GEN_TOKENS [BUILD]
//
// FOLDER is the one in which the package was installed. BUILD names the build of llama.cpp's CPU backend to load,
// such as haswell (AVX2); by default llama.cpp takes the best for the machine. `cargo xtask compare` runs this script.
//
// The script calls the package's native context directly: the package's own loop adds queues and copies of its own to
// each token. Two clocks are read: llama.cpp's own, which covers only its evaluations, and performance.now() around
// evaluation and sampling, which also covers the way through JavaScript.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [model, ...numbers] = process.argv.slice(2, 6);
const [threads, promptTokens, genTokens] = numbers.map(Number);
const build = process.argv[6];
const require = createRequire(path.join(process.env.NODE_LLAMA_CPP, "package.json"));

/** Loads one build of the CPU backend before the package can choose another. */
function loadBuild(name) {
    const addon = findAddon();
    const scratch = fs.mkdtempSync(path.join(os.tmpdir(), "llama-build-"));
    try {
        const files = fs.readdirSync(path.dirname(addon));
        const file = files.find((file) => file.includes(`ggml-cpu-${name}.`));
        if (file == null) throw new Error(`no build ${name} beside ${addon}; there are: ${files.join(", ")}`);
        fs.symlinkSync(path.join(path.dirname(addon), file), path.join(scratch, file));
        require(addon).loadBackends(scratch);
    } finally {
        fs.rmSync(scratch, { recursive: true });
    }
}

/** Returns the path of the package's prebuilt addon for this platform. */
function findAddon() {
    const scope = path.join(process.env.NODE_LLAMA_CPP, "node_modules/@node-llama-cpp");
    const found = fs.readdirSync(scope, { recursive: true }).find((file) => file.endsWith("llama-addon.node"));
    if (found == null) throw new Error(`no prebuilt addon in ${scope}`);
    return path.join(scope, found);
}

/** Returns the file name of the CPU backend that this process has loaded, if the system can tell. */
function loadedBackend() {
    if (process.platform !== "linux") return null;
    const maps = fs.readFileSync("/proc/self/maps", "utf8");
    return maps.match(/libggml-cpu[^/\s]*\.so/)?.[0] ?? null;
}

if (build) loadBuild(build);
const nodeLlamaCpp = await import(pathToFileURL(require.resolve("node-llama-cpp")));
const { version } = require(path.join(process.env.NODE_LLAMA_CPP, "node_modules/node-llama-cpp/package.json"));
const log = [];
const llama = await nodeLlamaCpp.getLlama({
    gpu: false,
    build: "never",
    skipDownload: true,
    maxThreads: 0,
    logLevel: nodeLlamaCpp.LlamaLogLevel.info,
    logger: (_level, message) => log.push(message),
});
const loaded = await llama.loadModel({ modelPath: model });
const context = await loaded.createContext({
    contextSize: promptTokens + genTokens,
    batchSize: promptTokens,
    threads,
    performanceTracking: true,
});
const native = context._ctx;
native.setThreads(threads);
const sampler = new llama._bindings.AddonSampler(loaded._model);
sampler.applyConfig({ temperature: 0 });

// Random tokens, as in `llamaglass bench`; the speed does not depend on them.
let state = 1;
const prompt = Uint32Array.from({ length: promptTokens }, () => {
    state = (state * 48271) % 0x7fffffff;
    return state % loaded.fileInfo.metadata.tokenizer.ggml.tokens.length;
});

/** Evaluates the tokens in one batch and returns the sampled token. */
async function step(tokens, position) {
    native.initBatch(tokens.length);
    const [output] = native.addToBatch(0, position, tokens, Uint32Array.of(tokens.length - 1));
    await native.decodeBatch();
    return await native.sampleToken(output, sampler);
}

/** Returns the milliseconds of one run: until the first token, and from the first to the last. */
async function run() {
    native.disposeSequence(0);
    const start = performance.now();
    let token = await step(prompt, 0);
    const first = performance.now();
    for (let i = 1; i < genTokens; i++) token = await step(Uint32Array.of(token), promptTokens + i - 1);
    return { first: first - start, rest: performance.now() - first };
}

/** Makes llama.cpp report its timings and forget them, and returns the report. */
async function timings() {
    log.length = 0;
    context.printTimings();
    // The report arrives from another thread, its total last.
    for (let waited = 0; waited < 200; waited++) {
        const text = log.join("\n");
        if (text.includes("total time")) return text;
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`llama.cpp reported no timings: ${log.join("\n")}`);
}

/** Returns the tokens/s of one stage in llama.cpp's report: `prompt eval`, or `eval` for decoding. */
function rate(report, stage) {
    const found = report.match(new RegExp(`(?<!prompt )${stage} time =\\s*([\\d.]+) ms /\\s*(\\d+)`));
    if (found == null) throw new Error(`no ${stage} time in llama.cpp's report:\n${report}`);
    return Number(found[2]) / (Number(found[1]) / 1000);
}

// The first run warms up.
await run();
await timings();
const wall = await run();
const report = await timings();
console.log(JSON.stringify({
    version: `${version}, llama.cpp ${llama.llamaCppRelease.release}`,
    build: loadedBackend() ?? llama.systemInfo,
    threads: native.getThreads(),
    own: { prefill_tok_s: rate(report, "prompt eval"), decode_tok_s: rate(report, "eval") },
    wall: { prefill_tok_s: promptTokens / (wall.first / 1000), decode_tok_s: (genTokens - 1) / (wall.rest / 1000) },
}));
await llama.dispose();
