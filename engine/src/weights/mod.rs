//! Model files to tensors: GGUF and safetensors headers, names, types, configuration.

mod config;
mod tokenizer_data;

pub use config::{ModelConfig, RopeConfig, RopeLayout, RopeScaling};
pub use tokenizer_data::{GgufTokenizer, TokenizerData};
mod stub;
pub use stub::*;
