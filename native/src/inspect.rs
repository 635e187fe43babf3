//! `llamaglass inspect`: describes a model file and says if it fits the device.

use std::fmt::Write;
use std::process::ExitCode;

use anyhow::Result;
use llamaglass_driver::run_on_thread;
use llamaglass_engine::forward::{available, largest_buffer, limit};
use llamaglass_engine::tokenizer::Tokenizer;
use llamaglass_engine::weights::{Checkpoint, ModelConfig, TensorType};
use llamaglass_engine::{
    BackendInfo, LoadOptions, MemoryLedger, TypeCount, memory_ledger, probe, type_counts,
};
use llamaglass_report::bytes;
use serde::Serialize;

use crate::cli::InspectArgs;
use crate::load::backend_line;
use crate::model::Model;
use crate::output::{self, count};

/// Incremented when a field changes its meaning or is removed.
const SCHEMA_VERSION: u32 = 1;

#[derive(Debug, Serialize)]
struct Inspection {
    schema_version: u32,
    model: String,
    format: String,
    parameters: u64,
    file_bytes: u64,
    config: ModelConfig,
    tensor_types: Vec<TypeCount>,
    tensors: Vec<Tensor>,
    metadata: Vec<(String, String)>,
    tokenizer: TokenizerFacts,
    memory: MemoryLedger,
    fit: Fit,
    backend: BackendInfo,
}

