//! Reads a Hugging Face folder: config.json, safetensors, tokenizer.json and their companions.

mod config;
mod folder;
mod json;
mod safetensors;

pub use config::config_from_json;
pub(super) use folder::Folder;
pub(super) use safetensors::tensors;
