//! What each kernel of a step takes on the device's own clock: for finding out, not for answering.

use super::{Engine, EngineError};
use crate::timing::{KernelTime, StepKind};

impl Engine {
    /// Runs a step of `tokens` ids at `position` of whatever is cached, `repeat` times, each kernel in
    /// a pass of its own between two timestamps; by kernel, most time first.
    ///
    /// This perturbs: the same kernels in one pass overlap, and have nothing to wait for in between.
    /// Nothing stays cached. No request may be running.
    ///
    /// # Errors
    /// [`ForwardError`](crate::forward::ForwardError) where the path is not ours, the device can't time, or the step does not fit.
    pub async fn profile(
        &mut self,
        tokens: usize,
        position: usize,
        repeat: usize,
    ) -> Result<Vec<KernelTime>, EngineError> {
        self.clear_cache();
        let kind = if tokens > 1 {
            StepKind::Prefill
        } else {
            StepKind::Decode
        };
        let ids = vec![0; tokens];
        let mut all: Vec<KernelTime> = Vec::new();
        for _ in 0..repeat {
            let input = self.model.upload(&ids, position)?;
            for (kernel, work, ms) in self.model.profile(&input).await? {
                let name = kernel.label();
                let [bytes, flop] = work.at(position, tokens);
                match all.iter_mut().find(|time| time.name == name) {
                    Some(time) => {
                        time.launches += 1;
                        time.ms += ms;
                        time.bytes += bytes;
                        time.flop += flop;
                    }
                    None => all.push(KernelTime {
                        kind,
                        name,
                        launches: 1,
                        ms,
                        bytes,
                        flop,
                    }),
                }
            }
            self.check_device()?;
        }
        for time in &mut all {
            time.launches /= repeat as u32;
            time.ms /= repeat as f64;
            time.bytes /= repeat as u64;
            time.flop /= repeat as u64;
        }
        all.sort_by(|a, b| b.ms.total_cmp(&a.ms));
        Ok(all)
    }
}
