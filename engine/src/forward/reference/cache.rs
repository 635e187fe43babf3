//! KV cache of one layer, allocated once and written in place.

use burn::tensor::{Device, Tensor};

/// Keys and values of one layer, each [K, S, D] on the device.
#[derive(Debug)]
pub struct LayerCache {
    keys: Tensor<3>,
    values: Tensor<3>,
}

impl LayerCache {
    /// Creates a zeroed cache for `kv_heads` heads of `head_dim` values and `context` positions.
    pub fn new(kv_heads: usize, context: usize, head_dim: usize, device: &Device) -> Self {
        let shape = [kv_heads, context, head_dim];
        Self {
            keys: Tensor::zeros(shape, device),
            values: Tensor::zeros(shape, device),
        }
    }

    /// Writes `keys` and `values` [K, T, D] at `position`.
    pub fn write(&mut self, position: usize, keys: Tensor<3>, values: Tensor<3>) {
        write(&mut self.keys, position, keys);
        write(&mut self.values, position, values);
    }

    /// Returns the first `len` positions of keys and values, each [K, len, D].
    pub fn read(&self, len: usize) -> (Tensor<3>, Tensor<3>) {
        (read(&self.keys, 0, len), read(&self.values, 0, len))
    }

    /// Copies the first `len` positions to new memory, and drops the copy.
    pub fn copy(&self, len: usize) {
        for all in [&self.keys, &self.values] {
            // Joining two parts forces a copy; a lone slice could share the cache's memory.
            let (first, rest) = (read(all, 0, len / 2), read(all, len / 2, len));
            let parts = [first, rest].into_iter();
            Tensor::cat(parts.filter(|part| part.dims()[1] > 0).collect(), 1);
        }
    }
}

fn write(all: &mut Tensor<3>, position: usize, rows: Tensor<3>) {
    let [k, t, d] = rows.dims();
    // As the only owner, the assignment happens in place.
    all.inplace(|all| all.slice_assign([0..k, position..position + t, 0..d], rows));
}

fn read(all: &Tensor<3>, begin: usize, end: usize) -> Tensor<3> {
    let [k, _, d] = all.dims();
    all.clone().slice([0..k, begin..end, 0..d])
}
