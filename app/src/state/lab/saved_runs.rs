//! Saves runs in the browser, for comparison with later ones.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::{Deserialize, Serialize};

use super::super::app::App;
use super::super::data::{SavedRun, SavedRuns};
use crate::lab::{CompletedRun, LabSettings};
use crate::text_store::TextStore;

/// Maximum number of saved runs; older ones are deleted.
const MAX_RUNS: usize = 50;

/// Serialised form of a run.
#[derive(Serialize, Deserialize)]
struct StoredRun<R> {
    settings: LabSettings,
    result: R,
}

/// Reads the saved runs, unless they have been read.
pub fn restore(app: App) {
    if !matches!(app.lab.saved_runs.get_untracked(), SavedRuns::Unread) {
        return;
    }
    spawn_local(async move {
        let runs = match read().await {
            Ok(runs) => SavedRuns::Runs(runs),
            Err(why) => SavedRuns::Unavailable(why),
        };
        app.lab.saved_runs.set(runs);
    });
}

async fn read() -> Result<Vec<SavedRun>, String> {
    let all = TextStore::open().await?.all().await?;
    // Runs that another version saved in another format are skipped.
    let runs = all.into_iter().filter_map(|(key, text)| {
        let StoredRun { settings, result } = serde_json::from_str(&text).ok()?;
        let run = CompletedRun {
            result,
            settings,
            records: Vec::new(),
        };
        Some(SavedRun {
            key,
            run: Arc::new(run),
        })
    });
    Ok(runs.collect())
}

/// Saves a run and deletes the oldest ones above the limit.
pub fn save(app: App, run: &Arc<CompletedRun>) {
    let text = StoredRun {
        settings: run.settings.clone(),
        result: &run.result,
    };
    let Ok(text) = serde_json::to_string(&text) else {
        return;
    };
    let name = run.result.data.experiment().name();
    let key = format!("{:015.0}-{name}", js_sys::Date::now());
    let saved = SavedRun {
        key: key.clone(),
        run: Arc::clone(run),
    };
    spawn_local(async move {
        let done = async {
            let texts = TextStore::open().await?;
            texts.put(&key, &text).await?;
            let keys = texts.all().await?.into_iter().map(|(key, _)| key);
            let surplus = oldest(keys.collect());
            for key in &surplus {
                texts.delete(key).await?;
            }
            Ok(surplus)
        };
        match done.await {
            Ok(surplus) => app.lab.saved_runs.update(|saved_runs| {
                if let SavedRuns::Runs(runs) = saved_runs {
                    runs.push(saved);
                    runs.retain(|run| !surplus.contains(&run.key));
                }
            }),
            Err(why) => app.lab.saved_runs.set(SavedRuns::Unavailable(why)),
        }
    });
}

/// Returns the keys of the runs above the limit. Keys begin with the time of the run, so they sort by age.
fn oldest(mut keys: Vec<String>) -> Vec<String> {
    keys.sort_unstable();
    keys.truncate(keys.len().saturating_sub(MAX_RUNS));
    keys
}

/// Deletes a saved run.
pub fn delete_run(app: App, key: String) {
    spawn_local(async move {
        let done = async { TextStore::open().await?.delete(&key).await };
        match done.await {
            Ok(()) => app.lab.saved_runs.update(|saved_runs| {
                if let SavedRuns::Runs(runs) = saved_runs {
                    runs.retain(|run| run.key != key);
                }
            }),
            Err(why) => app.lab.saved_runs.set(SavedRuns::Unavailable(why)),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_runs_above_the_limit_are_deleted() {
        let key = |n: usize| format!("{n:015}-bare");
        let keys: Vec<String> = (0..MAX_RUNS + 2).rev().map(key).collect();
        assert_eq!(oldest(keys), [key(0), key(1)]);
        assert!(oldest(vec![key(1)]).is_empty());
    }

    #[test]
    fn saved_run_can_be_read_back() {
        use llamaglass_lab::experiments::lengths::StatsData;
        use llamaglass_lab::{Data, Experiment, LabResult};
        let result = LabResult::now(None, 3, Data::Stats(StatsData::default()));
        let text = StoredRun {
            settings: LabSettings::of(Experiment::Stats),
            result: &result,
        };
        let text = serde_json::to_string(&text).expect("serialises");
        let back: StoredRun<LabResult> = serde_json::from_str(&text).expect("parses");
        assert_eq!(back.result, result);
    }
}
