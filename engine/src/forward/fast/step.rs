//! Runs steps: the embedding, the layers, the output and the sampling.

use burn::backend::{BackendTensor, DispatchAutodiffContext, DispatchTensor, DispatchTensorKind};
use burn::tensor::{DType, Tensor};
use burn_wgpu::CubeTensor;
use llamaglass_shaders::embed;
use llamaglass_shaders::params::EmbedParams;

use super::super::error::ForwardError;
use super::super::gpu::{Buffer, DeviceStage, Profile, StepRead, Work, flat};
use super::super::rows::{LogitRows, Rows};
use super::super::sampling_mode::SamplingMode;
use super::Fast;
use super::buffers::Buffers;
use super::captured::CapturedStep;
use super::layer::Layer;
use super::matrix::{Epilogue, Matrix, Product};

impl Fast {
    /// Encodes a step over the uploaded rows, or, without an upload, over the rows made from the latest
    /// samples. The step writes the cache and samples in `mode` for the rows that sample. With `top`, it
    /// also computes log-probabilities of the samples and of that many most probable ids.
    pub fn advance(&self, rows: Rows, mode: SamplingMode, top: Option<usize>) {
        self.forward(rows);
        let (gpu, samples) = (&self.gpu, rows.samples);
        if samples == 0 {
            return;
        }
        gpu.stage(DeviceStage::Sampling);
        self.replay(CapturedStep::Sampling(mode), samples);
        if let Some(top) = top {
            self.sampling
                .launch_logprobs(gpu, &self.buffers, samples, top);
        }
    }

    /// Encodes a step without sampling and returns the logits of the rows that would sample.
    pub fn encode_sampled(&self, rows: Rows) -> Option<Tensor<2>> {
        self.forward(rows);
        (rows.samples > 0).then(|| self.logits(&self.buffers.logits, rows.samples))
    }

    /// Encodes a step up to the logits of the rows that sample.
    fn forward(&self, rows: Rows) {
        self.gpu.stage(DeviceStage::Forward);
        if rows.samples > 0 && rows.is_decode() {
            return self.replay(CapturedStep::Decode, rows.samples);
        }
        self.launch_layers(rows);
        if rows.samples > 0 {
            self.sampled_output(rows);
        }
    }

    /// Replays `step` for `rows` rows, and captures it first if necessary.
    fn replay(&self, step: CapturedStep, rows: usize) {
        let graph = self.captured.get(&self.gpu, step, rows, || match step {
            CapturedStep::Decode => self.launch(Rows::decode(rows)),
            CapturedStep::Sampling(mode) => self.launch_sampling(mode, rows),
        });
        self.gpu.replay(&graph);
    }

    /// Submits everything encoded and requests the `count` ids sampled last, with the log-probabilities of
    /// the `top` most probable ids.
    pub fn read_step(&self, count: usize, top: Option<usize>) -> Result<StepRead, ForwardError> {
        let logprobs = top.map(|top| (&self.sampling.logprobs, top));
        self.gpu.read_step(&self.sampling.sampled, count, logprobs)
    }

    /// Runs a step over the `tokens` uploaded rows, which writes the cache, and returns the requested logits
    /// [rows, V]. The next step overwrites the logits of a single row.
    pub fn encode(
        &self,
        tokens: usize,
        rows: LogitRows,
    ) -> Result<Option<Tensor<2>>, ForwardError> {
        self.launch_layers(Rows::prompt(tokens));
        let (count, first) = match rows {
            LogitRows::None => {
                self.gpu.submit()?;
                return Ok(None);
            }
            LogitRows::Last => (1, tokens - 1),
            LogitRows::All => (tokens, 0),
        };
        let logits = if count == 1 {
            self.buffers.logits.clone()
        } else {
            self.gpu.empty(count * self.buffers.vocab * 4)?
        };
        self.output(first, count, &logits);
        self.gpu.submit()?;
        Ok(Some(self.logits(&logits, count)))
    }

    /// Returns the residual stream [T, C] of the `tokens` uploaded rows after the embedding and after each
    /// layer.
    pub async fn residuals(&self, tokens: usize) -> Result<Vec<Vec<f32>>, ForwardError> {
        self.embed(tokens);
        let mut all = vec![self.read_rows(tokens).await?];
        for layer in &self.layers {
            let rows = Rows::prompt(tokens);
            layer.launch(&self.gpu, &self.buffers, rows, &self.angles);
            all.push(self.read_rows(tokens).await?);
        }
        Ok(all)
    }

