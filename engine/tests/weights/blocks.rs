//! Compares dequantisation with other implementations, bit for bit.

use std::collections::BTreeSet;

use llamaglass_engine::weights::TensorType;
use serde_json::Value;

use crate::support::{bits, data, unhex};

fn cases(file: &str) -> Vec<Value> {
    let text = std::fs::read(data("quant_blocks").join(file)).unwrap();
    let json: Value = serde_json::from_slice(&text).unwrap();
    json["cases"].as_array().unwrap().clone()
}

fn dequantized(case: &Value) -> (TensorType, Vec<u32>) {
    let tensor_type: TensorType = case["type"].as_str().unwrap().parse().unwrap();
    let raw = unhex(case["raw_hex"].as_str().unwrap());
    let mut out = vec![f32::NAN; raw.len() / tensor_type.block_bytes() * tensor_type.block_len()];
    tensor_type.dequantize(&raw, &mut out).unwrap();
    (tensor_type, bits(&out))
}

#[test]
fn dequantize_matches_gguf_package_for_every_type() {
    let mut seen = BTreeSet::new();
    for case in cases("gguf_python.json") {
        let (tensor_type, ours) = dequantized(&case);
        let theirs: Vec<u32> = serde_json::from_value(case["bits"].clone()).unwrap();
        let first = ours.iter().zip(&theirs).position(|(a, b)| a != b);
        assert_eq!(
            (first, ours.len()),
            (None, theirs.len()),
            "{tensor_type}: first difference"
        );
        seen.insert(tensor_type);
    }
    assert_eq!(seen, BTreeSet::from(TensorType::ALL));
}

#[test]
fn dequantize_matches_blocks_of_real_tensors() {
    let mut seen = BTreeSet::new();
    for file in ["smollm2.json", "llama-kquants.json"] {
        for case in cases(file) {
            let (tensor_type, ours) = dequantized(&case);
            let values: Vec<f32> = serde_json::from_value(case["values"].clone()).unwrap();
            assert_eq!(
                ours,
                bits(&values),
                "{file} {} {}",
                case["tensor"],
                case["block"]
            );
            seen.insert(tensor_type);
        }
    }
    let whole: BTreeSet<_> = TensorType::ALL
        .into_iter()
        .filter(|t| t.block_len() > 1)
        .collect();
    assert_eq!(seen, whole);
}
