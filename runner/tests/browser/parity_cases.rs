//! Runs the engine in a browser on the same parity cases as natively, on WebGPU and on the CPU.
use llamaglass_engine::bytes::{ByteSource, MemorySource};
use llamaglass_engine::{BackendChoice, Engine, LoadOptions, Variant};
use llamaglass_runner::parity::{self, Kind, ModelFile, Reference};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use wasm_bindgen_test::{console_log, wasm_bindgen_test, wasm_bindgen_test_configure};

use crate::cpu_files;

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Includes a file of the test data: name and contents.
macro_rules! file {
    ($folder:literal, $name:literal) => {
        (
            $name.to_owned(),
            include_bytes!(concat!("../../../engine/tests/data/", $folder, "/", $name)).to_vec(),
        )
    };
}

async fn load(
    files: Vec<(String, Vec<u8>)>,
    backend: BackendChoice,
    variant: Option<Variant>,
) -> Engine {
    // The test's script has no files beside it.
    cpu_files::files().set();
    let sources: Vec<Box<dyn ByteSource>> = files
        .into_iter()
        .map(|(name, bytes)| Box::new(MemorySource::new(name, bytes)) as Box<dyn ByteSource>)
        .collect();
    let options = LoadOptions {
        backend,
        context_length: Some(1024),
        variant,
        ..Default::default()
    };
    let engine = Engine::open(sources, options).await.unwrap();
    let info = &engine.info().backend;
    console_log!("{:?} on {} ({})", backend, info.adapter, info.api);
    // Launching every kernel for every token would also give correct results, but a hundred times as slowly.
    let replays = format!("{engine:?}").contains("replays: true");
    assert_eq!(replays, backend == BackendChoice::Wgpu);
    engine
}

async fn passes(
    mut engine: Engine,
    reference: Vec<(String, Vec<u8>)>,
    model: &str,
    kinds: &[Kind],
) {
    let model = ModelFile {
        name: model.to_owned(),
        sha256: None,
    };
    let reference = Reference::from_files(reference, &[model]).unwrap();
    let report = parity::run(&mut engine, &reference, kinds, &mut |case| {
        console_log!("{} {}: {:?}", case.kind.name(), case.name, case.figures);
    })
    .await;
    let failed: Vec<_> = report.cases.iter().filter(|case| !case.pass).collect();
    assert!(report.passes(), "{failed:#?}");
}

const BACKENDS: [BackendChoice; 2] = [BackendChoice::Wgpu, BackendChoice::Cpu];

#[wasm_bindgen_test]
async fn quantised_gguf_passes_parity() {
    let variants = Variant::ALL.map(|variant| (BackendChoice::Wgpu, Some(variant)));
    for (backend, variant) in [(BackendChoice::Cpu, None)].into_iter().chain(variants) {
        let model = "llama-tied-gguf.Q4_K_M.gguf";
        let gguf = file!("families/llama-tied-gguf", "llama-tied-gguf.Q4_K_M.gguf");
        let reference = vec![
            file!("families/llama-tied-gguf/reference", "tokenizer.json"),
            file!("families/llama-tied-gguf/reference", "chat.json"),
            file!("families/llama-tied-gguf/reference", "Q4_K_M/logits.json"),
            file!("families/llama-tied-gguf/reference", "Q4_K_M/greedy.json"),
        ];
        let kinds = [Kind::Tokenizer, Kind::Chat, Kind::Logits, Kind::Greedy];
        let engine = load(vec![gguf], backend, variant).await;
        passes(engine, reference, model, &kinds).await;
    }
}

#[wasm_bindgen_test]
async fn sharded_hugging_face_folder_passes_parity() {
    for backend in BACKENDS {
        let folder = vec![
            file!("families/llama3-tiny", "config.json"),
            file!("families/llama3-tiny", "generation_config.json"),
            file!("families/llama3-tiny", "chat_template.jinja"),
            file!("families/llama3-tiny", "tokenizer_config.json"),
            file!("families/llama3-tiny", "tokenizer.json"),
            file!("families/llama3-tiny", "model.safetensors.index.json"),
            file!("families/llama3-tiny", "model-00001-of-00002.safetensors"),
            file!("families/llama3-tiny", "model-00002-of-00002.safetensors"),
        ];
        let reference = vec![
            file!("families/llama3-tiny/reference", "tokenizer.json"),
            file!("families/llama3-tiny/reference", "chat.json"),
            file!("families/llama3-tiny/reference", "logits.json"),
        ];
        let kinds = [Kind::Tokenizer, Kind::Chat, Kind::Logits];
        let engine = load(folder, backend, None).await;
        passes(engine, reference, "model.safetensors", &kinds).await;
    }
}

/// URL at which `cargo xtask test` serves the default model; the command sets the variable.
const MODEL_URL: Option<&str> = option_env!("LLAMAGLASS_TEST_MODEL_URL");

#[wasm_bindgen_test]
async fn default_model_matches_reference_logits() {
    let url = MODEL_URL.expect("LLAMAGLASS_TEST_MODEL_URL: run this through `cargo xtask test`");
    let scope: web_sys::WorkerGlobalScope = js_sys::global().unchecked_into();
    let response = JsFuture::from(scope.fetch_with_str(url)).await.unwrap();
    let response: web_sys::Response = response.unchecked_into();
    assert!(response.ok(), "{url}: {}", response.status());
    let buffer = JsFuture::from(response.array_buffer().unwrap()).await;
    let bytes = js_sys::Uint8Array::new(&buffer.unwrap()).to_vec();
    for backend in BACKENDS {
        let model = ("SmolLM2-135M-Instruct.Q4_1.gguf".to_owned(), bytes.clone());
        let reference = vec![file!("smollm2-135m", "logits.json")];
        let name = model.0.clone();
        let engine = load(vec![model], backend, None).await;
        passes(engine, reference, &name, &[Kind::Logits]).await;
    }
}
