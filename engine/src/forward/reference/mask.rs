//! The causal mask.

use burn::tensor::{Device, Tensor, TensorData};

/// Large enough to vanish in a softmax, small enough to avoid NaN.
const MASKED: f32 = -1e30;

/// Granularity of the cache lengths that attention reads, so that a step's shapes, and with them its compiled
/// kernels, stay the same over many steps.
const BUCKET: usize = 64;

/// Returns how many cache positions attention reads for a sequence of `known` positions.
pub fn attend_len(known: usize, context: usize) -> usize {
    known.next_multiple_of(BUCKET).min(context)
}

/// Creates attention masks. A decode step's mask is never copied from the host.
#[derive(Debug)]
pub struct CausalMask {
    /// S zeros, then S times [`MASKED`]: any position's mask row is a window of this.
    line: Tensor<1>,
    context: usize,
}

impl CausalMask {
    /// Creates masks for sequences of up to `context` positions.
    pub fn new(context: usize, device: &Device) -> Self {
        let mut line = vec![0.0f32; context];
        line.resize(2 * context, MASKED);
        Self {
            line: Tensor::from_data(TensorData::new(line, [2 * context]), device),
            context,
        }
    }

    /// Returns the mask for `t` queries from `position` on, over `attend` cache positions, with `group` query
    /// heads per kv head: [1, 1, L] for one query, otherwise [1, G T, L].
    pub fn rows(&self, position: usize, t: usize, attend: usize, group: usize) -> Tensor<3> {
        if t == 1 {
            // Index j of the window is index S - 1 - position + j of the line: zero up to j = position.
            let start = self.context - 1 - position;
            return self
                .line
                .clone()
                .slice(start..start + attend)
                .reshape([1, 1, attend]);
        }
        let mut values = Vec::with_capacity(group * t * attend);
        for _ in 0..group {
            for query in position..position + t {
                let seen = (query + 1).min(attend);
                values.resize(values.len() + seen, 0.0);
                values.resize(values.len() + attend - seen, MASKED);
            }
        }
        Tensor::from_data(
            TensorData::new(values, [1, group * t, attend]),
            &self.line.device(),
        )
    }
}
