//! The tensors of a checkpoint under our names, checked against the configuration.

use std::collections::HashMap;

use super::stored::StoredTensor;
use super::{BlockTensor, ModelConfig, TensorName, TensorType, WeightsError};

/// A tensor of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Our name of the tensor.
    pub name: TensorName,
    /// Name in the file.
    pub stored_name: String,
    /// Storage type of the values.
    pub tensor_type: TensorType,
    /// Rows (outputs) and columns (inputs); norms and biases have columns only.
    pub shape: Vec<usize>,
    /// Size in the file, in bytes.
    pub bytes: u64,
    /// Index of the file that holds the tensor (0 for random weights).
    pub file: usize,
    /// Offset of the first byte in that file.
    pub offset: u64,
}

impl TensorInfo {
    pub(super) fn new(name: TensorName, file: usize, stored: StoredTensor) -> Self {
        Self {
            name,
            stored_name: stored.name,
            tensor_type: stored.tensor_type,
            shape: stored.shape,
            bytes: stored.bytes,
            file,
            offset: stored.offset,
        }
    }

    /// Number of values.
    pub fn elements(&self) -> u64 {
        self.shape.iter().map(|&n| n as u64).product()
    }
}

/// Flags of config.json for tensors that not every model has; `None` where the key is absent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DeclaredFlags {
    pub(super) tied: Option<bool>,
    pub(super) attention_bias: Option<bool>,
    pub(super) mlp_bias: Option<bool>,
}

/// The tensors of a checkpoint.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    tensors: Vec<TensorInfo>,
    by_name: HashMap<TensorName, usize>,
}

impl Table {
    /// Adds a tensor that is in `file`.
    pub(super) fn insert(&mut self, file: &str, tensor: TensorInfo) -> Result<(), WeightsError> {
        if self
            .by_name
            .insert(tensor.name, self.tensors.len())
            .is_some()
        {
            return Err(WeightsError::DuplicateTensor {
                file: file.to_owned(),
                tensor: tensor.stored_name,
            });
        }
        self.tensors.push(tensor);
        Ok(())
    }

    pub(super) fn all(&self) -> &[TensorInfo] {
        &self.tensors
    }

    pub(super) fn get(&self, name: TensorName) -> Option<&TensorInfo> {
        self.by_name.get(&name).map(|&index| &self.tensors[index])
    }

    /// Completes `config` from the tensors, then checks that every needed tensor exists and has the right
    /// shape. `spell` converts a tensor's name to the name in the file.
    pub(super) fn check(
        &self,
        config: &mut ModelConfig,
        declared: DeclaredFlags,
        file: &str,
        spell: fn(TensorName) -> String,
    ) -> Result<(), WeightsError> {
        self.resolve_flags(config, declared, file)?;
        let biases = |of: &[BlockTensor]| of.iter().any(|&bias| self.any_block(bias).is_some());
        let output_bias = biases(&[BlockTensor::OBias]);
        for name in required_tensors(config, output_bias) {
            let tensor = self.get(name).ok_or_else(|| WeightsError::MissingTensor {
                file: file.to_owned(),
                tensor: spell(name),
                why: why_needed(name, config),
            })?;
            check_shape(tensor, config, file)?;
        }
        for tensor in &self.tensors {
            if let TensorName::Block(block, _) = tensor.name
                && block >= config.n_layers
            {
                return Err(WeightsError::Config {
                    file: file.to_owned(),
                    what: format!(
                        "tensor {} is beyond the last of {} blocks",
                        tensor.stored_name, config.n_layers
                    ),
                });
            }
            check_shape(tensor, config, file)?;
        }
        Ok(())
    }

