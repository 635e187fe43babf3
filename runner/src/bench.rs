//! Runs a benchmark on an engine step by step, so that its driver can stop it in between.

use llamaglass_lab::{LoadedModel, StubLevel};
use std::collections::VecDeque;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use llamaglass_engine::Engine;
use llamaglass_engine::event::{Event, RequestId};
use llamaglass_engine::forward::{ForwardPath, Roofline};
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::stats::{Quantiles, Record};
use llamaglass_engine::timing::KernelTime;
use llamaglass_lab::bench::{
    AtBatch, AtPosition, BenchError, BenchReport, Progress, Run, Settings, UnderRoof, random_ids,
    request,
};

/// A running benchmark.
#[derive(Debug)]
pub struct Bench {
    settings: Settings,
    todo: VecDeque<Task>,
    /// The requests that are running.
    at_hand: Option<AtHand>,
    progress: Progress,
    records: Vec<Record>,
    positions: Vec<AtPosition>,
    /// Runs of each batch size.
    batches: Vec<(usize, Vec<Vec<Record>>)>,
    kernels: Vec<KernelTime>,
    roofline: Option<Roofline>,
}

/// One measurement.
#[derive(Debug)]
enum Task {
    Run(Run),
    /// Continues the prompt of the previous position, so that only the new ids are computed.
    Position(usize, Request),
    Batch(usize, Vec<Request>),
    Kernels,
    Roofline,
}

/// Requests that are running.
#[derive(Debug)]
struct AtHand {
    task: Task,
    ids: Vec<RequestId>,
    records: Vec<Record>,
    open: usize,
}

impl Bench {
    /// Plans everything that `settings` ask for. `engine` must have no other requests until the benchmark is
    /// done.
    ///
    /// # Errors
    /// [`BenchError`] if the engine can't run the benchmark.
    pub fn new(engine: &Engine, mut settings: Settings) -> Result<Self, BenchError> {
        let info = engine.info();
        settings.context_length = info.context_length;
        settings.check()?;
        if (settings.roofline || settings.kernels) && info.path != ForwardPath::Fast {
            return Err(BenchError::NotOnTheFastPath);
        }
        for list in [&mut settings.positions, &mut settings.batches] {
            list.sort_unstable();
            list.dedup();
        }
        if let Some(batch) = settings.batches.last().filter(|batch| **batch > info.batch) {
            return Err(BenchError::Batch {
                batch: *batch,
                most: info.batch,
            });
        }
        if !settings.positions.is_empty() && settings.gen_tokens < 2 {
            return Err(BenchError::OneToken);
        }
        let vocab = info.config.vocab_size;
        let mut todo: VecDeque<Task> = settings.runs(vocab).map(Task::Run).collect();
        let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
        let longest = settings.positions.last().copied().unwrap_or(0);
        let ids = random_ids(&mut random, longest, vocab);
        let tokens = settings.gen_tokens;
        todo.extend(settings.positions.iter().map(|position| {
            let request = request(ids[..*position].to_vec(), tokens);
            Task::Position(*position, request)
        }));
        for batch in &settings.batches {
            let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
            for _ in 0..settings.repeat {
                let mut prompt = || random_ids(&mut random, settings.prompt_tokens, vocab);
                let requests = (0..*batch).map(|_| request(prompt(), tokens)).collect();
                todo.push_back(Task::Batch(*batch, requests));
            }
        }
        todo.extend(settings.kernels.then_some(Task::Kernels));
        todo.extend(settings.roofline.then_some(Task::Roofline));
        let total = todo.iter().map(Task::tokens).sum();
        Ok(Self {
            settings,
            todo,
            at_hand: None,
            progress: Progress {
                what: String::new(),
                done: 0,
                total,
            },
            records: Vec::new(),
            positions: Vec::new(),
            batches: Vec::new(),
            kernels: Vec::new(),
            roofline: None,
        })
    }

    /// Returns the progress so far.
    pub const fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The measured runs so far.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Advances the benchmark by one step of the engine. Returns false when there is nothing left to do.
    ///
    /// # Errors
    /// [`BenchError`] if a run did not measure what it should, or the engine failed.
    pub async fn step(&mut self, engine: &mut Engine) -> Result<bool, BenchError> {
        if let Some(at_hand) = &mut self.at_hand {
            for event in engine.step().await {
                self.progress.done += usize::from(matches!(event, Event::Token { .. }));
                at_hand.take(&event);
            }
            if at_hand.open == 0
                && let Some(AtHand { task, records, .. }) = self.at_hand.take()
            {
                self.finish(task, records)?;
            }
            return Ok(true);
        }
        let Some(task) = self.todo.pop_front() else {
            return Ok(false);
        };
        self.progress.what = self.name(&task);
        let requests = match &task {
            Task::Run(run) => vec![run.request.clone()],
            Task::Position(_, request) => vec![request.clone()],
            Task::Batch(_, requests) => requests.clone(),
            Task::Kernels => {
                self.kernels = self.measure_kernels(engine).await?;
                return Ok(true);
            }
            Task::Roofline => {
                let measured = engine.measure_roofline().await;
                self.roofline = measured.map_err(|error| BenchError::Failed(error.to_string()))?;
                return Ok(true);
            }
        };
        let first = self.positions.is_empty();
        if first || !matches!(task, Task::Position(..)) {
            engine.clear_cache();
        }
        let open = requests.len();
        let ids = requests.into_iter().map(|request| engine.submit(request));
        self.at_hand = Some(AtHand {
            ids: ids.collect(),
            records: vec![Record::default(); open],
            open,
            task,
        });
        Ok(true)
    }

