//! Runs our kernels on a GPU: they are compiled once per device, launched or replayed, timed on the device's
//! own clock and read back, with one submit per step.
//!
//! Memory and device belong to burn, so that both paths through a model share them. Launches bypass burn's
//! runtime, which submits three times to time one span and compiles at launch.

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
pub use encode::{CapturedGraph, flat};
use encode::{Encoding, Mode};
use pipelines::Pipelines;
pub use profile::Profile;
use stages::Stages;
pub use stages::{DeviceStage, StepRead, StepResult};
pub use work::Work;

/// Maximum number of distinct parameters whose buffers are kept for later launches.
const PARAMS_MAX: usize = 4096;

/// A GPU device, with everything its kernels need.
pub struct Gpu {
    client: Client,
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipelines: Pipelines,
    /// Buffers of launch parameters, by content.
    params: RefCell<HashMap<Vec<u8>, wgpu::Buffer>>,
    encoding: RefCell<Encoding>,
    mode: RefCell<Mode>,
    stages: Stages,
    /// Number of invocations per subgroup, if kernels can rely on subgroups.
    subgroup_size: Option<u32>,
    /// Fastest kernel variant, once measured.
    fastest: Cell<Option<Variant>>,
    /// True if burn's runtime may still hold a write back.
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
    /// Wraps the device of `client`. Measures its clock's resolution and, if it was opened with `subgroups`,
    /// probes them.
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
            params: RefCell::default(),
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

    /// Returns the start and end of each compilation since the last call, on the clock that now reads
    /// `now_ms`.
    pub fn take_compiles(&self, now_ms: f64) -> Vec<[f64; 2]> {
        self.pipelines.take_times(now_ms)
    }

    /// Returns burn's client of the device.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the duration of a tick of the device's clock, in milliseconds.
    fn tick_ms(&self) -> f64 {
        f64::from(self.queue.get_timestamp_period()) / 1e6
    }

    /// Submits everything launched.
    pub fn submit(&self) -> Result<(), ForwardError> {
        self.settle()?;
        if let Some(commands) = self.encoding.borrow_mut().finish() {
            self.queue.submit([commands]);
        }
        Ok(())
    }

    /// Submits even if nothing was launched, because writes wait for the next submit.
    pub fn flush(&self) -> Result<(), ForwardError> {
        self.settle()?;
        self.queue.submit(self.encoding.borrow_mut().finish());
        Ok(())
    }

    /// Submits the writes that burn's runtime still holds back.
    fn settle(&self) -> Result<(), ForwardError> {
        if self.unsettled.replace(false) {
            self.client.flush().map_err(|error| {
                ForwardError::device(format!("writes could not be submitted: {error:?}"))
            })?;
        }
        Ok(())
    }

    /// Returns a buffer that contains `params`.
    fn params_buffer(&self, params: &[u8]) -> wgpu::Buffer {
        let mut buffers = self.params.borrow_mut();
        if let Some(buffer) = buffers.get(params) {
            return buffer.clone();
        }
        if buffers.len() >= PARAMS_MAX {
            // Captured launches keep their own buffers alive.
            buffers.clear();
        }
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        let buffer = new_buffer(&self.device, "params", params.len() as u64, usage);
        self.queue.write_buffer(&buffer, 0, params);
        buffers.insert(params.to_vec(), buffer.clone());
        buffer
    }
}

/// Creates a buffer outside burn's memory.
fn new_buffer(device: &wgpu::Device, label: &str, size: u64, usage: BufferUsages) -> wgpu::Buffer {
    device.create_buffer(&BufferDescriptor {
        label: Some(label),
        size,
        usage,
        mapped_at_creation: false,
    })
}
