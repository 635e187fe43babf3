//! Runs the scheduler against the mock device and checks every step.

use std::collections::VecDeque;

use super::super::RequestId;
use super::super::blocks::BlockPool;
use super::super::queue::QueuedRequest;
use super::super::schedule::{Limits, Scheduler};
use super::super::step::{ScheduledChunk, Step};
use super::device::{MockDevice, next_token};

/// A request of a test.
#[derive(Clone, Debug)]
pub struct TestRequest {
    /// Iteration at which it arrives.
    pub arrives: usize,
    pub priority: i32,
    pub prompt: Vec<u32>,
    /// Number of tokens to sample.
    pub max_tokens: usize,
    pub waits_for_samples: bool,
    /// Number of samples after which the client aborts the request; 0 aborts it before any.
    pub aborts_after: Option<usize>,
}

impl TestRequest {
    pub fn new(prompt: &[u32], max_tokens: usize) -> Self {
        Self {
            arrives: 0,
            priority: 0,
            prompt: prompt.to_vec(),
            max_tokens,
            waits_for_samples: false,
            aborts_after: None,
        }
    }

    pub fn queued(&self, id: u64) -> QueuedRequest {
        QueuedRequest {
            id: RequestId(id),
            priority: self.priority,
            tokens: self.prompt.clone(),
            max_len: self.prompt.len() + self.max_tokens,
            waits_for_samples: self.waits_for_samples,
            deadline_ms: None,
        }
    }
}

/// Counts over all steps of a simulation.
#[derive(Debug, Default)]
pub struct Counts {
    pub preempted: usize,
    /// Prompt positions taken from the prefix cache.
    pub reused: usize,
    pub chained_steps: usize,
    pub max_chunks_per_step: usize,
}

struct Simulation<'a> {
    limits: Limits,
    scheduler: Scheduler,
    device: MockDevice,
    requests: &'a [TestRequest],
    completions: Vec<Vec<u32>>,
    ended: Vec<bool>,
    /// Chunks and samples of each step in flight.
    in_flight: VecDeque<(Vec<ScheduledChunk>, Vec<u32>)>,
    counts: Counts,
}

/// Completes all requests with up to `depth` steps in flight, and checks every step and completion.
pub fn simulate(limits: Limits, pool: BlockPool, depth: usize, requests: &[TestRequest]) -> Counts {
    let mut simulation = Simulation {
        limits,
        device: MockDevice::new(pool.total_blocks(), pool.block_size()),
        scheduler: Scheduler::new(limits, pool),
        requests,
        completions: vec![Vec::new(); requests.len()],
        ended: vec![false; requests.len()],
        in_flight: VecDeque::new(),
        counts: Counts::default(),
    };
    let work = |r: &TestRequest| r.prompt.len() + 3 * r.max_tokens + r.arrives;
    let max_iterations = 100 + 20 * requests.iter().map(work).sum::<usize>();
    let mut iteration = 0;
    while simulation.ended.contains(&false) || !simulation.in_flight.is_empty() {
        assert!(
            iteration < max_iterations,
            "starved: {:?} of {requests:?}",
            simulation.ended
        );
        simulation.receive_requests(iteration);
        while simulation.in_flight.len() < depth && simulation.submit_step() {}
        simulation.process_step();
        iteration += 1;
    }
    simulation.check_end();
    simulation.counts
}

impl Simulation<'_> {
    fn receive_requests(&mut self, iteration: usize) {
        for (index, request) in self.requests.iter().enumerate() {
            let id = index as u64;
            if request.arrives == iteration {
                self.scheduler.submit(request.queued(id));
            }
            let aborts = request.aborts_after == Some(0) && request.arrives + 1 == iteration;
            if aborts && !self.ended[index] {
                self.ended[index] = true;
                assert!(self.scheduler.remove(RequestId(id)));
            }
        }
    }

    /// Returns false if there was nothing to submit.
    fn submit_step(&mut self) -> bool {
        let step = self.scheduler.plan(!self.in_flight.is_empty());
        self.check_step(&step);
        let Counts {
            preempted,
            reused,
            chained_steps,
            max_chunks_per_step,
        } = &mut self.counts;
        *preempted += step.preempted.len();
        *reused += step.admitted.iter().map(|a| a.reused).sum::<usize>();
        *chained_steps += usize::from(step.chained);
        *max_chunks_per_step = step.prefill.len().max(*max_chunks_per_step);
        let tokens = |id| self.scheduler.tokens(id).to_vec();
        let samples = self.device.compute(&step, tokens);
        if step.is_empty() {
            return false;
        }
        let chunks = step.chunks().cloned().collect();
        self.in_flight.push_back((chunks, samples));
        true
    }

    fn check_step(&self, step: &Step) {
        assert!(step.preempted.is_empty() || self.in_flight.is_empty());
        let max_rows = self.limits.rows.max(self.limits.slots + 1);
        let rows: usize = step.chunks().map(|chunk| chunk.range.len()).sum();
        assert!(rows <= max_rows, "{step:?}");
        if let Some((last, others)) = step.prefill.split_last() {
            let aligned =
                |chunk: &ScheduledChunk| chunk.range.len().next_multiple_of(self.limits.tile_rows);
            let aligned: usize = others.iter().map(aligned).sum();
            let rows = aligned + last.range.len() + step.decode.len();
            assert!(others.is_empty() || rows <= max_rows, "{step:?}");
        }
        for chunk in &step.decode {
            let known = self.scheduler.tokens(chunk.request).len();
            let waits = self.requests[chunk.request.0 as usize].waits_for_samples;
            assert!(!waits || chunk.range.start < known, "{chunk:?} of {known}");
        }
    }

    /// Processes the results of the oldest step in flight.
    fn process_step(&mut self) {
        let Some((chunks, samples)) = self.in_flight.pop_front() else {
            return;
        };
        let mut samples = samples.into_iter();
        for chunk in chunks {
            let sample = chunk.samples.then(|| samples.next().expect("a sample"));
            let index = chunk.request.0 as usize;
            if self.ended[index] {
                continue;
            }
            self.scheduler.mark_computed(&chunk);
            let Some(token) = sample else { continue };
            self.scheduler.push_token(chunk.request, token);
            self.completions[index].push(token);
            let request = &self.requests[index];
            let max_tokens = request.aborts_after.unwrap_or(usize::MAX);
            if self.completions[index].len() >= max_tokens.min(request.max_tokens) {
                self.ended[index] = true;
                assert!(self.scheduler.remove(chunk.request));
            }
        }
    }

    /// Checks that all blocks are free and that each completion is the one that the model alone would give.
    fn check_end(&self) {
        let scheduler = &self.scheduler;
        assert_eq!(
            scheduler.pool().free_blocks(),
            scheduler.pool().total_blocks()
        );
        assert_eq!(scheduler.queue_len() + scheduler.running().count(), 0);
        for (request, completion) in self.requests.iter().zip(&self.completions) {
            let mut tokens = request.prompt.clone();
            for token in completion {
                assert_eq!(*token, next_token(&tokens), "{request:?}: {completion:?}");
                tokens.push(*token);
            }
            if request.aborts_after.is_none() {
                assert_eq!(completion.len(), request.max_tokens);
            }
        }
    }
}
