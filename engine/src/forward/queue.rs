//! Submitting and waiting, as separate calls so that each gets its own span.

use burn::backend::DispatchDevice;
use burn::tensor::Device;

use super::error::ForwardError;

/// Submits all encoded operations to the device's queue. Does nothing on the CPU backend.
///
/// # Errors
/// [`ForwardError::Device`] if the queue rejects them.
pub fn submit(device: &Device) -> Result<(), ForwardError> {
    match device.as_dispatch() {
        DispatchDevice::Cube(cube) => cube.client().flush().map_err(failed),
        _ => Ok(()),
    }
}

/// Waits until the device has finished everything submitted.
///
/// # Errors
/// [`ForwardError::Device`] if the device failed.
pub async fn wait(device: &Device) -> Result<(), ForwardError> {
    match device.as_dispatch() {
        DispatchDevice::Cube(cube) => cube.client().sync().await.map_err(failed),
        _ => Ok(()),
    }
}

fn failed(error: impl std::fmt::Debug) -> ForwardError {
    ForwardError::Device {
        message: format!("{error:?}"),
    }
}