    async fn read_rows(&self, tokens: usize) -> Result<Vec<f32>, ForwardError> {
        let bytes = self.gpu.read(&self.buffers.x).await?;
        let (words, _) = bytes.as_chunks();
        let values = words.iter().map(|word| f32::from_le_bytes(*word));
        Ok(values.take(tokens * self.buffers.c).collect())
    }

    /// Runs a step over the `tokens` uploaded rows, and its sampling, with each launch between two
    /// timestamps. Graph 0 is the embedding, then one graph per layer, and the last is everything after the
    /// layers.
    pub async fn profile(&self, tokens: usize) -> Result<Profile, ForwardError> {
        let (gpu, rows) = (&self.gpu, Rows::prompt(tokens));
        let mut graphs = vec![gpu.capture(|| self.embed(tokens))];
        let layer =
            |layer: &Layer| gpu.capture(|| layer.launch(gpu, &self.buffers, rows, &self.angles));
        graphs.extend(self.layers.iter().map(layer));
        graphs.push(gpu.capture(|| {
            self.sampled_output(rows);
            self.launch_sampling(SamplingMode::Argmax, 1);
        }));
        gpu.profile(&graphs).await
    }

    pub(super) fn launch_sampling(&self, mode: SamplingMode, count: usize) {
        self.sampling.launch(&self.gpu, &self.buffers, mode, count);
    }

    /// Launches a step up to the logits of the rows that sample.
    fn launch(&self, rows: Rows) {
        self.embed(rows.total());
        for layer in &self.layers {
            layer.launch(&self.gpu, &self.buffers, rows, &self.angles);
        }
        self.sampled_output(rows);
    }

    /// Looks the uploaded ids up, unless the host did.
    pub fn embed(&self, tokens: usize) {
        let Some(embedding) = &self.embedding else {
            return;
        };
        let Buffers { step, x, c, .. } = &self.buffers;
        let Matrix {
            format,
            blocks,
            quants,
            scales,
            ..
        } = embedding;
        let kernel = embed(*format, *c);
        let groups = flat(&kernel, tokens * blocks);
        let params = EmbedParams {
            rows: tokens as u32,
        };
        let row = (quants.bytes() + scales.bytes()) / embedding.out as u64 + 4 * *c as u64;
        let work = Work {
            bytes: tokens as u64 * row,
            ..Default::default()
        };
        let buffers = [step, quants, scales, x];
        self.gpu
            .launch_for(work, &kernel, &buffers, &params, groups);
    }

    /// Runs `rows` through the embedding and all layers; steps with tiled rows are split into several
    /// submits.
    fn launch_layers(&self, rows: Rows) {
        self.embed(rows.total());
        for (index, layer) in self.layers.iter().enumerate() {
            if rows.tiled > 0 && index > 0 && index.is_multiple_of(self.layers_per_submit) {
                // An error here also fails the readback that the caller waits for.
                let _reported_later = self.gpu.submit();
            }
            layer.launch(&self.gpu, &self.buffers, rows, &self.angles);
        }
    }

    /// Computes the logits of the rows that sample.
    fn sampled_output(&self, rows: Rows) {
        let Buffers {
            x,
            step,
            normed,
            logits,
            ..
        } = &self.buffers;
        let count = rows.samples;
        match rows.first_sample {
            Some(first) => self.output(first, count, logits),
            None => {
                self.norm.launch_sampled(&self.gpu, x, step, count, normed);
                self.head(count, logits);
            }
        }
    }

    /// Computes the logits of `count` rows of the residual stream, from row `first` on.
    pub(super) fn output(&self, first: usize, count: usize, logits: &Buffer) {
        let Buffers { x, normed, .. } = &self.buffers;
        self.norm.launch(&self.gpu, x, first, count, normed);
        self.head(count, logits);
    }

    /// Multiplies the first `count` normed rows by the output matrix.
    pub(super) fn head(&self, count: usize, logits: &Buffer) {
        let buffers = &self.buffers;
        for (shard, column) in &self.head {
            let product = Product {
                x: &buffers.normed,
                rows: count,
                y: logits,
                stride: buffers.vocab,
                column: *column,
                epilogue: Epilogue::Store,
            };
            shard.launch(&self.gpu, buffers.variant, &product);
        }
    }

    fn logits(&self, buffer: &Buffer, rows: usize) -> Tensor<2> {
        let shape = [rows, self.buffers.vocab].into();
        let tensor = CubeTensor::new_contiguous(
            self.gpu.client().clone(),
            self.device.clone(),
            shape,
            buffer.handle().clone(),
            DType::F32,
        );
        Tensor::from_dispatch(DispatchTensor {
            kind: DispatchTensorKind::Cube(BackendTensor::Float(tensor)),
            autodiff: DispatchAutodiffContext::Disabled,
        })
    }
}
