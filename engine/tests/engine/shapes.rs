//! Tests every shape that a Llama may have against the f64 oracle, on every backend.

use llamaglass_engine::bytes::MemorySource;
use llamaglass_engine::weights::testing::GgufFile;
use llamaglass_engine::weights::{
    BlockTensor, Checkpoint, ModelConfig, RopeLayout, RopeScaling, TensorName, TensorType,
};
use llamaglass_engine::{BackendChoice, Engine, ForwardPath, KvType, LoadOptions};

use super::oracle;
use super::support::{
    BACKENDS, PATHS, checkpoint, engine_with, last_logits, max_abs_diff, odd_config, on, open,
    prompt,
};

/// Tolerance for f32 activations, from reference/README.md.
const TOLERANCE: f32 = 2e-3;

fn agrees_with_the_oracle(config: &ModelConfig) {
    let ids = prompt(23);
    let expected = oracle::last_logits(&checkpoint(config), &ids);
    let spread = expected.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    assert!(spread > 0.1, "logits too small to tell anything: {spread}");
    for (backend, path) in PATHS {
        // Seven does not divide 23, so the last chunk is shorter.
        for chunk in [1, 7, 64] {
            let options = LoadOptions {
                prefill_chunk: Some(chunk),
                path: Some(path),
                ..on(backend)
            };
            let mut engine = engine_with(config, &options);
            assert_eq!(engine.info().path, path);
            let logits = last_logits(&mut engine, &ids);
            let diff = max_abs_diff(&logits, &expected);
            assert!(
                diff <= TOLERANCE,
                "{config:?}, {backend:?}, {path:?}, chunk {chunk}: off by {diff}"
            );
        }
    }
}

/// Keys and values have 11 bits, so attention outputs are off by up to 2^-11 of their largest values.
#[test]
fn f16_cache_is_nearly_as_accurate_and_half_the_size() {
    for backend in BACKENDS {
        let ids = prompt(23);
        let config = odd_config();
        let expected = oracle::last_logits(&checkpoint(&config), &ids);
        let [f32, f16] = [KvType::F32, KvType::F16].map(|kv| {
            let options = LoadOptions {
                prefill_chunk: Some(7),
                kv,
                ..on(backend)
            };
            let mut engine = engine_with(&config, &options);
            let logits = last_logits(&mut engine, &ids);
            let bytes = engine.info().memory.kv_cache;
            (max_abs_diff(&logits, &expected), bytes)
        });
        assert_eq!(f32.1, 2 * f16.1);
        assert!(
            f16.0 > f32.0 && f16.0 <= 10.0 * TOLERANCE,
            "{backend:?}: {f32:?} {f16:?}"
        );
    }
}

#[test]
fn every_shape_matches_the_oracle() {
    type Change = fn(&mut ModelConfig);
    let changes: [Change; 5] = [
        |_| {},
        |config| (config.attention_bias, config.mlp_bias) = (true, true),
        |config| config.tied = true,
        |config| config.n_kv_heads = 3,
        |config| {
            config.attention_bias = true;
            config.rope.layout = RopeLayout::Interleaved;
        },
    ];
    for change in changes {
        let mut config = odd_config();
        change(&mut config);
        agrees_with_the_oracle(&config);
    }
}

#[test]
fn every_rope_scaling_matches_the_oracle() {
    let scalings = [
        RopeScaling::Linear { factor: 4.0 },
        RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_context: 64,
        },
        RopeScaling::Factors(vec![1.0, 1.5, 2.0, 4.0, 8.0]),
    ];
    for scaling in scalings {
        let mut config = odd_config();
        config.rope.scaling = scaling;
        agrees_with_the_oracle(&config);
    }
}

/// Rows of 256 and of 96 values, to cover K types and the types that replace them.
fn even_config() -> ModelConfig {
    ModelConfig {
        hidden_size: 256,
        n_heads: 3,
        n_kv_heads: 1,
        head_dim: 32,
        ffn_size: 512,
        ..odd_config()
    }
}

/// Checks that the fast path is as close to the oracle with these weights as with f32 ones.
fn fast_agrees_with_the_oracle(what: &str, make: &dyn Fn() -> Checkpoint) {
    let ids = prompt(9);
    let expected = oracle::last_logits(&make(), &ids);
    for backend in BACKENDS {
        let options = LoadOptions {
            path: Some(ForwardPath::Fast),
            // Covers both a tile and a single row.
            prefill_chunk: Some(8),
            ..on(backend)
        };
        let mut progress = |_| {};
        let loaded = Engine::open_with_progress(make(), &options, &mut progress);
        let mut engine = pollster::block_on(loaded).unwrap();
        let diff = max_abs_diff(&last_logits(&mut engine, &ids), &expected);
        assert!(diff <= TOLERANCE, "{backend:?} {what}: off by {diff}");
    }
}

#[test]
fn every_weight_type_matches_the_oracle() {
    for tensor_type in TensorType::ALL {
        fast_agrees_with_the_oracle(tensor_type.name(), &|| {
            Checkpoint::random(even_config(), tensor_type, 42).unwrap()
        });
    }
}

/// Types mixed as llama.cpp does in Q4_K_M, and incompatible types within one product.
#[test]
fn mixed_weight_types_match_the_oracle() {
    let mut config = even_config();
    config.rope.layout = RopeLayout::Interleaved;
    fast_agrees_with_the_oracle("a mixed file", &|| {
        let mut file = GgufFile::model(&config, TensorType::Q4K, 42).unwrap();
        for (index, tensor, other) in [
            (0, BlockTensor::V, TensorType::Q6K),
            (1, BlockTensor::K, TensorType::Q8_0),
            (0, BlockTensor::Up, TensorType::Q6K),
            (1, BlockTensor::Down, TensorType::F16),
        ] {
            let name = TensorName::Block(index, tensor);
            let mut from = GgufFile::model(&config, other, 7).unwrap();
            *file.tensor(name).unwrap() = from.tensor(name).unwrap().clone();
        }
        let source = MemorySource::new("mixed.gguf", file.bytes());
        pollster::block_on(Checkpoint::open(vec![Box::new(source)])).unwrap()
    });
}

#[test]
fn too_wide_heads_use_the_reference_path() {
    let config = ModelConfig {
        head_dim: 258,
        ..odd_config()
    };
    let wgpu = |path| LoadOptions {
        path,
        ..on(BackendChoice::Wgpu)
    };
    let engine = engine_with(&config, &wgpu(None));
    assert_eq!(engine.info().path, ForwardPath::Reference);
    let refused = open(&config, &wgpu(Some(ForwardPath::Fast)));
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("258"), "{error}");
}
