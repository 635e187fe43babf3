//! Decides which experiments can run on the loaded model or server.

use llamaglass_lab::Experiment;
use llamaglass_types::{ForwardPath, ModelInfo};

use crate::engine::Loaded;

/// Returns why `experiment` can't be run on `loaded`, or `None` if it can.
pub fn unsupported_reason(experiment: Experiment, loaded: Option<&Loaded>) -> Option<&'static str> {
    let Some(loaded) = loaded else {
        return Some("Load a model first.");
    };
    match loaded {
        Loaded::Engine(info) if experiment == Experiment::Kernels => kernels_unsupported(info),
        Loaded::Engine(_) => None,
        Loaded::Server(server) => match experiment {
            Experiment::Load => None,
            Experiment::Chain => (!server.model.sends_timings)
                .then_some("This server does not report its steps; llamaglass serve does."),
            Experiment::Stats | Experiment::Simulate => Some(
                "A server does not report how many tokens a text has; load a model in this page.",
            ),
            Experiment::Bare | Experiment::Ladder | Experiment::Parity | Experiment::Ablate => {
                Some(
                    "A server\u{2019}s engine can\u{2019}t be reached without the layers around it; load a model in this page.",
                )
            }
            Experiment::Stub => Some(
                "Requests to a server can\u{2019}t be cut short at a stub level; load a model in this page.",
            ),
            Experiment::Kernels => {
                Some("A server does not report the time of its kernels; load a model in this page.")
            }
        },
    }
}

/// Returns why kernels and peak rates can't be measured with the model of this page, or `None` if they can.
pub fn kernels_unsupported(info: &ModelInfo) -> Option<&'static str> {
    match info.path {
        ForwardPath::Fast => None,
        ForwardPath::Reference => Some(
            "Only our own kernels can be measured; this model runs on burn\u{2019}s operations.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use llamaglass_openai::ServedModel;

    use super::*;
    use crate::server::ServerModel;

    #[test]
    fn plain_server_allows_only_load_and_timings_add_chain() {
        let server = |sends_timings| {
            Loaded::Server(Box::new(ServerModel {
                url: "http://a/v1".into(),
                model: ServedModel {
                    id: "m".into(),
                    context_length: None,
                    sends_timings,
                },
            }))
        };
        let supported = |loaded: &Loaded| -> Vec<Experiment> {
            let is_supported = |of: &Experiment| unsupported_reason(*of, Some(loaded)).is_none();
            Experiment::ALL.into_iter().filter(is_supported).collect()
        };
        assert_eq!(supported(&server(false)), [Experiment::Load]);
        assert_eq!(
            supported(&server(true)),
            [Experiment::Load, Experiment::Chain]
        );
        assert!(
            Experiment::ALL
                .iter()
                .all(|of| unsupported_reason(*of, None).is_some())
        );
    }
}
