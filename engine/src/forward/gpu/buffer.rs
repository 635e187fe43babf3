//! Device memory that is allocated by burn and pinned there.

use std::any::Any;
use std::rc::Rc;

use cubecl::bytes::Bytes;
use cubecl::server::Handle;
use cubecl::wgpu::{AutoCompiler, WgpuResource, WgpuServer};
use wgpu::BufferUsages;

use super::super::error::ForwardError;
use super::mapping::Mapping;
use super::{Gpu, new_buffer};

/// A buffer on the device.
#[derive(Clone)]
pub struct Buffer {
    handle: Handle,
    resource: WgpuResource,
    /// Pins the memory, which the runtime may move otherwise.
    _pin: Rc<dyn Any>,
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffer")
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

impl Buffer {
    /// Returns burn's handle of the memory.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Returns the size in bytes.
    pub fn bytes(&self) -> u64 {
        self.resource.size
    }

    pub(super) const fn resource(&self) -> &WgpuResource {
        &self.resource
    }
}

impl Gpu {
    /// Allocates uninitialised memory.
    pub fn empty(&self, bytes: usize) -> Result<Buffer, ForwardError> {
        // The runtime may reuse released memory, so submit every launch that still uses it.
        self.submit()?;
        self.pin(self.client.empty(bytes))
    }

    /// Allocates memory that contains `values`.
    pub fn create(&self, values: Bytes) -> Result<Buffer, ForwardError> {
        self.submit()?;
        let handle = self.client.create(values);
        self.unsettled.set(true);
        self.pin(handle)
    }

    /// Allocates the memory behind `handle` and pins it.
    fn pin(&self, handle: Handle) -> Result<Buffer, ForwardError> {
        let pin = self
            .client
            .get_resource::<WgpuServer<AutoCompiler>>(handle.clone());
        match pin {
            Ok(pin) => Ok(Buffer {
                handle,
                resource: pin.resource().clone(),
                _pin: Rc::new(pin),
            }),
            Err(error) => Err(ForwardError::device(format!(
                "device memory could not be allocated: {error:?}"
            ))),
        }
    }

    /// Writes `bytes` to `buffer` from byte `at` on (both multiples of 4), after all earlier launches and
    /// before all later ones.
    pub fn write(&self, buffer: &Buffer, at: usize, bytes: &[u8]) -> Result<(), ForwardError> {
        self.submit()?;
        let resource = buffer.resource();
        let at = resource.offset + at as u64;
        self.queue.write_buffer(&resource.buffer, at, bytes);
        Ok(())
    }

    /// Returns the contents of `buffer` after all earlier launches.
    pub async fn read(&self, buffer: &Buffer) -> Result<Vec<u8>, ForwardError> {
        self.submit()?;
        let resource = buffer.resource();
        let size = resource.size.next_multiple_of(4);
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let staging = new_buffer(&self.device, "read", size, usage);
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&resource.buffer, resource.offset, &staging, 0, Some(size));
        let submission = self.queue.submit([encoder.finish()]);
        let mapping = Mapping::new(staging, submission);
        let take = |bytes: &[u8]| bytes[..resource.size as usize].to_vec();
        let (bytes, _) = mapping.take(&self.device, take).await?;
        Ok(bytes)
    }
}
