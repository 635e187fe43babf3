//! Readback of device memory.

use futures::channel::oneshot::{self, Receiver};
use wgpu::{BufferAsyncError, Device, MapMode, PollType, SubmissionIndex};

use super::super::error::ForwardError;

/// A staging buffer that a submission copies to, to be read by the host.
pub(super) struct Mapping {
    staging: wgpu::Buffer,
    submission: SubmissionIndex,
    mapped: Receiver<Result<(), BufferAsyncError>>,
}

impl Mapping {
    /// Maps `staging` for reading once `submission` is done.
    pub fn new(staging: wgpu::Buffer, submission: SubmissionIndex) -> Self {
        let (sender, mapped) = oneshot::channel();
        staging.map_async(MapMode::Read, .., move |result| {
            // The receiver may be gone.
            let _ignored = sender.send(result);
        });
        Self {
            staging,
            submission,
            mapped,
        }
    }

    /// Waits for the mapping, passes the bytes to `take`, and returns its result and the staging buffer for
    /// reuse.
    pub async fn take<T>(
        self,
        device: &Device,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<(T, wgpu::Buffer), ForwardError> {
        let failed = |message: String| {
            ForwardError::device(format!("results could not be read back: {message}"))
        };
        let Self {
            staging,
            submission,
            mapped,
        } = self;
        // A no-op in a browser, where the event loop completes the mapping.
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
