//! The forward pass of one sequence in the CPU references of the shaders, without blocks, tiles or threads.

use llamaglass_shaders::cpu::{self, Cache};
use llamaglass_shaders::{Heads, Kv};

use super::random_model::RandomModel;
use crate::{LayerTensor, Projection, Tensor};

/// Returns the logits [T, V] of all rows of the sequence `ids`.
pub fn logits(model: &RandomModel, kv: Kv, ids: &[u32]) -> Vec<f32> {
    let dimensions = &model.dimensions;
    let (hidden, eps) = (dimensions.hidden, dimensions.eps);
    let matrix = |tensor| model.matrix_values(tensor);
    let norm = |x: &[f32], tensor| {
        let weight = model.vector(tensor).expect("a norm");
        cpu::rms_norm(x, weight, eps)
    };
    let angles = model.angles(ids.len());
    let embedding = matrix(Tensor::Embedding).expect("an embedding");
    let mut x = cpu::embed(&embedding, hidden, ids);
    for layer in 0..dimensions.layers {
        let apply = |projection, x: &[f32]| project(model, layer, projection, x);
        let normed = norm(&x, Tensor::Layer(layer, LayerTensor::AttnNorm));
        let parts = [Projection::Query, Projection::Key, Projection::Value]
            .map(|projection| apply(projection, &normed));
        let attn_out = attention(&parts, dimensions.heads, kv, &angles);
        add(&mut x, &apply(Projection::AttnOutput, &attn_out));
        let normed = norm(&x, Tensor::Layer(layer, LayerTensor::FfnNorm));
        let gate = apply(Projection::Gate, &normed);
        let up = apply(Projection::Up, &normed);
        let pairs: Vec<f32> = gate.iter().zip(&up).flat_map(|(g, u)| [*g, *u]).collect();
        add(&mut x, &apply(Projection::Down, &cpu::swiglu(&pairs)));
    }
    let normed = norm(&x, Tensor::OutputNorm);
    let output = matrix(Tensor::Output).unwrap_or(embedding);
    cpu::linear(&normed, &output, &[], hidden)
}

/// Multiplies by a projection and adds its bias.
fn project(model: &RandomModel, layer: usize, projection: Projection, x: &[f32]) -> Vec<f32> {
    let dimensions = &model.dimensions;
    let [rows, columns] = projection.shape(dimensions);
    let weights = model
        .matrix_values(Tensor::Layer(layer, LayerTensor::Matrix(projection)))
        .expect("a matrix");
    let bias = model.vector(Tensor::Layer(layer, LayerTensor::Bias(projection)));
    let mut y = cpu::linear(x, &weights, bias.unwrap_or(&[]), columns);
    let is_rotated = matches!(projection, Projection::Query | Projection::Key);
    if is_rotated && dimensions.halves {
        y = y
            .chunks_exact(rows)
            .flat_map(|row| pairs(row, dimensions.heads.dim))
            .collect();
    }
    y
}

/// Returns a row of heads with value i of a head's second half behind value i of its first half.
fn pairs(row: &[f32], dim: usize) -> Vec<f32> {
    let heads = row.chunks_exact(dim);
    heads
        .flat_map(|head| {
            let (first, second) = head.split_at(dim / 2);
            first.iter().zip(second).flat_map(|(a, b)| [*a, *b])
        })
        .collect()
}

fn attention(
    [queries, keys, values]: &[Vec<f32>; 3],
    heads: Heads,
    kv: Kv,
    angles: &[[f32; 2]],
) -> Vec<f32> {
    let (wide, narrow) = (heads.queries * heads.dim, heads.kv * heads.dim);
    let rows = queries.len() / wide;
    let qkv: Vec<f32> = (0..rows)
        .flat_map(|row| {
            let keys = &keys[row * narrow..][..narrow];
            let values = &values[row * narrow..][..narrow];
            [&queries[row * wide..][..wide], keys, values].concat()
        })
        .collect();
    let mut cache = Cache::new(heads, rows);
    let rotated = cpu::rope(&qkv, heads, angles, 0, &mut cache);
    if kv == Kv::F16 {
        for value in cache.keys.iter_mut().chain(&mut cache.values) {
            *value = half::f16::from_f32(*value).to_f32();
        }
    }
    cpu::attention(&rotated, heads, 0, &cache)
}

fn add(x: &mut [f32], y: &[f32]) {
    x.iter_mut().zip(y).for_each(|(x, y)| *x += y);
}
