//! A Llama's forward pass written from the papers in f64 loops. It shares only the checkpoint's values with
//! the engine, and checks the engine where no golden data exist.

use llamaglass_engine::weights::{
    BlockTensor, Checkpoint, ModelConfig, RopeLayout, RopeScaling, TensorName,
};
use pollster::block_on;

struct Oracle<'a> {
    checkpoint: &'a Checkpoint,
    config: &'a ModelConfig,
}

/// Returns the logits (V) after the last of `ids`.
pub fn last_logits(checkpoint: &Checkpoint, ids: &[u32]) -> Vec<f32> {
    let oracle = Oracle {
        checkpoint,
        config: checkpoint.config(),
    };
    oracle.logits(ids).iter().map(|x| *x as f32).collect()
}

impl Oracle<'_> {
    fn tensor(&self, name: TensorName) -> Option<Vec<f64>> {
        self.checkpoint.tensor(name)?;
        let values = block_on(self.checkpoint.read_f32(name)).unwrap();
        Some(values.into_iter().map(f64::from).collect())
    }

    fn linear(&self, block: usize, w: BlockTensor, b: BlockTensor, x: &[f64]) -> Vec<f64> {
        let weight = self.tensor(TensorName::Block(block, w)).unwrap();
        let mut y = product(&weight, x);
        if let Some(bias) = self.tensor(TensorName::Block(block, b)) {
            y.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
        }
        y
    }

    fn norm(&self, name: TensorName, x: &[f64]) -> Vec<f64> {
        let weight = self.tensor(name).unwrap();
        let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
        let rms = (mean + f64::from(self.config.rms_eps)).sqrt();
        x.iter().zip(weight).map(|(x, w)| x / rms * w).collect()
    }

    fn frequency(&self, pair: usize) -> f64 {
        let rope = &self.config.rope;
        let d = self.config.head_dim as f64;
        let w = 1.0 / f64::from(rope.theta).powf(2.0 * pair as f64 / d);
        match &rope.scaling {
            RopeScaling::None => w,
            RopeScaling::Linear { factor } => w / f64::from(*factor),
            RopeScaling::Factors(factors) => w / f64::from(factors[pair]),
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_context,
            } => {
                let [factor, low, high] =
                    [*factor, *low_freq_factor, *high_freq_factor].map(f64::from);
                let turns = *original_context as f64 * w / std::f64::consts::TAU;
                if turns < low {
                    w / factor
                } else if turns > high {
                    w
                } else {
                    let s = (turns - low) / (high - low);
                    w * ((1.0 - s) / factor + s)
                }
            }
        }
    }

    fn rotate(&self, head: &mut [f64], position: usize) {
        let half = head.len() / 2;
        for pair in 0..half {
            let (i, j) = match self.config.rope.layout {
                RopeLayout::Halves => (pair, pair + half),
                RopeLayout::Interleaved => (2 * pair, 2 * pair + 1),
            };
            let (sin, cos) = (position as f64 * self.frequency(pair)).sin_cos();
            (head[i], head[j]) = (head[i] * cos - head[j] * sin, head[i] * sin + head[j] * cos);
        }
    }

    fn logits(&self, ids: &[u32]) -> Vec<f64> {
        use BlockTensor as T;
        let config = self.config;
        let (c, d) = (config.hidden_size, config.head_dim);
        let embedding = self.tensor(TensorName::TokenEmbedding).unwrap();
        let row = |id: &u32| embedding[*id as usize * c..][..c].to_vec();
        let mut stream: Vec<Vec<f64>> = ids.iter().map(row).collect();
        for block in 0..config.n_layers {
            let mut keys: Vec<Vec<f64>> = Vec::new();
            let mut values: Vec<Vec<f64>> = Vec::new();
            for (position, x) in stream.iter_mut().enumerate() {
                let h = self.norm(TensorName::Block(block, T::AttnNorm), x);
                let mut q = self.linear(block, T::Q, T::QBias, &h);
                let mut k = self.linear(block, T::K, T::KBias, &h);
                q.chunks_mut(d).for_each(|head| self.rotate(head, position));
                k.chunks_mut(d).for_each(|head| self.rotate(head, position));
                keys.push(k);
                values.push(self.linear(block, T::V, T::VBias, &h));
                let mixed: Vec<f64> = q
                    .chunks(d)
                    .enumerate()
                    .flat_map(|(h, q)| {
                        let kv = h * config.n_kv_heads / config.n_heads * d;
                        attend(q, kv, &keys, &values)
                    })
                    .collect();
                let o = self.linear(block, T::O, T::OBias, &mixed);
                x.iter_mut().zip(o).for_each(|(x, o)| *x += o);
                let h = self.norm(TensorName::Block(block, T::FfnNorm), x);
                let gate = self.linear(block, T::Gate, T::GateBias, &h);
                let up = self.linear(block, T::Up, T::UpBias, &h);
                let act: Vec<f64> = gate
                    .iter()
                    .zip(up)
                    .map(|(g, u)| g / (1.0 + (-g).exp()) * u)
                    .collect();
                let down = self.linear(block, T::Down, T::DownBias, &act);
                x.iter_mut().zip(down).for_each(|(x, y)| *x += y);
            }
        }
        let h = self.norm(TensorName::OutputNorm, stream.last().unwrap());
        product(&self.tensor(TensorName::Output).unwrap_or(embedding), &h)
    }
}

fn product(weight: &[f64], x: &[f64]) -> Vec<f64> {
    let dot = |row: &[f64]| row.iter().zip(x).map(|(w, x)| w * x).sum();
    weight.chunks(x.len()).map(dot).collect()
}

fn attend(q: &[f64], kv: usize, keys: &[Vec<f64>], values: &[Vec<f64>]) -> Vec<f64> {
    let scale = (q.len() as f64).sqrt();
    let score = |k: &Vec<f64>| q.iter().zip(&k[kv..]).map(|(q, k)| q * k).sum::<f64>() / scale;
    let weights: Vec<f64> = keys.iter().map(|k| score(k).exp()).collect();
    let total: f64 = weights.iter().sum();
    (0..q.len())
        .map(|i| {
            weights
                .iter()
                .zip(values)
                .map(|(w, v)| w * v[kv + i])
                .sum::<f64>()
                / total
        })
        .collect()
}
