//! A model in the module, with the calls of [`llamaglass_cpu::Model`].

use llamaglass_cpu::wire::{
    KERNEL_TIME_VALUES, PART_TIME_VALUES, format_to_word, part_times_from_values,
};
use llamaglass_cpu::{Capacity, Dimensions, KernelTime, ModelError, Row, Tensor};
use llamaglass_shaders::{Format, KV_BLOCK};
use llamaglass_types::ThreadRates;
use llamaglass_types::timing::PartTimes;

use crate::calls::Call;
use crate::files::Files;
use crate::module::Module;
use crate::probe::fastest_threads;

/// A model that is being loaded.
#[derive(Debug)]
pub struct CpuModelBuilder {
    module: Module,
    dimensions: Dimensions,
}

impl CpuModelBuilder {
    /// Loads the module from `files` and begins a model, with up to `threads` threads.
    ///
    /// # Errors
    /// [`ModelError::Module`] if the module can't be loaded.
    pub async fn begin(
        files: &Files,
        dimensions: Dimensions,
        threads: usize,
    ) -> Result<Self, ModelError> {
        let module = Module::load(files, threads).await?;
        let words = dimensions.to_words();
        let calls = &module.calls;
        let address = calls.allocate(size_of_val(&words))?;
        calls.memory.write_words(address, &words);
        calls.run(Call::Begin, &[address, module.threads as u32])?;
        calls.release(address, size_of_val(&words))?;
        Ok(Self { module, dimensions })
    }

    /// Packs a matrix from `stored`, its rows as the file has them.
    ///
    /// # Errors
    /// [`ModelError::Module`], with the text of the error of `llamaglass_cpu::ModelBuilder::matrix`.
    pub fn matrix(
        &mut self,
        tensor: Tensor,
        format: Format,
        stored: &[u8],
    ) -> Result<(), ModelError> {
        let calls = &self.module.calls;
        let [kind, layer] = tensor.to_words();
        let address = calls.allocate(stored.len())?;
        calls.memory.write_bytes(address, stored);
        let len = stored.len() as u32;
        let arguments = [kind, layer, format_to_word(format), address, len];
        calls.run(Call::Matrix, &arguments)?;
        calls.release(address, stored.len())
    }

    /// Sets the values of a norm or a bias.
    ///
    /// # Errors
    /// [`ModelError::Module`], with the text of the error of `llamaglass_cpu::ModelBuilder::vector`.
    pub fn vector(&mut self, tensor: Tensor, values: Vec<f32>) -> Result<(), ModelError> {
        let [kind, layer] = tensor.to_words();
        let address = self.write_values(&values)?;
        let calls = &self.module.calls;
        calls.run(Call::Vector, &[kind, layer, address, values.len() as u32])?;
        calls.release(address, size_of_val(&values[..]))
    }

    /// Completes the model. `angles` are cosine and sine [S, D/2, 2] of each position and pair. Times steps on few and
    /// on many threads, and keeps the faster number.
    ///
    /// # Errors
    /// [`ModelError::Module`], with the text of the error of `llamaglass_cpu::ModelBuilder::build`.
    pub fn build(self, capacity: Capacity, angles: Vec<[f32; 2]>) -> Result<CpuModel, ModelError> {
        let words = capacity.to_words();
        let angles_at = self.write_values(angles.as_flattened())?;
        let calls = &self.module.calls;
        let address = calls.allocate(size_of_val(&words))?;
        calls.memory.write_words(address, &words);
        calls.run(Call::Build, &[address, angles_at, angles.len() as u32])?;
        calls.release(address, size_of_val(&words))?;
        calls.release(angles_at, size_of_val(&angles[..]))?;
        let row_bytes = size_of::<Row>();
        let table = capacity.context.div_ceil(KV_BLOCK);
        let mut model = CpuModel {
            rows_at: calls.allocate(capacity.rows * row_bytes)?,
            words_at: calls.allocate(capacity.outputs.max(table) * size_of::<u32>())?,
            dimensions: self.dimensions,
            capacity,
            words: Vec::new(),
            logits: Vec::new(),
            threads: self.module.threads,
            module: self.module,
        };
        if model.threads > 1 {
            model.choose_threads()?;
        }
        Ok(model)
    }

