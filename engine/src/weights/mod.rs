//! Reads model files: GGUF and safetensors headers, tensor names and types, and the model's configuration.

mod checkpoint;
mod config_check;
mod dequantize;
mod detect;
mod error;
#[cfg(any(test, feature = "testing"))]
pub mod fuzz;
mod gguf;
mod hugging_face;
mod names;
mod quantize;
mod random;
mod shapes;
mod stored;
mod table;
mod tensor_type;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tokenizer_data;

pub use checkpoint::{Checkpoint, Format};
pub use error::WeightsError;
pub use gguf::{MetaArray, MetaType, MetaValue};
pub use hugging_face::config_from_json;
pub use llamaglass_types::{ModelConfig, RopeConfig, RopeLayout, RopeScaling};
pub use names::{BlockTensor, TensorName};
pub use shapes::{PRESETS, preset};
pub use table::TensorInfo;
pub use tensor_type::{TensorType, UnknownTensorType};
pub use tokenizer_data::{GgufTokenizer, TokenizerData};
