//! KV cache of one layer, allocated once and written in place.

use burn::tensor::{Device, Tensor};

/// Keys and values of one layer, each [K, S, D] on the device.
#[derive(Debug)]
pub struct LayerCache {
    /// Taken out during a write, so that the write is the only owner and happens in place.
    keys: Option<Tensor<3>>,
    values: Option<Tensor<3>>,
    shape: [usize; 3],
}

impl LayerCache {
    /// Creates a zeroed cache for `kv_heads` heads of `head_dim` values and `context` positions.
    pub fn new(kv_heads: usize, context: usize, head_dim: usize, device: &Device) -> Self {
        let shape = [kv_heads, context, head_dim];
        Self {
            keys: Some(Tensor::zeros(shape, device)),
            values: Some(Tensor::zeros(shape, device)),
            shape,
        }
    }

    /// Writes `keys` and `values` [K, T, D] at `position`.
    pub fn write(&mut self, position: usize, keys: Tensor<3>, values: Tensor<3>) {
        write(&mut self.keys, self.shape, position, keys);
        write(&mut self.values, self.shape, position, values);
    }

    /// Does the same as [`LayerCache::write`] and [`LayerCache::read`], but returns a copy in new memory that
    /// joins the earlier positions and the new ones.
    pub fn concatenate(
        &mut self,
        position: usize,
        keys: Tensor<3>,
        values: Tensor<3>,
        len: usize,
    ) -> (Tensor<3>, Tensor<3>) {
        // Write before the read, whose result would keep the write from happening in place.
        self.write(position, keys.clone(), values.clone());
        let (all_keys, all_values) = self.read(len);
        (
            concatenate(all_keys, position, keys),
            concatenate(all_values, position, values),
        )
    }

    /// Returns the first `len` positions of keys and values, each [K, len, D].
    pub fn read(&self, len: usize) -> (Tensor<3>, Tensor<3>) {
        (
            read(&self.keys, self.shape, len),
            read(&self.values, self.shape, len),
        )
    }
}

fn write(slot: &mut Option<Tensor<3>>, [k, _, d]: [usize; 3], position: usize, rows: Tensor<3>) {
    let t = rows.dims()[1];
    *slot = slot
        .take()
        .map(|all| all.slice_assign([0..k, position..position + t, 0..d], rows));
}

fn concatenate(all: Tensor<3>, position: usize, rows: Tensor<3>) -> Tensor<3> {
    let [k, len, d] = all.dims();
    let behind = position + rows.dims()[1];
    let before = all.clone().slice([0..k, 0..position, 0..d]);
    // Masked positions, present because lengths are rounded up.
    let rest = all.slice([0..k, behind..len, 0..d]);
    let parts = [before, rows, rest].into_iter();
    Tensor::cat(parts.filter(|part| part.dims()[1] > 0).collect(), 1)
}

fn read(slot: &Option<Tensor<3>>, [k, _, d]: [usize; 3], len: usize) -> Tensor<3> {
    match slot {
        Some(all) => all.clone().slice([0..k, 0..len, 0..d]),
        None => unreachable!("a cache is put back by the write that took it"),
    }
}
