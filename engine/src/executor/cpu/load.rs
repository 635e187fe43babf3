//! Loads a model's tensors for the CPU path, as they are stored.

use std::collections::VecDeque;

use llamaglass_cpu::{Capacity, Dimensions, LayerTensor, Projection, Tensor};
use llamaglass_shaders::{Heads, KV_BLOCK};

use super::super::{Capabilities, HostSamplers};
use super::CpuExecutor;
use crate::forward::{ForwardError, LoadError, Loader, Shape, angles, format, kernel_kv};
use crate::platform::begin_cpu_model;
use crate::timing::LoadSpan;
use crate::weights::{BlockTensor, ModelConfig, RopeLayout, TensorName};

impl CpuExecutor {
    /// Loads the weights; the threads share the packing of each tensor.
    pub async fn load(loader: &mut Loader<'_>, shape: Shape) -> Result<Self, LoadError> {
        let config = loader.checkpoint.config().clone();
        let dimensions = dimensions(&config);
        let mut builder = begin_cpu_model(dimensions, shape.instruction_set, shape.threads)
            .await
            .map_err(ForwardError::from)?;
        for (name, tensor) in tensors(&config) {
            let Some(info) = loader.checkpoint.tensor(name) else {
                // Only biases are optional, and the builder names everything else that is missing.
                continue;
            };
            if info.shape.len() == 1 {
                let values = loader.values(name).await?;
                builder.vector(tensor, values).map_err(ForwardError::from)?;
                continue;
            }
            let (stored, tensor_type) = loader.stored(name).await?;
            let start = loader.watch.ms();
            builder
                .matrix(tensor, format(tensor_type), &stored)
                .map_err(ForwardError::from)?;
            loader.watch.book(LoadSpan::Repack, start);
        }
        let capacity = Capacity {
            rows: shape.rows(),
            outputs: shape.batch,
            slots: shape.batch,
            context: shape.context,
            // The first block belongs to no sequence.
            blocks: shape.pool() + 1,
            kv: kernel_kv(shape.kv),
        };
        let model = builder
            .build(capacity, angles(&config, shape.context))
            .map_err(ForwardError::from)?;
        Ok(Self {
            model,
            capabilities: Capabilities {
                slots: shape.batch,
                rows: shape.chunk,
                tile: 1,
                context: shape.context,
                depth: 1,
                chained: false,
                samples_on_device: false,
                blocks: shape.pool(),
                block_size: KV_BLOCK,
                copies_blocks: true,
            },
            samplers: HostSamplers::default(),
            submitted: VecDeque::new(),
            rows: Vec::with_capacity(shape.rows()),
            outputs: Vec::with_capacity(shape.batch),
            blocks: Vec::with_capacity(shape.blocks()),
        })
    }
}

fn dimensions(config: &ModelConfig) -> Dimensions {
    Dimensions {
        vocab: config.vocab_size,
        hidden: config.hidden_size,
        layers: config.n_layers,
        heads: Heads {
            queries: config.n_heads,
            kv: config.n_kv_heads,
            dim: config.head_dim,
        },
        ffn: config.ffn_size,
        eps: config.rms_eps,
        halves: config.rope.layout == RopeLayout::Halves,
        tied: config.tied,
    }
}

/// Returns all tensors that a model may have, in the order in which files usually store them.
fn tensors(config: &ModelConfig) -> Vec<(TensorName, Tensor)> {
    use BlockTensor as B;
    use LayerTensor as L;
    use Projection as P;
    const BLOCK: [(BlockTensor, LayerTensor); 16] = [
        (B::AttnNorm, L::AttnNorm),
        (B::Q, L::Matrix(P::Query)),
        (B::QBias, L::Bias(P::Query)),
        (B::K, L::Matrix(P::Key)),
        (B::KBias, L::Bias(P::Key)),
        (B::V, L::Matrix(P::Value)),
        (B::VBias, L::Bias(P::Value)),
        (B::O, L::Matrix(P::AttnOutput)),
        (B::OBias, L::Bias(P::AttnOutput)),
        (B::FfnNorm, L::FfnNorm),
        (B::Gate, L::Matrix(P::Gate)),
        (B::GateBias, L::Bias(P::Gate)),
        (B::Up, L::Matrix(P::Up)),
        (B::UpBias, L::Bias(P::Up)),
        (B::Down, L::Matrix(P::Down)),
        (B::DownBias, L::Bias(P::Down)),
    ];
    let mut all = vec![(TensorName::TokenEmbedding, Tensor::Embedding)];
    for layer in 0..config.n_layers {
        all.extend(
            BLOCK.map(|(name, tensor)| {
                (TensorName::Block(layer, name), Tensor::Layer(layer, tensor))
            }),
        );
    }
    all.push((TensorName::OutputNorm, Tensor::OutputNorm));
    if !config.tied {
        all.push((TensorName::Output, Tensor::Output));
    }
    all
}
