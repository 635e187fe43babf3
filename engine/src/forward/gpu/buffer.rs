//! Memory of a device: burn's, held in place.

use std::any::Any;
use std::rc::Rc;

use cubecl::bytes::Bytes;
use cubecl::server::Handle;
use cubecl::wgpu::{AutoCompiler, WgpuResource, WgpuServer};
use wgpu::{BufferDescriptor, BufferUsages, CommandEncoderDescriptor, MapMode};

use super::super::error::ForwardError;
use super::Gpu;

/// Memory on the device.
#[derive(Clone)]
pub struct Buffer {
    handle: Handle,
    place: WgpuResource,
    /// Holds it there: the runtime may move what nobody holds.
    _held: Rc<dyn Any>,
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Buffer")
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

impl Buffer {
    /// As a tensor of burn's has it.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Its length.
    pub fn bytes(&self) -> u64 {
        self.place.size
    }

    pub(super) const fn place(&self) -> &WgpuResource {
        &self.place
    }
}

impl Gpu {
    /// Memory that holds anything.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime has none.
    pub fn empty(&self, bytes: usize) -> Result<Buffer, ForwardError> {
        // Memory that was given back goes to the next who asks, so nobody may still be about to use it.
        self.submit()?;
        self.place(self.client.empty(bytes))
    }

    /// Memory that holds `values`.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime has none.
    pub fn create(&self, values: Bytes) -> Result<Buffer, ForwardError> {
        self.submit()?;
        let handle = self.client.create(values);
        self.unsettled.set(true);
        self.place(handle)
    }

    fn place(&self, handle: Handle) -> Result<Buffer, ForwardError> {
        let held = self
            .client
            .get_resource::<WgpuServer<AutoCompiler>>(handle.clone());
        match held {
            Ok(held) => Ok(Buffer {
                handle,
                place: held.resource().clone(),
                _held: Rc::new(held),
            }),
            Err(error) => Err(ForwardError::Device {
                message: format!("no memory to be had: {error:?}"),
            }),
        }
    }

    /// Writes `bytes` to `buffer` from byte `at` on (both multiples of 4), before whatever is launched
    /// from here on and after what was.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the runtime refuses.
    pub fn write(&self, buffer: &Buffer, at: usize, bytes: &[u8]) -> Result<(), ForwardError> {
        self.submit()?;
        let place = buffer.place();
        let at = place.offset + at as u64;
        self.queue.write_buffer(&place.buffer, at, bytes);
        Ok(())
    }

    /// What `buffer` holds once all that was launched has run.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed.
    pub async fn read(&self, buffer: &Buffer) -> Result<Vec<u8>, ForwardError> {
        self.submit()?;
        let place = buffer.place();
        let size = place.size.next_multiple_of(4);
        let staging = self.device.create_buffer(&BufferDescriptor {
            label: Some("read"),
            size,
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self
            .device
            .create_command_encoder(&CommandEncoderDescriptor::default());
        encoder.copy_buffer_to_buffer(&place.buffer, place.offset, &staging, 0, Some(size));
        self.queue.submit([encoder.finish()]);
        self.mapped(staging, |bytes| bytes[..place.size as usize].to_vec())
            .await
    }

    /// Waits for the copy into `staging`, and takes from it.
    pub(super) async fn mapped<T>(
        &self,
        staging: wgpu::Buffer,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, ForwardError> {
        let (sender, mapped) = futures::channel::oneshot::channel();
        staging.map_async(MapMode::Read, .., move |result| {
            // Nobody waits any more where the receiver is gone.
            let _unheard = sender.send(result);
        });
        let failed = |message: String| ForwardError::Device {
            message: format!("what was computed could not be read: {message}"),
        };
        // In a browser this does nothing: its event loop does it.
        self.device
            .poll(wgpu::PollType::wait_indefinitely())
            .map_err(|error| failed(error.to_string()))?;
        match mapped.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed("the device is gone".into())),
        }
        let view = staging
            .get_mapped_range(..)
            .map_err(|error| failed(error.to_string()))?;
        Ok(take(&view))
    }
}
