//! Loads a model and warms the engine up.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::state::limits;
use super::type_counts::type_counts;
use super::{Engine, EngineError, ModelSource};
use crate::executor::{self, Capabilities, Loaded};
use crate::forward::device::{Adapter, OpenDevice, find_adapter, open_cpu, open_wgpu};
use crate::forward::{
    self, BackendInfo, ForwardError, ForwardPath, LoadWatch, MemoryLedger, Shape,
};
use llamaglass_types::{BackendChoice, LoadOptions, LoadPhase, LoadProgress, ModelInfo};

use crate::platform::Stopwatch;
use crate::scheduler::{BlockPool, Scheduler};
use crate::timing::{LoadSpan, LoadTiming};
use crate::tokenizer::Tokenizer;
use crate::weights::{Checkpoint, ModelConfig};

/// Prompt ids per prefill step on a GPU: enough to keep it busy, few enough to react to an abort soon.
const CHUNK_GPU: usize = 256;
/// Prompt ids per prefill step on the CPU and on software adapters.
const CHUNK_CPU: usize = 32;
/// Steps in flight on a GPU: it computes one while the host processes the one before.
const DEPTH_GPU: usize = 2;
/// Steps in flight on software adapters, which compete with the host for the CPU.
const DEPTH_CPU: usize = 1;
/// Maximum number of steps in flight; those beyond an answer's end are discarded.
pub const DEPTH_MAX: usize = 4;

impl Engine {
    /// Loads a model: a path to a GGUF file or a Hugging Face folder, or another [`ModelSource`].
    ///
    /// # Errors
    /// If the files are invalid, or the device can't run the model.
    pub async fn open(
        source: impl Into<ModelSource>,
        options: LoadOptions,
    ) -> Result<Self, EngineError> {
        Self::open_with_progress(source, &options, &mut |_| {}).await
    }

