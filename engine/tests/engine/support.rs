//! Small models, and helpers to drive an engine.

use std::collections::HashMap;

use llamaglass_engine::event::{Event, FinishReason, RequestId, Usage};
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::timing::StepTiming;
use llamaglass_engine::weights::testing::tiny_config;
use llamaglass_engine::weights::{Checkpoint, ModelConfig, TensorType};
use llamaglass_engine::{BackendChoice, Engine, EngineError, ForwardPath, LoadOptions};
use pollster::block_on;

/// Backends that every test body runs on, with our own kernels.
pub const BACKENDS: [BackendChoice; 2] = [BackendChoice::Cpu, BackendChoice::Wgpu];

/// All paths through a model, with their backends.
pub const PATHS: [(BackendChoice, ForwardPath); 4] = [
    (BackendChoice::Cpu, ForwardPath::Reference),
    (BackendChoice::Cpu, ForwardPath::Fast),
    (BackendChoice::Wgpu, ForwardPath::Reference),
    (BackendChoice::Wgpu, ForwardPath::Fast),
];

/// A small model with odd sizes: 3 query heads on 1 kv head, and H * D differs from C.
pub fn odd_config() -> ModelConfig {
    ModelConfig {
        name: Some("odd".into()),
        vocab_size: 301,
        hidden_size: 52,
        n_heads: 3,
        n_kv_heads: 1,
        head_dim: 10,
        ffn_size: 71,
        context_length: 96,
        tied: false,
        bos_id: None,
        eos_ids: Vec::new(),
        ..tiny_config()
    }
}

/// Options for a backend, with defaults for everything else.
pub fn on(backend: BackendChoice) -> LoadOptions {
    LoadOptions {
        backend,
        ..Default::default()
    }
}

/// Creates a checkpoint of random f32 weights.
pub fn checkpoint(config: &ModelConfig) -> Checkpoint {
    Checkpoint::random(config.clone(), TensorType::F32, 42).unwrap()
}

/// Opens an engine with random weights.
pub fn open(config: &ModelConfig, options: &LoadOptions) -> Result<Engine, EngineError> {
    let checkpoint = checkpoint(config);
    block_on(Engine::open_with_progress(checkpoint, options, &mut |_| {}))
}

/// Opens an engine with random weights; the test fails if that fails.
pub fn engine_with(config: &ModelConfig, options: &LoadOptions) -> Engine {
    open(config, options).unwrap()
}

/// Creates an engine with random weights for [`odd_config`] and prefill chunks of four ids.
pub fn engine(backend: BackendChoice) -> Engine {
    let options = LoadOptions {
        prefill_chunk: Some(4),
        ..on(backend)
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

/// Answers by request.
pub type Answers = HashMap<RequestId, Answer>;

/// Runs one step and appends its events to `answers`.
pub fn step(engine: &mut Engine, answers: &mut Answers) {
    for event in block_on(engine.step()) {
        let request = event.request();
        answers
            .entry(request)
            .or_default()
            .take(request, vec![event]);
    }
}

/// Runs the engine until it is idle, and passes each event to `take`.
pub fn run(engine: &mut Engine, mut take: impl FnMut(&mut Engine, Event)) {
    while !engine.is_idle() {
        for event in block_on(engine.step()) {
            take(engine, event);
        }
    }
}

/// Runs the engine until it is idle. Returns which requests ended, in order, and why.
pub fn ends(engine: &mut Engine) -> Vec<(RequestId, FinishReason)> {
    let mut ends = Vec::new();
    run(engine, |_, event| {
        if let Event::Done {
            request,
            finish_reason,
            ..
        } = event
        {
            ends.push((request, finish_reason));
        }
    });
    ends
}

/// Runs the requests and returns their answers in order.
pub fn answer_all(engine: &mut Engine, requests: Vec<Request>) -> Vec<Answer> {
    let ids: Vec<RequestId> = requests.into_iter().map(|r| engine.submit(r)).collect();
    let mut answers = Answers::new();
    while !engine.is_idle() {
        step(engine, &mut answers);
    }
    ids.iter().map(|id| answers.remove(id).unwrap()).collect()
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
    let diffs = a.iter().zip(b).map(|(a, b)| (a - b).abs());
    diffs.fold(0.0, f32::max)
}
