//! A profile contains every launch of a step, each in its layer, and the cost of the same step undisturbed.

use std::collections::BTreeMap;

use llamaglass_engine::timing::{StepKind, StepProfile};
use llamaglass_engine::{BackendChoice, Engine, ForwardPath, LoadOptions, MemoryRate};
use pollster::block_on;

use super::support::{BACKENDS, PATHS, answer, engine_with, odd_config, on, prompt, request};

const LAYERS: usize = 3;

fn engine(backend: BackendChoice, path: ForwardPath) -> Engine {
    let config = llamaglass_engine::weights::ModelConfig {
        n_layers: LAYERS,
        ..odd_config()
    };
    let options = LoadOptions {
        path: Some(path),
        prefill_chunk: Some(20),
        ..on(backend)
    };
    engine_with(&config, &options)
}

fn check(profile: &StepProfile) {
    let layers: Vec<Option<usize>> = profile.layers.iter().map(|layer| layer.layer).collect();
    assert_eq!(layers, [None, Some(0), Some(1), Some(2), None]);
    let mut by_kernel = BTreeMap::new();
    for kernel in profile.layers.iter().flat_map(|layer| &layer.kernels) {
        let (launches, bytes, flop) = by_kernel.entry(&*kernel.name).or_insert((0, 0, 0));
        *launches += kernel.launches;
        *bytes += kernel.bytes;
        *flop += kernel.flop;
    }
    let kernels = profile.kernels.iter();
    let kernels = kernels.map(|k| (&*k.name, (k.launches, k.bytes, k.flop)));
    assert_eq!(by_kernel, kernels.collect());
    let names = |at: usize| {
        let kernels = profile.layers[at].kernels.iter();
        kernels
            .map(|k| (k.name.clone(), k.launches))
            .collect::<Vec<_>>()
    };
    assert!(!names(1).is_empty());
    assert!((2..=LAYERS).all(|at| names(at) == names(1)));
    assert!(!names(0).is_empty() && !names(LAYERS + 1).is_empty());
    for layer in &profile.layers {
        assert!(layer.ms > 0.0, "{layer:?}");
        let encoded = |ms: f64| (ms > 0.0) == profile.is_on_device();
        assert!(encoded(layer.encode_ms), "{layer:?}");
        assert!(layer.kernels.iter().all(|kernel| encoded(kernel.encode_ms)));
    }
    let of_layers: f64 = profile.layers.iter().map(|layer| layer.ms).sum();
    let of_kernels: f64 = profile.kernels.iter().map(|kernel| kernel.ms).sum();
    assert!((of_layers - of_kernels).abs() < 1e-6 * of_layers);
    for cost in [profile.plain, profile.profiled] {
        assert!(cost.wall_ms > cost.encode_ms, "{cost:?}");
        match cost.device_ms {
            Some(device_ms) => assert!(device_ms > 0.0 && cost.encode_ms > 0.0, "{cost:?}"),
            None => assert_eq!(cost.encode_ms, 0.0, "{cost:?}"),
        }
    }
}

#[test]
fn profile_assigns_launches_to_layers_and_includes_the_plain_step() {
    for backend in BACKENDS {
        let mut engine = engine(backend, ForwardPath::Fast);
        let wanted = answer(&mut engine, request(prompt(7), 5));
        let decode = block_on(engine.profile(1, 30, 3)).unwrap();
        let on_gpu = backend == BackendChoice::Wgpu;
        let on_device = [decode.is_on_device(), decode.plain.device_ms.is_some()];
        assert_eq!(on_device, [on_gpu; 2], "{backend:?}");
        assert_eq!((decode.kind, decode.repeat), (StepKind::Decode, 3));
        check(&decode);
        let prefill = block_on(engine.profile(20, 10, 2)).unwrap();
        assert_eq!((prefill.kind, prefill.tokens), (StepKind::Prefill, 20));
        check(&prefill);
        let back = serde_json::to_string(&decode).unwrap();
        let back: StepProfile = serde_json::from_str(&back).unwrap();
        assert_eq!(back.layers.len(), decode.layers.len());
        // Profiling leaves the cache empty.
        let again = answer(&mut engine, request(prompt(7), 5));
        assert_eq!((again.ids, again.usage.reused_tokens), (wanted.ids, 0));
    }
}

#[test]
fn profile_fails_with_readable_errors() {
    let mut reference = engine(BackendChoice::Cpu, ForwardPath::Reference);
    let error = block_on(reference.profile(1, 3, 1)).unwrap_err();
    assert!(error.to_string().contains("reference path"), "{error}");
    for backend in BACKENDS {
        let mut fast = engine(backend, ForwardPath::Fast);
        let error = block_on(fast.profile(1, 96, 1)).unwrap_err();
        assert!(error.to_string().contains("outside the context"), "{error}");
        fast.submit(request(prompt(3), 2));
        let error = block_on(fast.profile(1, 3, 1)).unwrap_err();
        assert!(error.to_string().contains("wait or run"), "{error}");
    }
}

#[test]
fn roofline_is_a_copy_of_a_gpu_and_reads_by_the_threads_of_a_cpu() {
    for (backend, path) in PATHS {
        let mut engine = engine(backend, path);
        let roofline = block_on(engine.measure_roofline()).unwrap();
        let what = format!("{backend:?} {path:?}: {roofline:?}");
        let Some(roofline) = roofline else {
            let reference = (BackendChoice::Cpu, ForwardPath::Reference);
            assert_eq!((backend, path), reference, "{what}");
            continue;
        };
        assert!(roofline.gb_s() > 0.0 && roofline.gflop_s > 0.0, "{what}");
        let threads: Vec<usize> = roofline.by_threads.iter().map(|of| of.threads).collect();
        match roofline.memory {
            MemoryRate::Copy(_) => {
                assert_eq!(
                    (backend, threads),
                    (BackendChoice::Wgpu, Vec::new()),
                    "{what}"
                );
            }
            MemoryRate::Read(_) => {
                assert_eq!((backend, threads.first()), (BackendChoice::Cpu, Some(&1)));
                assert_eq!(threads.last(), engine.info().backend.threads.as_ref());
                assert!(threads.is_sorted_by(|a, b| a < b), "{what}");
            }
        }
        // The measurement leaves the engine as it was.
        assert_eq!(answer(&mut engine, request(prompt(7), 5)).ids.len(), 5);
    }
}
