//! Our own kernels on a GPU: compiled once a device, launched or replayed, timed on the device's own
//! clock, and read back, with one submit a step.
//!
//! Memory and device are burn's, so that both paths through a model share them. Launches are not:
//! burn's runtime submits three times to time one span, and compiles where it launches.

mod buffer;
mod encode;
mod mapping;
mod pipelines;
mod profile;
mod stages;
mod subgroups;
mod work;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use cubecl::client::Client;
use llamaglass_shaders::Variant;
use wgpu::{BufferDescriptor, BufferUsages};

use super::error::ForwardError;
use crate::timing::{Clock, ClockSource};
pub use buffer::Buffer;
use encode::{Encoding, Mode};
pub use encode::{Tape, flat};
use pipelines::Pipelines;
pub use profile::{Profile, Timed};
use stages::Stages;
pub use stages::{DeviceStage, StepRead, StepResult};
pub use work::Work;

/// What launches were told is kept for the next ones up to this many different contents.
const INFOS_MAX: usize = 4096;

/// A device, and what its kernels need.
pub struct Gpu {
    client: Client,
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipelines: Pipelines,
    /// What launches were told, by its content.
    infos: RefCell<HashMap<Vec<u32>, wgpu::Buffer>>,
    encoding: RefCell<Encoding>,
    mode: RefCell<Mode>,
    stages: Stages,
    /// Invocations of a subgroup, where kernels may rely on them.
    subgroup_size: Option<u32>,
    /// Which variant of the kernels was found to be the fastest.
    fastest: Cell<Option<Variant>>,
    /// Whether burn's runtime may hold a write back.
    unsettled: Cell<bool>,
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpu")
            .field("pipelines", &self.pipelines)
            .finish_non_exhaustive()
    }
}

impl Gpu {
    /// Takes the device that `client` computes on, and finds out how fine its clock is and, where it was
    /// opened with `subgroups`, what they are like.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where it fails at that.
    pub async fn new(
        client: Client,
        device: wgpu::Device,
        queue: wgpu::Queue,
        subgroups: bool,
    ) -> Result<Rc<Self>, ForwardError> {
        let mut gpu = Self {
            stages: Stages::new(&device),
            pipelines: Pipelines::new(device.clone()),
            client,
            device,
            queue,
            infos: RefCell::default(),
            encoding: RefCell::default(),
            mode: RefCell::default(),
            subgroup_size: None,
            fastest: Cell::new(None),
            unsettled: Cell::new(false),
        };
        gpu.stages.clock = gpu.resolution_ms().await?.map(|resolution_ms| Clock {
            source: ClockSource::Device,
            resolution_ms,
        });
        if subgroups {
            gpu.subgroup_size = gpu.probe_subgroups().await?;
        }
        Ok(Rc::new(gpu))
    }

    /// When kernels were compiled since the last call, on the clock whose reading is `now_ms`: from, to.
    pub fn take_compiles(&self, now_ms: f64) -> Vec<[f64; 2]> {
        self.pipelines.take_times(now_ms)
    }

    /// burn's client of the device.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Milliseconds that a tick of the device's clock lasts.
    fn tick_ms(&self) -> f64 {
        f64::from(self.queue.get_timestamp_period()) / 1e6
    }

    /// Hands all that was launched to the device.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn submit(&self) -> Result<(), ForwardError> {
        self.settle()?;
        if let Some(commands) = self.encoding.borrow_mut().finish() {
            self.queue.submit([commands]);
        }
        Ok(())
    }

    /// The same, where nothing was launched, too: writes wait for the next submit.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn flush(&self) -> Result<(), ForwardError> {
        self.settle()?;
        self.queue.submit(self.encoding.borrow_mut().finish());
        Ok(())
    }

    /// Hands what burn's runtime was asked to write to the device.
    fn settle(&self) -> Result<(), ForwardError> {
        if self.unsettled.replace(false) {
            self.client.flush().map_err(|error| ForwardError::Device {
                message: format!("what was written could not be submitted: {error:?}"),
            })?;
        }
        Ok(())
    }

    /// A buffer that holds `info`.
    fn info(&self, info: &[u32]) -> wgpu::Buffer {
        let mut infos = self.infos.borrow_mut();
        if let Some(buffer) = infos.get(info) {
            return buffer.clone();
        }
        if infos.len() >= INFOS_MAX {
            // Recorded launches have their own hold on theirs.
            infos.clear();
        }
        let buffer = self.device.create_buffer(&BufferDescriptor {
            label: Some("info"),
            size: 4 * info.len() as u64,
            usage: BufferUsages::STORAGE | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let bytes: Vec<u8> = info.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.queue.write_buffer(&buffer, 0, &bytes);
        infos.insert(info.to_vec(), buffer.clone());
        buffer
    }
}