    /// Stops the benchmark and aborts its running requests.
    pub fn stop(self, engine: &mut Engine) {
        for id in self.at_hand.into_iter().flat_map(|at_hand| at_hand.ids) {
            engine.abort(id);
        }
    }

    /// Returns the result, measured at a stub level; `model` is the name of the model.
    pub fn report(self, engine: &Engine, stub: StubLevel, model: String) -> BenchReport {
        let info = &LoadedModel {
            info: engine.info().clone(),
            stub,
        };
        let mut report = BenchReport::new(info, model, self.settings, &self.records);
        report.positions = self.positions;
        let batches = self.batches.iter();
        report.batches = batches.map(|(n, runs)| AtBatch::new(*n, runs)).collect();
        report.kernels = self.kernels;
        let rates = report.prefill_tok_s.zip(report.decode_tok_s);
        if let (Some(roofline), Some((prefill, decode))) = (self.roofline, rates) {
            let [prefill, decode] = [prefill.median, decode.median];
            let used = UnderRoof::new(roofline, info, &report.settings, prefill, decode);
            report.roofline = Some(used);
        }
        report
    }

    fn name(&self, task: &Task) -> String {
        let repeat = self.settings.repeat;
        match task {
            Task::Run(run) => match run.measured {
                Some(number) => format!("run {number}/{repeat}"),
                None => "warm-up".into(),
            },
            Task::Position(position, _) => format!("position {position}"),
            Task::Batch(batch, _) => {
                let runs = self.batches.iter().find(|(n, _)| n == batch);
                let number = 1 + runs.map_or(0, |(_, runs)| runs.len());
                format!("batch {batch}, run {number}/{repeat}")
            }
            Task::Kernels => "kernels one by one".into(),
            Task::Roofline => "what the device can do".into(),
        }
    }

    fn finish(&mut self, task: Task, mut records: Vec<Record>) -> Result<(), BenchError> {
        if let Some(error) = records.iter().find_map(|record| record.error.clone()) {
            return Err(BenchError::Failed(error));
        }
        match task {
            Task::Run(run) => {
                let record = records.remove(0);
                run.check(&record)?;
                self.records.extend(run.measured.map(|_| record));
            }
            Task::Position(position, _) => {
                let tpot_ms = Quantiles::of(&records.remove(0).tpot_ms());
                let tpot_ms = tpot_ms.ok_or(BenchError::OneToken)?;
                self.positions.push(AtPosition { position, tpot_ms });
            }
            Task::Batch(batch, _) => match self.batches.last_mut() {
                Some((last, runs)) if *last == batch => runs.push(records),
                _ => self.batches.push((batch, vec![records])),
            },
            Task::Kernels | Task::Roofline => {}
        }
        Ok(())
    }

    /// Measures each kernel in the prompt's last chunk and in the decode step after the prompt.
    async fn measure_kernels(&self, engine: &mut Engine) -> Result<Vec<KernelTime>, BenchError> {
        let (prompt, repeat) = (self.settings.prompt_tokens, self.settings.repeat);
        let chunk = engine.info().prefill_chunk.min(prompt);
        let mut all = Vec::new();
        for (rows, position) in [(chunk, prompt - chunk), (1, prompt)] {
            // Skip a chunk of one row: it would be a decode step.
            if rows > 1 || position == prompt {
                let measured = engine.profile(rows, position, repeat).await;
                let measured = measured.map_err(|error| BenchError::Failed(error.to_string()))?;
                all.extend(measured.kernels);
            }
        }
        Ok(all)
    }
}

impl Task {
    /// Number of tokens that the task samples.
    fn tokens(&self) -> usize {
        let of = |request: &Request| request.max_tokens.unwrap_or(0);
        match self {
            Self::Run(run) => of(&run.request),
            Self::Position(_, request) => of(request),
            Self::Batch(_, requests) => requests.iter().map(of).sum(),
            Self::Kernels | Self::Roofline => 0,
        }
    }
}

impl AtHand {
    fn take(&mut self, event: &Event) {
        let request = event.request();
        if let Some(index) = self.ids.iter().position(|id| *id == request) {
            self.records[index].push(event);
            self.open -= usize::from(event.is_last());
        }
    }
}
