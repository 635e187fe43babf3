//! Maps the tensor names of GGUF and Hugging Face checkpoints to ours, in one table.

use std::fmt;

/// Name of a tensor of a Llama.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TensorName {
    /// V x C: token embedding, one row per token.
    TokenEmbedding,
    /// C: weight of the final RMSNorm.
    OutputNorm,
    /// V x C: output matrix; absent where it is tied to the embedding.
    Output,
    /// D / 2: divisors of the rotary frequencies (GGUF only).
    RopeFreqs,
    /// A tensor of a transformer block, by the block's index.
    Block(usize, BlockTensor),
}

/// A tensor of a transformer block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlockTensor {
    /// C: weight of the RMSNorm before attention.
    AttnNorm,
    /// H*D x C.
    Q,
    /// K*D x C.
    K,
    /// K*D x C.
    V,
    /// C x H*D.
    O,
    /// H*D.
    QBias,
    /// K*D.
    KBias,
    /// K*D.
    VBias,
    /// C.
    OBias,
    /// C: weight of the RMSNorm before the feed-forward layer.
    FfnNorm,
    /// F x C.
    Gate,
    /// F x C.
    Up,
    /// C x F.
    Down,
    /// F.
    GateBias,
    /// F.
    UpBias,
    /// C.
    DownBias,
}

use BlockTensor as B;
use TensorName as T;

/// A tensor's name here, in GGUF files and in Hugging Face checkpoints.
type NameRow<T> = (T, &'static str, &'static str);

const TOP: [NameRow<TensorName>; 4] = [
    (
        T::TokenEmbedding,
        "token_embd.weight",
        "model.embed_tokens.weight",
    ),
    (T::OutputNorm, "output_norm.weight", "model.norm.weight"),
    (T::Output, "output.weight", "lm_head.weight"),
    (T::RopeFreqs, "rope_freqs.weight", "rope_freqs.weight"),
];

/// Tensors of a block; their names follow `blk.N.` or `model.layers.N.`.
const BLOCK: [NameRow<BlockTensor>; 16] = [
    (B::AttnNorm, "attn_norm.weight", "input_layernorm.weight"),
    (B::Q, "attn_q.weight", "self_attn.q_proj.weight"),
    (B::K, "attn_k.weight", "self_attn.k_proj.weight"),
    (B::V, "attn_v.weight", "self_attn.v_proj.weight"),
    (B::O, "attn_output.weight", "self_attn.o_proj.weight"),
    (B::QBias, "attn_q.bias", "self_attn.q_proj.bias"),
    (B::KBias, "attn_k.bias", "self_attn.k_proj.bias"),
    (B::VBias, "attn_v.bias", "self_attn.v_proj.bias"),
    (B::OBias, "attn_output.bias", "self_attn.o_proj.bias"),
    (
        B::FfnNorm,
        "ffn_norm.weight",
        "post_attention_layernorm.weight",
    ),
    (B::Gate, "ffn_gate.weight", "mlp.gate_proj.weight"),
    (B::Up, "ffn_up.weight", "mlp.up_proj.weight"),
    (B::Down, "ffn_down.weight", "mlp.down_proj.weight"),
    (B::GateBias, "ffn_gate.bias", "mlp.gate_proj.bias"),
    (B::UpBias, "ffn_up.bias", "mlp.up_proj.bias"),
    (B::DownBias, "ffn_down.bias", "mlp.down_proj.bias"),
];

/// File format that determines a tensor's name.
#[derive(Clone, Copy)]
enum NameFormat {
    Gguf,
    HuggingFace,
}

impl NameFormat {
    fn name<T>(self, row: &NameRow<T>) -> &'static str {
        match self {
            Self::Gguf => row.1,
            Self::HuggingFace => row.2,
        }
    }

    fn block_prefix(self) -> &'static str {
        match self {
            Self::Gguf => "blk.",
            Self::HuggingFace => "model.layers.",
        }
    }
}

impl TensorName {
    /// Returns the tensor that a GGUF file calls `stored`.
    pub fn from_gguf(stored: &str) -> Option<Self> {
        Self::parse(stored, NameFormat::Gguf)
    }

    /// Returns the tensor that a Hugging Face checkpoint calls `stored`.
    pub fn from_hugging_face(stored: &str) -> Option<Self> {
        Self::parse(stored, NameFormat::HuggingFace)
    }

    /// Returns the name in a GGUF file.
    pub fn gguf(self) -> String {
        self.name_in(NameFormat::Gguf)
    }

    /// Returns the name in a Hugging Face checkpoint.
    pub fn hugging_face(self) -> String {
        self.name_in(NameFormat::HuggingFace)
    }

    fn parse(stored: &str, format: NameFormat) -> Option<Self> {
        if let Some(row) = TOP.iter().find(|row| format.name(row) == stored) {
            return Some(row.0);
        }
        let (number, rest) = stored
            .strip_prefix(format.block_prefix())?
            .split_once('.')?;
        let index: usize = number.parse().ok()?;
        // "+1" and "01" also parse, but would be a second name of the same tensor.
        if index.to_string() != number {
            return None;
        }
        let row = BLOCK.iter().find(|row| format.name(row) == rest)?;
        Some(Self::Block(index, row.0))
    }

    fn name_in(self, format: NameFormat) -> String {
        match self {
            Self::Block(index, tensor) => {
                let row = BLOCK.iter().find(|row| row.0 == tensor);
                let rest = row.map_or("", |row| format.name(row));
                format!("{}{index}.{rest}", format.block_prefix())
            }
            _ => {
                let row = TOP.iter().find(|row| row.0 == self);
                row.map_or("", |row| format.name(row)).to_owned()
            }
        }
    }
}

impl fmt::Display for TensorName {
    /// Formats the GGUF name, which is the shorter one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.gguf())
    }
}

impl BlockTensor {
    /// Iterates over all tensors that a block can have.
    pub fn all() -> impl Iterator<Item = Self> {
        BLOCK.iter().map(|row| row.0)
    }

    /// Returns true for biases, which not every model has.
    pub fn is_bias(self) -> bool {
        let mut rows = BLOCK.iter();
        rows.any(|row| row.0 == self && row.1.ends_with(".bias"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_in_both_formats() {
        let blocks = BlockTensor::all().map(|tensor| TensorName::Block(12, tensor));
        for name in TOP.iter().map(|row| row.0).chain(blocks) {
            assert_eq!(TensorName::from_gguf(&name.gguf()), Some(name));
            assert_eq!(
                TensorName::from_hugging_face(&name.hugging_face()),
                Some(name)
            );
        }
    }

    #[test]
    fn from_gguf_rejects_similar_names() {
        for stored in [
            "",
            "blk.",
            "blk.1",
            "blk.01.attn_q.weight",
            "blk.+1.attn_q.weight",
            "blk.x.attn_q.weight",
            "blk.99999999999999999999.attn_q.weight",
            "blk.0.attn_qkv.weight",
            "model.layers.0.self_attn.q_proj.weight",
        ] {
            assert_eq!(TensorName::from_gguf(stored), None, "{stored}");
        }
    }
}
