//! A pick that the device was asked for.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::server::{Handle, ServerError};
use llamaglass_shaders::NO_PICK;

use super::error::ForwardError;
use crate::platform::finish;

type Read = Result<Vec<Bytes>, ServerError>;

/// How the device picks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickWay {
    /// The largest logit.
    Argmax,
    /// As [`Model::begin`](super::Model::begin) said.
    Sample,
}

/// An id on its way to the host.
pub struct PickRead(State);

enum State {
    Coming(Pin<Box<dyn Future<Output = Read> + Send>>),
    Here(Read),
    Taken,
}

impl PickRead {
    /// Submits what was issued so far, and the copy of `picked` behind it.
    pub(super) fn submit(client: &Client, picked: &Handle) -> Self {
        let (client, picked) = (client.clone(), picked.clone());
        let mut read = Box::pin(async move { client.read_async(vec![picked]).await });
        // Polled once, or nothing would be submitted before somebody waits.
        let polled = read.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        Self(match polled {
            Poll::Ready(read) => State::Here(read),
            Poll::Pending => State::Coming(read),
        })
    }

    /// Waits for the id; none where no logit was finite.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed.
    pub async fn get(mut self) -> Result<Option<u32>, ForwardError> {
        let failed = |message: String| ForwardError::Device {
            message: format!("the picked id could not be read: {message}"),
        };
        let read = match std::mem::replace(&mut self.0, State::Taken) {
            State::Coming(read) => read.await,
            State::Here(read) => read,
            State::Taken => return Err(failed("it was read before".into())),
        };
        let bytes = read.map_err(|error| failed(format!("{error:?}")))?;
        let word = bytes.first().and_then(|bytes| bytes.first_chunk());
        match word.copied().map(u32::from_le_bytes) {
            Some(NO_PICK) => Ok(None),
            Some(id) => Ok(Some(id)),
            None => Err(failed("nothing came".into())),
        }
    }
}

impl Drop for PickRead {
    fn drop(&mut self) {
        // Until it has come, the runtime must not use the memory that it comes through again.
        if let State::Coming(read) = std::mem::replace(&mut self.0, State::Taken) {
            finish(async move { drop(read.await) });
        }
    }
}

impl std::fmt::Debug for PickRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("PickRead").finish_non_exhaustive()
    }
}
