//! Saves runs in the browser, for comparison with later ones.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use llamaglass_lab::Experiment;
use serde::{Deserialize, Serialize};

use super::super::App;
use super::Found;
use crate::kept::Texts;
use crate::lab::LabSettings;

/// Maximum number of saved runs; older ones are deleted.
const MOST: usize = 50;

/// State of the saved runs.
#[derive(Clone, Debug)]
pub enum Kept {
    /// Not read yet.
    Unknown,
    /// The browser saves nothing, for this reason.
    Denied(String),
    /// The saved runs, oldest first.
    Runs(Vec<KeptRun>),
}

/// A saved run.
#[derive(Clone, Debug)]
pub struct KeptRun {
    /// Storage key.
    pub key: String,
    /// Result of the run.
    pub found: Arc<Found>,
}

/// Serialised form of a run.
#[derive(Serialize, Deserialize)]
struct Text<R> {
    settings: LabSettings,
    result: R,
}

impl Kept {
    /// Returns the saved runs of one experiment, newest first.
    pub fn of(&self, experiment: Experiment) -> Vec<KeptRun> {
        let Self::Runs(runs) = self else {
            return Vec::new();
        };
        let own = runs.iter().rev();
        let own = own.filter(|run| run.found.result.data.experiment() == experiment);
        own.cloned().collect()
    }
}

/// Reads the saved runs, unless they have been read.
pub fn restore(app: App) {
    if !matches!(app.lab.kept.get_untracked(), Kept::Unknown) {
        return;
    }
    spawn_local(async move {
        let kept = match read().await {
            Ok(runs) => Kept::Runs(runs),
            Err(why) => Kept::Denied(why),
        };
        app.lab.kept.set(kept);
    });
}

async fn read() -> Result<Vec<KeptRun>, String> {
    let all = Texts::open().await?.all().await?;
    // Runs that another version saved in another format are skipped.
    let runs = all.into_iter().filter_map(|(key, text)| {
        let Text { settings, result } = serde_json::from_str(&text).ok()?;
        let found = Found {
            result,
            settings,
            records: Vec::new(),
        };
        Some(KeptRun {
            key,
            found: Arc::new(found),
        })
    });
    Ok(runs.collect())
}

/// Saves a run and deletes the oldest ones above the limit.
pub(super) fn keep(app: App, found: &Arc<Found>) {
    let text = Text {
        settings: found.settings.clone(),
        result: &found.result,
    };
    let Ok(text) = serde_json::to_string(&text) else {
        return;
    };
    let name = found.result.data.experiment().name();
    let key = format!("{:015.0}-{name}", js_sys::Date::now());
    let run = KeptRun {
        key: key.clone(),
        found: Arc::clone(found),
    };
    spawn_local(async move {
        let done = async {
            let texts = Texts::open().await?;
            texts.put(&key, &text).await?;
            let keys = texts.all().await?.into_iter().map(|(key, _)| key);
            let gone = oldest(keys.collect());
            for key in &gone {
                texts.delete(key).await?;
            }
            Ok(gone)
        };
        match done.await {
            Ok(gone) => app.lab.kept.update(|kept| {
                if let Kept::Runs(runs) = kept {
                    runs.push(run);
                    runs.retain(|run| !gone.contains(&run.key));
                }
            }),
            Err(why) => app.lab.kept.set(Kept::Denied(why)),
        }
    });
}

/// Returns the keys of the runs above the limit. Keys begin with the time of the run, so they sort by age.
fn oldest(mut keys: Vec<String>) -> Vec<String> {
    keys.sort_unstable();
    keys.truncate(keys.len().saturating_sub(MOST));
    keys
}

/// Deletes a saved run.
pub fn delete_run(app: App, key: String) {
    spawn_local(async move {
        let done = async { Texts::open().await?.delete(&key).await };
        match done.await {
            Ok(()) => app.lab.kept.update(|kept| {
                if let Kept::Runs(runs) = kept {
                    runs.retain(|run| run.key != key);
                }
            }),
            Err(why) => app.lab.kept.set(Kept::Denied(why)),
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_runs_above_the_limit_are_deleted() {
        let key = |n: usize| format!("{n:015}-bare");
        let keys: Vec<String> = (0..MOST + 2).rev().map(key).collect();
        assert_eq!(oldest(keys), [key(0), key(1)]);
        assert!(oldest(vec![key(1)]).is_empty());
    }

    #[test]
    fn saved_run_can_be_read_back() {
        use llamaglass_lab::experiments::lengths::StatsData;
        use llamaglass_lab::{Data, LabResult};
        let result = LabResult::now(None, 3, Data::Stats(StatsData::default()));
        let text = Text {
            settings: LabSettings::of(Experiment::Stats),
            result: &result,
        };
        let text = serde_json::to_string(&text).expect("serialises");
        let back: Text<LabResult> = serde_json::from_str(&text).expect("parses");
        assert_eq!(back.result, result);
    }
}
