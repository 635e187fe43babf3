//! Models on several threads, on one, and in the unthreaded file.

use js_sys::WebAssembly;
use llamaglass_cpu::ModelError;
use llamaglass_cpu_host::{CpuModel, Files};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

use crate::files::{HELPER, blob_url, files, global};
use crate::random_model::{build, builder, rows};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

/// Computes a prompt and some more tokens, and returns all logits as bits.
fn logits(model: &mut CpuModel) -> Vec<u32> {
    let mut all = model.step(&rows(0, 30), &[29, 3]).unwrap().to_vec();
    for position in 30..80 {
        all.extend_from_slice(model.step(&rows(position, 1), &[0]).unwrap());
    }
    assert!(all.iter().all(|logit| logit.is_finite()));
    all.into_iter().map(f32::to_bits).collect()
}

async fn load(files: &Files, threads: usize) -> CpuModel {
    build(builder(files, threads).await.unwrap()).unwrap()
}

#[wasm_bindgen_test]
async fn test_page_is_isolated() {
    assert!(global("crossOriginIsolated").is_truthy());
}

#[wasm_bindgen_test]
async fn any_number_of_threads_gives_the_same_bits() {
    let files = files();
    let mut model = load(&files, 1).await;
    assert_eq!(model.threads(), 1);
    let expected = logits(&mut model);
    let mut model = load(&files, 4).await;
    for threads in [4, 2, 3, 1] {
        model.set_threads(threads).unwrap();
        assert_eq!(model.threads(), threads);
        assert_eq!(logits(&mut model), expected, "{threads} threads");
    }
}

#[wasm_bindgen_test]
async fn unthreaded_file_gives_the_same_bits() {
    let files = files();
    let expected = logits(&mut load(&files, 1).await);
    // As in a browser that refuses shared memory.
    let assembly = global("WebAssembly");
    let memory = js_sys::Reflect::get(&assembly, &"Memory".into()).unwrap();
    js_sys::Reflect::delete_property(&assembly.clone().into(), &"Memory".into()).unwrap();
    let loaded = builder(&files, 4).await;
    js_sys::Reflect::set(&assembly, &"Memory".into(), &memory).unwrap();
    let mut model = build(loaded.unwrap()).unwrap();
    assert_eq!(model.threads(), 1);
    assert_eq!(logits(&mut model), expected);
}

#[wasm_bindgen_test]
async fn helpers_that_do_not_start_are_left_out() {
    let files = Files {
        helper: "no-such-script.js".into(),
        ..files()
    };
    let mut model = load(&files, 3).await;
    assert_eq!(model.threads(), 1);
    logits(&mut model);
}

#[wasm_bindgen_test]
async fn error_of_a_helper_ends_the_callers_wait() {
    let script = HELPER.replace("exports.help(thread);", "throw new Error(\"stopped\");");
    assert_ne!(script, HELPER);
    let files = Files {
        helper: blob_url(&script),
        ..files()
    };
    // Packing or a step, whichever comes to the helper first.
    let error = match builder(&files, 2).await.and_then(build) {
        Ok(mut model) => model.step(&rows(0, 30), &[29]).unwrap_err(),
        Err(error) => error,
    };
    let error = error.to_string();
    assert!(
        error.contains("a thread of the CPU path stopped"),
        "{error}"
    );
}

#[wasm_bindgen_test]
async fn error_names_a_file_that_is_missing() {
    let files = Files {
        threaded: "no-such-file.wasm".into(),
        ..files()
    };
    let error = builder(&files, 2).await.unwrap_err().to_string();
    assert!(error.contains("no-such-file.wasm"), "{error}");
    assert!(error.contains("404"), "{error}");
}

#[wasm_bindgen_test]
async fn errors_have_the_text_of_the_model() {
    let files = files();
    let mut model = load(&files, 2).await;
    let mut row = rows(0, 1);
    row[0].id = 300;
    let error = model.step(&row, &[0]).unwrap_err();
    assert!(error.to_string().contains("token id 300"), "{error}");
    let error = model.step(&rows(0, 33), &[0]).unwrap_err();
    assert!(matches!(error, ModelError::TooMany { count: 33, .. }));
    let error = model.set_blocks(0, 0, &[3]).unwrap_err();
    assert!(error.to_string().contains("cache block 3"), "{error}");
    // The model still works.
    logits(&mut model);
}

#[wasm_bindgen_test]
async fn profile_and_times_cover_a_step() {
    let mut model = load(&files(), 2).await;
    model.take_times();
    logits(&mut model);
    assert!(model.take_times().total() > 0.0);
    let times = model.profile(&rows(0, 4), &[3]).unwrap();
    // Embedding, seven kernels per layer, the last norm and the head.
    assert_eq!(times.len(), 1 + 2 * 7 + 2);
    assert!(times.iter().all(|time| time.bytes > 0));
    let residuals = model.residuals(&rows(0, 4)).unwrap();
    assert_eq!(residuals.len(), 3);
    assert!(residuals.iter().all(|rows| rows.len() == 4 * 256));
    model.embed(&rows(0, 4)).unwrap();
    let some = model.step(&rows(0, 4), &[1]).unwrap().to_vec();
    assert_eq!(model.logits(&rows(0, 4), &[1]).unwrap(), some);
}

#[wasm_bindgen_test]
async fn blocks_of_the_cache_are_copied() {
    let mut model = load(&files(), 2).await;
    model.step(&rows(0, 30), &[29]).unwrap();
    let expected = model.step(&rows(30, 1), &[0]).unwrap().to_vec();
    model.copy_blocks(1, 2, 1).unwrap();
    model.set_blocks(0, 0, &[2]).unwrap();
    assert_eq!(model.step(&rows(30, 1), &[0]).unwrap(), expected);
}

#[wasm_bindgen_test]
fn shared_memory_can_be_sent_to_workers() {
    // What the tests above rely on: else they would pass with one thread.
    let memory = js_sys::Object::new();
    for (name, value) in [("initial", 1), ("maximum", 2)] {
        js_sys::Reflect::set(&memory, &name.into(), &value.into()).unwrap();
    }
    js_sys::Reflect::set(&memory, &"shared".into(), &true.into()).unwrap();
    assert!(WebAssembly::Memory::new(&memory).is_ok());
}