    /// Sets the flags of `config` that depend on which tensors exist.
    fn resolve_flags(
        &self,
        config: &mut ModelConfig,
        declared: DeclaredFlags,
        file: &str,
    ) -> Result<(), WeightsError> {
        use BlockTensor::{DownBias, GateBias, KBias, OBias, QBias, UpBias, VBias};
        config.tied = self.get(TensorName::Output).is_none() && declared.tied != Some(false);
        let has_biases = |key: &str, declared: Option<bool>, biases: &[BlockTensor]| match (
            declared,
            biases.iter().find_map(|&bias| self.any_block(bias)),
        ) {
            (Some(false), Some(bias)) => Err(WeightsError::Config {
                file: file.to_owned(),
                what: format!(
                    "{key} is false, but the file has tensor {}",
                    bias.stored_name
                ),
            }),
            (declared, found) => Ok(declared == Some(true) || found.is_some()),
        };
        let attention = [QBias, KBias, VBias, OBias];
        config.attention_bias = has_biases("attention_bias", declared.attention_bias, &attention)?;
        config.mlp_bias = has_biases("mlp_bias", declared.mlp_bias, &[GateBias, UpBias, DownBias])?;
        Ok(())
    }

    /// Returns the first tensor of this kind in any block.
    fn any_block(&self, kind: BlockTensor) -> Option<&TensorInfo> {
        let mut tensors = self.tensors.iter();
        tensors.find(|tensor| matches!(tensor.name, TensorName::Block(_, found) if found == kind))
    }
}

/// Iterates over the tensors that the configuration requires, in the order of use.
pub(super) fn required_tensors(
    config: &ModelConfig,
    output_bias: bool,
) -> impl Iterator<Item = TensorName> {
    use BlockTensor::{DownBias, GateBias, KBias, OBias, QBias, UpBias, VBias};
    let (attention_bias, mlp_bias, tied) = (config.attention_bias, config.mlp_bias, config.tied);
    let block = move |block| {
        let tensors = BlockTensor::all().filter(move |tensor| match tensor {
            QBias | KBias | VBias => attention_bias,
            OBias => attention_bias && output_bias,
            GateBias | UpBias | DownBias => mlp_bias,
            _ => true,
        });
        tensors.map(move |tensor| TensorName::Block(block, tensor))
    };
    let output = (!tied).then_some(TensorName::Output);
    [TensorName::TokenEmbedding]
        .into_iter()
        .chain((0..config.n_layers).flat_map(block))
        .chain([TensorName::OutputNorm])
        .chain(output)
}

/// Returns the shape that the configuration gives a tensor: rows, columns.
pub(super) fn expected_shape(config: &ModelConfig, name: TensorName) -> Vec<usize> {
    use BlockTensor as B;
    let (c, f, v) = (config.hidden_size, config.ffn_size, config.vocab_size);
    let q = config.n_heads * config.head_dim;
    let kv = config.n_kv_heads * config.head_dim;
    match name {
        TensorName::TokenEmbedding | TensorName::Output => vec![v, c],
        TensorName::OutputNorm => vec![c],
        TensorName::RopeFreqs => vec![config.head_dim / 2],
        TensorName::Block(_, tensor) => match tensor {
            B::AttnNorm | B::FfnNorm | B::OBias | B::DownBias => vec![c],
            B::Q => vec![q, c],
            B::K | B::V => vec![kv, c],
            B::O => vec![c, q],
            B::QBias => vec![q],
            B::KBias | B::VBias => vec![kv],
            B::Gate | B::Up => vec![f, c],
            B::Down => vec![c, f],
            B::GateBias | B::UpBias => vec![f],
        },
    }
}

fn check_shape(tensor: &TensorInfo, config: &ModelConfig, file: &str) -> Result<(), WeightsError> {
    let expected = expected_shape(config, tensor.name);
    if tensor.shape == expected {
        return Ok(());
    }
    Err(WeightsError::Shape {
        file: file.to_owned(),
        tensor: tensor.stored_name.clone(),
        expected,
        found: tensor.shape.clone(),
    })
}

fn why_needed(name: TensorName, config: &ModelConfig) -> String {
    match name {
        TensorName::Output => "tie_word_embeddings is false".to_owned(),
        TensorName::Block(block, tensor) if tensor.is_bias() => {
            format!(
                "block {block} of {} needs it: the model has such biases",
                config.n_layers
            )
        }
        TensorName::Block(block, _) => format!("block {block} of {} needs it", config.n_layers),
        _ => "every model needs it".to_owned(),
    }
}
