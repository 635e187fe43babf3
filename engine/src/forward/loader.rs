//! Streams weights from a checkpoint to a device, tensor by tensor.

use super::device::OpenDevice;
use super::error::{ForwardError, LoadError};
use super::fast;
use super::load_watch::LoadWatch;
use super::memory::check_buffer;
use super::model::{Model, Path};
use super::queue;
use super::reference::{self, Reference};
use super::shape::{Shape, kernel_kv};
use crate::timing::LoadSpan;
use crate::weights::{Checkpoint, TensorName, TensorType, WeightsError};
use llamaglass_types::ForwardPath;
use llamaglass_types::limit;

/// Loads every tensor of `checkpoint` and creates a model of the given `shape`.
///
/// `watch` books the time, and `progress` receives the number of file bytes loaded so far.
///
/// # Errors
/// [`LoadError`] if a tensor can't be read or the device can't hold it.
pub async fn load(
    checkpoint: &Checkpoint,
    open: &OpenDevice,
    shape: Shape,
    watch: &LoadWatch,
    progress: &mut dyn FnMut(u64),
) -> Result<Model, LoadError> {
    let config = checkpoint.config().clone();
    let device = open.device.clone();
    let context = shape.context;
    let mut loader = Loader {
        checkpoint,
        open,
        watch,
        done: 0,
        progress,
    };
    // Each sequence has its own cache on the reference path.
    let positions = match shape.path {
        ForwardPath::Fast => shape.positions(),
        ForwardPath::Reference => context,
    };
    let value_bytes = kernel_kv(shape.kv).bytes();
    let cache_bytes = (config.n_kv_heads * positions * config.head_dim * value_bytes) as u64;
    let buffers = if shape.path == ForwardPath::Fast {
        2
    } else {
        1
    };
    check_buffer(
        &open.info,
        || format!("the KV cache of one block for {positions} positions"),
        buffers * cache_bytes,
    )?;
    let (path, embedding) = match shape.path {
        ForwardPath::Reference => {
            let (parameters, embedding) = reference::load(&mut loader).await?;
            let reference = Reference::new(&config, parameters, (context, shape.batch), &device);
            (Path::Reference(Box::new(reference)), embedding)
        }
        ForwardPath::Fast => {
            let (fast, embedding) = fast::load(&mut loader, shape).await?;
            (Path::Fast(Box::new(fast)), embedding)
        }
    };
    loader.settle().await?;
    Ok(Model::new(config, device, context, path, embedding))
}

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

impl Loader<'_> {
    /// Reads a tensor's values as f32.
    pub async fn values(&mut self, name: TensorName) -> Result<Vec<f32>, WeightsError> {
        let start = self.watch.ms();
        let values = self.checkpoint.read_f32(name).await?;
        self.watch.book(LoadSpan::Read, start);
        self.advance(name);
        Ok(values)
    }

    /// Reads a tensor as stored, with its type.
    pub async fn stored(&mut self, name: TensorName) -> Result<(Vec<u8>, TensorType), LoadError> {
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

    /// Waits until the device has finished everything submitted so far. This bounds the data in staging
    /// memory and reports failures close to their cause.
    pub async fn settle(&self) -> Result<(), LoadError> {
        let start = self.watch.ms();
        queue::submit(&self.open.device)?;
        queue::wait(&self.open.device).await?;
        self.watch.book(LoadSpan::Write, start);
        match self.open.failures.take() {
            Some(message) => Err(ForwardError::Device { message }.into()),
            None => Ok(()),
        }
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
            self.tensor_type
                .dequantize(stored, row)
                .map_err(|error| ForwardError::Device {
                    message: format!("row {id} of the token embedding: {error}"),
                })?;
        }
        Ok(values)
    }
}
