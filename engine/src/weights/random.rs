//! Seeded random weights of any shape: large models without a download, and tests without files.
//!
//! A tensor depends on nothing but the seed and its name, and is the same on every machine. Only integers and
//! one f32 multiplication per value are involved; `sin` and `ln` differ between platforms.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::stored::StoredTensor;
use super::table::{Table, TensorInfo, expected_shape, required_tensors};
use super::{BlockTensor, ModelConfig, TensorName, TensorType, WeightsError};

/// Standard deviation of matrices and biases; the default of transformers' `initializer_range`.
const MATRIX_DEVIATION: f32 = 0.02;

/// Standard deviation of a norm's weights around 1.
const NORM_DEVIATION: f32 = 0.05;

/// Maximum number of values drawn one by one. The rest of a larger tensor repeats runs of these in random
/// order, so that a model of billions of parameters is generated as fast as memory is copied.
const MAX_DRAWN_VALUES: u64 = 1 << 18;

/// Number of values per repeated run; a multiple of every type's block length.
const RUN_VALUES: u64 = 256;

/// Standard deviation of the sum of four uniform 16-bit numbers: sqrt(4 * (2^32 - 1) / 12).
const SUM_DEVIATION: f32 = 37_837.2;

/// Returns the tensor table of a random model: matrices in `tensor_type` (or in a replacement that divides
/// their rows), everything else in F32.
pub(super) fn table(config: &ModelConfig, tensor_type: TensorType) -> Result<Table, WeightsError> {
    let mut table = Table::default();
    for name in required_tensors(config, config.attention_bias) {
        let shape = expected_shape(config, name);
        let tensor_type = match shape.as_slice() {
            [_, columns] => tensor_type.for_row(*columns),
            _ => TensorType::F32,
        };
        let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        let stored = StoredTensor::new(name.gguf(), tensor_type, &shape, 0);
        let stored = stored.map_err(|what| WeightsError::Config {
            file: FILE.to_owned(),
            what,
        })?;
        table.insert(FILE, TensorInfo::new(name, 0, stored))?;
    }
    Ok(table)
}

/// Takes the place of a file name in messages.
pub(super) const FILE: &str = "random weights";

/// Generates the stored bytes of a tensor.
pub(super) fn bytes(tensor: &TensorInfo, seed: u64) -> Result<Vec<u8>, WeightsError> {
    let is_norm = matches!(
        tensor.name,
        TensorName::OutputNorm | TensorName::Block(_, BlockTensor::AttnNorm | BlockTensor::FfnNorm)
    );
    let (mean, deviation) = match is_norm {
        true => (1.0, NORM_DEVIATION),
        false => (0.0, MATRIX_DEVIATION),
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed ^ hash(&tensor.stored_name));
    let drawn = tensor.elements().min(MAX_DRAWN_VALUES);
    let values = (0..drawn).map(|_| mean + deviation * normal(&mut rng));
    let mut bytes = tensor.tensor_type.quantize(&values.collect::<Vec<f32>>())?;
    let total = usize::try_from(tensor.bytes).map_err(|_| WeightsError::Unsupported {
        file: FILE.to_owned(),
        what: format!("tensor {} of {} bytes", tensor.stored_name, tensor.bytes),
    })?;
    // Runs are copies of the values drawn above, never of other copies.
    let run = tensor.tensor_type.bytes_of(RUN_VALUES).unwrap_or(1) as usize;
    let runs = bytes.len() / run;
    bytes.reserve_exact(total - bytes.len());
    while bytes.len() < total {
        let start = (rng.next_u32() as usize % runs) * run;
        let end = start + run.min(total - bytes.len());
        bytes.extend_from_within(start..end);
    }
    Ok(bytes)
}

/// Draws an approximately normal value with standard deviation 1: the sum of four uniform draws (Irwin-Hall
/// distribution).
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let bits = rng.next_u64();
    let sum: i32 = (0..4).map(|i| i32::from((bits >> (16 * i)) as u16)).sum();
    (sum - 2 * 65_535) as f32 / SUM_DEVIATION
}

/// Returns the FNV-1a hash.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
