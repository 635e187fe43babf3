//! Streams weights from a checkpoint to a device, tensor by tensor.

use std::borrow::Cow;

use burn::tensor::Device;

use super::device::OpenDevice;
use super::error::{ForwardError, LoadError};
use super::load_watch::LoadWatch;
use super::memory::check_buffer;
use super::queue;
use super::shape::{Shape, kernel_kv};
use crate::timing::LoadSpan;
use crate::weights::{Checkpoint, TensorName, TensorType, WeightsError};
use llamaglass_types::ForwardPath;
use llamaglass_types::limit;

/// Reads tensors and reports progress.
pub struct Loader<'a> {
    /// Source of the tensors.
    pub checkpoint: &'a Checkpoint,
    /// Device that they go to.
    pub open: &'a OpenDevice,
    /// Books the time.
    pub watch: &'a LoadWatch,
    done: u64,
    progress: &'a mut dyn FnMut(u64),
}

impl<'a> Loader<'a> {
    /// Creates a loader for a model of the given `shape`. `watch` books the time, and `progress` receives the
    /// number of file bytes loaded so far.
    ///
    /// # Errors
    /// [`ForwardError::BufferTooLarge`] if the device can't hold the KV cache.
    pub fn new(
        checkpoint: &'a Checkpoint,
        open: &'a OpenDevice,
        shape: Shape,
        watch: &'a LoadWatch,
        progress: &'a mut dyn FnMut(u64),
    ) -> Result<Self, ForwardError> {
        let config = checkpoint.config();
        // On the reference path, each sequence has its own cache, and keys and values have separate buffers.
        let (positions, tensors) = match shape.path {
            ForwardPath::Fast => (shape.positions(), 2),
            ForwardPath::Reference => (shape.context, 1),
        };
        let value_bytes = kernel_kv(shape.kv).bytes();
        let bytes = config.n_kv_heads * positions * config.head_dim * value_bytes;
        check_buffer(
            &open.info,
            || format!("the KV cache of one block for {positions} positions"),
            tensors * bytes as u64,
        )?;
        Ok(Self {
            checkpoint,
            open,
            watch,
            done: 0,
            progress,
        })
    }

    /// Reads a tensor's values as f32.
    pub async fn values(&mut self, name: TensorName) -> Result<Vec<f32>, WeightsError> {
        let start = self.watch.ms();
        let values = self.checkpoint.read_f32(name).await?;
        self.watch.book(LoadSpan::Read, start);
        self.advance(name);
        Ok(values)
    }

    /// Returns a tensor's bytes as stored, without a copy if the file is mapped, and its type.
    pub async fn stored(
        &mut self,
        name: TensorName,
    ) -> Result<(Cow<'a, [u8]>, TensorType), LoadError> {
        let start = self.watch.ms();
        let bytes = self.checkpoint.read_raw(name).await?;
        self.watch.book(LoadSpan::Read, start);
        let tensor_type = self.tensor_type(name)?;
        self.advance(name);
        Ok((bytes, tensor_type))
    }

    /// Returns the type in which a tensor is stored.
    pub fn tensor_type(&self, name: TensorName) -> Result<TensorType, LoadError> {
        let info = self.checkpoint.tensor(name);
        let info = info.ok_or_else(|| WeightsError::NoSuchTensor(name.gguf()))?;
        Ok(info.tensor_type)
    }

    /// Reads the token embedding for lookup on the host.
    pub async fn host_embedding(&mut self) -> Result<HostEmbedding, LoadError> {
        let (raw, tensor_type) = self.stored(TensorName::TokenEmbedding).await?;
        // Outlives the file.
        let raw = raw.into_owned();
        Ok(HostEmbedding { raw, tensor_type })
    }

    /// Returns how many rows of `bytes` bytes fit one buffer; at least one.
    pub fn rows_per_buffer(&self, bytes: usize) -> usize {
        let limits = [limit::STORAGE_BINDING, limit::BUFFER];
        let limits = limits.iter().filter_map(|name| self.open.info.limit(name));
        let largest = limits.min().unwrap_or(u64::MAX);
        usize::try_from(largest / bytes as u64)
            .unwrap_or(usize::MAX)
            .max(1)
    }

    /// Returns burn's device.
    ///
    /// # Errors
    /// [`ForwardError::Device`] on the CPU's fast path, which has none.
    pub fn device(&self) -> Result<Device, ForwardError> {
        let device = self.open.device.clone();
        device.ok_or_else(|| ForwardError::device("burn has no device on this path"))
    }

    /// Waits until the device has finished everything submitted so far. This bounds the data in staging
    /// memory and reports failures close to their cause.
    pub async fn settle(&self) -> Result<(), LoadError> {
        let start = self.watch.ms();
        if let Some(device) = &self.open.device {
            queue::submit(device)?;
            queue::wait(device).await?;
        }
        self.watch.book(LoadSpan::Write, start);
        Ok(self.open.failures.check()?)
    }

    fn advance(&mut self, name: TensorName) {
        self.done += self.checkpoint.tensor(name).map_or(0, |info| info.bytes);
        (self.progress)(self.done);
    }
}

/// A token embedding [V, C] that exceeds the device's largest buffer and is looked up on the host.
#[derive(Debug)]
pub struct HostEmbedding {
    /// Rows as stored.
    raw: Vec<u8>,
    /// Type of the rows.
    tensor_type: TensorType,
}

impl HostEmbedding {
    /// Returns the rows [T, `c`] of `ids`, one per id.
    pub fn rows(&self, ids: &[u32], c: usize) -> Result<Vec<f32>, ForwardError> {
        let row_bytes = c / self.tensor_type.block_len() * self.tensor_type.block_bytes();
        let mut values = vec![0.0; ids.len() * c];
        for (row, id) in values.chunks_exact_mut(c).zip(ids) {
            let start = *id as usize * row_bytes;
            let stored = self.raw.get(start..start + row_bytes).unwrap_or_default();
            self.tensor_type.dequantize(stored, row).map_err(|error| {
                ForwardError::device(format!("row {id} of the token embedding: {error}"))
            })?;
        }
        Ok(values)
    }
}