    /// Loads a model as [`Engine::open`] does, and reports progress.
    pub async fn open_with_progress(
        source: impl Into<ModelSource>,
        options: &LoadOptions,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<Self, EngineError> {
        let watch = LoadWatch::start();
        report(progress, LoadPhase::Parse, 0, 2);
        let checkpoint = source.into().checkpoint().await?;
        watch.book(LoadSpan::Parse, 0.0);
        let mut engine = Self::from_checkpoint(checkpoint, options, progress).await?;
        engine.info.load = watch.timing().then(&engine.info.load);
        Ok(engine)
    }

    async fn from_checkpoint(
        checkpoint: Checkpoint,
        options: &LoadOptions,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<Self, EngineError> {
        let watch = LoadWatch::start();
        report(progress, LoadPhase::Parse, 1, 2);
        let tokenizer = Tokenizer::new(checkpoint.tokenizer(), checkpoint.config())?;
        let tokenizer = Arc::new(tokenizer);
        watch.book(LoadSpan::Parse, 0.0);
        report(progress, LoadPhase::Parse, 2, 2);

        let start = watch.ms();
        let open = open_device(options).await?;
        watch.book(LoadSpan::Open, start);
        if let Some(gpu) = &open.gpu {
            // Discard compile times of earlier models.
            gpu.take_compiles(0.0);
        }
        let depth = depth(options, &open.info);
        let shape = shape(checkpoint.config(), options, &open.info)?;
        let memory = forward::memory_ledger(&checkpoint, shape, open.info.backend);
        forward::check_memory(&memory, &open.info, options.memory_limit)?;
        let total = checkpoint.total_bytes();
        report(progress, LoadPhase::Upload, 0, total);
        let Loaded {
            executor,
            variant,
            threads,
        } = executor::load(&checkpoint, &open, (shape, depth), &watch, &mut |done| {
            report(progress, LoadPhase::Upload, done, total);
        })
        .await?;

        let types = type_counts(&checkpoint);
        let config = checkpoint.config().clone();
        let info = ModelInfo {
            name: config.name.clone().unwrap_or_else(|| "unnamed".into()),
            format: checkpoint.format().to_string(),
            quantisation: types.first().map_or_else(String::new, |t| t.name.clone()),
            parameters: checkpoint.parameters(),
            file_bytes: total,
            tensor_types: types,
            context_length: shape.context,
            prefill_chunk: shape.chunk,
            batch: shape.batch,
            kv_positions: shape.positions(),
            has_chat_template: tokenizer.has_chat_template(),
            backend: BackendInfo {
                // A page may have started fewer threads, or found fewer to be faster.
                threads,
                ..open.info
            },
            path: shape.path,
            variant,
            memory,
            load: LoadTiming::default(),
            config,
        };
        let capabilities = executor.capabilities();
        let Capabilities {
            blocks,
            block_size,
            copies_blocks,
            ..
        } = capabilities;
        let scheduler = Scheduler::new(
            limits(&capabilities, options.policy),
            BlockPool::new(blocks, block_size, copies_blocks),
        );
        let mut engine = Self {
            executor,
            capabilities,
            tokenizer,
            constraints: Arc::default(),
            info,
            failures: open.failures,
            gpu: open.gpu,
            in_flight: VecDeque::new(),
            scheduler,
            requests: HashMap::new(),
            aborted: Vec::new(),
            events: Vec::new(),
            next_id: 0,
            epoch: Stopwatch::start(),
        };
        let start = watch.ms();
        // The first answer must not wait for kernels to compile.
        let mut warmed = |done, total| report(progress, LoadPhase::Compile, done, total);
        engine.diagnostics().warm_up(&mut warmed).await?;
        watch.book(LoadSpan::WarmUp, start);
        if let Some(gpu) = &engine.gpu {
            for [start, end] in gpu.take_compiles(watch.ms()) {
                watch.add(LoadSpan::Compile, start, end);
            }
        }
        engine.info.load = watch.timing();
        Ok(engine)
    }
}

fn report(progress: &mut dyn FnMut(LoadProgress), phase: LoadPhase, done: u64, total: u64) {
    progress(LoadProgress { phase, done, total });
}

fn chunk(options: &LoadOptions, info: &BackendInfo) -> usize {
    let default = if info.software { CHUNK_CPU } else { CHUNK_GPU };
    options.prefill_chunk.unwrap_or(default).max(1)
}

fn depth(options: &LoadOptions, info: &BackendInfo) -> usize {
    let default = if info.software { DEPTH_CPU } else { DEPTH_GPU };
    options
        .readback_depth
        .unwrap_or(default)
        .clamp(1, DEPTH_MAX)
}

/// Returns the path that `checkpoint` would take on a device and the memory it would need there, without
/// loading it.
///
/// # Errors
/// [`ForwardError::NoPath`] if no path supports the model and options.
pub fn memory_ledger(
    checkpoint: &Checkpoint,
    options: &LoadOptions,
    info: &BackendInfo,
) -> Result<(ForwardPath, MemoryLedger), ForwardError> {
    let shape = shape(checkpoint.config(), options, info)?;
    let memory = forward::memory_ledger(checkpoint, shape, info.backend);
    Ok((shape.path, memory))
}

/// Returns the dimensions and settings for a model of `config` on a device.
fn shape(
    config: &ModelConfig,
    options: &LoadOptions,
    info: &BackendInfo,
) -> Result<Shape, ForwardError> {
    let context = options.context_for(config);
    let shape = Shape {
        context,
        batch: options.batch.unwrap_or(1),
        chunk: chunk(options, info).min(context),
        kv_blocks: options.kv_blocks,
        path: forward::choose_path(options.path, config, info)?,
        kv: options.kv,
        variant: options.variant,
        threads: options.threads,
        activations: options.activations,
        instruction_set: options.instruction_set,
    };
    shape.check(info.backend)?;
    Ok(shape)
}

/// Returns the backend that a load with `options` would use, without a model.
///
/// # Errors
/// [`ForwardError`] if the requested backend or adapter is missing.
pub async fn probe(options: &LoadOptions) -> Result<BackendInfo, EngineError> {
    Ok(match choose(options).await? {
        Ok((_, _, info)) => info,
        Err(reason) => open_cpu(options, reason).info,
    })
}

/// Returns the adapter to open, or the reason why the CPU is chosen instead of one.
async fn choose(options: &LoadOptions) -> Result<Result<Adapter, Option<String>>, ForwardError> {
    let name = options.adapter.as_deref();
    Ok(match options.backend {
        BackendChoice::Cpu => Err(None),
        BackendChoice::Wgpu => Ok(find_adapter(name).await?),
        BackendChoice::Auto => match find_adapter(name).await {
            // A named adapter is used or is an error; there is no fallback.
            found if name.is_some() => Ok(found?),
            Ok((_, _, info)) if info.software => Err(Some(software_reason(&info))),
            found => found.map_err(|error| Some(error.to_string())),
        },
    })
}

async fn open_device(options: &LoadOptions) -> Result<OpenDevice, ForwardError> {
    let falls_back = options.backend == BackendChoice::Auto && options.adapter.is_none();
    match choose(options).await? {
        Err(reason) => Ok(open_cpu(options, reason)),
        Ok(found) => match open_wgpu(found).await {
            Err(error) if falls_back => Ok(open_cpu(options, Some(error.to_string()))),
            opened => opened,
        },
    }
}

fn software_reason(info: &BackendInfo) -> String {
    format!(
        "the only GPU adapter, {}, is itself a program on the CPU, and slower than computing there directly",
        info.adapter
    )
}
