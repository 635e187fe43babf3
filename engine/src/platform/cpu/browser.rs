//! The page does not have the CPU path yet; burn's operations compute there.

use std::convert::Infallible;

use llamaglass_cpu::{Capacity, Dimensions, KernelTime, ModelError, Row, Tensor};
use llamaglass_shaders::Format;
use llamaglass_types::InstructionSet;
use llamaglass_types::timing::PartTimes;

/// True if this target has the CPU path.
pub const AVAILABLE: bool = false;

/// A model, of which there is none.
#[derive(Debug)]
pub struct CpuModel(Infallible);
/// A model that is being loaded, of which there is none.
#[derive(Debug)]
pub struct CpuModelBuilder(Infallible);

/// Fails.
///
/// # Errors
/// Always [`ModelError::Missing`].
pub async fn begin(
    _: Dimensions,
    _: Option<InstructionSet>,
    _: Option<usize>,
) -> Result<CpuModelBuilder, ModelError> {
    let tensor = "the CPU path in a browser".into();
    Err(ModelError::Missing { tensor })
}

/// Returns the instruction set and the number of threads.
pub fn describe(_: Option<InstructionSet>, _: Option<usize>) -> (InstructionSet, usize) {
    (InstructionSet::Simd128, 1)
}

#[expect(missing_docs, reason = "never called")]
impl CpuModelBuilder {
    pub fn matrix(&mut self, _: Tensor, _: Format, _: &[u8]) -> Result<(), ModelError> {
        match self.0 {}
    }

    pub fn vector(&mut self, _: Tensor, _: Vec<f32>) -> Result<(), ModelError> {
        match self.0 {}
    }

    pub fn build(self, _: Capacity, _: Vec<[f32; 2]>) -> Result<CpuModel, ModelError> {
        match self.0 {}
    }
}

#[expect(missing_docs, reason = "never called")]
impl CpuModel {
    pub fn dimensions(&self) -> &Dimensions {
        match self.0 {}
    }

    pub fn take_times(&mut self) -> PartTimes {
        match self.0 {}
    }

    pub fn set_blocks(&mut self, _: usize, _: usize, _: &[u32]) -> Result<(), ModelError> {
        match self.0 {}
    }

    pub fn copy_blocks(&mut self, _: usize, _: usize, _: usize) -> Result<(), ModelError> {
        match self.0 {}
    }

    pub fn step(&mut self, _: &[Row], _: &[usize]) -> Result<&mut [f32], ModelError> {
        match self.0 {}
    }

    pub fn embed(&mut self, _: &[Row]) -> Result<(), ModelError> {
        match self.0 {}
    }

    pub fn logits(&mut self, _: &[Row], _: &[usize]) -> Result<&mut [f32], ModelError> {
        match self.0 {}
    }

    pub fn residuals(&mut self, _: &[Row]) -> Result<Vec<Vec<f32>>, ModelError> {
        match self.0 {}
    }

    pub fn profile(&mut self, _: &[Row], _: &[usize]) -> Result<Vec<KernelTime>, ModelError> {
        match self.0 {}
    }
}
