//! Decides which experiments can run on the loaded model or server.

use llamaglass_lab::Experiment;
use llamaglass_types::ForwardPath;

use crate::state::Loaded;

/// Returns why `experiment` can't be run on `loaded`, or `None` if it can.
pub fn unfit(experiment: Experiment, loaded: Option<&Loaded>) -> Option<&'static str> {
    let Some(loaded) = loaded else {
        return Some("Load a model first.");
    };
    match loaded {
        Loaded::Engine(info) => (experiment == Experiment::Kernels
            && info.path != ForwardPath::Fast)
            .then_some("Kernels are our own on a GPU only; this model runs on the CPU."),
        Loaded::Server(server) => match experiment {
            Experiment::Load => None,
            Experiment::Chain => (!server.model.sends_timings)
                .then_some("This server tells nothing of its steps. A server of Llamaglass does."),
            Experiment::Stats | Experiment::Simulate => {
                Some("A server does not say how many tokens a text has: load a model in this page.")
            }
            Experiment::Bare | Experiment::Ladder | Experiment::Parity | Experiment::Ablate => {
                Some(
                    "A server can\u{2019}t be asked without the layers around its engine: load a model in this page.",
                )
            }
            Experiment::Stub => Some(
                "A server\u{2019}s path can\u{2019}t be cut short from here: load a model in this page.",
            ),
            Experiment::Kernels => {
                Some("A server does not say what its kernels take: load a model in this page.")
            }
        },
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
        let fit = |loaded: &Loaded| -> Vec<Experiment> {
            let fits = |of: &Experiment| unfit(*of, Some(loaded)).is_none();
            Experiment::ALL.into_iter().filter(fits).collect()
        };
        assert_eq!(fit(&server(false)), [Experiment::Load]);
        assert_eq!(fit(&server(true)), [Experiment::Load, Experiment::Chain]);
        assert!(Experiment::ALL.iter().all(|of| unfit(*of, None).is_some()));
    }
}
