//! Picking the largest logit on the device, so that eight bytes are read back and not V floats.

use burn::tensor::Tensor;
use cubecl::client::Client;
use cubecl::server::Handle;
use llamaglass_shaders::ARGMAX;

use super::error::ForwardError;
use super::kernel::{launch, on_device};

/// A pick that was issued and is to be read.
pub struct DevicePick {
    client: Client,
    /// `[2]` u32: the id, and whether there is one.
    picked: Handle,
}

/// Issues the pick of the largest finite logit of `logits` [1, V].
///
/// On the CPU backend there is nothing to save: the logits come back, for the host to pick.
///
/// # Errors
/// The logits, where they are not on a device.
pub fn issue(logits: Tensor<2>) -> Result<DevicePick, Box<Tensor<2>>> {
    let vocab = logits.dims()[1];
    let tensor = on_device(logits)?;
    let client = tensor.client.clone();
    let picked = client.empty(8);
    let buffers = [&tensor.handle, &picked];
    launch(&client, &ARGMAX, &buffers, &[vocab as u32], [1, 1, 1]);
    Ok(DevicePick { client, picked })
}

impl DevicePick {
    /// Reads the picked id; none where no logit was finite.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed.
    pub async fn read(self) -> Result<Option<u32>, ForwardError> {
        let failed = |message: String| ForwardError::Device {
            message: format!("the picked id could not be read: {message}"),
        };
        let read = self.client.read_async(vec![self.picked]).await;
        let bytes = read.map_err(|error| failed(format!("{error:?}")))?;
        let words: Vec<u32> = bytes
            .iter()
            .flat_map(|bytes| bytes.chunks_exact(4))
            .filter_map(|word| word.try_into().ok().map(u32::from_le_bytes))
            .collect();
        match words[..] {
            [id, found] => Ok((found == 1).then_some(id)),
            _ => Err(failed(format!("{} words came", words.len()))),
        }
    }
}