#[derive(Debug, Serialize)]
struct Tensor {
    name: String,
    #[serde(rename = "type")]
    tensor_type: TensorType,
    shape: Vec<usize>,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct TokenizerFacts {
    eos_ids: Vec<u32>,
    has_chat_template: bool,
    /// Reason why the tokenizer can't be built.
    error: Option<String>,
}

/// Comparison of the model's memory needs with the device.
#[derive(Debug, Serialize)]
struct Fit {
    /// `None` if the device's memory is not known.
    fits: Option<bool>,
    needed_bytes: u64,
    available_bytes: Option<u64>,
    /// The comparison in words.
    why: String,
}

/// Runs the `inspect` command.
pub fn run(args: &InspectArgs) -> Result<ExitCode> {
    let model = Model::from_args(&args.model)?;
    let options = args.backend.load_options()?;
    let inspection = run_on_thread(move || inspect(&model, &options))?;
    if args.json {
        output::json(&inspection)?;
    } else {
        output::print(&table(&inspection, args.tensors))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn inspect(model: &Model, options: &LoadOptions) -> Result<Inspection> {
    let checkpoint = model.checkpoint()?;
    let backend = pollster::block_on(probe(options))?;
    let (path, memory) = memory_ledger(&checkpoint, options, &backend)?;
    let largest = largest_buffer(&checkpoint, &memory, path);
    let config = checkpoint.config().clone();
    Ok(Inspection {
        schema_version: SCHEMA_VERSION,
        model: config.name.clone().unwrap_or_else(|| model.label()),
        format: checkpoint.format().to_string(),
        parameters: checkpoint.parameters(),
        file_bytes: checkpoint.total_bytes(),
        tensor_types: type_counts(&checkpoint),
        tensors: tensors(&checkpoint),
        metadata: metadata(&checkpoint),
        tokenizer: tokenizer(&checkpoint),
        fit: fit(&memory, largest, &backend, available(&backend)),
        memory,
        config,
        backend,
    })
}

fn tensors(checkpoint: &Checkpoint) -> Vec<Tensor> {
    let tensors = checkpoint.tensors().map(|info| Tensor {
        name: info.stored_name.clone(),
        tensor_type: info.tensor_type,
        shape: info.shape.clone(),
        bytes: info.bytes,
    });
    tensors.collect()
}

fn metadata(checkpoint: &Checkpoint) -> Vec<(String, String)> {
    checkpoint.metadata().to_vec()
}

fn tokenizer(checkpoint: &Checkpoint) -> TokenizerFacts {
    match Tokenizer::new(checkpoint.tokenizer(), checkpoint.config()) {
        Ok(tokenizer) => TokenizerFacts {
            eos_ids: tokenizer.eos_ids().to_vec(),
            has_chat_template: tokenizer.has_chat_template(),
            error: None,
        },
        Err(error) => TokenizerFacts {
            eos_ids: checkpoint.config().eos_ids.clone(),
            has_chat_template: false,
            error: Some(error.to_string()),
        },
    }
}

/// Compares the model with the device's buffer limits and, if known, with its memory.
fn fit(
    memory: &MemoryLedger,
    largest_buffer: (&str, u64),
    backend: &BackendInfo,
    available_bytes: Option<u64>,
) -> Fit {
    let (what, largest) = largest_buffer;
    let needed_bytes = memory.total();
    let needed = bytes(needed_bytes);
    let limits = [limit::STORAGE_BINDING, limit::BUFFER];
    let limits = limits
        .iter()
        .filter_map(|name| Some((*name, backend.limit(name)?)));
    let limit = limits.min_by_key(|(_, limit)| *limit);
    let enough = available_bytes.map(|available| needed_bytes <= available);
    let (fits, why) = match (limit.filter(|(_, limit)| largest > *limit), enough) {
        (Some((name, limit)), _) => {
            let (largest, limit) = (bytes(largest), bytes(limit));
            let why = format!("{what} needs one buffer of {largest}, but {name} is {limit}");
            (Some(false), format!("no: {why}"))
        }
        (None, Some(true)) => (Some(true), format!("yes: {needed}")),
        (None, Some(false)) => {
            let hint = "a shorter --context or a smaller model helps";
            (Some(false), format!("no: {needed} needed; {hint}"))
        }
        (None, None) => {
            let adapter = &backend.adapter;
            (
                None,
                format!("{needed} needed; how much memory {adapter} has is not known"),
            )
        }
    };
    Fit {
        fits,
        needed_bytes,
        available_bytes,
        why: match available_bytes {
            Some(available) => format!("{why} ({} available)", bytes(available)),
            None => why,
        },
    }
}

fn table(facts: &Inspection, with_tensors: bool) -> String {
    let mut out = String::new();
    let mut row = |name: &str, value: &str| {
        let _infallible = writeln!(out, "{name:<14}{}", output::visible(value));
    };
    let config = &facts.config;
    row("model", &facts.model);
    row("format", &facts.format);
    row("parameters", &count(facts.parameters));
    row(
        "tensors",
        &format!("{} in {}", facts.tensors.len(), bytes(facts.file_bytes)),
    );
    for kind in &facts.tensor_types {
        let tensors = format!("{} tensors", kind.tensors);
        row(
            "",
            &format!("{:<6}{tensors:>12}{:>12}", kind.name, bytes(kind.bytes)),
        );
    }
    row(
        "shape",
        &format!(
            "{} blocks, hidden {}, ffn {}, {} heads, {} kv heads, head size {}, vocabulary {}, context {}",
            config.n_layers,
            config.hidden_size,
            config.ffn_size,
            config.n_heads,
            config.n_kv_heads,
            config.head_dim,
            config.vocab_size,
            config.context_length
        ),
    );
    row(
        "rope",
        &format!(
            "theta {}, scaling {:?}, {:?}",
            config.rope.theta, config.rope.scaling, config.rope.layout
        ),
    );
    row(
        "details",
        &format!(
            "norm epsilon {:e}, {} output matrix, attention biases {}, mlp biases {}",
            config.rms_eps,
            if config.tied { "tied" } else { "separate" },
            config.attention_bias,
            config.mlp_bias
        ),
    );
    let tokenizer = &facts.tokenizer;
    row(
        "tokenizer",
        &match &tokenizer.error {
            Some(error) => format!("can't be built: {error}"),
            None => format!(
                "bos {:?}, end ids {:?}, {} chat template",
                config.bos_id,
                tokenizer.eos_ids,
                if tokenizer.has_chat_template {
                    "with a"
                } else {
                    "no"
                }
            ),
        },
    );
    let memory = &facts.memory;
    row("backend", &backend_line(&facts.backend));
    if let Some(reason) = &facts.backend.fallback_reason {
        row("", &format!("no GPU is used: {reason}"));
    }
    row(
        "memory",
        &format!(
            "{} = weights {} + KV cache {} + activations {}",
            bytes(memory.total()),
            bytes(memory.weights),
            bytes(memory.kv_cache),
            bytes(memory.activations)
        ),
    );
    row("fits", &facts.fit.why);
    for (key, value) in &facts.metadata {
        row("metadata", &format!("{key} = {value}"));
    }
    if with_tensors {
        for tensor in &facts.tensors {
            let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
            let size = bytes(tensor.bytes);
            let name = tensor.tensor_type.name();
            row(
                "tensor",
                &format!(
                    "{:<28} {name:<5} [{}] {size}",
                    tensor.name,
                    shape.join(", ")
                ),
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(limit: u64, available: Option<u64>) -> Fit {
        let memory = MemoryLedger {
            weights: 26 << 30,
            ..MemoryLedger::default()
        };
        let backend = BackendInfo {
            backend: llamaglass_engine::Backend::Wgpu,
            api: "Vulkan".into(),
            adapter: "A GPU".into(),
            driver: String::new(),
            software: available.is_some(),
            features: Vec::new(),
            limits: vec![(limit::BUFFER.into(), limit)],
            fallback_reason: None,
            threads: None,
            instruction_set: None,
        };
        let largest = ("gate and up of a block", 344 << 20);
        fit(&memory, largest, &backend, available)
    }

    #[test]
    fn fit_distinguishes_buffer_limits_memory_and_unknown_memory() {
        let small_buffers = judged(128 << 20, Some(64 << 30));
        assert_eq!(small_buffers.fits, Some(false));
        let part = "gate and up of a block needs one buffer of 361 MB";
        assert!(small_buffers.why.contains(part), "{}", small_buffers.why);
        assert_eq!(judged(1 << 30, Some(64 << 30)).fits, Some(true));
        assert_eq!(judged(1 << 30, Some(16 << 30)).fits, Some(false));
        let unknown = judged(1 << 30, None);
        assert_eq!((unknown.fits, unknown.available_bytes), (None, None));
        assert!(unknown.why.contains("A GPU"), "{}", unknown.why);
    }
}
