//! The mock engine's model and backend.

use llamaglass_lab::{LoadedModel, StubLevel};
use llamaglass_types::timing::LoadTiming;
use llamaglass_types::{
    Backend, BackendChoice, BackendInfo, ForwardPath, MemoryLedger, ModelInfo, TypeCount,
};
use llamaglass_types::{ModelConfig, RopeConfig, RopeLayout, RopeScaling};

pub fn backend(choice: BackendChoice) -> BackendInfo {
    BackendInfo {
        backend: Backend::Cpu,
        api: "CPU".into(),
        adapter: "burn-flex, wasm SIMD".into(),
        driver: String::new(),
        software: true,
        features: Vec::new(),
        limits: Vec::new(),
        fallback_reason: (choice == BackendChoice::Auto)
            .then(|| "no graphics adapter: the browser offers none".into()),
        threads: None,
        instruction_set: None,
    }
}

pub fn info(choice: BackendChoice) -> LoadedModel {
    let info = ModelInfo {
        name: "Mock 135M Instruct".into(),
        format: "GGUF v3".into(),
        quantisation: "Q4_1".into(),
        config: ModelConfig {
            name: None,
            vocab_size: 49152,
            hidden_size: 576,
            n_layers: 30,
            n_heads: 9,
            n_kv_heads: 3,
            head_dim: 64,
            ffn_size: 1536,
            context_length: 2048,
            rms_eps: 1e-5,
            rope: RopeConfig {
                theta: 10000.0,
                scaling: RopeScaling::None,
                layout: RopeLayout::Halves,
            },
            tied: true,
            attention_bias: false,
            mlp_bias: false,
            bos_id: None,
            eos_ids: vec![2],
        },
        parameters: 134_515_008,
        file_bytes: 98_362_432,
        tensor_types: vec![TypeCount {
            name: "Q4_1".into(),
            tensors: 211,
            bytes: 98_000_000,
        }],
        context_length: 2048,
        prefill_chunk: 32,
        batch: 1,
        kv_positions: 4096,
        has_chat_template: true,
        backend: backend(choice),
        path: ForwardPath::Reference,
        variant: None,
        memory: MemoryLedger {
            weights: 538_060_032,
            looked_up: 0,
            kv_cache: 94_371_840,
            activations: 12_000_000,
        },
        load: LoadTiming::default(),
    };
    LoadedModel {
        info,
        stub: StubLevel::Whole,
    }
}
