//! Picking the next id from the logits on the device, so that four bytes are read back and not V
//! floats, and the step after can be issued before they are.

use cubecl::bytes::Bytes;
use cubecl::client::Client;
use cubecl::server::Handle;
use llamaglass_shaders::{ARGMAX, SAMPLE, SAMPLING_WORDS, Sampling, exp2_table};

use super::super::kernel::Launcher;
use super::super::pick::{PickRead, PickWay};
use super::buffers::Buffers;

/// What picks read and write.
pub struct Picks {
    /// `[1]` u32.
    picked: Handle,
    /// [`Sampling::words`].
    sampling: Handle,
    /// `[V]` u32.
    occurrences: Handle,
    /// `[V]` u32.
    scratch: Handle,
    /// [`exp2_table`].
    table: Handle,
}

impl Picks {
    /// Allocates them for a vocabulary of `vocab`.
    pub fn new(vocab: usize, client: &Client) -> Self {
        Self {
            picked: client.empty(4),
            sampling: client.create(Bytes::from_elems(vec![0u32; SAMPLING_WORDS])),
            occurrences: client.create(Bytes::from_elems(vec![0u32; vocab])),
            scratch: client.empty(vocab * 4),
            table: client.create(Bytes::from_elems(exp2_table().to_vec())),
        }
    }

    /// Puts a request's settings on the device, and with penalties the `occurrences` (V) of its prompt.
    pub fn begin(&self, client: &Client, sampling: &Sampling, occurrences: &[u32]) {
        let words = sampling.words(0).to_vec();
        client.write(&self.sampling, Bytes::from_elems(words));
        if sampling.penalties {
            let occurrences = Bytes::from_elems(occurrences.to_vec());
            client.write(&self.occurrences, occurrences);
        }
    }

    /// Picks from the buffers' logits; makes their step the next one.
    pub fn launch(&self, launcher: &Launcher, buffers: &Buffers, way: PickWay) {
        let Buffers {
            logits,
            step,
            vocab,
            ..
        } = buffers;
        let Self {
            picked,
            sampling,
            occurrences,
            scratch,
            table,
        } = self;
        let info = [*vocab as u32];
        match way {
            PickWay::Argmax => {
                let buffers = [logits, picked, step];
                launcher.launch(&ARGMAX, &buffers, &info, [1, 1, 1]);
            }
            PickWay::Sample => {
                let buffers = [logits, occurrences, sampling, scratch, table, picked, step];
                launcher.launch(&SAMPLE, &buffers, &info, [1, 1, 1]);
            }
        }
    }

    /// Submits all that was issued, and the copy of what was picked last behind it.
    pub fn read(&self, client: &Client) -> PickRead {
        PickRead::submit(client, &self.picked)
    }
}
