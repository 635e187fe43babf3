//! Loads a model and reports progress and its memory use.

use llamaglass_engine::bytes::ByteSource;
use llamaglass_engine::platform::Stopwatch;
use llamaglass_engine::timing::{LoadSpan, LoadTiming};
use llamaglass_engine::{Engine, LoadOptions, LoadPhase, LoadProgress, memory_ledger, probe};
use llamaglass_lab::{LoadedModel, StubLevel};
use llamaglass_runner::decorators::set_stub;
use llamaglass_session::protocol::{EngineReply, ModelSource};

use super::host::{Host, ModelFiles};

/// Minimum time between progress replies, in milliseconds.
pub const PROGRESS_INTERVAL_MS: f64 = 50.0;

/// Loads a model and sends the page progress and the loaded model.
///
/// # Errors
/// A message that says why the model cannot be loaded.
pub async fn load<H: Host>(
    host: &H,
    source: ModelSource,
    files: H::Files,
    (options, stub): (&LoadOptions, StubLevel),
) -> Result<Engine, String> {
    if let ModelSource::Server { server, .. } = source {
        return Err(format!(
            "{} is a server\u{2019}s, not a file",
            server.model.id
        ));
    }
    let watch = Stopwatch::start();
    let mut last: Option<(LoadPhase, f64)> = None;
    let mut progress = move |progress: LoadProgress| {
        let at = watch.ms();
        let due = progress.done >= progress.total
            || last.is_none_or(|(phase, then)| {
                phase != progress.phase || at - then >= PROGRESS_INTERVAL_MS
            });
        if due {
            last = Some((progress.phase, at));
            host.send(EngineReply::Progress { progress });
        }
    };
    let ModelFiles {
        files,
        stored_digest,
    } = host.fetch(source, files, &mut progress).await?;
    let mut before = LoadTiming::default();
    if stored_digest.is_some() {
        before.add(LoadSpan::Download, 0.0, watch.ms());
    }
    match open(host, files, (options, stub), &mut progress).await {
        Ok((engine, mut info)) => {
            info.info.load = before.then(&info.load);
            host.send(EngineReply::Loaded {
                info: Box::new(info),
            });
            Ok(engine)
        }
        Err(error) => {
            // The stored bytes may be corrupt, so have them hashed before they are used again.
            if let Some(digest) = stored_digest {
                host.distrust(&digest).await;
            }
            Err(error)
        }
    }
}

/// Like [`Engine::open_with_progress`], but reports the model's memory use before its weights are read, and sets
/// the stub level.
async fn open<H: Host>(
    host: &H,
    files: Vec<Box<dyn ByteSource>>,
    (options, stub): (&LoadOptions, StubLevel),
    progress: &mut dyn FnMut(LoadProgress),
) -> Result<(Engine, LoadedModel), String> {
    let watch = Stopwatch::start();
    progress(LoadProgress {
        phase: LoadPhase::Parse,
        done: 0,
        total: 2,
    });
    let mut source = llamaglass_engine::ModelSource::from(files);
    if stub == StubLevel::RandomWeights {
        source = source.with_random_weights(0);
    }
    let checkpoint = source.checkpoint().await;
    let checkpoint = checkpoint.map_err(|error| error.to_string())?;
    let parsed = watch.ms();
    let backend = probe(options).await.map_err(|error| error.to_string())?;
    let planned = memory_ledger(&checkpoint, options, &backend);
    let (_, memory) = planned.map_err(|error| error.to_string())?;
    host.send(EngineReply::Planned { memory });
    let mut before = LoadTiming::default();
    before.add(LoadSpan::Parse, 0.0, parsed);
    before.add(LoadSpan::Open, parsed, watch.ms());
    let mut engine = Engine::open_with_progress(checkpoint, options, progress)
        .await
        .map_err(|error| error.to_string())?;
    set_stub(&mut engine, stub, stub).map_err(|error| error.to_string())?;
    let mut info = engine.info().clone();
    info.load = before.then(&info.load);
    Ok((engine, LoadedModel { info, stub }))
}
