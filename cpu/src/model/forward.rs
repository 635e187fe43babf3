//! The forward pass: embedding, layers, and the output matrix.

use llamaglass_shaders::KV_BLOCK;

use super::attend::Tables;
use super::buffers::gather;
use super::kernel_time::{KernelName, KernelTime, Laps};
use super::layer::Projection;
use super::step::Step;
use super::{Cache, Model, ModelError, Row, check, check_count};
use crate::kernels::Kernels;
use crate::work::Work;

impl Model {
    /// Computes `rows`, which writes the cache, and returns the logits [N, V] of the rows whose indices are in
    /// `outputs`.
    ///
    /// # Errors
    /// [`ModelError::TooMany`] if there are more rows or outputs than the model was loaded for, and
    /// [`ModelError::OutOfRange`] if a row has an id, position or slot that does not exist, or an output no row.
    /// Nothing is computed then.
    pub fn step(&mut self, rows: &[Row], outputs: &[usize]) -> Result<&mut [f32], ModelError> {
        self.check_outputs(rows, outputs)?;
        let start_ms = (self.runtime.clock)();
        self.embed(rows)?;
        for layer in 0..self.dimensions.layers {
            self.run_layer(layer, rows);
        }
        self.output(rows, outputs);
        let end_ms = (self.runtime.clock)();
        self.governor
            .after_step(&mut self.runtime.pool, end_ms, end_ms - start_ms);
        Ok(self
            .buffers
            .logits_mut(outputs.len(), self.dimensions.vocab))
    }

    /// Returns the logits [N, V] of more rows of the last step, which computed `rows`.
    ///
    /// # Errors
    /// [`ModelError::TooMany`] and [`ModelError::OutOfRange`] as in [`Model::step`].
    pub fn logits(&mut self, rows: &[Row], outputs: &[usize]) -> Result<&mut [f32], ModelError> {
        self.check_outputs(rows, outputs)?;
        self.output(rows, outputs);
        Ok(self
            .buffers
            .logits_mut(outputs.len(), self.dimensions.vocab))
    }

    /// Computes the logits of the rows whose indices are in `outputs`.
    fn output(&mut self, rows: &[Row], outputs: &[usize]) {
        if outputs.is_empty() {
            return;
        }
        let mut laps = Laps::start(self.runtime.clock);
        let weights = &self.weights;
        let mut step = Step::new(&self.runtime, &mut self.buffers, rows);
        step.norm(&weights.output_norm, self.dimensions.eps, outputs);
        let normed = laps.lap();
        step.head(weights.head(), outputs.len());
        let computed = laps.lap();
        let work = self.weights.head().work(outputs.len());
        self.book(
            KernelName::Norm,
            None,
            normed,
            self.norm_work(outputs.len()),
        );
        self.book(KernelName::Head, None, computed, work);
    }

    /// Runs a step and returns the time of each kernel.
    ///
    /// # Errors
    /// As [`Model::step`].
    pub fn profile(
        &mut self,
        rows: &[Row],
        outputs: &[usize],
    ) -> Result<Vec<KernelTime>, ModelError> {
        self.kernel_times = Some(Vec::new());
        let result = self.step(rows, outputs).map(|_| ());
        let times = self.kernel_times.take().unwrap_or_default();
        result.map(|()| times)
    }

    /// Computes `rows` of one sequence and returns the residual stream [T, C] after the embedding and after each
    /// layer.
    ///
    /// # Errors
    /// As [`Model::step`].
    pub fn residuals(&mut self, rows: &[Row]) -> Result<Vec<Vec<f32>>, ModelError> {
        self.embed(rows)?;
        let mut all = vec![self.residual(rows)];
        for layer in 0..self.dimensions.layers {
            self.run_layer(layer, rows);
            all.push(self.residual(rows));
        }
        Ok(all)
    }

    fn residual(&mut self, rows: &[Row]) -> Vec<f32> {
        let hidden = self.dimensions.hidden;
        let mut all = vec![0.0; rows.len() * hidden];
        let step = Step::new(&self.runtime, &mut self.buffers, rows);
        for (row, to) in all.chunks_exact_mut(hidden).enumerate() {
            gather(&step.buffers.residual, step.padded, row, 0, to);
        }
        all
    }

    fn check_rows(&self, rows: &[Row]) -> Result<(), ModelError> {
        check_count("rows", rows.len(), self.capacity.rows)?;
        for row in rows {
            check("token id", row.id as usize, self.dimensions.vocab)?;
            check("position", row.position as usize, self.capacity.context)?;
            check("slot", row.slot as usize, self.capacity.slots)?;
        }
        Ok(())
    }

    fn check_outputs(&self, rows: &[Row], outputs: &[usize]) -> Result<(), ModelError> {
        check_count("outputs", outputs.len(), self.capacity.outputs)?;
        outputs
            .iter()
            .try_for_each(|output| check("output row", *output, rows.len()))
    }

