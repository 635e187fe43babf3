//! Memory on its way to the host.

use futures::channel::oneshot::{self, Receiver};
use wgpu::{BufferAsyncError, Device, MapMode, PollType, SubmissionIndex};

use super::super::error::ForwardError;

/// Memory that a submission copies to, to be read by the host.
pub(super) struct Mapping {
    staging: wgpu::Buffer,
    submission: SubmissionIndex,
    mapped: Receiver<Result<(), BufferAsyncError>>,
}

impl Mapping {
    /// Asks for `staging`, once `submission` is done.
    pub fn new(staging: wgpu::Buffer, submission: SubmissionIndex) -> Self {
        let (sender, mapped) = oneshot::channel();
        staging.map_async(MapMode::Read, .., move |result| {
            // Nobody waits any more where the receiver is gone.
            let _unheard = sender.send(result);
        });
        Self {
            staging,
            submission,
            mapped,
        }
    }

    /// Waits for it, and takes from it; the memory, to be used again.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed.
    pub async fn take<T>(
        self,
        device: &Device,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<(T, wgpu::Buffer), ForwardError> {
        let failed = |message: String| ForwardError::Device {
            message: format!("what was computed could not be read: {message}"),
        };
        let Self {
            staging,
            submission,
            mapped,
        } = self;
        // In a browser this does nothing: its event loop does it.
        let wait = PollType::Wait {
            submission_index: Some(submission),
            timeout: None,
        };
        device
            .poll(wait)
            .map_err(|error| failed(error.to_string()))?;
        match mapped.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Err(_) => return Err(failed("the device is gone".into())),
        }
        let view = staging
            .get_mapped_range(..)
            .map_err(|error| failed(error.to_string()))?;
        let taken = take(&view);
        drop(view);
        staging.unmap();
        Ok((taken, staging))
    }
}
