//! Checks that random weights are the same on every machine and of a magnitude that keeps activations in range.

use llamaglass_engine::weights::testing::tiny_config;
use llamaglass_engine::weights::{
    BlockTensor, Checkpoint, ModelConfig, TensorName, TensorType, preset,
};
use pollster::block_on;

use crate::support::bits;

fn values(config: &ModelConfig, tensor_type: TensorType, seed: u64, name: TensorName) -> Vec<f32> {
    let checkpoint = Checkpoint::random(config.clone(), tensor_type, seed).unwrap();
    block_on(checkpoint.read_f32(name)).unwrap()
}

#[test]
fn random_weights_have_expected_distribution() {
    let config = ModelConfig {
        n_layers: 1,
        ..preset("smollm2-135m").unwrap()
    };
    // Larger than the part that is drawn value by value.
    let name = TensorName::Block(0, BlockTensor::Down);
    for tensor_type in TensorType::ALL {
        let values = values(&config, tensor_type, 1, name);
        assert_eq!(values.len(), 576 * 1536);
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / values.len() as f32;
        assert!(
            mean.abs() < 1e-3 && (variance.sqrt() - 0.02).abs() < 1e-3,
            "{tensor_type}: {mean} {variance}"
        );
        assert!(values.iter().all(|x| x.abs() < 0.1), "{tensor_type}");
    }
    let norm = values(&config, TensorType::Q4K, 1, TensorName::OutputNorm);
    assert!(norm.iter().all(|x| (0.7..1.3).contains(x)), "{norm:?}");
}

#[test]
fn random_weights_depend_on_seed_and_name() {
    let name = TensorName::Block(0, BlockTensor::Q);
    let first = values(&tiny_config(), TensorType::F32, 1, name);
    assert_eq!(first, values(&tiny_config(), TensorType::F32, 1, name));
    assert_ne!(first, values(&tiny_config(), TensorType::F32, 2, name));
    let other = TensorName::Block(1, BlockTensor::Q);
    assert_ne!(first, values(&tiny_config(), TensorType::F32, 1, other));
    // Fixed values, since other tests depend on models made of these.
    assert_eq!(bits(&first[..4]), GOLDEN, "{:?}", bits(&first[..4]));
}

const GOLDEN: [u32; 4] = [1024916388, 1000118343, 989024660, 3127102635];

#[test]
fn types_that_do_not_divide_rows_are_replaced() {
    let config = ModelConfig {
        n_layers: 1,
        ..preset("smollm2-135m").unwrap()
    };
    let checkpoint = Checkpoint::random(config, TensorType::Q4K, 1).unwrap();
    let tensor = |tensor| checkpoint.tensor(TensorName::Block(0, tensor)).unwrap();
    let of = |name| tensor(name).tensor_type;
    // Rows of 576 are not a multiple of 256; rows of 1536 are.
    assert_eq!(of(BlockTensor::Q), TensorType::Q5_0);
    assert_eq!(of(BlockTensor::Down), TensorType::Q4K);
    assert_eq!(of(BlockTensor::AttnNorm), TensorType::F32);
}
