//! Temporary: stands in until the real stage lands; delete this file then.
#![allow(
    missing_docs,
    dead_code,
    unused_variables,
    clippy::all,
    reason = "temporary"
)]
use super::*;
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorType {
    F32,
}
impl TensorType {
    pub fn name(self) -> &'static str {
        "F32"
    }
    pub fn dequantize(self, b: &[u8], out: &mut [f32]) -> Result<(), WeightsError> {
        todo!()
    }
}
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error("x")]
    X,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorName {
    TokenEmbedding,
    OutputNorm,
    Output,
    RopeFreqs,
    Block(usize, BlockTensor),
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockTensor {
    AttnNorm,
    Q,
    K,
    V,
    O,
    QBias,
    KBias,
    VBias,
    OBias,
    FfnNorm,
    Gate,
    Up,
    Down,
    GateBias,
    UpBias,
    DownBias,
}
pub struct TensorInfo {
    pub tensor_type: TensorType,
    pub bytes: u64,
}
#[derive(Debug)]
pub struct Checkpoint;
impl Checkpoint {
    pub async fn open(
        files: Vec<Box<dyn crate::bytes::ByteSource>>,
    ) -> Result<Checkpoint, WeightsError> {
        todo!()
    }
    pub fn config(&self) -> &ModelConfig {
        todo!()
    }
    pub fn format(&self) -> String {
        todo!()
    }
    pub fn tokenizer(&self) -> &TokenizerData {
        todo!()
    }
    pub fn tensors(&self) -> impl Iterator<Item = &TensorInfo> {
        [].iter()
    }
    pub fn tensor(&self, n: TensorName) -> Option<&TensorInfo> {
        todo!()
    }
    pub async fn read_raw(&self, n: TensorName) -> Result<Vec<u8>, WeightsError> {
        todo!()
    }
    pub async fn read_f32(&self, n: TensorName) -> Result<Vec<f32>, WeightsError> {
        todo!()
    }
    pub fn total_bytes(&self) -> u64 {
        0
    }
    pub fn parameters(&self) -> u64 {
        0
    }
}