    /// Looks the ids of `rows` up in the embedding, the first kernel of a step.
    ///
    /// # Errors
    /// As [`Model::step`].
    pub fn embed(&mut self, rows: &[Row]) -> Result<(), ModelError> {
        self.check_rows(rows)?;
        let mut laps = Laps::start(self.runtime.clock);
        let hidden = self.dimensions.hidden;
        Step::new(&self.runtime, &mut self.buffers, rows).embed(&self.weights.embedding, hidden);
        let ms = laps.lap();
        let embedding = &self.weights.embedding;
        let work = Work {
            bytes: rows.len() * (embedding.bytes() / embedding.rows.max(1) + 4 * hidden),
            flop: 0,
        };
        self.book(KernelName::Embedding, None, ms, work);
        Ok(())
    }

    fn run_layer(&mut self, index: usize, rows: &[Row]) {
        let (layer, heads) = (&self.weights.layers[index], self.dimensions.heads);
        let (hidden, eps) = (self.dimensions.hidden, self.dimensions.eps);
        let tables = Tables {
            entries: &self.tables,
            per_slot: self.capacity.context.div_ceil(KV_BLOCK),
        };
        let mut laps = Laps::start(self.runtime.clock);
        let mut step = Step::new(&self.runtime, &mut self.buffers, rows);
        step.norm_all(&layer.attn_norm, eps);
        let attn_norm = laps.lap();
        step.qkv(layer, heads, &self.weights.angles);
        let qkv = laps.lap();
        match &mut self.cache {
            Cache::F32(caches) => {
                step.write_cache(&mut caches[index], heads, tables);
                step.attend(&caches[index], heads, tables, Kernels::attention_f32);
            }
            Cache::F16(caches) => {
                step.write_cache(&mut caches[index], heads, tables);
                step.attend(&caches[index], heads, tables, Kernels::attention_f16);
            }
        }
        let attention = laps.lap();
        step.attn_output(layer, heads, hidden);
        let attn_output = laps.lap();
        step.norm_all(&layer.ffn_norm, eps);
        let ffn_norm = laps.lap();
        step.gate_up(layer, self.dimensions.ffn);
        let gate_up = laps.lap();
        step.down(layer, self.dimensions.ffn, hidden);
        let down = laps.lap();
        for (kernel, ms) in [
            (KernelName::Norm, attn_norm),
            (KernelName::Qkv, qkv),
            (KernelName::Attention, attention),
            (KernelName::AttnOutput, attn_output),
            (KernelName::Norm, ffn_norm),
            (KernelName::GateUp, gate_up),
            (KernelName::Down, down),
        ] {
            self.times.add(kernel.part(), ms);
            if self.kernel_times.is_some() {
                let work = self.layer_work(kernel, index, rows);
                self.record(kernel, Some(index), ms, work);
            }
        }
    }

    fn book(&mut self, kernel: KernelName, layer: Option<usize>, ms: f64, work: Work) {
        self.times.add(kernel.part(), ms);
        self.record(kernel, layer, ms, work);
    }

    fn record(&mut self, kernel: KernelName, layer: Option<usize>, ms: f64, work: Work) {
        if let Some(times) = &mut self.kernel_times {
            times.push(KernelTime {
                kernel,
                layer,
                ms,
                bytes: work.bytes as u64,
                flop: work.flop as u64,
            });
        }
    }

    fn norm_work(&self, rows: usize) -> Work {
        let values = rows * self.dimensions.hidden;
        Work {
            bytes: 8 * values,
            flop: 4 * values,
        }
    }

    fn layer_work(&self, kernel: KernelName, index: usize, rows: &[Row]) -> Work {
        use Projection as P;
        let layer = &self.weights.layers[index];
        let products = |projections: &[P]| {
            let work = projections
                .iter()
                .map(|projection| layer.work(*projection, rows.len()));
            work.fold(Work::default(), Work::and)
        };
        match kernel {
            KernelName::Qkv => products(&[P::Query, P::Key, P::Value]),
            KernelName::AttnOutput => products(&[P::AttnOutput]),
            KernelName::GateUp => products(&[P::Gate, P::Up]),
            KernelName::Down => products(&[P::Down]),
            KernelName::Norm => self.norm_work(rows.len()),
            KernelName::Attention => {
                let heads = self.dimensions.heads;
                let seen: usize = rows.iter().map(|row| row.position as usize + 1).sum();
                // Rows of one sequence share the positions that they read.
                let longest = rows.iter().map(|row| row.position as usize + 1).max();
                let read = longest.unwrap_or(0) * 2 * heads.kv * heads.dim;
                Work {
                    bytes: read * self.capacity.kv.bytes() + 4 * rows.len() * heads.row(),
                    flop: 4 * seen * heads.queries * heads.dim,
                }
            }
            KernelName::Embedding | KernelName::Head => Work::default(),
        }
    }
}
