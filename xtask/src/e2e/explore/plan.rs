//! Parameters of a walk: seed, length, model, backend and window.

use std::fmt;

use clap::ValueEnum;

use super::super::webdriver::WindowSize;

/// Backend that runs the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    /// CPU, in WebAssembly.
    Cpu,
    /// WebGPU, on a software adapter if there is no other.
    Webgpu,
}

impl Backend {
    /// Returns the page's name for the backend, as in `settings-backend-cpu`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Webgpu => "wgpu",
        }
    }
}

/// Model that the walk loads whenever none is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// The default model.
    Default,
    /// A 1 MB model with random weights, which answers at once.
    Tiny,
}

/// Parameters of a walk. Two walks with the same plan make the same choices, as long as the page behaves the same.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct Plan {
    /// Seed of the random choices.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Number of actions.
    #[arg(long, default_value_t = 100)]
    pub actions: usize,
    /// Backend that runs the model.
    #[arg(long, value_enum, default_value_t = Backend::Cpu)]
    pub backend: Backend,
    /// Model to load whenever none is loaded.
    #[arg(long, value_enum, default_value_t = Model::Tiny)]
    pub model: Model,
    /// Width of the window in CSS pixels.
    #[arg(long, default_value_t = 1280)]
    pub width: u32,
    /// Height of the window in CSS pixels.
    #[arg(long, default_value_t = 800)]
    pub height: u32,
}

impl Plan {
    pub fn window(&self) -> WindowSize {
        WindowSize::new(self.width, self.height)
    }
}

/// Formats the command that repeats the walk.
impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn name(value: &impl ValueEnum) -> String {
            let value = value.to_possible_value();
            value.map_or_else(String::new, |value| value.get_name().to_owned())
        }
        let Self {
            seed,
            actions,
            backend,
            model,
            width,
            height,
        } = self;
        write!(
            out,
            "cargo xtask explore --seed {seed} --actions {actions} --backend {} --model {} \
             --width {width} --height {height}",
            name(backend),
            name(model)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_is_shown_as_the_command_that_repeats_it() {
        let plan = Plan {
            seed: 7,
            actions: 20,
            backend: Backend::Webgpu,
            model: Model::Default,
            width: 390,
            height: 844,
        };
        assert_eq!(
            plan.to_string(),
            "cargo xtask explore --seed 7 --actions 20 --backend webgpu --model default \
             --width 390 --height 844"
        );
    }
}
