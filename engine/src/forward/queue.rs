//! Submitting, waiting and reading back, as separate calls so that each gets its own span.

use burn::backend::DispatchDevice;
use burn::tensor::{Device, Tensor};

use super::error::ForwardError;

/// Submits all encoded operations to the device's queue. Does nothing on the CPU backend.
pub fn submit(device: &Device) -> Result<(), ForwardError> {
    match device.as_dispatch() {
        DispatchDevice::Cube(cube) => cube.client().flush().map_err(failed),
        #[cfg(feature = "reference")]
        _ => Ok(()),
    }
}

/// Waits until the device has finished everything submitted.
pub async fn wait(device: &Device) -> Result<(), ForwardError> {
    match device.as_dispatch() {
        DispatchDevice::Cube(cube) => cube.client().sync().await.map_err(failed),
        #[cfg(feature = "reference")]
        _ => Ok(()),
    }
}

fn failed(error: impl std::fmt::Debug) -> ForwardError {
    ForwardError::device(format!("{error:?}"))
}

/// Reads all values of `tensor`, row by row.
///
/// # Errors
/// [`ForwardError::Device`] if the device failed; the message names the values as `what`.
pub async fn read_rows(tensor: Tensor<2>, what: &str) -> Result<Vec<f32>, ForwardError> {
    let failed =
        |error: String| ForwardError::device(format!("the {what} could not be read: {error}"));
    let data = tensor.into_data_async().await;
    let data = data.map_err(|error| failed(error.to_string()))?;
    let values = data.try_into_vec::<f32>();
    values.map_err(|error| failed(format!("{error:?}")))
}
