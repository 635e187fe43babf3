//! Experiments on an engine alone, from their settings to their results.

use crate::decorators::{Ablations, EagerLogs, set_ablations};
use llamaglass_engine::{Engine, ModelInfo};
use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::experiments::ablate::{AblateData, AblateSettings, Switch};
use llamaglass_lab::{Data, Experiment, LabError, Observer};

use crate::ablate::{self, SwitchSizes};
use crate::bare::{self, BareSettings};
use crate::chain::{self, ChainSettings};
use crate::kernels::{self, KernelSettings};
use crate::lengths;
use crate::load::{self, LoadSettings};
use crate::simulate::{self, SimulateSettings};

/// Maximum number of positions that prompts are padded to by default without a GPU, where padding to a long context
/// takes minutes.
const MAX_PADDING_WITHOUT_GPU: usize = 512;

/// An experiment that needs nothing but an engine, with its settings.
#[derive(Clone, Debug)]
pub enum EngineExperiment {
    /// Counts the dataset's tokens.
    Stats(Dataset),
    /// Calls the model in a loop, without the scheduler.
    Bare(Dataset, BareSettings),
    /// Sends requests at fixed times.
    Load(Dataset, LoadSettings),
    /// Answers the rows one after the other.
    Chain(Dataset, ChainSettings),
    /// Measures those of the switches that the engine has.
    Ablate(AblateSettings, Vec<Switch>),
    /// Compares the simulated scheduler with the engine.
    Simulate(Dataset, SimulateSettings),
    /// Profiles the kernels.
    Kernels(KernelSettings),
}

impl EngineExperiment {
    /// Returns the name of the experiment.
    pub const fn name(&self) -> &'static str {
        let experiment = match self {
            Self::Stats(_) => Experiment::Stats,
            Self::Bare(..) => Experiment::Bare,
            Self::Load(..) => Experiment::Load,
            Self::Chain(..) => Experiment::Chain,
            Self::Ablate(..) => Experiment::Ablate,
            Self::Simulate(..) => Experiment::Simulate,
            Self::Kernels(_) => Experiment::Kernels,
        };
        experiment.name()
    }

    /// Runs the experiment. The engine's settings are restored, however the experiment ends.
    ///
    /// # Errors
    /// [`LabError`] if the experiment is stopped, fails or cannot run on this engine.
    pub async fn run(
        &self,
        engine: &mut Engine,
        watch: &mut impl Observer,
    ) -> Result<Data, LabError> {
        let measured = self.measure(engine, watch).await;
        let reset = set_ablations(engine, Ablations::default());
        let data = measured?;
        reset.map_err(|error| LabError::failed("leaving the engine as it was", error))?;
        Ok(data)
    }

    async fn measure(
        &self,
        engine: &mut Engine,
        watch: &mut impl Observer,
    ) -> Result<Data, LabError> {
        Ok(match self {
            Self::Stats(dataset) => Data::Stats(lengths::run(dataset, engine.tokenizer())?),
            Self::Bare(dataset, settings) => {
                Data::Bare(bare::run(engine, dataset, *settings, watch).await?)
            }
            Self::Load(dataset, settings) => {
                Data::Load(load::run(engine, dataset, settings, watch).await?)
            }
            Self::Chain(dataset, settings) => {
                let worse = settings
                    .with
                    .map(|switch| worse(engine, switch, settings.sizes));
                let worse = worse.transpose()?;
                let worse = worse.as_ref().map(|(of, changes)| (&**changes, *of));
                let data = chain::run(engine, dataset, settings.tokens, worse, watch).await?;
                Data::Chain(Box::new(data))
            }
            Self::Ablate(settings, switches) => {
                let mut settings = settings.clone();
                settings.pad_to = settings.pad_to.or_else(|| default_padding(engine.info()));
                let (effects, left_out) = ablate::run(engine, switches, &settings, watch).await?;
                Data::Ablate(AblateData::of(settings, effects, left_out))
            }
            Self::Simulate(dataset, settings) => Data::Simulate(Box::new(
                simulate::run(engine, dataset, settings, watch).await?,
            )),
            Self::Kernels(settings) => Data::Kernels(kernels::run(engine, *settings, watch).await?),
        })
    }
}

/// Returns the ablations that `switch` stands for, and their description.
fn worse(
    engine: &Engine,
    switch: Switch,
    sizes: SwitchSizes,
) -> Result<(Ablations, String), LabError> {
    let pad_to = sizes.pad_to.or_else(|| default_padding(engine.info()));
    let ablations = ablate::ablations(engine, switch, (sizes.log_lines, pad_to));
    let (mut ablations, changes) = ablations.map_err(LabError::Setting)?;
    if let (Switch::EagerLogs, Some(ms)) = (switch, sizes.log_ms) {
        ablations.eager_logs = Some(EagerLogs::ForMs(ms));
    }
    Ok((ablations, changes))
}

/// Returns the number of positions that prompts are padded to by default; `None` for the context length.
fn default_padding(info: &ModelInfo) -> Option<usize> {
    padding_limit(info.backend.software, info.context_length)
}

fn padding_limit(is_software: bool, context_length: usize) -> Option<usize> {
    let is_limited = is_software && context_length > MAX_PADDING_WITHOUT_GPU;
    is_limited.then_some(MAX_PADDING_WITHOUT_GPU)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_padded_to_the_context_or_to_512_without_a_gpu() {
        assert_eq!(padding_limit(false, 8192), None);
        assert_eq!(padding_limit(true, 8192), Some(512));
        assert_eq!(padding_limit(true, 256), None);
    }
}
