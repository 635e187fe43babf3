//! Small models, and helpers to drive an engine.

use llamaglass_engine::event::{Event, FinishReason, RequestId, Usage};
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::timing::StepTiming;
use llamaglass_engine::weights::{
    Checkpoint, ModelConfig, RopeConfig, RopeLayout, RopeScaling, TensorType,
};
use llamaglass_engine::{BackendChoice, Engine, ForwardPath, LoadOptions};
use pollster::block_on;

/// Backends that every test body runs on.
pub const BACKENDS: [BackendChoice; 2] = [BackendChoice::Flex, BackendChoice::Wgpu];

/// All paths through a model, with their backends.
pub const PATHS: [(BackendChoice, ForwardPath); 3] = [
    (BackendChoice::Flex, ForwardPath::Reference),
    (BackendChoice::Wgpu, ForwardPath::Reference),
    (BackendChoice::Wgpu, ForwardPath::Fast),
];

/// A small model with odd sizes: 3 query heads on 1 kv head, and H * D differs from C.
pub fn odd_config() -> ModelConfig {
    ModelConfig {
        name: Some("odd".into()),
        vocab_size: 301,
        hidden_size: 52,
        n_layers: 2,
        n_heads: 3,
        n_kv_heads: 1,
        head_dim: 10,
        ffn_size: 71,
        context_length: 96,
        rms_eps: 1e-5,
        rope: RopeConfig {
            theta: 10_000.0,
            scaling: RopeScaling::None,
            layout: RopeLayout::Halves,
        },
        tied: false,
        attention_bias: false,
        mlp_bias: false,
        bos_id: None,
        eos_ids: Vec::new(),
    }
}

/// Creates a checkpoint of random f32 weights.
pub fn checkpoint(config: &ModelConfig) -> Checkpoint {
    Checkpoint::random(config.clone(), TensorType::F32, 42).unwrap()
}

/// Creates an engine with random weights.
pub fn engine_with(config: &ModelConfig, options: &LoadOptions) -> Engine {
    block_on(Engine::open_with_progress(
        checkpoint(config),
        options,
        &mut |_| {},
    ))
    .unwrap()
}

/// Creates an engine with random weights for [`odd_config`] and prefill chunks of four ids.
pub fn engine(backend: BackendChoice) -> Engine {
    let options = LoadOptions {
        backend,
        prefill_chunk: Some(4),
        ..Default::default()
    };
    engine_with(&odd_config(), &options)
}

/// Creates a prompt of `n` ids.
pub fn prompt(n: usize) -> Vec<u32> {
    (0u32..).map(|i| (i * 37 + 11) % 256).take(n).collect()
}

/// Creates a greedy request with prompt `ids` for exactly `n` tokens.
pub fn request(ids: Vec<u32>, n: usize) -> Request {
    Request {
        max_tokens: Some(n),
        ignore_eos: true,
        ..Request::new(Input::Ids(ids))
    }
}

/// Result of a request.
#[derive(Debug, Default)]
pub struct Answer {
    pub ids: Vec<u32>,
    pub text: String,
    pub timings: Vec<StepTiming>,
    pub usage: Usage,
    pub finish_reason: Option<FinishReason>,
    pub error: Option<String>,
    /// Number of preemptions.
    pub preempted: usize,
}

impl Answer {
    /// Appends events of `request`. Returns true if the last one is among them.
    pub fn take(&mut self, request: RequestId, events: Vec<Event>) -> bool {
        let mut last = false;
        for event in events {
            assert_eq!(event.request(), request);
            last |= event.is_last();
            match event {
                Event::Token {
                    id, text, timing, ..
                } => {
                    self.ids.push(id);
                    self.text += &text;
                    self.timings.push(timing);
                }
                Event::Prefill { timing, .. } => self.timings.push(timing),
                Event::Done {
                    text,
                    usage,
                    finish_reason,
                    ..
                } => {
                    self.text += &text;
                    self.usage = usage;
                    self.finish_reason = Some(finish_reason);
                }
                Event::Failed { error, .. } => self.error = Some(error),
                Event::Preempted { .. } => self.preempted += 1,
                Event::Queued { .. } | Event::Started { .. } => {}
            }
        }
        last
    }
}

/// Runs `request` to its end.
pub fn answer(engine: &mut Engine, request: Request) -> Answer {
    let id = engine.submit(request);
    let mut answer = Answer::default();
    while !answer.take(id, block_on(engine.step())) {}
    assert!(engine.is_idle());
    answer
}

/// Returns the logits after the last of `ids`.
pub fn last_logits(engine: &mut Engine, ids: &[u32]) -> Vec<f32> {
    let mut last = Vec::new();
    block_on(engine.logits(ids, ids.len() - 1, &mut |_, row| {
        last = row.to_vec();
    }))
    .unwrap();
    last
}

/// Returns the largest absolute difference between two rows.
pub fn max_abs_diff(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}