    fn write_values(&self, values: &[f32]) -> Result<u32, ModelError> {
        let calls = &self.module.calls;
        let address = calls.allocate(size_of_val(values))?;
        calls.memory.write_values(address, values);
        Ok(address)
    }
}

/// A loaded model with its KV cache.
#[derive(Debug)]
pub struct CpuModel {
    module: Module,
    dimensions: Dimensions,
    capacity: Capacity,
    threads: usize,
    /// Address of a step's rows in the module.
    rows_at: u32,
    /// Address of the indices of a step's outputs, or of entries of a block table.
    words_at: u32,
    /// Words that are about to be written, kept to be used again.
    words: Vec<u32>,
    /// Copy of the logits of the latest step.
    logits: Vec<f32>,
}

impl CpuModel {
    /// Times decode steps on few and on many threads, and keeps the faster number.
    fn choose_threads(&mut self) -> Result<(), ModelError> {
        // Its keys and values go to the cache's first block, which belongs to no sequence.
        let row = Row {
            id: 0,
            position: 0,
            slot: 0,
        };
        let threads = fastest_threads(self.threads, |threads| {
            self.set_threads(threads)?;
            self.step(&[row], &[0]).map(|_| ())
        })?;
        self.set_threads(threads)?;
        self.take_times();
        Ok(())
    }

    /// Dimensions of the model.
    pub const fn dimensions(&self) -> &Dimensions {
        &self.dimensions
    }

    /// Number of threads that share a step.
    pub const fn threads(&self) -> usize {
        self.threads
    }

    /// Lets only the first `threads` threads share the next steps: at least one, and at most those that started.
    ///
    /// # Errors
    /// [`ModelError::Module`] if the module stops.
    pub fn set_threads(&mut self, threads: usize) -> Result<(), ModelError> {
        let calls = &self.module.calls;
        self.threads = calls.number(Call::SetThreads, &[threads as u32])? as usize;
        Ok(())
    }

    /// Returns the time that each part of the model took since the last call; none if the module has stopped.
    pub fn take_times(&mut self) -> PartTimes {
        let mut values = [0.0; PART_TIME_VALUES];
        let calls = &self.module.calls;
        if let Ok(address) = calls.find(Call::TakeTimes, &[]) {
            calls.memory.read_doubles(address, &mut values);
        }
        part_times_from_values(values)
    }

    /// Writes entries of the block table of `slot`, from index `first` on.
    ///
    /// # Errors
    /// [`ModelError`] if the table or the cache is smaller.
    pub fn set_blocks(
        &mut self,
        slot: usize,
        first: usize,
        blocks: &[u32],
    ) -> Result<(), ModelError> {
        // The memory has space for a whole table, whose last entry has the index that an error names.
        let entries = self.capacity.context.div_ceil(KV_BLOCK);
        if blocks.len() > entries {
            return Err(ModelError::OutOfRange {
                what: "table entry",
                index: first + blocks.len() - 1,
                count: entries,
            });
        }
        let calls = &self.module.calls;
        calls.memory.write_words(self.words_at, blocks);
        let count = blocks.len() as u32;
        let arguments = [slot as u32, first as u32, self.words_at, count];
        calls.run(Call::SetBlocks, &arguments)
    }

    /// Copies `count` cache blocks from `from` on over those from `to` on, one after the other.
    ///
    /// # Errors
    /// [`ModelError`] if the cache is smaller.
    pub fn copy_blocks(&mut self, from: usize, to: usize, count: usize) -> Result<(), ModelError> {
        let arguments = [from as u32, to as u32, count as u32];
        self.module.calls.run(Call::CopyBlocks, &arguments)
    }

    /// Computes `rows`, which writes the cache, and returns the logits [N, V] of the rows whose indices are in
    /// `outputs`.
    ///
    /// # Errors
    /// [`ModelError`] as `llamaglass_cpu::Model::step`.
    pub fn step(&mut self, rows: &[Row], outputs: &[usize]) -> Result<&mut [f32], ModelError> {
        self.compute(Call::Step, rows, outputs)
    }

    /// Returns the logits [N, V] of more rows of the last step, which computed `rows`.
    ///
    /// # Errors
    /// [`ModelError`] as [`CpuModel::step`].
    pub fn logits(&mut self, rows: &[Row], outputs: &[usize]) -> Result<&mut [f32], ModelError> {
        self.compute(Call::Logits, rows, outputs)
    }

    /// Looks the ids of `rows` up in the embedding, the first kernel of a step.
    ///
    /// # Errors
    /// [`ModelError`] as [`CpuModel::step`].
    pub fn embed(&mut self, rows: &[Row]) -> Result<(), ModelError> {
        let [rows, count, ..] = self.write_step(rows, &[])?;
        self.module.calls.run(Call::Embed, &[rows, count])
    }

    /// Computes `rows` of one sequence and returns the residual stream [T, C] after the embedding and after each
    /// layer.
    ///
    /// # Errors
    /// [`ModelError`] as [`CpuModel::step`].
    pub fn residuals(&mut self, rows: &[Row]) -> Result<Vec<Vec<f32>>, ModelError> {
        let [rows_at, count, ..] = self.write_step(rows, &[])?;
        let calls = &self.module.calls;
        let address = calls.find(Call::Residuals, &[rows_at, count])?;
        let len = rows.len() * self.dimensions.hidden;
        let mut all = vec![0.0; (self.dimensions.layers + 1) * len];
        calls.memory.read_values(address, &mut all);
        Ok(all.chunks(len.max(1)).map(<[f32]>::to_vec).collect())
    }

    /// Returns no rates: they are measured natively only.
    ///
    /// # Errors
    /// None.
    pub const fn peak_rates(&mut self) -> Result<Vec<ThreadRates>, ModelError> {
        Ok(Vec::new())
    }

    /// Runs a step and returns the time of each kernel.
    ///
    /// # Errors
    /// [`ModelError`] as [`CpuModel::step`].
    pub fn profile(
        &mut self,
        rows: &[Row],
        outputs: &[usize],
    ) -> Result<Vec<KernelTime>, ModelError> {
        let arguments = self.write_step(rows, outputs)?;
        let calls = &self.module.calls;
        let address = calls.find(Call::Profile, &arguments)?;
        let count = calls.number(Call::KernelCount, &[])? as usize;
        let mut values = vec![0.0; count * KERNEL_TIME_VALUES];
        calls.memory.read_doubles(address, &mut values);
        let (times, _) = values.as_chunks();
        Ok(times
            .iter()
            .filter_map(|values| KernelTime::from_values(*values))
            .collect())
    }

    fn compute(
        &mut self,
        call: Call,
        rows: &[Row],
        outputs: &[usize],
    ) -> Result<&mut [f32], ModelError> {
        let arguments = self.write_step(rows, outputs)?;
        let calls = &self.module.calls;
        let address = calls.find(call, &arguments)?;
        self.logits
            .resize(outputs.len() * self.dimensions.vocab, 0.0);
        calls.memory.read_values(address, &mut self.logits);
        Ok(&mut self.logits)
    }

    /// Writes a step's rows and outputs. Returns their addresses and numbers.
    fn write_step(&mut self, rows: &[Row], outputs: &[usize]) -> Result<[u32; 4], ModelError> {
        check("rows", rows.len(), self.capacity.rows)?;
        check("outputs", outputs.len(), self.capacity.outputs)?;
        let memory = &self.module.calls.memory;
        self.words.clear();
        self.words.extend(rows.iter().flat_map(Row::to_words));
        memory.write_words(self.rows_at, &self.words);
        self.words.clear();
        self.words
            .extend(outputs.iter().map(|output| *output as u32));
        memory.write_words(self.words_at, &self.words);
        Ok([
            self.rows_at,
            rows.len() as u32,
            self.words_at,
            outputs.len() as u32,
        ])
    }
}

/// Checks that a list fits into the memory that was allocated for it.
fn check(what: &'static str, count: usize, most: usize) -> Result<(), ModelError> {
    if count <= most {
        return Ok(());
    }
    Err(ModelError::TooMany { what, count, most })
}
